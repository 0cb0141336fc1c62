// Distributions and dense linear algebra for standard errors.
#pragma once

#include <limits>
#include <vector>

namespace cunewton::tool {

/// P(|Z| > |z|) of the standard normal distribution.
double normal_two_sided(double z);
/// P(|T| > |t|) of Student's distribution.
double student_two_sided(double t, double degrees_of_freedom);
/// t with P(|T| > t) = p; infinite degrees of freedom: the normal distribution.
double two_sided_quantile(double p, double degrees_of_freedom);

/// The inverse of a symmetric positive definite matrix, n x n with both triangles, in its place.
/// False where it is not that to the relative accuracy of its entries (LAPACK's dpotrf fails, or
/// leaves a pivot that is next to nothing beside its diagonal entry), and the matrix is spoilt.
bool invert(std::vector<double>& matrix, int n,
            double accuracy = std::numeric_limits<double>::epsilon());

/// Eigenvalues, ascending, of a symmetric matrix (LAPACK's dsyevd), which is overwritten by the
/// eigenvectors, one after the other.
std::vector<double> eigenvalues(std::vector<double>& matrix, int n);

/// log Gamma(x) for x > 0, without the global sign of std::lgamma.
double log_gamma(double x);

}  // namespace cunewton::tool
