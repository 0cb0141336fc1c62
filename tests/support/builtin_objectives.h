#pragma once

#include "cunewton/fit.h"

namespace cunewton::test {

/// RosenbrockN<n> for the n that are built in: 2, 4, 8, 16.
SmallObjective builtin_rosenbrock(int n);

}  // namespace cunewton::test
