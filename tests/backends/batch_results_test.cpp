// What a batch says beside its parameters: bounds that decided, errors of parameters that are
// fixed, at a bound or undetermined.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/on_device.h"

namespace cunewton::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Parabolas a + b x + c x^2 through noisy points, with bounds of each problem's own.
template <class T>
struct Parabolas {
    static constexpr int n = 3, points = 9;
    long problems;
    std::vector<T> x, y, start, lower, upper;
    BatchData<T> data;

    explicit Parabolas(long count) : problems(count) {
        std::mt19937_64 random(7);
        std::uniform_real_distribution<double> unit(-1, 1);
        for (int k = 0; k < points; ++k) x.push_back(static_cast<T>(0.25 * k - 1));
        for (long i = 0; i < problems; ++i) {
            const double p[n]{unit(random), unit(random), unit(random)};
            for (const T at : x)
                y.push_back(static_cast<T>(p[0] + p[1] * at + p[2] * at * at + 0.1 * unit(random)));
            for (int j = 0; j < n; ++j) {
                // Bounds that hold the parameter back, or are out of reach, or there are none.
                const double kind = unit(random);
                lower.push_back(static_cast<T>(kind < -0.3 ? p[j] + 0.5
                                               : kind < 0  ? -5
                                                           : -infinity));
                upper.push_back(static_cast<T>(kind > 0.3 ? p[j] - 0.5 : kind > 0 ? 5 : infinity));
                start.push_back(static_cast<T>(p[j]));
            }
        }
        data = {.problems = problems,
                .points = points,
                .coordinates = x,
                .y = y,
                .start = start,
                .lower = lower,
                .upper = upper};
    }
};

FitModel parabola() {
    return make_fit_model(Polynomial<2>{});
}

BatchOptions all_statistics() {
    BatchOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    options.covariance = options.standard_errors = options.condition_number = true;
    return options;
}

/// Problem i's numbers of an array of `width` a problem.
template <class V>
std::span<const V> of(const std::vector<V>& all, long i, int width) {
    return std::span<const V>(all).subspan(static_cast<std::size_t>(i * width),
                                           static_cast<std::size_t>(width));
}

class BatchResultsTest : public BackendTest {};

template <class T>
void bounds_are_reported(double accuracy) {
    const long problems = 200;
    const Parabolas<T> fits(problems);
    BatchOptions options = all_statistics();
    const auto result = fit_batch(parabola(), fits.data, options);
    ASSERT_EQ(result.at_bound.size(), static_cast<std::size_t>(problems));
    ASSERT_EQ(result.undetermined.size(), static_cast<std::size_t>(problems));
    int bound = 0;
    for (long i = 0; i < problems; ++i) {
        SCOPED_TRACE("problem " + std::to_string(i));
        EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
        EXPECT_EQ(result.at_bound[i] >> 3, 0u);
        EXPECT_EQ(result.undetermined[i], 0u);
        // The same problem with those parameters fixed there: the others are as certain.
        BatchOptions held = options;
        std::vector<T> start(fits.start.begin() + i * 3, fits.start.begin() + i * 3 + 3);
        for (int j = 0; j < 3; ++j) {
            const T value = result.parameters[i * 3 + j];
            const bool there = result.ended_at_bound(i, j);
            bound += there;
            EXPECT_EQ(there, value == fits.lower[i * 3 + j] || value == fits.upper[i * 3 + j]);
            EXPECT_EQ(std::isnan(result.standard_errors[i * 3 + j]), there);
            held.fixed.push_back(there);
            if (there) start[static_cast<std::size_t>(j)] = value;
        }
        BatchData<T> alone = fits.data;
        alone.problems = 1;
        alone.coordinates = fits.x;
        alone.y = of(fits.y, i, fits.points);
        alone.start = start;
        alone.lower = alone.upper = {};
        const auto fixed = fit_batch(parabola(), alone, held);
        for (int j = 0; j < 3; ++j) {
            EXPECT_FALSE(fixed.ended_at_bound(0, j));
            if (result.ended_at_bound(i, j)) {
                EXPECT_EQ(fixed.standard_errors[j], 0);
                continue;
            }
            // Degrees of freedom differ: a parameter at its bound was free to leave it.
            const double ratio = std::sqrt(static_cast<double>(fixed.degrees_of_freedom[0]) /
                                           result.degrees_of_freedom[i]);
            EXPECT_NEAR(result.standard_errors[i * 3 + j], fixed.standard_errors[j] * ratio,
                        accuracy * fixed.standard_errors[j] * ratio);
            EXPECT_NEAR(result.parameters[i * 3 + j], fixed.parameters[j],
                        accuracy * 10 * (1 + std::abs(fixed.parameters[j])));
        }
        for (int a = 0; a < 3; ++a)
            for (int b = 0; b < 3; ++b)
                EXPECT_EQ(std::isnan(result.covariance[(i * 3 + a) * 3 + b]),
                          result.ended_at_bound(i, a) || result.ended_at_bound(i, b));
        EXPECT_EQ(std::isnan(result.condition_number[i]), result.at_bound[i] == 0b111);
        if (result.at_bound[i] != 0b111) {
            EXPECT_NEAR(result.condition_number[i], fixed.condition_number[0],
                        accuracy * fixed.condition_number[0]);
        }
    }
    EXPECT_GT(bound, problems / 2);
    EXPECT_LT(bound, 3 * problems);
}

