// Linear regression with the squared error.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// l(z, y) = (z - y)^2, so that Reduction::mean gives the mean squared error
/// 1/N sum (y - w'x)^2 with gradient -2/N sum (y - w'x) x and Hessian 2/N sum x x'.
struct LinearRegression {
    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        return math::square(z[0] - y);
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        const auto r = z[0] - y;
        g[0] = r + r;
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z&, const Y&, H& h) const {
        h(0, 0) = scalar_t<Z>(2.0);
    }

    // Of the normal distribution.
    static constexpr bool has_dispersion = true;
    static constexpr double likelihood_factor = 2;
    double deviance(const double* z, double y) const { return math::square(y - z[0]); }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        constexpr double two_pi = 6.28318530717958647692528676655900577;
        const double variance = dispersion / weight;
        return -0.5 * (math::log(two_pi * variance) + deviance(z, y) / variance);
    }
    double mean(double z) const { return z; }
    double mean_slope(double) const { return 1; }
    double variance(double) const { return 1; }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, LinearRegression)

}  // namespace cunewton
