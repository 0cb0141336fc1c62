// Batches of fits arrive where an independent oracle does: every model, estimator and precision;
// the same bits in any chunks and on any threads; progress.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "cunewton/error.h"
#include "cunewton/fit.h"
#include "tests/support/batch_checks.h"
#include "tests/support/fit_cases.h"
#include "tests/support/reals.h"
#include "tests/support/small_models.h"

namespace cunewton::test {
namespace {

using fit_oracle::Loss;
using fit_oracle::Real;
using fit_oracle::Vector;

// ---- Every model.

class BatchModelsTest : public BackendTest {};
template <class T>
class TypedBatchModelsTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchModelsTest, Reals, RealName);

TYPED_TEST(TypedBatchModelsTest, ModelsRecoverTheParametersOfExactData) {
    using T = TypeParam;
    for (const FitCase& fit : fit_cases()) {
        SCOPED_TRACE(fit.name);
        // More than a block of lanes, and not a multiple of one.
        const FitData<T> data(fit, {.problems = 71});
        const BatchOptions options = batch_options();
        const BatchResult<T> result = fit_batch(fit.model(), data.data(), options);
        expect_coherent(result, options, data.problems, fit.parameters(), true);
        for (long i = 0; i < data.problems; ++i) {
            // The residuals of a sine are the rounding errors of its argument, up to 16 times those
            // of its value: more than a solver that knows the value alone can take for zero.
            EXPECT_TRUE(result.status[i] == Status::converged ||
                        (fit.name == "Sine" && result.status[i] == Status::precision_limit))
                << i << " " << to_string(result.status[i]);
            // The data's rounding is the residual, half a unit each, and as much is the model's.
            expect_parameters(result, i, data.truths[i],
                              fit_tolerance(data.oracle(i), data.truths[i], {}, epsilon<T>, 0));
        }
    }
}

TYPED_TEST(TypedBatchModelsTest, NoisyFitsAreTheOracles) {
    using T = TypeParam;
    for (const FitCase& fit : fit_cases()) {
        const FitData<T> data(fit, {.problems = 4, .noise = 0.03125, .seed = 5});
        const BatchResult<T> result = fit_batch(fit.model(), data.data(), batch_options());
        expect_oracle_fits(result, data);
    }
}

TEST_F(BatchModelsTest, DerivativeMethodsAgree) {
    for (const char* name : {"Gaussian2D", "ExponentialDecay<2>", "DiffusionTensor"}) {
        const FitCase& fit = fit_case(name);
        const FitData<double> data(fit, {.problems = 4, .noise = 0.03125, .weights = true});
        for (const BatchDerivatives by : {BatchDerivatives::analytic, BatchDerivatives::autodiff,
                                          BatchDerivatives::differences}) {
            SCOPED_TRACE(to_string(by));
            BatchOptions options = batch_options();
            options.derivatives = by;
            if (by == BatchDerivatives::analytic && fit.name != "Gaussian2D") {
                EXPECT_THROW(fit_batch(fit.model(), data.data(), options), InvalidArgument);
                continue;
            }
            expect_oracle_fits(fit_batch(fit.model(), data.data(), options), data);
        }
    }
}

TEST_F(BatchModelsTest, SixtyFourParameters) {
    constexpr int n = 64, points = 160;
    std::vector<double> x(points), y(points), start(n, 0.0);
    Random random(9);
    for (double& value : x) value = 3 * random.uniform();
    for (double& value : y) value = random.near_normal();
    const BatchData<double> data{
        .problems = 1, .points = points, .coordinates = x, .y = y, .start = start};
    fit_oracle::Problem oracle;
    oracle.model = [](const fit_oracle::Complex* p, const Real* at) {
        fit_oracle::Complex m = 0;
        for (int j = 0; j < n; ++j) m += p[j] * std::cos(j * at[0]);
        return m;
    };
    oracle.coordinates = 1;
    oracle.x.assign(x.begin(), x.end());
    oracle.y.assign(y.begin(), y.end());
    const BatchResult<double> result =
        fit_batch(small_model(CosineSeries<n>{}), data, batch_options());
    ASSERT_EQ(result.status[0], Status::converged) << to_string(result.status[0]);
    // Linear: the normal equations are the oracle.
    const Vector zero(n), g = fit_oracle::gradient(oracle, zero);
    const Vector inverse = fit_oracle::inverse(n, fit_oracle::information(oracle, zero));
    ASSERT_FALSE(inverse.empty());
    Vector exact(n);
    for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j) exact[i] -= inverse[i * n + j] * g[j] / 2;
    FitTolerance tolerance =
        fit_tolerance(oracle, exact, {}, epsilon<double>, default_tolerance(epsilon<double>));
    expect_parameters(result, 0, exact, tolerance);
}

