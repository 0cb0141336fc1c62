// Sparse Cholesky factors in the host's memory, by CHOLMOD (Chen, Davis, Hager and Rajamanickam
// 2008), which has double precision alone.
#pragma once

#include <memory>

#include "cunewton/sparse.h"

namespace cunewton::cpu {

class SparseCholesky {
  public:
    /// Analyses the pattern, which outlives it: an ordering that keeps factors sparse and where
    /// their entries are. Throws BackendUnavailable in a build without CHOLMOD, OutOfMemory.
    explicit SparseCholesky(const SparsityPattern& pattern);
    ~SparseCholesky();
    /// Whether the build has CHOLMOD.
    static bool available();

    /// The matrix, in the pattern's order, for whoever fills it before factorize().
    double* values();
    struct Outcome {
        int info;            ///< 0: factorised; else a number of a pivot that is not positive
        double least_pivot;  ///< of all pivots beside their entries on the diagonal
    };
    Outcome factorize();
    /// As SparseMatrices.
    void solve(double* x);
    void solve_lower(double* x);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace cunewton::cpu
