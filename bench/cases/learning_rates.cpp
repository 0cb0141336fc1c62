// Gradient descent with the learning rates that the Hessian gives, against Newton's method and
// BFGS: on a regression of two samples and on a perceptron.
#include <string>

#include "bench/cases/cases.h"
#include "bench/cases/mlp_data.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/minimize.h"

namespace cunewton::bench {
namespace {

constexpr double goals[] = {1, 0.6, 0.5, 0.4, 0.3};
constexpr double longest = 60;  // seconds

struct Variant {
    const char* name;
    Method method;
    DescentStep step = DescentStep::exact_quadratic;
    int interval = 1;
};
constexpr Variant descents[] = {
    {"exact step along -g", Method::gradient_descent, DescentStep::exact_quadratic},
    {"1 / lambda_max", Method::gradient_descent, DescentStep::inverse_lambda_max},
    {"1 / lambda_max, every 10", Method::gradient_descent, DescentStep::inverse_lambda_max, 10},
    {"2 / (lambda_max + lambda_min), every 50", Method::gradient_descent,
     DescentStep::extreme_eigenvalues, 50},
    {"1 / diagonal", Method::gradient_descent, DescentStep::inverse_diagonal},
    {"1 / diagonal, every 10", Method::gradient_descent, DescentStep::inverse_diagonal, 10},
};
constexpr Variant with_matrices[] = {{"newton", Method::newton}, {"bfgs", Method::bfgs}};
// Whose matrices would be n x n.
constexpr Variant without_matrices[] = {{"newton_cg", Method::newton_cg}, {"lbfgs", Method::lbfgs}};

template <class T>
void run_variant(Context& context, const std::string& data, const Problem<T>& problem,
                 const std::vector<T>& start, long samples, const Variant& variant, bool to_end) {
    Row row = context.report.row("learning_rates", data + ", " + variant.name);
    row.dimension = problem.dimension();
    row.samples = samples;
    Options options;
    options.method = variant.method;
    options.descent_step = variant.step;
    options.curvature_interval = variant.interval;
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    options.max_iterations = context.settings.small && !to_end ? 20 : 100000;
    options.time_limit = longest;
    nlohmann::ordered_json reached;
    Result<T> result;
    row.timing = measure(to_end ? context.settings.repeats : 1, [&] {
        reached = nlohmann::ordered_json::array();
        const double begin = cpu_seconds();
        std::size_t next = 0;
        if (!to_end)
            options.callback = [&](const IterationRecord& record) {
                for (; next < std::size(goals) && record.f <= goals[next]; ++next)
                    reached.push_back({{"loss", goals[next]},
                                       {"cpu_seconds", cpu_seconds() - begin},
                                       {"iterations", record.iteration}});
                return next < std::size(goals);
            };
        result = minimize(problem, start, options);
    });
    row.backend = result.backend;
    if (row.backend == "cpu") row.threads = context.settings.threads;
    row.iterations = result.iterations;
    row.status = to_string(result.status);
    row.gradient_norm = result.gradient_norm;
    row.extra["loss"] = static_cast<double>(result.f);
    if (!to_end) row.extra["reached"] = reached;
    row.extra["counts"] = {{"evaluations", result.counts.evaluations},
                           {"hessians", result.counts.hessians},
                           {"products", result.counts.products}};
    context.report.add(row);
}

template <class T>
void run(Context& context) {
    {
        const std::vector<T> X{1, 2, 3, 4}, y{2, 4};
        Samples<T> samples;
        samples.features = X.data();
        samples.count = 2;
        samples.dimension = 2;
        samples.targets = y.data();
        const Problem<T> problem = make_linear_predictor<T>(LinearRegression{}, samples);
        const std::vector<T> start{1, 1};
        for (const Variant& variant : descents)
            run_variant(context, "regression", problem, start, 2, variant, true);
        for (const Variant& variant : with_matrices)
            run_variant(context, "regression", problem, start, 2, variant, true);
    }
    const MlpData data = read_mlp_data(context.settings.small);
    const std::vector<T> X(data.X.begin(), data.X.end()), y(data.y.begin(), data.y.end());
    const Problem<T> problem = make_perceptron<T>(data.perceptron, data.view(X, y),
                                                  {.l2 = 1e-4, .penalize_intercept = true});
    const std::vector<T> start = random_start<T>(data.perceptron, 1);
    for (const Variant& variant : descents)
        run_variant(context, data.name, problem, start, data.samples, variant, false);
    for (const Variant& variant : without_matrices)
        run_variant(context, data.name, problem, start, data.samples, variant, false);
}

}  // namespace

void run_learning_rates(Context& context) {
    if (context.settings.single)
        run<float>(context);
    else
        run<double>(context);
}

}  // namespace cunewton::bench
