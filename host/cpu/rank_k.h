// Weighted symmetric rank-k updates, C += A' diag(w) A: where a dense Newton iteration spends its
// time, both in the Hessian of a linear predictor and in the Cholesky factorisation.
//
// BLAS has no weighted update: it would need a scaled copy of A and, for weights of both signs, two
// of them; and the packaged BLAS libraries do not recognise every processor (docs/performance.md).
// Here the weights and the change of precision happen while the operands are packed (Goto and van
// de Geijn 2008), and only the lower triangle is computed.
#pragma once

#include <cstddef>
#include <vector>

#include "host/backend/thread_pool.h"
#include "host/backend/vectors.h"
#include "host/cpu/dense_kernels.h"

namespace cunewton::cpu {

/// Memory aligned for vector loads.
template <class T>
Buffer<T> aligned_buffer(std::size_t count);

/// The rows of A: row s has d numbers at rows[s * ld ...], followed by a 1 if `ones`.
template <class S>
struct RowBlock {
    const S* rows;
    std::ptrdiff_t ld;
    int d;
    bool ones;
    int count;
    int columns() const { return d + (ones ? 1 : 0); }
};

/// One update of several that share A: lower triangle of c (column-major, n = columns of A).
template <class S, class Sum>
struct Product {
    const S* weights;  ///< one for each row; null: `factor` for all
    S factor;
    Sum* c;
    std::ptrdiff_t ldc;
};

/// S: type of the data, Compute: of the multiplications, Sum: of the result, to which the products
/// of every 256 rows are added.
template <class S, class Compute, class Sum>
class RankKUpdate {
  public:
    explicit RankKUpdate(ThreadPool& pool);
    /// Bytes that add() takes, and keeps, for blocks of at most so many rows.
    static std::size_t memory(int columns, int rows, int threads);
    /// Adds all products. Bits do not depend on the number of threads.
    void add(const RowBlock<S>& block, const std::vector<Product<S, Sum>>& products);

  private:
    static constexpr int row_block = 256;
    static constexpr int column_group = 96;  // a multiple of every tile's rows and columns
    static constexpr int largest_tile = 48 * 8;
    static constexpr std::size_t right_size = std::size_t{column_group} * row_block;
    /// Numbers of the packed left operand.
    static std::size_t left_size(int columns, int rows);

    /// Panels of left columns and the columns of padding in front of the first.
    struct Grid {
        int panels;
        int padding;
    };
    void pack_left(const RowBlock<S>& block, const Grid& grid);
    void pack_edge_panel(const RowBlock<S>& block, int begin, int count, int column, Compute* to);
    void update_columns(const RowBlock<S>& block, const Grid& grid, const Product<S, Sum>& product,
                        int first, int thread);
    void add_tile(int k, const Compute* left, const Compute* right, const Product<S, Sum>& product,
                  int i0, int j0);

    ThreadPool& pool_;
    const TileKernels<S, Compute, Sum>& kernels_;
    Buffer<Compute> left_;
    std::vector<Buffer<Compute>> right_;  // one a thread
};

}  // namespace cunewton::cpu
