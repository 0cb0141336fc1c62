// How a batch of small problems is laid out on a GPU: a thread or a warp for each problem, and how
// much shared memory. Plain host code.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>

#include "cunewton/cpu/small_code.h"
#include "cunewton/small/problem.h"
#include "cunewton/small/solver.h"

namespace cunewton::cuda {

/// What a device offers. See device_limits() in cuda/small_code_of.cuh.
struct DeviceLimits {
    int multiprocessors;
    int blocks;           ///< resident on a multiprocessor, at most
    long block_bytes;     ///< of shared memory that a block can opt in to
    long shared_bytes;    ///< of shared memory on a multiprocessor
    long reserved_bytes;  ///< of shared memory that each block takes for itself
};

/// Shared memory that a batch needs.
struct BatchMemory {
    int parameters;
    int thread_limit;         ///< most_thread_parameters()
    long thread_kernel_warp;  ///< 32 problems: data and solver state
    long warp_kernel_state;   ///< one problem: solver state
    long warp_kernel_data;    ///< one problem: data
    long coordinates;         ///< shared by all problems; once a block
};

/// The kernel that runs a batch.
struct BatchPlan {
    int warps;            ///< of a block; 0: the device has too little shared memory
    bool thread_kernel;   ///< a thread for each problem; or a warp
    bool data_in_shared;  ///< always so with a thread for each problem
    long shared_bytes;    ///< of a block
};

/// Parameters of a problem that a thread solves by itself, at most: their derivatives and factors
/// fit into its 255 registers of four bytes. More doubles spill.
constexpr int most_thread_parameters(SmallKind kind, int number_bytes) {
    if (number_bytes <= 4) return batch::unrolled_parameters;
    return kind == SmallKind::fit ? 7 : 5;
}

/// Warps of a block, 1 to 8, for most warps on a multiprocessor; 0: not even one fits.
inline int warps_of_block(long warp_bytes, long block_bytes, const DeviceLimits& limits) {
    int best = 0;
    long most = 0;
    for (int warps = 1; warps <= 8; ++warps) {
        const long bytes = block_bytes + warps * warp_bytes;
        if (bytes > limits.block_bytes) break;
        const long resident =
            warps *
            std::min<long>(limits.blocks, limits.shared_bytes / (bytes + limits.reserved_bytes));
        if (resident > most) {
            most = resident;
            best = warps;
        }
    }
    return best;
}

namespace detail {

inline constexpr int warp_threads = 32;
/// Number k of a thread's problem lies at [k * column_stride] of its warp's shared memory. An odd
/// stride lets the warp write one problem's neighbouring points without bank conflicts, as well as
/// read the same point of all its problems.
inline constexpr int column_stride = warp_threads + 1;
/// Where a problem's numbers lie in shared memory.
struct BatchLayout {
    batch::StateLayout state;
    int trial;  ///< f, gradient, Hessian at the trial point, where registers do not hold them
    int sizes;  ///< differences: typical ones of the parameters
    int rows;   ///< derivatives of points, before they are summed
    int y, weights, x;
    int data;  ///< where y begins
    int size;
};

/// What decides the layout: a model without its type, and the arrays that there are.
struct BatchNeeds {
    SmallKind kind;
    BatchDerivatives by;
    int n, coordinates;
    int points;
    bool bounded, weighted, own_coordinates;
};

inline BatchLayout batch_layout(const BatchNeeds& needs, bool thread_kernel, bool data_in_shared) {
    const int n = needs.n;
    const bool fit = needs.kind == SmallKind::fit, unrolled = n <= batch::unrolled_parameters;
    const bool differences = needs.by == BatchDerivatives::differences;
    const bool analytic = needs.by == BatchDerivatives::analytic;
    BatchLayout at{};
    at.state = {n, fit, needs.bounded, !thread_kernel};
    const int packed = at.state.packed();
    at.trial = at.state.size();
    at.sizes = at.trial + (thread_kernel && (fit || analytic) ? 0 : 1 + n + packed);
    at.rows = at.sizes + (differences ? n : 0);
    int rows = 0;
    if (fit && unrolled) rows = differences ? n * (thread_kernel ? 1 : warp_threads) : 0;
    if (fit && !unrolled) rows = warp_threads * ((n | 1) + 3);
    if (!fit && analytic && !unrolled) rows = n + packed;
    at.data = at.y = at.rows + rows;
    const int points = data_in_shared ? needs.points : 0;
    at.weights = at.y + (fit ? points : 0);
    at.x = at.weights + (needs.weighted ? points : 0);
    at.size = at.x + (needs.own_coordinates ? points * needs.coordinates : 0);
    return at;
}

}  // namespace detail

/// Shared memory that problems need, whose numbers have `number_bytes`.
inline BatchMemory batch_memory(const detail::BatchNeeds& needs, int number_bytes) {
    const detail::BatchLayout thread = detail::batch_layout(needs, true, true);
    const detail::BatchLayout warp = detail::batch_layout(needs, false, true);
    const long bytes = number_bytes;
    const long shared = needs.own_coordinates ? 0 : long{needs.points} * needs.coordinates;
    return {needs.n,
            most_thread_parameters(needs.kind, number_bytes),
            bytes * thread.size * detail::column_stride,
            bytes * warp.data,
            bytes * (warp.size - warp.data),
            bytes * shared};
}

/// Chooses the kernel:
///   - a thread for each problem if it has at most most_thread_parameters(), and the data and
///     states of 64 problems fit into a block's shared memory;
///   - else a warp for each problem. Its data lie in shared memory too if that leaves room for four
///     problems in a block, and are read from global memory at each iteration otherwise.
/// The number of problems has no part in it, so that chunks of any size give the same bits.
inline BatchPlan plan_batch(const BatchMemory& memory, const DeviceLimits& limits) {
    const auto with = [&](bool thread_kernel, bool data_in_shared, long warp_bytes) {
        const long block_bytes = data_in_shared ? memory.coordinates : 0;
        const int warps = warps_of_block(warp_bytes, block_bytes, limits);
        return BatchPlan{warps, thread_kernel, data_in_shared, block_bytes + warps * warp_bytes};
    };
    if (memory.parameters <= memory.thread_limit &&
        2 * memory.thread_kernel_warp + memory.coordinates <= limits.block_bytes)
        return with(true, true, memory.thread_kernel_warp);
    const long both = memory.warp_kernel_state + memory.warp_kernel_data;
    if (4 * both + memory.coordinates <= limits.block_bytes) return with(false, true, both);
    return with(false, false, memory.warp_kernel_state);
}

}  // namespace cunewton::cuda
