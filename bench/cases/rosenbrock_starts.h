// The starts of rosenbrock_batch.
#pragma once

#include <cstddef>
#include <vector>

#include "bench/random.h"

namespace cunewton::bench {

/// Uniform in [-2, 2)^n, a row each.
inline std::vector<double> make_rosenbrock_starts(int n, long count) {
    Random random(2000 + static_cast<unsigned>(n));
    std::vector<double> start(std::size_t(count) * static_cast<std::size_t>(n));
    for (double& x : start) x = 4 * random.uniform() - 2;
    return start;
}

}  // namespace cunewton::bench
