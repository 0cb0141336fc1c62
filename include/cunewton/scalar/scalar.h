// (Compiled in the user's file.) What a generic scalar is, and the functions that every scalar has.
//
// A loss is written once, generic in its scalar T. T is double or float (values), Dual or HyperDual
// (exact derivatives), or a Pack of SIMD lanes under any of these. Call mathematical functions
// unqualified after `using namespace cunewton::math;`: that finds std's for plain numbers and this
// library's for the others. Do not branch on the value of a T: use select(condition, a, b).
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// The plain number under a scalar: double for HyperDual<Pack<double, 2>>.
template <class T>
struct RealOf {
    using type = T;
};
template <class T>
using real_t = typename RealOf<T>::type;

/// The element type of a vector-like argument of a loss.
template <class X>
using scalar_t = typename X::value_type;

/// Constants of the real types, for host and device: nvcc does not take std's functions into device
/// code, but variables.
namespace limits {
template <class T>
inline constexpr T epsilon = std::numeric_limits<T>::epsilon();
template <class T>
inline constexpr T smallest = std::numeric_limits<T>::min();  ///< above 0, normal
template <class T>
inline constexpr T largest = std::numeric_limits<T>::max();
template <class T>
inline constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
}  // namespace limits

namespace math {

using std::abs;
using std::acos;
using std::asin;
using std::atan;
using std::atan2;
using std::cbrt;
using std::ceil;
using std::cos;
using std::cosh;
using std::erf;
using std::erfc;
using std::exp;
using std::exp2;
using std::expm1;
using std::floor;
using std::hypot;
using std::log;
using std::log10;
using std::log1p;
using std::log2;
using std::pow;
using std::round;
using std::sin;
using std::sinh;
using std::sqrt;
using std::tan;
using std::tanh;
using std::trunc;

/// condition ? a : b, lane by lane where T is a Pack.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE double select(bool condition, double a, double b) {
    return condition ? a : b;
}
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE float select(bool condition, float a, float b) {
    return condition ? a : b;
}
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE long double select(bool condition, long double a,
                                                               long double b) {
    return condition ? a : b;
}

/// The same of two types, in the one that C++ computes with.
template <class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B> && !std::is_same_v<A, B>)
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE std::common_type_t<A, B> select(bool condition, A a,
                                                                                B b) {
    return condition ? a : b;
}

/// x*x.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T square(const T& x) {
    return x * x;
}

/// max(a, b) as select(a > b, a, b): b where either is not a number.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T maximum(const T& a, const T& b) {
    return select(a > b, a, b);
}
template <class A, class B>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto maximum(const A& a, const B& b) {
    return select(a > b, a, b);
}
/// min(a, b) as select(a < b, a, b).
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T minimum(const T& a, const T& b) {
    return select(a < b, a, b);
}
template <class A, class B>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto minimum(const A& a, const B& b) {
    return select(a < b, a, b);
}

/// Whether a condition holds in any lane, or in all of them, or in how many: for loops that end
/// when every lane is done. A plain number is its own only lane. CUDA has functions of these names
/// in the global namespace; say `using math::any;` in the function that calls it, which hides them.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool any(bool condition) {
    return condition;
}
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool all(bool condition) {
    return condition;
}
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int count(bool condition) {
    return condition ? 1 : 0;
}

/// log(1 + exp(z)) without overflow: max(z, 0) + log1p(exp(-|z|)). Its derivatives under automatic
/// differentiation are the logistic function and its slope, also far from zero.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T softplus(const T& z) {
    const auto positive = z > T(0.0);
    return select(positive, z, T(0.0)) + log1p(exp(select(positive, -z, z)));
}

}  // namespace math
}  // namespace cunewton
