// Minimisation within bounds: problems whose solutions are known, and a logistic regression.
#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/cases/cases.h"
#include "bench/cases/solve.h"
#include "tests/bounds/problems.h"

namespace cunewton::bench {

namespace {

/// In common with the solution, relative to its largest number; 16 at most.
double digits_of(const std::vector<double>& x, const std::vector<double>& solution) {
    double error = 0, largest = 1;
    for (std::size_t j = 0; j < x.size(); ++j) {
        error = std::max(error, std::abs(x[j] - solution[j]));
        largest = std::max(largest, std::abs(solution[j]));
    }
    return std::min(16.0, -std::log10(error / largest + 1e-17));
}

void run_bounded_problem(const test::BoundedProblem& problem, Context& context) {
    Row row = context.report.row("bounded", problem.name);
    Options options;
    options.lower = problem.lower;
    options.upper = problem.upper;
    const Result<double> result =
        timed_minimize(problem.problem, problem.x0, options, context, row);
    if (!problem.solution.empty()) row.digits = digits_of(result.x, problem.solution);
    Row free_row = row;
    options.lower.clear();
    options.upper.clear();
    const Result<double> free =
        timed_minimize(problem.problem, problem.x0, options, context, free_row);
    row.extra["unbounded_iterations"] = free.iterations;
    row.extra["unbounded_seconds"] = free_row.timing.median;
    row.extra["at_bounds"] = std::ranges::count_if(
        result.at_bound, [](AtBound where) { return where != AtBound::free; });
    context.report.add(row);
}

}  // namespace

void run_bounded(Context& context) {
    if (context.settings.single) {
        context.report.progress("  left out: the solutions are known in double");
        return;
    }
    for (const test::BoundedProblem& problem : test::bounded_problems()) {
        if (context.settings.backend == BackendChoice::cuda && !problem.on_cuda) continue;
        if (context.settings.small && problem.problem.dimension() > 20) continue;
        run_bounded_problem(problem, context);
    }
}

void run_logistic_bounds(Context& context) {
    if (context.settings.single) {
        context.report.progress("  left out: float is logistic_dense's");
        return;
    }
    const long samples = context.settings.small ? 2000 : 20000;
    const int n = 51;
    const test::BoundedProblem problem = test::bounded_logistic(samples, n, 0, 1);
    Options options;
    const auto run = [&](const char* variant) {
        Row row = context.report.row("logistic_bounds", variant);
        row.samples = samples;
        const Result<double> result =
            timed_minimize(problem.problem, problem.x0, options, context, row);
        if (!result.at_bound.empty())
            row.extra["at_bounds"] = std::ranges::count_if(
                result.at_bound, [](AtBound where) { return where != AtBound::free; });
        context.report.add(row);
        return result;
    };
    const Result<double> free = run("no bounds");
    // Across the signs of the three largest coefficients.
    options.lower.assign(n, -std::numeric_limits<double>::infinity());
    options.upper.assign(n, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> order(n);
    for (std::size_t j = 0; j < order.size(); ++j) order[j] = j;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
        return std::abs(free.x[a]) > std::abs(free.x[b]);
    });
    for (std::size_t k = 0; k < 3; ++k)
        (free.x[order[k]] > 0 ? options.upper : options.lower)[order[k]] = 0;
    run("three bounds");
}

}  // namespace cunewton::bench
