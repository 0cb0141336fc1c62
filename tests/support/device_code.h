#pragma once

#include "cunewton/problem.h"
#include "tests/support/user_losses.h"

// add_device_code(problem, loss) gives a problem with a test's own loss its GPU code, which .cu
// files in tests/backends hold, so that one test source runs on every backend. Does nothing without
// CUDA.
namespace cunewton::test {

#if CUNEWTON_WITH_CUDA
#define CUNEWTON_TEST_DECLARE(Loss)                                   \
    void add_device_code(Problem<double>& problem, const Loss& loss); \
    void add_device_code(Problem<float>& problem, const Loss& loss);
CUNEWTON_TEST_USER_LOSSES(CUNEWTON_TEST_DECLARE)
#undef CUNEWTON_TEST_DECLARE
#else
template <class T, class Loss>
void add_device_code(Problem<T>&, const Loss&) {}
#endif

template <class T, class Loss>
Problem<T> objective(const Loss& loss, int n, ProblemOptions options = {}) {
    Problem<T> problem = make_objective<T>(loss, n, options);
    add_device_code(problem, loss);
    return problem;
}
template <class T, class Loss>
Problem<T> sample_sum(const Loss& loss, const Samples<T>& samples, int n,
                      ProblemOptions options = {}) {
    Problem<T> problem = make_sample_sum<T>(loss, samples, n, options);
    add_device_code(problem, loss);
    return problem;
}
template <class T, class Loss>
Problem<T> linear_predictor(const Loss& loss, const Samples<T>& samples,
                            ProblemOptions options = {}) {
    Problem<T> problem = make_linear_predictor<T>(loss, samples, options);
    add_device_code(problem, loss);
    return problem;
}

}  // namespace cunewton::test
