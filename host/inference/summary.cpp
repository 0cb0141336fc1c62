#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

#include "cunewton/inference.h"

namespace cunewton {
namespace {

constexpr int least_width = 78;

template <class... Values>
std::string format(const char* how, Values... values) {
    char text[64];
    std::snprintf(text, sizeof(text), how, values...);
    return text;
}

std::string padded(const std::string& text, int width) {
    return text.size() < static_cast<std::size_t>(width)
               ? std::string(static_cast<std::size_t>(width) - text.size(), ' ') + text
               : text;
}

/// As statsmodels has its parameters: four digits after the point, fewer before it for large ones.
std::string number(double value) {
    if (std::isnan(value)) return "-";
    if (value == 0) return "0";
    const double size = std::abs(value);
    if (size >= 1e4 || size < 1e-3) return format("%.3e", value);
    return format(size >= 100 ? "%.3f" : "%.4f", value);
}

/// Of the header: left alone where it is not known.
std::string figure(double value, const char* how = "%.5g") {
    return std::isnan(value) ? "-" : format(how, value);
}

std::string whole(double value) {
    if (std::isnan(value)) return "-";
    return format(value == std::round(value) ? "%.0f" : "%.2f", value);
}

std::string repeated(char sign, int width) {
    return std::string(static_cast<std::size_t>(width), sign) + "\n";
}

std::string centred(const std::string& text, int width) {
    const int left = std::max(0, (width - static_cast<int>(text.size())) / 2);
    return std::string(static_cast<std::size_t>(left), ' ') + text + "\n";
}

/// "0.025" and "0.975" of a level of 0.95.
std::string limit(double probability) {
    return format("%.4g", probability);
}

}  // namespace

std::string summary(const Inference& inference, const SummaryOptions& options) {
    const std::size_t m = inference.estimates.size();
    if (!options.names.empty() && options.names.size() != m)
        throw InvalidArgument("names are of the wrong number (" +
                              std::to_string(options.names.size()) + " for " + std::to_string(m) +
                              " parameters) pass one for each");
    std::vector<std::string> names = options.names;
    for (std::size_t j = names.size(); j < m; ++j) names.push_back("x" + std::to_string(j + 1));

    std::string title = options.title;
    if (title.empty())
        title = inference.outputs > 0 ? "Generalized Linear Model Regression Results"
                                      : "Maximum Likelihood Results";
    using Cell = std::pair<std::string, std::string>;
    const std::vector<Cell> left = {
        {"Dep. Variable:", options.dependent},
        {"Model:", inference.loss},
        {"Method:", to_string(inference.method)},
        {"No. Iterations:", std::to_string(inference.iterations)},
        {"Converged:", to_string(inference.status)},
        {"Covariance:", to_string(inference.covariance_by)},
        {"AIC:", figure(inference.aic, "%.6g")},
        {"BIC:", figure(inference.bic, "%.6g")},
    };
    const std::vector<Cell> right = {
        {"No. Observations:", inference.observations > 0 ? whole(inference.observations) : "-"},
        {"Df Residuals:", whole(inference.degrees_of_freedom)},
        {"Df Model:", whole(inference.parameters - inference.intercepts)},
        {"Scale:", figure(inference.dispersion)},
        {"Log-Likelihood:", figure(inference.log_likelihood)},
        {"Deviance:", figure(inference.deviance)},
        {"Pearson chi2:", figure(inference.pearson, "%.3g")},
        {"Pseudo R-squ. (CS):", figure(inference.pseudo_r2, "%.4g")},
    };

    int name_width = 14;
    for (const std::string& name : names)
        name_width = std::max(name_width, static_cast<int>(name.size()) + 1);
    constexpr int column = 10;
    const std::string side = limit((1 - inference.level) / 2);
    const std::string other = limit(1 - (1 - inference.level) / 2);
    const char* const letter = inference.student ? "t" : "z";
    const std::string heads[] = {"coef",     "std err",  letter, std::string("P>|") + letter + "|",
                                 "[" + side, other + "]"};
    const int width = std::max(least_width, name_width + 6 * (column + 1));

    std::string text = centred(title, width) + repeated('=', width);
    const int half = width / 2 - 1;
    for (std::size_t line = 0; line < left.size(); ++line) {
        const auto cell = [](const Cell& of, int space) {
            return of.first + padded(of.second, space - static_cast<int>(of.first.size()));
        };
        text += cell(left[line], half) + "  " + cell(right[line], width - half - 2) + "\n";
    }
    text += repeated('=', width) + std::string(static_cast<std::size_t>(name_width), ' ');
    for (const std::string& head : heads) text += padded(head, column) + " ";
    text.back() = '\n';
    text += repeated('-', width);
    std::vector<std::string> notes;
    for (std::size_t j = 0; j < m; ++j) {
        text += names[j] + std::string(static_cast<std::size_t>(name_width) - names[j].size(), ' ');
        const double p = inference.p_values[j];
        const std::string cells[] = {number(inference.estimates[j]),
                                     number(inference.standard_errors[j]),
                                     std::isnan(p) ? "-" : format("%.3f", inference.statistics[j]),
                                     std::isnan(p) ? "-" : format("%.3f", p),
                                     number(inference.low[j]),
                                     number(inference.high[j])};
        for (const std::string& cell : cells) text += padded(cell, column) + " ";
        text.back() = '\n';
        if (inference.reason.empty() && inference.without[j] != WithoutError::none)
            notes.push_back(names[j] + " has no standard error: it is " +
                            to_string(inference.without[j]) + ".");
    }
    text += repeated('=', width);
    notes.insert(notes.begin(), "Standard errors " + inference.errors + ".");
    if (inference.weights != WeightsAre::not_said)
        notes.push_back(std::string("Weights are ") + to_string(inference.weights) + ".");
    for (std::size_t j = 0; j < m; ++j)
        if (!std::isnan(inference.profile_low[j]) || !std::isnan(inference.profile_high[j]))
            notes.push_back(names[j] + ": " + limit(inference.level) + " by profile likelihood, [" +
                            number(inference.profile_low[j]) + ", " +
                            number(inference.profile_high[j]) + "].");
    if (!inference.without_likelihood.empty())
        notes.push_back("There is no AIC: " + inference.without_likelihood + ".");
    // Beyond this half of the digits of double precision are lost to the parameters' dependence.
    if (inference.scaled_condition_number > 1e8)
        notes.push_back("The condition number is " +
                        format("%.2g", inference.scaled_condition_number) +
                        " whatever the units: parameters are nearly dependent.");
    if (inference.status != Status::converged && !inference.status_message.empty())
        notes.push_back("The fit: " + inference.status_message + ".");
    text += "Notes:\n";
    for (std::size_t k = 0; k < notes.size(); ++k)
        text += "[" + std::to_string(k + 1) + "] " + notes[k] + "\n";
    return text;
}

}  // namespace cunewton
