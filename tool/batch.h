// What the commands that fit curves have in common.
#pragma once

#include <CLI/CLI.hpp>
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

/// "412 converged, 3 singular"
std::string status_counts(const std::vector<Status>& statuses);
/// By name, of those that there are.
Json status_counts_json(const std::vector<Status>& statuses);

}  // namespace cunewton::tool
