// Batches of fits: that they arrive where an independent oracle does, and that every status is
// true.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <string>
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

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

class BatchTest : public BackendTest {};
template <class T>
class TypedBatchTest : public BackendTest {};
TYPED_TEST_SUITE(TypedBatchTest, Reals, RealName);

// ---- Every model.

TYPED_TEST(TypedBatchTest, ModelsRecoverTheParametersOfExactData) {
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

TYPED_TEST(TypedBatchTest, NoisyFitsAreTheOracles) {
    using T = TypeParam;
    for (const FitCase& fit : fit_cases()) {
        const FitData<T> data(fit, {.problems = 4, .noise = 0.03125, .seed = 5});
        const BatchResult<T> result = fit_batch(fit.model(), data.data(), batch_options());
        expect_oracle_fits(result, data);
    }
}

TEST_F(BatchTest, DerivativeMethodsAgree) {
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

TEST_F(BatchTest, SixtyFourParameters) {
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

FitDataOptions counts() {
    return {.problems = 5, .scale = 4, .counts = true, .seed = 21};
}
/// Counts with means of 4 times the case's model: amplitude and offset of the truth likewise.
template <class T>
FitData<T> make_counts_data() {
    FitData<T> data(fit_case("Gaussian2D"), counts());
    for (Vector& truth : data.truths) {
        truth[0] *= 4;
        truth[4] *= 4;
    }
    data.start[0] *= 4;
    data.start[4] *= 4;
    return data;
}

TYPED_TEST(TypedBatchTest, PoissonDevianceIsMinimised) {
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
TYPED_TEST(TypedBatchTest, TheDevianceOfExactDataIsZero) {
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

TYPED_TEST(TypedBatchTest, RobustEstimatorsIgnoreOutliers) {
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
TEST_F(BatchTest, HuberWithALargeConstantIsLeastSquares) {
    const FitData<double> data(fit_case("Lorentzian"), {.problems = 3, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.estimator = Estimator::huber;
    options.tuning = 100;
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), options), data);
}

// Multiplication by powers of two changes no digit, so data in other units are the same fits; also
// in float, where squares of squares are soon beyond its range; and from starts that say nothing of
// sizes.
TYPED_TEST(TypedBatchTest, UnitsDoNotMatter) {
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

// ---- Shapes of data.

TYPED_TEST(TypedBatchTest, WeightsCount) {
    using T = TypeParam;
    for (const char* name : {"Gaussian2D", "Hill", "Polynomial<3>"}) {
        const FitData<T> data(fit_case(name), {.problems = 7, .noise = 0.125, .weights = true});
        const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
        expect_oracle_fits(result, data);
        const long zeros =
            std::count(data.weights.begin(), data.weights.begin() + data.fit.points(), T(0));
        ASSERT_GT(zeros, 0);
        for (const int dof : result.degrees_of_freedom)
            EXPECT_EQ(dof, data.fit.points() - zeros - data.fit.parameters());
    }
}

TYPED_TEST(TypedBatchTest, OwnCoordinatesOfEachProblem) {
    using T = TypeParam;
    for (const char* name : {"Gaussian2D", "Sine"}) {
        FitData<T> data(fit_case(name), {.problems = 21, .noise = 0.0625});
        const FitData<T> original = data;
        data.coordinates.clear();
        for (long i = 0; i < data.problems; ++i)
            data.coordinates.insert(data.coordinates.end(), original.coordinates.begin(),
                                    original.coordinates.end());
        expect_oracle_fits(fit_batch(data.fit.model(), data.data(), batch_options()), original);

        // One problem's alone are moved, and its data are those of the moved points.
        const int points = data.fit.points(), c = data.fit.coordinates;
        fit_oracle::Problem moved = original.oracle(3);
        for (int k = 0; k < points * c; ++k) {
            T& x = data.coordinates[3 * points * c + k];
            x += T(0.0625);
            moved.x[k] = x;
        }
        for (int k = 0; k < points; ++k)
            data.y[3 * points + k] =
                static_cast<T>(fit_oracle::value(moved, original.truths[3], k));
        const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
        moved.y.assign(data.y.begin() + 3 * points, data.y.begin() + 4 * points);
        expect_parameters(result, 3, original.truths[3],
                          fit_tolerance(moved, original.truths[3], {}, epsilon<T>, 0));
    }
}

/// Problem i has the first counts[i] points.
template <class T>
struct RaggedData {
    FitData<T> full;
    std::vector<int> counts;
    std::vector<long> offsets{0};
    std::vector<T> y, weights, own;

    RaggedData(const FitCase& fit, bool weighted)
        : full(fit, {.problems = 40, .noise = 0.0625, .weights = weighted}) {
        const int points = fit.points();
        for (long i = 0; i < full.problems; ++i) {
            const int count = points - static_cast<int>(i * 5 % (points / 2));
            counts.push_back(count);
            offsets.push_back(offsets.back() + count);
            const auto append = [&](std::vector<T>& to, const std::vector<T>& from, long first,
                                    long numbers) {
                to.insert(to.end(), from.begin() + first, from.begin() + first + numbers);
            };
            append(y, full.y, i * points, count);
            if (weighted) append(weights, full.weights, i * points, count);
            append(own, full.coordinates, 0, static_cast<long>(count) * fit.coordinates);
        }
    }
    BatchData<T> data(bool shared) const {
        BatchData<T> d = full.data();
        d.offsets = offsets;
        d.y = y;
        d.weights = weights;
        if (!shared) d.coordinates = own;
        return d;
    }
    fit_oracle::Problem oracle(long i) const {
        fit_oracle::Problem p = full.oracle(i);
        p.y.resize(counts[i]);
        if (!p.w.empty()) p.w.resize(counts[i]);
        return p;
    }
};

TYPED_TEST(TypedBatchTest, ProblemsOfDifferentSizes) {
    using T = TypeParam;
    for (const bool weighted : {false, true})
        for (const bool shared : {false, true}) {
            SCOPED_TRACE(std::to_string(weighted) + std::to_string(shared));
            const RaggedData<T> ragged(fit_case("Gaussian1D"), weighted);
            const BatchResult<T> result =
                fit_batch(ragged.full.fit.model(), ragged.data(shared), batch_options());
            for (long i = 0; i < ragged.full.problems; ++i) {
                EXPECT_EQ(result.status[i], Status::converged) << i;
                const fit_oracle::Problem oracle = ragged.oracle(i);
                bool arrived = false;
                const Vector exact =
                    fit_oracle::minimiser(oracle, ragged.full.truths[i], {}, arrived);
                ASSERT_TRUE(arrived);
                expect_parameters(
                    result, i, exact,
                    fit_tolerance(oracle, exact, {}, epsilon<T>, default_tolerance(epsilon<T>)));
                int counted = 0;
                for (int k = 0; k < oracle.points(); ++k) counted += oracle.weight(k) > 0;
                EXPECT_EQ(result.degrees_of_freedom[i], counted - 4);
            }
        }
}

TEST_F(BatchTest, AProblemWithoutPointsIsInvalid) {
    FitData<double> data(fit_case("Polynomial<1>"), {.problems = 3, .noise = 0.1});
    const std::vector<long> offsets{0, 17, 17, 34};
    BatchData<double> d = data.data();
    d.offsets = offsets;
    d.y = std::span(d.y.data, 34);
    const BatchResult<double> result = fit_batch(data.fit.model(), d, batch_options());
    EXPECT_EQ(result.status[0], Status::converged);
    EXPECT_EQ(result.status[1], Status::invalid_data);
    EXPECT_EQ(result.status[2], Status::converged);
}

TYPED_TEST(TypedBatchTest, StartsOfEachProblem) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 9, .noise = 0.0625});
    data.start.clear();
    for (long i = 0; i < data.problems; ++i)
        for (int j = 0; j < 4; ++j)
            data.start.push_back(static_cast<T>(data.truths[i][j] * (1.0L + 0.02L * i)));
    BatchOptions options = batch_options();
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), options), data);
    options.max_iterations = 0;
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_TRUE(same_bits(result.parameters, data.start));
}

