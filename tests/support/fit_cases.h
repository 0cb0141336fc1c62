#pragma once

#include <string>
#include <vector>

#include "cunewton/fit.h"
#include "tests/support/datasets.h"
#include "tests/support/fit_oracle.h"

// The built-in models, each with parameters, a start and points that determine them, and batches of
// synthetic data for them.
namespace cunewton::test {

struct FitCase {
    std::string name;  ///< "ExponentialDecay<2>"
    int coordinates = 1;
    std::vector<double> truth, start;
    std::vector<double> x;  ///< of all points; exact in float

    int parameters() const { return static_cast<int>(truth.size()); }
    int points() const { return static_cast<int>(x.size()) / coordinates; }
    FitModel model() const;
    fit_oracle::Formula formula() const { return fit_oracle::formula(name); }
};

const std::vector<FitCase>& fit_cases();
const FitCase& fit_case(const std::string& name);

struct FitDataOptions {
    long problems = 5;
    double noise = 0;       ///< standard deviation
    double spread = 0.03;   ///< relative, of the parameters around the case's truth
    double scale = 1;       ///< of the case's amplitude and offset: for counts
    bool counts = false;    ///< y is rounded to whole numbers with a variance of the model
    bool weights = false;   ///< of 1/16 to 2; every eleventh 0
    int outlier_every = 0;  ///< every so many points is far too high
    std::uint64_t seed = 1;
};

/// Data of a case in T, and, the very same numbers, in the oracle's form. Shared coordinates and
/// start. What BatchData points at is here, to be changed before data() is called.
template <class T>
struct FitData {
    FitData(const FitCase& of, const FitDataOptions& options)
        : fit(of), problems(options.problems) {
        Random random(options.seed);
        const int n = fit.parameters(), points = fit.points();
        coordinates.assign(fit.x.begin(), fit.x.end());
        start.assign(fit.start.begin(), fit.start.end());
        fit_oracle::Problem oracle;
        oracle.model = fit.formula();
        oracle.coordinates = fit.coordinates;
        oracle.x.assign(fit.x.begin(), fit.x.end());
        oracle.y.resize(points);
        for (long i = 0; i < problems; ++i) {
            fit_oracle::Vector p(n);
            for (int j = 0; j < n; ++j)
                p[j] = fit.truth[j] * (1 + options.spread * (2 * random.uniform() - 1));
            truths.push_back(p);
            for (int k = 0; k < points; ++k) {
                double value = static_cast<double>(fit_oracle::value(oracle, p, k)) * options.scale;
                const double z = random.near_normal();
                if (options.counts)
                    value = std::max(0.0, std::round(value + std::sqrt(std::max(value, 0.0)) * z));
                else
                    value += options.noise * z;
                if (options.outlier_every > 0 && k % options.outlier_every == 3)
                    value += 30 * options.noise;
                y.push_back(static_cast<T>(value));
                if (options.weights)
                    weights.push_back(static_cast<T>(k % 11 == 5 ? 0 : (1 + k * 7 % 32) / 16.0));
            }
        }
    }

    BatchData<T> data() const {
        return {.problems = problems,
                .points = fit.points(),
                .coordinates = coordinates,
                .y = y,
                .weights = weights,
                .start = start,
                .lower = lower,
                .upper = upper};
    }
    /// Problem i; what the parameter's type has rounded is in it.
    fit_oracle::Problem oracle(long i, fit_oracle::Loss loss = fit_oracle::Loss::least_squares,
                               double tuning = 1) const {
        const std::size_t points = static_cast<std::size_t>(fit.points()), first = points * i;
        fit_oracle::Problem problem;
        problem.model = fit.formula();
        problem.parameters = fit.parameters();
        problem.coordinates = fit.coordinates;
        problem.x.assign(coordinates.begin(), coordinates.end());
        problem.y.assign(y.begin() + first, y.begin() + first + points);
        if (!weights.empty())
            problem.w.assign(weights.begin() + first, weights.begin() + first + points);
        problem.loss = loss;
        problem.tuning = tuning;
        return problem;
    }

    FitCase fit;
    long problems;
    std::vector<T> coordinates, y, weights, start, lower, upper;
    std::vector<fit_oracle::Vector> truths;  ///< unless scaled
};

}  // namespace cunewton::test
