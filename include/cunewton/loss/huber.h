// Robust linear regression.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// With r = z - y: l = r^2/2 for |r| <= delta, delta (|r| - delta/2) beyond (Huber 1964). The
/// second derivative is 1 inside and 0 outside, also on the outer side of the two kinks.
struct Huber {
    double delta = 1.345;  ///< > 0; 95% efficiency at the normal distribution for unit variance

    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T size = abs(T(z[0] - y));
        const T inner = select(size > T(delta), T(delta), size);
        // inner (size - inner/2) is both branches in one.
        return inner * (size - T(0.5) * inner);
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T r = z[0] - y;
        g[0] = select(r > T(delta), T(delta), select(r < T(-delta), T(-delta), r));
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        h(0, 0) = select(abs(T(z[0] - y)) > T(delta), T(0.0), T(1.0));
    }

    double mean(double z) const { return z; }
    double mean_slope(double) const { return 1; }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, Huber)

}  // namespace cunewton