TEST_F(BatchResultsTest, BoundsAreReportedInDouble) {
    bounds_are_reported<double>(1e-6);
}
TEST_F(BatchResultsTest, BoundsAreReportedInSinglePrecision) {
    bounds_are_reported<float>(2e-3);
}

TEST_F(BatchResultsTest, BoundsAreReportedInChunksOfRaggedProblems) {
    const Parabolas<double> fits(90);
    // Problem i has the first 4 + i % 6 of its points.
    std::vector<long> offsets{0};
    std::vector<double> x, y;
    for (long i = 0; i < fits.problems; ++i) {
        const int count = 4 + static_cast<int>(i % 6);
        x.insert(x.end(), fits.x.begin(), fits.x.begin() + count);
        y.insert(y.end(), fits.y.begin() + i * 9, fits.y.begin() + i * 9 + count);
        offsets.push_back(offsets.back() + count);
    }
    BatchData<double> data = fits.data;
    data.offsets = offsets;
    data.coordinates = x;
    data.y = y;
    BatchOptions options = all_statistics();
    const auto whole = fit_batch(parabola(), data, options);
    options.chunk = 13;
    const auto parts = fit_batch(parabola(), data, options);
    EXPECT_EQ(parts.at_bound, whole.at_bound);
    int bound = 0;
    for (long i = 0; i < fits.problems; ++i)
        for (int j = 0; j < 3; ++j) {
            const double value = whole.parameters[i * 3 + j];
            const bool there = value == fits.lower[i * 3 + j] || value == fits.upper[i * 3 + j];
            EXPECT_EQ(whole.ended_at_bound(i, j), there);
            bound += there;
        }
    EXPECT_GT(bound, 30);
    // A second pass in double reports its own: squares of every third problem's data are beyond
    // single precision.
    std::vector<double> start = fits.start, lower = fits.lower, upper = fits.upper;
    for (long i = 0; i < fits.problems; i += 3) {
        for (long k = offsets[i]; k < offsets[i + 1]; ++k) y[k] *= 0x1p90;
        for (long k = 3 * i; k < 3 * i + 3; ++k)
            for (std::vector<double>* numbers : {&start, &lower, &upper}) (*numbers)[k] *= 0x1p90;
    }
    data.start = start;
    data.lower = lower;
    data.upper = upper;
    BatchOptions twice = all_statistics();
    twice.precision = BatchPrecision::twice;
    const auto again = fit_batch(parabola(), data, twice);
    EXPECT_GE(again.solved_again, 30);
    EXPECT_LT(again.solved_again, 90);
    EXPECT_EQ(again.at_bound, whole.at_bound);
    EXPECT_EQ(again.undetermined, whole.undetermined);
}

