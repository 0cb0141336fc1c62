#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "cunewton/inference.h"

namespace cunewton {
namespace {

template <class... Values>
std::string format(const char* how, Values... values) {
    char text[128];
    std::snprintf(text, sizeof(text), how, values...);
    return text;
}

std::string share(long count, long of) {
    return format("%10ld  %6.2f %%", count,
                  100.0 * static_cast<double>(count) / static_cast<double>(std::max(of, 1L)));
}

}  // namespace

template <class T>
std::string fit_report(const BatchModel& model, const BatchData<T>& data,
                       const BatchOptions& options, const BatchResult<T>& result,
                       const FitReportOptions& report) {
    const long problems = result.problems;
    std::string text = std::to_string(problems) + " problems of " +
                       std::to_string(result.dimension) + " parameters on " + result.backend +
                       (result.backend_reason.empty() ? "" : " (" + result.backend_reason + ")") +
                       format(", %.3g s", result.seconds);
    if (result.cancelled)
        text += ", cancelled after " + std::to_string(result.completed) + " of them";
    if (result.solved_again > 0)
        text += ", " + std::to_string(result.solved_again) + " solved again in double precision";
    text += "\n\n";

    std::map<Status, std::vector<long>> by_status;
    for (long i = 0; i < static_cast<long>(result.status.size()); ++i)
        by_status[result.status[static_cast<std::size_t>(i)]].push_back(i);
    std::vector<std::pair<Status, const std::vector<long>*>> order;
    for (const auto& found : by_status) order.emplace_back(found.first, &found.second);
    std::ranges::stable_sort(
        order, [](const auto& a, const auto& b) { return a.second->size() > b.second->size(); });
    for (const auto& found : order)
        text += format("%-20s", to_string(found.first)) +
                share(static_cast<long>(found.second->size()), problems) + "\n";
    long bounded = 0;
    for (const std::uint64_t bits : result.at_bound) bounded += bits != 0;
    if (bounded > 0) text += format("%-20s", "ended at a bound") + share(bounded, problems) + "\n";
    if (!result.iterations.empty() && problems > 0) {
        std::vector<int> iterations = result.iterations;
        std::ranges::sort(iterations);
        text += format("iterations: median %d, most %d\n", iterations[iterations.size() / 2],
                       iterations.back());
    }
    if (report.worst <= 0) return text;

    // Of each status those whose objective is largest: most is lost there.
    const auto objective = [&](long i) {
        const double value = static_cast<double>(result.objective[static_cast<std::size_t>(i)]);
        return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
    };
    for (const auto& found : order) {
        if (found.first == Status::converged || found.first == Status::not_run) continue;
        std::vector<long> worst = *found.second;
        std::ranges::stable_sort(worst,
                                 [&](long a, long b) { return objective(a) > objective(b); });
        worst.resize(std::min(worst.size(), static_cast<std::size_t>(report.worst)));
        text += std::string("\n") + to_string(found.first) + ", the largest objectives:\n";
        for (const long i : worst)
            text += "  problem " + std::to_string(i) + ": " +
                    explain(model, data, options, result, i).message + "\n";
    }
    if (result.reduced_chi_square.empty()) return text;
    std::vector<long> fits;
    if (const auto found = by_status.find(Status::converged); found != by_status.end())
        for (const long i : found->second)
            if (std::isfinite(result.reduced_chi_square[static_cast<std::size_t>(i)]))
                fits.push_back(i);
    const auto chi_square = [&](long i) {
        return static_cast<double>(result.reduced_chi_square[static_cast<std::size_t>(i)]);
    };
    std::ranges::stable_sort(fits, [&](long a, long b) { return chi_square(a) > chi_square(b); });
    if (fits.empty()) return text;
    text += format("\nreduced chi-square of those that converged: median %.4g; the largest:\n",
                   chi_square(fits[fits.size() / 2]));
    fits.resize(std::min(fits.size(), static_cast<std::size_t>(report.worst)));
    for (const long i : fits)
        text += "  problem " + std::to_string(i) +
                format(": %.4g after %d iterations\n", chi_square(i),
                       result.iterations[static_cast<std::size_t>(i)]);
    return text;
}
template std::string fit_report(const BatchModel&, const BatchData<double>&, const BatchOptions&,
                                const BatchResult<double>&, const FitReportOptions&);
template std::string fit_report(const BatchModel&, const BatchData<float>&, const BatchOptions&,
                                const BatchResult<float>&, const FitReportOptions&);

}  // namespace cunewton
