// (Compiled in the user's file.) Runs a piece of code in the widest SIMD lanes that the processor
// has.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <string>
#include <type_traits>

#include "cunewton/error.h"
#include "cunewton/scalar/pack.h"

namespace cunewton::cpu {

enum class InstructionSet { portable, base, avx2, avx512 };
inline const char* to_string(InstructionSet set) {
    switch (set) {
        case InstructionSet::portable:
            return "portable";
        case InstructionSet::base:
            return "base";
        case InstructionSet::avx2:
            return "avx2";
        case InstructionSet::avx512:
            return "avx512";
    }
    return "unknown";
}

inline namespace CUNEWTON_CPU_CODE {

/// What with_lanes() runs in this translation unit on this processor.
inline InstructionSet instruction_set() {
#if defined(__CUDACC__)
    return InstructionSet::portable;
#elif CUNEWTON_CHOOSES_LANES
    static const InstructionSet best = [] {
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
            return InstructionSet::avx512;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            return InstructionSet::avx2;
        return InstructionSet::base;
    }();
    return best;
#else
    return InstructionSet::base;
#endif
}

}  // namespace CUNEWTON_CPU_CODE

/// Tags that name a Pack family.
#if defined(__CUDACC__)
struct PortableLanes {
    template <class T, int V>
    using Pack = lanes::portable::Pack<T, V>;
};
#else
struct BaseLanes {
    template <class T, int V>
    using Pack = lanes::base::Pack<T, V>;
};
#if CUNEWTON_CHOOSES_LANES
struct Avx2Lanes {
    template <class T, int V>
    using Pack = lanes::avx2::Pack<T, V>;
};
struct Avx512Lanes {
    template <class T, int V>
    using Pack = lanes::avx512::Pack<T, V>;
};
#endif
#endif

namespace detail {
inline namespace CUNEWTON_CPU_CODE {
// `flatten` inlines the body, the user's functor and every lane operation into a function of the
// right target; the functor itself carries no attribute.
template <class Lanes, class Body>
#if defined(CUNEWTON_BASELINE_LANES)
__attribute__((noinline))
#else
__attribute__((noinline, flatten))
#endif
void run(const Body& body) {
    body.template operator()<Lanes>();
}
#if CUNEWTON_CHOOSES_LANES
template <class Body>
__attribute__((noinline, flatten)) CUNEWTON_TARGET_AVX2 void run_avx2(const Body& body) {
    body.template operator()<Avx2Lanes>();
}
template <class Body>
__attribute__((noinline, flatten)) CUNEWTON_TARGET_AVX512 void run_avx512(const Body& body) {
    body.template operator()<Avx512Lanes>();
}
#endif
}  // namespace CUNEWTON_CPU_CODE
}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// Calls body.operator()<Lanes>() in a function that is compiled for these lanes, which the
/// processor has. What the body throws passes through.
template <class Lanes, class Body>
void run_in(const Body& body) {
#if CUNEWTON_CHOOSES_LANES
    if constexpr (std::is_same_v<Lanes, Avx512Lanes>)
        return detail::run_avx512(body);
    else if constexpr (std::is_same_v<Lanes, Avx2Lanes>)
        return detail::run_avx2(body);
    else
#endif
        detail::run<Lanes>(body);
}

/// The lanes that every processor of the architecture has.
#if defined(__CUDACC__)
using BaselineLanes = PortableLanes;
#else
using BaselineLanes = BaseLanes;
#endif

/// Calls body.operator()<Lanes>(), an ordinary function, with the best Lanes of the processor.
/// Throws BackendUnavailable where CUNEWTON_ONLY_LANES are compiled and the processor does not have
/// them.
template <class Body>
void choose_lanes(const Body& body) {
#if defined(CUNEWTON_ONLY_LANES)
    constexpr InstructionSet needed = std::is_same_v<CUNEWTON_ONLY_LANES, Avx512Lanes>
                                          ? InstructionSet::avx512
                                          : InstructionSet::avx2;
    if (instruction_set() < needed)
        throw BackendUnavailable(
            std::string("the CPU's code does not run on this processor (it is compiled for ") +
            to_string(needed) + " alone, the processor has " + to_string(instruction_set()) +
            ") compile it without CUNEWTON_ONLY_LANES and CUNEWTON_NATIVE_LANES");
    body.template operator()<CUNEWTON_ONLY_LANES>();
#else
#if CUNEWTON_CHOOSES_LANES
    if (instruction_set() == InstructionSet::avx512) return body.template operator()<Avx512Lanes>();
    if (instruction_set() == InstructionSet::avx2) return body.template operator()<Avx2Lanes>();
#endif
    body.template operator()<BaselineLanes>();
#endif
}

/// Both: the best lanes, in a function that is compiled for them.
template <class Body>
void with_lanes(const Body& body) {
    choose_lanes([&]<class Lanes>() { run_in<Lanes>(body); });
}

}  // namespace CUNEWTON_CPU_CODE

}  // namespace cunewton::cpu