TEST_F(BatchResultsTest, OfSeveralStartsTheBestOnesBoundsCount) {
    // sin(w x) has a minimum near each of many w; bounds cut the poor start's off.
    std::vector<double> x, y;
    for (int k = 0; k < 40; ++k) {
        x.push_back(0.1 * k);
        y.push_back(2 * std::sin(3 * x.back() + 0.5));
    }
    // amplitude, frequency, phase, offset
    const std::vector<double> start{1, 0.5, 0.1, 0, 1.5, 2.9, 0.4, 0.1};
    const std::vector<double> lower{0, 0.4, -2, -1}, upper{5, 4, 2, 1};
    const BatchData<double> data{.problems = 1,
                                 .points = 40,
                                 .coordinates = x,
                                 .y = y,
                                 .start = start,
                                 .lower = lower,
                                 .upper = upper};
    BatchOptions options = all_statistics();
    options.starts = 2;
    const auto both = fit_batch(make_fit_model(Sine{}), data, options);
    EXPECT_EQ(both.best_start[0], 1);
    EXPECT_EQ(both.at_bound[0], 0u);
    EXPECT_GT(both.standard_errors[1], -1);
    BatchData<double> poor = data;
    poor.start = std::span<const double>(start).first(4);
    options.starts = 1;
    const auto alone = fit_batch(make_fit_model(Sine{}), poor, options);
    EXPECT_NE(alone.at_bound[0], 0u) << alone.parameters[1] << " " << to_string(alone.status[0]);
}

TEST_F(BatchResultsTest, FixedIsNotAtABound) {
    const Parabolas<double> fits(20);
    BatchOptions options = all_statistics();
    options.fixed = {true, false, false};
    BatchData<double> data = fits.data;
    // The start is the bound, and the bounds of parameter 1 are equal.
    std::vector<double> lower(60, -infinity), upper(60, infinity);
    for (int i = 0; i < 20; ++i) {
        lower[i * 3] = fits.start[i * 3];
        lower[i * 3 + 1] = upper[i * 3 + 1] = 0.25;
    }
    data.lower = lower;
    data.upper = upper;
    const auto result = fit_batch(parabola(), data, options);
    for (long i = 0; i < 20; ++i) {
        EXPECT_EQ(result.at_bound[i], 0u);
        EXPECT_EQ(result.standard_errors[i * 3], 0);
        EXPECT_EQ(result.standard_errors[i * 3 + 1], 0);
        EXPECT_GT(result.standard_errors[i * 3 + 2], 0);
        EXPECT_EQ(result.covariance[i * 9 + 1], 0);
        EXPECT_EQ(result.degrees_of_freedom[i], 8);
    }
    // Without bounds and fixed parameters there is nothing to report.
    data.lower = data.upper = {};
    options.fixed.clear();
    const auto free = fit_batch(parabola(), data, options);
    EXPECT_TRUE(free.at_bound.empty());
    EXPECT_FALSE(free.ended_at_bound(3, 1));
}

TEST_F(BatchResultsTest, UnusableProblemsAreAtNoBound) {
    Parabolas<double> fits(5);
    fits.y[9] = std::numeric_limits<double>::quiet_NaN();
    fits.data.y = fits.y;
    const auto result = fit_batch(parabola(), fits.data, all_statistics());
    EXPECT_EQ(result.status[1], Status::invalid_data);
    EXPECT_EQ(result.at_bound[1], 0u);
    EXPECT_EQ(result.undetermined[1], 0u);
}

