// Packs of SIMD lanes that are used like one number. Host only.
//
// cunewton::lanes has one namespace for each instruction set, all made from pack_definition.inc:
// a Pack<T, V> there is V native vectors, and every operation on it is compiled for that
// instruction set by a function attribute. So a user's functor is compiled once, with ordinary
// flags; the functions of cpu/dispatch.h, which carry the same attribute, inline it and run it in
// the widest lanes that the processor has. (xsimd's types need a compilation with its own flags for
// each instruction set, which a header-only functor in the user's own file cannot have.)
//
// Under nvcc only `portable` exists, whose vectors have one element: its host code may not name
// vector types in functions that are also device functions. Nothing there runs on a device; but a
// functor is a host and device function, and may call only such functions.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#if !defined(__CUDACC__)
#include "cunewton/scalar/lane_functions.h"
#endif

// 1 where wider lanes than the baseline's are compiled too and the processor decides at run time.
// Both of these compile functors for one instruction set alone, in a fifth to a half of the time:
// -DCUNEWTON_BASELINE_LANES takes the baseline's, -DCUNEWTON_ONLY_LANES=Avx512Lanes (or Avx2Lanes)
// those of the processors that the program is for.
#if defined(__x86_64__) && !defined(__CUDACC__) && !defined(CUNEWTON_BASELINE_LANES)
#define CUNEWTON_CHOOSES_LANES 1
#else
#define CUNEWTON_CHOOSES_LANES 0
#undef CUNEWTON_ONLY_LANES
#endif

// The inline namespace of whatever compiles a functor for the CPU. The same functor gives other
// code in a file of nvcc than in one of the C++ compiler; under one name the linker would keep one
// of them for the whole program, whichever comes first.
#if defined(__CUDACC__)
#define CUNEWTON_CPU_CODE code_portable
#elif defined(CUNEWTON_BASELINE_LANES)
#define CUNEWTON_CPU_CODE code_baseline
#elif defined(CUNEWTON_ONLY_LANES)
#define CUNEWTON_JOINED(a, b) a##b
#define CUNEWTON_JOIN(a, b) CUNEWTON_JOINED(a, b)
#define CUNEWTON_CPU_CODE CUNEWTON_JOIN(code_only_, CUNEWTON_ONLY_LANES)
#else
#define CUNEWTON_CPU_CODE code_chosen
#endif