// ---- Estimators.

class BatchEstimatorsTest : public BackendTest {};
template <class T>
class TypedBatchEstimatorsTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchEstimatorsTest, Reals, RealName);

TYPED_TEST(TypedBatchEstimatorsTest, PoissonDevianceIsMinimised) {
    using T = TypeParam;
    FitData<T> data = make_counts_data<T>();
    ASSERT_GT(std::count(data.y.begin(), data.y.end(), T(0)), 0) << "zeros are part of the test";
    BatchOptions options = batch_options();
    options.estimator = Estimator::poisson;
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    // The metric is the expected information's; the deviance's own Hessian differs by the noise.
    expect_oracle_fits(result, data, {.loss = Loss::poisson, .slack = 2});

    for (std::size_t k = 0; k < data.y.size(); ++k)
        data.weights.push_back(static_cast<T>(k % 7 == 2 ? 0 : 0.5 + k % 3));
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), options), data,
                       {.loss = Loss::poisson, .slack = 2});
}

// Where data are the model's own values the deviance is zero, and its rounding errors have no sign.
TYPED_TEST(TypedBatchEstimatorsTest, TheDevianceOfExactDataIsZero) {
    using T = TypeParam;
    const FitData<T> data(fit_case("Gaussian1D"), {.problems = 40});
    BatchOptions options = batch_options();
    options.estimator = Estimator::poisson;
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_EQ(result.count(Status::converged), 40);
    for (long i = 0; i < 40; ++i) {
        EXPECT_GE(result.objective[i], 0) << i;
        for (int j = 0; j < data.fit.parameters(); ++j)
            EXPECT_NEAR(parameters_of(result, i)[j], data.truths[i][j],
                        100 * epsilon<T> * std::abs(data.truths[i][j]))
                << i;
    }
}

TYPED_TEST(TypedBatchEstimatorsTest, RobustEstimatorsIgnoreOutliers) {
    using T = TypeParam;
    constexpr double sigma = 0.0625;
    FitData<T> data(fit_case("Gaussian1D"),
                    {.problems = 6, .noise = sigma, .outlier_every = 9, .seed = 3});
    // In units of standard deviations.
    data.weights.assign(data.y.size(), static_cast<T>(1 / (sigma * sigma)));
    for (std::size_t j = 0; j < data.start.size(); ++j)
        data.start[j] = static_cast<T>(1.05 * data.fit.truth[j]);
    const auto worst = [&](const BatchResult<T>& result) {
        double largest = 0;
        for (long i = 0; i < data.problems; ++i)
            for (int j = 0; j < 4; ++j)
                largest = std::max(largest, std::abs(result.parameters[i * 4 + j] -
                                                     static_cast<double>(data.truths[i][j])));
        return largest;
    };
    const double least_squares = worst(fit_batch(data.fit.model(), data.data(), batch_options()));
    for (const auto& [estimator, loss, standard] :
         {std::tuple{Estimator::huber, Loss::huber, 1.345},
          std::tuple{Estimator::cauchy, Loss::cauchy, 2.385},
          std::tuple{Estimator::tukey, Loss::tukey, 4.685}})
        for (const double tuning : {0.0, 3.0}) {
            SCOPED_TRACE(std::string(to_string(estimator)) + " " + std::to_string(tuning));
            BatchOptions options = batch_options();
            options.estimator = estimator;
            options.tuning = tuning;
            const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
            // The solver's Hessian is at most 10 times the loss's own, which is at most the
            // information: distances in its metric are sqrt(10) times longer in the worst case.
            expect_oracle_fits(
                result, data, {.loss = loss, .tuning = tuning > 0 ? tuning : standard, .slack = 4});
            EXPECT_LT(worst(result), 0.5 * least_squares);
        }
}

// A fit whose residuals are all within the constant is a least-squares fit.
TEST_F(BatchEstimatorsTest, HuberWithALargeConstantIsLeastSquares) {
    const FitData<double> data(fit_case("Lorentzian"), {.problems = 3, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.estimator = Estimator::huber;
    options.tuning = 100;
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), options), data);
}

