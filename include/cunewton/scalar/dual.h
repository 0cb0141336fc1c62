// (Compiled in the user's file.) Forward-mode automatic differentiation: first order (Dual) and
// second order (HyperDual).
//
// Both are templates on the underlying scalar T, which may itself be a SIMD Pack: then every lane
// carries its own direction (or pair of directions). A functor that is generic in its scalar gives
// exact derivatives by being called with these types; nothing is differenced.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// v + d*e with e^2 = 0: a value and one directional derivative (Wengert 1964).
template <class T>
struct Dual {
    using Underlying = T;
    static constexpr int order = 1;

    T v;  ///< value
    T d;  ///< derivative along the seeded direction

    Dual() = default;
    /// A constant: any number.
    template <class Number>
    requires(std::is_arithmetic_v<Number> &&
             !std::same_as<Number, T>) CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE
        explicit(!std::convertible_to<Number, T>) Dual(Number value)
        : v(T(value)), d(T(0.0)) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual(const T& value) : v(value), d(T(0.0)) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual(const T& value, const T& derivative)
        : v(value), d(derivative) {}

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual operator-() const { return {-v, -d}; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual plus(const Dual& b) const {
        return {v + b.v, d + b.d};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual minus(const Dual& b) const {
        return {v - b.v, d - b.d};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual times(const Dual& b) const {
        return {v * b.v, v * b.d + d * b.v};
    }
    /// this + c for a constant c, which carries no derivative.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual shifted(const T& c) const {
        return {v + c, d};
    }
    /// this * c for a constant c.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual scaled(const T& c) const {
        return {v * c, d * c};
    }
    /// The chain rule for a function of this.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual chain(const Expansion<T>& e) const {
        return {e.f, e.f1 * d};
    }
    /// The same, and 0 where d is, whatever the slope.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual edge_chain(const Expansion<T>& e) const {
        return {e.f, derivative_product(e.f1, d)};
    }
    /// The same for a function of this and b.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual edge_chain(const Dual& b,
                                                                const Expansion2<T>& e) const {
        return {e.f, derivative_product(e.fa, d) + derivative_product(e.fb, b.d)};
    }
    template <class Mask>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE Dual select(const Mask& m, const Dual& a,
                                                                   const Dual& b) {
        using math::select;
        return {select(m, a.v, b.v), select(m, a.d, b.d)};
    }
};

/// v + d1*e1 + d2*e2 + d12*e1*e2 with e1^2 = e2^2 = 0: a value, two directional derivatives and the
/// mixed second derivative, all exact (Fike and Alonso, AIAA 2011-886).
template <class T>
struct HyperDual {
    using Underlying = T;
    static constexpr int order = 2;

    T v;    ///< value
    T d1;   ///< derivative along the first direction
    T d2;   ///< derivative along the second direction
    T d12;  ///< mixed second derivative along both

