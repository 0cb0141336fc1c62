// A problem of a command that looks at losses: a test function, or a regression on a table.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tool/functions.h"
#include "tool/regression.h"

namespace cunewton::tool {

struct ProblemSettings {
    RegressionSettings regression;
    std::string function, at;
};
/// With `at`: --at, a point.
void add_problem_options(CLI::App& app, ProblemSettings& settings, bool with_point);

template <class T>
class AnyProblem {
  public:
    /// Throws as Regression; InvalidArgument if neither, or both, are named.
    AnyProblem(const ProblemSettings& settings, Progress& progress);

    const Problem<T>& problem() const { return *problem_; }
    int dimension() const { return problem_->dimension(); }
    const std::vector<std::string>& names() const { return names_; }
    const std::string& title() const { return title_; }
    std::vector<T> start() const;
    /// Null of a regression.
    const TestFunction* function() const { return function_; }
    const Regression<T>* regression() const { return regression_.get(); }
    /// The point that --at says: numbers between commas, a file of them (NPY or CSV), "start", or
    /// the minimum that `options` lead to from there. `how` says which, in words.
    std::vector<T> point(const std::string& at, const Options& options, std::string& how,
                         bool& converged) const;

  private:
    std::unique_ptr<Regression<T>> regression_;
    const TestFunction* function_ = nullptr;
    std::optional<Problem<T>> problem_;
    std::vector<std::string> names_;
    std::string title_;
};

}  // namespace cunewton::tool
