// Perturbed points stay within the memory budget, on the session that a minimisation would open.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "host/backend/choice.h"
#include "tests/support/backends.h"
#include "tests/support/device_code.h"
#include "tests/support/models.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

class MemoryTest : public BackendTest {
  protected:
    static constexpr std::size_t mebibyte = std::size_t{1} << 20;

    /// The Hessian by a method under a budget, and the bytes that it took.
    struct Outcome {
        std::vector<double> H;
        std::size_t peak;
    };
    static Outcome hessian_within(const Problem<double>& problem, const std::vector<double>& x,
                                  HessianBy by, std::size_t budget) {
        SessionOptions options;
        options.derivatives.hessian = by;
        options.derivatives.memory_budget = budget;
        options.threads = 2;
        const Candidates candidates = choose_backends(problem, tested_choice());
        Session<double> session = candidates.entries[0]->code<double>().open(problem, options);
        const std::size_t n = x.size();
        const Buffer<double> point = session.vectors->allocate(n),
                             H = session.vectors->allocate(n * n);
        session.vectors->upload(point.get(), x.data(), n);
        session.evaluator->hessian(point.get(), H.get());
        Outcome outcome{std::vector<double>(n * n), 0};
        session.vectors->download(outcome.H.data(), H.get(), n * n);
        outcome.peak = session.evaluator->peak_tile_bytes();
        return outcome;
    }

    static void expect_same_triangle(const std::vector<double>& a, const std::vector<double>& b,
                                     std::size_t n, double tolerance) {
        double worst = 0, scale = 0;
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t i = j; i < n; ++i) {
                worst = std::max(worst, std::abs(a[j * n + i] - b[j * n + i]));
                scale = std::max(scale, std::abs(b[j * n + i]));
            }
        EXPECT_LE(worst, tolerance * scale);
    }
};

TEST_F(MemoryTest, BlackBoxOfTwoThousandParameters) {
    ModelOptions options{.samples = 2, .features = 1999};
    options.problem = {.intercept = true};
    const Model<double> model(ModelKind::logistic, options);
    const auto problem = sample_sum<double>(BlackBoxLogistic<1>{}, model.samples(), 2000);
    // Predictors of ordinary size; those of theta() grow with the dimension.
    std::vector<double> x = model.theta();
    for (double& value : x) value *= 0.01;
    const Outcome outcome =
        hessian_within(problem, x, HessianBy::gradient_differences, 64 * mebibyte);
    EXPECT_GT(outcome.peak, 0u);
    EXPECT_LE(outcome.peak, 64 * mebibyte);
    const std::vector<long double> exact = model.hessian(x);
    expect_same_triangle(outcome.H, {exact.begin(), exact.end()}, 2000,
                         promised_hessian_accuracy(HessianBy::gradient_differences));
}

TEST_F(MemoryTest, ValueDifferencesOfTwoThousandParameters) {
    // 2 million entries of four points each: 128 GB if all were written down.
    const std::size_t n = 2000;
    const std::vector<double> x(n, 0.5);
    const auto problem = objective<double>(FewTerms{}, static_cast<int>(n));
    const Outcome outcome = hessian_within(problem, x, HessianBy::value_differences, 64 * mebibyte);
    EXPECT_GT(outcome.peak, 0u);
    EXPECT_LE(outcome.peak, 64 * mebibyte);
    std::vector<double> exact(n * n, 0.0);
    exact[1] = 1;
    exact[n * n - 1] = 2;
    expect_same_triangle(outcome.H, exact, n,
                         promised_hessian_accuracy(HessianBy::value_differences));
}

TEST_F(MemoryTest, ASmallBudgetGivesTheSameBits) {
    ModelOptions options{.samples = 2100, .features = 40};
    options.problem = {.intercept = true};
    const Model<double> model(ModelKind::logistic, options);
    const auto problem = sample_sum<double>(BlackBoxLogistic<1>{}, model.samples(), 41);
    for (const HessianBy by : {HessianBy::autodiff, HessianBy::value_differences}) {
        SCOPED_TRACE(to_string(by));
        const Outcome ample = hessian_within(problem, model.theta(), by, 256 * mebibyte);
        const Outcome tight = hessian_within(problem, model.theta(), by, ample.peak - 1);
        EXPECT_LT(tight.peak, ample.peak);
        expect_same_triangle(tight.H, ample.H, 41, 0);
    }
}

TEST_F(MemoryTest, ABudgetBelowOneTileIsRejectedWithItsSize) {
    const auto problem = objective<double>(RankOne{}, 500);
    // Less than a single number.
    for (const HessianBy by : {HessianBy::autodiff, HessianBy::value_differences}) try {
            hessian_within(problem, std::vector<double>(500, 0.5), by, 4);
            ADD_FAILURE() << "accepted: " << to_string(by);
        } catch (const InvalidArgument& error) {
            EXPECT_NE(std::string(error.what()).find("memory_budget"), std::string::npos)
                << error.what();
        }
}

