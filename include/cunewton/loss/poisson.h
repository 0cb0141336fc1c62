// Poisson regression.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/special.h"

namespace cunewton {

/// l(z, y) = e^z - y z with counts y >= 0: the negative log-likelihood of a Poisson distribution
/// with mean e^z, without the constant log y! (McCullagh and Nelder 1989, ch. 6).
struct Poisson {
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        const auto z0 = z[0];
        return exp(z0) - y * z0;
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        g[0] = exp(z[0]) - y;
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y&, H& h) const {
        using namespace math;
        h(0, 0) = exp(z[0]);
    }
    const char* check_target(double y) const {
        return y >= 0 ? nullptr : "Poisson regression needs targets >= 0";
    }

    double deviance(const double* z, double y) const {
        if (y == 0) return 2 * math::exp(z[0]);
        const double t = z[0] - math::log(y);
        return 2 * y * (math::expm1(t) - t);
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        return (y * z[0] - math::exp(z[0]) - math::lgamma(y + 1)) * weight / dispersion;
    }
    double mean(double z) const { return math::exp(z); }
    double mean_slope(double z) const { return math::exp(z); }
    double variance(double mean) const { return mean; }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, Poisson)

}  // namespace cunewton
