// Quantile regression, smoothed.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// With r = y - z: l = tau r + s log(1 + e^(-r/s)), Koenker and Bassett's check loss r (tau - [r <
/// 0]) (1978) convolved with a logistic density of scale s (Fernandes, Guerre and Horta 2021; He,
/// Pan, Tan and Zhou 2023). It is above the check loss by at most s log 2, at r = 0, and convex.
/// What is estimated is the tau-quantile of y plus logistic noise of scale s: for a normal y of
/// standard deviation sigma and the median no bias, else one of order s^2 / sigma.
struct SmoothQuantile {
    double tau = 0.5;    ///< in (0, 1); 1/2: the median
    double scale = 0.1;  ///< s > 0, in the unit of the targets: some hundredths of their spread

    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        // Of whichever of the two terms is not 0: no cancellation far from y.
        const T d = z[0] - y, size = abs(d);
        const T slope = select(d < T(0.0), T(tau), T(1.0 - tau));
        return slope * size + T(scale) * log1p(exp(-size * T(1.0 / scale)));
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T d = z[0] - y, e = exp(-abs(d) * T(1.0 / scale));
        const T tail = e / (T(1.0) + e);
        g[0] = select(d > T(0.0), T(1.0 - tau) - tail, tail - T(tau));
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T e = exp(-abs(T(z[0] - y)) * T(1.0 / scale));
        h(0, 0) = e / square(T(1.0) + e) * T(1.0 / scale);
    }
    const char* check() const {
        if (!(tau > 0 && tau < 1)) return "tau is not between 0 and 1";
        return scale > 0 && scale < limits::infinity<double> ? nullptr : "scale is not above 0";
    }

    /// Not the mean of y, but its quantile.
    double mean(double z) const { return z; }
    double mean_slope(double) const { return 1; }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, SmoothQuantile)

}  // namespace cunewton
