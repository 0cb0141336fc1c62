// Probit regression.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// l(z, y) = -log Phi((2 y - 1) z) with y in {0, 1}: the negative log-likelihood of P(y = 1) =
/// Phi(z), the standard normal distribution function (McCullagh and Nelder 1989, 4.3). Convex; in
/// both tails as accurate as log_ndtr().
struct Probit {
    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        return -log_ndtr(T((Y(2.0) * y - Y(1.0)) * z[0]));
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T side = T(Y(2.0) * y - Y(1.0));
        g[0] = -(side * expand_log_ndtr<1>(T(side * z[0])).f1);
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        h(0, 0) = -expand_log_ndtr<2>(T((Y(2.0) * y - Y(1.0)) * z[0])).f2;
    }
    const char* check_target(double y) const {
        return y == 0 || y == 1 ? nullptr : "probit regression needs targets 0 or 1";
    }

    // Of the Bernoulli distribution.
    double deviance(const double* z, double y) const {
        return -2 * math::log_ndtr((2 * y - 1) * z[0]);
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        return -0.5 * deviance(z, y) * weight / dispersion;
    }
    double mean(double z) const {
        return 0.5 * math::erfc(-0.707106781186547524400844362104849039 * z);
    }
    double mean_slope(double z) const {
        return 0.398942280401432677939946059934381868 * math::exp(-0.5 * z * z);
    }
    double variance(double mean) const { return mean * (1 - mean); }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, Probit)

}  // namespace cunewton
