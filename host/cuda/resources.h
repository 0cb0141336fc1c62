// Owners of CUDA resources: streams, library handles, device and page-locked memory. They can be
// moved, not copied. Constructors throw OutOfMemory or DeviceError; destructors never throw, and
// ignore the statuses of releases: a device that has failed, or a runtime that is being unloaded at
// the end of the process, has nothing left to release.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "host/cuda/check.h"

namespace cunewton::cuda {

/// A handle that `Release` gives back.
template <class Handle, auto Release>
struct HandleRelease {
    using pointer = Handle;
    void operator()(Handle handle) const noexcept { static_cast<void>(Release(handle)); }
};
template <class Handle, auto Release>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, HandleRelease<Handle, Release>>;

using OwnedStream = Owned<cudaStream_t, &cudaStreamDestroy>;
using OwnedEvent = Owned<cudaEvent_t, &cudaEventDestroy>;
using OwnedGraph = Owned<cudaGraph_t, &cudaGraphDestroy>;
using OwnedGraphExec = Owned<cudaGraphExec_t, &cudaGraphExecDestroy>;
using OwnedBlas = Owned<cublasHandle_t, &cublasDestroy>;
using OwnedSolver = Owned<cusolverDnHandle_t, &cusolverDnDestroy>;
using OwnedSolverParams = Owned<cusolverDnParams_t, &cusolverDnDestroyParams>;

/// A stream that does not wait for the default stream.
inline OwnedStream make_stream() {
    cudaStream_t stream = nullptr;
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "no CUDA stream was created");
    return OwnedStream(stream);
}
/// An event that only tells that it has been passed.
inline OwnedEvent make_event() {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "no CUDA event was created");
    return OwnedEvent(event);
}
inline OwnedBlas make_blas(cudaStream_t stream) {
    cublasHandle_t handle = nullptr;
    check(cublasCreate(&handle), "cuBLAS did not start");
    OwnedBlas owned(handle);
    check(cublasSetStream(handle, stream), "cuBLAS took no stream");
    return owned;
}
inline OwnedSolver make_solver(cudaStream_t stream) {
    cusolverDnHandle_t handle = nullptr;
    check(cusolverDnCreate(&handle), "cuSOLVER did not start");
    OwnedSolver owned(handle);
    check(cusolverDnSetStream(handle, stream), "cuSOLVER took no stream");
    return owned;
}
inline OwnedSolverParams make_solver_params() {
    cusolverDnParams_t params = nullptr;
    check(cusolverDnCreateParams(&params), "cuSOLVER made no parameters");
    return OwnedSolverParams(params);
}

/// `size` elements of device memory, uninitialised. T is trivially copyable.
template <class T>
class DeviceArray {
  public:
    DeviceArray() = default;
    explicit DeviceArray(std::size_t size) : size_(size) {
        if (size == 0) return;
        void* data = nullptr;
        const cudaError_t status = cudaMalloc(&data, size * sizeof(T));
        if (status != cudaSuccess)
            fail(status, "device memory could not be allocated", size * sizeof(T));
        data_.reset(static_cast<T*>(data));
    }
    T* get() const { return data_.get(); }
    std::size_t size() const { return size_; }
    /// Hands the memory over; the caller frees it with cudaFree.
    T* release() { return data_.release(); }

  private:
    struct Free {
        void operator()(T* data) const noexcept { static_cast<void>(cudaFree(data)); }
    };
    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

/// `size` elements of page-locked host memory, uninitialised. T is trivially copyable.
template <class T>
class PinnedArray {
  public:
    PinnedArray() = default;
    explicit PinnedArray(std::size_t size) : size_(size) {
        if (size == 0) return;
        void* data = nullptr;
        const cudaError_t status = cudaMallocHost(&data, size * sizeof(T));
        if (status != cudaSuccess)
            fail(status, "page-locked memory could not be allocated", size * sizeof(T));
        data_.reset(static_cast<T*>(data));
    }
    T* get() const { return data_.get(); }
    std::size_t size() const { return size_; }

  private:
    struct Free {
        void operator()(T* data) const noexcept { static_cast<void>(cudaFreeHost(data)); }
    };
    std::unique_ptr<T, Free> data_;
    std::size_t size_ = 0;
};

/// One T in page-locked host memory, which copies from the device can reach without a detour.
template <class T>
class PinnedValue {
  public:
    PinnedValue() {
        void* data = nullptr;
        check(cudaMallocHost(&data, sizeof(T)), "page-locked memory could not be allocated");
        data_.reset(new (data) T());
    }
    T* get() const { return data_.get(); }
    T* operator->() const { return data_.get(); }

  private:
    static_assert(std::is_trivially_destructible_v<T>);
    struct Free {
        void operator()(T* data) const noexcept { static_cast<void>(cudaFreeHost(data)); }
    };
    std::unique_ptr<T, Free> data_;
};

}  // namespace cunewton::cuda
