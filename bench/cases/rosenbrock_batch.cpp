// Minimisations of the extended Rosenbrock function from many starts.
#include <algorithm>
#include <cmath>

#include "bench/cases/batch_solve.h"
#include "bench/cases/cases.h"
#include "bench/cases/rosenbrock_starts.h"
#include "bench/peers/rosenbrock_peers.h"
#include "cunewton/model/rosenbrock.h"

namespace cunewton::bench {
namespace {

constexpr const char* case_name = "rosenbrock_batch";

/// The rounding of the gradient in float is some hundred times its epsilon.
template <class T>
constexpr double gradient_tolerance = sizeof(T) == 8 ? 1e-6 : 1e-3;

/// Distance of the answers from (1, ..., 1), and the share of gradients within the tolerance.
template <class T>
void judge(Row& row, int n, const std::vector<T>& answers, double tolerance) {
    double error = 0;
    long accurate = 0;
    std::vector<double> x(n), g(n);
    const long count = long(answers.size()) / n;
    for (long i = 0; i < count; ++i) {
        std::copy_n(answers.begin() + i * n, n, x.begin());
        const double f = rosenbrock(n, x.data(), g.data());
        double largest = std::isfinite(f) ? 0 : 1e300;
        for (int j = 0; j < n; ++j) {
            error = std::isfinite(f) ? std::max(error, std::abs(x[j] - 1)) : 1e300;
            largest = std::max(largest, std::abs(g[j]));
        }
        // The gradient of the rounded answer, which may be a little above the tolerance.
        accurate += largest <= 2 * tolerance;
    }
    row.error = error;
    row.share_accurate = double(accurate) / double(count);
    row.extra["gradient_tolerance"] = tolerance;
}

template <class T, int n>
void run_library(const std::vector<T>& start, BatchDerivatives by, int threads, Context& context) {
    const SmallObjective objective = make_small_objective(RosenbrockN<n>{});
    if (!context.can_run(objective, case_name)) return;
    std::string variant = fmt::format("n={}, {}", n, to_string(by));
    if (threads > 1) variant += fmt::format(", {} threads", threads);
    Row row = context.report.row(case_name, variant);
    BatchOptions options;
    options.derivatives = by;
    options.gradient_tolerance = gradient_tolerance<T>;
    BatchData<T> data;
    data.problems = long(start.size()) / n;
    data.start = start;
    const BatchResult<T> found = timed_batch(objective, data, options, threads, context, row);
    row.samples.reset();
    judge(row, n, found.parameters, options.gradient_tolerance);
    if (threads == 1 || row.backend != "cpu") row.group = fmt::format("n={}", n);
    context.report.add(row);
}

void run_peers(int n, const std::vector<double>& start, Context& context) {
    for (const RosenbrockPeer& peer : rosenbrock_peers()) {
        const long count = std::min(long(start.size()) / n, peer.most_problems);
        std::vector<double> answers(std::size_t(count) * n);
        long iterations = 0;
        const RosenbrockStarts job{
            n, count, start.data(), gradient_tolerance<double>, answers.data(), &iterations};
        Row row = context.report.peer_row(case_name, fmt::format("n={}, {}", n, peer.name));
        row.timing = measure(
            context.settings.repeats,
            [&] {
                iterations = 0;
                peer.minimize(job);
            },
            30);
        row.threads = 1;
        row.dimension = n;
        row.batch = count;
        row.mean_iterations = double(iterations) / double(count);
        judge(row, n, answers, job.gradient_tolerance);
        row.solved = *row.share_accurate == 1;
        row.group = fmt::format("n={}", n);
        context.report.add(row);
    }
}

template <class T, int n>
void run_dimension(Context& context) {
    const Settings& settings = context.settings;
    const std::vector<double> drawn = make_rosenbrock_starts(n, settings.small ? 200 : 100000);
    const std::vector<T> start(drawn.begin(), drawn.end());
    for (const BatchDerivatives by :
         {BatchDerivatives::analytic, BatchDerivatives::autodiff, BatchDerivatives::differences})
        run_library<T, n>(start, by, 1, context);
    for (const int threads : context.more_threads())
        run_library<T, n>(start, BatchDerivatives::analytic, threads, context);
    // They are all in double.
    if constexpr (sizeof(T) == 8)
        if (context.runs_small_peers()) run_peers(n, start, context);
}

template <class T>
void run_in(Context& context) {
    run_dimension<T, 2>(context);
    run_dimension<T, 4>(context);
    run_dimension<T, 8>(context);
    run_dimension<T, 16>(context);
}

}  // namespace

void run_rosenbrock_batch(Context& context) {
    if (context.settings.single)
        run_in<float>(context);
    else
        run_in<double>(context);
}

}  // namespace cunewton::bench
