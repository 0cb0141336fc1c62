// Sparse symmetric matrices in the host's memory.
#pragma once

#include <memory>

#include "host/backend/sparse_matrices.h"
#include "host/cpu/sparse_cholesky.h"
#include "host/cpu/vectors.h"

namespace cunewton::cpu {

template <class T>
class CpuSparseMatrices final : public SparseMatrices<T> {
  public:
    /// Uses both as long as it lives.
    CpuSparseMatrices(const SparsityPattern& pattern, CpuVectors<T>& vectors)
        : pattern_(pattern), vectors_(vectors) {}

    void symv(const T* A, const T* x, T* y) override;
    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S) override;
    void bounds(const T* A, const T* S, Scalar norm, Scalar least_diagonal) override;
    void factorize(const T* A, T shift, const T* S, Scalar info, Scalar least_pivot) override;
    void solve(T* x) override;
    void solve_lower(T* x) override;
    void compress(const Compression& how) override { how_ = &how; }
    void difference_steps(const T* x, const T* typical, T relative, T* h) override;
    void shift(const T* x, const T* h, int colour, T sign, T* to) override;
    void recover(const T* B, const T* h, T* A) override;

  private:
    const SparsityPattern& pattern_;
    CpuVectors<T>& vectors_;
    const Compression* how_ = nullptr;
    std::unique_ptr<SparseCholesky> cholesky_;  // from the first factorisation on
    std::vector<double> wide_;                  // a vector of floats
};

}  // namespace cunewton::cpu
