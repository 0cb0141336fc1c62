// NIST's certified nonlinear regressions: 27 problems from two starts each.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "cunewton/fit.h"
#include "tests/nist/nist.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

class NistTest : public BackendTest {
  protected:
    static BatchResult<double> fit(const NistProblem& problem, int start, BatchDerivatives by) {
        BatchOptions options;
        options.backend = tested_choice();
        options.threads = 1;
        options.derivatives = by;
        options.standard_errors = true;
        // The two exponentials of MGH17 are nearly alike all the way from its first start: which
        // one becomes the slower is decided by rounding errors, and how soon, from 60 points to
        // 600.
        if (problem.name == "MGH17" && start == 0) options.max_iterations = 5000;
        const BatchData<double> data{.problems = 1,
                                     .points = problem.points,
                                     .coordinates = problem.x,
                                     .y = problem.y,
                                     .start = problem.starts[start]};
        return fit_batch(nist_model(problem.name), data, options);
    }
    /// Calls the function with every problem and start.
    template <class F>
    static void for_each_run(const F& f) {
        ASSERT_EQ(nist_problems().size(), 27u);
        for (const NistProblem& problem : nist_problems()) {
            ASSERT_EQ(problem.starts.size(), 2u);
            for (const int start : {0, 1}) {
                SCOPED_TRACE(problem.name + ", start " + std::to_string(start + 1));
                f(problem, start);
            }
        }
    }
};

TEST_F(NistTest, ExactDerivativesGiveEightDigits) {
    for_each_run([](const NistProblem& problem, int start) {
        const BatchResult<double> result = fit(problem, start, BatchDerivatives::autodiff);
        EXPECT_EQ(result.status[0], Status::converged) << to_string(result.status[0]);
        EXPECT_GE(certified_digits(problem, result.parameters.data()), 8);
        EXPECT_EQ(result.degrees_of_freedom[0], problem.degrees_of_freedom);
        // The sum of Lanczos1 is the rounding of y.
        if (problem.name == "Lanczos1") {
            EXPECT_LT(result.objective[0], 1e-24);
            return;
        }
        // The sum is printed with 11 digits; where it is small beside y, y's rounding is in it too.
        EXPECT_NEAR(result.objective[0], problem.residual_sum, 1e-9 * problem.residual_sum);
        // Errors of the parameters, with curvature, change the standard errors in proportion.
        double certified = 11;
        if (problem.name == "MGH17" && result.parameters[1] < 0) return;  // in another order
        certified = common_digits(problem.standard_deviations, result.standard_errors.data());
        EXPECT_GE(certified, 6);
    });
}

TEST_F(NistTest, DifferencesGiveSixDigits) {
    for_each_run([](const NistProblem& problem, int start) {
        const BatchResult<double> result = fit(problem, start, BatchDerivatives::differences);
        // Where the gradient's error is not small beside a standard error, the status may say so.
        EXPECT_TRUE(result.status[0] == Status::converged ||
                    result.status[0] == Status::derivative_accuracy ||
                    result.status[0] == Status::precision_limit)
            << to_string(result.status[0]);
        EXPECT_GE(certified_digits(problem, result.parameters.data()), 6);
    });
}

}  // namespace
}  // namespace cunewton::test
