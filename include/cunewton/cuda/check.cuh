// The outcome of CUDA calls and kernel launches.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cuda_runtime.h>

#include <cstddef>
#include <string>

#include "cunewton/error.h"

namespace cunewton::cuda {

namespace detail {
/// "80000000 bytes wanted, 2097152 bytes free on the device"; what is known of it.
inline std::string memory_wanted_and_free(std::size_t wanted) {
    std::string text = wanted > 0 ? std::to_string(wanted) + " bytes wanted" : "";
    std::size_t free = 0, total = 0;
    if (cudaMemGetInfo(&free, &total) == cudaSuccess)
        text += (text.empty() ? "" : ", ") + std::to_string(free) + " bytes free on the device";
    else
        static_cast<void>(cudaGetLastError());
    return text;
}
}  // namespace detail

/// "cudaErrorMemoryAllocation: out of memory"
inline std::string describe(cudaError_t status) {
    return std::string(cudaGetErrorName(status)) + ": " + cudaGetErrorString(status);
}

/// Whether a kernel's status says that it was compiled for other devices.
inline bool is_no_code(cudaError_t status) {
    return status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction ||
           status == cudaErrorUnsupportedPtxVersion;
}

/// Throws what a call's status means: OutOfMemory, BackendUnavailable (no code for this device),
/// InvalidArgument (a stream is being captured into a graph) or DeviceError. `problem` begins the
/// message: what could not be done. `why` is what the status is called. `wanted`: bytes that were
/// asked for, if it was memory; 0 if that is not known.
[[noreturn]] inline void fail(cudaError_t status, const std::string& problem,
                              const std::string& why, std::size_t wanted = 0) {
    // Forgets the error if it is one that can be forgotten, so that no later call reports it again.
    static_cast<void>(cudaGetLastError());
    if (is_no_code(status))
        throw BackendUnavailable(problem + " (" + why +
                                 ") compile the loss for this device's architecture");
    if (status == cudaErrorMemoryAllocation) {
        const std::string sizes = detail::memory_wanted_and_free(wanted);
        throw OutOfMemory(problem + " (" + why + (sizes.empty() ? "" : "; " + sizes) +
                          ") lower memory_budget, free memory on the device or use the CPU "
                          "backend");
    }
    if (status == cudaErrorStreamCaptureUnsupported ||
        status == cudaErrorStreamCaptureInvalidated || status == cudaErrorStreamCaptureImplicit)
        throw InvalidArgument(problem + " (" + why +
                              "; a stream is being captured into a graph) end the capture first, "
                              "or capture a batch whose arrays all are on the device");
    throw DeviceError(problem + " (" + why +
                      ") check the device with nvidia-smi and the loss with compute-sanitizer, or "
                      "use the CPU backend");
}
[[noreturn]] inline void fail(cudaError_t status, const std::string& problem,
                              std::size_t wanted = 0) {
    fail(status, problem, describe(status), wanted);
}

/// fail() unless a call succeeded.
inline void check_call(cudaError_t status, const char* problem) {
    if (status != cudaSuccess) fail(status, problem);
}

/// The same for the launch just made, or earlier work on the device.
inline void check_launch(const char* kernel) {
    const cudaError_t status = cudaGetLastError();
    if (status != cudaSuccess) fail(status, std::string(kernel) + " could not be launched");
}

}  // namespace cunewton::cuda
