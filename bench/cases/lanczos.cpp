// The largest eigenvalues of a perceptron's Hessian by products, and ARPACK's on the same ones.
#include <cmath>
#include <memory>

#include "bench/cases/cases.h"
#include "bench/cases/mlp_data.h"
#include "bench/peers/arpack.h"
#include "cunewton/curvature.h"
#include "cunewton/minimize.h"
#include "host/backend/choice.h"

namespace cunewton::bench {
namespace {

constexpr double tolerance = 1e-6;

/// Where the eigenvalues are taken.
template <class T>
struct Place {
    std::string name;
    std::vector<T> x;
};

/// At the start, and where ten steps of Newton-CG have led.
template <class T>
std::vector<Place<T>> places(const Problem<T>& problem, const MlpData& data,
                             const Context& context) {
    std::vector<Place<T>> list;
    const std::vector<double> start = random_start<double>(data.perceptron, 1);
    list.push_back({"start", {start.begin(), start.end()}});
    Options options;
    options.method = Method::newton_cg;
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    options.max_iterations = 10;
    list.push_back({"10 steps on", minimize(problem, list[0].x, options).x});
    return list;
}

template <class T>
void run(Context& context) {
    const MlpData data = read_mlp_data(context.settings.small);
    const std::vector<T> X(data.X.begin(), data.X.end()), y(data.y.begin(), data.y.end());
    const Problem<T> problem = make_perceptron<T>(data.perceptron, data.view(X, y),
                                                  {.l2 = 1e-4, .penalize_intercept = true});
    EigenvalueOptions options;
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    options.smallest = 0;
    for (const Place<T>& place : places(problem, data, context)) {
        options.largest = 1;
        options.tolerance = sizeof(T) == 8 ? 1e-10 : 0;
        const double exact = extreme_eigenvalues(problem, place.x, options).largest.values[0];
        options.tolerance = tolerance;
        for (const int wanted : {1, 5}) {
            options.largest = wanted;
            const std::string name =
                fmt::format("{}, {}, {} largest", data.name, place.name, wanted);
            Row row = context.report.row("lanczos", name);
            Eigenvalues<T> found;
            row.timing = measure(
                context.settings.repeats,
                [&] { found = extreme_eigenvalues(problem, place.x, options); }, 60);
            row.backend = found.backend;
            if (row.backend == "cpu") row.threads = context.settings.threads;
            row.dimension = problem.dimension();
            row.samples = data.samples;
            row.solved = found.converged;
            row.group = name;
            row.error = std::abs(found.largest.values[0] - exact) / std::abs(exact);
            row.extra["products"] = found.products;
            row.extra["restarts"] = found.restarts;
            row.extra["eigenvalue"] = found.largest.values[0];
            row.extra["residual"] = found.largest.residuals[0];
            context.report.add(row);
            if (sizeof(T) != 8 || row.backend != "cpu" || !context.settings.peers) continue;
            // The same products, with the vectors that SciPy's eigsh would take.
            SessionOptions session_options;
            session_options.threads = context.settings.threads;
            const Session<T> session = choose_backends(problem, context.settings.backend)
                                           .entries[0]
                                           ->template code<T>()
                                           .open(problem, session_options);
            const std::size_t n = place.x.size();
            const Buffer<T> at = session.vectors->allocate(n), from = session.vectors->allocate(n),
                            to = session.vectors->allocate(n);
            Row peer = context.report.peer_row("lanczos", name + ", ARPACK");
            std::optional<ArpackResult> result;
            peer.timing = measure(
                context.settings.repeats,
                [&] {
                    session.vectors->upload(at.get(), place.x.data(), n);
                    session.evaluator->prepare_products(at.get());
                    result = arpack_largest(
                        static_cast<int>(n), wanted,
                        [&](const double* v, double* Hv) {
                            std::copy_n(v, n, from.get());
                            session.evaluator->products(from.get(), 1, to.get());
                            std::copy_n(to.get(), n, Hv);
                        },
                        tolerance, std::min(std::max(2 * wanted + 1, 20), static_cast<int>(n)));
                },
                60);
            if (!result) continue;
            peer.threads = context.settings.threads;
            peer.dimension = problem.dimension();
            peer.samples = data.samples;
            peer.group = name;
            peer.solved = result->converged;
            peer.error = std::abs(result->largest[0] - exact) / std::abs(exact);
            peer.extra["products"] = result->products;
            peer.extra["eigenvalue"] = result->largest[0];
            context.report.add(peer);
        }
    }
}

}  // namespace

void run_lanczos(Context& context) {
    if (context.settings.single)
        run<float>(context);
    else
        run<double>(context);
}

}  // namespace cunewton::bench
