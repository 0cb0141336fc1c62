// How a batch of small problems is laid out on a GPU: a thread or a warp for each problem, and how
// much shared memory. Plain host code.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>

#include "cunewton/cpu/small_code.h"
#include "cunewton/small/problem.h"

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
