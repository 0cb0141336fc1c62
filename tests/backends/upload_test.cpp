// Data come to the device whole, in order and unmixed: from rows that lie apart, wide or narrow,
// and from more bytes than are on their way at a time.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "cunewton/differentiate.h"
#include "cunewton/fit.h"
#include "cunewton/loss/linear_regression.h"
#include "tests/support/backends.h"
#include "tests/support/fit_cases.h"

namespace cunewton::test {
namespace {

/// A number for each place, such that no two near each other are alike.
double number_at(long k) {
    return std::fmod(0.6180339887498949 * static_cast<double>(k + 1), 1.0) - 0.5;
}

struct Layout {
    long count;
    int dimension;
    long gap;  // numbers between one sample's features and the next's
    int threads;
};

class SamplesUploadTest : public BackendTest, public ::testing::WithParamInterface<Layout> {};

TEST_P(SamplesUploadTest, LossIsThatOfThePlainSum) {
    const auto [count, dimension, gap, threads] = GetParam();
    const long ld = dimension + gap;
    std::vector<double> features(static_cast<std::size_t>(count * ld), std::nan(""));
    std::vector<double> targets, weights, x;
    for (int j = 0; j < dimension; ++j) x.push_back(number_at(7 * j));
    double sum = 0, weight_sum = 0;
    for (long i = 0; i < count; ++i) {
        double z = 0;
        for (int j = 0; j < dimension; ++j) {
            const double value = number_at(i * dimension + j);
            features[static_cast<std::size_t>(i * ld + j)] = value;
            z += value * x[static_cast<std::size_t>(j)];
        }
        targets.push_back(number_at(3 * i));
        weights.push_back(1.5 + number_at(5 * i));
        sum += weights.back() * (z - targets.back()) * (z - targets.back());
        weight_sum += weights.back();
    }
    const Problem<double> problem = make_linear_predictor(
        LinearRegression{},
        Samples<double>{features.data(), count, dimension, ld, targets.data(), weights.data()});
    EvaluationOptions options;
    options.backend = tested_choice();
    options.threads = threads;
    EXPECT_NEAR(evaluate(problem, x, options), sum / weight_sum, 1e-12 * sum / weight_sum);
}

INSTANTIATE_TEST_SUITE_P(Layouts, SamplesUploadTest,
                         ::testing::Values(Layout{1, 1, 0, 0}, Layout{7, 3, 2, 0},
                                           Layout{50000, 60, 0, 0},   // 24 MB without gaps
                                           Layout{50000, 60, 4, 0},   // and in rows, by threads
                                           Layout{50000, 60, 4, 1},   // or by one
                                           Layout{3, 300000, 5, 0}),  // rows of 2.4 MB
                         [](const auto& test) {
                             const Layout& l = test.param;
                             return std::to_string(l.count) + "By" + std::to_string(l.dimension) +
                                    "Gap" + std::to_string(l.gap) + "Threads" +
                                    std::to_string(l.threads);
                         });

class BatchUploadTest : public BackendTest {};

// Straight lines without noise, so that each problem's answer is known; 17 MB of y, 17 MB of
// weights.
TEST_F(BatchUploadTest, EachProblemHasItsOwnData) {
    constexpr long problems = 65000;
    constexpr int points = 33;
    std::vector<double> x, y, weights, start{0, 0};
    for (int k = 0; k < points; ++k) x.push_back(k / 16.0 - 1);
    for (long i = 0; i < problems; ++i)
        for (int k = 0; k < points; ++k) {
            // One wrong point in each problem, which its weight hides.
            const bool wrong = k == i % points;
            y.push_back(
                wrong ? 1e6 : number_at(i) + number_at(2 * i + 1) * x[static_cast<std::size_t>(k)]);
            weights.push_back(wrong ? 0.0 : 1.0);
        }
    for (const long chunk : {0L, 7001L}) {
        BatchOptions options;
        options.backend = tested_choice();
        options.chunk = chunk;
        const BatchResult<double> result = fit_batch(fit_case("Polynomial<1>").model(),
                                                     BatchData<double>{.problems = problems,
                                                                       .points = points,
                                                                       .coordinates = x,
                                                                       .y = y,
                                                                       .weights = weights,
                                                                       .start = start},
                                                     options);
        long wrong = 0;
        for (long i = 0; i < problems; ++i)
            wrong += !(std::abs(result.parameters[static_cast<std::size_t>(2 * i)] -
                                number_at(i)) <= 1e-12 &&
                       std::abs(result.parameters[static_cast<std::size_t>(2 * i + 1)] -
                                number_at(2 * i + 1)) <= 1e-12);
        EXPECT_EQ(wrong, 0) << chunk;
        EXPECT_EQ(result.count(Status::converged), problems);
    }
}

}  // namespace
}  // namespace cunewton::test