TEST_F(BatchTest, NoProblems) {
    const FitCase& fit = fit_case("Sine");
    for (const bool shared : {true, false}) {
        BatchData<double> data{.problems = 0, .points = fit.points(), .start = fit.start};
        if (shared) data.coordinates = fit.x;
        BatchOptions options = batch_options();
        options.covariance = options.standard_errors = options.condition_number = true;
        const BatchResult<double> result = fit_batch(fit.model(), data, options);
        expect_coherent(result, options, 0, 4, true);
    }
}

// ---- Fixed parameters and bounds.

TYPED_TEST(TypedBatchTest, FixedParametersKeepTheirStart) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 5, .noise = 0.0625});
    data.start[1] = 4.125;
    data.start[3] = 0.4375;
    BatchOptions options = batch_options();
    options.fixed = {false, true, false, true};
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    expect_oracle_fits(result, data, {.fixed = options.fixed});
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(result.parameters[i * 4 + 1], T(4.125));
        EXPECT_EQ(result.parameters[i * 4 + 3], T(0.4375));
        EXPECT_EQ(result.degrees_of_freedom[i], data.fit.points() - 2);
    }
    options.fixed.assign(4, true);
    const BatchResult<T> none = fit_batch(data.fit.model(), data.data(), options);
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(none.status[i], Status::converged);
        EXPECT_TRUE(same_bits(parameters_of(none, i), data.start));
        EXPECT_EQ(none.gradient_norm[i], 0);
        EXPECT_EQ(none.iterations[i], 0);
    }
}

