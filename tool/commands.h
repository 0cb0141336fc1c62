// The subcommands of the program.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cunewton/execution.h"
#include "cunewton/minimize.h"
#include "tool/shell.h"

namespace cunewton::tool {

using Json = nlohmann::ordered_json;

/// Each adds its subcommand, which leaves what the process should exit with in `status`.
void add_fit(CLI::App& app, int& status);
void add_curves(CLI::App& app, int& status);
void add_images(CLI::App& app, int& status);
void add_hessian(CLI::App& app, int& status);
void add_spectrum(CLI::App& app, int& status);
void add_check_convexity(CLI::App& app, int& status);
void add_contours(CLI::App& app, int& status);
void add_compare(CLI::App& app, int& status);

/// What most of them take.
struct RunSettings {
    std::string backend = "auto", precision = "f64", progress = "auto";
    int threads = 0;
    bool json = false;
    std::string plot;
};
void add_run_options(CLI::App& app, RunSettings& settings, const std::string& plot = "");
Progress::When progress_when(const RunSettings& settings);
void apply(const RunSettings& settings, Execution& execution);

/// Calls work(T()) in the precision that was chosen, double or float.
template <class Work>
void in_precision(const RunSettings& settings, const Work& work) {
    if (settings.precision == "f32")
        work(float());
    else
        work(double());
}

/// The method of that name. Throws InvalidArgument with those that there are.
Method method_named(const std::string& name);
std::vector<std::string> method_names();

/// A callback that shows progress, and returns false once there was a signal.
std::function<bool(const IterationRecord&)> shown_by(Progress& progress, const std::string& what);

/// Checks of options' numbers.
CLI::Validator not_negative();
CLI::Validator positive();

/// A message of the library in the words of the program: options for fields and functions.
std::string in_words_of_the_program(std::string message);

/// null for what is not finite.
Json number(double value);
void print(const Json& json);

/// Of a help text: lines of the shell, which a test runs in a folder with the repository's bench/.
std::string examples(const std::vector<std::string>& lines);

}  // namespace cunewton::tool
