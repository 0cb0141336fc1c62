// All eigenvalues of a dense Hessian, and the spectral density of a large one.
#include <cmath>

#include "bench/blas.h"
#include "bench/cases/cases.h"
#include "bench/cases/mlp_data.h"
#include "cunewton/curvature.h"
#include "cunewton/loss/logistic.h"
#include "tests/support/datasets.h"

namespace cunewton::bench {
namespace {

/// Of LAPACK's own call on this matrix, on the host.
template <class T>
Timing lapack_time(const std::vector<T>& H, int n, int repeats) {
    std::vector<T> A, values(static_cast<std::size_t>(n));
    const int work_size = 2 * n + 1, integers = 1;
    std::vector<T> work(static_cast<std::size_t>(work_size));
    int integer = 0, info = 0;
    return measure(repeats, [&] {
        A = H;
        if constexpr (sizeof(T) == 8)
            dsyevd_("N", "L", &n, A.data(), &n, values.data(), work.data(), &work_size, &integer,
                    &integers, &info);
        else
            ssyevd_("N", "L", &n, A.data(), &n, values.data(), work.data(), &work_size, &integer,
                    &integers, &info);
    });
}

/// A logistic loss of few samples, whose Hessian takes next to no time beside its eigenvalues.
template <class T>
void run_all(int n, Context& context) {
    const test::Dataset data = test::make_binary(n / 4, n, 5, {});
    const std::vector<T> X(data.X.begin(), data.X.end()), y(data.y.begin(), data.y.end());
    const Problem<T> problem = make_linear_predictor<T>(
        Logistic{}, Samples<T>{X.data(), data.samples, n, 0, y.data(), nullptr}, {.l2 = 1e-3});
    const std::vector<T> x(static_cast<std::size_t>(n), T(1e-2));
    SpectrumOptions options;
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    Row row = context.report.row("spectrum", fmt::format("all eigenvalues, n = {}", n));
    Spectrum<T> found;
    row.timing = measure(context.settings.repeats, [&] { found = spectrum(problem, x, options); });
    row.backend = found.backend;
    row.dimension = n;
    row.samples = data.samples;
    const std::vector<T> H = hessian(problem, x, options);
    if (row.backend == "cpu") {
        row.threads = context.settings.threads;
        const Timing lapack = lapack_time(H, n, context.settings.repeats);
        row.floor_seconds = lapack.median;
        row.extra["lapack_cpu_seconds"] = lapack.cpu_median;
    } else {
        row.floor_seconds =
            device_eigenvalues_seconds({H.begin(), H.end()}, n, context.settings.single);
    }
    double trace = 0, sum = 0;
    for (int j = 0; j < n; ++j) {
        trace += static_cast<double>(H[static_cast<std::size_t>(j) * (n + 1)]);
        sum += static_cast<double>(found.eigenvalues[static_cast<std::size_t>(j)]);
    }
    row.error = std::abs(sum - trace) / trace;
    context.report.add(row);
}

/// The largest deviation of the density's moments from tr H^k / n as Hutchinson's probes of
/// another seed estimate them, in their common standard error.
template <class T>
double moment_deviation(const Problem<T>& problem, const std::vector<T>& x,
                        const SpectralDensity& density, const EvaluationOptions& options) {
    constexpr int probes = 16;
    const std::size_t n = x.size();
    test::Random random(99);
    std::vector<T> V(n * probes);
    for (T& sign : V) sign = random.uniform() < 0.5 ? T(-1) : T(1);
    const std::vector<T> HV = hessian_product(problem, x, V, options),
                         HHV = hessian_product(problem, x, HV, options);
    double worst = 0;
    for (int k = 0; k < 4; ++k) {
        double mean = 0, squares = 0;
        for (std::size_t p = 0; p < probes; ++p) {
            double value = 0;
            for (std::size_t j = p * n; j < (p + 1) * n; ++j) {
                const double v = static_cast<double>(V[j]), Hv = static_cast<double>(HV[j]),
                             HHv = static_cast<double>(HHV[j]);
                value += (k == 0   ? v * Hv
                          : k == 1 ? Hv * Hv
                          : k == 2 ? Hv * HHv
                                   : HHv * HHv) /
                         static_cast<double>(n);
            }
            const double off = value - mean;
            mean += off / static_cast<double>(p + 1);
            squares += off * (value - mean);
        }
        const double error = std::sqrt(squares / (probes - 1) / probes);
        worst = std::max(worst, std::abs(density.moments[k] - mean) /
                                    std::hypot(error, density.moment_errors[k]));
    }
    return worst;
}

template <class T>
void run_density(Context& context) {
    const MlpData data = read_mlp_data(context.settings.small);
    const std::vector<T> X(data.X.begin(), data.X.end()), y(data.y.begin(), data.y.end());
    const Problem<T> problem = make_perceptron<T>(data.perceptron, data.view(X, y),
                                                  {.l2 = 1e-4, .penalize_intercept = true});
    const std::vector<double> start = random_start<double>(data.perceptron, 1);
    const std::vector<T> x(start.begin(), start.end());
    DensityOptions options;
    options.backend = context.settings.backend;
    options.threads = context.settings.threads;
    options.probes = 8;
    options.steps = 20;
    Row row = context.report.row("spectrum", data.name + ", density");
    SpectralDensity density;
    row.timing = measure(1, [&] { density = spectral_density(problem, x, options); });
    row.backend = density.backend;
    if (row.backend == "cpu") row.threads = context.settings.threads;
    row.dimension = problem.dimension();
    row.samples = data.samples;
    double integral = 0;
    for (std::size_t i = 1; i < density.points.size(); ++i)
        integral += (density.density[i] + density.density[i - 1]) / 2 *
                    (density.points[i] - density.points[i - 1]);
    row.error = std::abs(integral - 1);
    row.extra["products"] = density.products;
    row.extra["integral"] = integral;
    row.extra["moment_deviation_in_errors"] = moment_deviation(problem, x, density, options);
    context.report.add(row);
}

template <class T>
void run(Context& context) {
    run_all<T>(context.settings.small ? 40 : 2000, context);
    run_density<T>(context);
}

}  // namespace

void run_spectrum(Context& context) {
    if (context.settings.single)
        run<float>(context);
    else
        run<double>(context);
}

}  // namespace cunewton::bench
