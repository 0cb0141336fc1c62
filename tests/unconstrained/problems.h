#pragma once

#include <string>
#include <vector>

#include "cunewton/problem.h"
#include "tests/unconstrained/cases.h"

// The functions of functors.h as problems of the library, compiled once for the tests and for the
// benchmark.
namespace cunewton::test {

/// The function of a case. With its GPU code in a build with CUDA.
Problem<double> unconstrained_problem(const UnconstrainedCase& of);
/// Adds that to the problem made from the functor `id`; defined in a build with CUDA.
void add_unconstrained_device_code(Problem<double>& problem, const std::string& id);

/// |gradient| of a case's function by exact differentiation in long double: a second opinion on
/// "converged".
double exact_gradient_norm(const UnconstrainedCase& of, const std::vector<double>& x);

/// The cases of all functors, in the functors' order.
std::vector<UnconstrainedCase> unconstrained_cases();

}  // namespace cunewton::test
