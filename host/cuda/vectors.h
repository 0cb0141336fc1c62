// Vectors and numbers on one device, on one stream.
#pragma once

#include "cunewton/math/norm_sum.h"
#include "host/backend/registry.h"
#include "host/backend/vectors.h"
#include "host/cuda/resources.h"
#include "kernels/vector.h"

namespace cunewton::cuda {

/// Works on the device that is current when it is made. After the first call of each operation for
/// a size nothing is allocated any more, and only upload, download and read() wait.
template <class T>
class CudaVectors final : public Vectors<T> {
  public:
    /// stream: of the caller's, which outlives it; null: one of its own. can_capture: with what it
    /// takes to capture work on that stream into graphs.
    explicit CudaVectors(cudaStream_t stream, bool can_capture = false);
    ~CudaVectors() override;
    /// Bytes on the device of numbers and of sums over n entries.
    static std::size_t memory(int n, bool can_capture = false);

    const char* name() const override { return "cuda"; }
    Buffer<T> allocate(std::size_t count) override;
    std::size_t free_bytes() const override;
    void upload(T* to, const T* from_host, std::size_t count) override;
    void download(T* to_host, const T* from, std::size_t count) override;
    void copy(T* to, const T* from, std::size_t count) override;
    void scale(T* y, Factor<T> a, const T* x, long n) override;
    void unscale(T* y, const T* S, const T* x, long n) override;
    void scale_twice(T* y, const T* S, const T* x, long n) override;
    void add_scaled(T* y, const T* x, Factor<T> a, const T* p, long n) override;
    void take_off_mean(T* x, int count, T* mean, long n) override;
    void add_to_each(T* x, int count, T a, const T* p, long n) override;
    void adam_step(T* x, T* mean, T* square, const T* g, long n, const AdamStep& step) override;
    void clamp(T* y, const T* x, const T* lower, const T* upper, long n) override;
    void find_free(T* free, const T* x, const T* g, const T* lower, const T* upper,
                   long n) override;
    void select(T* y, const T* free, const T* x, long n) override;
    void dot(const T* x, const T* y, long n, Scalar to) override;
    void norms(std::initializer_list<NormOf<T>> vectors, long n) override;
    using Vectors<T>::read;
    void read(std::span<const Scalar> which, double* values) override;
    bool scalars_are_local() const override { return false; }

    bool on_device() const override { return true; }
    cudaStream_t stream() const override { return stream_; }
    cublasHandle_t blas() const { return blas_.get(); }
    bool can_capture() const { return blas_workspace_.size() > 0; }
    /// Where kernels write a number, on the device; the next read() fetches it.
    double* place(Scalar number) {
        stale_ = true;
        return scalars_.get()->numbers + number.index;
    }
    /// Where cuSOLVER writes how a factorisation and a solve went. Negative ones are errors, which
    /// the next read() throws.
    int* factor_info() { return &fetched_later()->factor_info; }
    int* solve_info() { return &fetched_later()->solve_info; }
    /// Room for partial sums, in use until the next call that needs some.
    double* sums(std::size_t count);
    /// Waits for all queued work.
    void synchronize();

  private:
    /// All that comes back to the host in one copy.
    struct Scalars {
        double numbers[ScalarPlaces::most];
        int factor_info;
        int solve_info;
    };
    Scalars* fetched_later() {
        stale_ = true;
        return scalars_.get();
    }
    DeviceFactor<T> factor(const Factor<T>& a) const;

    OwnedStream own_stream_;
    cudaStream_t stream_;
    /// Outlives the handle. Without one cuBLAS may allocate, which a graph would do each time.
    DeviceArray<char> blas_workspace_;
    OwnedBlas blas_;
    DeviceArray<Scalars> scalars_;
    PinnedValue<Scalars> host_scalars_;
    DeviceArray<double> sums_;
    DeviceArray<NormSum> norm_sums_;
    bool stale_ = true;  ///< work that was queued since the last copy writes to scalars_
};

/// Whether this build can run on this machine's device: driver, device, code for it. Throws
/// InvalidArgument, and nothing else, while a stream is being captured into a graph.
Probe probe_cuda();

/// The problem with its data on the device. Throws BackendUnavailable if it has no GPU code,
/// OutOfMemory or DeviceError if the device fails.
template <class T>
Session<T> open_cuda(const Problem<T>& problem, const SessionOptions& options);
/// See BackendCode.
template <class T>
MemoryNeeded session_memory(const Problem<T>& problem, const SessionOptions& options,
                            const SessionWork& work);
extern template Session<double> open_cuda(const Problem<double>&, const SessionOptions&);
extern template Session<float> open_cuda(const Problem<float>&, const SessionOptions&);

}  // namespace cunewton::cuda
