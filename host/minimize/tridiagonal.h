// The trust-region problem of a tridiagonal model.
#pragma once

#include <vector>

namespace cunewton::solver {

/// Maximises b h_0 - h'Th / 2 for |h| <= radius.
struct TridiagonalStep {
    std::vector<double> h;
    double size = 0;      ///< |h|
    double slope = 0;     ///< b h_0
    double decrease = 0;  ///< b h_0 - h'Th / 2
};
/// T has `diagonal` and `beside` it, at least one less, none of which is 0: then b h_0 has a part
/// in all eigenvectors, and the hard case does not occur (Gould, Lucidi, Roma and Toint 1999,
/// "Solving the trust-region subproblem using the Lanczos method", sections 4 and 5). b, radius >
/// 0.
TridiagonalStep solve_tridiagonal(const std::vector<double>& diagonal,
                                  const std::vector<double>& beside, double b, double radius);

}  // namespace cunewton::solver
