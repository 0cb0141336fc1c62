// What the commands that fit curves have in common.
#pragma once

#include <CLI/CLI.hpp>
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
    /// Of all parameters, NaN where the user has named none.
    const std::vector<double>& start() const { return start_; }
    bool all_starts_named() const;
    bool any_start_named() const;
    /// Empty without any; those of a parameter that is fixed are equal.
    const std::vector<double>& lower() const { return lower_; }
    const std::vector<double>& upper() const { return upper_; }
    /// "k (1/ms)"
    std::string label(int parameter) const;
    bool is_robust() const;
    /// Of the residuals of points about the model with these parameters: their median size times
    /// 1.4826, which is the standard deviation where they are normally distributed.
    double residual_scale(const std::vector<double>& parameters, const std::vector<double>& x,
                          const std::vector<double>& y) const;

  private:
    std::vector<double> assigned(const std::vector<std::string>& settings, const char* option,
                                 double otherwise) const;

    const ModelSettings settings_;
    const Model* model_;
    std::vector<double> start_, lower_, upper_;
};

/// The fits of all problems.
template <class T>
struct AllFits {
    /// Those that a signal left out have the status not_run.
    BatchResult<T> result;
    /// Standard deviations of the residuals that a robust estimator told outliers by; else empty.
    std::vector<double> scales;
    /// Of one problem: why it has not converged. Else empty.
    std::string message;
};

/// Fits the model to each problem, from where the user says and else from the model's guess, until
/// a signal; shows progress in `things`. data: without a start and bounds; with offsets
/// coordinates are each problem's, without they are the same for all. Throws Interrupted if no fit
/// was done.
///
/// Robust estimators without weights: what is an outlier is told by residuals in standard
/// deviations, which are estimated for each problem, from a least-squares fit and then, five times,
/// from Huber's about the scale before (Huber 1981, section 7.8): results do not depend on the unit
/// of y.
template <class T>
AllFits<T> fit_all(const ModelChoice& choice, const BatchData<T>& data, const BatchOptions& options,
                   Progress& progress, const char* things);
extern template AllFits<double> fit_all(const ModelChoice&, const BatchData<double>&,
                                        const BatchOptions&, Progress&, const char*);
extern template AllFits<float> fit_all(const ModelChoice&, const BatchData<float>&,
                                       const BatchOptions&, Progress&, const char*);

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
