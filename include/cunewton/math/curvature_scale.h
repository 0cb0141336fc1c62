// (Compiled in the library.) The length scale of a parameter, from the loss's curvature along it.
// Host and device.
#pragma once

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// A power of two s near sqrt(size), kept where s^2 is a normal number of type T. Scales that are
/// powers of two change no digits: a problem whose units are changed by powers of two is solved by
/// the same digits. size > 0; `parity` is that of the exponent of one and the same loss
/// (binary_parity) for all scales, so that an odd power in the loss's unit changes all of them
/// alike.
template <class T>
CUNEWTON_HOST_DEVICE T root_power_of_two(double size, int parity) {
    constexpr int most = sizeof(T) == 8 ? 500 : 60;
    int exponent = 0;
    static_cast<void>(frexp(size, &exponent));
    exponent -= parity;
    int half = exponent >= 0 ? exponent / 2 : -((1 - exponent) / 2);
    half = half > most ? most : half < -most ? -most : half;
    return static_cast<T>(ldexp(1.0, half));
}

/// 1 if the binary exponent of f is odd, else 0.
inline int binary_parity(double f) {
    int exponent = 0;
    static_cast<void>(std::frexp(f, &exponent));
    return exponent & 1;
}

/// Raises `largest`, the scale of parameter j so far (0: none yet), to that of the present
/// curvature H_jj, and returns the scale to use. Without any curvature yet it is |g_j| / sqrt|f|,
/// by which the loss would change by itself along one unit; without a slope either it is 1.
template <class T>
CUNEWTON_HOST_DEVICE T raise_scale(T& largest, T curvature, T slope, double f, int parity) {
    const double size = fabs(static_cast<double>(curvature));
    if (size > 0 && size <= 1.7976931348623157e308) {
        const T now = root_power_of_two<T>(size, parity);
        if (now > largest) largest = now;
    }
    if (largest > T(0)) return largest;
    const double ratio =
        fabs(static_cast<double>(slope)) / fabs(f) * fabs(static_cast<double>(slope));
    if (!(ratio > 0 && ratio <= 1.7976931348623157e308)) return T(1);
    return root_power_of_two<T>(ratio, parity);
}

/// Backend::determine_common_shifts() for place j of a block; A is column-major, its lower
/// triangle.
template <class T>
CUNEWTON_HOST_DEVICE void determine_common_shift(T* A, int outputs, int n, int j) {
    const int block = n / outputs;
    const auto entry = [&](int k, int l) -> T& {
        return A[static_cast<long>(l * block + j) * n + k * block + j];
    };
    T mean(0);
    for (int k = 0; k < outputs; ++k) mean += entry(k, k) / T(outputs);
    for (int l = 0; l < outputs; ++l)
        for (int k = l; k < outputs; ++k) entry(k, l) += mean;
}

/// A pivot of the Cholesky factorisation of A + shift S^2 beside the entry on the diagonal that it
/// is what is left of: 1 for a column by itself, of the order of epsilon for one that depends on
/// those before it, in any units.
template <class T>
CUNEWTON_HOST_DEVICE double pivot_ratio(T diagonal, T shift, T scale, T factor) {
    const double entry = static_cast<double>(diagonal) +
                         static_cast<double>(scale) * (static_cast<double>(shift) * scale);
    return static_cast<double>(factor) / entry * factor;
}

}  // namespace cunewton
