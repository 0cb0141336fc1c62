// (Compiled in the user's file.) Functions of plain numbers that the C++ library does not have.
// Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton::math {

/// log|Gamma(x)|. The C library's lgamma also sets a global variable, a race between threads.
CUNEWTON_HOST_DEVICE inline double lgamma(double x) {
#if defined(__GLIBC__) && !defined(__CUDA_ARCH__)
    int sign;
    return ::lgamma_r(x, &sign);
#else
    return ::lgamma(x);
#endif
}
CUNEWTON_HOST_DEVICE inline float lgamma(float x) {
#if defined(__GLIBC__) && !defined(__CUDA_ARCH__)
    int sign;
    return ::lgammaf_r(x, &sign);
#else
    return ::lgammaf(x);
#endif
}
#if !defined(__CUDACC_RTC__)  // which has no such numbers
inline long double lgamma(long double x) {
#if defined(__GLIBC__)
    int sign;
    return ::lgammal_r(x, &sign);
#else
    return ::lgammal(x);
#endif
}
#endif

/// The (order + 1)th derivative of log|Gamma|: digamma, trigamma, tetragamma. Not a number at the
/// poles 0, -1, -2, ... Recurrence up to 16, then the asymptotic series (Abramowitz and Stegun
/// 6.4.6 and 6.4.11); reflection for negative x (6.4.7). Errors are a few epsilon relative to the
/// larger of the result and 1, for x > 0.
template <int order, std::floating_point T>
CUNEWTON_HOST_DEVICE T polygamma(T x) {
    static_assert(order >= 0 && order <= 2);
    constexpr T pi = T(3.14159265358979323846264338327950288L);
    if (!(x > T(0))) {
        const T fraction = x - floor(x);
        if (!(fraction > T(0))) return limits::not_a_number<T>;
        const T s = sin(pi * fraction), cotangent = cos(pi * fraction) / s;
        const T reflected = polygamma<order>(T(1) - x);
        if constexpr (order == 0) return reflected - pi * cotangent;
        if constexpr (order == 1) return pi * pi / (s * s) - reflected;
        if constexpr (order == 2) return reflected - T(2) * pi * pi * pi * cotangent / (s * s);
    }
    T sum(0);
    for (; x < T(16); x += T(1)) {
        const T r = T(1) / x;
        if constexpr (order == 0) sum -= r;
        if constexpr (order == 1) sum += r * r;
        if constexpr (order == 2) sum -= T(2) * r * r * r;
    }
    const T r = T(1) / x, z = r * r;
    // B_2k / 2k, k = 1, 2, ..., and its derivatives' factors.
    if constexpr (order == 0)
        return sum +
               (log(x) - T(0.5) * r -
                z * (T(1.0L / 12) - z * (T(1.0L / 120) -
                                         z * (T(1.0L / 252) -
                                              z * (T(1.0L / 240) -
                                                   z * (T(1.0L / 132) - z * T(691.0L / 32760)))))));
    if constexpr (order == 1)
        return sum +
               (r + T(0.5) * z +
                r * z *
                    (T(1.0L / 6) -
                     z * (T(1.0L / 30) -
                          z * (T(1.0L / 42) -
                               z * (T(1.0L / 30) - z * (T(5.0L / 66) - z * T(691.0L / 2730)))))));
    if constexpr (order == 2)
        return sum -
               z * (T(1) + r +
                    z * (T(0.5) -
                         z * (T(1.0L / 6) -
                              z * (T(1.0L / 6) -
                                   z * (T(0.3L) - z * (T(5.0L / 6) - z * T(691.0L / 210)))))));
}

/// The derivative of log|Gamma(x)|.
template <std::floating_point T>
CUNEWTON_HOST_DEVICE T digamma(T x) {
    return polygamma<0>(x);
}

/// sine = sin(x) and cosine = cos(x). On a device, by one reduction of x for both.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void sine_and_cosine(const T& x, T& sine, T& cosine) {
#if defined(__CUDA_ARCH__)
    if constexpr (std::same_as<T, float>) {
        ::sincosf(x, &sine, &cosine);
        return;
    } else if constexpr (std::same_as<T, double>) {
        ::sincos(x, &sine, &cosine);
        return;
    }
#endif
    sine = sin(x);
    cosine = cos(x);
}

/// c0 + c1 x + c2 x^2 + ...
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T horner(const T&, double c) {
    return T(c);
}
template <class T, class... Rest>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T horner(const T& x, double c, Rest... rest) {
    return T(c) + x * horner(x, rest...);
}

