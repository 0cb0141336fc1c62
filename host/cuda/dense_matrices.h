// Dense matrices on a device, by cuBLAS and cuSOLVER.
#pragma once

#include <memory>

#include "host/backend/dense_matrices.h"
#include "host/cuda/vectors.h"

namespace cunewton::cuda {

template <class T>
class CudaDenseMatrices final : public DenseMatrices<T> {
  public:
    /// vectors: whose stream and numbers it uses, as long as it lives.
    explicit CudaDenseMatrices(CudaVectors<T>& vectors);

    /// What factorize() takes beside its arguments. Starts cuSOLVER.
    static MemoryNeeded memory(int n);

    void set_identity(T* A, int n, T value, const T* S) override;
    void symv(const T* A, const T* x, T* y, int n) override;
    void rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) override;
    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                      int n) override;
    void determine_common_shifts(T* A, int outputs, int n) override;
    void restrict_to(const T* A, const T* free, T* L, int n) override;
    void bounds(const T* A, const T* S, int n, Scalar norm, Scalar least_diagonal) override;
    /// cusolverDnXpotrf.
    void factorize(const T* A, T shift, const T* S, T* L, int n, Scalar info,
                   Scalar least_pivot) override;
    std::unique_ptr<BlockCholesky<T>> blocks(std::span<const int> sizes) override;
    std::unique_ptr<SparseMatrices<T>> sparse(const SparsityPattern& pattern) override;
    bool factorizes_sparse() const override;
    void solve(const T* L, T* x, int n) override;
    void solve_lower(const T* L, T* x, int n) override;
    /// By two triangular solves with the identity.
    void invert(const T* L, T* X, int n) override;
    /// cusolverDnXsyevd.
    int eigenvalues(T* A, int n, T* values, bool vectors) override;
    void trace(const T* A, int n, Scalar to) override;
    void multiply_transposed(const T* A, int m, const T* B, int n, long rows, T* C) override;
    void multiply(const T* A, int m, const T* B, int n, long rows, T beta, T* C) override;

    /// L L' = L by cusolverDnXpotrf, with its info there.
    void factorize(T* L, int n, int* info);
    cusolverDnHandle_t solver() const { return solver_.get(); }
    CudaVectors<T>& vectors() { return vectors_; }

  private:
    /// Of the factorisation's workspace.
    static MemoryNeeded workspace(cusolverDnHandle_t solver, cusolverDnParams_t params, int n);
    void prepare_factorization(int n);

    CudaVectors<T>& vectors_;
    OwnedSolver solver_;
    OwnedSolverParams params_;
    DeviceArray<char> workspace_;
    std::unique_ptr<char[]> host_workspace_;
    MemoryNeeded workspace_bytes_{};
    int factorization_size_ = -1;  // for which it was last found to do
};

}  // namespace cunewton::cuda
