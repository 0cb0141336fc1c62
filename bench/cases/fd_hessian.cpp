// One Hessian of f(w) = mean log(1 + exp(-s_i x_i'w)), s = +-1: from values, from gradients, by
// automatic differentiation; as a black box and as a loss on a linear predictor.
#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <thread>

#include "bench/cases/cases.h"
#include "bench/cases/device_code.h"
#include "bench/cases/hessian_job.h"
#include "bench/cases/signed_logistic.h"
#include "bench/peers/hessian_peers.h"
#include "bench/peers/native_logistic.h"
#include "cunewton/differentiate.h"
#include "cunewton/loss/logistic.h"

namespace cunewton::bench {
namespace {

using Job = HessianJob;
using Numbers = std::vector<double>;

double predictor(const Job& job, long i, const Numbers& w) {
    const double* row = job.X.data() + i * job.n;
    double z = 0;
    for (int j = 0; j < job.n; ++j) z += row[j] * w[static_cast<std::size_t>(j)];
    return job.s[static_cast<std::size_t>(i)] * z;
}

/// One evaluation as a user would write it down.
double scalar_value(const Job& job, const Numbers& w) {
    double sum = 0;
    for (long i = 0; i < job.N; ++i) {
        const double z = -predictor(job, i, w);
        sum += std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z)));
    }
    return sum / double(job.N);
}

Numbers analytic_hessian(const Job& job) {
    const std::size_t n = job.w.size();
    Numbers H(n * n, 0.0);
    for (long i = 0; i < job.N; ++i) {
        const double p = 1 / (1 + std::exp(predictor(job, i, job.w)));
        const double* row = job.X.data() + i * job.n;
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t k = 0; k <= j; ++k)
                H[j * n + k] += p * (1 - p) * row[j] * row[k] / double(job.N);
    }
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t k = 0; k < j; ++k) H[k * n + j] = H[j * n + k];
    return H;
}

template <class T>
double relative_error(const std::vector<T>& H, const Numbers& exact) {
    double difference = 0, size = 0;
    for (std::size_t e = 0; e < exact.size(); ++e) {
        difference = std::max(difference, std::abs(double(H[e]) - exact[e]));
        size = std::max(size, std::abs(exact[e]));
    }
    return difference / size;
}

/// Zeros that begin at a cache line: a vector that crosses one takes two loads.
class CacheLines {
  public:
    explicit CacheLines(std::size_t count)
        : numbers_(static_cast<double*>(::operator new(count * sizeof(double), alignment))) {
        std::fill(numbers_.get(), numbers_.get() + count, 0.0);
    }
    double& operator[](std::size_t i) { return numbers_.get()[i]; }
    const double* data() const { return numbers_.get(); }

  private:
    static constexpr std::align_val_t alignment{64};
    struct Free {
        void operator()(double* p) const { ::operator delete(p, alignment); }
    };
    std::unique_ptr<double, Free> numbers_;
};

/// The plain vectorised loops over all samples: what the peers evaluate, and the floor's unit.
class NativeObjective final : public Objective {
  public:
    explicit NativeObjective(const Job& job)
        : n_(job.n),
          N_(job.N),
          blocks_((job.N + native_block - 1) / native_block),
          X_(static_cast<std::size_t>(blocks_ * n_ * native_block)),
          s_(static_cast<std::size_t>(blocks_ * native_block)),
          weight_(static_cast<std::size_t>(blocks_ * native_block)) {
        for (long i = 0; i < N_; ++i) {
            const long block = i / native_block, b = i % native_block;
            for (int j = 0; j < n_; ++j)
                X_[static_cast<std::size_t>((block * n_ + j) * native_block + b)] =
                    job.X[static_cast<std::size_t>(i * n_ + j)];
            s_[static_cast<std::size_t>(i)] = job.s[static_cast<std::size_t>(i)];
            weight_[static_cast<std::size_t>(i)] = 1;
        }
    }
    int dimension() const override { return n_; }
    double value(const double* w) override {
        return native_loss(samples(), 0, blocks_, w) / double(N_);
    }
    double value_and_gradient(const double* w, double* g) override {
        std::fill(g, g + n_, 0.0);
        const double sum = native_loss_and_gradient(samples(), 0, blocks_, w, g);
        for (int j = 0; j < n_; ++j) g[j] /= double(N_);
        return sum / double(N_);
    }
    void hessian(const double*, double*) override {}  // what is asked for here

    /// Seconds of one evaluation over all samples, shared among threads; the fastest of some. Each
    /// tile of samples is evaluated many times while it is in the first-level cache, as it would be
    /// for a Hessian.
    double seconds_of_one_value(int threads, const Numbers& w) {
        constexpr int evaluations = 20;
        const long tile = std::max(1, (24 << 10) / (8 * n_ * native_block));
        double least = 1e300;
        for (int trial = 0; trial < 10; ++trial) {
            std::vector<std::thread> workers;
            const double begin = wall_seconds();
            for (int t = 0; t < threads; ++t) {
                workers.emplace_back([&, t] {
                    volatile double sink = 0;
                    const long end = blocks_ * (t + 1) / threads;
                    for (long first = blocks_ * t / threads; first < end; first += tile)
                        for (int e = 0; e < evaluations; ++e)
                            sink = sink + native_loss(samples(), first, std::min(first + tile, end),
                                                      w.data());
                });
            }
            for (std::thread& worker : workers) worker.join();
            least = std::min(least, (wall_seconds() - begin) / evaluations);
        }
        return least;
    }