/// The Karush-Kuhn-Tucker conditions by the oracle's gradient: at a bound it points across it, and
/// with those parameters fixed there the others are the oracle's minimiser.
template <class T>
void expect_bounded_fits(const BatchResult<T>& result, const FitData<T>& data) {
    const int n = data.fit.parameters();
    const auto bound = [&](const std::vector<T>& bounds, long i, int j, double none) {
        if (bounds.empty()) return none;
        return static_cast<double>(static_cast<int>(bounds.size()) == n ? bounds[j]
                                                                        : bounds[i * n + j]);
    };
    for (long i = 0; i < data.problems; ++i) {
        SCOPED_TRACE(data.fit.name + ", problem " + std::to_string(i));
        EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
        const Vector p = wide_parameters_of(result, i);
        const Vector g = fit_oracle::gradient(data.oracle(i), p);
        std::vector<bool> active(n);
        Vector near = data.truths[i];
        for (int j = 0; j < n; ++j) {
            const double low = bound(data.lower, i, j, -infinity);
            const double high = bound(data.upper, i, j, infinity);
            EXPECT_GE(double(p[j]), low) << j;
            EXPECT_LE(double(p[j]), high) << j;
            active[j] = p[j] == low || p[j] == high;
            if (!active[j]) continue;
            near[j] = p[j];
            if (low < high) {
                EXPECT_GT(p[j] == low ? g[j] : -g[j], 0) << j;
            }
        }
        bool arrived = false;
        const fit_oracle::Problem oracle = data.oracle(i);
        const Vector exact = fit_oracle::minimiser(oracle, near, active, arrived);
        ASSERT_TRUE(arrived);
        expect_parameters(
            result, i, exact,
            fit_tolerance(oracle, exact, active, epsilon<T>, default_tolerance(epsilon<T>)));
    }
}

TYPED_TEST(TypedBatchTest, BoundsOfAllProblems) {
    using T = TypeParam;
    constexpr T none = std::numeric_limits<T>::infinity();
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 20, .noise = 0.0625});
    // Truth (3, 4, 1.25, 0.5), start (2, 3.5, 1.75, 0.25).
    data.lower = {0, 0, 1.5, -none};
    data.upper = {2.5, 8, none, none};
    const BatchResult<T> active = fit_batch(data.fit.model(), data.data(), batch_options());
    expect_bounded_fits(active, data);
    for (long i = 0; i < data.problems; ++i) {
        EXPECT_EQ(active.parameters[i * 4], T(2.5));
        EXPECT_EQ(active.parameters[i * 4 + 2], T(1.5));
    }
    // Out of the way, infinite, one side alone.
    data.lower = {0, 0, 0, -10};
    data.upper = {10, 8, none, 10};
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
    data.lower.assign(4, -none);
    data.upper.assign(4, none);
    expect_oracle_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
    data.lower.clear();
    data.upper = {none, none, 1, none};
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
    data.lower = {none * -1, T(4.25), none * -1, none * -1};
    data.upper.clear();
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
}

TYPED_TEST(TypedBatchTest, BoundsOfEachProblem) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian2D"), {.problems = 33, .noise = 0.0625});
    // Truth (5, 4.25, 3.75, 1.5, 1): every third problem has an active bound on one side or other.
    for (long i = 0; i < data.problems; ++i) {
        const bool active = i % 3 == 0;
        for (const double low : {0.0, 0.0, 0.0, active && i % 2 ? 1.75 : 0.5, -1.0})
            data.lower.push_back(static_cast<T>(low));
        for (const double high : {active ? 4.0 : 20.0, 8.0, 8.0, 4.0, 5.0})
            data.upper.push_back(static_cast<T>(high));
    }
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
    expect_bounded_fits(result, data);
    EXPECT_EQ(result.parameters[0], T(4));
    EXPECT_EQ(result.parameters[3 * 5 + 3], T(1.75));
    // Lower bounds of each with upper bounds of all.
    data.upper = {4, 8, 8, 4, 5};
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), batch_options()), data);
}

