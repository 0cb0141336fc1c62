// The data of fd_hessian.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "tests/support/datasets.h"

namespace cunewton::bench {

struct HessianJob {
    int n = 0;
    long N = 0;
    std::vector<double> X;  ///< N x n, row-major
    std::vector<double> s;  ///< +-1
    std::vector<double> w;  ///< where the Hessian is taken
};

inline HessianJob make_hessian_job(int n, long N) {
    test::DatasetOptions options;
    options.intercept = false;
    test::Dataset set = test::make_binary(static_cast<int>(N), n, 31, options);
    HessianJob job{n, N, std::move(set.X), std::move(set.y), {}};
    for (double& s : job.s) s = 2 * s - 1;
    test::Random random(32);
    for (int j = 0; j < n; ++j) job.w.push_back(random.near_normal() / std::sqrt(double(n)));
    return job;
}

inline std::vector<int> hessian_sizes(bool small) {
    return small ? std::vector<int>{6} : std::vector<int>{10, 50, 100, 200};
}

inline long hessian_samples(bool small) {
    return small ? 100 : 10000;
}

}  // namespace cunewton::bench
