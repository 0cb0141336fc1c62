// (Compiled in the user's file.) The standard library as far as formulas need it: that of the
// compiler, or, for NVRTC, which has none, the part of it that the library's headers use.
//
// It is written out here rather than taken from CUDA's libcu++, which programs that compile at run
// time need not have at hand, and which takes longer to read than all of the library's headers.
#pragma once

#include "cunewton/scalar/cpp20.h"

#if !defined(__CUDACC_RTC__)

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#else

namespace std {

using size_t = decltype(sizeof(0));
using ptrdiff_t = decltype(static_cast<char*>(nullptr) - static_cast<char*>(nullptr));
using int32_t = int;
using uint32_t = unsigned int;
using int64_t = long long;
using uint64_t = unsigned long long;

using ::abs;
using ::acos;
using ::asin;
using ::atan;
using ::atan2;
using ::cbrt;
using ::ceil;
using ::cos;
using ::cosh;
using ::erf;
using ::erfc;
using ::exp;
using ::exp2;
using ::expm1;
using ::fabs;
using ::floor;
using ::frexp;
using ::hypot;
using ::ldexp;
using ::log;
using ::log10;
using ::log1p;
using ::log2;
using ::pow;
using ::round;
using ::sin;
using ::sinh;
using ::sqrt;
using ::tan;
using ::tanh;
using ::trunc;

template <class T, T v>
struct integral_constant {
    using value_type = T;
    static constexpr T value = v;
};
using true_type = integral_constant<bool, true>;
using false_type = integral_constant<bool, false>;

template <class A, class B>
inline constexpr bool is_same_v = false;
template <class A>
inline constexpr bool is_same_v<A, A> = true;
template <class A, class B>
concept same_as = is_same_v<A, B> && is_same_v<B, A>;

template <class T>
struct remove_const {
    using type = T;
};
template <class T>
struct remove_const<const T> {
    using type = T;
};
template <class T>
using remove_const_t = typename remove_const<T>::type;
template <class T>
struct remove_volatile {
    using type = T;
};
template <class T>
struct remove_volatile<volatile T> {
    using type = T;
};
template <class T>
using remove_cv_t = typename remove_volatile<remove_const_t<T>>::type;
template <class T>
struct remove_reference {
    using type = T;
};
template <class T>
struct remove_reference<T&> {
    using type = T;
};
template <class T>
struct remove_reference<T&&> {
    using type = T;
};
template <class T>
using remove_reference_t = typename remove_reference<T>::type;
template <class T>
using remove_cvref_t = remove_cv_t<remove_reference_t<T>>;

template <bool condition, class A, class B>
struct conditional {
    using type = A;
};
template <class A, class B>
struct conditional<false, A, B> {
    using type = B;
};
template <bool condition, class A, class B>
using conditional_t = typename conditional<condition, A, B>::type;

template <class T, class... Others>
inline constexpr bool is_one_of = (is_same_v<T, Others> || ...);
template <class T>
inline constexpr bool is_floating_point_v = is_one_of<remove_cv_t<T>, float, double, long double>;
template <class T>
inline constexpr bool is_integral_v =
    is_one_of<remove_cv_t<T>, bool, char, signed char, unsigned char, short, unsigned short, int,
              unsigned, long, unsigned long, long long, unsigned long long>;
template <class T>
inline constexpr bool is_arithmetic_v = is_floating_point_v<T> || is_integral_v<T>;
template <class T>
concept floating_point = is_floating_point_v<T>;

template <class T>
inline constexpr bool is_trivially_copyable_v = __is_trivially_copyable(T);
template <class From, class To>
concept convertible_to = __is_convertible_to(From, To) && requires(From (&make)()) {
    static_cast<To>(make());
};

/// Of two numbers.
template <class A, class B>
using common_type_t = remove_cvref_t<decltype(true ? A() : B())>;

template <class T, T... values>
struct integer_sequence {
    using value_type = T;
};
/// 0 to count - 1, from its halves.
template <class T, size_t count>
struct count_up {
    template <T... a, T... b>
    __host__ __device__ static integer_sequence<T, a..., static_cast<T>(sizeof...(a) + b)...> join(
        integer_sequence<T, a...>, integer_sequence<T, b...>);
    using type = decltype(join(typename count_up<T, count / 2>::type(),
                               typename count_up<T, count - count / 2>::type()));
};
template <class T>
struct count_up<T, 0> {
    using type = integer_sequence<T>;
};
template <class T>
struct count_up<T, 1> {
    using type = integer_sequence<T, 0>;
};
template <class T, T count>
using make_integer_sequence = typename count_up<T, count>::type;

struct in_place_t {};
inline constexpr in_place_t in_place;

template <class T>
struct numeric_limits;
template <>
struct numeric_limits<double> {
    __host__ __device__ static constexpr double epsilon() { return 0x1p-52; }
    __host__ __device__ static constexpr double min() { return 0x1p-1022; }
    __host__ __device__ static constexpr double max() { return 0x1.fffffffffffffp+1023; }
    __host__ __device__ static constexpr double infinity() {
        return __builtin_bit_cast(double, 0x7ff0000000000000ull);
    }
    __host__ __device__ static constexpr double quiet_NaN() {
        return __builtin_bit_cast(double, 0x7ff8000000000000ull);
    }
};
template <>
struct numeric_limits<float> {
    __host__ __device__ static constexpr float epsilon() { return 0x1p-23f; }
    __host__ __device__ static constexpr float min() { return 0x1p-126f; }
    __host__ __device__ static constexpr float max() { return 0x1.fffffep+127f; }
    __host__ __device__ static constexpr float infinity() {
        return __builtin_bit_cast(float, 0x7f800000u);
    }
    __host__ __device__ static constexpr float quiet_NaN() {
        return __builtin_bit_cast(float, 0x7fc00000u);
    }
};

/// The language looks for these two, by these names, where a structured binding is made. Declared
/// as libcu++ declares them, so that a program may include both.
template <class... T>
struct tuple_size;
template <size_t j, class... T>
struct tuple_element;
template <class T>
requires requires {
    tuple_size<T>::value;
}
struct tuple_size<const T> : integral_constant<size_t, tuple_size<T>::value> {};
template <size_t j, class T>
struct tuple_element<j, const T> {
    using type = const typename tuple_element<j, T>::type;
};

}  // namespace std

#endif
