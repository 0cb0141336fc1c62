// What logistic_dense and softmax_dense have in common.
#pragma once

#include "bench/cases/dense_data.h"
#include "bench/context.h"

namespace cunewton::bench {

/// Fits a regression with an intercept and penalty 1e-4/2 |w|^2 on all coefficients from w = 0 to
/// |g|_2 < 1e-8 (float: to the default tolerance), and adds its rows.
void run_dense_job(const DenseJob& job, Context& context);

/// The same by Newton-CG beside Newton's method, as rows of the case `matrix_free`.
void run_matrix_free_job(const DenseJob& job, Context& context);

/// To |g|_2 < 1e-6, by sub-sampled Newton beside both, as rows of the case `subsampled_newton`.
void run_subsampled_job(const DenseJob& job, Context& context);

/// Operations of `iterations` Newton steps: a symmetric product for each pair of outputs, and a
/// Cholesky factorisation.
DenseWork newton_work(const TrainingData& data, int iterations);

}  // namespace cunewton::bench