TEST_F(BatchResultsTest, UndeterminedParametersAreNamed) {
    // Four points, two of them at the same place: a cubic has one direction left, that moves all
    // but its value at 0, where a point is.
    const std::vector<double> x{0, 1, 1, 2}, y{1, 2, 2.5, 5}, start{0, 0, 0, 0};
    BatchData<double> data{.problems = 1, .points = 4, .coordinates = x, .y = y, .start = start};
    BatchOptions options = all_statistics();
    options.absolute_weights = true;
    const auto cubic = fit_batch(make_fit_model(Polynomial<3>{}), data, options);
    EXPECT_EQ(cubic.status[0], Status::singular) << to_string(cubic.status[0]);
    EXPECT_EQ(cubic.undetermined[0], 0b1110u);
    EXPECT_TRUE(std::isnan(cubic.standard_errors[0]));
    // One of two terms has no amplitude: its rate has no influence.
    const std::vector<double> decay_start{2, 1, 0, 3, 0.5};
    std::vector<double> t, decay;
    for (int k = 0; k < 20; ++k) {
        t.push_back(0.2 * k);
        decay.push_back(2 * std::exp(-t.back()) + 0.5);
    }
    data = {.problems = 1, .points = 20, .coordinates = t, .y = decay, .start = decay_start};
    options.fixed = {false, false, true, false, false};
    const auto idle = fit_batch(make_fit_model(ExponentialDecay<2>{}), data, options);
    EXPECT_EQ(idle.status[0], Status::singular) << to_string(idle.status[0]);
    EXPECT_EQ(idle.undetermined[0], 0b01000u);
}

// ---- explain()

/// a log x + sqrt(b): infinite at x = 0, no number for b < 0, and without a derivative by b at 0.
struct Rooted {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        return p[0] * log(x[0]) + sqrt(p[1]);
    }
};

struct OneFit {
    std::vector<double> x, y, weights, start, lower, upper;
    BatchOptions options;

    BatchData<double> data() const {
        return {.problems = 1,
                .points = static_cast<int>(y.size()),
                .coordinates = x,
                .y = y,
                .weights = weights,
                .start = start,
                .lower = lower,
                .upper = upper};
    }
    BatchExplanation explained(const FitModel& model, Status status) const {
        BatchOptions asked = options;
        asked.threads = 1;
        const auto result = fit_batch(model, data(), asked);
        EXPECT_EQ(result.status[0], status) << to_string(result.status[0]);
        const BatchExplanation e = explain(model, data(), asked, result, 0);
        EXPECT_EQ(e.status, status);
        if (status != Status::converged) {
            EXPECT_NE(e.message.find(" ("), std::string::npos) << e.message;
            EXPECT_NE(e.message.find(") "), std::string::npos) << e.message;
        }
        return e;
    }
};

void expect_place(const BatchExplanation& e, long point, int coordinate, int parameter) {
    EXPECT_EQ(e.point, point) << e.message;
    EXPECT_EQ(e.coordinate, coordinate) << e.message;
    EXPECT_EQ(e.parameter, parameter) << e.message;
}

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(BatchExplain, InvalidDataNamesTheNumber) {
    const FitModel line = make_fit_model(Polynomial<1>{});
    const OneFit good{{0, 1, 2, 3}, {1, 2, 3, 5}, {1, 0, 1, 1}, {0, 0}, {-9, -9}, {9, 9}, {}};
    const auto with = [&](auto change) {
        OneFit fit = good;
        change(fit);
        return fit.explained(line, Status::invalid_data);
    };
    BatchExplanation e = with([](OneFit& f) { f.y[2] = nan; });
    expect_place(e, 2, -1, -1);
    EXPECT_TRUE(std::isnan(e.value));
    e = with([](OneFit& f) { f.x[3] = infinity; });
    expect_place(e, 3, 0, -1);
    EXPECT_EQ(e.value, infinity);
    e = with([](OneFit& f) { f.weights[1] = -2; });
    expect_place(e, 1, -1, -1);
    EXPECT_EQ(e.value, -2);
    e = with([](OneFit& f) { f.weights.assign(4, 0); });
    expect_place(e, -1, -1, -1);
    e = with([](OneFit& f) {
        f.options.estimator = Estimator::poisson;
        f.y[3] = -5;
    });
    expect_place(e, 3, -1, -1);
    EXPECT_EQ(e.value, -5);
    e = with([](OneFit& f) { f.y[0] = 1e200; });
    expect_place(e, -1, -1, -1);
    // What has no weight is not looked at.
    OneFit fit = good;
    fit.y[1] = fit.x[1] = nan;
    fit.explained(line, Status::converged);
}

