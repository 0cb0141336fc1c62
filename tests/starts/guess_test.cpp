// Batches without a start: guesses and drawn starts.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/starts/models.h"
#include "tests/support/backends.h"
#include "tests/support/fit_cases.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

BatchOptions options_here() {
    BatchOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

class Guesses : public BackendTest {};
class DrawnStarts : public BackendTest {};

/// The share of problems whose objective is that of the fit from the truth, or lower.
template <class T>
double share_alike(const FitModel& model, BatchData<T> data, const std::vector<T>& truth,
                   const BatchOptions& options) {
    data.start = truth;
    const BatchResult<T> from_truth = fit_batch(model, data, options);
    data.start = {};
    const BatchResult<T> from_guess = fit_batch(model, data, options);
    long alike = 0;
    const double slack = sizeof(T) == 8 ? 1e-6 : 1e-3;
    for (long i = 0; i < data.problems; ++i)
        alike += double(from_guess.objective[i]) <= double(from_truth.objective[i]) * (1 + slack);
    return double(alike) / double(data.problems);
}

template <class T>
std::vector<T> truths_of(const FitData<T>& data) {
    std::vector<T> truth;
    for (const auto& p : data.truths)
        for (const auto value : p) truth.push_back(static_cast<T>(value));
    return truth;
}

template <class T>
void expect_minima(double noise, double wanted) {
    for (const FitCase& fit : fit_cases()) {
        FitDataOptions how;
        how.problems = testing_cuda() ? 20 : 200;
        how.noise = noise;
        how.spread = 0.2;
        how.seed = 11;
        const FitData<T> all(fit, how);
        const double share =
            share_alike<T>(fit.model(), all.data(), truths_of(all), options_here());
        // Three decays are told apart by hardly any data.
        const double least = fit.name == "ExponentialDecay<3>" ? 0.5 : wanted;
        EXPECT_GE(share, least) << fit.name << ", noise " << noise;
    }
}

TEST_F(Guesses, LeadToTheMinimum) {
    expect_minima<double>(0.05, 0.98);
}
TEST_F(Guesses, LeadToTheMinimumInSinglePrecision) {
    expect_minima<float>(0.05, 0.95);
}

TEST_F(Guesses, WeightsCountsAndBounds) {
    for (const char* name : {"Gaussian2D", "ExponentialDecay<1>", "Hill"}) {
        const FitCase& fit = fit_case(name);
        FitDataOptions how;
        how.problems = 20;
        how.noise = 0.05;
        how.weights = true;
        const FitData<double> weighted(fit, how);
        EXPECT_GE(
            share_alike<double>(fit.model(), weighted.data(), truths_of(weighted), options_here()),
            0.95)
            << name;
        BatchData<double> data = weighted.data();
        const std::vector<double> low = fit.truth;
        data.start = {};
        data.lower = low;
        const BatchResult<double> bounded = fit_batch(fit.model(), data, options_here());
        for (std::size_t k = 0; k < bounded.parameters.size(); ++k)
            EXPECT_GE(bounded.parameters[k], low[k % low.size()]) << name;
    }
}

// Whose weight is 0 is not looked at, whatever it is.
TEST_F(Guesses, PointsWithoutWeightDoNotCount) {
    const std::vector<double> x{0, 1, 2, 3, 4}, y{1, 3, nan, 7, 9}, w{1, 1, 0, 1, 1};
    BatchOptions options = options_here();
    options.max_iterations = 0;
    const BatchResult<double> at_start = fit_batch<double>(
        guessed_line(), {.problems = 1, .points = 5, .coordinates = x, .y = y, .weights = w},
        options);
    EXPECT_EQ(at_start.parameters, (std::vector<double>{4, 5}));
}

TEST_F(Guesses, AreOfEachProblemsOwnPoints) {
    const std::vector<double> x{0, 1, 2, 3, 4, 5}, y{1, 3, 5, 1, 2, 6};
    const std::vector<long> offsets{0, 4, 6};
    BatchOptions options = options_here();
    options.max_iterations = 0;
    const BatchResult<double> at_start = fit_batch<double>(
        guessed_line(), {.problems = 2, .points = 4, .offsets = offsets, .coordinates = x, .y = y},
        options);
    EXPECT_EQ(at_start.parameters, (std::vector<double>{4, 2.5, 2, 4}));
}

TEST_F(Guesses, AreWithinBounds) {
    const std::vector<double> x{0, 1, 2}, y{1, 3, 5}, low{-1, 3.5}, high{2, 10};
    BatchOptions options = options_here();
    options.max_iterations = 0;
    const BatchResult<double> at_start = fit_batch<double>(
        guessed_line(),
        {.problems = 1, .points = 3, .coordinates = x, .y = y, .lower = low, .upper = high},
        options);
    EXPECT_EQ(at_start.parameters, (std::vector<double>{2, 3.5}));
}

// Code for coordinates that all problems share, without weights, is code of its own.
TEST_F(Guesses, DoNotDependOnHowCoordinatesAreGiven) {
    for (const FitCase& fit : fit_cases()) {
        FitDataOptions how;
        how.problems = 37;  // no multiple of the lanes
        how.noise = 0.05;
        const FitData<double> all(fit, how);
        BatchData<double> data = all.data();
        data.start = {};
        BatchOptions options = options_here();
        options.max_iterations = 0;
        const auto guesses = [&] { return fit_batch(fit.model(), data, options).parameters; };
        const std::vector<double> shared = guesses();
        const std::vector<double> weights(all.y.size(), 1.0);
        data.weights = weights;
        const std::vector<double> weighted = guesses();
        std::vector<double> repeated;
        for (long i = 0; i < data.problems; ++i)
            repeated.insert(repeated.end(), all.coordinates.begin(), all.coordinates.end());
        data.coordinates = repeated;
        data.weights = {};
        const std::vector<double> own = guesses();
        std::vector<long> offsets;
        for (long i = 0; i <= data.problems; ++i) offsets.push_back(i * data.points);
        data.offsets = offsets;
        const std::vector<double> counted = guesses();
        ASSERT_EQ(shared.size(), static_cast<std::size_t>(37 * fit.parameters()));
        for (std::size_t k = 0; k < shared.size(); ++k) {
            const double slack = 1e-9 * std::abs(shared[k]) + 1e-12;
            EXPECT_NEAR(weighted[k], shared[k], slack) << fit.name << " " << k;
            EXPECT_NEAR(own[k], shared[k], slack) << fit.name << " " << k;
            EXPECT_NEAR(counted[k], shared[k], slack) << fit.name << " " << k;
        }
    }
}

/// The start of one curve.
std::vector<double> start_of(const std::string& name, const std::vector<double>& x,
                             const std::vector<double>& y) {
    BatchOptions options = options_here();
    options.max_iterations = 0;
    return fit_batch<double>(
               fit_case(name).model(),
               {.problems = 1, .points = static_cast<int>(y.size()), .coordinates = x, .y = y},
               options)
        .parameters;
}

// In other units of y and of x the guess is the same one in those units; and it does not depend on
// the order of the points.
TEST_F(Guesses, DoNotDependOnUnitsOrOrder) {
    struct Units {
        const char* name;
        std::vector<int> y, x;  // powers of the units in the parameters
    };
    const std::vector<Units> cases{{"Gaussian1D", {1, 0, 0, 1}, {0, 1, 1, 0}},
                                   {"Lorentzian", {1, 0, 0, 1}, {0, 1, 1, 0}},
                                   {"PseudoVoigt", {1, 0, 0, 0, 1}, {0, 1, 1, 0, 0}},
                                   {"ExponentialDecay<1>", {1, 0, 1}, {0, -1, 0}},
                                   {"ExponentialDecay<2>", {1, 0, 1, 0, 1}, {0, -1, 0, -1, 0}},
                                   {"LogisticGrowth", {1, 0, 0}, {0, -1, 1}},
                                   {"MichaelisMenten", {1, 0}, {0, 1}},
                                   {"Hill", {1, 0, 0}, {0, 1, 0}},
                                   {"Sine", {1, 0, 0, 1}, {0, -1, 0, 0}}};
    for (const Units& units : cases) {
        const FitData<double> data(fit_case(units.name), {.problems = 1, .noise = 0.05});
        const std::vector<double>& x = data.coordinates;
        const std::vector<double>& y = data.y;
        const std::vector<double> start = start_of(units.name, x, y);
        std::vector<double> x2 = x, y2 = y;
        for (double& value : x2) value *= 1000;
        for (double& value : y2) value *= 1e-4;
        std::reverse(x2.begin(), x2.end());
        std::reverse(y2.begin(), y2.end());
        const std::vector<double> other = start_of(units.name, x2, y2);
        for (std::size_t j = 0; j < start.size(); ++j) {
            const double scaled =
                start[j] * std::pow(1000.0, units.x[j]) * std::pow(1e-4, units.y[j]);
            EXPECT_NEAR(other[j], scaled, 1e-8 * std::abs(scaled) + 1e-300)
                << units.name << " parameter " << j;
        }
    }
}

// The factor's unit is y's over x's to a power that is not known beforehand.
TEST_F(Guesses, OfAPowerDoNotDependOnUnitsOrOrderEither) {
    std::vector<double> x, y, x2, y2;
    for (int i = 1; i <= 12; ++i) {
        x.push_back(0.3 * i);
        y.push_back(2 * std::pow(0.3 * i, 1.7) - 9 + 0.3 * (i % 3));
        x2.insert(x2.begin(), 1000 * x.back());
        y2.insert(y2.begin(), 1e-4 * y.back());
    }
    const std::vector<double> start = start_of("PowerLaw", x, y),
                              other = start_of("PowerLaw", x2, y2);
    EXPECT_NEAR(other[0], 1e-4 * std::pow(1000, -start[1]) * start[0], 1e-9 * std::abs(other[0]));
    EXPECT_NEAR(other[1], start[1], 1e-9);
    EXPECT_NEAR(other[2], 1e-4 * start[2], 1e-12);
}

// Of few points, unevenly placed over log(x), within whatever range, with an offset or none.
TEST_F(Guesses, OfPowersLeadToTheMinimum) {
    struct Range {
        double from, to;
    };
    const FitModel model = fit_case("PowerLaw").model();
    for (const Range range : {Range{1.3, 1.7}, Range{0.1, 3}, Range{0, 40}})
        for (const double power : {-2.0, -0.4, 0.5, 1.0, 3.9})
            for (const double factor : {2.0, -0.7})
                for (const double offset : {0.0, 4.0, -6.0}) {
                    if (power < 0 && range.from == 0) continue;
                    constexpr int points = 7;
                    std::vector<double> x, y;
                    double scale = 0;
                    for (int i = 0; i < points; ++i) {
                        x.push_back(range.from + (range.to - range.from) * i / (points - 1));
                        const double base = x.back() == 0 ? 0 : std::pow(x.back(), power);
                        y.push_back(factor * base + offset);
                        scale = std::max(scale, std::abs(factor * base));
                    }
                    const BatchResult<double> fit = fit_batch<double>(
                        model, {.problems = 1, .points = points, .coordinates = x, .y = y},
                        options_here());
                    EXPECT_EQ(fit.status[0], Status::converged);
                    EXPECT_LT(fit.objective[0], 1e-12 * scale * scale)
                        << "x from " << range.from << " to " << range.to << ": " << factor << " x^"
                        << power << " + " << offset;
                }
}

TEST_F(Guesses, OfDipsAndRisingDecays) {
    std::vector<double> x, dip, rise, peak;
    for (int i = 0; i < 40; ++i) {
        x.push_back(0.25 * i);
        dip.push_back(9 - 4 * std::exp(-0.5 * std::pow((x[i] - 6) / 1.5, 2)));
        peak.push_back(9 + 4 * std::exp(-0.5 * std::pow((x[i] - 6) / 3.5, 2)));
        rise.push_back(5 - 3 * std::exp(-0.6 * x[i]));
    }
    const auto fit = [&](const char* name, const std::vector<double>& y) {
        return fit_batch<double>(fit_case(name).model(),
                                 {.problems = 1, .points = 40, .coordinates = x, .y = y},
                                 options_here())
            .parameters;
    };
    const auto expect = [](const std::vector<double>& p, const std::vector<double>& wanted) {
        for (std::size_t j = 0; j < p.size(); ++j) EXPECT_NEAR(p[j], wanted[j], 1e-5) << j;
    };
    expect(fit("Gaussian1D", dip), {-4, 6, 1.5, 9});
    expect(fit("Gaussian1D", peak), {4, 6, 3.5, 9});
    expect(fit("ExponentialDecay<1>", rise), {-3, 0.6, 5});
}

// Evenly spaced points cannot tell frequencies beyond half of their own from lower ones.
TEST_F(Guesses, OfFewPointsOfAWaveAreTheLowestFrequency) {
    const FitModel model = fit_case("Sine").model();
    for (const int points : {6, 8, 10, 17})
        for (const double periods : {0.5, 1.0, 1.5, 2.3, 3.0}) {
            if (periods >= 0.5 * (points - 1)) continue;
            const double omega = 2 * std::acos(-1.0) * periods / 10;
            std::vector<double> x, y;
            for (int i = 0; i < points; ++i) {
                x.push_back(10.0 * i / (points - 1));
                y.push_back(3 * std::sin(omega * x.back() + 0.4) + 1);
            }
            const BatchResult<double> fit = fit_batch<double>(
                model, {.problems = 1, .points = points, .coordinates = x, .y = y}, options_here());
            EXPECT_EQ(fit.status[0], Status::converged);
            EXPECT_NEAR(fit.parameters[1], omega, 1e-6) << points << " points, " << periods;
        }
}

/// Sums of decays over x from 0 to 10 whose rates are anything from 0.05 to 5.
struct ManyDecays {
    std::vector<double> x, y, truth;
    ManyDecays(int terms, long problems, double noise) {
        std::mt19937_64 draw(7);
        std::uniform_real_distribution<double> uniform;
        std::normal_distribution<double> normal;
        for (int i = 0; i < 60; ++i) x.push_back(i / 6.0);
        for (long c = 0; c < problems; ++c) {
            double top = 0;
            const std::size_t p = truth.size();
            for (int k = 0; k < terms; ++k) {
                truth.push_back(0.3 + uniform(draw));
                top += truth.back();
                truth.push_back(0.05 * std::pow(100, uniform(draw)));
            }
            truth.push_back(uniform(draw));
            for (const double at : x) {
                double value = truth.back();
                for (int k = 0; k < terms; ++k)
                    value += truth[p + 2 * k] * std::exp(-truth[p + 2 * k + 1] * at);
                y.push_back(value + noise * top * normal(draw));
            }
        }
    }
};

// The minimum near the truth is often a local one.
TEST_F(Guesses, OfDecaysOfAnyRatesLeadAsFarAsTheTruthAndFarther) {
    for (const int terms : {2, 3}) {
        const long problems = 40;
        const ManyDecays decays(terms, problems, 0.05);
        const FitModel model = fit_case("ExponentialDecay<" + std::to_string(terms) + ">").model();
        BatchData<double> data{
            .problems = problems, .points = 60, .coordinates = decays.x, .y = decays.y};
        const BatchResult<double> guessed = fit_batch(model, data, options_here());
        data.start = decays.truth;
        const BatchResult<double> near_truth = fit_batch(model, data, options_here());
        int as_far = 0, farther = 0;
        for (long i = 0; i < problems; ++i) {
            as_far += guessed.objective[i] <= 1.001 * near_truth.objective[i];
            farther += guessed.objective[i] < 0.999 * near_truth.objective[i];
        }
        EXPECT_GE(as_far, 33) << terms;
        EXPECT_GE(farther, terms == 2 ? 4 : 10) << terms;
    }
}

TEST_F(Guesses, OfGrowthAreThoseOfDecaysInAMirror) {
    std::vector<double> x, mirrored, y;
    for (int i = 0; i < 40; ++i) {
        x.push_back(0.1 + 0.25 * i);
        mirrored.push_back(-x.back());
        y.push_back(5 * std::exp(-0.4 * x[i]) + 4 * std::exp(-3 * x[i]) + 2 + 0.03 * (i % 3));
    }
    const auto fit = [&](const std::vector<double>& at) {
        return fit_batch<double>(fit_case("ExponentialDecay<2>").model(),
                                 {.problems = 1, .points = 40, .coordinates = at, .y = y},
                                 options_here());
    };
    const BatchResult<double> decays = fit(x), grows = fit(mirrored);
    EXPECT_EQ(decays.status[0], Status::converged);
    EXPECT_EQ(grows.status[0], Status::converged);
    for (int j = 0; j < 5; ++j) {
        const double sign = j == 1 || j == 3 ? -1 : 1;
        EXPECT_NEAR(grows.parameters[j], sign * decays.parameters[j], 1e-4) << j;
    }
}

// All of the change is within the first interval or two, or the last.
TEST_F(Guesses, OfFastDecayAndFastGrowth) {
    for (const double rate : {20.0, 4.0, 0.5, -0.5, -4.0, -20.0}) {
        std::vector<double> x, y;
        for (int i = 0; i <= 40; ++i) {
            x.push_back(rate > 0 ? 0.125 * i : -0.125 * i);
            y.push_back(3 * std::exp(-rate * x.back()) + 2);
        }
        const BatchResult<double> fit = fit_batch<double>(
            fit_case("ExponentialDecay<1>").model(),
            {.problems = 1, .points = 41, .coordinates = x, .y = y}, options_here());
        EXPECT_EQ(fit.status[0], Status::converged) << rate;
        EXPECT_NEAR(fit.parameters[1], rate, 1e-5 * std::abs(rate));
    }
}

// What is outside of a peak that the range cuts off is narrower than the peak, and no dip.
TEST_F(Guesses, OfAWidePeakIsNotADip) {
    for (const double sign : {1.0, -1.0})
        for (const double center : {2.4, 4.0, 7.3}) {
            std::vector<double> x, y;
            for (int i = 0; i < 10; ++i) {
                x.push_back(10.0 * i / 9);
                y.push_back(sign * std::exp(-0.5 * std::pow((x.back() - center) / 2.7, 2)));
            }
            const BatchResult<double> fit = fit_batch<double>(
                fit_case("Gaussian1D").model(),
                {.problems = 1, .points = 10, .coordinates = x, .y = y}, options_here());
            EXPECT_NEAR(fit.parameters[0], sign, 1e-5) << center;
            EXPECT_NEAR(fit.parameters[1], center, 1e-5);
        }
}

TEST_F(Guesses, OfConstantDataAndFewPointsAreFinite) {
    for (const FitCase& fit : fit_cases()) {
        const int points = fit.parameters();
        std::vector<double> x(fit.x.begin(), fit.x.begin() + points * fit.coordinates);
        for (const double value : {0.0, 2.0}) {
            const std::vector<double> y(static_cast<std::size_t>(points), value);
            for (const double p : start_of(fit.name, x, y))
                EXPECT_TRUE(std::isfinite(p)) << fit.name;
        }
    }
}

// A mean that is negative would be rejected.
TEST_F(Guesses, OfCountsArePositive) {
    for (const char* name : {"Gaussian1D", "Gaussian2D", "ExponentialDecay<1>", "Lorentzian",
                             "LogisticGrowth", "Polynomial<1>", "DiffusionTensor", "PowerLaw"}) {
        FitDataOptions how;
        how.problems = 20;
        how.counts = true;
        how.scale = 20;
        FitCase fit = fit_case(name);
        if (std::string(name) == "Polynomial<1>") fit.truth = {4, 1};
        const FitData<double> data(fit, how);
        BatchData<double> counts = data.data();
        counts.start = {};
        BatchOptions options = options_here();
        options.estimator = Estimator::poisson;
        const BatchResult<double> result = fit_batch(fit.model(), counts, options);
        EXPECT_EQ(result.count(Status::not_finite), 0) << name;
        EXPECT_GE(result.count(Status::converged), 19) << name;
    }
}

TEST_F(Guesses, Misuse) {
    const std::vector<double> x{0, 1, 2}, y{1, 3, 5};
    const BatchData<double> data{.problems = 1, .points = 3, .coordinates = x, .y = y};
    BatchOptions options = options_here();
    options.starts = 2;
    EXPECT_NE(
        message_of<InvalidArgument>([&] { fit_batch(guessed_line(), data, options); }).find("draw"),
        std::string::npos);
    options.starts = 1;
    options.fixed = {true, false};
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  fit_batch(guessed_line(), data, options);
              }).find("bounds that are equal"),
              std::string::npos);
    options.fixed = {};
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  fit_batch(fenced_model(), data, options);
              }).find("guess()"),
              std::string::npos);
}

