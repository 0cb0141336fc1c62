// What a batch says: covariances, statuses that are true, and of problems that cannot be solved.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/fit.h"
#include "tests/support/batch_checks.h"
#include "tests/support/fit_cases.h"
#include "tests/support/reals.h"

namespace cunewton::test {
namespace {

using fit_oracle::Loss;
using fit_oracle::Real;
using fit_oracle::Vector;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// ---- What is computed from the Hessian.

class BatchCovariancesTest : public BackendTest {};
template <class T>
class TypedBatchCovariancesTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchCovariancesTest, Reals, RealName);

TYPED_TEST(TypedBatchCovariancesTest, CovariancesAreTheOracles) {
    using T = TypeParam;
    for (const bool poisson : {false, true})
        for (const bool absolute : {false, true}) {
            SCOPED_TRACE(std::to_string(poisson) + std::to_string(absolute));
            FitData<T> data = poisson
                                  ? make_counts_data<T>()
                                  : FitData<T>(fit_case("Gaussian2D"),
                                               {.problems = 5, .noise = 0.125, .weights = true});
            BatchOptions options = batch_options();
            options.estimator = poisson ? Estimator::poisson : Estimator::least_squares;
            options.absolute_weights = absolute;
            options.covariance = options.standard_errors = options.condition_number = true;
            const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
            expect_coherent(result, options, data.problems, 5, true);
            constexpr int n = 5;
            for (long i = 0; i < data.problems; ++i) {
                const fit_oracle::Problem oracle =
                    data.oracle(i, poisson ? Loss::poisson : Loss::least_squares);
                const Vector p = wide_parameters_of(result, i);
                const Vector h = fit_oracle::information(oracle, p);
                const Vector inverse = fit_oracle::inverse(n, h);
                const Vector spectrum = fit_oracle::eigenvalues(n, h);
                const Real condition = spectrum.back() / spectrum.front();
                int dof = -n;
                for (int k = 0; k < oracle.points(); ++k) dof += oracle.weight(k) > 0;
                const Real chi_square = fit_oracle::objective(oracle, p) / dof;
                const Real scale = poisson || absolute ? 1 : chi_square;
                EXPECT_EQ(result.degrees_of_freedom[i], dof);
                // f is a sum of 81 squares of residuals that are rounded.
                EXPECT_NEAR(result.reduced_chi_square[i], double(chi_square),
                            256 * epsilon<T> * double(chi_square) * (poisson ? 16 : 4));
                EXPECT_NEAR(result.condition_number[i], double(condition),
                            sum_tolerance<T>(81) * double(condition * condition));
                for (int a = 0; a < n; ++a) {
                    const Real error = std::sqrt(scale * inverse[a * n + a]);
                    const double relative = sum_tolerance<T>(81) * double(condition);
                    EXPECT_NEAR(result.standard_errors[i * n + a], double(error),
                                relative * double(error));
                    for (int b = 0; b < n; ++b) {
                        const Real other = std::sqrt(scale * inverse[b * n + b]);
                        EXPECT_NEAR(result.covariance[(i * n + a) * n + b],
                                    double(scale * inverse[a * n + b]),
                                    2 * relative * double(error * other));
                    }
                }
            }
        }
}

TEST_F(BatchCovariancesTest, CovariancesAreZeroOfFixedParametersAndNoNumbersAtABound) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 3, .noise = 0.0625});
    data.upper = {2.5, infinity, infinity, infinity};  // active: truth 3
    data.start[3] = 0.5;
    BatchOptions options = batch_options();
    options.fixed = {false, false, false, true};
    options.covariance = options.standard_errors = options.condition_number = true;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    for (long i = 0; i < data.problems; ++i) {
        ASSERT_EQ(result.status[i], Status::converged);
        ASSERT_EQ(result.parameters[i * 4], 2.5);
        const Vector p = wide_parameters_of(result, i);
        const fit_oracle::Problem oracle = data.oracle(i);
        const Vector h = fit_oracle::information(oracle, p);
        const Vector inverse = fit_oracle::inverse(2, {h[5], h[6], h[9], h[10]});
        // A bound is no constraint that was chosen beforehand: it counts as a free parameter.
        const Real scale = fit_oracle::objective(oracle, p) / result.degrees_of_freedom[i];
        EXPECT_EQ(result.degrees_of_freedom[i], data.fit.points() - 3);
        for (int a = 0; a < 4; ++a)
            for (int b = 0; b < 4; ++b) {
                const double covariance = result.covariance[i * 16 + a * 4 + b];
                if (a == 0 || b == 0) {
                    EXPECT_TRUE(std::isnan(covariance)) << a << ", " << b << ": " << covariance;
                    continue;
                }
                const bool free = a != 3 && b != 3;
                const Real exact = free ? scale * inverse[(a - 1) * 2 + b - 1] : 0;
                EXPECT_NEAR(covariance, double(exact),
                            1e-10 * double(std::abs(scale * inverse[0])));
            }
        EXPECT_TRUE(std::isnan(result.standard_errors[i * 4]));
        EXPECT_GT(result.standard_errors[i * 4 + 1], 0);
        EXPECT_EQ(result.standard_errors[i * 4 + 3], 0);
        const Vector spectrum = fit_oracle::eigenvalues(2, {h[5], h[6], h[9], h[10]});
        EXPECT_NEAR(result.condition_number[i], double(spectrum[1] / spectrum[0]), 1e-8);
    }
}

