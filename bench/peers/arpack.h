// ARPACK's eigenvalues of a symmetric matrix of which products are known.
#pragma once

#include <functional>
#include <optional>
#include <vector>

namespace cunewton::bench {

struct ArpackResult {
    std::vector<double> largest;  ///< descending
    long products = 0;
    bool converged = false;
};
/// The largest eigenvalues (Lehoucq, Sorensen and Yang 1998, "ARPACK users' guide": implicitly
/// restarted Lanczos), to `tolerance` relative to each as ARPACK takes it, with `vectors` Lanczos
/// vectors. product: y = A x. None in a build without ARPACK.
std::optional<ArpackResult> arpack_largest(
    int n, int wanted, const std::function<void(const double* x, double* y)>& product,
    double tolerance, int vectors);

}  // namespace cunewton::bench
