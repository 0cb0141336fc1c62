#include "cunewton/compare.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>

#include "cunewton/error.h"
#include "tool/commands.h"
#include "tool/gnuplot.h"
#include "tool/regression.h"
#include "tool/text.h"

namespace cunewton::tool {
namespace {

/// Losses whose criteria need no dispersion that is not the one of compare().
const char* const compared[] = {"linear", "logistic", "softmax", "poisson",
                                "huber",  "probit",   "cloglog"};

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
                if (!loss.empty() &&
                    std::find(std::begin(compared), std::end(compared), loss) == std::end(compared))
                    throw InvalidArgument(
                        "this loss is not compared ('" + loss + "') choose among " +
                        list_text({std::begin(compared), std::end(compared)}, 99) +
                        "; fit says the likelihood, AIC and BIC of others");
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

/// A line of the table: what compare() says, as far as it can be compared, and why not more.
struct Line {
    ModelScore score;
    std::string notes;
    /// Of lines with the same likelihood, and with the same loss, criteria and held-out losses are
    /// on one scale.
    std::string likelihood, loss;
    bool folds_converged = true;  // all of them
};

/// Of a linear regression weights are 1/variance, up to a factor: a row counts as one.
struct Weights {
    double rows = 0;       // that have one
    double half_logs = 0;  // what the log-likelihood has of them
};
template <class T>
Weights weights_of(const Regression<T>& r) {
    Weights sum;
    for (long i = 0; i < r.rows(); ++i)
        if (const double w = r.weight_at(i); w > 0) {
            sum.rows += 1;
            sum.half_logs += 0.5 * std::log(w);
        }
    return sum;
}

/// `asked`: what the score was asked for, `folds`: what the user asks for.
template <class T>
Line line_of(const Regression<T>& r, const Result<T>& result, ModelScore score,
             const CompareOptions& asked, int folds) {
    constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
    Line line{std::move(score), "", r.settings().loss, r.settings().loss};
    ModelScore& s = line.score;
    const auto note = [&](const std::string& sentence) {
        line.notes += (line.notes.empty() ? "" : " ") + sentence;
    };
    const auto leave_out = [&] { s.aic = s.aicc = s.bic = s.log_evidence = unknown; };
    // Softmax of two classes is logistic regression.
    if (r.loss() == Loss::softmax) line.likelihood = line.loss = "logistic";
    if (r.loss() == Loss::huber) line.loss += format(", delta = %.6g", r.delta());
    const double l2 = r.settings().l2;
    if (r.loss() == Loss::linear) {
        const double constant = weights_of(r).half_logs;
        s.log_likelihood += constant;
        s.log_evidence += constant;
        for (double* const criterion : {&s.aic, &s.aicc, &s.bic}) *criterion -= 2 * constant;
    }
    if (r.loss() == Loss::huber) {
        note("Huber's loss is no likelihood: there are no criteria and no evidence.");
    } else if (!result.converged()) {
        leave_out();
        if (result.status == Status::unbounded) s.log_likelihood = unknown;
        note(std::string("No criteria and no evidence: the fit has not converged (") +
             to_string(result.status) + ").");
    } else if (std::isnan(s.log_likelihood) ||
               (r.loss() == Loss::linear && !(s.samples - s.counted + 1 > 0))) {
        leave_out();
        s.log_likelihood = unknown;
        note("No criteria: the fit is exact, or there are no more rows than parameters.");
    } else {
        if (l2 > 0) {
            s.aic = s.aicc = s.bic = unknown;
            note("No AIC, AICc, BIC: a penalised parameter counts for less than one.");
        } else if (std::isnan(s.aicc)) {
            note("AICc needs more than k + 1 rows.");
        }
        if (std::isnan(s.log_evidence))
            note(!asked.evidence ? "No evidence: a signal came before it."
                 : l2 == 0       ? "No evidence: it needs a penalty on every parameter (--l2 or "
                                   "--penalties, with --penalize-intercept)."
                 : r.has_intercept() && !r.settings().penalize_intercept
                     ? "No evidence: the intercept has no penalty (--penalize-intercept)."
                     : "No evidence: the Hessian is too large, or not positive definite.");
        else if (r.loss() == Loss::linear)
            note("The evidence is that for the estimated residual variance.");
    }
    line.folds_converged = s.folds_converged >= folds;
    if (s.folds < folds && was_interrupted())
        note("A signal ended the cross-validation after " + std::to_string(s.folds) + " of " +
             std::to_string(folds) + " folds.");
    else if (!line.folds_converged)
        note(std::to_string(folds - s.folds_converged) + " of " + std::to_string(folds) +
             " fits to folds have not converged, or had no weight.");
    s.notes = line.notes;
    return line;
}

/// Names that may have commas.
std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : "; ") + name;
    return text;
}

bool all_alike(const std::vector<Line>& lines, std::string Line::*part) {
    return std::all_of(lines.begin(), lines.end(),
                       [&](const Line& line) { return line.*part == lines[0].*part; });
}

