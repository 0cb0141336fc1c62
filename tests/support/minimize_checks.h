// What tests of minimize() share.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"

namespace cunewton::test {

inline const std::vector<Method> second_order_methods{Method::newton, Method::trust_region,
                                                      Method::levenberg_marquardt, Method::dogleg,
                                                      Method::newton_cg};

/// Methods that look at second derivatives only where they believe to have arrived.
inline bool is_quasi_newton(Method method) {
    return method == Method::bfgs || method == Method::lbfgs;
}

inline Options with(Method method) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

inline double norm(const std::vector<long double>& v) {
    long double sum = 0;
    for (const long double value : v) sum += value * value;
    return static_cast<double>(std::sqrt(sum));
}

/// What holds for every result.
template <class T>
void expect_coherent(const Result<T>& result, const Options& options, std::size_t n) {
    EXPECT_EQ(result.x.size(), n);
    EXPECT_EQ(result.backend, tested_backend());
    EXPECT_FALSE(result.backend_reason.empty());
    EXPECT_FALSE(result.message.empty());
    EXPECT_EQ(result.converged(), result.status == Status::converged);
    EXPECT_LE(result.iterations, options.max_iterations);
    EXPECT_GE(result.counts.evaluations, 1 + result.iterations);
    EXPECT_LE(result.counts.gradients, result.counts.evaluations);
    EXPECT_GE(result.counts.gradients, 1 + result.iterations);
    if (is_quasi_newton(options.method)) {
        // It looks where it takes a point for a minimum.
        EXPECT_LE(result.counts.hessians, 3);
    } else {
        // The last step may be by the last factor but one.
        EXPECT_GE(result.counts.hessians, result.iterations - 1);
    }
    EXPECT_GE(result.seconds.total, 0);
    EXPECT_LE(result.seconds.evaluate + result.seconds.hessian + result.seconds.factorize,
              1.001 * result.seconds.total + 1e-3);
}

}  // namespace cunewton::test
