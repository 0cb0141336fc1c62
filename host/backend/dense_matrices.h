// Dense symmetric matrices on one machine. Implemented in host/cpu and host/cuda.
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "host/backend/sparse_matrices.h"
#include "host/backend/vectors.h"

namespace cunewton {

/// What is known of a block: as DenseMatrices::bounds() and factorize() say it.
struct BlockFacts {
    double norm = std::numeric_limits<double>::quiet_NaN();
    double least_diagonal = std::numeric_limits<double>::quiet_NaN();
    double info = 0;
    double least_pivot = std::numeric_limits<double>::quiet_NaN();
};

/// A block by its number, and what its diagonal is shifted by.
struct ShiftedBlock {
    int block;
    double shift;
};

/// The square blocks along a symmetric matrix's diagonal and their Cholesky factors: what
/// DenseMatrices does with one matrix, with all of them at once. A and L hold the blocks one after
/// the other, each column-major with its lower triangle alone; vectors have an entry for each row
/// of the whole matrix. Work is queued; only facts() waits.
template <class T>
class BlockCholesky {
  public:
    virtual ~BlockCholesky() = default;

    /// DenseMatrices::raise_scales()
    virtual void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S) = 0;
    /// DenseMatrices::bounds(), for facts().
    virtual void bounds(const T* A, const T* S) = 0;
    /// L L' = A for all blocks, or = A + shift S^2 for those of the list, which must not be empty;
    /// others are left as they are. L may be A; S null: the identity. facts() says how it went.
    virtual void factorize(const T* A, const T* S, T* L) = 0;
    virtual void factorize(const T* A, std::span<const ShiftedBlock> which, const T* S, T* L) = 0;
    /// x = (L L')^-1 x
    virtual void solve(const T* L, T* x) = 0;
    /// What the last bounds() and, of each block, the last factorize() found, until the next call
    /// of either. Waits for the machine.
    virtual std::span<const BlockFacts> facts() = 0;
};

/// Matrices are column-major n x n; only the lower triangle is read and written. Otherwise as
/// Vectors, whose numbers and order of work they share.
template <class T>
class DenseMatrices {
  public:
    virtual ~DenseMatrices() = default;

    /// A = value S^-2; S null: the identity
    virtual void set_identity(T* A, int n, T value, const T* S) = 0;
    /// y = A x
    virtual void symv(const T* A, const T* x, T* y, int n) = 0;
    /// A += a (x y' + y x') + b x x'
    virtual void rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) = 0;
    /// Raises `largest` to the scales of A's diagonal and puts the scaling to use into S, both n
    /// entries (math/curvature_scale.h); g and f are gradient and loss at the same point, and
    /// parity is that of a loss of the minimisation.
    virtual void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                              int n) = 0;
    /// Adds to A what makes the directions determined along which `outputs` blocks of n / outputs
    /// parameters change alike: for each place in a block the mean of its diagonal entries, to the
    /// entries of all pairs of blocks. A's null space loses those directions and nothing else
    /// changes in the complement.
    virtual void determine_common_shifts(T* A, int outputs, int n) = 0;
    /// L = A where both parameters are free, the identity elsewhere (also where A is not finite):
    /// `free` has n entries, 0 for those that are not. L may be A.
    virtual void restrict_to(const T* A, const T* free, T* L, int n) = 0;
    /// norm = the largest row sum of |S^-1 A S^-1|, least_diagonal = the smallest entry of its
    /// diagonal, for a diagonal S.
    virtual void bounds(const T* A, const T* S, int n, Scalar norm, Scalar least_diagonal) = 0;
    /// L L' = A + shift S^2; L may be A, which is kept otherwise. S null: the identity. info is 0
    /// if that worked, and least_pivot the smallest ratio of a pivot to its entry on the matrix's
    /// diagonal; otherwise info is the order of the first minor that is not positive, and L is
    /// unusable until the next call.
    virtual void factorize(const T* A, T shift, const T* S, T* L, int n, Scalar info,
                           Scalar least_pivot) = 0;
    /// x = (L L')^-1 x
    virtual void solve(const T* L, T* x, int n) = 0;
    /// x = L^-1 x
    virtual void solve_lower(const T* L, T* x, int n) = 0;
    /// Of blocks of these sizes, one after the other along a diagonal. It uses this object.
    virtual std::unique_ptr<BlockCholesky<T>> blocks(std::span<const int> sizes) = 0;
    /// Of matrices with this pattern, which outlives it. It uses this object.
    virtual std::unique_ptr<SparseMatrices<T>> sparse(const SparsityPattern& pattern) = 0;
    /// Whether those are factorised: by a library that the build may lack.
    virtual bool factorizes_sparse() const { return false; }
    /// X = (L L')^-1, both triangles.
    virtual void invert(const T* L, T* X, int n) = 0;
    /// All eigenvalues of A, ascending, n of them; A becomes the unit eigenvectors, a column each,
    /// if `vectors`, and is overwritten otherwise. Returns 0, or else how many did not converge.
    /// Waits for the machine. Throws OutOfMemory for its workspace.
    virtual int eigenvalues(T* A, int n, T* values, bool vectors) = 0;
    /// to = the sum of A's diagonal
    virtual void trace(const T* A, int n, Scalar to) = 0;

    // Of whole matrices, column-major, m x n for `rows` = m where that is many.
    /// C = A' B with m columns of A and n of B; C is m x n.
    virtual void multiply_transposed(const T* A, int m, const T* B, int n, long rows, T* C) = 0;
    /// C = A B + beta C with m columns of A, B m x n, and n columns of C.
    virtual void multiply(const T* A, int m, const T* B, int n, long rows, T beta, T* C) = 0;
};

}  // namespace cunewton
