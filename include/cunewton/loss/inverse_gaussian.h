// Inverse Gaussian regression with the logarithm as link.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// l(z, y) = (y - m)^2 / (2 y m^2) with m = e^z and y > 0: the negative log-likelihood, times the
/// dispersion, of an inverse Gaussian distribution with mean m and variance dispersion m^3, without
/// constants (McCullagh and Nelder 1989, table 2.1). Not convex: the curvature is negative where m
/// > 2 y, and l tends to 1 / (2 y) for large z.
struct InverseGaussian {
    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        return T(0.5) * square(T(y * exp(-z[0]) - T(1.0))) / y;
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T e = exp(-z[0]);
        g[0] = e * (T(1.0) - y * e);
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T e = exp(-z[0]);
        h(0, 0) = e * (T(2.0) * y * e - T(1.0));
    }
    const char* check_target(double y) const {
        return y > 0 ? nullptr : "inverse Gaussian regression needs targets > 0";
    }

    static constexpr bool has_dispersion = true;
    double deviance(const double* z, double y) const {
        return math::square(y * math::exp(-z[0]) - 1) / y;
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        constexpr double two_pi = 6.28318530717958647692528676655900577;
        const double own = dispersion / weight;
        return -0.5 * (math::log(two_pi * own) + 3 * math::log(y) + deviance(z, y) / own);
    }
    double mean(double z) const { return math::exp(z); }
    double mean_slope(double z) const { return math::exp(z); }
    double variance(double mean) const { return mean * mean * mean; }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, InverseGaussian)

}  // namespace cunewton
