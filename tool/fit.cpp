#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <span>

#include "cunewton/checkpoint.h"
#include "cunewton/error.h"
#include "cunewton/inference.h"
#include "cunewton/report.h"
#include "tool/commands.h"
#include "tool/gnuplot.h"
#include "tool/pictures.h"
#include "tool/regression.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

struct FitSettings {
    RegressionSettings regression;
    RunSettings run;
    std::string method = "automatic", errors = "yes", covariance = "automatic";
    std::vector<std::string> also, lower, upper;
    bool report = false, summary = false;
    int max_iterations = 1000;
    double time_limit = std::numeric_limits<double>::infinity();
    std::string checkpoint;
    int every = 100;
};

constexpr CovarianceBy covariances[] = {CovarianceBy::automatic, CovarianceBy::inverse_hessian,
                                        CovarianceBy::expected, CovarianceBy::sandwich};
std::vector<std::string> covariance_names() {
    std::vector<std::string> names;
    for (const CovarianceBy by : covariances) names.push_back(to_string(by));
    return names;
}

/// Of the regression's parameters, as Options::lower or upper has them; empty without any.
template <class T>
std::vector<double> bounds(const Regression<T>& r, const std::vector<std::string>& settings,
                           const std::string& option, double otherwise) {
    if (settings.empty()) return {};
    if (r.outputs() > 1)
        throw InvalidArgument("softmax has a coefficient of a feature for each class (" + option +
                              " names one) leave it out");
    const std::vector<std::string> names = r.block_names();
    std::vector<double> all(r.start().size(), otherwise);
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.rfind('=');
        const std::string name = setting.substr(0, equals);
        double value = 0;
        if (equals == setting.npos ||
            !CLI::detail::lexical_cast(setting.substr(equals + 1), value) || std::isnan(value))
            throw InvalidArgument("a bound is not a name and a number (" + option + " " + setting +
                                  ") write NAME=NUMBER");
        const auto place = std::find(names.begin(), names.begin() + r.features(), name);
        if (place == names.begin() + r.features())
            throw InvalidArgument("there is no such feature ('" + name + "' in " + option +
                                  "; the features are " +
                                  list_text({names.begin(), names.begin() + r.features()}, 12) +
                                  ") name one of them");
        const auto j = static_cast<std::size_t>(place - names.begin());
        if (all[j] != otherwise)
            throw InvalidArgument("a feature is named twice ('" + name + "' in " + option +
                                  ") name it once");
        all[j] = value * r.deviations()[j];
    }
    return all;
}

template <class T>
std::vector<std::string> names_at_bounds(const Regression<T>& r, const Inference& inference) {
    const std::vector<std::string> names = entry_names(r);
    std::vector<std::string> found;
    for (std::size_t e = 0; e < names.size(); ++e)
        if (inference.without[e] == WithoutError::at_bound) found.push_back(names[e]);
    return found;
}

/// How the fit ended.
template <class T>
std::string message_of(const Regression<T>& r, const Result<T>& result) {
    constexpr T little = -10;  // of log(alpha)
    if (r.estimates_alpha() && result.status == Status::unbounded && result.x.back() < little)
        return "log(alpha) falls without end (the counts vary no more than Poisson's) pass --loss "
               "poisson";
    return in_words_of_the_program(result.message);
}