void print_table(const std::vector<Line>& lines) {
    struct Column {
        const char* head;
        double ModelScore::*value;
        int best;    // -1: the lowest is the best, 1: the highest, 0: neither
        int digits;  // behind the point; -1: six in all
        std::string Line::*alike;
    };
    const Column columns[] = {
        {"rows", &ModelScore::samples, 0, 0, nullptr},
        {"log L", &ModelScore::log_likelihood, 0, 2, nullptr},
        {"AIC", &ModelScore::aic, -1, 2, &Line::likelihood},
        {"AICc", &ModelScore::aicc, -1, 2, &Line::likelihood},
        {"BIC", &ModelScore::bic, -1, 2, &Line::likelihood},
        {"log evidence", &ModelScore::log_evidence, 1, 2, &Line::likelihood},
        {"held-out loss", &ModelScore::held_out_loss, -1, -1, &Line::loss},
        {"+-", &ModelScore::held_out_error, 0, -1, nullptr},
    };
    std::vector<std::string> header{"model", "k"};
    std::vector<std::vector<std::string>> cells;
    for (const Line& line : lines)
        cells.push_back({line.score.name, std::to_string(line.score.counted)});
    for (const Column& column : columns) {
        header.emplace_back(column.head);
        double best = std::numeric_limits<double>::quiet_NaN();
        int known = 0;
        for (const Line& line : lines) {
            const double value = line.score.*column.value;
            if (std::isnan(value)) continue;
            ++known;
            if (std::isnan(best) || column.best * value > column.best * best) best = value;
        }
        if (column.value == &ModelScore::held_out_loss &&
            !std::all_of(lines.begin(), lines.end(),
                         [](const Line& line) { return line.folds_converged; }))
            known = 0;
        const bool marked = column.best != 0 && known > 1 && all_alike(lines, column.alike);
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const double value = lines[i].score.*column.value;
            cells[i].push_back(std::isnan(value)
                                   ? "-"
                                   : (column.digits < 0 ? number_text(value)
                                                        : format("%.*f", column.digits, value)) +
                                         (marked && value == best ? "*" : ""));
        }
    }
    TextTable table(header);
    for (const auto& row : cells) table.add(row);
    std::cout << table.text() << '\n';
    for (std::size_t i = 0; i < lines.size(); ++i) {
        // A note that several lines have is said once.
        const std::string& notes = lines[i].notes;
        const auto has_these = [&](const Line& line) { return line.notes == notes; };
        if (notes.empty() ||
            std::any_of(lines.begin(), lines.begin() + static_cast<long>(i), has_these))
            continue;
        std::vector<std::string> names;
        for (const Line& line : lines)
            if (has_these(line)) names.push_back(line.score.name);
        std::cout << (names.size() == lines.size() && names.size() > 1 ? "all" : joined(names))
                  << ": " << notes << '\n';
    }
    if (!all_alike(lines, &Line::loss))
        std::cout << "Held-out losses are not marked: those of different losses are on different "
                     "scales.\n";
    if (!all_alike(lines, &Line::likelihood))
        std::cout << "Criteria are not marked: likelihoods of different losses are of different "
                     "things.\n";
}

