// The inverse of a Hessian that may be singular.
#pragma once

#include <vector>

namespace cunewton::infer {

/// Of a symmetric n x n matrix with both triangles, whose units are taken out by its diagonal.
struct Inverse {
    std::vector<double> matrix;  ///< n x n; of a singular one a generalised inverse
    std::vector<double> scale;   ///< n: 1 / sqrt(H_jj)
    /// n numbers for each direction without curvature, scale_j v_j with |v| = 1; empty: there is
    /// none.
    std::vector<double> null;
    int nullity = 0;
    bool indefinite = false;  ///< an eigenvalue is negative beyond rounding
    double condition, scaled_condition;
};
/// accuracy: relative, of the entries.
Inverse invert(const std::vector<double>& H, int n, double accuracy);
/// The same along directions Z, n numbers each: Z (Z'H Z)^-1 Z', with the condition of Z'H Z.
/// scale_j is the length of row j of Z times the scales of Z'H Z.
Inverse invert_on(const std::vector<double>& Z, const std::vector<double>& H, int n,
                  double accuracy);

/// C = A B for an m x k and a k x n matrix.
void multiply(int m, int n, int k, const double* A, const double* B, double* C);

}  // namespace cunewton::infer