template <class T>
Json to_json(const Regression<T>& r, const Result<T>& result, const Findings& findings) {
    const Inference& inference = findings.inference;
    Json json;
    json["command"] = "fit";
    json["data"] = r.settings().table.file;
    json["loss"] = r.settings().loss;
    json["title"] = r.title();
    json["rows"] = r.rows();
    json["features"] = r.features();
    json["l2"] = r.settings().l2;
    if (!r.classes().empty()) json["classes"] = r.classes();
    json["status"] = to_string(result.status);
    json["message"] = message_of(r, result);
    json["method"] = to_string(result.method);
    json["iterations"] = result.iterations;
    json["backend"] = result.backend;
    json["seconds"] = result.seconds.total;
    json["objective"] = number(static_cast<double>(result.f));
    json["gradient_norm"] = number(result.gradient_norm);
    json["degrees_of_freedom"] = number(inference.degrees_of_freedom);
    json["deviance"] = number(inference.deviance);
    json["log_likelihood"] = number(inference.log_likelihood);
    json["aic"] = number(inference.aic);
    json["bic"] = number(inference.bic);
    json["aic_left_out"] =
        inference.without_likelihood.empty() ? Json() : Json(inference.without_likelihood);
    json["explained"] = number(inference.explained);
    json["scale"] = number(findings.scale);
    if (inference.dispersion_estimated) json["dispersion"] = number(inference.dispersion);
    if (!r.classes().empty()) json["accuracy"] = number(findings.accuracy);
    json["standard_errors"] = inference.errors;
    json["coefficients"] = Json::array();
    for (const Coefficient& c : findings.coefficients) {
        Json entry;
        if (!c.output.empty()) entry["class"] = c.output;
        entry["name"] = c.name;
        entry["estimate"] = number(c.estimate);
        entry["standard_error"] = number(c.error);
        entry[inference.student ? "t" : "z"] = number(c.statistic);
        entry["p"] = number(c.p);
        entry["low"] = number(c.low);
        entry["high"] = number(c.high);
        if (!std::isnan(c.standardized)) entry["standardized"] = c.standardized;
        json["coefficients"].push_back(std::move(entry));
    }
    if (!result.undetermined.empty()) {
        const std::vector<std::string> names = r.parameter_names();
        Json undetermined = Json::array();
        for (const int j : result.undetermined)
            undetermined.push_back(names[static_cast<std::size_t>(j)]);
        json["undetermined"] = undetermined;
    }
    if (const auto names = names_at_bounds(r, inference); !names.empty()) json["at_bound"] = names;
    return json;
}

/// What the fit was of, and how it ended.
template <class T>
void print_head(const Regression<T>& r, const Result<T>& result, const Inference& inference) {
    std::cout << r.settings().table.file << ": " << counted(r.rows(), "row") << ", "
              << counted(r.features(), "feature") << '\n'
              << printable(r.title());
    if (r.settings().l2 > 0)
        std::cout << ", penalty " << r.settings().l2 << "/2 |w|^2"
                  << (r.settings().penalize_intercept ? " with the intercept" : "");
    if (r.settings().standardize)
        std::cout << " on standardised features; estimates are per unit of the data";
    std::cout << '\n'
              << to_string(result.status) << " by " << to_string(result.method) << " after "
              << result.iterations << " iterations on " << result.backend
              << format(", %.3g s: ", result.seconds.total) << message_of(r, result) << '\n';
    if (!result.undetermined.empty()) {
        std::vector<std::string> names;
        const std::vector<std::string> all = r.parameter_names();
        for (const int j : result.undetermined) names.push_back(all[static_cast<std::size_t>(j)]);
        std::cout << "Not determined: " << list_text(names) << '\n';
    }
    if (result.status == Status::singular)
        std::cout << "Of many minima the estimates are one.\n";
    else if (result.status != Status::converged && result.status != Status::precision_limit)
        std::cout << "The estimates are where the fit stopped, not those of a minimum.\n";
    if (const auto names = names_at_bounds(r, inference); !names.empty())
        std::cout << "At a bound, with no error of their own: " << list_text(names) << '\n';
    std::cout << '\n';
}

template <class T>
void print_summary(const Regression<T>& r, const Inference& inference) {
    SummaryOptions options;
    options.dependent = printable(r.target_name());
    for (const std::string& name : entry_names(r)) options.names.push_back(printable(name));
    std::cout << in_words_of_the_program(summary(inference, options));
}

