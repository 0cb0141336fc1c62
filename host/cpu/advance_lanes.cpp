#include "host/cpu/advance_lanes.h"

#include "host/cpu/advance_lanes_code.h"

namespace cunewton::cpu {

// In files of their own: see advance_lanes_part.cpp.in.
#define CUNEWTON_DECLARE_KIND(Lanes, kind)                                                   \
    extern template void advance_lanes_in<Lanes, SmallKind::kind>(const LanesCall<double>&); \
    extern template void advance_lanes_in<Lanes, SmallKind::kind>(const LanesCall<float>&);
#define CUNEWTON_DECLARE(Lanes)       \
    CUNEWTON_DECLARE_KIND(Lanes, fit) \
    CUNEWTON_DECLARE_KIND(Lanes, objective)
#if defined(CUNEWTON_ONLY_LANES)
CUNEWTON_DECLARE(CUNEWTON_ONLY_LANES)
#else
CUNEWTON_DECLARE(BaseLanes)
#if CUNEWTON_CHOOSES_LANES
CUNEWTON_DECLARE(Avx2Lanes)
CUNEWTON_DECLARE(Avx512Lanes)
#endif
#endif
#undef CUNEWTON_DECLARE
#undef CUNEWTON_DECLARE_KIND

bool is_compiled_for(SmallKind kind, int parameters) {
    bool own = false;
    choose_lanes([&]<class Lanes>() { own = has_own_sizes<Lanes>; });
    return own && parameters >= 2 && parameters <= most_of(kind);
}

template <class T>
void advance_lanes(SmallKind kind, const batch::StateLayout& layout, T* state, T* f, T* gradient,
                   T* hessian, const batch::SolverSettings<T>& settings) {
    const LanesCall<T> call{layout, state, f, gradient, hessian, settings};
    choose_lanes([&]<class Lanes>() {
        if (kind == SmallKind::fit)
            advance_lanes_in<Lanes, SmallKind::fit>(call);
        else
            advance_lanes_in<Lanes, SmallKind::objective>(call);
    });
}
template void advance_lanes(SmallKind, const batch::StateLayout&, double*, double*, double*,
                            double*, const batch::SolverSettings<double>&);
template void advance_lanes(SmallKind, const batch::StateLayout&, float*, float*, float*, float*,
                            const batch::SolverSettings<float>&);

}  // namespace cunewton::cpu
