// Batches of small objectives: that Newton's method arrives at minima, and that every status is
// true.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/error.h"
#include "cunewton/fit.h"
#include "cunewton/scalar/parameters.h"
#include "tests/support/batch_checks.h"
#include "tests/support/builtin_objectives.h"
#include "tests/support/oracle.h"
#include "tests/support/small_models.h"

namespace cunewton::test {
namespace {

using fit_oracle::Real;
using fit_oracle::Vector;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

class BatchObjectivesTest : public BackendTest {};

std::vector<double> random_numbers(std::size_t count, double scale, std::uint64_t seed) {
    Random random(seed);
    std::vector<double> numbers(count);
    for (double& number : numbers) number = scale * (2 * random.uniform() - 1);
    return numbers;
}

template <class T>
BatchResult<T> minimize(const SmallObjective& objective, const std::vector<T>& start, long problems,
                        BatchOptions options, const std::vector<T>& coordinates = {},
                        int points = 1, const std::vector<T>& weights = {}) {
    const BatchData<T> data{.problems = problems,
                            .points = points,
                            .coordinates = coordinates,
                            .weights = weights,
                            .start = start};
    BatchResult<T> result = minimize_batch(objective, data, options);
    expect_coherent(result, options, problems, objective.parameters(), false);
    return result;
}

/// A test's functor in long double, with derivatives by differences of it: errors of 1e-13 for
/// numbers of ordinary size. Not the library's derivatives, nor its sums.
template <class Functor>
struct Reference {
    Functor functor{};
    std::vector<Vector> data{Vector{}};  ///< of each point
    Vector weights{};