namespace cunewton::detail {

/// A base without members that keeps a class out of registers: a class with a copy constructor of
/// its own, however empty, is passed and returned by reference (Itanium C++ ABI, 3.1.2.3), whatever
/// the instruction set of caller and callee. Inlined, it costs nothing.
template <bool>
struct PassedInMemory {};
template <>
struct PassedInMemory<true> {
    PassedInMemory() = default;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PassedInMemory(const PassedInMemory&) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PassedInMemory& operator=(const PassedInMemory&) {
        return *this;
    }
};

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
    /// From here on exp is infinite; below exp_underflow it counts as zero.
    static constexpr double exp_bound = 710.0;
    static constexpr double exp_underflow = -707.0;
    static constexpr std::int64_t sqrt_half_bits = 0x3FE6A09E667F3BCD;
    /// pi/4, its rest, and pi/2 in parts.
    static constexpr double pi_4_high = 7.85398163397448279e-01;
    static constexpr double pi_4_low = 3.06161699786838294e-17;
    /// sin and cos of larger numbers need more parts of pi/2: the products of the first two with n
    /// are exact for n < 2^17 alone.
    static constexpr double trigonometric_limit = 1e5;
    static constexpr double pi_2_parts[] = {0x1.921fb54440000p+0, 0x1.68c234c4c0000p-39,
                                            0x1.98a2e03707345p-77};
    // Minimax polynomials: (exp(x) - 1 - x)/x^2 on |x| <= ln(2)/2, with an error below 2^-54
    // relative to exp(x) - 1 and 2^-56 to exp(x);
    static constexpr double exp_series[] = {
        0.50000000000000056,   0.16666666666666591,    0.041666666666576313,  0.0083333333333887767,
        0.0013888888931719067, 0.00019841269721467428, 2.4801505078389918e-5, 2.7557404599401143e-6,
        2.7626119173596447e-7, 2.5054952800540956e-8};
    // and polynomials in x^2, with errors below 2^-57 relative to the function: (sin(x)/x - 1)/x^2
    // and (cos(x) - 1 + x^2/2)/x^4 on |x| <= pi/4;
    static constexpr double sin_series[] = {-0.16666666666666632,    0.0083333333333224721,
                                            -0.00019841269829835664, 2.7557313697325572e-6,
                                            -2.5050758485854624e-8,  1.5896796066813933e-10};
    static constexpr double cos_series[] = {0.041666666666666602,  -0.0013888888888874457,
                                            2.4801587289652872e-5, -2.7557314393877042e-7,
                                            2.0875728112786156e-9, -1.1359865125764328e-11};
    // (atan(x)/x - 1)/x^2 on |x| <= tan(pi/8), and (2 atanh(x)/x - 2)/x^2 on
    // |x| <= (sqrt 2 - 1)/(sqrt 2 + 1).
    static constexpr double atan_series[] = {
        -0.33333333333333198,  0.19999999999953819,  -0.14285714280220532,  0.11111110784675426,
        -0.090908977927533635, 0.076920608332998477, -0.066631109699214736, 0.058479385541097238,
        -0.050395206504660922, 0.038069881079555903, -0.017912844783986005};
    static constexpr double atanh_series[] = {
        0.66666666666666663, 0.40000000000004937, 0.2857142856940415,  0.22222222608292164,
        0.18181778233832979, 0.15386994673367715, 0.13252008046654623, 0.13236113325194637};
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
    static constexpr float exp_bound = 89.0f;
    static constexpr float exp_underflow = -86.5f;
    static constexpr std::int32_t sqrt_half_bits = 0x3F3504F3;
    static constexpr float pi_4_high = 7.85398185e-01f;
    static constexpr float pi_4_low = -2.18556941e-08f;
    /// Three exact products, for n < 2^10.
    static constexpr float trigonometric_limit = 1e3f;
    static constexpr float pi_2_parts[] = {0x1.9218p+0f, 0x1.ed5p-14f, 0x1.10bp-30f,
                                           0x1.184698p-44f};
    // As for double, with errors below 2^-25 and 2^-27 (exp), 2^-27 (sin and cos) and 2^-30.
    static constexpr float exp_series[] = {0.49999997f, 0.166665435f, 0.0416671932f, 0.0083665587f,
                                           0.00138831337f};
    static constexpr float sin_series[] = {-0.166666552f, 0.00833219104f, -0.000195185989f};
    static constexpr float cos_series[] = {0.0416666456f, -0.00138873013f, 2.44306702e-05f};
    static constexpr float atan_series[] = {-0.333333164f, 0.199985325f, -0.142445102f,
                                            0.106001653f, -0.0609270707f};
    static constexpr float atanh_series[] = {0.666666627f, 0.400009722f, 0.284987926f,
                                             0.242788538f};
};

/// y[i] = function(x[0][i], x[1][i], ...) for the lanes i that are wanted.
template <class Integer, class T, class Function, std::size_t arguments, std::size_t lanes>
#if defined(__GNUC__)
__attribute__((noinline, cold))
#endif
void recompute(const Integer (&wanted)[lanes], T (&y)[lanes], const Function& function,
               const T (&x)[arguments][lanes]) {
    for (std::size_t i = 0; i < lanes; ++i) {
        if (!wanted[i]) continue;
        if constexpr (arguments == 1)
            y[i] = function(x[0][i]);
        else
            y[i] = function(x[0][i], x[1][i]);
    }
}

}  // namespace cunewton::detail

// 1 where vectors may be given to GCC's built-in functions for x86.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define CUNEWTON_NATIVE_BUILTINS 1
#else
#define CUNEWTON_NATIVE_BUILTINS 0
#endif

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
#include "cunewton/scalar/pack_definition.inc"
#else
#define CUNEWTON_LANES base
#define CUNEWTON_LANES_BYTES 16
#define CUNEWTON_LANES_TARGET
#include "cunewton/scalar/pack_definition.inc"
#if CUNEWTON_CHOOSES_LANES
#define CUNEWTON_TARGET_AVX2 __attribute__((target("avx2,fma")))
#define CUNEWTON_LANES avx2
#define CUNEWTON_LANES_BYTES 32
#define CUNEWTON_LANES_TARGET CUNEWTON_TARGET_AVX2
#include "cunewton/scalar/pack_definition.inc"
#define CUNEWTON_TARGET_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma")))
#define CUNEWTON_LANES avx512
#define CUNEWTON_LANES_BYTES 64
#define CUNEWTON_LANES_TARGET CUNEWTON_TARGET_AVX512
#include "cunewton/scalar/pack_definition.inc"
#endif
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#undef CUNEWTON_NATIVE_BUILTINS
#undef CUNEWTON_LANE_FUNCTIONS