template <class T>
void print_table(const Regression<T>& r, const Findings& findings) {
    const Inference& inference = findings.inference;
    const bool has_outputs = r.loss() == Loss::softmax;
    std::vector<std::string> header{
        "feature", "estimate", "std. error", inference.student ? "t" : "z", "p", "95% from", "to"};
    if (has_outputs) header.insert(header.begin(), "class");
    if (r.settings().standardize) header.push_back("standardised");
    TextTable table(header, has_outputs ? 2 : 1);
    constexpr std::size_t shown = 100;
    for (const Coefficient& c : findings.coefficients) {
        if (table.rows() == shown) break;
        std::vector<std::string> row{c.name,
                                     number_text(c.estimate),
                                     number_text(c.error),
                                     std::isnan(c.statistic) ? "" : format("%.3f", c.statistic),
                                     probability_text(c.p),
                                     number_text(c.low),
                                     number_text(c.high)};
        if (has_outputs) row.insert(row.begin(), c.output);
        if (r.settings().standardize) row.push_back(number_text(c.standardized));
        table.add(row);
    }
    std::cout << table.text();
    if (findings.coefficients.size() > shown)
        std::cout << "... and " << findings.coefficients.size() - shown
                  << " more: --json has all of them\n";
    std::cout << "\nStandard errors " << inference.errors << ".\n";
    std::vector<std::string> facts;
    const auto fact = [&](const char* name, double value) {
        if (!std::isnan(value)) facts.push_back(name + number_text(value));
    };
    if (r.loss() == Loss::linear) {
        fact("residual standard deviation ", findings.scale);
        fact("degrees of freedom ", inference.degrees_of_freedom);
        fact("R^2 = ", inference.explained);
    } else if (r.loss() == Loss::huber) {
        fact("robust standard deviation of the residuals ", findings.scale);
    } else {
        if (inference.dispersion_estimated) fact("dispersion ", inference.dispersion);
        fact("deviance ", inference.deviance);
        fact("explained deviance ", inference.explained);
    }
    fact("log likelihood ", inference.log_likelihood);
    fact("AIC ", inference.aic);
    if (!std::isnan(findings.accuracy))
        facts.push_back(format("%.2f%% of the rows classified right", 100 * findings.accuracy));
    std::string line;
    for (std::size_t i = 0; i < facts.size(); ++i) line += (i ? "; " : "") + facts[i];
    if (!line.empty()) line[0] = static_cast<char>(std::toupper(line[0]));
    if (!line.empty()) std::cout << line << ".\n";
    if (!inference.without_likelihood.empty())
        std::cout << "AIC is left out: " << inference.without_likelihood << ".\n";
}

/// Estimates with their intervals, and how the loss came down.
template <class T>
void draw(Picture& picture, const Regression<T>& r, const std::vector<Run>& runs,
          const Findings& findings) {
    constexpr std::size_t shown = 40, longest_label = 36;
    const bool standardised = r.settings().standardize;
    struct Bar {
        std::string label;
        double estimate, low, high;
    };
    std::vector<Bar> bars;
    std::size_t longest = 0;
    for (const Coefficient& c : findings.coefficients) {
        if (c.name == "(intercept)") continue;
        const double unit = standardised ? c.deviation : 1;
        bars.push_back(
            {shortened((c.output.empty() ? "" : c.output + ": ") + c.name, longest_label),
             c.estimate * unit, c.low * unit, c.high * unit});
    }
    const bool all = bars.size() <= shown, has_errors = !bars.empty() && !std::isnan(bars[0].low);
    if (!all) {
        std::partial_sort(
            bars.begin(), bars.begin() + shown, bars.end(),
            [](const Bar& a, const Bar& b) { return std::abs(a.estimate) > std::abs(b.estimate); });
        bars.resize(shown);
    }
    std::vector<std::vector<double>> rows;
    std::string tics;
    for (std::size_t i = 0; i < bars.size(); ++i) {
        const Bar& bar = bars[i];
        const double place = -static_cast<double>(i);
        rows.push_back({bar.estimate, place, has_errors ? bar.low : bar.estimate,
                        has_errors ? bar.high : bar.estimate});
        tics += (i ? ", " : "") + in_quotes(bar.label) + format(" %.0f", place);
        longest = std::max(longest, bar.label.size());
    }
    // Labels stand in the half of the coefficients.
    picture.size(1100 + 2 * 8 * static_cast<int>(longest > 16 ? longest - 16 : 0),
                 std::max(440, 120 + 22 * static_cast<int>(bars.size())));
    picture << plain_style() << "set multiplot layout 1,2 title "
            << in_quotes(r.title() + ", " + std::to_string(r.rows()) + " rows") << " noenhanced\n";
    if (!rows.empty()) {
        const std::string what = has_errors ? "stimates with 95% intervals" : "stimates";
        picture << "set title " +
                       in_quotes(all ? "E" + what : format("The %zu largest e", shown) + what) +
                       " noenhanced\nset ytics (" + tics + ") noenhanced\nset yrange [" +
                       format("%.1f", -static_cast<double>(rows.size()) + 0.4) +
                       ":0.6]\nset xlabel " +
                       in_quotes(standardised ? "estimate, per standard deviation of the feature"
                                              : "estimate, per unit of the feature") +
                       "\nset arrow 1 from 0, graph 0 to 0, graph 1 nohead linecolor '#888888' "
                       "dashtype 2\nset xrange [*<0:0<*]\nset xtics rotate by -30\nplot " +
                       picture.data(rows) +
                       " using 1:2:3:4 with xerrorbars linewidth 2 pointtype 7 "
                       "pointsize 0.7 linecolor '" +
                       colours[0] + "' notitle\n"
                << "unset arrow 1\nset ytics autofreq enhanced\nset yrange [*:*]\nset xrange "
                   "[*:*]\nset xtics norotate\n";
    } else {
        picture << "set multiplot next\n";
    }
    draw_convergence(picture, runs);
    picture << "unset multiplot\n";
    picture.draw();
}

