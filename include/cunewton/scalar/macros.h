// (Compiled in the user's file.) Portability macros for code that is compiled for host and device
// alike.
#pragma once

#include "cunewton/scalar/cpp20.h"

#if defined(__CUDACC__)
#define CUNEWTON_HOST_DEVICE __host__ __device__
#else
#define CUNEWTON_HOST_DEVICE
#endif

// A lane operation must disappear into its caller: left out of line it would be compiled for the
// baseline processor instead of the one that was chosen at run time. Where the baseline is all
// there is (CUNEWTON_BASELINE_LANES, see scalar/pack.h) the compiler may decide, which is quicker.
#if defined(__CUDACC_RTC__)
#define CUNEWTON_ALWAYS_INLINE __forceinline__
#elif defined(__GNUC__) && !defined(CUNEWTON_BASELINE_LANES)
#define CUNEWTON_ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define CUNEWTON_ALWAYS_INLINE inline
#endif