    Real value(const Vector& p) const {
        Real sum = 0;
        for (std::size_t i = 0; i < data.size(); ++i)
            sum += (weights.empty() ? 1 : weights[i]) *
                   functor(Parameters<Real, Functor::parameters>{p.data()}, data[i].data());
        return sum;
    }
    Vector gradient(const Vector& p) const {
        // Of fourth order: h^4 of truncation and 1e-19 / h of rounding.
        Vector g(p.size());
        for (std::size_t j = 0; j < p.size(); ++j) {
            const Real h = 1e-4L * std::max(Real(0.25), std::abs(p[j]));
            const auto at = [&](Real step) {
                Vector q = p;
                q[j] += step;
                return value(q);
            };
            g[j] = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
        }
        return g;
    }
    double largest_gradient(const Vector& p) const {
        Real largest = 0;
        for (const Real g : gradient(p)) largest = std::max(largest, std::abs(g));
        return static_cast<double>(largest);
    }
};

// ---- Rosenbrock.

TEST_F(BatchObjectivesTest, RosenbrockConvergesFromEverywhere) {
    const long problems = testing_little() ? 20 : 150;
    for (const int n : {2, 4, 8, 16})
        for (const BatchDerivatives by : {BatchDerivatives::automatic, BatchDerivatives::analytic,
                                          BatchDerivatives::autodiff}) {
            SCOPED_TRACE(std::to_string(n) + " " + to_string(by));
            BatchOptions options = batch_options();
            options.derivatives = by;
            options.gradient_tolerance = 1e-6;
            const BatchResult<double> result = minimize(
                builtin_rosenbrock(n), random_numbers(problems * n, 4, 17), problems, options);
            for (long i = 0; i < problems; ++i) {
                EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
                const Vector p = wide_parameters_of(result, i);
                for (const Real g : oracle_rosenbrock_gradient(p))
                    EXPECT_LE(std::abs(g), 1e-6L) << i;
                // The least eigenvalue of the Hessian at the minimum is 0.4.
                for (const Real x : p) EXPECT_NEAR(double(x), 1, 2e-6 / 0.39 * std::sqrt(n)) << i;
            }
        }
}

TEST_F(BatchObjectivesTest, RosenbrockByDifferences) {
    constexpr long problems = 60;
    for (const int n : {2, 4, 8, 16}) {
        SCOPED_TRACE(n);
        BatchOptions options = batch_options();
        options.derivatives = BatchDerivatives::differences;
        options.gradient_tolerance = 1e-6;
        const BatchResult<double> result =
            minimize(builtin_rosenbrock(n), random_numbers(problems * n, 2, 18), problems, options);
        for (long i = 0; i < problems; ++i) {
            EXPECT_TRUE(result.status[i] == Status::converged ||
                        result.status[i] == Status::derivative_accuracy)
                << to_string(result.status[i]);
            // Error of the differences at 1: h^2 f''' / 6 = 3.7e-11 * 2400 / 6.
            for (const Real g : oracle_rosenbrock_gradient(wide_parameters_of(result, i)))
                EXPECT_LE(std::abs(g), 1.1e-6L) << i;
        }
    }
}

TEST_F(BatchObjectivesTest, RosenbrockInSinglePrecision) {
    constexpr long problems = 100;
    for (const int n : {2, 4, 16}) {
        SCOPED_TRACE(n);
        std::vector<float> start;
        for (const double x : random_numbers(problems * n, 2, 19))
            start.push_back(static_cast<float>(x));
        BatchOptions options = batch_options();
        options.gradient_tolerance = 1e-2;
        const BatchResult<float> result = minimize(builtin_rosenbrock(n), start, problems, options);
        for (long i = 0; i < problems; ++i) {
            EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
            // Terms of the gradient: 400 a u with u a difference of numbers near 1.
            for (const Real g : oracle_rosenbrock_gradient(wide_parameters_of(result, i)))
                EXPECT_LE(std::abs(g), 1e-2L + 800 * epsilon<float>) << i;
        }
        options.precision = BatchPrecision::full;
        options.gradient_tolerance = 1e-6;
        const BatchResult<float> full = minimize(builtin_rosenbrock(n), start, problems, options);
        for (const float x : full.parameters) EXPECT_NEAR(x, 1, 4 * epsilon<float> + 2e-5);
        EXPECT_EQ(full.count(Status::converged), problems);
    }
}

// ---- Curvature.

TEST_F(BatchObjectivesTest, SaddlesAreLeft) {
    // Starts on the saddle, beside it, on the ridge (the hard case: the gradient has no part along
    // the direction of descent), and at the other minimum.
    std::vector<double> starts{0, 0, 1, 0, -3, 0, 0.5, -2, 2, 1e-12, 1e-9, 1e-9};
    for (const BatchDerivatives by : {BatchDerivatives::autodiff, BatchDerivatives::differences}) {
        SCOPED_TRACE(to_string(by));
        BatchOptions options = batch_options();
        options.derivatives = by;
        if (by == BatchDerivatives::differences) {
            options.gradient_tolerance = 1e-6;
            // The start sets the scale of steps where a parameter is near 0.
            starts[9] = 0;
            starts[10] = 0.5;
            starts[11] = 0.25;
        }
        const BatchResult<double> result = minimize(small_model(Saddle{}), starts, 6, options);
        for (long i = 0; i < 6; ++i) {
            EXPECT_EQ(result.status[i], Status::converged)
                << i << " " << to_string(result.status[i]);
            EXPECT_NEAR(result.objective[i], -0.25, 1e-10) << i;
            EXPECT_NEAR(result.parameters[i * 2], 0, 1e-6) << i;
            EXPECT_NEAR(std::abs(result.parameters[i * 2 + 1]), std::sqrt(0.5), 1e-6) << i;
            EXPECT_LE(Reference<Saddle>{}.largest_gradient(wide_parameters_of(result, i)), 2e-6);
        }
    }
}

TEST_F(BatchObjectivesTest, ManyRandomStartsLeaveTheSaddle) {
    constexpr long problems = 300;
    const BatchResult<double> result = minimize(
        small_model(Saddle{}), random_numbers(problems * 2, 3, 23), problems, batch_options());
    EXPECT_EQ(result.count(Status::converged), problems);
    for (const double f : result.objective) EXPECT_NEAR(f, -0.25, 1e-12);
}

TEST_F(BatchObjectivesTest, OneParameter) {
    // p^3/3 - p: right of -1 down to the minimum at 1; at the maximum the way is open to both
    // sides; left of it there is no end.
    const std::vector<double> starts{3, 0.5, -0.5, 0, -1, -1.5, -10};
    const BatchResult<double> result = minimize(small_model(Cubic{}), starts, 7, batch_options());
    for (const long i : {0, 1, 2, 3}) {
        if (result.status[i] == Status::unbounded) continue;  // a long step across the hill
        EXPECT_EQ(result.status[i], Status::converged) << i << " " << to_string(result.status[i]);
        EXPECT_NEAR(result.parameters[i], 1, 1e-8) << i;
        EXPECT_NEAR(result.objective[i], -2.0 / 3, 1e-14) << i;
    }
    EXPECT_EQ(result.status[0], Status::converged);
    EXPECT_EQ(result.status[1], Status::converged);
    EXPECT_TRUE(result.status[4] == Status::unbounded || result.status[4] == Status::converged)
        << to_string(result.status[4]);
    EXPECT_EQ(result.status[5], Status::unbounded) << to_string(result.status[5]);
    EXPECT_EQ(result.status[6], Status::unbounded) << to_string(result.status[6]);
    // Single precision sees it too.
    const std::vector<float> below{-1.5F, -10};
    const BatchData<float> data{.problems = 2, .start = below};
    const BatchResult<float> falling = minimize_batch(small_model(Cubic{}), data, batch_options());
    for (const Status status : falling.status)
        EXPECT_EQ(status, Status::unbounded) << to_string(status);
}

TEST_F(BatchObjectivesTest, ASingularHessianIsAMinimum) {
    // (p0 + p1 - d)^2 + (...)^4: a line of minima for each d.
    const std::vector<double> starts{0, 0, 5, -1, 2, 3, 100, 50}, d{1, -2, 5, 0};
    const BatchResult<double> result =
        minimize(small_model(Valley{}), starts, 4, batch_options(), d);
    for (long i = 0; i < 4; ++i) {
        EXPECT_EQ(result.status[i], Status::converged) << i << " " << to_string(result.status[i]);
        EXPECT_NEAR(result.parameters[i * 2] + result.parameters[i * 2 + 1], d[i], 1e-7) << i;
        EXPECT_LE(Reference<Valley>{.data = {Vector{d[i]}}}.largest_gradient(
                      wide_parameters_of(result, i)),
                  1e-7)
            << i;
    }
}

// ---- Functions that are not defined everywhere.

TEST_F(BatchObjectivesTest, WhereTheObjectiveIsNotANumber) {
    // From 10 and 1e4 the Newton step leads to where the logarithm does not exist.
    const std::vector<double> starts{10, 10, 1e4, 0, 1e-3, 5, -1, 2, 0.5, 0.5};
    for (const BatchDerivatives by : {BatchDerivatives::autodiff, BatchDerivatives::differences}) {
        BatchOptions options = batch_options();
        options.derivatives = by;
        if (by == BatchDerivatives::differences) options.gradient_tolerance = 1e-6;
        options.covariance = options.condition_number = true;
        const BatchResult<double> result = minimize(small_model(Barrier{}), starts, 5, options);
        for (const long i : {0, 1, 2, 4}) {
            EXPECT_EQ(result.status[i], Status::converged)
                << i << " " << to_string(result.status[i]);
            EXPECT_NEAR(result.parameters[i * 2], 1, 2e-6) << i;
            EXPECT_NEAR(result.parameters[i * 2 + 1], 1, 2e-6) << i;
        }
        EXPECT_EQ(result.status[3], Status::not_finite);
        EXPECT_EQ(result.parameters[6], -1);
        EXPECT_EQ(result.parameters[7], 2);
        EXPECT_TRUE(std::isnan(result.objective[3]));
        EXPECT_TRUE(std::isnan(result.covariance[12]));
        EXPECT_TRUE(std::isnan(result.condition_number[3]));
    }
}

// ---- Data.

/// Logistic regressions of 40 points each, with weights, against a minimiser in long double.
TEST_F(BatchObjectivesTest, WeightedSumsOfTermsOverEachProblemsData) {
    constexpr long problems = 30;
    constexpr int points = 40;
    Random random(31);
    std::vector<double> coordinates, weights;
    for (long i = 0; i < problems; ++i)
        for (int k = 0; k < points; ++k) {
            const double x = 2 * random.near_normal();
            const double z = 0.5 + 0.1 * i * x + random.near_normal();
            coordinates.push_back(x);
            coordinates.push_back(z > 0 ? 1 : -1);
            weights.push_back(k % 9 == 4 ? 0 : 0.25 + k % 5);
        }
    const std::vector<double> start{0.25, -0.25};
    const auto reference = [&](long i, bool weighted, int count) {
        Reference<LogisticTerm> r;
        r.data.clear();
        for (int k = 0; k < count; ++k) {
            const std::size_t at = static_cast<std::size_t>(i * points + k) * 2;
            r.data.push_back({coordinates[at], coordinates[at + 1]});
            if (weighted) r.weights.push_back(weights[i * points + k]);
        }
        return r;
    };
    const auto expect_minimum = [&](const BatchResult<double>& result, long i, bool weighted,
                                    int count) {
        SCOPED_TRACE(i);
        EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
        const Reference<LogisticTerm> r = reference(i, weighted, count);
        const Vector p = wide_parameters_of(result, i);
        EXPECT_LE(r.largest_gradient(p), std::sqrt(epsilon<double>) + 1e-12);
        EXPECT_NEAR(result.objective[i], double(r.value(p)), 1e-13 * double(r.value(p)) + 1e-14);
        bool arrived = false;
        const Vector exact = fit_oracle::minimise([&](const Vector& q) { return r.value(q); },
                                                  [&](const Vector& q) { return r.gradient(q); },
                                                  {0, 0}, {}, arrived);
        ASSERT_TRUE(arrived);
        // The penalty alone makes the least eigenvalue at least the sum of weights / 32.
        for (int j = 0; j < 2; ++j) EXPECT_NEAR(double(p[j]), double(exact[j]), 1e-7);
    };
    const SmallObjective objective = small_model(LogisticTerm{});
    for (const bool weighted : {false, true}) {
        const BatchResult<double> result =
            minimize(objective, start, problems, batch_options(), coordinates, points,
                     weighted ? weights : std::vector<double>{});
        for (long i = 0; i < problems; ++i) expect_minimum(result, i, weighted, points);
    }

    // Problems of different sizes.
    std::vector<double> some, some_weights;
    std::vector<long> offsets{0};
    for (long i = 0; i < problems; ++i) {
        const long count = points - i;
        const auto first = coordinates.begin() + i * points * 2;
        some.insert(some.end(), first, first + count * 2);
        some_weights.insert(some_weights.end(), weights.begin() + i * points,
                            weights.begin() + i * points + count);
        offsets.push_back(offsets.back() + count);
    }
    BatchData<double> data{.problems = problems,
                           .points = points,
                           .offsets = offsets,
                           .coordinates = some,
                           .weights = some_weights,
                           .start = start};
    const BatchResult<double> weighted = minimize_batch(objective, data, batch_options());
    for (long i = 0; i < problems; ++i)
        expect_minimum(weighted, i, true, points - static_cast<int>(i));
    data.weights = {};
    const BatchResult<double> plain = minimize_batch(objective, data, batch_options());
    for (long i = 0; i < problems; ++i)
        expect_minimum(plain, i, false, points - static_cast<int>(i));

    // What has no weight is not looked at; one bad point is one bad problem.
    std::vector<double> bad = coordinates;
    bad[(2 * points + 4) * 2] = nan;
    bad[(5 * points + 3) * 2] = nan;
    const BatchResult<double> wanted =
        minimize(objective, start, problems, batch_options(), coordinates, points, weights);
    const BatchResult<double> result =
        minimize(objective, start, problems, batch_options(), bad, points, weights);
    for (long i = 0; i < problems; ++i) {
        if (i == 5) {
            EXPECT_EQ(result.status[i], Status::invalid_data);
            EXPECT_TRUE(std::isnan(result.parameters[i * 2]));
        } else {
            EXPECT_TRUE(same_bits(parameters_of(result, i), parameters_of(wanted, i))) << i;
        }
    }
}

/// Chains of n coupled quartics: convex, the minimum by an oracle of its own.
template <int n>
void expect_chains(const BatchOptions& options) {
    SCOPED_TRACE("n = " + std::to_string(n));
    constexpr long problems = 5;
    const std::vector<double> d = random_numbers(problems * n, 8, n);
    const std::vector<double> start = random_numbers(problems * n, 3, 100 + n);
    const BatchResult<double> result =
        minimize(small_model(Chain<n>{}), start, problems, options, d);
    for (long i = 0; i < problems; ++i) {
        SCOPED_TRACE(i);
        EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
        // f and its derivatives, written once more.
        const auto data = [&](int j) { return Real(d[i * n + j]); };
        const auto value = [&](const Vector& p) {
            Real f = 0;
            for (int j = 0; j < n; ++j) {
                f += p[j] * p[j] * p[j] * p[j] / 4 + p[j] * p[j] / 2 - data(j) * p[j];
                if (j > 0) f += (p[j] - p[j - 1]) * (p[j] - p[j - 1]) / 2;
            }
            return f;
        };
        const auto gradient = [&](const Vector& p) {
            Vector g(n);
            for (int j = 0; j < n; ++j) {
                g[j] = p[j] * p[j] * p[j] + p[j] - data(j);
                if (j > 0) g[j] += p[j] - p[j - 1];
                if (j + 1 < n) g[j] += p[j] - p[j + 1];
            }
            return g;
        };
        const Vector p = wide_parameters_of(result, i);
        Real largest = 0;
        for (const Real g : gradient(p)) largest = std::max(largest, std::abs(g));
        const double tolerance = options.gradient_tolerance > 0 ? options.gradient_tolerance
                                                                : std::sqrt(epsilon<double>);
        EXPECT_LE(double(largest), 1.01 * tolerance + 1e-13);
        bool arrived = false;
        const Vector exact = fit_oracle::minimise(value, gradient, Vector(n), {}, arrived);
        ASSERT_TRUE(arrived);
        // The Hessian's least eigenvalue is at least 1.
        for (int j = 0; j < n; ++j)
            EXPECT_NEAR(double(p[j]), double(exact[j]), minimiser_tolerance(tolerance, 1) * n);
        EXPECT_NEAR(result.objective[i], double(value(exact)),
                    sum_tolerance<double>(4 * n) * 64 * n + tolerance * tolerance * n);
    }
}

TEST_F(BatchObjectivesTest, AnyNumberOfParameters) {
    expect_chains<1>(batch_options());
    expect_chains<7>(batch_options());
    expect_chains<12>(batch_options());
    expect_chains<32>(batch_options());
    BatchOptions differences = batch_options();
    differences.derivatives = BatchDerivatives::differences;
    differences.gradient_tolerance = 1e-6;
    expect_chains<7>(differences);
    expect_chains<12>(differences);
}

// ---- Fixed parameters and bounds.

TEST_F(BatchObjectivesTest, BoundsHold) {
    // Each problem's minimum is outside its box in some parameters: KKT by the oracle's gradient.
    constexpr long problems = 40;
    constexpr int n = 4;
    const std::vector<double> start = random_numbers(problems * n, 2, 41);
    std::vector<double> lower, upper;
    Random random(43);
    for (long i = 0; i < problems * n; ++i) {
        const double a = 3 * random.uniform() - 1.5, b = a + 0.5 + random.uniform();
        lower.push_back(i % 3 == 0 ? -infinity : a);
        upper.push_back(i % 5 == 0 ? infinity : b);
    }
    const BatchData<double> data{
        .problems = problems, .points = 1, .start = start, .lower = lower, .upper = upper};
    for (const BatchDerivatives by : {BatchDerivatives::analytic, BatchDerivatives::autodiff}) {
        BatchOptions options = batch_options();
        options.derivatives = by;
        const BatchResult<double> result = minimize_batch(builtin_rosenbrock(n), data, options);
        int active = 0;
        for (long i = 0; i < problems; ++i) {
            EXPECT_EQ(result.status[i], Status::converged)
                << i << " " << to_string(result.status[i]);
            const Vector p = wide_parameters_of(result, i);
            const Vector g = oracle_rosenbrock_gradient(p);
            for (int j = 0; j < n; ++j) {
                const double low = lower[i * n + j], high = upper[i * n + j];
                EXPECT_GE(double(p[j]), low);
                EXPECT_LE(double(p[j]), high);
                const bool at_low = p[j] == low, at_high = p[j] == high;
                active += at_low || at_high;
                // Rounding of the gradient itself: terms of 400 |a u|, up to some thousands.
                const double slack = 2e-8 + 4e-12;
                if (!at_low) {
                    EXPECT_LE(double(g[j]), slack) << i << ", " << j;
                }
                if (!at_high) {
                    EXPECT_GE(double(g[j]), -slack) << i << ", " << j;
                }
            }
        }
        EXPECT_GT(active, problems / 2);
    }
}

TEST_F(BatchObjectivesTest, FixedParametersKeepTheirStart) {
    BatchOptions options = batch_options();
    options.fixed = {true, false, false, false};
    options.covariance = options.standard_errors = options.condition_number = true;
    const std::vector<double> start{0.5, 3, -1, 2};
    const BatchResult<double> result = minimize(builtin_rosenbrock(4), start, 1, options);
    EXPECT_EQ(result.status[0], Status::converged);
    EXPECT_EQ(result.parameters[0], 0.5);
    EXPECT_NEAR(result.parameters[1], 0.25, 1e-9);
    EXPECT_NEAR(result.parameters[2], 1, 1e-6);
    EXPECT_NEAR(result.parameters[3], 1, 1e-6);
    EXPECT_NEAR(result.objective[0], 0.25, 1e-12);
    // The inverse of the Hessian by the free parameters: 200, and (802, -400, 200).
    EXPECT_EQ(result.covariance[0], 0);
    EXPECT_NEAR(result.covariance[5], 1.0 / 200, 1e-8);
    EXPECT_NEAR(result.covariance[10], 0.5, 1e-4);
    EXPECT_NEAR(result.covariance[11], 1, 1e-4);
    EXPECT_NEAR(result.covariance[15], 2.005, 1e-4);
    EXPECT_NEAR(result.standard_errors[3], std::sqrt(2.005), 1e-4);
    EXPECT_NEAR(result.condition_number[0], 2508.0096, 1);
}

// ---- When a problem ends.

TEST_F(BatchObjectivesTest, StatusesAreTrue) {
    constexpr long problems = 40;
    const std::vector<double> start = random_numbers(problems * 2, 2, 51);
    const SmallObjective objective = builtin_rosenbrock(2);
    BatchOptions options = batch_options();
    for (const double tolerance : {1.0, 1e-2, 1e-4, 1e-10}) {
        options.gradient_tolerance = tolerance;
        const BatchResult<double> result = minimize(objective, start, problems, options);
        for (long i = 0; i < problems; ++i) {
            ASSERT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
            const Vector g = oracle_rosenbrock_gradient(wide_parameters_of(result, i));
            EXPECT_LE(std::max(std::abs(g[0]), std::abs(g[1])), tolerance * (1 + 1e-12) + 1e-13);
            EXPECT_NEAR(result.gradient_norm[i], double(std::hypot(g[0], g[1])), 1e-11);
        }
    }
    options = batch_options();
    for (const int limit : {0, 1, 4}) {
        options.max_iterations = limit;
        const BatchResult<double> result = minimize(objective, start, problems, options);
        for (long i = 0; i < problems; ++i) {
            if (result.status[i] == Status::converged) {
                EXPECT_LT(result.iterations[i], limit);
            } else {
                EXPECT_EQ(result.status[i], Status::max_iterations);
                EXPECT_EQ(result.iterations[i], limit);
            }
            const Real f = oracle_rosenbrock_value(wide_parameters_of(result, i));
            EXPECT_NEAR(result.objective[i], double(f), 1e-12 * double(f) + 1e-12);
        }
        if (limit < 3) {
            EXPECT_GT(result.count(Status::max_iterations), problems / 2);
        }
        if (limit == 0) {
            EXPECT_TRUE(same_bits(result.parameters, start));
        }
    }
    options = batch_options();
    options.change_tolerance = 0.5;
    const BatchResult<double> little = minimize(objective, start, problems, options);
    EXPECT_GT(little.count(Status::small_change), problems / 2);
    options = batch_options();
    options.step_tolerance = 0.25;
    const BatchResult<double> close = minimize(objective, start, problems, options);
    EXPECT_GT(close.count(Status::small_step), problems / 2);
    options = batch_options();
    options.initial_radius = 1e-3;
    options.max_iterations = 1;
    const BatchResult<double> near = minimize(objective, start, problems, options);
    for (std::size_t k = 0; k < start.size(); k += 2)
        EXPECT_LE(std::hypot(near.parameters[k] - start[k], near.parameters[k + 1] - start[k + 1]),
                  1.1e-3 * (1 + 1e-9));
}

// ---- Several starts, threads, misuse.

TEST_F(BatchObjectivesTest, TheBestOfSeveralStartsIsKept) {
    // Chain of one: a quartic with one minimum; the cubic: some starts have no end.
    BatchOptions options = batch_options();
    options.starts = 2;
    options.max_iterations = 0;
    const std::vector<double> starts{3, 0.5, 1.5, 2};
    const BatchResult<double> result = minimize(small_model(Cubic{}), starts, 2, options, {});
    EXPECT_EQ(result.best_start, (std::vector<int>{1, 0}));
    EXPECT_EQ(result.parameters, (std::vector<double>{0.5, 1.5}));
}

TEST_F(BatchObjectivesTest, ThreadsAndChunksDoNotMatter) {
    const long problems = testing_little() ? 20 : 90;
    for (const int n : {4, 16}) {
        const std::vector<double> start = random_numbers(problems * n, 3, 61);
        BatchOptions options = batch_options();
        options.condition_number = true;
        options.threads = 1;
        const BatchResult<double> wanted =
            minimize(builtin_rosenbrock(n), start, problems, options);
        for (const int threads : {1, 2, 3})
            for (const long chunk : {1L, 7L, problems}) {
                options.threads = threads;
                options.chunk = chunk;
                expect_same(minimize(builtin_rosenbrock(n), start, problems, options), wanted);
            }
    }
}

TEST_F(BatchObjectivesTest, MisuseIsRefused) {
    const std::vector<double> start{1, 2}, one{1}, three{1, 2, 3};
    const BatchData<double> good{.problems = 3, .points = 1, .start = start};
    const auto expect_refused = [&](const BatchData<double>& data, const BatchOptions& options,
                                    const std::string& named) {
        try {
            minimize_batch(builtin_rosenbrock(2), data, options);
            ADD_FAILURE() << named << " was not refused";
        } catch (const InvalidArgument& error) {
            EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
        }
    };
    EXPECT_NO_THROW(minimize_batch(builtin_rosenbrock(2), good, batch_options()));
    BatchData<double> bad = good;
    bad.y = three;
    expect_refused(bad, batch_options(), "y");
    bad = good;
    bad.coordinates = one;
    expect_refused(bad, batch_options(), "coordinates");
    bad = good;
    bad.weights = one;
    expect_refused(bad, batch_options(), "weights");
    bad = good;
    bad.start = three;
    expect_refused(bad, batch_options(), "start");
    EXPECT_THROW(minimize_batch(small_model(Cubic{}), good, batch_options()), InvalidArgument);
    BatchOptions analytic = batch_options();
    analytic.derivatives = BatchDerivatives::analytic;
    EXPECT_THROW(minimize_batch(small_model(Saddle{}), good, analytic), InvalidArgument);
}

TEST_F(BatchObjectivesTest, NoProblems) {
    const std::vector<double> start{1, 2};
    const BatchResult<double> result = minimize(builtin_rosenbrock(2), start, 0, batch_options());
    EXPECT_TRUE(result.parameters.empty());
}

}  // namespace
}  // namespace cunewton::test