TEST_F(DrawnStarts, FindTheGlobalMinimum) {
    const std::vector<double> low{-3, -2}, high{3, 2};
    for (const StartsBy by : {StartsBy::sobol, StartsBy::latin_hypercube}) {
        BatchOptions options = options_here();
        options.starts = 32;
        options.draw = by;
        const BatchResult<double> result = minimize_batch<double>(
            camel_objective(), {.problems = 40, .lower = low, .upper = high}, options);
        for (long i = 0; i < 40; ++i) {
            EXPECT_NEAR(result.objective[i], -1.0316284534898774, 1e-12);
            // All problems have the same starts.
            EXPECT_EQ(result.best_start[i], result.best_start[0]);
        }
    }
}

TEST_F(DrawnStarts, LieBetweenEachProblemsBounds) {
    // x = low is the first point of the sequence itself.
    const std::vector<double> low{-3, -2, 1, 1}, high{3, 2, 2, 3};
    BatchOptions options = options_here();
    options.draw = StartsBy::sobol;
    options.seed = 0;
    options.max_iterations = 0;
    const BatchResult<double> result = minimize_batch<double>(
        camel_objective(), {.problems = 2, .lower = low, .upper = high}, options);
    EXPECT_EQ(result.parameters, low);
}

// Starts are the same numbers whatever the chunk, the threads and the backend are.
TEST_F(DrawnStarts, AreTheSameBits) {
    const std::vector<double> low{-3.1, -2.3}, high{2.9, 1.7};
    const BatchData<double> data{.problems = 100, .lower = low, .upper = high};
    BatchOptions options = options_here();
    options.draw = StartsBy::latin_hypercube;
    options.seed = 5;
    options.max_iterations = 0;
    const std::vector<double> here = minimize_batch(camel_objective(), data, options).parameters;
    options.chunk = 64;
    options.threads = 1;
    EXPECT_EQ(minimize_batch(camel_objective(), data, options).parameters, here);
    options.backend = BackendChoice::cpu;
    EXPECT_EQ(minimize_batch(camel_objective(), data, options).parameters, here);
    options.seed = 6;
    EXPECT_NE(minimize_batch(camel_objective(), data, options).parameters, here);
}