/// Of the table as the fit sees it.
template <class T>
std::uint64_t fingerprint_of(const Samples<T>& data) {
    const std::size_t rows = static_cast<std::size_t>(data.count),
                      columns = static_cast<std::size_t>(data.dimension);
    std::uint64_t all = fingerprint(std::as_bytes(std::span(data.features, rows * columns)));
    for (const T* const column : {data.targets, data.weights, data.offsets})
        if (column) all = fingerprint(std::as_bytes(std::span(column, rows)), all);
    return all;
}

template <class T>
int fit(const FitSettings& s) {
    std::optional<Picture> picture;
    if (!s.run.plot.empty()) picture.emplace(s.run.plot);
    Progress progress(progress_when(s.run));
    const Regression<T> r(s.regression, progress, Units::internal);
    Options options;
    apply(s.run, options);
    options.method = method_named(s.method);
    for (const std::string& name : s.also) method_named(name);
    if (s.report && s.run.json)
        throw InvalidArgument("--report is text (JSON has the same numbers) leave out --json");
    if (s.summary && s.run.json)
        throw InvalidArgument("--summary is text (JSON has the same numbers) leave out --json");
    if (!s.also.empty() && !picture)
        throw InvalidArgument(
            "other methods are only drawn (--also without --plot) pass --plot FILE.svg");
    options.max_iterations = s.max_iterations;
    options.time_limit = s.time_limit;
    options.keep_trace = picture.has_value();
    options.lower = bounds(r, s.lower, "--lower", -std::numeric_limits<double>::infinity());
    options.upper = bounds(r, s.upper, "--upper", std::numeric_limits<double>::infinity());
    options.checkpoint = {.file = s.checkpoint,
                          .every = s.every,
                          .of = s.regression.table.file + ", " + r.title() +
                                format(", l2 %.17g", s.regression.l2) +
                                (s.regression.penalize_intercept ? " with the intercept" : "") +
                                ", fingerprint " + std::to_string(fingerprint_of(r.samples()))};
    for (std::size_t j = 0; j < options.lower.size() && j < options.upper.size(); ++j)
        if (options.lower[j] > options.upper[j])
            throw InvalidArgument("the bounds leave nothing ('" + r.block_names()[j] +
                                  "') give a --lower below the --upper");
    options.callback = shown_by(progress, "fitting");
    const Result<T> result = solve(r, options);
    // What a first Ctrl-C leaves is still told: nothing below is written to a file.
    progress.show_on([] { return std::string("standard errors"); });
    InferenceOptions inference_options;
    apply(s.run, inference_options);
    inference_options.errors = s.errors == "yes";
    inference_options.covariance =
        *std::find_if(std::begin(covariances), std::end(covariances),
                      [&](CovarianceBy by) { return s.covariance == to_string(by); });
    const Findings findings = infer(r, result, inference_options);
    progress.clear();
    if (s.run.json) {
        print(to_json(r, result, findings));
    } else {
        print_head(r, result, findings.inference);
        if (s.summary)
            print_summary(r, findings.inference);
        else
            print_table(r, findings);
    }
    if (s.report) std::cout << '\n' << in_words_of_the_program(full_report(result, options));
    if (was_interrupted()) return interrupted_status();
    if (picture) {
        std::vector<Run> runs{{to_string(result.method), result.trace}};
        for (const std::string& name : s.also) {
            options.method = method_named(name);
            options.checkpoint = {};
            runs.push_back({name, solve(r, options).trace});
            check_signals();
        }
        progress.clear();
        draw(*picture, r, runs, findings);
    }
    return result.converged() ? success : not_converged;
}

}  // namespace

