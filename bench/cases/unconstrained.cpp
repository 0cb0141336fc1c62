// The classical test problems: does each solver find a listed minimum, and how fast?
#include <algorithm>
#include <cmath>
#include <memory>

#include "bench/cases/cases.h"
#include "bench/cases/solve.h"
#include "bench/peers/peers.h"
#include "tests/unconstrained/problems.h"

namespace cunewton::bench {
namespace {

/// A test function with exact derivatives from the library's automatic differentiation, so that a
/// peer differs from the library by its algorithm alone.
class DifferentiatedObjective final : public Objective {
  public:
    DifferentiatedObjective(std::shared_ptr<const cpu::SampleCode<double>> ops, int n)
        : ops_(std::move(ops)), n_(n) {
        for (int i = 0; i < n; ++i) {
            every_.push_back(i);
            for (int k = 0; k <= i; ++k) {
                row_.push_back(i);
                column_.push_back(k);
            }
        }
        entries_.resize(row_.size());
    }
    int dimension() const override { return n_; }
    double value(const double* x) override { return ops_->value(x, n_, range); }
    double value_and_gradient(const double* x, double* g) override {
        ops_->tile({Entries::gradient_autodiff, every_.data(), every_.data(), n_}, x, n_, nullptr,
                   range, g);
        return value(x);
    }
    void hessian(const double* x, double* H) override {
        ops_->tile(
            {Entries::hessian_autodiff, row_.data(), column_.data(), static_cast<int>(row_.size())},
            x, n_, nullptr, range, entries_.data());
        for (std::size_t e = 0; e < row_.size(); ++e)
            H[std::size_t(row_[e]) * n_ + column_[e]] = H[std::size_t(column_[e]) * n_ + row_[e]] =
                entries_[e];
    }

  private:
    static constexpr cpu::SampleRange<double> range{nullptr, 0, 0, nullptr, nullptr, 0, 1};

    std::shared_ptr<const cpu::SampleCode<double>> ops_;
    int n_;
    std::vector<int> every_, row_, column_;
    std::vector<double> entries_;
};

struct Start {
    std::string label;
    std::vector<double> x0;
};

std::vector<Start> starts(const test::UnconstrainedCase& problem, bool all) {
    std::vector<Start> list = {{problem.label(), problem.x0}};
    for (const int factor : {10, 100}) {
        if (!all) break;
        Start start{fmt::format("{} {} x0", problem.label(), factor), problem.x0};
        for (double& x : start.x0) x *= factor;
        if (start.x0 != problem.x0) list.push_back(std::move(start));
    }
    return list;
}

const char* name_of(test::AcceptRule rule) {
    switch (rule) {
        case test::AcceptRule::standard:
            return "standard";
        case test::AcceptRule::below_limit:
            return "below_limit";
        case test::AcceptRule::up_to_largest:
            return "up_to_largest";
        case test::AcceptRule::with_cancellation:
            return "with_cancellation";
    }
    return "unknown";
}

void judge(Row& row, const test::UnconstrainedCase& problem, double f) {
    const bool saddle =
        problem.saddle_report_allowed && row.status == to_string(Status::saddle_point);
    const bool accepted = saddle || test::accepts(problem, f);
    row.extra["accepted"] = accepted;
    row.extra["accept_rule"] = name_of(problem.rule);
    row.extra["loss"] = f;
    row.error = std::abs(f - problem.f_min);
    row.solved = accepted;
    row.status = fmt::format("{} ({})", *row.status, accepted ? "accepted" : "refused");
}

void run_library(const test::UnconstrainedCase& problem, const Start& start,
                 const Problem<double>& function, Context& context) {
    for (const Method method : all_methods) {
        if (method == Method::gradient_descent && problem.n > 10) continue;
        if (method == Method::gradient_descent && context.settings.small) continue;
        Row row = context.report.row("unconstrained",
                                     fmt::format("{}: {}", start.label, to_string(method)));
        row.group = start.label;
        Options options;
        options.method = method;
        options.time_limit = 60;
        const Result<double> result = timed_minimize(function, start.x0, options, context, row);
        row.samples.reset();
        judge(row, problem, result.f);
        context.report.add(row);
    }
}

void run_peers(const test::UnconstrainedCase& problem, const Start& start,
               const Problem<double>& function, Context& context) {
    DifferentiatedObjective objective(std::get<SampleSum<double>>(function.parts().form).code.cpu,
                                      problem.n);
    for (const Peer& peer : peers()) {
        Row row =
            context.report.peer_row("unconstrained", fmt::format("{}: {}", start.label, peer.name));
        row.group = start.label;
        row.threads = 1;
        row.dimension = problem.n;
        PeerResult result;
        const PeerLimits limits{.gradient_tolerance = 1.5e-8};
        row.timing = measure(
            context.settings.repeats,
            [&] { result = minimize_with(peer, objective, start.x0, limits); }, 30);
        std::vector<double> g(start.x0.size());
        const double f = objective.value_and_gradient(result.x.data(), g.data());
        double squared = 0;
        for (const double gj : g) squared += gj * gj;
        row.gradient_norm = std::sqrt(squared);
        row.iterations = result.iterations;
        row.status = result.status;
        judge(row, problem, f);
        context.report.add(row);
    }
}

}  // namespace

void run_unconstrained(Context& context) {
    if (context.settings.single) {
        context.report.progress("  left out: the listed minima are known in double");
        return;
    }
    if (context.settings.backend == BackendChoice::cuda) {
        context.report.progress("  left out: one at a time, problems this small belong on the CPU");
        return;
    }
    for (const test::UnconstrainedCase& problem : test::unconstrained_cases()) {
        // A dense Hessian of n = 1000 takes half a million evaluations: minutes a solve.
        if (problem.n > (context.settings.small ? 4 : 200)) continue;
        const Problem<double> function = test::unconstrained_problem(problem);
        for (const Start& start : starts(problem, context.settings.all_starts)) {
            run_library(problem, start, function, context);
            if (context.settings.peers) run_peers(problem, start, function, context);
        }
    }
}

}  // namespace cunewton::bench
