// Points drawn in the unit cube.
#pragma once

#include <cstdint>
#include <vector>

#include "cunewton/choices.h"

namespace cunewton {

/// `count` points of `dimension` numbers in [0, 1), one point after the other. `by` is not `given`.
/// Throws InvalidArgument for more dimensions than a Sobol sequence has here, or no dimension.
std::vector<double> draw_points(StartsBy by, long count, int dimension, std::uint64_t seed);

}  // namespace cunewton
