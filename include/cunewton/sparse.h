// Sparse symmetric matrices: where their entries are.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <vector>

namespace cunewton {

/// Where a symmetric n x n matrix may have entries other than zero: its lower triangle by columns.
/// The rows of column j are rows[k] for k in column_starts[j] .. column_starts[j + 1] - 1: from j,
/// the diagonal, which is always among them, ascending and each once.
struct SparsityPattern {
    int n = 0;
    std::vector<long> column_starts{};  ///< n + 1
    std::vector<int> rows{};

    /// Entries of the lower triangle, with the diagonal.
    long size() const { return static_cast<long>(rows.size()); }
};

}  // namespace cunewton
