// Matrix products for one thread: what a backend that has threads of its own calls in each of them.
//
// BLAS has them too, but libraries with threads of their own would start theirs inside of ours, and
// packaged ones do not recognise every processor (docs/performance.md). The tiles are those of the
// rank-k update; blocks of both operands are packed for them (Goto and van de Geijn 2008).
#pragma once

#include <cstddef>

#include "host/backend/vectors.h"
#include "host/cpu/dense_kernels.h"

namespace cunewton::cpu {

/// Number (i, j) is at[i * row + j * column]. One of the distances should be 1.
template <class T>
struct Operand {
    const T* at;
    std::ptrdiff_t row, column;
    Operand transposed() const { return {at, column, row}; }
};

template <class T>
class Gemm {
  public:
    Gemm();
    /// Bytes that it takes for products of at most so many columns.
    static std::size_t memory(int columns);
    /// C = A B, or += if `add`, with A m x k, B k x n and C column-major, columns ldc apart. What
    /// it computes does not depend on what it computed before.
    void multiply(int m, int n, int k, const Operand<T>& a, const Operand<T>& b, bool add, T* c,
                  std::ptrdiff_t ldc);

  private:
    // Of a block of A, which stays in the second-level cache, and of B.
    static constexpr int row_block = 192, depth = 256, column_block = 1024;
    static std::size_t right_size(int columns);

    void multiply_block(int m, int n, int k, T* c, std::ptrdiff_t ldc);

    const ProductKernels<T>& kernels_;
    Buffer<T> left_, right_;
};

}  // namespace cunewton::cpu
