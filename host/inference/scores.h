// Sums of outer products over samples: of their scores, the middle of the sandwich, and the
// expected information.
#pragma once

#include <vector>

#include "cunewton/inference.h"
#include "host/inference/rows.h"

namespace cunewton::infer {

/// sum of s s', n x n with both triangles, of the derivatives s of the loss without its scale and
/// penalty: w_i s_i s_i' of frequencies, w_i^2 s_i s_i' of precisions. Throws InvalidArgument for
/// what is no sum over several samples.
template <class T>
std::vector<double> score_products(const Problem<T>& problem, const std::vector<T>& x,
                                   const InferenceOptions& options);
extern template std::vector<double> score_products(const Problem<double>&,
                                                   const std::vector<double>&,
                                                   const InferenceOptions&);
extern template std::vector<double> score_products(const Problem<float>&, const std::vector<float>&,
                                                   const InferenceOptions&);

/// X' diag(w (dmean/dz)^2 / variance) X, n x n with both triangles: the expected Hessian of the
/// negative log likelihood times the dispersion (McCullagh and Nelder 1989, 2.5). Throws
/// InvalidArgument for a loss that does not say what it needs.
template <class T>
std::vector<double> expected_information(const LinearPredictor<T>& form, const std::vector<T>& x,
                                         int threads);
extern template std::vector<double> expected_information(const LinearPredictor<double>&,
                                                         const std::vector<double>&, int);
extern template std::vector<double> expected_information(const LinearPredictor<float>&,
                                                         const std::vector<float>&, int);

}  // namespace cunewton::infer