TEST(BatchExplain, StartsAndBoundsOfOneProblemNameTheParameter) {
    const FitModel line = make_fit_model(Polynomial<1>{});
    const std::vector<double> x{0, 1, 2}, y{1, 2, 3, 1, 2, 3};
    std::vector<double> start{0, 0, 0, 0}, lower{-9, -9, -9, -9};
    BatchData<double> data{
        .problems = 2, .points = 3, .coordinates = x, .y = y, .start = start, .lower = lower};
    BatchOptions options;
    options.threads = 1;
    start[3] = nan;
    auto result = fit_batch(line, data, options);
    BatchExplanation e = explain(line, data, options, result, 1);
    EXPECT_EQ(e.status, Status::invalid_data);
    expect_place(e, -1, -1, 1);
    EXPECT_EQ(explain(line, data, options, result, 0).status, Status::converged);
    start[3] = 0;
    lower[2] = nan;
    result = fit_batch(line, data, options);
    expect_place(explain(line, data, options, result, 1), -1, -1, 0);
    lower[2] = 5;
    const std::vector<double> upper{9, 9, 4, 9};
    data.upper = upper;
    result = fit_batch(line, data, options);
    e = explain(line, data, options, result, 1);
    expect_place(e, -1, -1, 0);
    EXPECT_EQ(e.value, 5);
    EXPECT_NE(e.message.find("crossed"), std::string::npos);

    EXPECT_THROW(explain(line, data, options, result, 2), InvalidArgument);
    EXPECT_THROW(explain(line, data, options, result, -1), InvalidArgument);
    result.dimension = 3;
    EXPECT_THROW(explain(line, data, options, result, 0), InvalidArgument);
}

TEST(BatchExplain, NotFiniteNamesPointAndParameter) {
    const FitModel rooted = make_fit_model(Rooted{});
    OneFit fit{{1, 2, 0, 3}, {1, 2, 3, 4}, {}, {1, 1}, {}, {}, {}};
    BatchExplanation e = fit.explained(rooted, Status::not_finite);
    expect_place(e, 2, -1, -1);
    EXPECT_TRUE(std::isinf(e.value));
    // Without that point the model is fine, but not its derivative by parameter 1 where that is 0.
    fit.weights = {1, 1, 0, 1};
    fit.start = {1, 0};
    e = fit.explained(rooted, Status::not_finite);
    expect_place(e, 0, -1, 1);
    fit.start = {1, -1};
    e = fit.explained(rooted, Status::not_finite);
    expect_place(e, 0, -1, -1);
    EXPECT_TRUE(std::isnan(e.value));
    // Every method of differentiation, and single precision.
    for (const BatchPrecision precision :
         {BatchPrecision::single, BatchPrecision::full, BatchPrecision::twice}) {
        fit.options.precision = precision;
        fit.options.derivatives = BatchDerivatives::differences;
        expect_place(fit.explained(rooted, Status::not_finite), 0, -1, -1);
    }
    // Means of counts have to be positive.
    OneFit counts{{0, 1, 2}, {4, 3, 2}, {}, {1, -1}, {}, {}, {}};
    counts.options.estimator = Estimator::poisson;
    e = counts.explained(make_fit_model(Polynomial<1>{}), Status::not_finite);
    expect_place(e, 1, -1, -1);
    EXPECT_NEAR(e.value, 0, 1e-12);
    counts.start = {-3, 0};
    e = counts.explained(make_fit_model(Polynomial<1>{}), Status::not_finite);
    expect_place(e, 0, -1, -1);
    EXPECT_NEAR(e.value, -3, 1e-12);
    // Finite at each point, but not their sum.
    OneFit large{{1, 1, 1}, {0, 0, 0}, {}, {1.3e19, 0}, {}, {}, {}};
    large.options.precision = BatchPrecision::single;
    e = large.explained(make_fit_model(Polynomial<1>{}), Status::not_finite);
    EXPECT_NE(e.message.find("single"), std::string::npos) << e.message;
}

