// Gamma regression with the logarithm as link.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/special.h"

namespace cunewton {

/// l(z, y) = z + y e^-z with y > 0: the negative log-likelihood, times the dispersion, of a gamma
/// distribution with mean e^z and variance dispersion e^2z, without constants (McCullagh and Nelder
/// 1989, ch. 8). Convex.
struct Gamma {
    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        const auto z0 = z[0];
        return z0 + y * exp(-z0);
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        g[0] = T(1.0) - y * exp(-z[0]);
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        h(0, 0) = y * exp(-z[0]);
    }
    const char* check_target(double y) const {
        return y > 0 ? nullptr : "gamma regression needs targets > 0";
    }

    static constexpr bool has_dispersion = true;
    double deviance(const double* z, double y) const {
        const double t = math::log(y) - z[0];
        return 2 * (math::expm1(t) - t);
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        const double shape = weight / dispersion, t = math::log(y) - z[0];
        return shape * (math::log(shape) + t - math::exp(t)) - math::lgamma(shape) - math::log(y);
    }
    double mean(double z) const { return math::exp(z); }
    double mean_slope(double z) const { return math::exp(z); }
    double variance(double mean) const { return mean * mean; }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, Gamma)

}  // namespace cunewton
