// (Compiled in the user's file.) Packs of SIMD lanes that are used like one number. Host only.
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

#include "cunewton/scalar/float_format.h"
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
/// the instruction set of caller and callee. And with an assignment of its own, the result of a
/// call that is assigned first lies in an object of the class's alignment: without, GCC 12 gives it
/// only that of the caller's widest vectors. Inlined, both cost nothing.
struct PassedInMemory {
    PassedInMemory() = default;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PassedInMemory(const PassedInMemory&) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PassedInMemory& operator=(const PassedInMemory&) {
        return *this;
    }
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
