// Which parameters a singular Hessian leaves undetermined.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace cunewton::solver {

/// The parameters, ascending, that the null space of the symmetric n x n matrix H has a part in
/// (lower triangle, column-major). Factorised with complete pivoting
/// (Higham 2002, section 10.3), in place; `accuracy` is the relative error of H's entries.
std::vector<int> undetermined(std::vector<double> H, int n, double accuracy);
/// The same of others that these are mapped to: map() of a direction, n numbers, gives that of
/// theirs, in units of their typical magnitudes.
std::vector<int> undetermined(std::vector<double> H, int n, double accuracy,
                              const std::function<std::vector<double>(std::vector<double>)>& map);
/// The parameters, ascending, that the direction has a part in, beyond `least` of its largest.
std::vector<int> undetermined(const std::vector<double>& direction, double least);
/// Bytes that the first takes, H included.
std::size_t undetermined_memory(int n);

}  // namespace cunewton::solver
