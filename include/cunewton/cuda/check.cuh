// The outcome of CUDA calls and kernel launches.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "cunewton/error.h"

namespace cunewton::cuda {

/// Throws OutOfMemory, BackendUnavailable (no code for this device) or DeviceError unless a call
/// succeeded. `problem` begins the message: what could not be done.
inline void check_call(cudaError_t status, const char* problem) {
    if (status == cudaSuccess) return;
    static_cast<void>(cudaGetLastError());  // forgets it, if it can be forgotten
    const std::string what = std::string(problem) + " (" + cudaGetErrorName(status) + ": " +
                             cudaGetErrorString(status) + ") ";
    if (status == cudaErrorMemoryAllocation)
        throw OutOfMemory(what + "free memory on the device or use the CPU backend");
    if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction)
        throw BackendUnavailable(what + "compile the loss for this device's architecture");
    throw DeviceError(what +
                      "run under compute-sanitizer to find the cause, or use the CPU backend");
}

/// The same for the launch just made, or earlier work on the device.
inline void check_launch(const char* kernel) {
    const cudaError_t status = cudaGetLastError();
    if (status != cudaSuccess)
        check_call(status, (std::string(kernel) + " could not be launched").c_str());
}

}  // namespace cunewton::cuda
