// What a fit's Hessian says about its parameters.
#pragma once

namespace cunewton {

/// H: the packed Hessian of f, with a diagonal entry of batch::not_free for every parameter that is fixed or at
/// a bound; those are left out. Outputs may be null. covariance (n x n) = scale H^-1 and
/// standard_errors (n) are 0 for parameters left out; all are NaN if H is singular in the working
/// precision `epsilon`. condition_number is the ratio of H's largest and smallest eigenvalue in
/// magnitude.
template <class C, class T>
void batch_statistics(const C* hessian, int n, double scale, double epsilon, T* covariance,
                      T* standard_errors, T* condition_number);

}  // namespace cunewton
