// advance_lanes() for one instruction set. It is the library's longest code by far: each type,
// instruction set and kind is instantiated in a file of its own (advance_lanes_part.cpp.in), so
// that they compile side by side.
#pragma once

#include <type_traits>

#include "cunewton/cpu/dispatch.h"
#include "host/cpu/advance_lanes.h"

namespace cunewton::cpu {

/// The arguments of advance_lanes().
template <class T>
struct LanesCall {
    const batch::StateLayout& layout;
    T* state;
    T* f;
    T* gradient;
    T* hessian;
    const batch::SolverSettings<T>& settings;
};

/// Numbers of parameters with code of their own. More of an objective's gain nothing.
constexpr int most_of(SmallKind kind) {
    return kind == SmallKind::fit ? 6 : 4;
}

/// Whether there is such code for these lanes: there are too many variants to compile them for
/// older processors too.
#if CUNEWTON_CHOOSES_LANES
template <class Lanes>
inline constexpr bool has_own_sizes = std::is_same_v<Lanes, Avx512Lanes>;
#else
template <class Lanes>
inline constexpr bool has_own_sizes = false;
#endif

namespace detail {

template <class S, SmallKind kind, int N>
CUNEWTON_ALWAYS_INLINE void advance(const LanesCall<real_t<S>>& call) {
    constexpr std::ptrdiff_t stride = lane_count<real_t<S>>;
    for (int lane = 0; lane < stride; lane += S::lanes) {
        const batch::Memory<S> memory{call.state + lane, stride};
        const batch::TrialMemory<S> trial{
            {call.f + lane, stride}, {call.gradient + lane, stride}, {call.hessian + lane, stride}};
        if constexpr (kind == SmallKind::fit)
            batch::advance_fit<N>(memory, call.layout, trial, call.settings);
        else
            batch::advance_objective<N>(memory, call.layout, trial, call.settings);
    }
}

template <SmallKind kind, int N, class Lanes, class T>
void advance_size(const LanesCall<T>& call) {
    run_in<Lanes>([&]<class Same>() {
        // Two vectors at a time where operations wait for each other (few parameters) or are
        // outnumbered by those on indices (loops); one where registers would not suffice.
        advance<typename Same::template Pack<T, N <= 4 ? 2 : 1>, kind, N>(call);
    });
}

}  // namespace detail

template <class Lanes, SmallKind kind, class T>
void advance_lanes_in(const LanesCall<T>& call) {
    if constexpr (has_own_sizes<Lanes>) {
        const int n = call.layout.in_memory ? 0 : call.layout.n;
        switch (n) {
            case 2:
                return detail::advance_size<kind, 2, Lanes>(call);
            case 3:
                return detail::advance_size<kind, 3, Lanes>(call);
            case 4:
                return detail::advance_size<kind, 4, Lanes>(call);
            default:
                break;
        }
        if constexpr (most_of(kind) > 4) {
            if (n == 5) return detail::advance_size<kind, 5, Lanes>(call);
            if (n == 6) return detail::advance_size<kind, 6, Lanes>(call);
        }
    }
    detail::advance_size<kind, 0, Lanes>(call);
}

}  // namespace cunewton::cpu
