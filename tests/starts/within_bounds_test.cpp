// Models that are no number outside of their bounds, by differences.
#include <cmath>
#include <limits>
#include <random>

#include "tests/starts/models.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

class WithinBounds : public BackendTest {};

BatchOptions by(BatchDerivatives derivatives) {
    BatchOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    options.derivatives = derivatives;
    return options;
}

/// Curves whose parameters lie inside, close to a bound, on it or beyond it.
struct Curves {
    long problems = 60;
    std::vector<double> x, y, start, lower{0, -1}, upper{2, 1};
    Curves() {
        for (int k = 0; k < 12; ++k) x.push_back(0.25 * k);
        std::mt19937 random(3);
        std::uniform_real_distribution<double> a(-0.3, 2.4), b(-1.2, 1.2), share(0, 1);
        for (long i = 0; i < problems; ++i) {
            const double p[] = {i % 4 == 0   ? 2 - 1e-7
                                : i % 4 == 1 ? 0
                                             : a(random),
                                i % 3 == 0 ? -1 + 1e-6 : b(random)};
            for (const double at : x)
                y.push_back(std::exp(-p[0] * at) + p[1] * at * at +
                            1e-3 * std::sin(double(i) + 7 * at));
            // Some begin on a bound.
            start.push_back(i % 5 == 0 ? 0 : i % 5 == 1 ? 2 : 2 * share(random));
            start.push_back(i % 7 == 0 ? 1 : 2 * share(random) - 1);
        }
    }
    template <class T>
    std::vector<T> in(const std::vector<double>& from) const {
        return {from.begin(), from.end()};
    }
};

template <class T>
void expect_same_minimum(double tolerance) {
    const Curves curves;
    const auto x = curves.in<T>(curves.x), y = curves.in<T>(curves.y),
               start = curves.in<T>(curves.start), low = curves.in<T>(curves.lower),
               high = curves.in<T>(curves.upper);
    const BatchData<T> data{.problems = curves.problems,
                            .points = 12,
                            .coordinates = x,
                            .y = y,
                            .start = start,
                            .lower = low,
                            .upper = high};
    const auto differences = fit_batch(fenced_model(), data, by(BatchDerivatives::differences));
    const auto exact = fit_batch(fenced_model(), data, by(BatchDerivatives::autodiff));
    EXPECT_EQ(differences.count(Status::not_finite), 0);
    EXPECT_GE(differences.count(Status::converged) + differences.count(Status::derivative_accuracy),
              curves.problems - (sizeof(T) == 4 ? 6 : 0));
    for (std::size_t k = 0; k < exact.parameters.size(); ++k)
        EXPECT_NEAR(differences.parameters[k], exact.parameters[k], tolerance) << k;
}

TEST_F(WithinBounds, FitsByDifferencesReachTheSameMinimum) {
    expect_same_minimum<double>(1e-7);
}
TEST_F(WithinBounds, FitsByDifferencesInSinglePrecision) {
    expect_same_minimum<float>(2e-3);
}

TEST_F(WithinBounds, ObjectivesByDifferencesReachTheSameMinimum) {
    const long problems = 50;
    std::vector<double> d, start, low{0, -1}, high{2, 1};
    for (long i = 0; i < problems; ++i) {
        d.push_back(-0.5 + 0.06 * double(i));
        start.push_back(i % 4 == 0 ? 0 : i % 4 == 1 ? 2 : i % 4 == 2 ? 1e-6 : 0.7);
        // Not 0: steps are relative to the start, and that of second differences would be too
        // small.
        start.push_back(i % 3 == 0 ? -1 : i % 3 == 1 ? 1 : 0.3);
    }
    const BatchData<double> data{
        .problems = problems, .coordinates = d, .start = start, .lower = low, .upper = high};
    BatchOptions options = by(BatchDerivatives::differences);
    options.gradient_tolerance = 1e-5;
    const auto differences = minimize_batch(fenced_objective(), data, options);
    const auto exact = minimize_batch(fenced_objective(), data, by(BatchDerivatives::autodiff));
    EXPECT_EQ(differences.count(Status::not_finite), 0);
    EXPECT_EQ(differences.count(Status::converged), problems);
    for (std::size_t k = 0; k < exact.parameters.size(); ++k)
        EXPECT_NEAR(differences.parameters[k], exact.parameters[k], 1e-5) << k;
}

// A box so narrow that no step fits in, and parameters that cannot move at all.
TEST_F(WithinBounds, NarrowBoxesAndFixedParameters) {
    const Curves curves;
    const std::vector<double> y(curves.y.begin(), curves.y.begin() + 12), start{2, -1};
    const std::vector<double> low{2 - 1e-9, -1}, high{2, 1};
    BatchOptions options = by(BatchDerivatives::differences);
    BatchData<double> data{.problems = 1,
                           .points = 12,
                           .coordinates = curves.x,
                           .y = y,
                           .start = start,
                           .lower = low,
                           .upper = high};
    const auto narrow = fit_batch(fenced_model(), data, options);
    EXPECT_NE(narrow.status[0], Status::not_finite);
    data.lower = curves.lower;
    data.upper = curves.upper;
    for (const bool first : {true, false}) {
        options.fixed = {first, !first};
        const auto fixed = fit_batch(fenced_model(), data, options);
        EXPECT_TRUE(fixed.status[0] == Status::converged ||
                    fixed.status[0] == Status::derivative_accuracy);
        EXPECT_EQ(fixed.parameters[first ? 0 : 1], start[first ? 0 : 1]);
    }
}

}  // namespace
}  // namespace cunewton::test