TEST_F(BatchCovariancesTest, WithoutDegreesOfFreedomThereIsNoReducedChiSquare) {
    const std::vector<double> x{0, 1}, y{1, 3}, start{0, 0};
    BatchOptions options = batch_options();
    options.covariance = options.standard_errors = true;
    const BatchData<double> data{
        .problems = 1, .points = 2, .coordinates = x, .y = y, .start = start};
    const FitModel line = fit_case("Polynomial<1>").model();
    const BatchResult<double> result = fit_batch(line, data, options);
    EXPECT_EQ(result.status[0], Status::converged) << to_string(result.status[0]);
    EXPECT_NEAR(result.parameters[0], 1, 1e-14);
    EXPECT_NEAR(result.parameters[1], 2, 1e-14);
    EXPECT_EQ(result.degrees_of_freedom[0], 0);
    EXPECT_TRUE(std::isnan(result.reduced_chi_square[0]));
    EXPECT_TRUE(std::isnan(result.covariance[0]));
    options.absolute_weights = true;
    const BatchResult<double> absolute = fit_batch(line, data, options);
    EXPECT_NEAR(absolute.covariance[0], 1, 1e-14);  // of the line's offset
    EXPECT_NEAR(absolute.covariance[3], 2, 1e-14);
}

// ---- When a problem ends.

class BatchStatusesTest : public BackendTest {};
template <class T>
class TypedBatchStatusesTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchStatusesTest, Reals, RealName);

