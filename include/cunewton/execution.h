// Where a call works and with what, and what has worked.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>
#include <string>
#include <string_view>

#include "cunewton/error.h"

struct CUstream_st;

namespace cunewton {

namespace cuda {
/// The CUDA stream type, without the CUDA headers (cudaStream_t is a pointer to it).
using Stream = CUstream_st*;
}  // namespace cuda

/// A backend by its name, as backends() lists them; "auto": the first that can.
class BackendChoice {
  public:
    static const BackendChoice automatic, cpu, cuda;

    /// Any name of at most 15 characters; whether there is such a backend is found out by the call
    /// that it is for. Throws InvalidArgument if it is longer.
    constexpr BackendChoice(std::string_view name) {
        if (name.size() >= sizeof(name_))
            throw InvalidArgument("there is no such backend (" + std::string(name) +
                                  ") see backends() for those that there are");
        for (std::size_t i = 0; i < name.size(); ++i) name_[i] = name[i];
    }
    constexpr BackendChoice(const char* name) : BackendChoice(std::string_view(name)) {}
    BackendChoice(const std::string& name) : BackendChoice(std::string_view(name)) {}
    constexpr const char* name() const { return name_; }
    friend constexpr bool operator==(const BackendChoice& a, const BackendChoice& b) {
        return std::string_view(a.name_) == b.name_;
    }

  private:
    char name_[16] = {};
};
inline constexpr BackendChoice BackendChoice::automatic{"auto"};
inline constexpr BackendChoice BackendChoice::cpu{"cpu"};
inline constexpr BackendChoice BackendChoice::cuda{"cuda"};

/// A part of the options of every call that computes.
struct Execution {
    /// The environment variable CUNEWTON_BACKEND (auto or a name) overrides `automatic`.
    BackendChoice backend = BackendChoice::automatic;
    int threads = 0;  ///< of the host; 0: all that the process may use
    int device = -1;  ///< number of the GPU; -1: that of the data, or else the current one
    /// Where work on the GPU is queued, after what is queued there already; it belongs to `device`.
    /// Null: a stream of the call's own, which does not wait for others.
    cuda::Stream stream = nullptr;
};

/// A part of every result.
struct RanOn {
    std::string backend;         ///< the name of what finished the job: "cpu", "cuda", ...
    std::string backend_reason;  ///< why that one ran
};

/// Bytes that a call takes, beside what the caller has.
struct MemoryNeeded {
    std::size_t host = 0;    ///< results that the call returns and page-locked memory included
    std::size_t device = 0;  ///< 0 if it runs on the CPU
};

}  // namespace cunewton
