// One timed minimisation and its row.
#pragma once

#include "bench/context.h"
#include "cunewton/differentiate.h"
#include "cunewton/minimize.h"

namespace cunewton::bench {

/// Minimises repeatedly, fills in the row's measurements and returns the last result.
template <class T>
Result<T> timed_minimize(const Problem<T>& problem, const std::vector<T>& x0, Options options,
                         const Context& context, Row& row) {
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    Result<T> result;
    row.timing =
        measure(context.settings.repeats, [&] { result = minimize(problem, x0, options); });
    row.backend = result.backend;
    row.dimension = problem.dimension();
    if (row.backend == "cpu") row.threads = context.settings.threads;
    if (row.backend == "cuda") {
        // What of the time is the way to the device: opened, the data copied, evaluated once.
        EvaluationOptions once;
        once.backend = options.backend;
        row.extra["first_evaluation_seconds"] =
            measure(context.settings.repeats, [&] { evaluate(problem, x0, once); }).median;
    }
    row.iterations = result.iterations;
    row.status = to_string(result.status);
    row.gradient_norm = result.gradient_norm;
    row.extra["loss"] = static_cast<double>(result.f);
    row.extra["counts"] = {{"evaluations", result.counts.evaluations},
                           {"gradients", result.counts.gradients},
                           {"hessians", result.counts.hessians},
                           {"factorizations", result.counts.factorizations},
                           {"products", result.counts.products}};
    row.extra["phase_seconds"] = {{"evaluate", result.seconds.evaluate},
                                  {"hessian", result.seconds.hessian},
                                  {"factorize", result.seconds.factorize},
                                  {"total", result.seconds.total}};
    return result;
}

}  // namespace cunewton::bench
