// Which parameters a singular Hessian leaves undetermined.
#pragma once

#include <cstddef>
#include <vector>

namespace cunewton::solver {

/// The parameters, ascending, that the null space of the symmetric n x n matrix H has a part in
/// (lower triangle, column-major). Factorised with complete pivoting
/// (Higham 2002, section 10.3), in place; `accuracy` is the relative error of H's entries.
std::vector<int> undetermined(std::vector<double> H, int n, double accuracy);
/// Bytes that it takes, H included.
std::size_t undetermined_memory(int n);

}  // namespace cunewton::solver
