// (Compiled in the user's file.) Binary formats: their constants, and the series that the functions
// of lanes sum in them.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>

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

}  // namespace cunewton::detail
