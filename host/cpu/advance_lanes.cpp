#include "host/cpu/advance_lanes.h"

#include <type_traits>

#include "cunewton/cpu/dispatch.h"

namespace cunewton::cpu {

namespace {

/// Numbers of parameters with code of their own. More of an objective's gain nothing.
constexpr int most_of_fits = 6, most_of_objectives = 4;

template <class S, int N>
CUNEWTON_ALWAYS_INLINE void advance(BatchKind kind, const batch::StateLayout& layout, real_t<S>* state,
                                    real_t<S>* f, real_t<S>* gradient, real_t<S>* hessian,
                                    const batch::SolverSettings<real_t<S>>& settings) {
    constexpr std::ptrdiff_t stride = lane_count<real_t<S>>;
    for (int lane = 0; lane < stride; lane += S::lanes) {
        const batch::Slots<S> memory{state + lane, stride};
        const batch::TrialSlots<S> trial{
            {f + lane, stride}, {gradient + lane, stride}, {hessian + lane, stride}};
        if (kind == BatchKind::fit)
            batch::advance_fit<N>(memory, layout, trial, settings);
        else if constexpr (N <= most_of_objectives)
            batch::advance_objective<N>(memory, layout, trial, settings);
    }
}

}  // namespace

bool is_compiled_for(BatchKind kind, int parameters) {
    return instruction_set() != InstructionSet::base && parameters >= 2 &&
           parameters <= (kind == BatchKind::fit ? most_of_fits : most_of_objectives);
}

template <class T>
void advance_lanes(BatchKind kind, const batch::StateLayout& layout, T* state, T* f, T* gradient,
                   T* hessian, const batch::SolverSettings<T>& settings) {
    const auto run = [&]<int N>() {
        with_lanes([&]<class Lanes>() {
            // Too many variants to compile them for old processors too.
            if constexpr (N == 0 || !std::is_same_v<Lanes, BaseLanes>) {
                // Two vectors at a time where operations wait for each other (few parameters) or are
                // outnumbered by those on indices (loops); one where registers would not suffice.
                using S = typename Lanes::template Pack<T, N <= 4 ? 2 : 1>;
                advance<S, N>(kind, layout, state, f, gradient, hessian, settings);
            }
        });
    };
    switch (layout.in_memory ? 0 : layout.n) {
        case 2: return run.template operator()<2>();
        case 3: return run.template operator()<3>();
        case 4: return run.template operator()<4>();
        case 5: return run.template operator()<5>();
        case 6: return run.template operator()<6>();
        default: return run.template operator()<0>();
    }
}
template void advance_lanes(BatchKind, const batch::StateLayout&, double*, double*, double*, double*,
                            const batch::SolverSettings<double>&);
template void advance_lanes(BatchKind, const batch::StateLayout&, float*, float*, float*, float*,
                            const batch::SolverSettings<float>&);

}  // namespace cunewton::cpu
