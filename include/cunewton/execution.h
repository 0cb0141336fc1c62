// Where a call works and with what, and what has worked.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <string>

#include "cunewton/choices.h"

struct CUstream_st;

namespace cunewton {

namespace cuda {
/// The CUDA stream type, without the CUDA headers (cudaStream_t is a pointer to it).
using Stream = CUstream_st*;
}  // namespace cuda

/// A part of the options of every call that computes.
struct Execution {
    /// The environment variable CUNEWTON_BACKEND (auto, cpu, cuda) overrides `automatic`.
    BackendChoice backend = BackendChoice::automatic;
    int threads = 0;  ///< of the host; 0: all that the process may use
    int device = -1;  ///< number of the GPU; -1: that of the data, or else the current one
    /// Where work on the GPU is queued, after what is queued there already; it belongs to `device`.
    /// Null: a stream of the call's own, which does not wait for others.
    cuda::Stream stream = nullptr;
};

/// A part of every result.
struct RanOn {
    std::string backend;         ///< "cpu" or "cuda": what finished the job
    std::string backend_reason;  ///< why that one ran
};

}  // namespace cunewton
