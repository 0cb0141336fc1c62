// A symmetric matrix with a sparsity pattern and its Cholesky factor on one machine. Implemented in
// host/cpu and host/cuda.
#pragma once

#include <cstddef>
#include <vector>

#include "cunewton/sparse.h"
#include "host/backend/vectors.h"

namespace cunewton {

/// How a sparse Hessian H is had from few products with it. Parameters are coloured; for the seed
/// h_c, which is h_j at the parameters j of colour c and 0 elsewhere, B is H h_c for all colours,
/// n x colours. An entry in row i and column j is then
///     (B(i, colour_j) - sum over the other columns k of that colour in row i of H(i, k) h_k) /
///     h_j,
/// where the sum is empty (direct recovery) or over entries that are known before (substitution).
struct Compression {
    int colours = 0;
    std::vector<int> colour_of{};  ///< n
    /// Of each entry in the pattern's order: its place in B, and its column j there.
    std::vector<long> place{};
    std::vector<int> column{};
    /// Entries in the order in which they become known, level by level; those of a level begin at
    /// level_starts, which has one number more than there are levels.
    std::vector<int> order{};
    std::vector<long> level_starts{};
    /// What is subtracted from entry e: entries known[s] times h at known_column[s] for s from
    /// known_starts[e] to known_starts[e + 1]. All empty where recovery is direct.
    std::vector<long> known_starts{};
    std::vector<int> known{}, known_column{};

    bool direct() const { return known_starts.empty(); }
};

/// A: the entries of a matrix in the pattern's order, on the machine, as vectors of n numbers are.
/// Work is queued; factors are kept here.
template <class T>
class SparseMatrices {
  public:
    virtual ~SparseMatrices() = default;

    // As in DenseMatrices. What is solved for is that of the last factorize(); the first one
    // analyses the pattern, and throws BackendUnavailable where the machine has no library for it.
    virtual void symv(const T* A, const T* x, T* y) = 0;
    virtual void raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S) = 0;
    virtual void bounds(const T* A, const T* S, Scalar norm, Scalar least_diagonal) = 0;
    virtual void factorize(const T* A, T shift, const T* S, Scalar info, Scalar least_pivot) = 0;
    /// x = (A + shift S^2)^-1 x
    virtual void solve(T* x) = 0;
    /// x = C^-1 x for some C with C C' = A + shift S^2, or any other vector of that length, for
    /// which alone it is asked: sqrt(x'(A + shift S^2)^-1 x).
    virtual void solve_lower(T* x) = 0;

    /// Takes note of how matrices are recovered; `how` outlives this object.
    virtual void compress(const Compression& how) = 0;
    /// h = difference_step() of each parameter at x; typical: n magnitudes, or null for 1
    virtual void difference_steps(const T* x, const T* typical, T relative, T* h) = 0;
    /// to = x + sign h_c for a colour; x null: the origin; h null: 1
    virtual void shift(const T* x, const T* h, int colour, T sign, T* to) = 0;
    /// A from B; h null: 1
    virtual void recover(const T* B, const T* h, T* A) = 0;
};

}  // namespace cunewton
