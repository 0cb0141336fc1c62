// The outcome of kernel launches, and sums over the threads of a block.
#pragma once

#include <cuda_runtime.h>

#include <cub/block/block_reduce.cuh>
#include <string>

#include "cunewton/error.h"

namespace cunewton::cuda {

/// Throws OutOfMemory, BackendUnavailable (no code for this device) or DeviceError if the launch just
/// made, or earlier work on the device, failed.
inline void check_launch(const char* kernel) {
    const cudaError_t status = cudaGetLastError();
    if (status == cudaSuccess) return;
    const std::string what = std::string(kernel) + " could not be launched (" +
                             cudaGetErrorName(status) + ": " + cudaGetErrorString(status) + ") ";
    if (status == cudaErrorMemoryAllocation)
        throw OutOfMemory(what + "free memory on the device or use the CPU backend");
    if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction)
        throw BackendUnavailable(what + "compile the loss for this device's architecture");
    throw DeviceError(what +
                      "run under compute-sanitizer to find the cause, or use the CPU backend");
}

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
