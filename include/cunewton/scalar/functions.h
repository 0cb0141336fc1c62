// (Compiled in the user's file.) The table of derivatives: every function of math, its value and
// its first two derivatives. Dual, HyperDual and Jet take them from here.
//
// expand_f<order>(x) computes what a number that carries derivatives up to `order` needs, in terms
// of f and its like on x's own type. CUNEWTON_FUNCTIONS_OF_ONE and _OF_TWO list the functions.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/special.h"

/// X(function, chain): `chain` where the derivatives are finite wherever the function is;
/// `edge_chain` where they may be infinite, see derivative_product().
#define CUNEWTON_FUNCTIONS_OF_ONE(X) \
    X(abs, chain)                    \
    X(acos, edge_chain)              \
    X(asin, edge_chain)              \
    X(atan, chain)                   \
    X(cbrt, edge_chain)              \
    X(ceil, chain)                   \
    X(cos, chain)                    \
    X(cosh, chain)                   \
    X(digamma, chain)                \
    X(erf, chain)                    \
    X(erfc, chain)                   \
    X(erfinv, chain)                 \
    X(exp, chain)                    \
    X(exp2, chain)                   \
    X(expm1, chain)                  \
    X(floor, chain)                  \
    X(lgamma, chain)                 \
    X(log, chain)                    \
    X(log10, chain)                  \
    X(log1p, chain)                  \
    X(log2, chain)                   \
    X(log_ndtr, chain)               \
    X(round, chain)                  \
    X(sin, chain)                    \
    X(sinh, chain)                   \
    X(sqrt, edge_chain)              \
    X(tan, chain)                    \
    X(tanh, chain)                   \
    X(trunc, chain)

#define CUNEWTON_FUNCTIONS_OF_TWO(X) X(atan2) X(hypot) X(pow) X(xlogy)

namespace cunewton {

/// A function at a point x: its value and its derivatives.
template <class T>
struct Expansion {
    T f, f1, f2;
};

/// A function at a point (a, b): its value and its derivatives by a, by b and by both.
template <class T>
struct Expansion2 {
    T f, fa, fb, faa, fab, fbb;
};

/// slope * d, where d is a number's derivative: 0 where that is 0, also if the slope is infinite.
/// The square root of a constant 0 is a constant.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T derivative_product(const T& slope, const T& d) {
    using math::select;
    return select(d == T(0.0), T(0.0), slope * d);
}
/// curvature * d1 * d2, likewise.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T derivative_product(const T& curvature, const T& d1,
                                                                 const T& d2) {
    using math::select;
    return select(d1 == T(0.0) || d2 == T(0.0), T(0.0), curvature * d1 * d2);
}