// Multiplication by powers of two changes no digit, so data in other units are the same fits; also
// in float, where squares of squares are soon beyond its range; and from starts that say nothing of
// sizes.
TYPED_TEST(TypedBatchEstimatorsTest, UnitsDoNotMatter) {
    using T = TypeParam;
    struct Units {
        int of_y, of_x;
    };
    for (const std::vector<double>& start : {std::vector<double>{}, {0, 1, 0}, {0, 1, 1}}) {
        FitData<T> data(fit_case("ExponentialDecay<1>"),
                        {.problems = 40, .noise = 0.125, .spread = 0.1, .weights = true});
        if (!start.empty()) data.start.assign(start.begin(), start.end());
        const FitModel model = data.fit.model();
        const BatchResult<T> usual = fit_batch(model, data.data(), batch_options());
        EXPECT_EQ(usual.count(Status::converged), 40);
        for (const Units units :
             {Units{-40, 0}, {40, 0}, {0, -30}, {0, 30}, {-40, 30}, {40, -30}}) {
            SCOPED_TRACE("y in units of 2^" + std::to_string(units.of_y) + ", x of 2^" +
                         std::to_string(units.of_x));
            const auto unit = [&](std::size_t j) { return j % 3 == 1 ? -units.of_x : units.of_y; };
            FitData<T> other = data;
            for (T& y : other.y) y = std::ldexp(y, units.of_y);
            for (T& x : other.coordinates) x = std::ldexp(x, units.of_x);
            for (std::size_t j = 0; j < other.start.size(); ++j)
                other.start[j] = std::ldexp(other.start[j], unit(j));
            const BatchResult<T> result = fit_batch(model, other.data(), batch_options());
            EXPECT_EQ(result.status, usual.status);
            EXPECT_EQ(result.iterations, usual.iterations);
            for (std::size_t j = 0; j < usual.parameters.size(); ++j)
                ASSERT_EQ(result.parameters[j], std::ldexp(usual.parameters[j], unit(j))) << j;
            for (std::size_t i = 0; i < usual.objective.size(); ++i)
                ASSERT_EQ(result.objective[i], std::ldexp(usual.objective[i], 2 * units.of_y)) << i;
        }
    }
}

// ---- Precision.

class BatchPrecisionTest : public BackendTest {};

TEST_F(BatchPrecisionTest, PrecisionOfTheArithmeticIsThatOfTheOption) {
    for (const char* name : {"Gaussian2D", "Hill"}) {
        SCOPED_TRACE(name);
        FitData<float> narrow(fit_case(name), {.problems = 20, .noise = 0.0625, .weights = true});
        FitData<double> wide(fit_case(name), {.problems = 20, .noise = 0.0625, .weights = true});
        // The same numbers.
        wide.y.assign(narrow.y.begin(), narrow.y.end());
        wide.weights.assign(narrow.weights.begin(), narrow.weights.end());
        const FitModel model = narrow.fit.model();
        const auto run = [&](const auto& data, BatchPrecision precision) {
            BatchOptions options = batch_options();
            options.precision = precision;
            options.standard_errors = true;
            return fit_batch(model, data.data(), options);
        };
        const double single = epsilon<float>, full = epsilon<double>;
        expect_oracle_fits(run(narrow, BatchPrecision::single), narrow, {.arithmetic = single});
        expect_oracle_fits(run(narrow, BatchPrecision::full), narrow, {.arithmetic = full});
        expect_oracle_fits(run(wide, BatchPrecision::single), wide, {.arithmetic = single});
        expect_oracle_fits(run(wide, BatchPrecision::full), wide, {.arithmetic = full});
        expect_same(run(narrow, BatchPrecision::single), run(narrow, BatchPrecision::as_data));
        expect_same(run(wide, BatchPrecision::full), run(wide, BatchPrecision::as_data));
        // In single all ends well: nothing is solved again.
        const BatchResult<double> twice = run(wide, BatchPrecision::twice);
        EXPECT_EQ(twice.solved_again, 0);
        expect_same(twice, run(wide, BatchPrecision::single));
    }
}

