// Logistic regression.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// l(z, y) = log(1 + e^z) - y z with y in {0, 1}: the negative log-likelihood of P(y = 1) = p =
/// 1 / (1 + e^-z). Gradient p - y, second derivative p (1 - p) (McCullagh and Nelder 1989, ch. 4).
struct Logistic {
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        // log(1 + e^-m) with the margin m = +-z: of a small loss no digit is lost.
        return math::softplus((Y(1.0) - Y(2.0) * y) * z[0]);
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using T = scalar_t<Z>;
        const T side = T(Y(1.0) - Y(2.0) * y);
        g[0] = side * probability(T(side * z[0]));
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y&, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        // p (1 - p) = e / (1 + e)^2 with e = exp(-|z|): no cancellation for large |z|.
        const T e = exp(-abs(T(z[0])));
        h(0, 0) = e / square(T(1.0) + e);
    }
    /// 1 / (1 + e^-z) without overflow.
    template <class T>
    CUNEWTON_HOST_DEVICE static T probability(const T& z) {
        using namespace math;
        const T e = exp(-abs(z));
        return select(z < T(0.0), e, T(1.0)) / (T(1.0) + e);
    }
    const char* check_target(double y) const {
        return y == 0 || y == 1 ? nullptr : "logistic regression needs targets 0 or 1";
    }

    // Of the Bernoulli distribution.
    double deviance(const double* z, double y) const {
        return 2 * math::softplus((1 - 2 * y) * z[0]);
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        return -0.5 * deviance(z, y) * weight / dispersion;
    }
    double mean(double z) const { return probability(z); }
    double mean_slope(double z) const { return probability(z) * probability(-z); }
    double variance(double mean) const { return mean * (1 - mean); }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, Logistic)

}  // namespace cunewton
