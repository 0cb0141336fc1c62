// Forward-mode automatic differentiation: first order (Dual) and second order (HyperDual).
//
// Both are templates on the underlying scalar T, which may itself be a SIMD Pack: then every lane
// carries its own direction (or pair of directions). A functor that is generic in its scalar gives
// exact derivatives by being called with these types; nothing is differenced.
#pragma once

#include <concepts>
#include <type_traits>

#include "cunewton/math/macros.h"
#include "cunewton/math/scalar.h"

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
        requires(std::is_arithmetic_v<Number> && !std::same_as<Number, T>)
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE explicit(!std::convertible_to<Number, T>)
        Dual(Number value)
        : v(T(value)), d(T(0.0)) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual(const T& value)
        : v(value), d(T(0.0)) {}
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
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual shifted(const T& c) const { return {v + c, d}; }
    /// this * c for a constant c.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual scaled(const T& c) const {
        return {v * c, d * c};
    }
    /// The chain rule: f, f1, f2 are a function's value and its first two derivatives at v.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual chain(const T& f, const T& f1,
                                                           const T& /*f2*/) const {
        return {f, f1 * d};
    }
    /// The chain rule for f(this, b): its value and its derivatives by the first argument (fa,
    /// faa), the second (fb, fbb) and both (fab).
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Dual chain(const Dual& b, const T& f, const T& fa,
                                                           const T& fb, const T& /*faa*/,
                                                           const T& /*fab*/,
                                                           const T& /*fbb*/) const {
        return {f, fa * d + fb * b.d};
    }
    /// Where no derivative is carried.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto constant() const { return d == T(0.0); }
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
        requires(std::is_arithmetic_v<Number> && !std::same_as<Number, T>)
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE explicit(!std::convertible_to<Number, T>)
        HyperDual(Number value)
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
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual chain(const T& f, const T& f1,
                                                                const T& f2) const {
        return {f, f1 * d1, f1 * d2, f2 * d1 * d2 + f1 * d12};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE HyperDual
    chain(const HyperDual& b, const T& f, const T& fa, const T& fb, const T& faa, const T& fab,
          const T& fbb) const {
        return {f, fa * d1 + fb * b.d1, fa * d2 + fb * b.d2,
                faa * d1 * d2 + fab * (d1 * b.d2 + b.d1 * d2) + fbb * b.d1 * b.d2 + fa * d12 +
                    fb * b.d12};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto constant() const {
        return d1 == T(0.0) && d2 == T(0.0) && d12 == T(0.0);
    }
    template <class Mask>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE HyperDual
    select(const Mask& m, const HyperDual& a, const HyperDual& b) {
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
#define CUNEWTON_DUAL_CONSTANT_OPERATOR         \
    template <DualNumber D, ConstantFor<D> S>   \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE

/// 1/x.
CUNEWTON_DUAL_OPERATOR D reciprocal(const D& x) {
    using T = typename D::Underlying;
    const T f = T(1.0) / x.v;
    const T f1 = -(f * f);
    return x.chain(f, f1, T(-2.0) * f1 * f);
}

CUNEWTON_DUAL_OPERATOR D operator+(const D& a, const D& b) { return a.plus(b); }
CUNEWTON_DUAL_OPERATOR D operator-(const D& a, const D& b) { return a.minus(b); }
CUNEWTON_DUAL_OPERATOR D operator*(const D& a, const D& b) { return a.times(b); }
CUNEWTON_DUAL_OPERATOR D operator/(const D& a, const D& b) { return a.times(reciprocal(b)); }

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
CUNEWTON_DUAL_OPERATOR auto operator<(const D& a, const D& b) { return a.v < b.v; }
CUNEWTON_DUAL_OPERATOR auto operator>(const D& a, const D& b) { return a.v > b.v; }
CUNEWTON_DUAL_OPERATOR auto operator<=(const D& a, const D& b) { return a.v <= b.v; }
CUNEWTON_DUAL_OPERATOR auto operator>=(const D& a, const D& b) { return a.v >= b.v; }

namespace math {

template <DualNumber D, class Mask>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE D select(const Mask& m, const D& a, const D& b) {
    return D::select(m, a, b);
}

CUNEWTON_DUAL_OPERATOR D exp(const D& x) {
    const auto f = exp(x.v);
    return x.chain(f, f, f);
}
CUNEWTON_DUAL_OPERATOR D expm1(const D& x) {
    const auto f = expm1(x.v);
    const auto f1 = f + typename D::Underlying(1.0);
    return x.chain(f, f1, f1);
}
CUNEWTON_DUAL_OPERATOR D log(const D& x) {
    using T = typename D::Underlying;
    const T f1 = T(1.0) / x.v;
    return x.chain(log(x.v), f1, -(f1 * f1));
}
CUNEWTON_DUAL_OPERATOR D log1p(const D& x) {
    using T = typename D::Underlying;
    const T f1 = T(1.0) / (T(1.0) + x.v);
    return x.chain(log1p(x.v), f1, -(f1 * f1));
}
CUNEWTON_DUAL_OPERATOR D sqrt(const D& x) {
    using T = typename D::Underlying;
    const T f = sqrt(x.v);
    const T f1 = T(0.5) / f;
    return x.chain(f, f1, T(-0.5) * f1 / x.v);
}
CUNEWTON_DUAL_OPERATOR D sin(const D& x) {
    const auto s = sin(x.v);
    return x.chain(s, cos(x.v), -s);
}
CUNEWTON_DUAL_OPERATOR D cos(const D& x) {
    const auto c = cos(x.v);
    return x.chain(c, -sin(x.v), -c);
}
CUNEWTON_DUAL_OPERATOR D tanh(const D& x) {
    using T = typename D::Underlying;
    const T t = tanh(x.v);
    const T f1 = T(1.0) - t * t;
    return x.chain(t, f1, T(-2.0) * t * f1);
}
CUNEWTON_DUAL_OPERATOR D atan(const D& x) {
    using T = typename D::Underlying;
    const T f1 = T(1.0) / (T(1.0) + x.v * x.v);
    return x.chain(atan(x.v), f1, T(-2.0) * x.v * (f1 * f1));
}

/// c x^(c-1): zero for c == 0, also where the power is infinite.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T power_slope(const T& x, const T& c) {
    return select(c == T(0.0), T(0.0), c * pow(x, c - T(1.0)));
}
/// c (c-1) x^(c-2): zero for c == 0 and c == 1.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T power_curvature(const T& x, const T& c) {
    const T factor = c * (c - T(1.0));
    return select(factor == T(0.0), T(0.0), factor * pow(x, c - T(2.0)));
}
/// x^c for a constant c. Powers of x rather than quotients by it, so that the derivatives which
/// exist at x == 0 are right there.
CUNEWTON_DUAL_CONSTANT_OPERATOR D pow(const D& x, const S& exponent) {
    using T = typename D::Underlying;
    const T c = T(exponent);
    T curvature = T(0.0);
    if constexpr (D::order == 2) curvature = power_curvature(x.v, c);
    return x.chain(pow(x.v, c), power_slope(x.v, c), curvature);
}
/// a^b = exp(b log a). Along directions in which b is constant it is pow(a, constant), whatever the
/// sign of a; at a == 0 the terms with log a have their limits for b > 1.
CUNEWTON_DUAL_OPERATOR D pow(const D& a, const D& b) {
    using T = typename D::Underlying;
    const T f = pow(a.v, b.v);
    const T logarithm = log(select(b.constant() || a.v == T(0.0), T(1.0), a.v));
    const T fa = power_slope(a.v, b.v), fb = f * logarithm;
    T faa = T(0.0), fab = T(0.0);
    if constexpr (D::order == 2) {
        faa = power_curvature(a.v, b.v);
        const T slope = pow(a.v, b.v - T(1.0));
        fab = select(b.constant(), T(0.0), slope + fa * logarithm);
    }
    return a.chain(b, f, fa, fb, faa, fab, fb * logarithm);
}
/// c^b for a constant c.
CUNEWTON_DUAL_CONSTANT_OPERATOR D pow(const S& base, const D& b) {
    using T = typename D::Underlying;
    const T c = T(base);
    const T f = pow(c, b.v);
    const T logarithm = log(select(b.constant() || c == T(0.0), T(1.0), c));
    const T f1 = f * logarithm;
    return b.chain(f, f1, f1 * logarithm);
}
CUNEWTON_DUAL_OPERATOR D abs(const D& x) { return select(x.v < typename D::Underlying(0.0), -x, x); }

}  // namespace math

// Found by argument-dependent lookup too, for functors that say `using std::exp;` and call exp(x).
using math::abs;
using math::atan;
using math::cos;
using math::exp;
using math::expm1;
using math::log;
using math::log1p;
using math::pow;
using math::select;
using math::sin;
using math::sqrt;
using math::tanh;

}  // namespace cunewton
