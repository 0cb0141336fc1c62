// Multi-class logistic regression.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/views.h"

namespace cunewton {

/// l(z, y) = log sum_k e^{z_k} - z_y for a class y in 0..classes-1. With p = softmax(z): gradient
/// p_k - [k = y], second derivatives p_k ([k = l] - p_l) (Bishop 2006, section 4.3.4). Adding the
/// same number to every z_k changes nothing: without a penalty the Hessian is singular.
struct Softmax {
    int classes = 2;

    static constexpr bool shift_invariant = true;
    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return classes; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T top = largest(z);
        T others(0.0), chosen(0.0);
        for (int k = 0; k < classes; ++k) {
            const T zk = z[k];
            const auto is_y = y == Y(double(k));
            others += select(is_y, T(0.0), exp(zk - top));
            chosen = select(is_y, zk, chosen);
        }
        // log(e^{z_y} + others), of whose digits none is lost where the loss is small.
        return log1p(others + expm1(chosen - top)) + (top - chosen);
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T top = largest(z);
        const T inverse = inverse_sum(z, top);
        T others(0.0);
        for (int k = 0; k < classes; ++k)
            others += select(y == Y(double(k)), T(0.0), exp(z[k] - top) * inverse);
        for (int k = 0; k < classes; ++k)
            g[k] = select(y == Y(double(k)), -others, exp(z[k] - top) * inverse);
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y&, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T top = largest(z);
        const T inverse = inverse_sum(z, top);
        for (int k = 0; k < classes; ++k) {
            const T pk = exp(z[k] - top) * inverse;
            for (int l = 0; l < k; ++l) h(k, l) = -(pk * (exp(z[l] - top) * inverse));
            h(k, k) = pk * (T(1.0) - pk);
        }
    }
    const char* check_target(double y) const {
        const bool valid = y >= 0 && y < classes && y == static_cast<int>(y);
        return valid ? nullptr : "softmax regression needs whole targets 0 .. classes - 1";
    }

    // Of the categorical distribution.
    double deviance(const double* z, double y) const {
        return 2 * (*this)(VectorView<const double>{z, classes}, y);
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        return -0.5 * deviance(z, y) * weight / dispersion;
    }

  private:
    template <class Z>
    CUNEWTON_HOST_DEVICE scalar_t<Z> largest(const Z& z) const {
        scalar_t<Z> top = z[0];
        for (int k = 1; k < classes; ++k) top = math::maximum(scalar_t<Z>(z[k]), top);
        return top;
    }
    template <class Z>
    CUNEWTON_HOST_DEVICE scalar_t<Z> inverse_sum(const Z& z, const scalar_t<Z>& top) const {
        using namespace math;
        using T = scalar_t<Z>;
        T sum(0.0);
        for (int k = 0; k < classes; ++k) sum += exp(z[k] - top);
        return T(1.0) / sum;
    }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, Softmax)

}  // namespace cunewton
