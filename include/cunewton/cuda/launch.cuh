// Launches, and sums over the threads of a block.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cuda/check.cuh"

namespace cunewton::cuda {

/// Blocks of `threads` threads that cover `count` indices.
inline unsigned blocks_for(long count, int threads) {
    return static_cast<unsigned>((count + threads - 1) / threads);
}

#if defined(__CUDACC__)
/// The number of this thread in the grid.
__device__ inline long thread_index() {
    return static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x;
}

/// Sum over the block's threads, valid in thread 0: of each warp, then of the warps. The order of
/// additions is fixed by `threads`. All threads call it; a second call needs a barrier in between.
/// (CUB's does the same, and costs every user's file five seconds of compilation.)
template <int threads>
__device__ double block_sum(double value) {
    constexpr int warp = 32;
    static_assert(threads % warp == 0);
    __shared__ double sums[threads / warp];
    for (int step = 1; step < warp; step *= 2) value += __shfl_down_sync(~0u, value, step);
    if (threadIdx.x % warp == 0) sums[threadIdx.x / warp] = value;
    __syncthreads();
    if (threadIdx.x == 0)
        for (int w = 1; w < threads / warp; ++w) value += sums[w];
    return value;
}
#endif

}  // namespace cunewton::cuda