TYPED_TEST(TypedBatchStatusesTest, StatusesAreTrue) {
    using T = TypeParam;
    const FitData<T> data(fit_case("ExponentialDecay<2>"), {.problems = 20, .noise = 0.0625});
    const double f_exact = data.fit.points() * 0.0625 * 0.0625;
    const auto distance = [&](const BatchResult<T>& result, long i) {
        // In standard errors of the oracle's minimiser.
        const fit_oracle::Problem oracle = data.oracle(i);
        bool arrived = false;
        const Vector exact = fit_oracle::minimiser(oracle, data.truths[i], {}, arrived);
        EXPECT_TRUE(arrived);
        const FitTolerance t = fit_tolerance(oracle, exact, {}, epsilon<T>, 0);
        const Vector p = wide_parameters_of(result, i);
        double largest = 0;
        for (std::size_t j = 0; j < exact.size(); ++j)
            largest = std::max(largest, double(std::abs(p[j] - exact[j]) / t.standard_errors[j]));
        return largest;
    };
    BatchOptions options = batch_options();
    for (const double tolerance : {0.5, 0.05, 0.005}) {
        options.tolerance = tolerance;
        const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
        double largest = 0;
        for (long i = 0; i < data.problems; ++i) {
            EXPECT_EQ(result.status[i], Status::converged);
            largest = std::max(largest, distance(result, i));
        }
        // Twice: the metric changes on the way to the minimum.
        EXPECT_LE(largest, 2 * tolerance);
    }
    options = batch_options();
    options.change_tolerance = 0.5;
    const BatchResult<T> little = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_GT(little.count(Status::small_change), data.problems / 2);
    options = batch_options();
    options.step_tolerance = 0.125;
    const BatchResult<T> close = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_GT(close.count(Status::small_step), data.problems / 2);
    for (const BatchResult<T>* result : {&little, &close})
        for (long i = 0; i < data.problems; ++i) {
            EXPECT_TRUE(result->status[i] == Status::small_change ||
                        result->status[i] == Status::small_step ||
                        result->status[i] == Status::converged)
                << to_string(result->status[i]);
            EXPECT_LT(result->objective[i], 100 * f_exact);
        }

    options = batch_options();
    for (const int limit : {0, 1, 3}) {
        options.max_iterations = limit;
        const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
        for (long i = 0; i < data.problems; ++i) {
            EXPECT_EQ(result.status[i], Status::max_iterations);
            EXPECT_EQ(result.iterations[i], limit);
            const Vector p = wide_parameters_of(result, i);
            const double f = double(fit_oracle::objective(data.oracle(i), p));
            EXPECT_NEAR(result.objective[i], f, sum_tolerance<T>(64) * (f + 64 * 36));
            if (limit == 0) {
                EXPECT_TRUE(same_bits(parameters_of(result, i), data.start));
            }
        }
    }
}

TYPED_TEST(TypedBatchStatusesTest, GradientNormsAreTrue) {
    using T = TypeParam;
    const FitData<T> data(fit_case("Gaussian2D"), {.problems = 5, .noise = 0.125});
    BatchOptions options = batch_options();
    options.max_iterations = 2;
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    for (long i = 0; i < data.problems; ++i) {
        Real square = 0;
        const fit_oracle::Problem oracle = data.oracle(i);
        const Vector p = wide_parameters_of(result, i);
        for (const Real g : fit_oracle::gradient(oracle, p)) square += g * g;
        const Vector spectrum = fit_oracle::eigenvalues(5, fit_oracle::information(oracle, p));
        const double size = double(std::sqrt(spectrum.back() * fit_oracle::objective(oracle, p)));
        EXPECT_NEAR(result.gradient_norm[i], double(std::sqrt(square)),
                    2 * sum_tolerance<T>(81) * size);
    }
}

TYPED_TEST(TypedBatchStatusesTest, FewerPointsThanParametersIsNeverConverged) {
    using T = TypeParam;
    for (const char* name : {"Polynomial<4>", "Gaussian1D"})
        for (const int points : {1, 2, 3}) {
            SCOPED_TRACE(std::string(name) + " " + std::to_string(points));
            FitData<T> data(fit_case(name), {.problems = 10, .noise = 0.0625});
            BatchData<T> d = data.data();
            d.points = points;
            d.coordinates.columns = points;
            d.y.columns = 10 * points;
            BatchOptions options = batch_options();
            options.standard_errors = true;
            const BatchResult<T> result = fit_batch(data.fit.model(), d, options);
            for (long i = 0; i < 10; ++i) {
                EXPECT_TRUE(result.status[i] == Status::singular ||
                            result.status[i] == Status::precision_limit ||
                            result.status[i] == Status::max_iterations)
                    << to_string(result.status[i]);
                EXPECT_EQ(result.degrees_of_freedom[i], points - data.fit.parameters());
                EXPECT_TRUE(std::isnan(result.reduced_chi_square[i]));
                EXPECT_TRUE(std::isnan(result.standard_errors[i * result.dimension]));
                EXPECT_TRUE(std::isfinite(result.objective[i]));
            }
            EXPECT_GT(result.count(Status::singular), 0);
        }
}

