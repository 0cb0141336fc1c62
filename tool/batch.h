// What the commands that fit curves have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "tool/commands.h"
#include "tool/models.h"

namespace cunewton::tool {

struct ModelSettings {
    std::string model, estimator = "least_squares", x_unit, y_unit;
    std::vector<std::string> start, fix, lower, upper;
    int max_iterations = 1000;
};
void add_model_options(CLI::App& app, ModelSettings& settings);

/// The model and what the user says of its parameters.
class ModelChoice {
  public:
    /// Throws InvalidArgument for names and numbers that are none.
    explicit ModelChoice(const ModelSettings& settings);

    const Model& model() const { return *model_; }
    int parameters() const { return static_cast<int>(model_->parameters.size()); }
    BatchOptions options() const;
    /// Starts of a problem, the model's with what the user says: starts() times the parameters.
    std::vector<double> start(const Points& points) const;
    /// 1 where the user has named the start of all parameters.
    int starts() const { return starts_; }
    /// Empty without any.
    const std::vector<double>& lower() const { return lower_; }
    const std::vector<double>& upper() const { return upper_; }
    /// "k (1/ms)"
    std::string label(int parameter) const;
    bool is_robust() const;
    /// Of the residuals of points about the model with these parameters: their median size times
    /// 1.4826, which is the standard deviation where they are normally distributed.
    double residual_scale(const std::vector<double>& parameters, const Points& points) const;

  private:
    std::vector<double> assigned(const std::vector<std::string>& settings, const char* option,
                                 double otherwise) const;

    const ModelSettings settings_;
    const Model* model_;
    std::vector<double> start_;  // NaN: the model's
    std::vector<bool> fixed_;
    std::vector<double> lower_, upper_;
    int starts_;
};

/// Robust estimators tell outliers by residuals in standard deviations. Where those of the data are
/// not known they are estimated for each problem, from a least-squares fit and then, five times,
/// from Huber's about the scale before (Huber 1981, section 7.8): results do not depend on the unit
/// of y.
template <class T>
struct RobustScales {
    std::vector<double> scales;  ///< of the problems
    std::vector<T> start;        ///< of the fit with those
};

/// points(problem, x, y) gives the points of a problem, weigh(scales) sets data.weights. Leaves the
/// last fit's data and options. Returns that fit, with the seconds of all of them.
template <class T, class PointsOf, class Weigh>
BatchResult<T> fit_robustly(const ModelChoice& choice, BatchData<T>& data, BatchOptions& options,
                            RobustScales<T>& robust, const PointsOf& points, const Weigh& weigh) {
    const Estimator estimator = options.estimator;
    const auto n = static_cast<std::size_t>(choice.parameters());
    // Of a fit that is exact, residuals are rounding.
    const double rounding = std::sqrt(static_cast<double>(
        options.precision == BatchPrecision::single ? std::numeric_limits<float>::epsilon()
                                                    : std::numeric_limits<T>::epsilon()));
    double seconds = 0;
    robust.scales.assign(static_cast<std::size_t>(data.problems), 1);
    constexpr int rounds = 6;
    for (int round = 0; round < rounds; ++round) {
        options.estimator = round == 0 ? Estimator::least_squares : Estimator::huber;
        const BatchResult<T> fits = fit_batch(choice.model().model, data, options);
        seconds += fits.seconds;
        check_signals();
        robust.start = fits.parameters;
        std::vector<double> x, y;
        for (long i = 0; i < data.problems; ++i) {
            const auto begin = fits.parameters.begin() + i * static_cast<long>(n);
            points(i, x, y);
            double largest = 0;
            for (const double value : y) largest = std::max(largest, std::abs(value));
            const double scale =
                std::max(choice.residual_scale({begin, begin + static_cast<long>(n)}, {x, y}),
                         rounding * largest);
            robust.scales[static_cast<std::size_t>(i)] =
                scale > 0 && std::isfinite(scale) ? scale : 1;
            const std::vector<double> own = choice.start({x, y});
            for (std::size_t j = 0; j < n; ++j) {
                T& value = robust.start[static_cast<std::size_t>(i) * n + j];
                if (!std::isfinite(value)) value = static_cast<T>(own[j]);
            }
        }
        weigh(robust.scales);
        options.starts = 1;
        data.start = Array<const T>(robust.start.data(), data.problems, choice.parameters());
    }
    options.estimator = estimator;
    BatchResult<T> result = fit_batch(choice.model().model, data, options);
    result.seconds += seconds;
    return result;
}

/// On stderr, where bounds of the user's decided parameters.
template <class T>
void note_bounds(const ModelChoice& choice, const BatchResult<T>& fits) {
    for (int j = 0; j < choice.parameters(); ++j) {
        long count = 0;
        for (long i = 0; i < fits.completed; ++i) count += fits.ended_at_bound(i, j);
        if (count == 0) continue;
        note(choice.model().parameters[static_cast<std::size_t>(j)] + " ended at its bound" +
             (fits.completed > 1 ? " in " + std::to_string(count) + " of " +
                                       std::to_string(fits.completed) + " fits"
                                 : "") +
             ": without it the fit would go on (its error is not known)");
    }
}

/// "412 converged, 3 singular"
std::string status_counts(const std::vector<Status>& statuses);
/// By name, of those that there are.
Json status_counts_json(const std::vector<Status>& statuses);

}  // namespace cunewton::tool
