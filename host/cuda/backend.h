// The CUDA backend: vectors and matrices on one device, on one stream.
#pragma once

#include "cunewton/math/norm_sum.h"
#include "host/backend/backend.h"
#include "host/backend/registry.h"
#include "host/cuda/resources.h"

namespace cunewton::cuda {

/// Works on the device that is current when it is made. After the first call of each operation for
/// a size nothing is allocated any more, and only upload, download and scalars() wait.
template <class T>
class CudaBackend final : public Backend<T> {
  public:
    CudaBackend();
    ~CudaBackend() override;

    const char* name() const override { return "cuda"; }
    Buffer<T> allocate(std::size_t count) override;
    std::size_t free_bytes() const override;
    void upload(T* to, const T* from_host, std::size_t count) override;
    void download(T* to_host, const T* from, std::size_t count) override;
    void copy(T* to, const T* from, std::size_t count) override;
    void scale(T* y, T a, const T* x, int n) override;
    void unscale(T* y, const T* S, const T* x, int n) override;
    void scale_twice(T* y, const T* S, const T* x, int n) override;
    void add_scaled(T* y, const T* x, T a, const T* p, int n) override;
    void dot(const T* x, const T* y, int n, Slot slot) override;
    void norms(std::initializer_list<NormOf<T>> vectors, int n) override;
    void set_identity(T* A, int n, T value, const T* S) override;
    void symv(const T* A, const T* x, T* y, int n) override;
    void rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) override;
    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                      int n) override;
    void determine_common_shifts(T* A, int outputs, int n) override;
    void matrix_bounds(const T* A, const T* S, int n) override;
    /// cusolverDnXpotrf.
    void factorize(const T* A, T shift, const T* S, T* L, int n) override;
    void solve(const T* L, T* x, int n) override;
    void solve_lower(const T* L, T* x, int n) override;
    const double* scalars() override;
    bool scalars_are_local() const override { return false; }

    cudaStream_t stream() const { return stream_.get(); }
    cublasHandle_t blas() const { return blas_.get(); }
    /// Where kernels write a slot, on the device; the next scalars() fetches it.
    double* slot(Slot slot) {
        stale_ = true;
        return scalars_.get()->slots + static_cast<int>(slot);
    }
    /// Waits for all queued work.
    void synchronize();

  private:
    /// All that comes back to the host in one copy.
    struct Scalars {
        double slots[slot_count];
        int factor_info;  ///< written by cuSOLVER, then turned into Slot::factor_info
        int solve_info;   ///< written by cuSOLVER
    };
    void prepare_factorization(int n);

    OwnedStream stream_;
    OwnedBlas blas_;
    OwnedSolver solver_;
    OwnedSolverParams params_;
    DeviceArray<Scalars> scalars_;
    PinnedValue<Scalars> host_scalars_;
    DeviceArray<double> sums_;  // partial sums of long dot products, row sums of matrices
    DeviceArray<NormSum> norm_sums_;
    DeviceArray<char> workspace_;
    std::unique_ptr<char[]> host_workspace_;
    std::size_t workspace_bytes_ = 0, host_workspace_bytes_ = 0;
    int factorization_size_ = -1;
    bool stale_ = true;  ///< work that was queued since the last copy writes to scalars_
};

/// Whether this build can run on this machine's device: driver, device, code for it. Throws
/// InvalidArgument, and nothing else, while a stream is being captured into a graph.
Probe probe_cuda();

/// A backend with the problem's data on the device. Throws BackendUnavailable if the problem has no
/// GPU code, OutOfMemory or DeviceError if the device fails.
template <class T>
Session<T> open_cuda(const Problem<T>& problem, const SessionOptions& options);
extern template Session<double> open_cuda(const Problem<double>&, const SessionOptions&);
extern template Session<float> open_cuda(const Problem<float>&, const SessionOptions&);

}  // namespace cunewton::cuda
