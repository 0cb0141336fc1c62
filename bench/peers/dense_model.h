// The regressions of the dense cases in plain double loops and BLAS calls: what the peers minimise,
// and what says how small the gradient is where any of them stopped.
#pragma once

#include <memory>
#include <vector>

#include "bench/peers/objective.h"

namespace cunewton::bench {

/// Samples of a regression; classes == 2 is logistic regression with targets 0 and 1.
struct TrainingData {
    long samples = 0;
    int features = 0;
    int classes = 2;
    std::vector<double> X;  ///< N x d, row-major
    std::vector<double> y;

    int outputs() const { return classes == 2 ? 1 : classes; }
    /// Parameters, each output having an intercept.
    int parameters() const { return outputs() * (features + 1); }
};

/// Mean loss plus l2/2 |w|^2 over all coefficients, intercepts included. Keeps a copy of the data.
std::unique_ptr<Objective> make_dense_model(const TrainingData& data, double l2);

}  // namespace cunewton::bench
