// Dense matrices in the host's memory, by LAPACK and our own rank-k update.
#pragma once

#include "host/backend/dense_matrices.h"
#include "host/cpu/gemm.h"
#include "host/cpu/rank_k.h"
#include "host/cpu/vectors.h"

namespace cunewton::cpu {

template <class T>
class CpuDenseMatrices final : public DenseMatrices<T> {
  public:
    /// vectors: whose numbers and threads it uses, as long as it lives.
    explicit CpuDenseMatrices(CpuVectors<T>& vectors)
        : vectors_(vectors), update_(vectors.pool()) {}

    /// Largest order that is factorised by LAPACK alone, and so by one thread.
    static constexpr int lapack_order = 96;

    /// Bytes that bounds() and factorize() take beside their arguments.
    static std::size_t memory(int n, int threads);
    /// Bytes that multiply() takes.
    static std::size_t product_memory(int threads);

    void set_identity(T* A, int n, T value, const T* S) override;
    void symv(const T* A, const T* x, T* y, int n) override;
    void rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) override;
    void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                      int n) override;
    void determine_common_shifts(T* A, int outputs, int n) override;
    void restrict_to(const T* A, const T* free, T* L, int n) override;
    void bounds(const T* A, const T* S, int n, Scalar norm, Scalar least_diagonal) override;
    void factorize(const T* A, T shift, const T* S, T* L, int n, Scalar info,
                   Scalar least_pivot) override;
    std::unique_ptr<BlockCholesky<T>> blocks(std::span<const int> sizes) override;
    std::unique_ptr<SparseMatrices<T>> sparse(const SparsityPattern& pattern) override;
    bool factorizes_sparse() const override;
    /// bounds() and factorize() of one block; by several threads at a time where n is at most
    /// lapack_order.
    static void find_bounds(const T* A, const T* S, int n, BlockFacts& facts);
    void factorize(const T* A, T shift, const T* S, T* L, int n, BlockFacts& facts);
    ThreadPool& pool() { return vectors_.pool(); }
    void solve(const T* L, T* x, int n) override;
    void solve_lower(const T* L, T* x, int n) override;
    void invert(const T* L, T* X, int n) override;
    /// LAPACK's syevd.
    int eigenvalues(T* A, int n, T* values, bool vectors) override;
    void trace(const T* A, int n, Scalar to) override;
    void multiply_transposed(const T* A, int m, const T* B, int n, long rows, T* C) override;
    void multiply(const T* A, int m, const T* B, int n, long rows, T beta, T* C) override;

  private:
    void multiply_blocks(const T* A, int m, const T* B, int n, int rows, bool add, T* C);

    CpuVectors<T>& vectors_;
    RankKUpdate<T, T, T> update_;
    std::vector<Gemm<T>> gemm_;  // one a thread, from when they are needed
};

}  // namespace cunewton::cpu