/// The inverse of erf, for numbers and lanes: infinite at -1 and 1, not a number beyond. Within 8
/// units. Rational functions of x^2 and of sqrt(-log((1 - |x|) / 2)): those of the normal
/// distribution's quantile (Wichura, Algorithm AS 241, Applied Statistics 37, 1988).
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T inverse_error_function(const T& x) {
    const T sqrt_half(0.707106781186547524400844362104849039);
    const T a = abs(x);
    const auto is_central = a <= T(0.85);
    const T central = T(0.180625) - T(0.25) * (x * x);
    const T r = sqrt(-log(T(0.5) * (T(1.0) - a)));
    const auto is_tail = r > T(5.0);
    const T middle = r - T(1.6), tail = r - T(5.0);
    const T over = select(
        is_central,
        horner(central, 3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
               1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
               3.3430575583588128105e+4, 2.5090809287301226727e+3) *
            (T(0.5) * a),
        select(
            is_tail,
            horner(tail, 6.65790464350110377720e0, 5.46378491116411436990e0,
                   1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2,
                   1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
            horner(middle, 1.42343711074968357734e0, 4.63033784615654529590e0,
                   5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0,
                   2.41780725177450611770e-1, 2.27238449892691845833e-2,
                   7.74545014278341407640e-4)));
    const T under = select(
        is_central,
        horner(central, 1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2,
               5.3941960214247511077e+3, 2.1213794301586595867e+4, 3.9307895800092710610e+4,
               2.8729085735721942674e+4, 5.2264952788528545610e+3),
        select(
            is_tail,
            horner(tail, 1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
                   1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
                   1.42151175831644588870e-7, 2.04426310338993978564e-15),
            horner(middle, 1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
                   6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
                   5.47593808499534494600e-4, 1.05075007164441684324e-9)));
    const T y = select(a == T(1.0), T(limits::infinity<real_t<T>>), over / under * sqrt_half);
    return select(x < T(0.0), -y, y);
}

template <std::floating_point T>
CUNEWTON_HOST_DEVICE T erfinv(T x) {
    return inverse_error_function(x);
}

/// The upper tail of the standard normal distribution from a >= 0 on.
template <class T>
struct NormalTail {
    T density;  ///< phi(a)
    T ratio;    ///< phi(a) over the tail's probability: the inverse of Mills' ratio
    T excess;   ///< ratio - a, without its cancellation
};
/// For numbers and lanes, within 6 units: (1 + a) excess is a polynomial in (a - 7/2) / (a + 7/2),
/// from its Chebyshev series, whose terms that are left out are below 2^-54 (the form is Shepherd
/// and Laframboise's, Mathematics of Computation 36, 1981). The density is zero where exp is.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE NormalTail<T> normal_tail(const T& a) {
    using Real = real_t<T>;
    const T t = T(1.0) - T(7.0) / (a + T(3.5));  // 1 at infinity
    const T series = horner(t, 1.1312606918596488, -0.03365080196195138, -0.23240183756755062,
                            0.17406459876378447, -0.009895560060049737, -0.050254915012880014,
                            0.014956225185129625, 0.014014751195228957, -0.006901027850766084,
                            -0.00406169317585309, 0.0025836503349750276, 0.0012499723184362613,
                            -0.0008647582471463483, -0.00040415821382637225, 0.000261728302646661,
                            0.00013158232323086383, -7.049000072422844e-05, -4.058762188397641e-05,
                            1.6389256465545116e-05, 1.1071852615195039e-05, -3.16630311259102e-06,
                            -2.4607227967888817e-06, 4.88546133525375e-07, 3.9562303035064186e-07,
                            -5.717453174465993e-08, -3.672390327934518e-08, 4.1203148598277545e-09,
                            9.55336111129805e-10);
    NormalTail<T> tail;
    tail.excess = series / (T(1.0) + a);
    tail.ratio = a + tail.excess;
    // exp(-a^2 / 2) by a number near a, of so few places that its square is exact, and the rest.
    constexpr bool is_double = sizeof(Real) > sizeof(float);
    const T limit(is_double ? 40.0 : 15.0), split(is_double ? 6442450944.0 : 98304.0);
    const T bounded = select(a > limit, limit, a);
    const T high = (bounded + split) - split;
    tail.density = T(0.398942280401432677939946059934381868) * exp(T(-0.5) * (high * high)) *
                   exp(T(0.5) * ((high - bounded) * (high + bounded)));
    return tail;
}

/// log Phi(x), the logarithm of the standard normal distribution function, for numbers and lanes,
/// in both tails.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T log_normal_distribution(const T& x) {
    const T a = abs(x);
    const NormalTail<T> tail = normal_tail(a);
    const T below =
        T(-0.5) * (a * a) - (log(tail.ratio) + T(0.918938533204672741780329736405617640));
    return select(x > T(0.0), log1p(-(tail.density / tail.ratio)), below);
}

template <std::floating_point T>
CUNEWTON_HOST_DEVICE T log_ndtr(T x) {
    return log_normal_distribution(x);
}

/// x log y, and 0 where x is 0.
template <class T>
requires(!requires { typename T::Underlying; }) CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T
    xlogy(const T& x, const T& y) {
    return select(x == T(0.0), T(0.0), x * log(y));
}

}  // namespace cunewton::math
