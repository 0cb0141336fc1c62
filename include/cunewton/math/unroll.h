// (Compiled in the user's file.) Loops that the compiler unrolls where it knows their length. Host
// and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"

#if defined(__CUDA_ARCH__)
// Loops of unknown length stay loops: unrolled, they double the code and the time to compile it.
#define CUNEWTON_UNROLLED _Pragma("unroll")
#define CUNEWTON_NOT_UNROLLED _Pragma("unroll 1")
#elif defined(__clang__)
#define CUNEWTON_UNROLLED _Pragma("unroll")
#elif defined(__GNUC__) && !defined(__CUDACC__) && !defined(CUNEWTON_BASELINE_LANES)
#define CUNEWTON_UNROLLED _Pragma("GCC unroll 40")
#else
#define CUNEWTON_UNROLLED
#endif
#if !defined(CUNEWTON_NOT_UNROLLED)
#define CUNEWTON_NOT_UNROLLED
#endif

namespace cunewton::batch {

/// A number of a type that carries it. (std::integral_constant does not convert on the device.)
template <int k>
struct Constant {
    static constexpr int value = k;
    CUNEWTON_HOST_DEVICE constexpr operator int() const { return k; }
};
/// f(0), f(1), ... with numbers of types that carry them.
template <class F, int... K>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void call_each(const F& f,
                                                           std::integer_sequence<int, K...>) {
    (f(Constant<K>()), ...);
}

/// f(j) for begin <= j < n; unrolled if N > 0, which is at least n.
template <int N, class F>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void loop(int begin, int n, const F& f) {
    if constexpr (N > 0) {
        CUNEWTON_UNROLLED
        for (int j = begin; j < n; ++j) f(j);
    } else {
        CUNEWTON_NOT_UNROLLED
        for (int j = begin; j < n; ++j) f(j);
    }
}
/// The same from n - 1 down to 0.
template <int N, class F>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void loop_down(int n, const F& f) {
    if constexpr (N > 0) {
        CUNEWTON_UNROLLED
        for (int j = n - 1; j >= 0; --j) f(j);
    } else {
        CUNEWTON_NOT_UNROLLED
        for (int j = n - 1; j >= 0; --j) f(j);
    }
}
/// The same as loop(), divided among the group's threads.
template <int N, class Group, class F>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void divide(const Group& group, int begin, int n,
                                                        const F& f) {
    if constexpr (N > 0) {
        loop<N>(begin, n, f);
    } else {
        CUNEWTON_NOT_UNROLLED
        for (int j = begin + group.rank(); j < n; j += group.size()) f(j);
    }
}

}  // namespace cunewton::batch

#undef CUNEWTON_UNROLLED
#undef CUNEWTON_NOT_UNROLLED
