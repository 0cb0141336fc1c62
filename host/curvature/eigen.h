// Eigenvalues at an open point, for calls that ask something of them.
#pragma once

#include "cunewton/curvature.h"
#include "host/at_point.h"
#include "host/curvature/lanczos.h"

namespace cunewton {

/// Throws InvalidArgument for numbers that are out of range.
void check_eigenvalues(const EigenvalueOptions& options, int n, int largest, int smallest);
std::vector<Common> common(const EigenvalueOptions& options);

/// Lanczos vectors that the options allow or, if they do not say, the memory.
template <class T>
int lanczos_vectors(Point<T>& point, const EigenvalueOptions& options);

/// find_extremes() of point.curvature() with so many Lanczos vectors as the options say.
template <class T>
lanczos::Found<T> find_extremes(Point<T>& point, const EigenvalueOptions& options, int largest,
                                int smallest);

/// The size up to which eigenvalues of the dense Hessian count as zero: `tolerance`; unset: their
/// rounding, and the estimated error of a Hessian by differences. norm: |H|_2.
template <class T>
double zero_eigenvalue(Point<T>& point, const EvaluationOptions& options, double norm,
                       std::optional<double> tolerance);

}  // namespace cunewton
