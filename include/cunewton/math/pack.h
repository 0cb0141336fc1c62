// Packs of SIMD lanes that are used like one number. Host only.
//
// cunewton::lanes has one namespace for each instruction set, all made from pack_definition.inc:
// a Pack<T, V> there is V native vectors, and every operation on it is compiled for that instruction
// set by a function attribute. So a user's functor is compiled once, with ordinary flags; the
// functions of cpu/dispatch.h, which carry the same attribute, inline it and run it in the widest
// lanes that the processor has. (xsimd's types need a compilation with its own flags for each
// instruction set, which a header-only functor in the user's own file cannot have.)
//
// Under nvcc only `portable` exists, whose vectors have one element: its host code may not name
// vector types in functions that are also device functions. Nothing there runs on a device; but a
// functor is a host and device function, and may call only such functions.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cunewton/math/macros.h"
#include "cunewton/math/scalar.h"

// 1 where wider lanes than the baseline's are compiled too and the processor decides at run time. All
// files of a program must agree; -DCUNEWTON_BASELINE_LANES compiles the baseline alone, which is
// several times as fast to compile.
#if defined(__x86_64__) && !defined(__CUDACC__) && !defined(CUNEWTON_BASELINE_LANES)
#define CUNEWTON_CHOOSES_LANES 1
#else
#define CUNEWTON_CHOOSES_LANES 0
#endif

namespace cunewton::detail {

/// Constants of a binary format, as the lane functions need them.
template <class T>
struct FloatFormat;
template <>
struct FloatFormat<double> {
    using Integer = std::int64_t;
    static constexpr int mantissa_bits = 52;
    static constexpr std::int64_t exponent_bias = 1023;
    /// Adding 1.5 * 2^52 leaves the integer nearest to a small number in the low bits of the sum.
    static constexpr double round_shift = 6755399441055744.0;
    static constexpr std::int64_t round_shift_bits = 0x4338000000000000;
    /// ln 2 in two parts; the first has enough trailing zeros for n * ln2_high to be exact.
    static constexpr double ln2_high = 6.93147180369123816490e-01;
    static constexpr double ln2_low = 1.90821492927058770002e-10;
    static constexpr double exp_overflow = 709.782712893384;
    static constexpr double exp_underflow = -707.0;
    static constexpr std::int64_t sqrt_half_bits = 0x3FE6A09E667F3BCD;
    static constexpr int exp_terms = 13;
    static constexpr int atanh_terms = 10;
};
template <>
struct FloatFormat<float> {
    using Integer = std::int32_t;
    static constexpr int mantissa_bits = 23;
    static constexpr std::int32_t exponent_bias = 127;
    static constexpr float round_shift = 12582912.0f;
    static constexpr std::int32_t round_shift_bits = 0x4B400000;
    static constexpr float ln2_high = 6.93359375e-01f;
    static constexpr float ln2_low = -2.12194440e-04f;
    static constexpr float exp_overflow = 88.722839f;
    static constexpr float exp_underflow = -86.5f;
    static constexpr std::int32_t sqrt_half_bits = 0x3F3504F3;
    static constexpr int exp_terms = 7;
    static constexpr int atanh_terms = 4;
};

/// 1/k!, the coefficients of exp, and 2/(2k+1), those of 2 atanh(s)/s in s^2.
template <class T>
constexpr T inverse_factorial(int k) {
    long double f = 1;
    for (int i = 2; i <= k; ++i) f *= i;
    return static_cast<T>(1 / f);
}
template <class T>
constexpr T atanh_coefficient(int k) {
    return static_cast<T>(2.0L / (2 * k + 1));
}

}  // namespace cunewton::detail

// GCC notes that 64-byte vectors are passed differently with and without AVX-512. Nothing here is
// called across that line: see pack_definition.inc.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#if defined(__CUDACC__)
#define CUNEWTON_LANES portable
#define CUNEWTON_LANES_BYTES 0
#define CUNEWTON_LANES_TARGET CUNEWTON_HOST_DEVICE
#include "cunewton/math/pack_definition.inc"
#else
#define CUNEWTON_LANES base
#define CUNEWTON_LANES_BYTES 16
#define CUNEWTON_LANES_TARGET
#include "cunewton/math/pack_definition.inc"
#if CUNEWTON_CHOOSES_LANES
#define CUNEWTON_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define CUNEWTON_LANES avx2
#define CUNEWTON_LANES_BYTES 32
#define CUNEWTON_LANES_TARGET CUNEWTON_TARGET_AVX2
#include "cunewton/math/pack_definition.inc"
#define CUNEWTON_TARGET_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma")))
#define CUNEWTON_LANES avx512
#define CUNEWTON_LANES_BYTES 64
#define CUNEWTON_LANES_TARGET CUNEWTON_TARGET_AVX512
#include "cunewton/math/pack_definition.inc"
#endif
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