    HyperDual() = default;
    /// A constant: any number.
    template <class Number>
    requires(std::is_arithmetic_v<Number> &&
             !std::same_as<Number, T>) CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE
        explicit(!std::convertible_to<Number, T>) HyperDual(Number value)
        : v(T(value)), d1(T(0.0)), d2(T(0.0)), d12(T(0.0)) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual(const T& value)
        : v(value), d1(T(0.0)), d2(T(0.0)), d12(T(0.0)) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual(const T& value, const T& first,
                                                          const T& second, const T& mixed)
        : v(value), d1(first), d2(second), d12(mixed) {}

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual operator-() const {
        return {-v, -d1, -d2, -d12};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual plus(const HyperDual& b) const {
        return {v + b.v, d1 + b.d1, d2 + b.d2, d12 + b.d12};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual minus(const HyperDual& b) const {
        return {v - b.v, d1 - b.d1, d2 - b.d2, d12 - b.d12};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual times(const HyperDual& b) const {
        return {v * b.v, v * b.d1 + d1 * b.v, v * b.d2 + d2 * b.v,
                v * b.d12 + d1 * b.d2 + d2 * b.d1 + d12 * b.v};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual shifted(const T& c) const {
        return {v + c, d1, d2, d12};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual scaled(const T& c) const {
        return {v * c, d1 * c, d2 * c, d12 * c};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual chain(const Expansion<T>& e) const {
        return {e.f, e.f1 * d1, e.f1 * d2, e.f2 * d1 * d2 + e.f1 * d12};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual edge_chain(const Expansion<T>& e) const {
        return {e.f, derivative_product(e.f1, d1), derivative_product(e.f1, d2),
                derivative_product(e.f2, d1, d2) + derivative_product(e.f1, d12)};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual edge_chain(const HyperDual& b,
                                                                     const Expansion2<T>& e) const {
        return {e.f, derivative_product(e.fa, d1) + derivative_product(e.fb, b.d1),
                derivative_product(e.fa, d2) + derivative_product(e.fb, b.d2),
                derivative_product(e.faa, d1, d2) +
                    (derivative_product(e.fab, d1, b.d2) + derivative_product(e.fab, b.d1, d2)) +
                    derivative_product(e.fbb, b.d1, b.d2) + derivative_product(e.fa, d12) +
                    derivative_product(e.fb, b.d12)};
    }
    template <class Mask>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE HyperDual select(const Mask& m,
                                                                        const HyperDual& a,
                                                                        const HyperDual& b) {
        using math::select;
        return {select(m, a.v, b.v), select(m, a.d1, b.d1), select(m, a.d2, b.d2),
                select(m, a.d12, b.d12)};
    }
};

template <class T>
struct RealOf<Dual<T>> : RealOf<T> {};
template <class T>
struct RealOf<HyperDual<T>> : RealOf<T> {};

/// Dual or HyperDual.
template <class D>
concept DualNumber = std::same_as<D, Dual<typename D::Underlying>> ||
    std::same_as<D, HyperDual<typename D::Underlying>>;

/// What combines with a dual number D without carrying a derivative: a number, or D's own scalar.
template <class S, class D>
concept ConstantFor = std::is_arithmetic_v<S> || std::same_as<S, typename D::Underlying>;

#define CUNEWTON_DUAL_OPERATOR \
    template <DualNumber D>    \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE
#define CUNEWTON_DUAL_CONSTANT_OPERATOR       \
    template <DualNumber D, ConstantFor<D> S> \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE

/// 1/x.
CUNEWTON_DUAL_OPERATOR D reciprocal(const D& x) {
    return x.chain(math::expand_reciprocal<D::order>(x.v));
}

CUNEWTON_DUAL_OPERATOR D operator+(const D& a, const D& b) {
    return a.plus(b);
}
CUNEWTON_DUAL_OPERATOR D operator-(const D& a, const D& b) {
    return a.minus(b);
}
CUNEWTON_DUAL_OPERATOR D operator*(const D& a, const D& b) {
    return a.times(b);
}
CUNEWTON_DUAL_OPERATOR D operator/(const D& a, const D& b) {
    return a.times(reciprocal(b));
}

CUNEWTON_DUAL_CONSTANT_OPERATOR D operator+(const D& a, const S& c) {
    return a.shifted(typename D::Underlying(c));
}
CUNEWTON_DUAL_CONSTANT_OPERATOR D operator+(const S& c, const D& a) {
    return a.shifted(typename D::Underlying(c));
}
CUNEWTON_DUAL_CONSTANT_OPERATOR D operator-(const D& a, const S& c) {
    return a.shifted(-typename D::Underlying(c));
}
CUNEWTON_DUAL_CONSTANT_OPERATOR D operator-(const S& c, const D& a) {
    return (-a).shifted(typename D::Underlying(c));
}
CUNEWTON_DUAL_CONSTANT_OPERATOR D operator*(const D& a, const S& c) {
    return a.scaled(typename D::Underlying(c));
}
CUNEWTON_DUAL_CONSTANT_OPERATOR D operator*(const S& c, const D& a) {
    return a.scaled(typename D::Underlying(c));
}
CUNEWTON_DUAL_CONSTANT_OPERATOR D operator/(const D& a, const S& c) {
    using T = typename D::Underlying;
    return a.scaled(T(1.0) / T(c));
}
CUNEWTON_DUAL_CONSTANT_OPERATOR D operator/(const S& c, const D& a) {
    return reciprocal(a).scaled(typename D::Underlying(c));
}

template <DualNumber D, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D& operator+=(D& a, const S& b) {
    return a = a + b;
}
template <DualNumber D, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D& operator-=(D& a, const S& b) {
    return a = a - b;
}
template <DualNumber D, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D& operator*=(D& a, const S& b) {
    return a = a * b;
}
template <DualNumber D, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D& operator/=(D& a, const S& b) {
    return a = a / b;
}

// Comparisons look at the value alone; under a Pack they give a mask.
#define CUNEWTON_DUAL_COMPARISON(op)                                           \
    CUNEWTON_DUAL_OPERATOR auto operator op(const D& a, const D& b) {          \
        return a.v op b.v;                                                     \
    }                                                                          \
    CUNEWTON_DUAL_CONSTANT_OPERATOR auto operator op(const D& a, const S& c) { \
        return a.v op typename D::Underlying(c);                               \
    }                                                                          \
    CUNEWTON_DUAL_CONSTANT_OPERATOR auto operator op(const S& c, const D& a) { \
        return typename D::Underlying(c) op a.v;                               \
    }
CUNEWTON_DUAL_COMPARISON(<)
CUNEWTON_DUAL_COMPARISON(>)
CUNEWTON_DUAL_COMPARISON(<=)
CUNEWTON_DUAL_COMPARISON(>=)
CUNEWTON_DUAL_COMPARISON(==)
CUNEWTON_DUAL_COMPARISON(!=)
#undef CUNEWTON_DUAL_COMPARISON

namespace math {

template <DualNumber D, class Mask>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D select(const Mask& m, const D& a, const D& b) {
    return D::select(m, a, b);
}
template <class Mask, DualNumber D, ConstantFor<D> S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D select(const Mask& m, const D& a, const S& c) {
    return D::select(m, a, D(typename D::Underlying(c)));
}
template <class Mask, DualNumber D, ConstantFor<D> S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D select(const Mask& m, const S& c, const D& a) {
    return D::select(m, D(typename D::Underlying(c)), a);
}

#define CUNEWTON_DUAL_FUNCTION(name, chain)           \
    CUNEWTON_DUAL_OPERATOR D name(const D& x) {       \
        return x.chain(expand_##name<D::order>(x.v)); \
    }
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_DUAL_FUNCTION)
#undef CUNEWTON_DUAL_FUNCTION

#define CUNEWTON_DUAL_FUNCTION(name)                                           \
    CUNEWTON_DUAL_OPERATOR D name(const D& a, const D& b) {                    \
        return a.edge_chain(b, expand_##name<D::order, true, true>(a.v, b.v)); \
    }                                                                          \
    CUNEWTON_DUAL_CONSTANT_OPERATOR D name(const D& a, const S& b) {           \
        using T = typename D::Underlying;                                      \
        const auto e = expand_##name<D::order, true, false>(a.v, T(b));        \
        return a.edge_chain(Expansion<T>{e.f, e.fa, e.faa});                   \
    }                                                                          \
    CUNEWTON_DUAL_CONSTANT_OPERATOR D name(const S& a, const D& b) {           \
        using T = typename D::Underlying;                                      \
        const auto e = expand_##name<D::order, false, true>(T(a), b.v);        \
        return b.edge_chain(Expansion<T>{e.f, e.fb, e.fbb});                   \
    }
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_DUAL_FUNCTION)
#undef CUNEWTON_DUAL_FUNCTION

}  // namespace math

// Found by argument-dependent lookup too, for functors that say `using std::exp;` and call exp(x).
#define CUNEWTON_FOUND_BY_LOOKUP(name, ...) using math::name;
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_FOUND_BY_LOOKUP)
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_FOUND_BY_LOOKUP)
#undef CUNEWTON_FOUND_BY_LOOKUP
using math::select;

#undef CUNEWTON_DUAL_OPERATOR
#undef CUNEWTON_DUAL_CONSTANT_OPERATOR

}  // namespace cunewton
