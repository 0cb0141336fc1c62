// The largest number over the threads of a block.
#pragma once

#include <cub/block/block_reduce.cuh>

namespace cunewton::cuda {

/// The larger number; NaN if one is NaN.
struct Larger {
    __device__ double operator()(double a, double b) const { return a > b || isnan(a) ? a : b; }
};

/// Value over the block's threads, valid in thread 0.
template <int threads>
__device__ double block_largest(double value) {
    using Reduce = cub::BlockReduce<double, threads>;
    __shared__ typename Reduce::TempStorage storage;
    __syncthreads();
    return Reduce(storage).Reduce(value, Larger());
}

}  // namespace cunewton::cuda