void add_fit(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "fit", "Regression on the columns of a CSV file: coefficients with standard errors");
    const auto s = std::make_shared<FitSettings>();
    add_regression_options(*command, s->regression);
    command->add_option("--method", s->method, list_text(method_names(), 99))
        ->capture_default_str()
        ->type_name("NAME");
    command->add_option("--also", s->also, "methods whose convergence is drawn beside it")
        ->delimiter(',')
        ->type_name("NAME,...");
    command->add_option("--errors", s->errors, "standard errors: yes or no")
        ->check(CLI::IsMember({"yes", "no"}))
        ->capture_default_str();
    command
        ->add_option("--covariance", s->covariance,
                     "what standard errors are made of: " + list_text(covariance_names()))
        ->check(CLI::IsMember(covariance_names()))
        ->capture_default_str();
    command->add_option("--lower", s->lower, "bounds of coefficients, per unit of the data")
        ->delimiter(',')
        ->type_name("FEATURE=NUMBER,...");
    command->add_option("--upper", s->upper)->delimiter(',')->type_name("FEATURE=NUMBER,...");
    command->add_flag("--summary", s->summary, "the table that statsmodels' users know");
    command->add_flag("--report", s->report,
                      "how the fit went: derivatives, backend and method with reasons, times, "
                      "counts, the last iterations");
    command->add_option("--max-iterations", s->max_iterations)->check(not_negative());
    command->add_option("--time-limit", s->time_limit, "seconds")->check(positive());
    auto* const checkpoint = command->add_option(
        "--checkpoint", s->checkpoint, "the fit's state, from which the same command resumes it");
    checkpoint->type_name("FILE");
    command->add_option("--every", s->every, "iterations from one state to the next")
        ->check(CLI::PositiveNumber)
        ->capture_default_str()
        ->needs(checkpoint);
    add_run_options(*command, s->run, "coefficients and convergence");
    command->footer(examples({
        "cunewton fit bench/data/longley.csv --loss linear --target employed",
        "cunewton fit bench/data/challenger.csv --loss probit --target distress --drop flight "
        "--summary",
        "cunewton fit bench/data/challenger.csv --loss logistic --target distress --drop flight "
        "--json",
        "cunewton fit bench/data/digits.csv.gz --loss softmax --target 65 --l2 1e-4 --errors no",
        "cunewton fit bench/data/challenger.csv --loss logistic --target distress --drop flight "
        "--standardize --method newton --also bfgs,lbfgs,gradient_descent --plot methods.svg",
        "cunewton fit bench/data/longley.csv --loss huber --target employed --features gnp,year "
        "--standardize --plot longley.svg",
    }));
    command->callback(
        [s, &status] { in_precision(s->run, [&](auto t) { status = fit<decltype(t)>(*s); }); });
}

}  // namespace cunewton::tool
