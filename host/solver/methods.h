// The methods and the parts they share. To add a method: one file here, one line in methods.cpp.
#pragma once

#include <optional>

#include "host/solver/run.h"

namespace cunewton::solver {

/// Runs options().method from the point that begin() has evaluated.
template <class T>
Status run_method(Run<T>& run);

template <class T>
Status newton(Run<T>& run);
template <class T>
Status trust_region(Run<T>& run);
template <class T>
Status gradient_descent(Run<T>& run);
template <class T>
Status bfgs(Run<T>& run);

/// Searches along direction() from the first trial, with derivative `slope` < 0 at 0. Returns the
/// trial to accept, or nothing if no step gives sufficient decrease in working precision.
template <class T>
std::optional<Trial> line_search(Run<T>& run, double slope, Trial first);

/// Factorises matrix() + shift I with a shift >= 0 that makes it positive definite, beginning at
/// `guess`. Nothing if the matrix is not finite.
template <class T>
std::optional<double> factorize_shifted(Run<T>& run, double guess);

/// At a point whose gradient is small, with matrix() its Hessian there.
enum class Curvature { positive, semidefinite, negative, not_finite };
template <class T>
Curvature curvature(Run<T>& run);

/// For Curvature::negative: moves down a direction of negative curvature. Returns the accepted trial
/// or nothing.
template <class T>
std::optional<Trial> leave_saddle(Run<T>& run);

/// An approximate eigenvector u of the smallest eigenvalue of matrix() in direction(), |u| = 1, by
/// inverse iteration with factor(), whose shift must be close to minus that eigenvalue. Returns
/// u'(matrix)u.
template <class T>
double smallest_eigenvector(Run<T>& run, T* u, T* work);

/// Whether steps shrink as those of a Newton method near a regular minimum do.
inline bool step_settles(double step, double last_step, double x_norm) {
    return step <= 0.1 * last_step || step <= 1e-6 * (1 + x_norm);
}

/// Decides what a small gradient means: checks the Hessian unless `trusted` (the last one was
/// positive definite and the last step short). Returns the final status, or nothing if the run goes
/// on from a lower point.
template <class T>
std::optional<Status> confirm_minimum(Run<T>& run, bool trusted);

}  // namespace cunewton::solver
