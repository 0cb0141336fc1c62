#include "bench/cases/dense.h"

#include <cmath>
#include <initializer_list>

#include "bench/cases/solve.h"
#include "bench/peers/peers.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/softmax.h"

namespace cunewton::bench {
namespace {

constexpr double l2 = 1e-4;
constexpr double standard_tolerance = 1e-8;

double gradient_norm(Objective& model, const std::vector<double>& w) {
    std::vector<double> g(w.size());
    model.value_and_gradient(w.data(), g.data());
    double sum = 0;
    for (const double gj : g) sum += gj * gj;
    return std::sqrt(sum);
}

/// One way to solve it.
struct Variant {
    const char* name;
    Method method = Method::newton;
    HessianPrecision hessian = HessianPrecision::working;
};

template <class T>
void run_variants(const DenseJob& job, Objective& model, Context& context, double tolerance,
                  std::initializer_list<Variant> variants) {
    constexpr bool is_double = std::is_same_v<T, double>;
    const TrainingData& data = job.data;
    const std::vector<T> X(data.X.begin(), data.X.end()), y(data.y.begin(), data.y.end());
    Samples<T> samples;
    samples.features = X.data();
    samples.count = data.samples;
    samples.dimension = data.features;
    samples.targets = y.data();
    const ProblemOptions penalty{.l2 = l2, .intercept = true, .penalize_intercept = true};
    const Problem<T> problem =
        data.outputs() == 1 ? make_linear_predictor<T>(Logistic{}, samples, penalty)
                            : make_linear_predictor<T>(Softmax{data.classes}, samples, penalty);
    const std::vector<T> start(static_cast<std::size_t>(problem.dimension()), T(0));

    for (const Variant& variant : variants) {
        const bool single_hessian = variant.hessian == HessianPrecision::single;
        if (single_hessian && !is_double) continue;
        Row row = context.report.row(job.case_name, job.data_name + ", " + variant.name);
        row.group = job.data_name;
        row.samples = data.samples;
        Options options;
        options.method = variant.method;
        if (is_double) options.gradient_tolerance = tolerance;
        options.derivatives.hessian_precision = variant.hessian;
        const Result<T> result = timed_minimize(problem, start, options, context, row);
        // Not what the solver says, but what another program says about its answer.
        row.extra["reported_gradient_norm"] = result.gradient_norm;
        row.extra["method"] = to_string(result.method);
        row.extra["sampled_passes"] = result.counts.sampled_passes;
        row.gradient_norm = gradient_norm(model, {result.x.begin(), result.x.end()});
        if (variant.method == Method::newton) {
            DenseWork work = newton_work(data, result.iterations);
            work.single_products = single_hessian || !is_double;
            work.single_factorizations = !is_double;
            context.set_floor(row, work);
        }
        context.report.add(row);
    }
}

/// In the precision that was asked for.
void run_library(const DenseJob& job, Objective& model, Context& context, double tolerance,
                 std::initializer_list<Variant> variants) {
    if (context.settings.single)
        run_variants<float>(job, model, context, tolerance, variants);
    else
        run_variants<double>(job, model, context, tolerance, variants);
}

void run_peers(const DenseJob& job, Objective& model, Context& context) {
    const std::vector<double> start(static_cast<std::size_t>(model.dimension()), 0.0);
    for (const Peer& peer : peers()) {
        if (!peer.second_order) continue;
        Row row = context.report.peer_row(job.case_name, peer.name);
        row.group = job.data_name;
        row.dimension = model.dimension();
        row.samples = job.data.samples;
        PeerResult result;
        const PeerLimits limits{.gradient_tolerance = standard_tolerance, .seconds = 600};
        row.timing = measure(context.settings.repeats,
                             [&] { result = minimize_with(peer, model, start, limits); });
        row.iterations = result.iterations;
        row.status = result.status;
        row.gradient_norm = gradient_norm(model, result.x);
        row.solved = *row.gradient_norm < standard_tolerance;
        context.report.add(row);
    }
}

}  // namespace

DenseWork newton_work(const TrainingData& data, int iterations) {
    DenseWork work;
    work.dimension = data.parameters();
    const double m = data.features + 1, n = data.parameters(), K = data.outputs();
    work.products = iterations * (K * (K + 1) / 2 * double(data.samples) * m * (m + 1));
    work.factorizations = iterations * (n * n * n / 3);
    return work;
}

void run_dense_job(const DenseJob& job, Context& context) {
    const std::unique_ptr<Objective> model = make_dense_model(job.data, l2);
    run_library(
        job, *model, context, standard_tolerance,
        {{"newton"}, {"newton, float32 hessian", Method::newton, HessianPrecision::single}});
    if (job.peers && context.settings.peers) run_peers(job, *model, context);
}

void run_matrix_free_job(const DenseJob& job, Context& context) {
    DenseJob named = job;
    named.case_name = "matrix_free";
    const std::unique_ptr<Objective> model = make_dense_model(named.data, l2);
    run_library(named, *model, context, standard_tolerance,
                {{"newton"}, {"newton_cg", Method::newton_cg}, {"automatic", Method::automatic}});
}

void run_subsampled_job(const DenseJob& job, Context& context) {
    DenseJob named = job;
    named.case_name = "subsampled_newton";
    const std::unique_ptr<Objective> model = make_dense_model(named.data, l2);
    run_library(named, *model, context, 1e-6,
                {{"newton"},
                 {"newton_cg", Method::newton_cg},
                 {"subsampled_newton", Method::subsampled_newton}});
}

}  // namespace cunewton::bench