/// Held-out losses with their standard errors, or without folds how much AIC lies above the lowest
/// one, in a panel for each of the losses.
void draw(Picture& picture, const std::vector<Line>& lines, bool has_folds) {
    std::vector<std::string> groups;
    const auto part = has_folds ? &Line::loss : &Line::likelihood;
    std::size_t longest = 0;
    for (const Line& line : lines) {
        if (std::find(groups.begin(), groups.end(), line.*part) == groups.end())
            groups.push_back(line.*part);
        longest = std::max(longest, line.score.name.size());
    }
    picture.size(700 + 8 * static_cast<int>(std::min<std::size_t>(longest, 60)),
                 120 * static_cast<int>(groups.size()) + 60 +
                     30 * static_cast<int>(std::max<std::size_t>(lines.size(), 6)));
    picture << plain_style()
            << format("set rmargin 6\nset multiplot layout %zu,1\n", groups.size());
    for (const std::string& group : groups) {
        double lowest = std::numeric_limits<double>::infinity();
        for (const Line& line : lines)
            if (line.*part == group && std::isfinite(line.score.aic))
                lowest = std::min(lowest, line.score.aic);
        std::vector<std::vector<double>> rows;
        std::string tics;
        std::size_t drawn = 0;
        for (const Line& line : lines) {
            if (line.*part != group) continue;
            const double value = has_folds ? line.score.held_out_loss : line.score.aic - lowest;
            const double error = has_folds ? line.score.held_out_error : 0;
            const double place = -static_cast<double>(rows.size());
            drawn += std::isfinite(value);
            tics += (rows.empty() ? "" : ", ") + in_quotes(shortened(line.score.name, 60)) +
                    format(" %.0f", place);
            rows.push_back({value, place, std::isfinite(error) ? error : 0});
        }
        if (drawn == 0) {
            picture << "set multiplot next\n";
            continue;
        }
        const std::string what =
            has_folds ? "held-out loss of a row, with standard error" : "AIC above the lowest";
        picture << "set title " + in_quotes(group) + " noenhanced\nset ytics (" + tics +
                       ") noenhanced\nset yrange [" +
                       format("%.1f", -static_cast<double>(rows.size()) + 0.4) +
                       ":0.6]\nset xlabel " + in_quotes(what) + "\nplot " + picture.data(rows) +
                       " using 1:2:3 with xerrorbars linewidth 2 pointtype 7 pointsize 0.9 "
                       "linecolor '" +
                       colours[0] + "' notitle\n";
    }
    picture << "unset multiplot\n";
    picture.draw();
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
    const std::vector<Candidate> candidates = candidates_of(s);
    std::vector<std::unique_ptr<Regression<T>>> regressions;
    std::vector<FittedModel<T>> models;
    std::vector<Result<T>> results;
    for (const Candidate& candidate : candidates) {
        try {
            regressions.push_back(
                std::make_unique<Regression<T>>(candidate.settings, progress, Units::internal));
        } catch (const Interrupted&) {
            if (models.empty()) throw;
            break;
        }
        const Regression<T>& r = *regressions.back();
        if (r.rows() != regressions.front()->rows())
            throw FileError(
                "models see different rows (" + std::to_string(r.rows()) + " and " +
                std::to_string(regressions.front()->rows()) +
                ", as values are missing in different columns) leave rows out beforehand");
        options.callback = shown_by(progress, candidate.name);
        Result<T> result = solve(r, options);
        if (result.status == Status::cancelled) break;
        models.push_back({candidate.name, r.problem(), result.x});
        if (r.loss() == Loss::linear) models.back().samples = weights_of(r).rows;
        results.push_back(std::move(result));
    }
    if (models.empty()) check_signals();
    std::vector<Line> lines;
    bool all_converged = true;
    for (std::size_t i = 0; i < models.size(); ++i) {
        CompareOptions asked;
        asked.folds = s.folds;
        asked.seed = s.seed;
        asked.minimize = options;
        asked.minimize.callback = shown_by(progress, models[i].name + ", cross-validation");
        // After a signal only what takes no time.
        if (was_interrupted()) {
            asked.folds = 0;
            asked.evidence = false;
        }
        lines.push_back(line_of(*regressions[i], results[i],
                                compare(std::vector{models[i]}, asked).front(), asked, s.folds));
        all_converged = all_converged && results[i].converged();
    }
    progress.clear();
    std::vector<std::string> not_fitted;
    for (std::size_t i = models.size(); i < candidates.size(); ++i)
        not_fitted.push_back(candidates[i].name);
    if (was_interrupted())
        note("ended by a signal" +
             (not_fitted.empty() ? std::string() : ", not fitted: " + joined(not_fitted)));
    if (s.run.json) {
        Json json;
        json["command"] = "compare";
        json["data"] = s.regression.table.file;
        json["rows"] = regressions[0]->rows();
        if (!not_fitted.empty()) json["not_fitted"] = not_fitted;
        json["models"] = Json::array();
        for (std::size_t i = 0; i < lines.size(); ++i) {
            const ModelScore& score = lines[i].score;
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
                                      {"folds", score.folds},
                                      {"folds_converged", score.folds_converged},
                                      {"notes", lines[i].notes}});
        }
        print(json);
    } else {
        std::cout << regressions[0]->settings().table.file << ": "
                  << counted(regressions[0]->rows(), "row") << ", models of '"
                  << s.regression.target << "'\n\n";
        print_table(lines);
        for (std::size_t i = 0; i < results.size(); ++i)
            if (!results[i].converged())
                std::cout << models[i].name << ": " << to_string(results[i].status) << ": "
                          << in_words_of_the_program(results[i].message) << '\n';
    }
    if (was_interrupted()) return interrupted_status();
    if (picture) draw(*picture, lines, s.folds > 0);
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
    add_run_options(*command, s->run, "held-out losses, or with --folds 0 differences of AIC");
    command->footer(
        "A * marks the best of each column, where its numbers can be compared: the lowest "
        "criterion "
        "or held-out loss, the highest evidence.\n\n" +
        examples({
            "cunewton compare bench/data/longley.csv --loss linear --target employed --models gnp "
            "gnp+year gnp+unemployed+armed_forces+year --folds 4",
            "cunewton compare bench/data/challenger.csv --loss logistic --target distress --drop "
            "flight "
            "--standardize --penalties 0.01,0.1,1 --penalize-intercept --plot compare.svg",
        }));
    command->callback([s, &status] {
        in_precision(s->run, [&](auto t) { status = compare_models<decltype(t)>(*s); });
    });
}

}  // namespace cunewton::tool