TEST(BatchExplain, SingularNamesTheUndeterminedParameters) {
    OneFit fit{{0, 1, 1, 2}, {1, 2, 2.5, 5}, {}, {0, 0, 0, 0}, {}, {}, {}};
    BatchExplanation e = fit.explained(make_fit_model(Polynomial<3>{}), Status::singular);
    EXPECT_EQ(e.undetermined, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(e.parameter, -1);
    EXPECT_NE(e.message.find("parameters 1, 2 and 3"), std::string::npos) << e.message;
    // With parameter 3 fixed the others are determined.
    fit.options.fixed = {false, false, false, true};
    EXPECT_TRUE(
        fit.explained(make_fit_model(Polynomial<3>{}), Status::converged).undetermined.empty());
    // One parameter without influence.
    fit.options = {};
    fit.x = {0, 0, 0};
    fit.y = {1, 2, 3};
    fit.start = {0, 0};
    e = fit.explained(make_fit_model(Polynomial<1>{}), Status::singular);
    EXPECT_EQ(e.undetermined, std::vector<int>{1});
    EXPECT_EQ(e.parameter, 1);
}

TEST(BatchExplain, ParametersAtABoundAreListed) {
    OneFit fit{{0, 1, 2, 3}, {1, 2, 3, 5}, {}, {0, 0}, {-1, -1}, {9, 0.5}, {}};
    const BatchExplanation e = fit.explained(make_fit_model(Polynomial<1>{}), Status::converged);
    EXPECT_EQ(e.at_bound, std::vector<int>{1});
    EXPECT_NE(e.message.find("parameter 1 is at a bound"), std::string::npos) << e.message;
}

TEST(BatchExplain, TheBestStartAndTheRightProblemAreExplained) {
    const FitModel rooted = make_fit_model(Rooted{});
    // Problem 1 of 2, whose two starts both fail, for different reasons.
    const std::vector<double> x{1, 2, 3}, y{1, 2, 3, 1, 2, 3};
    const std::vector<double> start{1, 1, 1, 2, 1, -1, 1, -2};
    const BatchData<double> data{
        .problems = 2, .points = 3, .coordinates = x, .y = y, .start = start};
    BatchOptions options;
    options.starts = 2;
    options.threads = 1;
    const auto result = fit_batch(rooted, data, options);
    EXPECT_EQ(result.status[1], Status::not_finite);
    const BatchExplanation e = explain(rooted, data, options, result, 1);
    expect_place(e, 0, -1, -1);
    EXPECT_TRUE(std::isnan(e.value));
}

TEST(BatchErrors, NumbersThatAllProblemsShareAreNamed) {
    const FitModel line = make_fit_model(Polynomial<1>{});
    std::vector<double> x{0, 1, 2}, y{1, 2, 3, 1, 2, 3}, start{0, 0}, lower{-9, -9}, upper{9, 9};
    const BatchData<double> data{.problems = 2,
                                 .points = 3,
                                 .coordinates = x,
                                 .y = y,
                                 .start = start,
                                 .lower = lower,
                                 .upper = upper};
    const auto expect_named = [&](double& number, double wrong, const std::string& part) {
        const double kept = number;
        number = wrong;
        const std::string message = message_of<InvalidArgument>([&] { fit_batch(line, data); });
        EXPECT_NE(message.find(part), std::string::npos) << message;
        number = kept;
    };
    expect_named(x[2], nan, "number 0 of point 2 is nan");
    expect_named(start[1], infinity, "number 1 is inf");
    expect_named(lower[1], nan, "number 1 is nan");
    expect_named(upper[0], nan, "number 0 is nan");
    expect_named(lower[0], 10, "parameter 0 are crossed");
    EXPECT_EQ(fit_batch(line, data).count(Status::converged), 2);
}

#if CUNEWTON_WITH_CUDA
// ---- On the device.

class BatchResultsOnDeviceTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
};

