// Statuses of the CUDA libraries as exceptions. Every call into them goes through check().
#pragma once

#include <cublas_v2.h>
#include <cusolverDn.h>

#include "cunewton/cuda/check.cuh"

namespace cunewton::cuda {

// As fail() in cunewton/cuda/check.cuh: OutOfMemory if the status says so, else DeviceError.
[[noreturn]] void fail(cublasStatus_t status, const char* problem);
[[noreturn]] void fail(cusolverStatus_t status, const char* problem);

inline void check(cudaError_t status, const char* problem) {
    check_call(status, problem);
}
inline void check(cublasStatus_t status, const char* problem) {
    if (status != CUBLAS_STATUS_SUCCESS) fail(status, problem);
}
inline void check(cusolverStatus_t status, const char* problem) {
    if (status != CUSOLVER_STATUS_SUCCESS) fail(status, problem);
}

}  // namespace cunewton::cuda
