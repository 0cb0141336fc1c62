// Statuses of the CUDA libraries as exceptions. Every call into them goes through check().
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

namespace cunewton::cuda {

// Each throws OutOfMemory if the status says that memory was exhausted, else DeviceError. `problem`
// begins the message: what could not be done.
[[noreturn]] void fail(cudaError_t status, const char* problem);
[[noreturn]] void fail(cublasStatus_t status, const char* problem);
[[noreturn]] void fail(cusolverStatus_t status, const char* problem);

inline void check(cudaError_t status, const char* problem) {
    if (status != cudaSuccess) fail(status, problem);
}
inline void check(cublasStatus_t status, const char* problem) {
    if (status != CUBLAS_STATUS_SUCCESS) fail(status, problem);
}
inline void check(cusolverStatus_t status, const char* problem) {
    if (status != CUSOLVER_STATUS_SUCCESS) fail(status, problem);
}

}  // namespace cunewton::cuda
