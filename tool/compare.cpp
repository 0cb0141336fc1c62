#include "cunewton/compare.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>

#include "cunewton/error.h"
#include "tool/commands.h"
#include "tool/gnuplot.h"
#include "tool/pictures.h"
#include "tool/regression.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

struct CompareSettings {
    RegressionSettings regression;
    RunSettings run;
    std::vector<std::string> models, losses;
    std::vector<double> penalties;
    std::string method = "automatic";
    int folds = 5;
    std::uint64_t seed = 1;
};

std::vector<std::string> split(const std::string& text, char separator) {
    std::vector<std::string> parts{""};
    for (const char c : text)
        if (c == separator)
            parts.emplace_back();
        else
            parts.back() += c;
    return parts;
}

/// A model of the table, before it is fitted.
struct Candidate {
    std::string name;
    RegressionSettings settings;
};

std::vector<Candidate> candidates_of(const CompareSettings& s) {
    std::vector<Candidate> all;
    std::vector<std::string> losses = s.losses;
    if (losses.empty()) losses = {s.regression.loss};
    std::vector<double> penalties = s.penalties;
    if (penalties.empty()) penalties = {s.regression.l2};
    std::vector<std::string> models = s.models;
    if (models.empty()) models = {""};
    for (const std::string& loss : losses)
        for (const std::string& model : models)
            for (const double l2 : penalties) {
                Candidate candidate{"", s.regression};
                candidate.settings.loss = loss;
                candidate.settings.l2 = l2;
                // Of several losses it is for those that have it.
                if (losses.size() > 1 && loss != "huber") candidate.settings.delta = 0;
                if (!model.empty()) candidate.settings.features = split(model, '+');
                const auto add = [&](const std::string& part) {
                    candidate.name += (candidate.name.empty() ? "" : ", ") + part;
                };
                if (losses.size() > 1) add(loss);
                if (!model.empty()) add(model);
                if (penalties.size() > 1) add(format("l2=%g", l2));
                if (candidate.name.empty()) add(loss);
                all.push_back(std::move(candidate));
            }
    return all;
}

template <class T>
int compare_models(const CompareSettings& s) {
    std::optional<Picture> picture;
    if (!s.run.plot.empty()) picture.emplace(s.run.plot);
    if (s.regression.table.file == "-")
        throw InvalidArgument(
            "the data are read once for each model (from a pipe they cannot be) "
            "name a file");
    Progress progress(progress_when(s.run));
    Options options;
    apply(s.run, options);
    options.method = method_named(s.method);
    options.keep_trace = true;
    const std::vector<Candidate> candidates = candidates_of(s);
    std::vector<std::unique_ptr<Regression<T>>> regressions;
    std::vector<FittedModel<T>> models;
    std::vector<Result<T>> results;
    std::vector<Run> runs;
    for (const Candidate& candidate : candidates) {
        regressions.push_back(std::make_unique<Regression<T>>(candidate.settings, progress));
        if (regressions.back()->rows() != regressions.front()->rows())
            throw FileError(
                "models see different rows (" + std::to_string(regressions.back()->rows()) +
                " and " + std::to_string(regressions.front()->rows()) +
                ", as values are missing in different columns) leave rows out beforehand");
        options.callback = shown_by(progress, candidate.name);
        const Problem<T> problem = regressions.back()->problem();
        results.push_back(minimize(problem, regressions.back()->start(), options));
        check_signals();
        models.push_back({candidate.name, problem, results.back().x});
        runs.push_back({candidate.name, results.back().trace});
    }
    CompareOptions compare_options;
    compare_options.folds = s.folds;
    compare_options.seed = s.seed;
    compare_options.minimize = options;
    compare_options.minimize.keep_trace = false;
    compare_options.minimize.callback = shown_by(progress, "cross-validation");
    const std::vector<ModelScore> scores = compare(models, compare_options);
    check_signals();
    progress.clear();
    bool all_converged = true;
    for (const Result<T>& result : results) all_converged = all_converged && result.converged();
    if (s.run.json) {
        Json json;
        json["command"] = "compare";
        json["data"] = s.regression.table.file;
        json["rows"] = regressions[0]->rows();
        json["models"] = Json::array();
        for (std::size_t i = 0; i < scores.size(); ++i) {
            const ModelScore& score = scores[i];
            json["models"].push_back({{"name", score.name},
                                      {"loss", candidates[i].settings.loss},
                                      {"l2", candidates[i].settings.l2},
                                      {"status", to_string(results[i].status)},
                                      {"parameters", score.parameters},
                                      {"counted", score.counted},
                                      {"objective", number(score.loss)},
                                      {"log_likelihood", number(score.log_likelihood)},
                                      {"aic", number(score.aic)},
                                      {"aicc", number(score.aicc)},
                                      {"bic", number(score.bic)},
                                      {"log_evidence", number(score.log_evidence)},
                                      {"held_out_loss", number(score.held_out_loss)},
                                      {"held_out_error", number(score.held_out_error)},
                                      {"folds_converged", score.folds_converged},
                                      {"notes", score.notes}});
        }
        print(json);
    } else {
        std::cout << regressions[0]->settings().table.file << ": " << regressions[0]->rows()
                  << " rows, models of '" << s.regression.target << "'\n\n"
                  << to_table(scores) << '\n';
        for (std::size_t i = 0; i < results.size(); ++i)
            if (!results[i].converged())
                std::cout << scores[i].name << ": " << to_string(results[i].status) << ": "
                          << in_words_of_the_program(results[i].message) << '\n';
    }
    if (picture) {
        picture->size(900, 520);
        *picture << plain_style();
        draw_convergence(*picture, runs, false);
        picture->draw();
    }
    return all_converged ? success : not_converged;
}

}  // namespace

void add_compare(CLI::App& app, int& status) {
    auto* const command = app.add_subcommand(
        "compare",
        "Regressions beside each other: information criteria, evidence, cross-validation");
    const auto s = std::make_shared<CompareSettings>();
    add_regression_options(*command, s->regression);
    command
        ->add_option("--models", s->models, "features of each, joined by +: --models gnp gnp+year")
        ->type_name("COLUMN+...");
    command->add_option("--losses", s->losses, "in the place of --loss, several")
        ->delimiter(',')
        ->type_name("NAME,...");
    command->add_option("--penalties", s->penalties, "in the place of --l2, several")
        ->delimiter(',')
        ->check(not_negative())
        ->type_name("L2,...");
    command->add_option("--method", s->method)->capture_default_str()->type_name("NAME");
    command->add_option("--folds", s->folds, "of the cross-validation; 0: none")
        ->check(not_negative())
        ->capture_default_str();
    command->add_option("--seed", s->seed, "of the folds")->capture_default_str();
    add_run_options(*command, s->run, "convergence of each");
    command->footer(
        "A * marks the best of each column: the lowest criterion or loss, the highest "
        "evidence.\n\n" +
        examples({
            "cunewton compare bench/data/longley.csv --loss linear --target employed --models gnp "
            "gnp+year gnp+unemployed+armed_forces+year --folds 4",
            "cunewton compare bench/data/challenger.csv --loss logistic --target distress --drop "
            "flight "
            "--standardize --penalties 0,0.01,0.1 --plot compare.svg",
        }));
    command->callback([s, &status] {
        in_precision(s->run, [&](auto t) { status = compare_models<decltype(t)>(*s); });
    });
}

}  // namespace cunewton::tool