  private:
    NativeSamples samples() const { return {X_.data(), s_.data(), weight_.data(), n_}; }

    int n_;
    long N_, blocks_;
    CacheLines X_, s_, weight_;
};

/// Loss evaluations over all samples that the four-point formula takes.
double four_point_evaluations(int n) {
    return n * (n - 1) / 2 * 4.0 + 2.0 * n + 1;
}

template <class T>
void run_library(const Job& job, const Numbers& exact, NativeObjective& native, Context& context) {
    const std::vector<T> X(job.X.begin(), job.X.end()), s(job.s.begin(), job.s.end());
    std::vector<T> y(s);
    for (T& yi : y) yi = (yi + 1) / 2;
    const std::vector<T> w(job.w.begin(), job.w.end());
    Samples<T> samples;
    samples.features = X.data();
    samples.count = job.N;
    samples.dimension = job.n;
    samples.targets = s.data();
    Samples<T> samples_01 = samples;
    samples_01.targets = y.data();

    Problem<T> black_box = make_sample_sum<T>(SignedLogistic{}, samples, job.n);
    attach_signed_logistic(black_box);
    struct Form {
        const char* name;
        Problem<T> problem;
    };
    const Form forms[] = {
        {"black box", black_box},
        {"linear predictor", make_linear_predictor<T>(Logistic{}, samples_01)},
    };
    struct Way {
        const char* name;
        HessianBy by;
        const char* group;
    };
    const Way ways[] = {{"values", HessianBy::value_differences, "values"},
                        {"gradients", HessianBy::gradient_differences, "gradients"},
                        {"autodiff", HessianBy::autodiff, ""}};
    for (const Form& form : forms) {
        const bool is_black_box = std::holds_alternative<SampleSum<T>>(form.problem.parts().form);
        if (!context.can_run(form.problem, form.name)) continue;
        for (const Way& way : ways) {
            Row row =
                context.report.row("fd_hessian", fmt::format("{}, from {}", form.name, way.name));
            EvaluationOptions options;
            options.backend = context.settings.backend;
            options.threads = context.settings.threads;
            options.derivatives.hessian = way.by;
            std::vector<T> H;
            row.timing =
                measure(context.settings.repeats, [&] { H = hessian(form.problem, w, options); });
            row.backend = context.backend_of(form.problem);
            row.dimension = job.n;
            row.samples = job.N;
            if (row.backend == "cpu") row.threads = context.settings.threads;
            row.error = relative_error(H, exact);
            if (is_black_box && *way.group) row.group = fmt::format("n={} {}", job.n, way.group);
            if (is_black_box && way.by == HessianBy::value_differences && row.backend == "cpu")
                row.floor_seconds = four_point_evaluations(job.n) *
                                    native.seconds_of_one_value(context.settings.threads, job.w);
            context.report.add(row);
        }
    }
}

void run_peers(const Job& job, const Numbers& exact, NativeObjective& native, Context& context) {
    constexpr int largest_n_of_plain_loop = 50;
    Numbers H(exact.size());
    const auto add = [&](const std::string& name, const char* group, const Timing& timing) {
        Row row = context.report.peer_row("fd_hessian", name);
        row.timing = timing;
        row.threads = 1;
        row.dimension = job.n;
        row.samples = job.N;
        row.error = relative_error(H, exact);
        row.solved = *row.error < 1e-3;
        row.group = fmt::format("n={} {}", job.n, group);
        context.report.add(row);
    };
    const double step = std::pow(2.2e-16, 0.25);
    if (job.n <= largest_n_of_plain_loop) {
        const Timing timing = measure(
            context.settings.repeats,
            [&] {
                four_point_hessian([&](const Numbers& w) { return scalar_value(job, w); }, job.w,
                                   step, H.data());
            },
            30);
        add("four-point loop, scalar loss", "values", timing);
    }
    for (const HessianPeer& peer : hessian_peers()) {
        if (job.n > peer.largest_n) continue;
        const Timing timing = measure(
            context.settings.repeats, [&] { peer.compute(native, job.w, H.data()); }, 30);
        add(peer.name, peer.from_gradients ? "gradients" : "values", timing);
    }
}

}  // namespace

void run_fd_hessian(Context& context) {
    const bool small = context.settings.small;
    for (const int n : hessian_sizes(small)) {
        const Job job = make_hessian_job(n, hessian_samples(small));
        const Numbers exact = analytic_hessian(job);
        NativeObjective native(job);
        if (context.settings.single)
            run_library<float>(job, exact, native, context);
        else
            run_library<double>(job, exact, native, context);
        if (context.settings.peers) run_peers(job, exact, native, context);
    }
}

}  // namespace cunewton::bench
