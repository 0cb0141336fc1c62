#include "tool/any_problem.h"

#include <charconv>
#include <cmath>
#include <filesystem>

#include "cunewton/error.h"
#include "readers/npy.h"
#include "tool/text.h"

namespace cunewton::tool {

void add_problem_options(CLI::App& app, ProblemSettings& s, bool with_point) {
    add_regression_options(app, s.regression);
    app.add_option("--function", s.function, "a test function in the place of data and loss")
        ->type_name("NAME");
    if (with_point)
        app.add_option("--at", s.at,
                       "point: numbers between commas, a file of them (NPY or CSV), or start; "
                       "without, the minimum")
            ->type_name("POINT");
}

template <class T>
AnyProblem<T>::AnyProblem(const ProblemSettings& s, Progress& progress) {
    if (!s.function.empty() && !s.regression.table.file.empty())
        throw InvalidArgument("there are two problems (a file and --function) name one of them");
    if (s.function.empty() && s.regression.table.file.empty())
        throw InvalidArgument(
            "there is no problem (no file and no --function) name a CSV file with --loss and "
            "--target, or pass --function rosenbrock");
    if (!s.function.empty()) {
        function_ = &function_named(s.function);
        problem_ = make_problem<T>(*function_);
        names_ = {"x", "y"};
        title_ = function_->name + ", " + function_->formula;
        return;
    }
    regression_ = std::make_unique<Regression<T>>(s.regression, progress);
    problem_ = regression_->problem();
    names_ = regression_->parameter_names();
    title_ = regression_->title();
}

template <class T>
std::vector<T> AnyProblem<T>::start() const {
    if (function_) return {function_->start.begin(), function_->start.end()};
    return regression_->start();
}

template <class T>
std::vector<T> AnyProblem<T>::point(const std::string& at, const Options& options, std::string& how,
                                    bool& converged) const {
    converged = true;
    if (at == "start") {
        how = "at the start";
        return start();
    }
    if (at.empty()) {
        const Result<T> result = minimize(*problem_, start(), options);
        check_signals();
        converged = result.converged();
        how = std::string(converged ? "at the minimum" : "where the minimisation ended") + " (" +
              to_string(result.status) + ", " + to_string(result.method) + ", " +
              std::to_string(result.iterations) + " iterations)";
        return result.x;
    }
    how = "at " + at;
    std::vector<T> x;
    if (std::filesystem::path(at).extension() == ".npy") {
        const readers::NpyArray<T> array = readers::read_npy<T>(at);
        x.assign(array.values.all().begin(), array.values.all().end());
    } else if (std::filesystem::exists(at)) {
        const readers::Table<T> table = readers::read_csv<T>(at);
        x.assign(table.values.all().begin(), table.values.all().end());
    } else {
        const readers::Table<T> table = readers::parse_csv<T>(
            at,
            {.header = false,
             .if_missing = "give numbers between commas",
             .if_text = "give numbers between commas, a file that exists, or start"},
            "--at");
        x.assign(table.values.all().begin(), table.values.all().end());
    }
    if (static_cast<int>(x.size()) != dimension())
        throw InvalidArgument("the point has the wrong size (--at has " + std::to_string(x.size()) +
                              " numbers, the problem " + std::to_string(dimension()) +
                              " parameters) give one for each");
    for (const T value : x)
        if (!std::isfinite(value))
            throw InvalidArgument("the point is not finite (--at) give finite numbers");
    return x;
}

template class AnyProblem<double>;
template class AnyProblem<float>;

}  // namespace cunewton::tool