// Problems that are solved again are a batch of another shape: they keep their own coordinates even
// where those are as many as shared ones would be.
TEST_F(BatchPrecisionTest, WhatIsSolvedAgainKeepsItsCoordinates) {
    const std::vector<long> offsets{0, 20, 30, 40, 60};
    const std::vector<double> start{2, 1, 0, 2, -80, 0, 2, -80, 0, 2, 1, 0};
    std::vector<double> x, y;
    for (long i = 0; i < 4; ++i)
        for (long k = offsets[i]; k < offsets[i + 1]; ++k) {
            x.push_back(0.1 * static_cast<double>(i + 1) * static_cast<double>(k - offsets[i]));
            y.push_back(3 * std::exp(-x.back()) + 0.5 + 0.01 * static_cast<double>(k % 3));
        }
    BatchData<double> data{
        .problems = 4, .points = 20, .offsets = offsets, .coordinates = x, .y = y, .start = start};
    const FitModel model = fit_case("ExponentialDecay<1>").model();
    BatchOptions options = batch_options();
    options.precision = BatchPrecision::full;
    const BatchResult<double> full = fit_batch(model, data, options);
    options.precision = BatchPrecision::twice;
    const BatchResult<double> twice = fit_batch(model, data, options);
    EXPECT_EQ(twice.solved_again, 2);
    for (const long i : {1, 2})
        EXPECT_TRUE(same_bits(parameters_of(twice, i), parameters_of(full, i))) << i;
    // One problem alone, whose coordinates are not all numbers, is a bad problem and no misuse.
    x[25] = std::nan("");
    const BatchResult<double> bad = fit_batch(model, data, options);
    EXPECT_EQ(bad.solved_again, 2);
    EXPECT_EQ(bad.status[1], Status::invalid_data);
    EXPECT_EQ(bad.status[2], twice.status[2]);
    // Two problems of ten points each, twenty announced: whose are twenty coordinates?
    data.problems = 2;
    const std::vector<long> from_zero{0, 10, 20};
    data.offsets = from_zero;
    data.coordinates = std::span(x).first(20);
    data.y = std::span(y).first(20);
    data.start = std::span(start).first(6);
    EXPECT_THROW(fit_batch(model, data, options), InvalidArgument);
}

TEST_F(BatchPrecisionTest, WhatFailsInSingleIsSolvedAgainInDouble) {
    // A rate that makes exp overflow in float at the start, in every second problem.
    FitData<double> data(fit_case("ExponentialDecay<1>"), {.problems = 21, .noise = 0.0625});
    data.start.clear();
    for (long i = 0; i < data.problems; ++i)
        for (const double value : {2.0, i % 2 ? -20.0 : 1.0, 0.0}) data.start.push_back(value);
    for (const bool ragged : {false, true})
        for (const bool own : {false, true}) {
            SCOPED_TRACE(std::to_string(ragged) + std::to_string(own));
            BatchData<double> d = data.data();
            std::vector<double> coordinates;
            std::vector<long> offsets;
            for (long i = 0; i <= data.problems; ++i) offsets.push_back(i * d.points);
            for (long i = 0; i < data.problems; ++i)
                coordinates.insert(coordinates.end(), data.coordinates.begin(),
                                   data.coordinates.end());
            if (ragged) d.offsets = offsets;
            if (own) d.coordinates = coordinates;
            BatchOptions options = batch_options();
            options.covariance = options.standard_errors = options.condition_number = true;
            options.precision = BatchPrecision::single;
            const BatchResult<double> single = fit_batch(data.fit.model(), d, options);
            EXPECT_EQ(single.count(Status::not_finite), data.problems / 2);
            options.precision = BatchPrecision::twice;
            const BatchResult<double> twice = fit_batch(data.fit.model(), d, options);
            options.precision = BatchPrecision::full;
            const BatchResult<double> full = fit_batch(data.fit.model(), d, options);
            EXPECT_EQ(twice.solved_again, data.problems / 2);
            expect_coherent(twice, options, data.problems, 3, true);
            for (long i = 0; i < data.problems; ++i) {
                const BatchResult<double>& wanted = i % 2 ? full : single;
                EXPECT_EQ(twice.status[i], wanted.status[i]) << i;
                EXPECT_TRUE(same_bits(parameters_of(twice, i), parameters_of(wanted, i))) << i;
                EXPECT_EQ(twice.iterations[i], wanted.iterations[i]);
                EXPECT_EQ(twice.degrees_of_freedom[i], wanted.degrees_of_freedom[i]);
                if (i % 2) {
                    EXPECT_EQ(twice.standard_errors[i * 3 + 1], wanted.standard_errors[i * 3 + 1]);
                    EXPECT_EQ(twice.covariance[i * 9 + 4], wanted.covariance[i * 9 + 4]);
                    EXPECT_EQ(twice.condition_number[i], wanted.condition_number[i]);
                }
            }
        }
}

// ---- The same bits.

class BatchDeterminismTest : public BackendTest {};
template <class T>
class TypedBatchDeterminismTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchDeterminismTest, Reals, RealName);