namespace math {

#define CUNEWTON_EXPANSION        \
    template <int order, class T> \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Expansion<T>

/// The derivative at 0 is taken from the right.
CUNEWTON_EXPANSION expand_abs(const T& x) {
    return {abs(x), select(x < T(0.0), T(-1.0), T(1.0)), T(0.0)};
}
CUNEWTON_EXPANSION expand_acos(const T& x) {
    const T f1 = T(-1.0) / sqrt((T(1.0) - x) * (T(1.0) + x));
    return {acos(x), f1, x * (f1 * f1 * f1)};
}
CUNEWTON_EXPANSION expand_asin(const T& x) {
    const T f1 = T(1.0) / sqrt((T(1.0) - x) * (T(1.0) + x));
    return {asin(x), f1, x * (f1 * f1 * f1)};
}
CUNEWTON_EXPANSION expand_atan(const T& x) {
    const T f1 = T(1.0) / (T(1.0) + x * x);
    return {atan(x), f1, T(-2.0) * x * (f1 * f1)};
}
CUNEWTON_EXPANSION expand_cbrt(const T& x) {
    const T f = cbrt(x), f1 = T(1.0 / 3) / (f * f);
    return {f, f1, T(-2.0 / 3) * f1 / x};
}
CUNEWTON_EXPANSION expand_ceil(const T& x) {
    return {ceil(x), T(0.0), T(0.0)};
}
CUNEWTON_EXPANSION expand_cos(const T& x) {
    T s, c;
    sine_and_cosine(x, s, c);
    return {c, -s, -c};
}
CUNEWTON_EXPANSION expand_cosh(const T& x) {
    const T f = cosh(x);
    return {f, sinh(x), f};
}
CUNEWTON_EXPANSION expand_digamma(const T& x) {
    Expansion<T> e{digamma(x), polygamma<1>(x), T(0.0)};
    if constexpr (order == 2) e.f2 = polygamma<2>(x);
    return e;
}
CUNEWTON_EXPANSION expand_erf(const T& x) {
    const T f1 = T(1.12837916709551257389615890312154517) * exp(-x * x);
    return {erf(x), f1, T(-2.0) * x * f1};
}
CUNEWTON_EXPANSION expand_erfc(const T& x) {
    const T f1 = T(-1.12837916709551257389615890312154517) * exp(-x * x);
    return {erfc(x), f1, T(-2.0) * x * f1};
}
CUNEWTON_EXPANSION expand_erfinv(const T& x) {
    const T f = erfinv(x), f1 = T(0.886226925452758013649083741670572591) * exp(f * f);
    return {f, f1, T(2.0) * f * f1 * f1};
}
CUNEWTON_EXPANSION expand_exp(const T& x) {
    const T f = exp(x);
    return {f, f, f};
}
CUNEWTON_EXPANSION expand_exp2(const T& x) {
    const T ln2(0.693147180559945309417232121458176568), f = exp2(x), f1 = ln2 * f;
    return {f, f1, ln2 * f1};
}
CUNEWTON_EXPANSION expand_expm1(const T& x) {
    const T f = expm1(x), f1 = f + T(1.0);
    return {f, f1, f1};
}
CUNEWTON_EXPANSION expand_floor(const T& x) {
    return {floor(x), T(0.0), T(0.0)};
}
CUNEWTON_EXPANSION expand_lgamma(const T& x) {
    Expansion<T> e{lgamma(x), digamma(x), T(0.0)};
    if constexpr (order == 2) e.f2 = polygamma<1>(x);
    return e;
}
CUNEWTON_EXPANSION expand_log(const T& x) {
    const T f1 = T(1.0) / x;
    return {log(x), f1, -(f1 * f1)};
}
CUNEWTON_EXPANSION expand_log10(const T& x) {
    const T inverse = T(1.0) / x, f1 = T(0.434294481903251827651128918916605082) * inverse;
    return {log10(x), f1, -(f1 * inverse)};
}
CUNEWTON_EXPANSION expand_log1p(const T& x) {
    const T f1 = T(1.0) / (T(1.0) + x);
    return {log1p(x), f1, -(f1 * f1)};
}
CUNEWTON_EXPANSION expand_log2(const T& x) {
    const T inverse = T(1.0) / x, f1 = T(1.44269504088896340735992468100189214) * inverse;
    return {log2(x), f1, -(f1 * inverse)};
}
/// The first derivative is phi(x) / Phi(x), the second is minus it times its sum with x.
CUNEWTON_EXPANSION expand_log_ndtr(const T& x) {
    const T a = abs(x);
    const NormalTail<T> tail = normal_tail(a);
    const auto above = x > T(0.0);
    const T beyond = tail.density / tail.ratio, inside = tail.density / (T(1.0) - beyond);
    const T f1 = select(above, inside, tail.ratio);
    return {log_ndtr(x), f1, -f1 * select(above, a + inside, tail.excess)};
}
/// 1/x, an operator's.
CUNEWTON_EXPANSION expand_reciprocal(const T& x) {
    const T f = T(1.0) / x, f1 = -(f * f);
    return {f, f1, T(-2.0) * f1 * f};
}
CUNEWTON_EXPANSION expand_round(const T& x) {
    return {round(x), T(0.0), T(0.0)};
}
CUNEWTON_EXPANSION expand_sin(const T& x) {
    T s, c;
    sine_and_cosine(x, s, c);
    return {s, c, -s};
}
CUNEWTON_EXPANSION expand_sinh(const T& x) {
    const T f = sinh(x);
    return {f, cosh(x), f};
}
CUNEWTON_EXPANSION expand_sqrt(const T& x) {
    const T f = sqrt(x), f1 = T(0.5) / f;
    return {f, f1, T(-0.5) * f1 / x};
}
CUNEWTON_EXPANSION expand_tan(const T& x) {
    const T f = tan(x), f1 = T(1.0) + f * f;
    return {f, f1, T(2.0) * f * f1};
}
CUNEWTON_EXPANSION expand_tanh(const T& x) {
    const T f = tanh(x), f1 = T(1.0) - f * f;
    return {f, f1, T(-2.0) * f * f1};
}
CUNEWTON_EXPANSION expand_trunc(const T& x) {
    return {trunc(x), T(0.0), T(0.0)};
}
#undef CUNEWTON_EXPANSION

/// The derivatives by a and b that are not asked for are 0.
#define CUNEWTON_EXPANSION2                             \
    template <int order, bool by_a, bool by_b, class T> \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Expansion2<T>

/// The angle of (x, y) = (b, a).
CUNEWTON_EXPANSION2 expand_atan2(const T& a, const T& b) {
    const T inverse = T(1.0) / hypot(a, b), sine = a * inverse, cosine = b * inverse;
    const T fa = cosine * inverse, fb = -(sine * inverse);
    return {atan2(a, b), fa, fb, T(2.0) * fa * fb, fb * fb - fa * fa, T(-2.0) * fa * fb};
}
CUNEWTON_EXPANSION2 expand_hypot(const T& a, const T& b) {
    const T f = hypot(a, b), inverse = T(1.0) / f, fa = a * inverse, fb = b * inverse;
    return {f, fa, fb, fb * fb * inverse, -(fa * fb * inverse), fa * fa * inverse};
}
/// a log b, and 0 where a is 0, as is then the derivative by b.
CUNEWTON_EXPANSION2 expand_xlogy(const T& a, const T& b) {
    const T zero(0.0), inverse = T(1.0) / b, fb = select(a == zero, zero, a * inverse);
    return {xlogy(a, b), log(b), fb, zero, inverse, select(a == zero, zero, -(fb * inverse))};
}
/// a^b = exp(b log a). Powers of a rather than quotients by it, so that the derivatives which exist
/// at a == 0 are right there: a^b log a is 0 for b > 0. A negative base has none by the exponent:
/// not a number.
CUNEWTON_EXPANSION2 expand_pow(const T& a, const T& b) {
    const T zero(0.0), one(1.0);
    Expansion2<T> e{pow(a, b), zero, zero, zero, zero, zero};
    T below = zero;
    if constexpr (by_a) {
        below = pow(a, b - one);
        e.fa = select(b == zero, zero, b * below);
        if constexpr (order == 2) {
            const T factor = b * (b - one);
            e.faa = select(factor == zero, zero, factor * pow(a, b - T(2.0)));
        }
    }
    if constexpr (by_b) {
        const auto at_zero = a == zero;
        const T logarithm = log(select(at_zero, one, a));
        e.fb = e.f * logarithm;
        e.fbb = e.fb * logarithm;
        if constexpr (by_a)
            e.fab = select(at_zero, select(b > one, zero, T(-limits::infinity<real_t<T>>)),
                           below + e.fa * logarithm);
    }
    return e;
}
#undef CUNEWTON_EXPANSION2

}  // namespace math
}  // namespace cunewton