TEST_F(DrawnStarts, Misuse) {
    BatchOptions options = options_here();
    options.draw = StartsBy::sobol;
    const std::vector<double> low{-3, -2}, high{3, std::numeric_limits<double>::infinity()};
    const auto message = [&](const BatchData<double>& data) {
        return message_of<InvalidArgument>(
            [&] { minimize_batch(camel_objective(), data, options); });
    };
    EXPECT_NE(message({.problems = 1}).find("no bounds"), std::string::npos);
    EXPECT_NE(message({.problems = 2, .lower = low, .upper = high}).find("parameter 1 is inf"),
              std::string::npos);
    EXPECT_NE(message({.problems = 1, .start = low, .lower = low, .upper = low}).find("given"),
              std::string::npos);
    options.fixed = {true, false};
    EXPECT_NE(message({.problems = 1, .lower = low, .upper = low}).find("fixed"),
              std::string::npos);
    // Of one problem of several it is its status.
    options.fixed = {};
    const std::vector<double> lows{-3, -2, -3, -2}, highs{3, 2, 3, high[1]};
    const BatchResult<double> result = minimize_batch<double>(
        camel_objective(), {.problems = 2, .lower = lows, .upper = highs}, options);
    EXPECT_EQ(result.status[0], Status::converged);
    EXPECT_EQ(result.status[1], Status::invalid_data);
}

}  // namespace
}  // namespace cunewton::test
