// Launches, and sums over the threads of a block.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cub/block/block_reduce.cuh>

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

/// Sum over the block's threads, valid in thread 0. The order of additions is fixed by `threads`.
/// All threads call it; a second call needs a barrier in between.
template <int threads>
__device__ double block_sum(double value) {
    using Reduce = cub::BlockReduce<double, threads>;
    __shared__ typename Reduce::TempStorage storage;
    return Reduce(storage).Sum(value);
}
#endif

}  // namespace cunewton::cuda
