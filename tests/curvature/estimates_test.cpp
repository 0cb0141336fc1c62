// Products, diagonals, and estimates of diagonals and traces.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/curvature/known_spectrum.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

template <class T>
class EstimatesTest : public BackendTest {};
TYPED_TEST_SUITE(EstimatesTest, Reals, RealName);

double largest_of(const std::vector<long double>& H) {
    double largest = 0;
    for (const long double h : H) largest = std::max(largest, std::abs(static_cast<double>(h)));
    return largest;
}

TYPED_TEST(EstimatesTest, ProductsAndDiagonalsOfModels) {
    using T = TypeParam;
    for (const ModelKind kind : all_models()) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions model_options{.samples = 100, .weights = true};
        model_options.problem = {.l2 = 0.3, .intercept = true};
        const Model<T> model(kind, model_options);
        const std::size_t n = static_cast<std::size_t>(model.problem().dimension());
        const std::vector<long double> H = model.hessian(model.theta());
        const double tolerance = 16 * sum_tolerance<T>(104) * largest_of(H);
        const std::vector<T> diagonal =
            hessian_diagonal(model.problem(), model.theta(), there<EvaluationOptions>());
        ASSERT_EQ(diagonal.size(), n);
        for (std::size_t j = 0; j < n; ++j)
            EXPECT_NEAR(diagonal[j], static_cast<double>(H[j * n + j]), tolerance);
        // Three vectors at a time.
        std::vector<T> V(3 * n);
        for (std::size_t j = 0; j < V.size(); ++j)
            V[j] = static_cast<T>(static_cast<int>(j * 7 % 5) - 2);
        const std::vector<T> HV =
            hessian_product(model.problem(), model.theta(), V, there<EvaluationOptions>());
        ASSERT_EQ(HV.size(), V.size());
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0; i < n; ++i) {
                long double sum = 0;
                for (std::size_t j = 0; j < n; ++j) sum += H[j * n + i] * V[c * n + j];
                EXPECT_NEAR(HV[c * n + i], static_cast<double>(sum),
                            2 * static_cast<double>(n) * tolerance);
            }
    }
}

TYPED_TEST(EstimatesTest, DiagonalsByDifferences) {
    using T = TypeParam;
    const std::vector<long double> values{1, -2, 3, 5, 0.5L};
    const KnownSpectrum<T> known(values);
    const std::vector<T> x{1, 2, -1, T(0.5), 0};
    for (const HessianBy by : {HessianBy::value_differences, HessianBy::gradient_differences}) {
        auto options = there<EvaluationOptions>();
        options.derivatives.hessian = by;
        const std::vector<T> diagonal = hessian_diagonal(known.problem(), x, options);
        for (std::size_t j = 0; j < 5; ++j)
            EXPECT_NEAR(diagonal[j], known.A[j * 6],
                        4 * hessian_tolerance<T>(by, 5, 10, 10, 5) * 5);
    }
}

TYPED_TEST(EstimatesTest, OfDiagonalMatricesAreExact) {
    using T = TypeParam;
    const int n = 12;
    std::vector<T> A(n * n, T(0)), b(n, T(0));
    double trace = 0;
    for (int j = 0; j < n; ++j) {
        A[static_cast<std::size_t>(j) * (n + 1)] = static_cast<T>(j - 3);
        trace += j - 3;
    }
    const auto problem = make_quadratic(A.data(), b.data(), n);
    auto options = there<ProbeOptions>();
    options.estimator = ProbeEstimator::hutchinson;
    options.products = 5;
    const TraceEstimate estimate = estimate_trace(problem, b, options);
    EXPECT_NEAR(estimate.trace, trace, 100 * epsilon<T>);
    EXPECT_NEAR(estimate.standard_error, 0, 100 * epsilon<T>);
    EXPECT_EQ(estimate.products, 5);
    const DiagonalEstimate<T> diagonal = estimate_diagonal(problem, b, options);
    for (int j = 0; j < n; ++j) EXPECT_NEAR(diagonal.diagonal[j], j - 3, 100 * epsilon<T>);
}

TYPED_TEST(EstimatesTest, HutchPlusPlusIsExactWhereTheRankIsSmall) {
    using T = TypeParam;
    std::vector<long double> values(60, 0.0L);
    values[5] = 3;
    values[20] = -2;
    values[40] = 10;
    const KnownSpectrum<T> known(values);
    auto options = there<ProbeOptions>();
    options.products = 15;
    const TraceEstimate estimate = estimate_trace(known.problem(), known.origin(), options);
    const double tolerance = 40 * known.tolerance();
    EXPECT_NEAR(estimate.trace, 11, tolerance);
    EXPECT_NEAR(estimate.standard_error, 0, tolerance);
    EXPECT_LE(estimate.products, 15);
    const DiagonalEstimate<T> diagonal =
        estimate_diagonal(known.problem(), known.origin(), options);
    for (std::size_t j = 0; j < 60; ++j)
        EXPECT_NEAR(diagonal.diagonal[j], known.A[j * 61], tolerance);
    // And where its space is everything.
    options.products = 180;
    const TraceEstimate whole = estimate_trace(known.problem(), known.origin(), options);
    EXPECT_NEAR(whole.trace, 11, tolerance);
}

