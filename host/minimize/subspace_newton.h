// What Newton's method in random subspaces holds.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cunewton/options.h"

namespace cunewton::solver {

/// Columns of the sketch.
inline int subspace_dimension(const Options& options, int n) {
    return std::min(options.subspace_dimension, n);
}
/// Numbers of a machine and bytes of the host that it takes besides.
inline std::size_t subspace_numbers(std::size_t n, std::size_t s) {
    return 2 * n * s + s * s + s;
}
template <class T>
std::size_t subspace_host_memory(std::size_t n, std::size_t s) {
    return n * (s * sizeof(T) + sizeof(int)) + s * s * (5 * sizeof(double) + sizeof(T));
}

}  // namespace cunewton::solver
