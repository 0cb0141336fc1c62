// Options::check.
#pragma once

#include <vector>

#include "cunewton/options.h"
#include "cunewton/problem.h"

namespace cunewton::solver {

/// Throws InvalidArgument if derivatives that the loss supplies and the options use disagree with
/// differences near x0, inside of the options' bounds; also if these leave no room for differences.
/// Where the loss is not finite nothing can be said.
template <class T>
void check_derivatives(const Problem<T>& problem, const std::vector<T>& x0, const Options& options);

}  // namespace cunewton::solver
