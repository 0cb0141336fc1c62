// advance_lanes() for one instruction set. It is the library's longest code by far: each type and
// instruction set is instantiated in a file of its own (advance_lanes_part.cpp.in), so that they
// compile side by side.
#pragma once

#include <type_traits>

#include "cunewton/cpu/dispatch.h"
#include "host/cpu/advance_lanes.h"

namespace cunewton::cpu {

/// The arguments of advance_lanes().
template <class T>
struct LanesCall {
    SmallKind kind;
    const batch::StateLayout& layout;
    T* state;
    T* f;
    T* gradient;
    T* hessian;
    const batch::SolverSettings<T>& settings;
};

/// Numbers of parameters with code of their own. More of an objective's gain nothing.
inline constexpr int most_of_fits = 6, most_of_objectives = 4;

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

template <class S, int N>
CUNEWTON_ALWAYS_INLINE void advance(const LanesCall<real_t<S>>& call) {
    constexpr std::ptrdiff_t stride = lane_count<real_t<S>>;
    for (int lane = 0; lane < stride; lane += S::lanes) {
        const batch::Memory<S> memory{call.state + lane, stride};
        const batch::TrialMemory<S> trial{
            {call.f + lane, stride}, {call.gradient + lane, stride}, {call.hessian + lane, stride}};
        if (call.kind == SmallKind::fit)
            batch::advance_fit<N>(memory, call.layout, trial, call.settings);
        else if constexpr (N <= most_of_objectives)
            batch::advance_objective<N>(memory, call.layout, trial, call.settings);
    }
}

template <int N, class Lanes, class T>
void advance_size(const LanesCall<T>& call) {
    run_in<Lanes>([&]<class Same>() {
        // Two vectors at a time where operations wait for each other (few parameters) or are
        // outnumbered by those on indices (loops); one where registers would not suffice.
        advance<typename Same::template Pack<T, N <= 4 ? 2 : 1>, N>(call);
    });
}

}  // namespace detail

template <class Lanes, class T>
void advance_lanes_in(const LanesCall<T>& call) {
    if constexpr (has_own_sizes<Lanes>) {
        switch (call.layout.in_memory ? 0 : call.layout.n) {
            case 2:
                return detail::advance_size<2, Lanes>(call);
            case 3:
                return detail::advance_size<3, Lanes>(call);
            case 4:
                return detail::advance_size<4, Lanes>(call);
            case 5:
                return detail::advance_size<5, Lanes>(call);
            case 6:
                return detail::advance_size<6, Lanes>(call);
            default:
                break;
        }
    }
    detail::advance_size<0, Lanes>(call);
}

}  // namespace cunewton::cpu