// Two exponentials of the same rate: the data determine the sum of the amplitudes alone.
TEST_F(BatchStatusesTest, ParametersThatAreNotDeterminedAreSingular) {
    FitData<double> data(fit_case("ExponentialDecay<2>"), {.problems = 4, .noise = 0});
    const std::vector<bool> fixed{false, true, false, true, false};
    data.start = {1, 0.5, 2, 0.5, 0};
    BatchOptions options = batch_options();
    options.fixed = fixed;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    for (const Status status : result.status)
        EXPECT_EQ(status, Status::singular) << to_string(status);
}

// A peak that is nowhere near the data: its height, place and width have no influence.
TEST_F(BatchStatusesTest, ParametersWithoutInfluenceAreSingular) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 3, .noise = 0.0625});
    data.start = {1, 1e6, 1, 0};
    const BatchResult<double> away = fit_batch(data.fit.model(), data.data(), batch_options());
    for (const Status status : away.status)
        EXPECT_EQ(status, Status::singular) << to_string(status);
    // Every point is so far off that it does not count.
    data.start = {1, 4, 1, 1e6};
    BatchOptions options = batch_options();
    options.estimator = Estimator::tukey;
    const BatchResult<double> off = fit_batch(data.fit.model(), data.data(), options);
    for (const Status status : off.status) EXPECT_EQ(status, Status::singular) << to_string(status);
}

// ---- Problems that cannot be solved, and their neighbours.

class BatchInvalidProblemsTest : public BackendTest {};
template <class T>
class TypedBatchInvalidProblemsTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchInvalidProblemsTest, Reals, RealName);

