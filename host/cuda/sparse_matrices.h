// Sparse symmetric matrices on the device.
#pragma once

#include <memory>

#include "host/backend/sparse_matrices.h"
#include "host/cuda/sparse_cholesky.h"
#include "host/cuda/vectors.h"
#include "kernels/sparse.h"

namespace cunewton::cuda {

template <class T>
class CudaSparseMatrices final : public SparseMatrices<T> {
  public:
    /// Uses the vectors as long as it lives.
    CudaSparseMatrices(const SparsityPattern& pattern, CudaVectors<T>& vectors);

    void symv(const T* A, const T* x, T* y) override;
    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S) override;
    void bounds(const T* A, const T* S, Scalar norm, Scalar least_diagonal) override;
    /// Of the matrix with a unit diagonal, or 4 there, so that pivots need no order.
    void factorize(const T* A, T shift, const T* S, Scalar info, Scalar least_pivot) override;
    void solve(T* x) override;
    /// By a solve: |L^-1 x|^2 = x'(L L')^-1 x.
    void solve_lower(T* x) override;
    void compress(const Compression& how) override;
    void difference_steps(const T* x, const T* typical, T relative, T* h) override;
    void shift(const T* x, const T* h, int colour, T sign, T* to) override;
    void recover(const T* B, const T* h, T* A) override;

  private:
    SparseView view() const {
        return {n_,           starts_.get(),       columns_.get(), below_starts_.get(),
                below_.get(), below_columns_.get()};
    }
    /// to = (A + shift S^2)^-1 x; other memory than x
    void solve(const T* x, T* to);

    CudaVectors<T>& vectors_;
    const int n_;
    const long entries_;
    DeviceArray<int> starts_, columns_, below_starts_, below_, below_columns_;
    // Of compression:
    DeviceArray<int> colours_, column_, order_, known_, known_column_;
    DeviceArray<long> place_, known_starts_;
    std::vector<long> level_starts_;
    bool direct_ = true;
    // From the first factorisation on:
    DeviceArray<T> scale_, scaled_, pivots_, right_side_, solution_;
    std::unique_ptr<SparseCholesky<T>> cholesky_;
};

}  // namespace cunewton::cuda
