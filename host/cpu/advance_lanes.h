// One solver iteration of all problems in a block of lanes.
#pragma once

#include "cunewton/cpu/small_code.h"
#include "cunewton/small/solver.h"

namespace cunewton::cpu {

/// Problems that are solved side by side by one thread: two of the widest vectors.
template <class T>
inline constexpr int lane_count = 128 / static_cast<int>(sizeof(T));

/// Whether the solver is compiled for just this number of parameters, for the lanes of this
/// processor; for others it uses loops, and the state has to hold its working memory.
bool is_compiled_for(SmallKind kind, int parameters);

/// The state of lane l lies at state[slot * lane_count + l], the trial's sums likewise.
template <class T>
void advance_lanes(SmallKind kind, const batch::StateLayout& layout, T* state, T* f, T* gradient,
                   T* hessian, const batch::SolverSettings<T>& settings);

}  // namespace cunewton::cpu