/// Everything that can be wrong with one problem, each in a problem of its own among 48: all others
/// have the bits that they have in a batch where nothing is wrong.
TYPED_TEST(TypedBatchInvalidProblemsTest, OneBadProblemDoesNotTouchItsNeighbours) {
    using T = TypeParam;
    constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
    constexpr T unlimited = std::numeric_limits<T>::infinity();
    FitData<T> clean(fit_case("Gaussian1D"), {.problems = 48, .noise = 0.0625, .weights = true});
    const int points = clean.fit.points();
    const std::vector<T> x = clean.coordinates, start = clean.start;
    clean.coordinates.clear();
    clean.start.clear();
    for (long i = 0; i < clean.problems; ++i) {
        clean.coordinates.insert(clean.coordinates.end(), x.begin(), x.end());
        clean.start.insert(clean.start.end(), start.begin(), start.end());
        clean.lower.insert(clean.lower.end(), {0, 0, 0, -10});
        clean.upper.insert(clean.upper.end(), {50, 50, 50, 10});
    }
    FitData<T> bad = clean;
    const auto point = [&](long problem, int k) { return problem * points + k; };
    bad.y[point(1, 3)] = not_a_number;
    bad.y[point(4, 0)] = unlimited;
    bad.coordinates[point(9, 7)] = not_a_number;
    bad.weights[point(12, 1)] = not_a_number;
    bad.weights[point(17, 2)] = T(-0.5);
    bad.weights[point(18, 2)] = unlimited;
    for (int k = 0; k < points; ++k) bad.weights[point(23, k)] = 0;
    bad.start[26 * 4 + 1] = not_a_number;
    bad.start[30 * 4] = unlimited;
    std::swap(bad.lower[35 * 4 + 2], bad.upper[35 * 4 + 2]);
    bad.upper[40 * 4 + 1] = not_a_number;
    bad.lower[41 * 4 + 1] = not_a_number;
    const std::vector<long> wrong{1, 4, 9, 12, 17, 18, 23, 26, 30, 35, 40, 41};
    // Beside a weight of 0 nothing is looked at.
    ASSERT_EQ(bad.weights[point(20, 5)], T(0));
    bad.y[point(20, 5)] = not_a_number;
    bad.coordinates[point(20, 5)] = not_a_number;
    ASSERT_EQ(bad.weights[point(21, 5)], T(0));
    bad.coordinates[point(21, 5)] = unlimited;

    BatchOptions options = batch_options();
    options.standard_errors = true;
    const BatchResult<T> wanted = fit_batch(clean.fit.model(), clean.data(), options);
    EXPECT_EQ(wanted.count(Status::converged), clean.problems);
    const BatchResult<T> result = fit_batch(bad.fit.model(), bad.data(), options);
    expect_coherent(result, options, bad.problems, 4, true);
    for (long i = 0; i < bad.problems; ++i) {
        SCOPED_TRACE(i);
        if (std::ranges::find(wrong, i) != wrong.end()) {
            EXPECT_EQ(result.status[i], Status::invalid_data) << to_string(result.status[i]);
            EXPECT_EQ(result.iterations[i], 0);
            for (int j = 0; j < 4; ++j) {
                EXPECT_TRUE(std::isnan(result.parameters[i * 4 + j]));
                EXPECT_TRUE(std::isnan(result.standard_errors[i * 4 + j]));
            }
            EXPECT_TRUE(std::isnan(result.objective[i]));
            EXPECT_TRUE(std::isnan(result.gradient_norm[i]));
            EXPECT_TRUE(std::isnan(result.reduced_chi_square[i]));
            continue;
        }
        EXPECT_EQ(result.status[i], wanted.status[i]);
        EXPECT_TRUE(same_bits(parameters_of(result, i), parameters_of(wanted, i)));
        EXPECT_EQ(result.objective[i], wanted.objective[i]);
        EXPECT_EQ(result.iterations[i], wanted.iterations[i]);
        EXPECT_EQ(result.standard_errors[i * 4], wanted.standard_errors[i * 4]);
    }
}

TEST_F(BatchInvalidProblemsTest, NaNWithoutWeightsIsInvalid) {
    FitData<double> data(fit_case("Gaussian2D"), {.problems = 20, .noise = 0.0625});
    const BatchResult<double> wanted = fit_batch(data.fit.model(), data.data(), batch_options());
    data.y[7 * data.fit.points() + 80] = nan;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), batch_options());
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(result.status[i], i == 7 ? Status::invalid_data : Status::converged);
        if (i != 7) {
            EXPECT_TRUE(same_bits(parameters_of(result, i), parameters_of(wanted, i)));
        }
    }
}

TEST_F(BatchInvalidProblemsTest, NegativeCountsAreInvalid) {
    FitData<double> data = make_counts_data<double>();
    BatchOptions options = batch_options();
    options.estimator = Estimator::poisson;
    const BatchResult<double> wanted = fit_batch(data.fit.model(), data.data(), options);
    data.y[2 * data.fit.points() + 4] = -1;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(result.status[i], i == 2 ? Status::invalid_data : Status::converged);
        if (i != 2) {
            EXPECT_TRUE(same_bits(parameters_of(result, i), parameters_of(wanted, i)));
        }
    }
}

TEST_F(BatchInvalidProblemsTest, AModelThatIsNotFiniteAtTheStart) {
    FitData<double> data(fit_case("ExponentialDecay<1>"), {.problems = 3, .noise = 0.0625});
    data.start = {1, -1000, 0, 2, 1, 0, 1, -1000, 0};
    BatchOptions options = batch_options();
    options.covariance = options.standard_errors = options.condition_number = true;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    for (const long i : {0, 2}) {
        EXPECT_EQ(result.status[i], Status::not_finite);
        EXPECT_TRUE(std::isnan(result.objective[i]));
        EXPECT_TRUE(std::isnan(result.standard_errors[i * 3]));
        EXPECT_TRUE(std::isnan(result.condition_number[i]));
        EXPECT_TRUE(same_bits(parameters_of(result, i), std::vector<double>{1, -1000, 0}));
    }
    EXPECT_EQ(result.status[1], Status::converged);
}

