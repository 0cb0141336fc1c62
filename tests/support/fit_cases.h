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
    FitData(const FitCase& of, const FitDataOptions& options);

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
                               double tuning = 1) const;

    FitCase fit;
    long problems;
    std::vector<T> coordinates, y, weights, start, lower, upper;
    std::vector<fit_oracle::Vector> truths;  ///< unless scaled
};

// Compiled once, in fit_cases.cpp.
extern template struct FitData<double>;
extern template struct FitData<float>;

/// Counts with means of 4 times the case's model: amplitude and offset of the truth likewise.
template <class T>
FitData<T> make_counts_data();

/// Problem i has the first counts[i] points.
template <class T>
struct RaggedData {
    FitData<T> full;
    std::vector<int> counts;
    std::vector<long> offsets{0};
    std::vector<T> y, weights, own;

    RaggedData(const FitCase& fit, bool weighted);
    BatchData<T> data(bool shared) const;
    fit_oracle::Problem oracle(long i) const;
};

}  // namespace cunewton::test
