// One curve of many points: passes over the data, and what each of them costs.
#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "bench/cases/cases.h"
#include "bench/peers/large_curve_peers.h"
#include "cunewton/minimize.h"
#include "cunewton/model/gaussian.h"
#include "cunewton/problem.h"

namespace cunewton::bench {
namespace {

constexpr const char* case_name = "curve_fit_large";

/// a1 exp(-(x - c1)^2 / (2 w1^2)) + ... of three peaks + b, p = (a1, c1, w1, ..., b): as a user
/// writes it, with its derivatives.
struct ThreeGaussians {
    static constexpr int parameters = 10, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [a1, c1, w1, a2, c2, w2, a3, c3, w3, b] = p;
        return a1 * exp(-0.5 * square((x[0] - c1) / w1)) +
               a2 * exp(-0.5 * square((x[0] - c2) / w2)) +
               a3 * exp(-0.5 * square((x[0] - c3) / w3)) + b;
    }
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE scalar_t<P> value_and_gradient(
        const P& p, const X& x, scalar_t<P>* gradient) const {
        using namespace math;
        using S = scalar_t<P>;
        S sum = p[9];
        for (int peak = 0; peak < 3; ++peak) {
            const int j = 3 * peak;
            const S inverse = 1.0 / p[j + 2], u = (x[0] - p[j + 1]) * inverse;
            const S shape = exp(-0.5 * square(u)), value = p[j] * shape;
            const S slope = value * u * inverse;
            gradient[j] = shape;
            gradient[j + 1] = slope;
            gradient[j + 2] = slope * u;
            sum += value;
        }
        gradient[9] = S(1.0);
        return sum;
    }
};

/// For peers: the residuals and derivatives of the same formulas, a point after the other.
template <class Model>
void evaluate_curve(const double* x, const double* y, long count, const double* p, double* r,
                    double* jacobian) {
    constexpr int n = Model::parameters;
    const Parameters<double, n> at{p};
    for (long i = 0; i < count; ++i)
        r[i] = (jacobian ? Model{}.value_and_gradient(at, x + i, jacobian + i * n)
                         : Model{}(at, x + i)) -
               y[i];
}

struct Data {
    std::vector<double> x, y;
};
template <class Model>
Data data_of(const std::vector<double>& truth, long count) {
    Data data;
    data.x.resize(static_cast<std::size_t>(count));
    data.y.resize(static_cast<std::size_t>(count));
    std::mt19937_64 random(5);
    std::normal_distribution<double> noise(0, 0.1);
    for (long i = 0; i < count; ++i) {
        const double x = -10 + 20.0 * static_cast<double>(i) / static_cast<double>(count);
        data.x[static_cast<std::size_t>(i)] = x;
        data.y[static_cast<std::size_t>(i)] =
            Model{}(Parameters<double, Model::parameters>{truth.data()}, &x) + noise(random);
    }
    return data;
}

/// One evaluation of the model at all points, in lanes, by one thread: CPU seconds.
template <class Model>
double model_seconds(const Problem<double>& problem, const std::vector<double>& p,
                     Context& context) {
    const auto& form = std::get<ResidualSum<double>>(problem.parts().form);
    const Samples<double>& s = form.samples;
    constexpr long tile = 512;
    std::vector<double> r(tile);
    const Timing timing = measure(context.settings.repeats, [&] {
        for (long begin = 0; begin < s.count; begin += tile) {
            const cpu::SampleRange<double> range{s.features,
                                                 s.dimension,
                                                 s.ld,
                                                 s.targets,
                                                 s.weights,
                                                 begin,
                                                 std::min(begin + tile, s.count)};
            form.code.cpu->values(p.data(), Model::parameters, range, r.data(), tile);
        }
    });
    return timing.cpu_median;
}

template <class Model>
void run_model(const char* name, const std::vector<double>& truth, const std::vector<double>& start,
               long count, Context& context) {
    const Data data = data_of<Model>(truth, count);
    Samples<double> samples;
    samples.features = data.x.data();
    samples.count = count;
    samples.dimension = 1;
    samples.targets = data.y.data();
    const Problem<double> problem = make_curve_fit<double>(Model{}, samples);
    const double one_model = model_seconds<Model>(problem, truth, context);
    const std::string group = std::string(name) + ", " + std::to_string(count) + " points";
    std::vector<double> answer;
    const auto run = [&](int threads) {
        Options options;
        options.method = Method::levenberg_marquardt;
        options.backend = BackendChoice::cpu;
        options.threads = threads;
        Row row = context.report.row(
            case_name,
            group + (threads > 1 ? fmt::format(", {} threads", threads) : std::string()));
        Result<double> result;
        row.timing =
            measure(context.settings.repeats, [&] { result = minimize(problem, start, options); });
        row.backend = result.backend;
        row.threads = threads;
        row.dimension = Model::parameters;
        row.samples = count;
        row.iterations = result.iterations;
        row.status = to_string(result.status);
        row.gradient_norm = result.gradient_norm;
        row.floor_seconds = static_cast<double>(result.counts.evaluations) * one_model / threads;
        row.extra["passes"] = result.counts.evaluations;
        row.extra["model_seconds"] = one_model;
        row.extra["objective"] = result.f;
        if (threads == 1) row.group = group;
        row.solved = result.converged();
        answer = result.x;
        context.report.add(row);
    };
    run(1);
    for (const int threads : context.more_threads()) run(threads);
    if (!context.settings.peers) return;
    const LargeCurve curve{data.x.data(), data.y.data(), count, Model::parameters,
                           evaluate_curve<Model>};
    for (const LargeCurvePeer& peer : large_curve_peers()) {
        // A Jacobian of 10 million rows is as large as the memory of many machines.
        if (count > peer.most_points) continue;
        Row row = context.report.peer_row(case_name, group + ", " + peer.name);
        CurveFitResult result;
        row.timing = measure(
            context.settings.repeats, [&] { result = peer.fit(curve, start); }, 60);
        row.threads = 1;
        row.dimension = Model::parameters;
        row.samples = count;
        row.iterations = result.iterations;
        row.status = result.status;
        row.group = group;
        double worst = 0;
        for (std::size_t j = 0; j < answer.size(); ++j)
            worst = std::max(worst, std::abs(result.p[j] / answer[j] - 1));
        row.error = worst;
        row.solved = worst <= 1e-6;
        context.report.add(row);
    }
}

}  // namespace

void run_curve_fit_large(Context& context) {
    if (context.settings.backend == BackendChoice::cuda) {
        context.report.progress("  left out: the floor is that of the CPU's lanes");
        return;
    }
    if (context.settings.single) {
        context.report.progress("  left out: peers compute in double");
        return;
    }
    const std::vector<long> sizes = context.settings.small
                                        ? std::vector<long>{10'000}
                                        : std::vector<long>{100'000, 1'000'000, 10'000'000};
    for (const long count : sizes) {
        run_model<Gaussian1D>("Gaussian", {2, 1, 1.5, 0.5}, {1, 0, 2, 0}, count, context);
        run_model<ThreeGaussians>("three Gaussians", {2, -4, 1, 3, 0, 1.5, 1.5, 4, 0.75, 0.5},
                                  {1.5, -3.5, 1.25, 2.5, 0.25, 1.25, 1, 4.25, 1, 0.25}, count,
                                  context);
    }
}

}  // namespace cunewton::bench
