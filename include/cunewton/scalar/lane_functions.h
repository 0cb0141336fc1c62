// (Compiled in the user's file.) The rarer functions of lanes, once for all instruction sets: in
// terms of the operations and functions of pack_definition.inc, which they find by
// argument-dependent lookup. Host only.
//
// Bounds are in units in the last place; tests/unit/functions_test.cpp holds them, against 30-digit
// references. lgamma and digamma call the plain functions lane by lane.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cmath>
#include <limits>

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/special.h"

#if defined(__clang__)
#define CUNEWTON_UNROLL _Pragma("unroll")
#else
#define CUNEWTON_UNROLL _Pragma("GCC unroll 64")
#endif

namespace cunewton {

namespace detail {

/// Constants of the error functions.
template <class T>
struct ErrorFunctions;
template <>
struct ErrorFunctions<double> {
    /// Where erfc has become zero, as exp has.
    static constexpr double limit = 28;
    /// Adding it leaves 20 binary places of a number up to the limit, whose square is exact.
    static constexpr double split = 6442450944.0;
    /// erf(x)/x - 1 in x^2 for |x| <= 1, with an error below 2^-54.
    static constexpr double erf_series[] = {
        0.12837916709551256,     -0.37612638903183543,   0.11283791670945006,
        -0.02686617064323777,    0.0052239776071164225,  -0.0008548325975389692,
        0.00012055294904839707,  -1.492473690741966e-05, 1.6447424703317362e-06,
        -1.6208483801871705e-07, 1.3720064546777686e-08, -7.795898827002142e-10};
    /// (1 + 2x) exp(x^2) erfc(x) in t = (x - 4)/(x + 4) for 0 <= x <= 30, the same (the form is
    /// Shepherd and Laframboise's, Mathematics of Computation 36, 1981).
    static constexpr double pole = 4;
    static constexpr double erfc_series[] = {
        1.2329951186255526,      -0.1396211168405625,    0.01537965210261951,
        0.06809705425469227,     -0.10103906603629209,   0.09373283499836489,
        -0.06633036581245633,    0.03716751553719363,    -0.01619773405562269,
        0.005031969981059733,    -0.0007577732982370554, -0.0001992567137480786,
        0.00015062169123920003,  -2.439914248920465e-05, -1.1221996317969718e-05,
        5.70956621582659e-06,    2.936130974478604e-07,  -8.251958343998123e-07,
        7.500873273464569e-08,   1.0989680837830287e-07, -1.8263295264949822e-08,
        -1.4091587779067396e-08, 1.9676404692928783e-09, 1.2965477188554372e-09};
};
template <>
struct ErrorFunctions<float> {
    static constexpr float limit = 11;
    /// 7 binary places.
    static constexpr float split = 98304.0f;
    // Errors below 2^-27 and 2^-24.
    static constexpr float erf_series[] = {0.12837917f,   -0.37612626f,  0.11283594f,
                                           -0.026854211f, 0.0051890872f, -0.00080168643f,
                                           7.875875e-05f};
    static constexpr float pole = 3;
    static constexpr float erfc_series[] = {1.253008f,       -0.13562112f,    -0.047562405f,
                                            0.12964524f,     -0.119271375f,   0.068308f,
                                            -0.023787737f,   0.002520801f,    0.0019430951f,
                                            -0.00073031813f, -0.00016513886f, 4.1881653e-05f};
};

/// y[i] = function(x[i]), out of line.
template <class T, class Function>
#if defined(__GNUC__)
__attribute__((noinline))
#endif
void each_lane(const Function& function, const T* x, T* y, int lanes) {
    for (int i = 0; i < lanes; ++i) y[i] = function(x[i]);
}

}  // namespace detail

namespace lanes {

/// A Pack of any instruction set.
template <class P>
concept AnyPack = requires {
    P::vector_lanes;
};

#define CUNEWTON_LANES_FUNCTION \
    template <AnyPack P>        \
    CUNEWTON_ALWAYS_INLINE P

/// c[0] + c[1] x + c[2] x^2 + ...
template <AnyPack P, class T, int N>
CUNEWTON_ALWAYS_INLINE P series(const T (&c)[N], const P& x) {
    P y(c[N - 1]);
    CUNEWTON_UNROLL for (int k = N - 2; k >= 0; --k) y = y * x + P(c[k]);
    return y;
}
/// function(x) of plain numbers.
template <AnyPack P, class Function>
CUNEWTON_ALWAYS_INLINE P lane_wise(const P& x, const Function& function) {
    real_t<P> from[P::lanes], to[P::lanes];
    x.store(from);
    detail::each_lane(function, from, to, P::lanes);
    return P::load(to);
}

/// Within 4 units.
CUNEWTON_LANES_FUNCTION tan(const P& x) {
    return sin(x) / cos(x);
}
/// Within 4 units.
CUNEWTON_LANES_FUNCTION asin(const P& x) {
    return atan(x / sqrt((P(1.0) - x) * (P(1.0) + x)));
}
/// Within 4 units.
CUNEWTON_LANES_FUNCTION acos(const P& x) {
    const P half = atan(sqrt((P(1.0) - x) / (P(1.0) + x)));
    return half + half;
}
/// Within 4 units; infinite where exp(|x|) is.
CUNEWTON_LANES_FUNCTION sinh(const P& x) {
    const P a = abs(x), e = expm1(a);
    // (exp(a) - exp(-a)) / 2; from 40 on the quotient is 1, also where e is infinite.
    return with_sign_of(x, P(0.5) * (e + select(a > P(40.0), P(1.0), e / (e + P(1.0)))));
}
/// Within 4 units; infinite where exp(|x|) is.
CUNEWTON_LANES_FUNCTION cosh(const P& x) {
    const P e = exp(abs(x));
    return P(0.5) * e + P(0.5) / e;
}
/// Within 2 units: exp(log|x| / 3) and a step of Newton's method.
CUNEWTON_LANES_FUNCTION cbrt(const P& x) {
    using T = real_t<P>;
    const P a = abs(x), third(T(1) / T(3));
    const P y = exp(log(a) * third);
    const P root = y - (y - a / (y * y)) * third;
    return with_sign_of(x, select(a > P(0.0) && a < P(limits::infinity<T>), root, a));
}
/// Within 4 units.
CUNEWTON_LANES_FUNCTION log2(const P& x) {
    return log(x) * P(1.44269504088896340736L);
}
CUNEWTON_LANES_FUNCTION log10(const P& x) {
    return log(x) * P(0.434294481903251827651L);
}

/// erfc(a) for a >= 0: the series over 1 + 2a times exp(-a^2), a^2 in two parts.
CUNEWTON_LANES_FUNCTION erfc_of_magnitude(const P& x) {
    using F = detail::ErrorFunctions<real_t<P>>;
    const P a = select(x > P(F::limit), P(F::limit), x);
    const P scaled =
        series(F::erfc_series, (a - P(F::pole)) / (a + P(F::pole))) / (P(1.0) + (a + a));
    const P high = (a + P(F::split)) - P(F::split);
    const P low = (high - a) * (high + a);  // below 2^-15 (float: 0.08)
    const P rest =
        low * (P(1.0) +
               low * (P(0.5) + low * (P(1.0L / 6) + low * (P(1.0L / 24) + low * P(1.0L / 120)))));
    const P power = scaled * exp(-(high * high));
    return power + power * rest;
}
/// Within 3 units.
CUNEWTON_LANES_FUNCTION erf(const P& x) {
    const P a = abs(x);
    const P small = x + x * series(detail::ErrorFunctions<real_t<P>>::erf_series, x * x);
    return select(a < P(1.0), small, with_sign_of(x, P(1.0) - erfc_of_magnitude(a)));
}
/// Within 6 units; below exp(-707) (float: exp(-86.5)) it becomes zero, as exp does.
CUNEWTON_LANES_FUNCTION erfc(const P& x) {
    const P y = erfc_of_magnitude(abs(x));
    return select(x < P(0.0), P(2.0) - y, y);
}
CUNEWTON_LANES_FUNCTION erfinv(const P& x) {
    return math::inverse_error_function(x);
}
CUNEWTON_LANES_FUNCTION log_ndtr(const P& x) {
    return math::log_normal_distribution(x);
}
CUNEWTON_LANES_FUNCTION lgamma(const P& x) {
    return lane_wise(x, [](real_t<P> a) { return math::lgamma(a); });
}
CUNEWTON_LANES_FUNCTION digamma(const P& x) {
    return lane_wise(x, [](real_t<P> a) { return math::digamma(a); });
}
/// For the derivatives of the two above.
template <int order, AnyPack P>
CUNEWTON_ALWAYS_INLINE P polygamma(const P& x) {
    return lane_wise(x, [](real_t<P> a) { return math::polygamma<order>(a); });
}

/// |x| rounded to an integer by adding and subtracting 2^52 (float: 2^23); numbers above have no
/// fraction.
CUNEWTON_LANES_FUNCTION nearest(const P& x) {
    const P a = abs(x), shift(1 / limits::epsilon<real_t<P>>);
    return with_sign_of(x, select(a < shift, (a + shift) - shift, a));
}
CUNEWTON_LANES_FUNCTION floor(const P& x) {
    const P n = nearest(x);
    return select(n > x, n - P(1.0), n);
}
CUNEWTON_LANES_FUNCTION ceil(const P& x) {
    return -floor(-x);
}
CUNEWTON_LANES_FUNCTION trunc(const P& x) {
    return with_sign_of(x, floor(abs(x)));
}
/// Halves away from zero.
CUNEWTON_LANES_FUNCTION round(const P& x) {
    const P a = abs(x), n = floor(a);
    return with_sign_of(x, select(a - n >= P(0.5), n + P(1.0), n));
}

/// Within 4 units.
CUNEWTON_LANES_FUNCTION atan2(const P& y, const P& x) {
    using T = real_t<P>;
    constexpr long double pi = 3.14159265358979323846264338327950288L;
    const P ratio = abs(y) / abs(x), angle = atan(ratio);
    const P opposite = P(T(pi)) - (angle - P(T(pi - T(pi))));
    P r = with_sign_of(y, select(x < P(0.0), opposite, angle));
    const auto rare = !(ratio == ratio);
    if (any(rare)) [[unlikely]]
        return lane_by_lane(
            rare, r, [](T a, T b) { return std::atan2(a, b); }, y, x);
    return r;
}
/// Within 2 units.
CUNEWTON_LANES_FUNCTION hypot(const P& x, const P& y) {
    const P a = abs(x), b = abs(y);
    const auto first = a > b;
    const P larger = select(first, a, b), smaller = select(first, b, a);
    const P ratio = smaller / larger;
    const auto edge = larger == P(0.0) || larger == P(limits::infinity<real_t<P>>);
    return select(edge, larger, larger * sqrt(P(1.0) + ratio * ratio));
}

#undef CUNEWTON_LANES_FUNCTION

}  // namespace lanes
}  // namespace cunewton

#undef CUNEWTON_UNROLL

/// X(function) for each of the above.
// clang-format has no form of these lines that it would not change again.
// clang-format off
#define CUNEWTON_LANE_FUNCTIONS(X)                                                                 \
    X(acos) X(asin) X(atan2) X(cbrt) X(ceil) X(cosh) X(digamma) X(erf) X(erfc) X(erfinv) X(floor)  \
    X(hypot) X(lgamma) X(log10) X(log2) X(log_ndtr) X(polygamma) X(round) X(sinh) X(tan) X(trunc)
// clang-format on
