// Robust linear regression with a smooth loss.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// With r = z - y: l = delta^2 (sqrt(1 + (r/delta)^2) - 1), which is r^2/2 for small r and delta
/// |r| for large r, with all derivatives (Charbonnier et al. 1997; soft L1). Convex, and strictly
/// so, where Huber's second derivative is 0 or 1.
struct PseudoHuber {
    double delta = 1.345;  ///< > 0

    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T v = (z[0] - y) * T(1.0 / delta), a = abs(v);
        // (sqrt(1 + v^2) - 1) = v^2 / (1 + sqrt(1 + v^2)), without its cancellation and overflow.
        return T(delta * delta) * (a * (a / (T(1.0) + root(a))));
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T v = (z[0] - y) * T(1.0 / delta);
        g[0] = T(delta) * (v / root(T(abs(v))));
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T w = T(1.0) / root(T(abs(T((z[0] - y) * T(1.0 / delta)))));
        h(0, 0) = w * w * w;
    }
    const char* check() const {
        return delta > 0 && delta < limits::infinity<double> ? nullptr : "delta is not above 0";
    }

    double mean(double z) const { return z; }
    double mean_slope(double) const { return 1; }

  private:
    /// sqrt(1 + a^2), which is a from where its square would overflow on.
    template <class T>
    CUNEWTON_HOST_DEVICE static T root(const T& a) {
        using namespace math;
        const auto is_large = a > T(1e9);
        return select(is_large, a, sqrt(T(1.0) + square(select(is_large, T(1.0), a))));
    }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, PseudoHuber)

}  // namespace cunewton