/// The mean square of errors in units of what they are said to be: about 1.
TYPED_TEST(EstimatesTest, StandardErrorsAreWhatTheySay) {
    using T = TypeParam;
    std::vector<long double> values;
    long double trace = 0;
    for (int i = 1; i <= 40; ++i) {
        values.push_back(40.0L / (i * i));
        trace += values.back();
    }
    const KnownSpectrum<T> known(values);
    const int seeds = testing_cuda() ? 6 : 40;
    double spread[2] = {};
    for (const ProbeEstimator by : {ProbeEstimator::hutchinson, ProbeEstimator::hutch_plus_plus}) {
        double ratio = 0, diagonal_ratio = 0;
        for (int seed = 1; seed <= seeds; ++seed) {
            auto options = there<ProbeOptions>();
            options.estimator = by;
            options.products = 36;
            options.seed = static_cast<std::uint64_t>(seed);
            const TraceEstimate estimate = estimate_trace(known.problem(), known.origin(), options);
            const double error = estimate.trace - static_cast<double>(trace);
            ratio += std::pow(error / estimate.standard_error, 2) / seeds;
            spread[by == ProbeEstimator::hutchinson ? 0 : 1] += error * error / seeds;
            const DiagonalEstimate<T> diagonal =
                estimate_diagonal(known.problem(), known.origin(), options);
            double own = 0, said = 0;
            for (std::size_t j = 0; j < 40; ++j) {
                own += std::pow(diagonal.diagonal[j] - known.A[j * 41], 2);
                said += std::pow(diagonal.standard_errors[j], 2);
            }
            diagonal_ratio += own / said / seeds;
        }
        EXPECT_GT(ratio, 0.2) << to_string(by);
        EXPECT_LT(ratio, 4) << to_string(by);
        EXPECT_GT(diagonal_ratio, 0.4) << to_string(by);
        EXPECT_LT(diagonal_ratio, 2) << to_string(by);
    }
    // What Hutch++ is for.
    EXPECT_LT(spread[1], 0.1 * spread[0]);
}

TYPED_TEST(EstimatesTest, HutchinsonsVarianceIsTheFormulas) {
    using T = TypeParam;
    // 2 (|A|_F^2 - sum A_jj^2) for random signs (Avron and Toledo 2011, lemma 9).
    const KnownSpectrum<T> known({4, -1, 2, 0.5L, 3, 1, -2, 7});
    double variance = 0;
    for (std::size_t j = 0; j < 8; ++j)
        for (std::size_t i = 0; i < 8; ++i)
            if (i != j) variance += 2 * std::pow(static_cast<double>(known.A[j * 8 + i]), 2);
    auto options = there<ProbeOptions>();
    options.estimator = ProbeEstimator::hutchinson;
    options.products = 4000;
    const TraceEstimate estimate = estimate_trace(known.problem(), known.origin(), options);
    EXPECT_NEAR(estimate.standard_error, std::sqrt(variance / 4000),
                0.1 * std::sqrt(variance / 4000));
}

class EstimatesOfFunctionsTest : public BackendTest {};

TEST_F(EstimatesOfFunctionsTest, ADiagonalOfValuesTakesTwoPointsAParameter) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    // f = x_0 x_1: nothing is on the diagonal.
    long points_taken = 0;
    const auto problem = make_black_box<double>(
        [&](const double* points, int n, int count, double* losses) {
            points_taken += count;
            for (int p = 0; p < count; ++p) losses[p] = points[p * n] * points[p * n + 1];
        },
        3);
    auto options = there<EvaluationOptions>();
    const std::vector<double> diagonal = hessian_diagonal(problem, {1.5, -2, 1}, options);
    EXPECT_EQ(points_taken, 7);
    for (const double entry : diagonal) EXPECT_NEAR(entry, 0, 1e-7);
    const std::vector<double> H = hessian(problem, {1.5, -2, 1}, options);
    EXPECT_NEAR(H[1], 1, 1e-6);
}

TEST_F(EstimatesOfFunctionsTest, MisuseIsNamed) {
    const KnownSpectrum<double> known({1, 2, 3});
    const auto product = [&](const std::vector<double>& V) {
        return message_of<InvalidArgument>([&] {
            hessian_product(known.problem(), known.origin(), V, there<EvaluationOptions>());
        });
    };
    EXPECT_NE(product({}).find("V has the wrong size"), std::string::npos);
    EXPECT_NE(product({1, 2, 3, 4}).find("4 numbers for vectors of 3"), std::string::npos);
    EXPECT_NE(product({1, NAN, 3}).find("V is not finite"), std::string::npos);
    for (const ProbeEstimator by : {ProbeEstimator::hutchinson, ProbeEstimator::hutch_plus_plus}) {
        auto options = there<ProbeOptions>();
        options.estimator = by;
        options.products = by == ProbeEstimator::hutchinson ? 1 : 5;
        EXPECT_NE(message_of<InvalidArgument>([&] {
                      estimate_trace(known.problem(), known.origin(), options);
                  }).find("products are too few"),
                  std::string::npos);
    }
}

}  // namespace
}  // namespace cunewton::test