template <class T>
void expect_close(const std::vector<T>& found, const std::vector<T>& wanted, double tolerance) {
    ASSERT_EQ(found.size(), wanted.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
        EXPECT_EQ(std::isnan(found[k]), std::isnan(wanted[k])) << k;
        if (!std::isnan(wanted[k])) {
            EXPECT_NEAR(found[k], wanted[k], tolerance * std::abs(static_cast<double>(wanted[k])))
                << k;
        }
    }
}

template <class T>
void statistics_stay_on_the_device(BatchOptions options) {
    Parabolas<T> fits(100);
    fits.y[5] = std::numeric_limits<T>::quiet_NaN();  // invalid data are no obstacle
    for (int j = 0; j < 3; ++j) fits.lower[30 + j] = -9, fits.upper[30 + j] = 9;
    fits.lower[31] = fits.upper[31] = T(0.5);
    fits.data.y = fits.y;
    fits.data.lower = fits.lower;
    fits.data.upper = fits.upper;
    const auto wanted = fit_batch(parabola(), fits.data, options);

    const std::size_t problems = 100;
    const OnDevice<T> x(fits.x), y(fits.y), start(fits.start), lower(fits.lower), upper(fits.upper);
    const BatchData<T> data{.problems = static_cast<long>(problems),
                            .points = fits.points,
                            .coordinates = x.array(),
                            .y = y.array(),
                            .start = start.array(),
                            .lower = lower.array(),
                            .upper = upper.array()};
    const ResultsOnDevice<T> found(problems, 3);
    const auto summary = fit_batch(parabola(), data, found.all(), options);
    EXPECT_EQ(summary.backend, "cuda") << summary.backend_reason;
    const double tolerance = sizeof(T) == 8 ? 1e-12 : 1e-5;
    EXPECT_EQ(found.at_bound.fetch(), wanted.at_bound);
    EXPECT_EQ(found.undetermined.fetch(), wanted.undetermined);
    EXPECT_EQ(found.status.fetch(), wanted.status);
    EXPECT_EQ(found.status.fetch()[0], Status::invalid_data);
    EXPECT_EQ(found.iterations.fetch(), wanted.iterations);
    EXPECT_EQ(found.degrees_of_freedom.fetch(), wanted.degrees_of_freedom);
    EXPECT_EQ(found.best_start.fetch(), std::vector<int>(problems, 0));
    expect_close(found.parameters.fetch(), wanted.parameters, 0);
    expect_close(found.objective.fetch(), wanted.objective, 0);
    expect_close(found.reduced_chi_square.fetch(), wanted.reduced_chi_square, 0);
    expect_close(found.covariance.fetch(), wanted.covariance, tolerance);
    expect_close(found.standard_errors.fetch(), wanted.standard_errors, tolerance);
    expect_close(found.condition_number.fetch(), wanted.condition_number, tolerance);
}

TEST_F(BatchResultsOnDeviceTest, AreTheHosts) {
    BatchOptions options = all_statistics();
    statistics_stay_on_the_device<double>(options);
    statistics_stay_on_the_device<float>(options);
    options.absolute_weights = true;
    statistics_stay_on_the_device<double>(options);
    options.fixed = {false, false, true};
    options.absolute_weights = false;
    statistics_stay_on_the_device<double>(options);
}

TEST_F(BatchResultsOnDeviceTest, OfSingularFitsNameTheSameParameters) {
    const std::vector<double> x{0, 1, 1, 2}, y{1, 2, 2.5, 5}, start{0, 0, 0, 0};
    const OnDevice<double> xs(x), ys(y), starts(start);
    const OnDevice<std::uint64_t> undetermined(1);
    const BatchData<double> data{.problems = 1,
                                 .points = 4,
                                 .coordinates = xs.array(),
                                 .y = ys.array(),
                                 .start = starts.array()};
    fit_batch(make_fit_model(Polynomial<3>{}), data, {.undetermined = undetermined.array()}, {});
    EXPECT_EQ(undetermined.fetch()[0], 0b1110u);
}
#endif

}  // namespace
}  // namespace cunewton::test
