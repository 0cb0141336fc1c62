#include "bench/cases/sparse.h"

#include <algorithm>
#include <cmath>

#include "bench/cases/solve.h"
#include "bench/timing.h"
#include "cunewton/sparse_hessian.h"
#include "host/backend/choice.h"
#include "host/sparse/derivatives.h"
#include "host/sparse/sparse_curvature.h"

namespace cunewton::bench {
namespace {

double norm(const std::vector<double>& v) {
    double square = 0;
    for (const double value : v) square += value * value;
    return std::sqrt(square);
}

/// One Hessian beside 2 x colours bare gradients; one factorisation and one solve.
void run_parts(const SparseJob& job, Context& context) {
    const SparsityPattern& pattern = *job.problem.parts().sparsity;
    const std::size_t n = job.x0.size();
    Row row = context.report.row(job.case_name, job.label + ", one Hessian");
    SessionOptions options;
    options.threads = context.settings.threads;
    options.derivatives = sparse_derivatives(job.problem, {});
    const Candidates candidates = choose_backends(job.problem, context.settings.backend);
    const BackendEntry& backend = *candidates.entries.front();
    Session<double> session = backend.code<double>().open(job.problem, options);
    Vectors<double>& vectors = *session.vectors;
    const double start = wall_seconds();
    const Colouring colouring = colour(pattern);
    row.extra["colouring_seconds"] = wall_seconds() - start;
    row.extra["acyclic_colours"] = colour(pattern, ColouringKind::acyclic).colours;
    const double prepared = wall_seconds();
    SparseCurvature<double> curvature(session, pattern, {});
    row.extra["preparation_seconds"] = wall_seconds() - prepared;  // with the colouring
    const Buffer<double> x = vectors.allocate(n), g = vectors.allocate(n), S = vectors.allocate(n),
                         largest = vectors.allocate(n);
    const Number f = vectors.number(), info = vectors.number(), pivot = vectors.number();
    vectors.upload(x.get(), job.x0.data(), n);
    row.timing = measure(context.settings.repeats, [&] {
        curvature.update(x.get());
        vectors.read(f);
    });
    row.backend = backend.name;
    if (row.backend == "cpu") row.threads = context.settings.threads;
    row.dimension = static_cast<int>(n);
    row.extra["colours"] = colouring.colours;
    row.extra["entries"] = pattern.size();
    if (row.backend == "cpu") {
        std::vector<double> plain(n);
        const Timing gradient = measure(context.settings.repeats, [&] {
            job.plain->value_and_gradient(job.x0.data(), plain.data());
        });
        row.extra["bare_value_and_gradient_cpu_seconds"] = gradient.cpu_median;
        row.extra["of_2_colours_bare_gradients"] =
            row.timing.cpu_median / (2 * colouring.colours * gradient.cpu_median);
    }
    session.evaluator->value_and_gradient(x.get(), g.get(), f);
    vectors.upload(largest.get(), std::vector<double>(n, 0.0).data(), n);
    curvature.raise_scales(g.get(), vectors.read(f), 0, largest.get(), S.get());
    const auto factorize = [&] {
        // Positive definite wherever x is.
        curvature.factorize(8, S.get(), info, pivot);
        if (vectors.read(info) != 0) throw std::runtime_error("a factorisation failed");
    };
    const double analysed = wall_seconds();
    factorize();
    row.extra["analysis_and_first_factorization_seconds"] = wall_seconds() - analysed;
    row.extra["factorization_cpu_seconds"] =
        measure(context.settings.repeats, factorize).cpu_median;
    row.extra["solve_cpu_seconds"] = measure(context.settings.repeats, [&] {
                                         curvature.solve(g.get());
                                         vectors.read(info);
                                     }).cpu_median;
    context.report.add(row);
}

void run_solve(const Problem<double>& problem, const std::string& label, const SparseJob& job,
               Context& context) {
    Row row = context.report.row(job.case_name, label);
    row.group = job.label;
    Options options;
    options.method = Method::newton;
    options.gradient_tolerance = job.gradient_tolerance;
    timed_minimize(problem, job.x0, options, context, row);
    row.samples.reset();
    row.solved = row.status == to_string(Status::converged);
    context.report.add(row);
}

/// One Hessian, and the solve.
void run_sum(const SparseJob& job, Context& context) {
    const double start = wall_seconds();
    const Problem<double> problem = job.make_sum();
    const double made = wall_seconds() - start;
    const std::string label = job.label + " as a separable sum";
    {
        Row row = context.report.row(job.case_name, label + ", one Hessian");
        SessionOptions options;
        options.threads = context.settings.threads;
        const Candidates candidates = choose_backends(problem, context.settings.backend);
        const BackendEntry& backend = *candidates.entries.front();
        const Session<double> session = backend.code<double>().open(problem, options);
        Vectors<double>& vectors = *session.vectors;
        const long entries = problem.parts().sparsity->size();
        const Buffer<double> x = vectors.allocate(job.x0.size()),
                             H = vectors.allocate(static_cast<std::size_t>(entries));
        const Number f = vectors.number();
        vectors.upload(x.get(), job.x0.data(), job.x0.size());
        row.timing = measure(context.settings.repeats, [&] {
            session.evaluator->sparse_hessian(x.get(), H.get());
            vectors.read(f);
        });
        row.backend = backend.name;
        if (row.backend == "cpu") row.threads = context.settings.threads;
        row.dimension = problem.dimension();
        row.extra["entries"] = entries;
        row.extra["preparation_seconds"] = made;
        row.status = "";
        context.report.add(row);
    }
    run_solve(problem, label, job, context);
}

void run_peers(const SparseJob& job, Context& context) {
    for (const SparsePeer& peer : sparse_peers()) {
        Row row =
            context.report.peer_row(job.case_name, fmt::format("{}, {}", job.label, peer.name));
        row.group = job.label;
        row.threads = 1;
        row.dimension = static_cast<int>(job.x0.size());
        SparsePeerResult result;
        row.timing = measure(
            context.settings.repeats,
            [&] { result = peer.minimize(*job.plain, job.x0, job.gradient_tolerance); }, 30);
        std::vector<double> g(job.x0.size());
        row.extra["loss"] = job.plain->value_and_gradient(result.x.data(), g.data());
        row.gradient_norm = norm(g);
        row.iterations = result.iterations;
        row.status = result.status;
        row.solved = *row.gradient_norm <= job.gradient_tolerance;
        context.report.add(row);
    }
}

}  // namespace

void run_sparse_job(const SparseJob& job, Context& context) {
    if (!context.can_run(job.problem, job.label)) return;
    try {
        run_parts(job, context);
        run_solve(job.problem, job.label, job, context);
        run_sum(job, context);
    } catch (const BackendUnavailable& missing) {
        context.report.progress(fmt::format("  {}: left out, {}", job.label, missing.what()));
        return;
    }
    if (job.peers && context.settings.peers) run_peers(job, context);
}

}  // namespace cunewton::bench
