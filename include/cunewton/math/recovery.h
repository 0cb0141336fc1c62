// (Compiled in the library.) The entries of a sparse matrix from few products with it: see
// Compression in host/backend/sparse_matrices.h. Host and device.
#pragma once

#include "cunewton/scalar/macros.h"

namespace cunewton {

/// Parameter j of x + sign h_c; `in`: its colour is c. x null: the origin; h null: 1.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T seeded(const T* x, const T* h, bool in, T sign,
                                                     long j) {
    const T at = x ? x[j] : T(0);
    return in ? at + sign * (h ? h[j] : T(1)) : at;
}

/// Compression's arrays where they are used; h null: 1.
template <class T>
struct RecoveryView {
    const long* place;
    const int* column;
    const long* known_starts;
    const int* known;
    const int* known_column;
    const T* h;

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T step(int j) const { return h ? h[j] : T(1); }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T direct(const T* B, long e) const {
        return B[place[e]] / step(column[e]);
    }
    /// A: what is known already.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T substituted(const T* B, const T* A,
                                                              long e) const {
        T rest = B[place[e]];
        for (long s = known_starts[e]; s < known_starts[e + 1]; ++s)
            rest -= A[known[s]] * step(known_column[s]);
        return rest / step(column[e]);
    }
};

}  // namespace cunewton
