// The formulas of perceptrons, for the CPU's lanes and the GPU's threads alike: activations, and
// losses of the outputs with what products with their Hessians need. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/loss/softmax.h"
#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// activation(z) and its derivatives up to `order`; the others are of any value.
template <Activation activation, int order, class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Expansion<T> expand_activation(const T& z) {
    using namespace math;
    const T zero(0.0), one(1.0);
    if constexpr (activation == Activation::relu) {
        const auto off = z <= zero;  // what is not a number stays so
        return {select(off, zero, z), select(off, zero, one), zero};
    } else if constexpr (activation == Activation::tanh) {
        return expand_tanh<order>(z);
    } else if constexpr (activation == Activation::softplus) {
        const T e = exp(-abs(z)), inverse = one / (one + e);
        return {softplus(z), select(z < zero, e, one) * inverse, e * inverse * inverse};
    } else {
        static_assert(activation == Activation::gelu);
        const T below = T(0.5) * erfc(z * T(-0.707106781186547524400844362104849039L));
        if constexpr (order == 0) return {z * below, zero, zero};
        const T density = T(0.398942280401432677939946059934381868L) * exp(T(-0.5) * z * z);
        // Far out z * z may be infinite where the density is 0.
        const T near = select(density > zero, z, zero);
        return {z * below, below + near * density, density * (T(2.0) - near * near)};
    }
}

/// body.template operator()<activation>() for one that is known at run time.
template <class Body>
void with_activation(Activation activation, const Body& body) {
    switch (activation) {
        case Activation::relu:
            return body.template operator()<Activation::relu>();
        case Activation::tanh:
            return body.template operator()<Activation::tanh>();
        case Activation::softplus:
            return body.template operator()<Activation::softplus>();
        case Activation::gelu:
            return body.template operator()<Activation::gelu>();
    }
}

/// A loss of `outputs` outputs z and `targets` targets y of a sample, all of which are indexed.
/// Beside value and gradient it has moments(z, p): K numbers by which a Hessian with respect to z
/// is known.
template <PerceptronLoss loss>
struct OutputLoss;

/// p are the classes' probabilities.
template <>
struct OutputLoss<PerceptronLoss::softmax_cross_entropy> {
    int outputs, targets;

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto value(const Z& z, const Y& y) const {
        using T = scalar_t<Z>;
        return Softmax{outputs}(z, T(y[0]));
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void gradient(const Z& z, const Y& y, G& g) const {
        using T = scalar_t<Z>;
        Softmax{outputs}.gradient(z, T(y[0]), g);
    }
    template <class Z, class P>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void moments(const Z& z, P& p) const {
        using namespace math;
        using T = scalar_t<Z>;
        T top = z[0], sum(0.0);
        for (int k = 1; k < outputs; ++k) top = maximum(T(z[k]), top);
        for (int k = 0; k < outputs; ++k) sum += exp(z[k] - top);
        const T inverse = T(1.0) / sum;
        for (int k = 0; k < outputs; ++k) p[k] = exp(z[k] - top) * inverse;
    }
    /// u = weight (d2l/dz dz) u = weight p (u - p'u), entry by entry.
    template <class P, class U, class T>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void apply(const P& p, U& u, T weight) const {
        T mean(0.0);
        for (int k = 0; k < outputs; ++k) mean += p[k] * u[k];
        for (int k = 0; k < outputs; ++k) u[k] = weight * (p[k] * (u[k] - mean));
    }
    /// u = R u for R = diag(r) - p r', r the roots of p: R R' = diag(p) - p p', the Hessian.
    template <class P, class U>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void apply_root(const P& p, U& u) const {
        using namespace math;
        using T = decltype(p[0] * p[0]);
        T sum(0.0);
        for (int k = 0; k < outputs; ++k) {
            u[k] = sqrt(T(p[k])) * u[k];
            sum += u[k];
        }
        for (int k = 0; k < outputs; ++k) u[k] = u[k] - p[k] * sum;
    }
};

/// The second derivative is the identity: p is not read. One target of several outputs is a label.
template <>
struct OutputLoss<PerceptronLoss::squared_error> {
    int outputs, targets;

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto value(const Z& z, const Y& y) const {
        using T = scalar_t<Z>;
        T sum(0.0);
        for (int k = 0; k < outputs; ++k) sum += math::square(residual(z, y, k));
        return T(0.5) * sum;
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void gradient(const Z& z, const Y& y, G& g) const {
        for (int k = 0; k < outputs; ++k) g[k] = residual(z, y, k);
    }
    template <class Z, class P>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void moments(const Z&, P&) const {}
    template <class P, class U, class T>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void apply(const P&, U& u, T weight) const {
        for (int k = 0; k < outputs; ++k) u[k] = weight * u[k];
    }

    template <class P, class U>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void apply_root(const P&, U&) const {}

  private:
    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto residual(const Z& z, const Y& y, int k) const {
        using namespace math;
        using T = scalar_t<Z>;
        if (targets == outputs) return T(T(z[k]) - T(y[k]));
        const T label(y[0]);
        return T(T(z[k]) - select(label == T(double(k)), T(1.0), T(0.0)));
    }
};

/// body(OutputLoss{outputs, targets}) for one that is known at run time.
template <class Body>
void with_loss(PerceptronLoss loss, int outputs, int targets, const Body& body) {
    switch (loss) {
        case PerceptronLoss::softmax_cross_entropy:
            return body(OutputLoss<PerceptronLoss::softmax_cross_entropy>{outputs, targets});
        case PerceptronLoss::squared_error:
            return body(OutputLoss<PerceptronLoss::squared_error>{outputs, targets});
    }
}

}  // namespace cunewton