// Trial points where the model overflows are rejected, and the fit goes on.
TEST_F(BatchInvalidProblemsTest, AModelThatOverflowsOnTheWay) {
    FitData<double> data(fit_case("ExponentialDecay<1>"), {.problems = 2, .spread = 0});
    for (double& x : data.coordinates) x *= 100;
    data.truths = {{3, 0.0075L, 0.5L}, {3, 0.0075L, 0.5L}};
    // From e^150 it is a long way, longer than the limit perhaps; from e^30 it is not.
    data.start = {2, -0.25, 0, 2, -0.05, 0};
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), batch_options());
    EXPECT_LT(result.objective[0], 1e-20 * std::exp(300.0));
    EXPECT_EQ(result.status[1], Status::converged) << to_string(result.status[1]);
    for (long i = 0; i < 2; ++i) {
        const Vector p = wide_parameters_of(result, i);
        if (result.status[i] != Status::converged) continue;
        // What is called converged is a minimum: the Gauss-Newton step from it is short.
        const fit_oracle::Problem oracle = data.oracle(i);
        const Vector g = fit_oracle::gradient(oracle, p), h = fit_oracle::information(oracle, p);
        for (int j = 0; j < 3; ++j)
            EXPECT_LE(
                double(std::abs(g[j])),
                1e-6 * double(std::sqrt(h[j * 3 + j] * fit_oracle::objective(oracle, p))) + 1e-12);
    }
}

// A point without weight does not count, whatever the model gives there: here it overflows, and the
// coordinates are shared with a problem that has a weight there.
TEST_F(BatchInvalidProblemsTest, TheModelMayOverflowWhereThereIsNoWeight) {
    const FitModel model = fit_case("ExponentialDecay<1>").model();
    constexpr int points = 24, few = 6;
    std::vector<double> x, y, weights;
    for (int k = 0; k < points; ++k) x.push_back(k < few ? 0.125 * k : 2.5 * k);
    // 1.1 exp(19 x) over the first points, 3 exp(-x / 2) + 0.1 over all.
    for (int k = 0; k < few; ++k) y.push_back(1.1 * std::exp(19 * x[k]));
    for (int k = 0; k < points; ++k) y.push_back(3 * std::exp(-0.5 * x[k]) + 0.1);
    const std::vector<long> offsets{0, few, few + points};
    const std::vector<double> start{1, -20, 0, 3, 1, 0};
    BatchData<double> data{.problems = 2,
                           .points = points,
                           .offsets = offsets,
                           .coordinates = x,
                           .y = y,
                           .start = start};
    const auto expect_both = [&](const BatchResult<double>& result) {
        EXPECT_EQ(result.count(Status::converged), 2);
        EXPECT_NEAR(result.parameters[0], 1.1, 1e-9);
        EXPECT_NEAR(result.parameters[1], -19, 1e-9);
        EXPECT_NEAR(result.parameters[4], 0.5, 1e-9);
    };
    expect_both(fit_batch(model, data, batch_options()));
    // The same by weights of 0.
    y.insert(y.begin() + few, points - few, nan);
    weights.assign(2 * points, 1.0);
    std::fill(weights.begin() + few, weights.begin() + points, 0.0);
    data.offsets = {};
    data.y = y;
    data.weights = weights;
    expect_both(fit_batch(model, data, batch_options()));
}