TYPED_TEST(TypedBatchTest, AStartOutsideIsMovedOntoItsBounds) {
    using T = TypeParam;
    FitData<T> data(fit_case("Gaussian1D"), {.problems = 3, .noise = 0.0625});
    data.lower = {2.5, 0, 0, 0};
    data.upper = {8, 3.25, 8, 8};
    BatchOptions options = batch_options();
    expect_bounded_fits(fit_batch(data.fit.model(), data.data(), options), data);
    options.max_iterations = 0;
    const BatchResult<T> start = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_TRUE(same_bits(parameters_of(start, 2), std::vector<T>{2.5, 3.25, 1.75, 0.25}));
}

TEST_F(BatchTest, ABoundThatMeetsTheOtherFixesTheParameter) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 3, .noise = 0.0625});
    data.lower = {-infinity, 4, -infinity, -infinity};
    data.upper = {infinity, 4, infinity, infinity};
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), batch_options());
    expect_bounded_fits(result, data);
    for (const int freedom : result.degrees_of_freedom) EXPECT_EQ(freedom, data.data().points - 3);
}

// ---- Several starts.

TYPED_TEST(TypedBatchTest, TheBestOfSeveralStartsIsKept) {
    using T = TypeParam;
    constexpr int starts = 3;
    FitData<T> data(fit_case("Sine"), {.problems = 30, .noise = 0.0625});
    // Frequencies around the true one's 2. Bounds leave one of the equivalent minima.
    const std::vector<double> frequencies{3.5, 1.875, 0.625};
    data.lower = {0, 0, -2, -10};
    data.upper = {10, 10, 2, 10};
    data.start.clear();
    for (long i = 0; i < data.problems; ++i)
        for (int s = 0; s < starts; ++s)
            for (const double value : {2.5, frequencies[(i + s) % starts], 0.75, 0.5})
                data.start.push_back(static_cast<T>(value));
    BatchOptions options = batch_options();
    options.starts = starts;
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), options);
    expect_coherent(result, options, data.problems, 4, true);
    expect_oracle_fits(result, data);

    // Each start on its own: the same bits, and none is better.
    std::vector<BatchResult<T>> alone;
    options.starts = 1;
    for (int s = 0; s < starts; ++s) {
        FitData<T> single = data;
        single.start.clear();
        for (long i = 0; i < data.problems; ++i)
            for (int j = 0; j < 4; ++j)
                single.start.push_back(data.start[(i * starts + s) * 4 + j]);
        alone.push_back(fit_batch(data.fit.model(), single.data(), options));
    }
    int worse = 0;
    for (long i = 0; i < data.problems; ++i) {
        int best = 0;
        for (int s = 1; s < starts; ++s)
            if (alone[s].objective[i] < alone[best].objective[i]) best = s;
        for (int s = 0; s < starts; ++s)
            worse += alone[s].objective[i] > 2 * alone[best].objective[i];
        EXPECT_EQ(result.best_start[i], best) << i;
        EXPECT_TRUE(same_bits(parameters_of(result, i), parameters_of(alone[best], i))) << i;
        EXPECT_EQ(result.objective[i], alone[best].objective[i]);
        EXPECT_EQ(result.gradient_norm[i], alone[best].gradient_norm[i]);
        EXPECT_EQ(result.status[i], alone[best].status[i]);
        EXPECT_EQ(result.iterations[i], alone[best].iterations[i]);
    }
    EXPECT_GT(worse, data.problems) << "too few starts lead elsewhere to tell";
}

TEST_F(BatchTest, OfEqualEndsTheFirstStartsIsKept) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 2, .noise = 0.0625});
    data.start = {2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25};
    BatchOptions options = batch_options();
    options.starts = 2;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_EQ(result.best_start, (std::vector<int>{0, 0}));
}

