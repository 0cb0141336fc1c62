// Whether fits end where they should, and say so: steps that bounds cut, parameters without
// influence, redundant ones, ones that run away, counts where the model is 0, and ordinary noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/fit.h"
#include "tests/support/batch_checks.h"
#include "tests/support/fit_cases.h"
#include "tests/support/reals.h"
#include "tests/support/small_models.h"

namespace cunewton::test {
namespace {

using fit_oracle::Real;
using fit_oracle::Vector;

template <class T>
class FitStatusTest : public BackendTest {};
TYPED_TEST_SUITE(FitStatusTest, Reals, RealName);

template <class T>
struct OneFit {
    Status status;
    std::vector<double> p;
    double f;
    int iterations;
};

/// One problem.
template <class T>
OneFit<T> fit_one(const FitModel& model, const std::vector<double>& x, const std::vector<double>& y,
                  const std::vector<double>& start, const BatchOptions& options,
                  const std::vector<double>& lower = {}, const std::vector<double>& upper = {}) {
    const auto as = [](const std::vector<double>& v) { return std::vector<T>(v.begin(), v.end()); };
    const std::vector<T> xs = as(x), ys = as(y), starts = as(start), low = as(lower),
                         high = as(upper);
    const BatchData<T> data{.problems = 1,
                            .points = static_cast<int>(y.size()),
                            .coordinates = xs,
                            .y = ys,
                            .start = starts,
                            .lower = low,
                            .upper = high};
    const BatchResult<T> result = fit_batch(model, data, options);
    return {result.status[0],
            {result.parameters.begin(), result.parameters.end()},
            static_cast<double>(result.objective[0]),
            result.iterations[0]};
}
template <class T>
OneFit<T> fit_one(const FitModel& model, const std::vector<double>& x, const std::vector<double>& y,
                  const std::vector<double>& start) {
    return fit_one<T>(model, x, y, start, batch_options());
}

// ---- Bounds.

// The sum falls monotonically towards a bound; the step in t is that at the bound.
TYPED_TEST(FitStatusTest, AFitThatEndsAtABoundGoesThere) {
    using T = TypeParam;
    const std::vector<double> x{10, 20, 40, 60, 80, 100, 120, 160}, y{300, 0, 0, 0, 0, 0, 0, 0};
    struct Case {
        double bound, t, f;
    };
    for (const Case& c : {Case{1e3, 7.49125184, 6176.3007743}, Case{1e4, 2.85034287, 80.71002900},
                          Case{1e5, 1.72141898, 0.8099708417}})
        for (const std::vector<double>& start :
             {std::vector<double>{300, 50}, {99990, 1.7215}, {1, 1}, {0, 2000}}) {
            SCOPED_TRACE(std::to_string(c.bound) + ", start " + std::to_string(start[0]));
            const OneFit<T> fit = fit_one<T>(small_model(DecayTime{}), x, y, start, batch_options(),
                                             {0, 1}, {c.bound, 2000});
            if (start[0] == 0) {
                // Where a = 0 nothing is known of t: either end is true.
                EXPECT_TRUE(fit.status == Status::converged || fit.status == Status::singular);
                continue;
            }
            EXPECT_EQ(fit.status, Status::converged) << to_string(fit.status);
            EXPECT_EQ(fit.p[0], c.bound);
            EXPECT_NEAR(fit.p[1], c.t, 1e-8 * c.t + 512 * epsilon<T> * c.t);
            EXPECT_NEAR(fit.f, c.f, 1e-9 * c.f + 1024 * epsilon<T> * std::sqrt(c.f) * 300);
        }
}

/// The least of the sums over all faces of the box, by the oracle; `active` tells its face.
Vector best_in_box(const fit_oracle::Problem& problem, const Vector& near, const Vector& low,
                   const Vector& high, std::vector<bool>& active) {
    const int n = static_cast<int>(near.size());
    int faces = 1;
    for (int j = 0; j < n; ++j) faces *= 3;
    Real least = std::numeric_limits<Real>::infinity();
    Vector best;
    for (int face = 0; face < faces; ++face) {
        Vector start = near;
        std::vector<bool> held(n);
        bool exists = true;
        for (int j = 0, code = face; j < n; ++j, code /= 3) {
            if (code % 3 == 0) continue;
            held[j] = true;
            start[j] = code % 3 == 1 ? low[j] : high[j];
            exists = exists && std::isfinite(start[j]);
        }
        if (!exists) continue;
        bool arrived = true;
        const Vector p = std::find(held.begin(), held.end(), false) == held.end()
                             ? start
                             : fit_oracle::minimiser(problem, start, held, arrived);
        bool inside = arrived;
        for (int j = 0; j < n; ++j) inside = inside && p[j] >= low[j] && p[j] <= high[j];
        if (!inside) continue;
        const Real f = fit_oracle::objective(problem, p);
        if (f < least) {
            least = f;
            best = p;
            active = held;
        }
    }
    return best;
}

// Boxes that cut the optimum on one side, on several, in corners; one-sided; with the start in a
// corner; with a bound at the optimum itself; around the optimum, out of the way.
TYPED_TEST(FitStatusTest, FitsInBoxesAreTheBestOfAllFaces) {
    using T = TypeParam;
    FitData<T> data(fit_case("ExponentialDecay<1>"),
                    {.problems = 48, .noise = 0.0625, .spread = 0.2});
    const int n = 3;
    Random random(7);
    data.start.clear();
    std::vector<Vector> free_optimum;
    for (long i = 0; i < data.problems; ++i) {
        bool arrived = false;
        free_optimum.push_back(fit_oracle::minimiser(data.oracle(i), data.truths[i], {}, arrived));
        ASSERT_TRUE(arrived);
        for (int j = 0; j < n; ++j) {
            const double best = double(free_optimum[i][j]), size = std::abs(best) * 0.5;
            const double u = random.uniform(), v = random.uniform();
            double low = -INFINITY, high = INFINITY;
            switch ((i / (j == 0 ? 1 : j == 1 ? 4 : 3)) % 4) {
                case 0:
                    low = best - size * u, high = best + size * v;
                    break;
                case 1:
                    low = best + size * (0.1 + u) / 4;
                    break;
                case 2:
                    high = best - size * (0.1 + u) / 4, low = high - size;
                    break;
                default:
                    if (i % 8 == 7) low = best;
            }
            const double start = i % 3 == 0   ? (std::isfinite(low) ? low : best)
                                 : i % 3 == 1 ? (std::isfinite(high) ? high : best)
                                              : best * (1 + 0.3 * (u - v));
            data.lower.push_back(static_cast<T>(low));
            data.upper.push_back(static_cast<T>(high));
            data.start.push_back(static_cast<T>(start));
        }
    }
    const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
    int cut = 0, corners = 0;
    for (long i = 0; i < data.problems; ++i) {
        SCOPED_TRACE(i);
        EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
        EXPECT_LE(result.iterations[i], 60);
        const Vector low(data.lower.begin() + i * n, data.lower.begin() + (i + 1) * n);
        const Vector high(data.upper.begin() + i * n, data.upper.begin() + (i + 1) * n);
        std::vector<bool> active;
        const fit_oracle::Problem oracle = data.oracle(i);
        const Vector exact = best_in_box(oracle, free_optimum[i], low, high, active);
        ASSERT_EQ(static_cast<int>(exact.size()), n);
        const long bound = std::count(active.begin(), active.end(), true);
        cut += bound > 0;
        corners += bound == n;
        const Vector p = wide_parameters_of(result, i);
        for (int j = 0; j < n; ++j) {
            EXPECT_GE(p[j], low[j]);
            EXPECT_LE(p[j], high[j]);
        }
        const Real f = fit_oracle::objective(oracle, exact);
        if (bound == n) {
            for (int j = 0; j < n; ++j) EXPECT_EQ(double(p[j]), double(exact[j])) << j;
            continue;
        }
        expect_parameters(
            result, i, exact,
            fit_tolerance(oracle, exact, active, epsilon<T>, default_tolerance(epsilon<T>)));
        EXPECT_LE(double(fit_oracle::objective(oracle, p)), double(f) * (1 + 1e-6));
    }
    EXPECT_GE(cut, 20);
    EXPECT_GE(corners, 2);
}

// ---- Units.

TYPED_TEST(FitStatusTest, UnitsDoNotMatterWithinBounds) {
    using T = TypeParam;
    Random random(3);
    for (int repeat = 0; repeat < 40; ++repeat) {
        FitData<T> data(fit_case("ExponentialDecay<1>"),
                        {.problems = 6, .noise = 0.125, .spread = 0.1, .seed = 1u + repeat});
        const auto power = [&](int most) {
            return static_cast<int>(std::floor((2 * random.uniform() - 1) * most));
        };
        const int of_y = power(30), of_x = power(30);
        SCOPED_TRACE("y in units of 2^" + std::to_string(of_y) + ", x of 2^" +
                     std::to_string(of_x));
        for (const double truth : data.fit.truth) {
            const double u = random.uniform(), v = random.uniform();
            data.lower.push_back(static_cast<T>(truth * (0.6 + 0.5 * u)));
            data.upper.push_back(static_cast<T>(truth * (1.1 + 0.3 * v)));
        }
        const FitModel model = data.fit.model();
        const BatchResult<T> usual = fit_batch(model, data.data(), batch_options());
        EXPECT_EQ(usual.count(Status::converged), 6);
        const auto unit = [&](std::size_t j) { return j % 3 == 1 ? -of_x : of_y; };
        FitData<T> other = data;
        for (T& y : other.y) y = std::ldexp(y, of_y);
        for (T& x : other.coordinates) x = std::ldexp(x, of_x);
        for (std::vector<T>* numbers : {&other.start, &other.lower, &other.upper})
            for (std::size_t j = 0; j < numbers->size(); ++j)
                (*numbers)[j] = std::ldexp((*numbers)[j], unit(j));
        const BatchResult<T> result = fit_batch(model, other.data(), batch_options());
        EXPECT_EQ(result.status, usual.status);
        EXPECT_EQ(result.iterations, usual.iterations);
        for (std::size_t j = 0; j < usual.parameters.size(); ++j)
            ASSERT_EQ(result.parameters[j], std::ldexp(usual.parameters[j], unit(j))) << j;
        for (std::size_t i = 0; i < usual.objective.size(); ++i)
            ASSERT_EQ(result.objective[i], std::ldexp(usual.objective[i], 2 * of_y)) << i;
    }
}

// ---- Parameters without influence, for now or for ever.

// The derivative by k is 1e-20 where it starts; that must not hold the others, nor k for long.
TYPED_TEST(FitStatusTest, ADerivativeOfNearlyZeroHoldsNobodyBack) {
    using T = TypeParam;
    std::vector<double> x;
    for (int i = 16; i >= 0; --i) x.push_back(50 * i);
    const std::vector<double> y{0.0290073021087, 0.0555646715288, 0.106436396964, 0.203883264078,
                                0.390546716694,  0.748108181465,  1.43303176612,  2.74503085727,
                                5.258218684,     10.0723325771,   19.2939642948,  36.9583763602,
                                70.7952788921,   135.611247219,   259.768880922,  497.597897513,
                                953.169089118};
    for (const std::vector<double>& start :
         {std::vector<double>{1, 1, 1}, {1, 1, 0}, {1, 0.5, 1}, {1, 0.2, 1}, {1, 0.1, 1}}) {
        const OneFit<T> fit = fit_one<T>(fit_case("ExponentialDecay<1>").model(), x, y, start);
        EXPECT_EQ(fit.status, Status::converged) << to_string(fit.status);
        EXPECT_NEAR(fit.p[0], 953.1690891, 1e-6 + 16 * epsilon<T> * 953);
        EXPECT_NEAR(fit.p[1], 0.013, 1e-11 + 64 * epsilon<T> * 0.013);
        EXPECT_NEAR(fit.p[2], 0, 1e-10 + 256 * epsilon<T>);
        EXPECT_LE(fit.iterations, 120);
    }
}

TYPED_TEST(FitStatusTest, RedundantParametersAreSingularFromEverywhere) {
    using T = TypeParam;
    const std::vector<double> x{0, 1, 2, 3, 4}, y{255, 349, 449, 554, 658};
    for (const std::vector<double>& start : {std::vector<double>{100, 0.1, 0},
                                             {1, 1, 1},
                                             {1, 0.2, 5},
                                             {200, 0.2, 0.1},
                                             {1, 0, 0},
                                             {10, 0, -3},
                                             {1000, 0.3, -1}}) {
        SCOPED_TRACE(std::to_string(start[0]) + " " + std::to_string(start[1]));
        const OneFit<T> fit = fit_one<T>(small_model(ScaledGrowth{}), x, y, start);
        EXPECT_EQ(fit.status, Status::singular) << to_string(fit.status);
        EXPECT_NEAR(fit.p[0] * std::exp(fit.p[2]), 277.687165, 1e-5 + 1024 * epsilon<T> * 277);
        EXPECT_NEAR(fit.p[1], 0.221180933, 1e-8 + 1024 * epsilon<T>);
        EXPECT_NEAR(fit.f, 1238.332776, 1e-6 + 64 * epsilon<T> * 1238);
        EXPECT_LE(fit.iterations, 30);
    }
}

// A constant says nothing of a time of decay but that it is long; nor does a constant curve of
// what it takes to get there.
TYPED_TEST(FitStatusTest, ParametersThatRunAwayAreSingular) {
    using T = TypeParam;
    std::vector<double> x, y(20, 100);
    for (int i = 1; i <= 20; ++i) x.push_back(5 * i);
    for (const std::vector<double>& start : {std::vector<double>{90, 50}, {200, 10}, {1, 1000}}) {
        const OneFit<T> fit = fit_one<T>(small_model(DecayTime{}), x, y, start);
        EXPECT_EQ(fit.status, Status::singular) << to_string(fit.status) << ", t " << fit.p[1];
        EXPECT_NEAR(fit.p[0], 100, 1e-8 + 128 * epsilon<T> * 100);
    }
    for (const double q : {1.0, 100.0}) {
        const OneFit<T> fit = fit_one<T>(small_model(Saturation{}), {10, 30, 50, 70, 100, 125},
                                         {155, 250, 270, 330, 320, 323}, {q, 0.5});
        // The minimum, 920.616411 at (366.277766, 0.0721022753), is on the other side of infinity.
        EXPECT_EQ(fit.status, Status::singular) << to_string(fit.status);
        EXPECT_NEAR(fit.f, 22403.33, 5);
    }
}

// ---- Counts where the model is 0.

TYPED_TEST(FitStatusTest, ABackgroundOfZeroIsLeft) {
    using T = TypeParam;
    const std::vector<int> counts{
        0,  1,  0,  0,  1, 1, 0, 0, 0, 0, 0,  0,  0,  2, 1, 0, 0, 0, 0, 0, 0,  1,  0,  0,  0,
        0,  0,  0,  0,  0, 0, 1, 0, 1, 1, 1,  0,  0,  1, 0, 0, 0, 0, 0, 1, 1,  0,  0,  0,  0,
        0,  0,  0,  0,  1, 0, 0, 1, 0, 2, 0,  0,  0,  1, 0, 2, 0, 1, 0, 1, 0,  0,  1,  0,  0,
        0,  1,  0,  0,  1, 4, 3, 5, 4, 0, 0,  0,  0,  1, 0, 0, 1, 1, 0, 5, 12, 12, 19, 10, 4,
        3,  1,  0,  0,  0, 0, 0, 0, 0, 3, 13, 28, 28, 9, 0, 3, 0, 0, 0, 0, 1,  1,  0,  2,  3,
        15, 22, 17, 12, 3, 0, 0, 0, 0, 0, 0,  1,  0,  0, 1, 5, 6, 6, 5, 2, 1,  0,  1,  0,  0,
        0,  0,  1,  0,  0, 2, 3, 6, 3, 0, 0,  0,  1,  0, 0, 0, 0, 2, 0, 2, 1,  1,  0,  1,  0,
        0,  0,  1,  1,  1, 0, 0, 0, 0, 0, 0,  0,  3,  0, 0, 0, 0, 0, 0, 0, 1,  0,  0,  0,  0,
        0,  0,  0,  0,  0, 1, 0, 0, 0, 2, 1,  0,  0,  1, 0, 0, 0, 0, 0, 1, 1,  0,  1,  0,  0};
    const std::vector<double> y(counts.begin(), counts.end());
    std::vector<double> x;
    for (int i = 0; i < 225; ++i) x.insert(x.end(), {double(i % 15), double(i / 15)});
    BatchOptions options = batch_options();
    options.estimator = Estimator::poisson;
    const double right[] = {26.42491602, 6.459913997, 7.230875552, 1.276926061, 0.2945649300};
    for (const bool bounded : {false, true})
        for (const double width : {0.25, 0.3, 0.5, 0.7, 1.0, 2.0, 3.0})
            for (const double background : {0.0, 1e-6, 1e-3, 0.3}) {
                SCOPED_TRACE("width " + std::to_string(width) + ", background " +
                             std::to_string(background) + (bounded ? ", bounded" : ""));
                if (width != 1 && background > 0) continue;
                std::vector<double> lower, upper;
                if (bounded) {
                    lower = {-INFINITY, -INFINITY, -INFINITY, 0.25, 0};
                    upper.assign(5, INFINITY);
                }
                const OneFit<T> fit =
                    fit_one<T>(fit_case("Gaussian2D").model(), x, y, {28, 6, 7, width, background},
                               options, lower, upper);
                EXPECT_EQ(fit.status, Status::converged) << to_string(fit.status);
                for (int j = 0; j < 5; ++j)
                    EXPECT_NEAR(fit.p[j], right[j], 1e-8 + 64 * epsilon<T> * right[j]) << j;
                EXPECT_NEAR(fit.f, 201.155146025, 1e-8 + 32 * epsilon<T> * 201);
                EXPECT_LE(fit.iterations, 25);
            }
}

// ---- Ordinary noise.

// Also where the model's curvature is far from J'J, so that whole steps go back and forth.
TYPED_TEST(FitStatusTest, NoisyDecaysConverge) {
    using T = TypeParam;
    for (const double noise : {0.25, 0.125, 1e-3, 1e-6}) {
        SCOPED_TRACE(noise);
        const FitData<T> data(fit_case("ExponentialDecay<1>"),
                              {.problems = 512, .noise = noise, .spread = 0.3});
        const BatchResult<T> result = fit_batch(data.fit.model(), data.data(), batch_options());
        EXPECT_EQ(result.count(Status::converged), data.problems);
    }
}

// Pixels of counts, with an object in some and none in others, within bounds.
TYPED_TEST(FitStatusTest, PixelsWithoutAnObjectEndTruly) {
    using T = TypeParam;
    constexpr int points = 24, problems = 2048;
    Random random(1);
    std::vector<T> x, y, start;
    for (int i = 0; i < points; ++i) x.push_back(static_cast<T>(0.2 * i));
    for (int problem = 0; problem < problems; ++problem) {
        T least = std::numeric_limits<T>::infinity();
        const double height = problem % 3 == 0 ? 0 : 700;
        for (int i = 0; i < points; ++i) {
            const double mean = 20 + height * std::exp(-(0.6 + problem % 7 * 0.2) * 0.2 * i);
            const double count = std::round(mean + std::sqrt(mean) * random.near_normal());
            y.push_back(static_cast<T>(std::max(0.0, count)));
            least = std::min(least, y.back());
        }
        start.insert(start.end(), {std::max(T(1), y[y.size() - points] - least), T(1), least});
    }
    const std::vector<T> lower{0, T(0.01), T(0.1)}, upper{T(1e5), 20, T(1e5)};
    for (const Estimator estimator : {Estimator::poisson, Estimator::least_squares}) {
        BatchOptions options = batch_options();
        options.estimator = estimator;
        const BatchResult<T> result = fit_batch(fit_case("ExponentialDecay<1>").model(),
                                                BatchData<T>{.problems = problems,
                                                             .points = points,
                                                             .coordinates = x,
                                                             .y = y,
                                                             .start = start,
                                                             .lower = lower,
                                                             .upper = upper},
                                                options);
        long undecided = 0;
        for (int i = 0; i < problems; ++i) {
            const bool known =
                result.status[i] == Status::converged || result.status[i] == Status::singular;
            undecided += !known;
            if (i % 3 != 0) {
                EXPECT_EQ(result.status[i], Status::converged) << to_string(result.status[i]);
            }
        }
        EXPECT_LE(undecided, problems / 1000);
    }
}

}  // namespace
}  // namespace cunewton::test
