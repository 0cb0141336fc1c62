// The data of logistic_dense and softmax_dense.
#pragma once

#include <functional>
#include <string>

#include "bench/peers/dense_model.h"

namespace cunewton::bench {

struct DenseJob {
    std::string case_name;
    std::string data_name;
    TrainingData data;
    bool peers = false;  ///< also solve it with the second-order peers
};

using UseDenseJob = std::function<void(const DenseJob&)>;

/// Call use(job) for one job after the other: together they take more memory than some machines
/// have. False if Fashion-MNIST is not installed, whose job is left out then.
bool each_logistic_job(bool small, const UseDenseJob& use);
bool each_softmax_job(bool small, const UseDenseJob& use);

}  // namespace cunewton::bench