/// 1/2 |x|^2 + x_0 x_{n-1} with its Hessian.
struct Coupled {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        T f = T(x[0]) * T(x[x.size() - 1]);
        for (int j = 0; j < x.size(); ++j) f += T(0.5) * T(x[j]) * T(x[j]);
        return f;
    }
    template <class X, class H>
    CUNEWTON_HOST_DEVICE void hessian(const X& x, H& h) const {
        using T = scalar_t<X>;
        for (int j = 0; j < x.size(); ++j) h(j, j) += T(1.0);
        h(x.size() - 1, 0) += T(1.0);
    }
};
/// The same for a sample, times its target.
struct CoupledSample {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        return s.target() * Coupled{}(x);
    }
    template <class X, class S, class H>
    CUNEWTON_HOST_DEVICE void hessian(const X& x, const S& s, H& h) const {
        for (int j = 0; j < x.size(); ++j) h(j, j) += s.target();
        h(x.size() - 1, 0) += s.target();
    }
};

class AnalyticHessianMemoryTest : public MemoryTest {
  protected:
    void SetUp() override {
        MemoryTest::SetUp();
        if (!IsSkipped() && testing_cuda()) GTEST_SKIP() << "these losses have no GPU code";
    }
    static void expect_coupled(const std::vector<double>& H, std::size_t n, double factor) {
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t i = j; i < n; ++i)
                ASSERT_DOUBLE_EQ(H[j * n + i], i == j || (j == 0 && i == n - 1) ? factor : 0.0)
                    << i << ", " << j;
    }
};

TEST_F(AnalyticHessianMemoryTest, AnObjectiveTakesOneMatrixAndNotOneForEachLane) {
    const std::size_t n = 600, matrix = n * n * sizeof(double);
    const auto problem = make_objective<double>(Coupled{}, n);
    const Outcome outcome =
        hessian_within(problem, std::vector<double>(n, 0.5), HessianBy::analytic, 256 * mebibyte);
    EXPECT_GE(outcome.peak, matrix);
    EXPECT_LE(outcome.peak, 2 * matrix);
    expect_coupled(outcome.H, n, 1);
}

TEST_F(AnalyticHessianMemoryTest, OneSampleWithAWeight) {
    const double target = 3, weight = 0.5;
    const int n = 30;
    const Samples<double> samples{.count = 1, .targets = &target, .weights = &weight};
    const auto problem =
        make_sample_sum<double>(CoupledSample{}, samples, n, {.reduction = Reduction::sum});
    const Outcome outcome =
        hessian_within(problem, std::vector<double>(n, 0.5), HessianBy::analytic, 256 * mebibyte);
    expect_coupled(outcome.H, n, 1.5);
}

TEST_F(AnalyticHessianMemoryTest, ManySamplesKeepToTheBudget) {
    // 2049 samples: the last piece holds one. Weights 0 and 1 and 2 in turn.
    const std::size_t n = 40;
    std::vector<double> targets(2049), weights(2049);
    double expected = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        targets[i] = 1 + static_cast<double>(i % 5);
        weights[i] = static_cast<double>(i % 3);
        expected += targets[i] * weights[i];
    }
    const Samples<double> samples{
        .count = 2049, .targets = targets.data(), .weights = weights.data()};
    const auto problem =
        make_sample_sum<double>(CoupledSample{}, samples, n, {.reduction = Reduction::sum});
    const std::vector<double> x(n, 0.5);
    const Outcome ample = hessian_within(problem, x, HessianBy::analytic, 256 * mebibyte);
    const Outcome tight = hessian_within(problem, x, HessianBy::analytic, ample.peak - 1);
    EXPECT_LT(tight.peak, ample.peak);
    expect_coupled(ample.H, n, expected);
    expect_coupled(tight.H, n, expected);
}

class BatchedMemoryTest : public MemoryTest {
  protected:
    void SetUp() override {
        MemoryTest::SetUp();
        if (!IsSkipped() && testing_cuda())
            GTEST_SKIP() << "an evaluator of host pointers has no GPU code";
    }
};

TEST_F(BatchedMemoryTest, OpaqueEvaluatorOfAThousandParameters) {
    const int n = 1000;
    int most = 0;
    // Only some columns would differ in a real loss; all that counts here is the memory.
    const auto problem = make_black_box<double>(
        [&](const double* points, int dimension, int count, double* losses) {
            most = std::max(most, count);
            for (int p = 0; p < count; ++p) {
                const double* x = points + static_cast<std::ptrdiff_t>(p) * dimension;
                losses[p] = x[0] * x[1] + x[dimension - 1] * x[dimension - 1];
            }
        },
        n);
    const Outcome outcome = hessian_within(problem, std::vector<double>(n, 0.5),
                                           HessianBy::value_differences, 4 * mebibyte);
    EXPECT_GT(outcome.peak, 0u);
    EXPECT_LE(outcome.peak, 4 * mebibyte);
    EXPECT_LE(static_cast<std::size_t>(most) * n * sizeof(double), 4 * mebibyte);
    EXPECT_GE(most, 250);
    const double tolerance = 16 * std::sqrt(epsilon<double>);
    EXPECT_NEAR(outcome.H[1], 1, tolerance);
    EXPECT_NEAR(outcome.H[static_cast<std::size_t>(n) * n - 1], 2, tolerance);
    EXPECT_NEAR(outcome.H[2], 0, tolerance);
}

}  // namespace
}  // namespace cunewton::test
