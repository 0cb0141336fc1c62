// Eigenvalues and eigenvectors of dense matrices.
#pragma once

#include <vector>

namespace cunewton::tool {

/// Eigenvalues, ascending, of a symmetric matrix (LAPACK's dsyevd), which is overwritten by the
/// eigenvectors, one after the other.
std::vector<double> eigenvalues(std::vector<double>& matrix, int n);

}  // namespace cunewton::tool