TEST_F(BatchTest, AStartThatCannotBeUsedDoesNotSpoilTheOthers) {
    FitData<double> data(fit_case("Gaussian1D"), {.problems = 2, .noise = 0.0625});
    data.start = {nan, 4, 1, 0, 2, 3.5, 1.75, 0.25, 2, 3.5, 1.75, 0.25, infinity, 4, 1, 0};
    BatchOptions options = batch_options();
    options.starts = 2;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    expect_oracle_fits(result, data);
    EXPECT_EQ(result.best_start, (std::vector<int>{1, 0}));
}

// ---- What is computed from the Hessian.

TYPED_TEST(TypedBatchTest, CovariancesAreTheOracles) {
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

TEST_F(BatchTest, CovariancesAreZeroOfFixedParametersAndNoNumbersAtABound) {
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

TEST_F(BatchTest, WithoutDegreesOfFreedomThereIsNoReducedChiSquare) {
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

TYPED_TEST(TypedBatchTest, StatusesAreTrue) {
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

TYPED_TEST(TypedBatchTest, GradientNormsAreTrue) {
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

TYPED_TEST(TypedBatchTest, FewerPointsThanParametersIsNeverConverged) {
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
TEST_F(BatchTest, ParametersThatAreNotDeterminedAreSingular) {
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
TEST_F(BatchTest, ParametersWithoutInfluenceAreSingular) {
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

// ---- Precision.

TEST_F(BatchTest, PrecisionOfTheArithmeticIsThatOfTheOption) {
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
TEST_F(BatchTest, WhatIsSolvedAgainKeepsItsCoordinates) {
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

TEST_F(BatchTest, WhatFailsInSingleIsSolvedAgainInDouble) {
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

// ---- Problems that cannot be solved, and their neighbours.

/// Everything that can be wrong with one problem, each in a problem of its own among 48: all others
/// have the bits that they have in a batch where nothing is wrong.
TYPED_TEST(TypedBatchTest, OneBadProblemDoesNotTouchItsNeighbours) {
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

TEST_F(BatchTest, NaNWithoutWeightsIsInvalid) {
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

TEST_F(BatchTest, NegativeCountsAreInvalid) {
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

TEST_F(BatchTest, AModelThatIsNotFiniteAtTheStart) {
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
TEST_F(BatchTest, AModelThatOverflowsOnTheWay) {
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
TEST_F(BatchTest, TheModelMayOverflowWhereThereIsNoWeight) {
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
TEST_F(BatchTest, ASteepModelConvergesHoweverItRounds) {
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
TEST_F(BatchTest, APeakFarFromZeroIsFittedAsWell) {
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
TEST_F(BatchTest, TheDevianceMayNotExistWhereThereIsNoWeight) {
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
TEST_F(BatchTest, PoissonNeedsAPositiveModel) {
    FitData<double> data = make_counts_data<double>();
    BatchOptions options = batch_options();
    options.estimator = Estimator::poisson;
    data.start[4] = -100;
    const BatchResult<double> result = fit_batch(data.fit.model(), data.data(), options);
    EXPECT_EQ(result.count(Status::not_finite), data.problems);
}

// ---- The same bits.

TYPED_TEST(TypedBatchTest, ThreadsAndChunksDoNotMatter) {
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

TEST_F(BatchTest, ManyProblemsOnManyThreads) {
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

TEST_F(BatchTest, ProgressIsReportedAfterEveryChunk) {
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

TEST_F(BatchTest, ACancelledBatchKeepsWhatIsDone) {
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

TEST_F(BatchTest, WhatProgressThrowsReachesTheCaller) {
    const FitData<double> data(fit_case("Polynomial<1>"), {.problems = 30, .noise = 0.0625});
    BatchOptions options = batch_options();
    options.chunk = 10;
    options.progress = [](const BatchProgress&) -> bool { throw std::logic_error("stop"); };
    EXPECT_THROW(fit_batch(data.fit.model(), data.data(), options), std::logic_error);
}

// ---- Misuse.

class BatchMisuseTest : public BackendTest {
  protected:
    BatchMisuseTest() : data_(fit_case("Gaussian1D"), {.problems = 6, .noise = 0.0625}) {}

    /// The message names what is wrong.
    void expect_refused(const BatchData<double>& data, const BatchOptions& options,
                        const std::string& named) {
        try {
            fit_batch(data_.fit.model(), data, options);
            ADD_FAILURE() << named << " was not refused";
        } catch (const InvalidArgument& error) {
            EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
        }
    }
    void expect_refused(const BatchData<double>& data, const std::string& named) {
        expect_refused(data, batch_options(), named);
    }

    FitData<double> data_;
};

TEST_F(BatchMisuseTest, Sizes) {
    const BatchData<double> good = data_.data();
    const std::vector<double> numbers(1000, 1.0);
    const std::span<const double> some(numbers);
    const auto with = [&](auto&& change) {
        BatchData<double> changed = good;
        change(changed);
        return changed;
    };
    expect_refused(with([](auto& d) { d.problems = -1; }), "problems");
    expect_refused(with([](auto& d) { d.points = 0; }), "points");
    expect_refused(with([](auto& d) { d.points = -3; }), "points");
    for (const std::size_t size : {0, 31, 33, 191, 193}) {
        expect_refused(with([&](auto& d) { d.coordinates = some.first(size); }), "coordinates");
        expect_refused(with([&](auto& d) { d.y = some.first(size); }), "y");
        if (size > 0) {
            expect_refused(with([&](auto& d) { d.weights = some.first(size); }), "weights");
        }
    }
    for (const std::size_t size : {0, 3, 5, 23, 25})
        expect_refused(with([&](auto& d) { d.start = some.first(size); }), "start");
    for (const std::size_t size : {3, 5, 23, 25}) {
        expect_refused(with([&](auto& d) { d.lower = some.first(size); }), "lower");
        expect_refused(with([&](auto& d) { d.upper = some.first(size); }), "upper");
    }
}

TEST_F(BatchMisuseTest, Offsets) {
    BatchData<double> data = data_.data();
    const auto refuse = [&](const std::vector<long>& offsets, const std::string& named) {
        data.offsets = offsets;
        expect_refused(data, named);
    };
    refuse({0, 32, 64, 96, 128, 160}, "offsets");
    refuse({0, 32, 64, 96, 128, 160, 192, 224}, "offsets");
    refuse({1, 32, 64, 96, 128, 160, 192}, "offsets");
    refuse({0, 32, 64, 60, 128, 160, 192}, "offsets");
    refuse({0, 33, 64, 96, 128, 160, 192}, "points");
    refuse({0, 32, 64, 96, 128, 160, 191}, "y");
}

TEST_F(BatchMisuseTest, NumbersOfAllProblems) {
    BatchData<double> data = data_.data();
    const std::vector<double> start{1, nan, 1, 0};
    data.start = start;
    expect_refused(data, "start");
    data = data_.data();
    std::vector<double> x = data_.coordinates;
    x[4] = infinity;
    data.coordinates = x;
    expect_refused(data, "coordinate");
    data = data_.data();
    const std::vector<double> lower{0, 5, 0, 0}, upper{10, 4, 10, 10}, bad{0, nan, 0, 0};
    data.lower = lower;
    data.upper = upper;
    expect_refused(data, "crossed");
    data.upper = {};
    data.lower = bad;
    expect_refused(data, "lower");
    data.lower = {};
    data.upper = bad;
    expect_refused(data, "upper");
}

TEST_F(BatchMisuseTest, Options) {
    const BatchData<double> data = data_.data();
    const auto refuse = [&](auto&& change, const std::string& named) {
        BatchOptions options = batch_options();
        change(options);
        expect_refused(data, options, named);
    };
    for (const double bad : {-1.0, nan, infinity}) {
        refuse([&](auto& o) { o.tolerance = bad; }, "tolerance");
        refuse([&](auto& o) { o.gradient_tolerance = bad; }, "gradient_tolerance");
        refuse([&](auto& o) { o.change_tolerance = bad; }, "change_tolerance");
        refuse([&](auto& o) { o.step_tolerance = bad; }, "step_tolerance");
        refuse([&](auto& o) { o.tuning = bad; }, "tuning");
        refuse([&](auto& o) { o.initial_radius = bad; }, "initial_radius");
    }
    refuse([](auto& o) { o.max_iterations = -1; }, "max_iterations");
    refuse([](auto& o) { o.threads = -1; }, "threads");
    refuse([](auto& o) { o.chunk = -1; }, "chunk");
    refuse([](auto& o) { o.starts = 0; }, "starts");
    refuse([](auto& o) { o.starts = 2; }, "start");
    refuse([](auto& o) { o.fixed = {true, false}; }, "fixed");
    refuse([](auto& o) { o.derivatives = BatchDerivatives::analytic; }, "analytic");
}

}  // namespace
}  // namespace cunewton::test
