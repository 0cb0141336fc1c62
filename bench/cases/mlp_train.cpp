// A multi-layer perceptron trained on all samples, by each method: the time to a given loss.
#include "bench/cases/cases.h"
#include "bench/cases/mlp_data.h"
#include "cunewton/minimize.h"

namespace cunewton::bench {
namespace {

constexpr double goals[] = {0.3, 0.15, 0.12, 0.05};
constexpr double longest = 60;  // seconds

struct Variant {
    const char* name;
    Method method;
    HessianBy hessian = HessianBy::automatic;
    PreconditionBy precondition = PreconditionBy::automatic;
};
constexpr Variant variants[] = {
    {"newton_cg", Method::newton_cg},
    {"newton_cg, Gauss-Newton", Method::newton_cg, HessianBy::gauss_newton},
    {"newton_cg, not preconditioned", Method::newton_cg, HessianBy::automatic,
     PreconditionBy::none},
    {"hessian_free", Method::hessian_free},
    {"kfac", Method::kfac},
    {"lbfgs", Method::lbfgs},
    {"adam", Method::adam},
    {"sgd", Method::sgd},
};

template <class T>
void run(Context& context) {
    const MlpData data = read_mlp_data(context.settings.small);
    const std::vector<T> X(data.X.begin(), data.X.end()), y(data.y.begin(), data.y.end());
    const Samples<T> samples = data.view(X, y);
    const std::vector<T> test_X(data.test_X.begin(), data.test_X.end()),
        test_y(data.test_y.begin(), data.test_y.end());
    const Samples<T> tests = data.view(test_X, test_y);
    const Problem<T> problem =
        make_perceptron<T>(data.perceptron, samples, {.l2 = 1e-4, .penalize_intercept = true});
    const std::vector<T> start = random_start<T>(data.perceptron, 1);
    for (const Variant& variant : variants) {
        Row row = context.report.row("mlp_train", data.name + ", " + variant.name);
        row.dimension = problem.dimension();
        row.samples = data.samples;
        Options options;
        options.method = variant.method;
        options.derivatives.hessian = variant.hessian;
        options.precondition = variant.precondition;
        options.backend = context.settings.backend;
        options.threads = context.settings.threads;
        options.max_iterations = context.settings.small ? 20 : 100000;
        options.time_limit = longest;
        nlohmann::ordered_json reached;
        Result<T> result;
        row.timing = measure(1, [&] {
            reached = nlohmann::ordered_json::array();
            double begin = cpu_seconds();
            std::size_t next = 0;
            result = minimize(problem, start, options, [&](const Iterate<T>& iterate) {
                for (; next < std::size(goals) && iterate.f <= goals[next]; ++next) {
                    const double now = cpu_seconds();
                    reached.push_back(
                        {{"loss", goals[next]},
                         {"cpu_seconds", now - begin},
                         {"iterations", iterate.iteration},
                         {"test_accuracy", accuracy(data.perceptron, iterate.x(), tests)}});
                    begin += cpu_seconds() - now;
                }
                return next < std::size(goals);
            });
        });
        row.backend = result.backend;
        if (row.backend == "cpu") row.threads = context.settings.threads;
        row.iterations = result.iterations;
        row.status = to_string(result.status);
        row.gradient_norm = result.gradient_norm;
        row.extra["loss"] = static_cast<double>(result.f);
        row.extra["reached"] = reached;
        row.extra["training_accuracy"] = accuracy(data.perceptron, result.x, samples);
        row.extra["test_accuracy"] = accuracy(data.perceptron, result.x, tests);
        row.extra["counts"] = {{"evaluations", result.counts.evaluations},
                               {"hessians", result.counts.hessians},
                               {"products", result.counts.products}};
        context.report.add(row);
    }
}

}  // namespace

void run_mlp_train(Context& context) {
    if (context.settings.single)
        run<float>(context);
    else
        run<double>(context);
}

}  // namespace cunewton::bench
