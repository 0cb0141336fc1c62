// One timed batch of small problems and its row.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "bench/context.h"
#include "bench/device.h"
#include "cunewton/fit.h"

namespace cunewton::bench {

/// Statuses and how often they occur, most frequent first: "converged 98.2 %, small_change 1.8 %".
inline std::string describe_status(const std::vector<Status>& status) {
    std::vector<std::pair<std::size_t, Status>> counts;
    for (const Status s : status) {
        const auto known = std::find_if(counts.begin(), counts.end(),
                                        [&](const auto& entry) { return entry.second == s; });
        if (known == counts.end())
            counts.push_back({1, s});
        else
            ++known->first;
    }
    std::stable_sort(counts.begin(), counts.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    if (counts.size() == 1) return to_string(counts[0].second);
    std::string text;
    for (const auto& [count, s] : counts)
        text += fmt::format("{}{} {:.3g} %", text.empty() ? "" : ", ", to_string(s),
                            100.0 * double(count) / double(status.size()));
    return text;
}

/// Whether a problem's status says that a stop rule was met which the options ask for, as far as
/// its derivatives can tell.
inline bool ended_well(Status status, const BatchOptions& options) {
    return status == Status::converged ||
           (status == Status::derivative_accuracy &&
            options.derivatives == BatchDerivatives::differences) ||
           (status == Status::small_change && options.change_tolerance > 0) ||
           (status == Status::small_step && options.step_tolerance > 0);
}

/// Fits or minimises repeatedly, fills in the row's measurements and returns the last result.
template <class T>
BatchResult<T> timed_batch(const BatchModel& model, const BatchData<T>& data, BatchOptions options,
                           int threads, const Context& context, Row& row) {
    options.backend = context.settings.backend;
    options.threads = threads;
    BatchResult<T> result;
    row.timing = measure(context.settings.repeats, [&] {
        result = model.kind() == SmallKind::fit
                     ? fit_batch(static_cast<const FitModel&>(model), data, options)
                     : minimize_batch(static_cast<const SmallObjective&>(model), data, options);
    });
    row.backend = result.backend;
    row.dimension = result.dimension;
    row.samples = data.points;
    row.batch = data.problems;
    if (row.backend == "cpu") row.threads = threads;
    if (row.backend == "cuda")
        row.resident_seconds = resident_seconds(model, data, options, context.settings.repeats);
    double iterations = 0, converged = 0;
    for (long i = 0; i < data.problems; ++i) {
        iterations += result.iterations[i];
        converged += ended_well(result.status[i], options);
    }
    row.mean_iterations = iterations / double(data.problems);
    row.share_converged = converged / double(data.problems);
    row.status = describe_status(result.status);
    row.extra["chunks"] = result.chunks;
    row.extra["most_iterations"] =
        *std::max_element(result.iterations.begin(), result.iterations.end());
    return result;
}

/// The least time for `problems` fits: one pass over the points for each iteration and one for the
/// start, at the rate at which this many vector instructions and exponentials of lanes are issued.
inline double batch_floor_seconds(const VectorRates& rates, const Row& row, double instructions,
                                  double exponentials) {
    const double passes = double(*row.batch) * (*row.mean_iterations + 1);
    const double vectors = passes * double(*row.samples) / rates.lanes;
    const double one_thread =
        vectors * (instructions / rates.instructions + exponentials / rates.exponentials);
    return one_thread / row.threads.value_or(1);
}

}  // namespace cunewton::bench
