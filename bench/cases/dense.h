// What logistic_dense and softmax_dense have in common.
#pragma once

#include <string>

#include "bench/context.h"
#include "bench/peers/dense_model.h"

namespace cunewton::bench {

struct DenseJob {
    std::string case_name;
    std::string data_name;
    TrainingData data;
    bool peers = false;  ///< also solve it with the second-order peers
};

/// Fits a regression with an intercept and penalty 1e-4/2 |w|^2 on all coefficients from w = 0 to
/// |g|_2 < 1e-8 (float: to the default tolerance), and adds its rows.
void run_dense_job(const DenseJob& job, Context& context);

/// Operations of `iterations` Newton steps: a symmetric product for each pair of outputs, and a
/// Cholesky factorisation.
DenseWork newton_work(const TrainingData& data, int iterations);

}  // namespace cunewton::bench
