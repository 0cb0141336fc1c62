// Problems with bounds whose solutions are known: for the tests and the bench.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"

namespace cunewton::test {

struct BoundedProblem {
    std::string name;
    Problem<double> problem;
    std::vector<double> x0, lower, upper;
    /// Where it is known; else empty, and first-order conditions tell.
    std::vector<double> solution{};
    /// The derivative by each parameter there, where it was chosen.
    std::vector<double> multipliers{};
    double accuracy = 1e-6;  ///< of the solution, relative to its largest number
    bool on_cuda = false;    ///< its functor is one of the library's
    bool convex = true;
    std::shared_ptr<void> data{};  ///< that it is made of
};

/// A random x'Ax/2 - b'x with eigenvalues from 1 to `condition` along no axis, whose b is made from
/// a solution and multipliers: `active` of the parameters at a bound, of these a multiplier in four
/// is 0 where `degenerate`. The start is outside of some bounds.
BoundedProblem bounded_quadratic(int n, double active, double condition, bool degenerate,
                                 unsigned seed);

/// Logistic regression whose true coefficients have the signs that bounds ask for in three cases
/// out of four.
BoundedProblem bounded_logistic(long samples, int n, double l2, unsigned seed);

/// Of Hock and Schittkowski 1981 ("Test examples for nonlinear programming codes") those that have
/// bounds alone, and Rosenbrock's and others' with boxes.
std::vector<BoundedProblem> classical_bounded_problems();

/// All of them, of the three kinds: at least 60.
std::vector<BoundedProblem> bounded_problems();

}  // namespace cunewton::test