TYPED_TEST(TypedBatchDeterminismTest, ThreadsAndChunksDoNotMatter) {
    using T = TypeParam;
    for (const bool ragged : {false, true}) {
        const RaggedData<T> source(fit_case("Gaussian1D"), true);
        const BatchData<T> data = ragged ? source.data(false) : source.full.data();
        BatchOptions options = batch_options();
        options.covariance = options.standard_errors = options.condition_number = true;
        options.threads = 1;
        const BatchResult<T> wanted = fit_batch(source.full.fit.model(), data, options);
        EXPECT_EQ(wanted.count(Status::converged), wanted.problems);
        for (const int threads : {1, 2, 3})
            for (const long chunk : {1L, 7L, 40L, 1000L}) {
                SCOPED_TRACE(std::to_string(threads) + " threads, chunk " + std::to_string(chunk));
                options.threads = threads;
                options.chunk = chunk;
                const BatchResult<T> result = fit_batch(source.full.fit.model(), data, options);
                expect_same(result, wanted);
                if (!testing_cuda()) {
                    EXPECT_EQ(result.chunks, (40 + chunk - 1) / chunk);
                }
            }
    }
}

TEST_F(BatchDeterminismTest, ManyProblemsOnManyThreads) {
    const FitData<double> data(fit_case("Polynomial<2>"), {.problems = 5000, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.threads = 1;
    const BatchResult<double> wanted = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_EQ(wanted.count(Status::converged), data.problems);
    options.threads = 3;
    options.chunk = 999;
    expect_same(fit_batch(data.fit.model(), data.data(), options), wanted);
}

// ---- Progress.

class BatchProgressTest : public BackendTest {};

TEST_F(BatchProgressTest, ProgressIsReportedAfterEveryChunk) {
    const FitData<double> data(fit_case("Polynomial<1>"), {.problems = 25, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.chunk = 10;
    std::vector<long> completed;
    double last = 0;
    options.progress = [&](const BatchProgress& progress) {
        completed.push_back(progress.completed);
        EXPECT_EQ(progress.problems, 25);
        EXPECT_GE(progress.seconds, last);
        last = progress.seconds;
        return true;
    };
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    expect_coherent(result, options, 25, 2, true);
    EXPECT_EQ(completed, (std::vector<long>{10, 20, 25}));
    EXPECT_EQ(result.chunks, 3);
}

TEST_F(BatchProgressTest, ACancelledBatchKeepsWhatIsDone) {
    const FitData<double> data(fit_case("Polynomial<1>"), {.problems = 100, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.standard_errors = true;
    const BatchResult<double> wanted = fit_batch(data.fit.model(), data.data(), options);
    options.chunk = 10;
    int calls = 0;
    options.progress = [&](const BatchProgress&) { return ++calls < 2; };
    for (const BatchPrecision precision : {BatchPrecision::full, BatchPrecision::twice}) {
        calls = 0;
        options.precision = precision;
        const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
        EXPECT_TRUE(result.cancelled);
        // What was begun may be finished.
        EXPECT_GE(result.completed, 20);
        EXPECT_LT(result.completed, 100);
        EXPECT_EQ(result.count(Status::not_run), 100 - result.completed);
        for (long i = 0; i < 100; ++i) {
            if (i < result.completed) {
                EXPECT_EQ(result.status[i], Status::converged);
                if (precision == BatchPrecision::full) {
                    EXPECT_TRUE(same_bits(parameters_of(result, i), parameters_of(wanted, i)));
                }
            } else {
                EXPECT_EQ(result.status[i], Status::not_run);
                EXPECT_TRUE(std::isnan(result.parameters[i * 2]));
                EXPECT_TRUE(std::isnan(result.objective[i]));
                EXPECT_TRUE(std::isnan(result.standard_errors[i * 2]));
                EXPECT_EQ(result.iterations[i], 0);
            }
        }
    }
    // At the end there is nothing left to cancel.
    options.precision = BatchPrecision::full;
    options.chunk = 100;
    options.progress = [](const BatchProgress&) { return false; };
    const BatchResult<double> whole = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_FALSE(whole.cancelled);
    EXPECT_EQ(whole.completed, 100);
}

TEST_F(BatchProgressTest, WhatProgressThrowsReachesTheCaller) {
    const FitData<double> data(fit_case("Polynomial<1>"), {.problems = 30, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.chunk = 10;
    options.progress = [](const BatchProgress&) -> bool { throw std::logic_error("stop"); };
    EXPECT_THROW(fit_batch(data.fit.model(), data.data(), options), std::logic_error);
}

}  // namespace
}  // namespace cunewton::test