// Where a model is steep, an ulp of its rate moves it by many ulps of its value: how the library's
// and the device's functions round must not decide whether a fit of data without noise is called
// converged.
TEST_F(BatchInvalidProblemsTest, ASteepModelConvergesHoweverItRounds) {
    const FitModel model = fit_case("ExponentialDecay<1>").model();
    constexpr int problems = 256, points = 6;
    std::mt19937 random(7);
    std::uniform_real_distribution<double> ulp(-1, 1);
    const auto rounded = [&](double value) { return value * (1 + 2e-16 * ulp(random)); };
    std::vector<double> x, y, start;
    for (int k = 0; k < points; ++k) x.push_back(0.125 * k);
    for (int i = 0; i < problems; ++i) {
        for (int k = 0; k < points; ++k) y.push_back(rounded(1.1 * std::exp(19 * x[k])));
        for (const double value : {1.0, -20.0, 0.0}) start.push_back(rounded(value));
    }
    const BatchResult<double> result = fit_batch(
        model,
        BatchData<double>{
            .problems = problems, .points = points, .coordinates = x, .y = y, .start = start},
        batch_options());
    EXPECT_EQ(result.count(Status::converged), problems);
    for (int i = 0; i < problems; ++i) {
        EXPECT_NEAR(result.parameters[3 * i], 1.1, 1e-9) << i;
        EXPECT_NEAR(result.parameters[3 * i + 1], -19, 1e-9) << i;
    }
}

// A peak far from x = 0: an ulp of its position is large beside its width, which must not pass for
// the noise of the other parameters. The same data, moved by a power of two, have the same answer.
TEST_F(BatchInvalidProblemsTest, APeakFarFromZeroIsFittedAsWell) {
    constexpr double shift = 1 << 20;
    const FitData<double> near(fit_case("Gaussian1D"), {.problems = 100, .noise = 0.3});
    FitData<double> far = near;
    for (double& x : far.coordinates) x += shift;
    far.start[1] += shift;
    for (const Estimator estimator : {Estimator::least_squares, Estimator::cauchy}) {
        BatchOptions options = batch_options();
        options.estimator = estimator;
        const BatchResult<double> a = fit_batch(near.fit.model(), near.data(), options);
        const BatchResult<double> b = fit_batch(far.fit.model(), far.data(), options);
        EXPECT_EQ(a.count(Status::converged), 100);
        EXPECT_EQ(b.count(Status::converged), 100);
        for (long i = 0; i < 100; ++i) {
            const std::vector<double> p = parameters_of(a, i), q = parameters_of(b, i);
            EXPECT_NEAR(q[1] - shift, p[1], 4 * epsilon<double> * shift) << i;
            for (const int j : {0, 2, 3}) EXPECT_NEAR(q[j], p[j], 3e-9) << i;
        }
    }
}

// A straight line of counts that is negative where there is no weight.
TEST_F(BatchInvalidProblemsTest, TheDevianceMayNotExistWhereThereIsNoWeight) {
    FitData<double> data(fit_case("Polynomial<1>"), {.problems = 1});
    for (int k = 0; k < data.fit.points(); ++k) {
        data.y[k] = std::max(0.0, std::round(10 - 12 * data.coordinates[k]));
        data.weights.push_back(data.coordinates[k] > 0.7 ? 0 : 1);
    }
    data.start = {10, -11};
    data.truths = {{10, -12}};
    BatchOptions options = batch_options();
    options.estimator = Estimator::poisson;
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), options), data,
                       {.loss = Loss::poisson, .slack = 2});
}

// A model that is not positive has no deviance: the start is refused, later points are rejected.
TEST_F(BatchInvalidProblemsTest, PoissonNeedsAPositiveModel) {
    FitData<double> data = make_counts_data<double>();
    BatchOptions options = batch_options();
    options.estimator = Estimator::poisson;
    data.start[4] = -100;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_EQ(result.count(Status::not_finite), data.problems);
}

}  // namespace
}  // namespace cunewton::test
