// The program cunewton: the library for people who do not write C++.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <iostream>

#include "cunewton/error.h"
#include "cunewton/version.h"
#include "readers/csv.h"
#include "tool/commands.h"
#include "tool/text.h"

namespace cunewton::tool {

void add_run_options(CLI::App& app, RunSettings& s, const std::string& plot) {
    const std::string group = "How it is run and shown";
    app.add_flag("--json", s.json, "JSON instead of a table")->group(group);
    if (!plot.empty())
        app.add_option("--plot", s.plot,
                       plot + ": FILE.svg, FILE.png, or FILE.gp for gnuplot's script")
            ->type_name("FILE")
            ->group(group);
    app.add_option("--backend", s.backend, "auto, cpu or cuda")
        ->capture_default_str()
        ->group(group);
    app.add_option("--threads", s.threads, "of the host; 0: all")
        ->check(not_negative())
        ->group(group);
    app.add_option("--precision", s.precision, "f64 or f32")
        ->check(CLI::IsMember({"f64", "f32"}))
        ->capture_default_str()
        ->group(group);
    app.add_option("--progress", s.progress,
                   "on stderr for work of more than a second: auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->group(group);
}

Progress::When progress_when(const RunSettings& s) {
    return s.progress == "always"  ? Progress::When::always
           : s.progress == "never" ? Progress::When::never
                                   : Progress::When::automatic;
}

void apply(const RunSettings& s, Execution& execution) {
    execution.backend = BackendChoice(s.backend);
    execution.threads = s.threads;
}

namespace {

/// Those for problems that the program has; no regression is a network of layers.
std::vector<Method> methods() {
    std::vector<Method> methods{Method::automatic};
    for (const Method method : all_methods)
        if (method != Method::kfac) methods.push_back(method);
    for (const Method method : sampling_methods)
        if (method != Method::kfac) methods.push_back(method);
    return methods;
}

}  // namespace

std::vector<std::string> method_names() {
    std::vector<std::string> names;
    for (const Method method : methods()) names.push_back(to_string(method));
    return names;
}

Method method_named(const std::string& name) {
    for (const Method method : methods())
        if (name == to_string(method)) return method;
    const std::string alike = readers::most_alike(name, method_names());
    throw InvalidArgument("there is no such method ('" + name + "') " +
                          (alike.empty() ? "choose among " + list_text(method_names(), 99)
                                         : "did you mean '" + alike + "'?"));
}

std::function<bool(const IterationRecord&)> shown_by(Progress& progress, const std::string& what) {
    return [&progress, what](const IterationRecord& at) {
        if (was_interrupted()) return false;
        progress.show_on([&] {
            return what + format(": iteration %d, loss %.8g, |gradient| %.2e, %.1f s", at.iteration,
                                 at.f, at.gradient_norm, at.seconds);
        });
        return true;
    };
}

CLI::Validator not_negative() {
    return CLI::Validator(
        [](const std::string& text) {
            double value = 0;
            return CLI::detail::lexical_cast(text, value) && value >= 0
                       ? std::string()
                       : "'" + text + "' is no number of 0 or more";
        },
        "");
}

CLI::Validator positive() {
    return CLI::Validator(
        [](const std::string& text) {
            double value = 0;
            return CLI::detail::lexical_cast(text, value) && value > 0
                       ? std::string()
                       : "'" + text + "' is no number above 0";
        },
        "");
}

std::string in_words_of_the_program(std::string message) {
    constexpr std::pair<const char*, const char*> words[] = {
        {"use exact derivatives or set a larger gradient_tolerance", "--standardize may help"},
        {"set a larger gradient_tolerance if this is near enough",
         "it may be near enough, and --standardize may help"},
        {"choose another backend or BackendChoice::automatic", "pass --backend auto"},
        {"use the inverse Hessian", "pass --covariance inverse_hessian"},
        {"cancelled by the callback", "ended by Ctrl-C at the best point so far"},
        {"see InferenceOptions::most_parameters", "whose Hessian would be inverted"},
        {"check_convexity() looks for points that deny it", "points that deny it are looked for"},
    };
    for (const auto& [there, here] : words)
        if (const std::size_t at = message.find(there); at != message.npos)
            message.replace(at, std::char_traits<char>::length(there), here);
    return message;
}

Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json();
}

void print(const Json& json) {
    // What a file's bytes are, if not UTF-8, is no reason to stop.
    std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

std::string examples(const std::vector<std::string>& lines) {
    std::string text = "Examples:\n";
    for (const std::string& line : lines) text += "  " + line + "\n";
    return text;
}

namespace {

int run(int argc, char** argv) {
    CLI::App app(
        "cunewton fits, and looks at, smooth losses by second-order methods, on the GPU or the "
        "CPU.",
        "cunewton");
    app.set_version_flag("--version", "cunewton " CUNEWTON_VERSION_STRING);
    app.require_subcommand(1);
    app.footer(
        "cunewton COMMAND --help has the options of each, with examples.\n"
        "Exit codes: 0 done and converged; 1 arguments, data or files are wrong; 2 there is a\n"
        "result, but it has not converged (or the loss is not convex); 3 the backend that was\n"
        "named cannot run here; 130 ended by Ctrl-C. The first Ctrl-C stops fit, curves, images\n"
        "and compare with what is finished, a second one ends them at once. No file is ever left\n"
        "half-written.");
    int status = success;
    add_fit(app, status);
    add_curves(app, status);
    add_images(app, status);
    add_hessian(app, status);
    add_spectrum(app, status);
    add_check_convexity(app, status);
    add_contours(app, status);
    add_compare(app, status);
    std::vector<std::string> names;
    for (const CLI::App* const command : app.get_subcommands({}))
        names.push_back(command->get_name());
    if (argc > 1 && argv[1][0] != '-' &&
        std::find(names.begin(), names.end(), argv[1]) == names.end()) {
        const std::string alike = readers::most_alike(argv[1], names);
        throw InvalidArgument(
            "there is no command '" + std::string(argv[1]) + "' (the commands are " +
            list_text(names) + ") " +
            (alike.empty() ? "see cunewton --help" : "did you mean '" + alike + "'?"));
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? success : refused;
    }
    std::cout.flush();
    if (!std::cout) throw FileError("the output cannot be written (standard output) is it closed?");
    return status;
}

}  // namespace
}  // namespace cunewton::tool

int main(int argc, char** argv) {
    using namespace cunewton::tool;
    catch_signals();
    try {
        return run(argc, argv);
    } catch (const Interrupted& interrupted) {
        std::cerr << "interrupted: nothing more was written\n";
        return 128 + interrupted.signal;
    } catch (const cunewton::BackendUnavailable& error) {
        std::cerr << "error: " << in_words_of_the_program(error.what()) << '\n';
        return backend_missing;
    } catch (const std::bad_alloc&) {
        std::cerr
            << "error: there is too little memory (an allocation failed) use a smaller part of "
               "the data, or --precision f32\n";
        return refused;
    } catch (const std::exception& error) {
        if (was_interrupted() && !signals_are_held()) {
            std::cerr << "interrupted: nothing more was written\n";
            return interrupted_status();
        }
        std::cerr << "error: " << in_words_of_the_program(error.what()) << '\n';
        return refused;
    }
}
