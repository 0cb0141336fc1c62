// What a generic scalar is, and the functions that every scalar has.
//
// A loss is written once, generic in its scalar T. T is double or float (values), Dual or HyperDual
// (exact derivatives), or a Pack of SIMD lanes under any of these. Call mathematical functions
// unqualified after `using namespace cunewton::math;`: that finds std's for plain numbers and this
// library's for the others. Do not branch on the value of a T: use select(condition, a, b).
#pragma once

#include <cmath>
#include <type_traits>

#include "cunewton/math/macros.h"

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

namespace math {

using std::abs;
using std::cos;
using std::exp;
using std::expm1;
using std::log;
using std::log1p;
using std::sin;
using std::sqrt;
using std::tanh;

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

/// x*x.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T square(const T& x) {
    return x * x;
}

/// max(a, b) as select(a > b, a, b).
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T maximum(const T& a, const T& b) {
    return select(a > b, a, b);
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
