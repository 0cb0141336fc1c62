// Intervals by the profile likelihood.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/distributions.h"
#include "host/inference/profile.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

class ProfileTest : public BackendTest {};

// Counts of two groups: the profile of the difference of their logarithms is known in closed form.
TEST_F(ProfileTest, IsWhereTheLikelihoodHasFallen) {
    const std::vector<double> group = {0, 0, 0, 1, 1, 1, 1}, counts = {3, 5, 2, 9, 7, 12, 4};
    Samples<double> samples;
    samples.features = group.data();
    samples.count = 7;
    samples.dimension = 1;
    samples.targets = counts.data();
    const double A = 10, B = 32, na = 3, nb = 4;
    // -log likelihood less its minimum, for a ratio e^t of the two means.
    const auto rise = [&](double t) {
        const double mean = (A + B) / (na + nb * std::exp(t));
        const auto loss = [&](double a, double b) {
            return na * a + nb * b - A * std::log(a) - B * std::log(b);
        };
        return loss(mean, mean * std::exp(t)) - loss(A / na, B / nb);
    };
    const double limit = 0.5 * chi_square_quantile(0.95, 1);
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
        const Problem<double> problem = make_linear_predictor<double>(
            Poisson{}, samples, {.reduction = reduction, .intercept = true});
        Options options;
        options.backend = tested_choice();
        const Result<double> result = minimize(problem, {0.0, 0.0}, options);
        ASSERT_TRUE(result.converged());
        InferenceOptions how;
        how.backend = tested_choice();
        const double width = 1.96 * std::sqrt(1 / A + 1 / B);
        const auto [low, high] =
            infer::profile_interval(problem, result, 0, limit * problem.parts().scale, width, how);
        EXPECT_LT(low, result.x[0]);
        EXPECT_GT(high, result.x[0]);
        EXPECT_NEAR(rise(low), limit, 1e-7);
        EXPECT_NEAR(rise(high), limit, 1e-7);
        // It is longer to the side on which the likelihood falls more slowly.
        EXPECT_GT(std::abs(high - 2 * result.x[0] + low), 1e-3);
    }
}

}  // namespace
}  // namespace cunewton::test
