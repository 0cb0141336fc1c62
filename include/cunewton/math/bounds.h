// A box of bounds, entry by entry. Host and device; written once for
// both.
#pragma once

#include "cunewton/scalar/macros.h"

namespace cunewton {

/// The number of [lower, upper] that is nearest to x; NaN if x is.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T clamped(T x, T lower, T upper) {
    return x < lower ? lower : x > upper ? upper : x;
}

/// Whether a parameter may move downhill: it is not at a bound across which the loss falls.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool is_free(T x, T g, T lower, T upper) {
    return lower < upper && !(x <= lower && g > T(0)) && !(x >= upper && g < T(0));
}

/// Entry (i, j) of a matrix that is the identity where not both parameters are free; `free` is 0
/// for those that are not.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T restricted(T entry, T free_i, T free_j,
                                                         bool diagonal) {
    if (free_i != T(0) && free_j != T(0)) return entry;
    return diagonal ? T(1) : T(0);
}

}  // namespace cunewton
