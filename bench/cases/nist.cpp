// NIST's certified problems of nonlinear regression: how many digits does each solver reach?
#include <algorithm>
#include <memory>

#include "bench/cases/batch_solve.h"
#include "bench/cases/cases.h"
#include "bench/peers/curve_fit_peers.h"
#include "tests/nist/nist.h"
#include "tests/nist/nist_models.h"

namespace cunewton::bench {
namespace {

constexpr const char* case_name = "nist";
/// What counts as solved, in digits that the worst parameter has in common with the certified one.
constexpr double solved_digits = 6;

/// Residuals with exact derivatives from the library's automatic differentiation, so that a peer
/// differs from the library by its algorithm alone.
template <class Model>
class ModelCurve final : public CurveFit {
  public:
    explicit ModelCurve(const test::NistProblem& problem) : problem_(problem) {}
    int parameters() const override { return Model::parameters; }
    int points() const override { return problem_.points; }
    void evaluate(const double* p, double* r, double* jacobian) const override {
        constexpr int n = Model::parameters;
        for (int i = 0; i < problem_.points; ++i) {
            const double* x = problem_.x.data() + i * Model::coordinates;
            r[i] = jacobian
                       ? batch::model_row<BatchDerivatives::autodiff, double>(
                             Model{}, p, x, static_cast<const double*>(nullptr), jacobian + i * n)
                       : Model{}(Parameters<double, n>{p}, x);
            r[i] -= problem_.y[i];
        }
    }

  private:
    const test::NistProblem& problem_;
};

std::unique_ptr<CurveFit> curve(const test::NistProblem& problem) {
    using namespace test::nist;
#define CUNEWTON_BENCH_CURVE(label, Model) \
    if (problem.name == label) return std::make_unique<ModelCurve<Model>>(problem);
    CUNEWTON_TEST_NIST_PROBLEMS(CUNEWTON_BENCH_CURVE)
#undef CUNEWTON_BENCH_CURVE
    return nullptr;
}

void judge(Row& row, const test::NistProblem& problem, const double* p) {
    row.digits = test::certified_digits(problem, p);
    row.solved = *row.digits >= solved_digits;
    row.extra["difficulty"] = problem.difficulty;
}

void run_library(const test::NistProblem& problem, const std::vector<double>& start,
                 const std::string& label, Context& context) {
    const FitModel model = test::nist_model(problem.name);
    if (!context.can_run(model, label)) return;
    for (const BatchDerivatives by : {BatchDerivatives::autodiff, BatchDerivatives::differences}) {
        Row row = context.report.row(case_name, fmt::format("{}, {}", label, to_string(by)));
        BatchOptions options;
        options.derivatives = by;
        const BatchData<double> data{.problems = 1,
                                     .points = problem.points,
                                     .coordinates = problem.x,
                                     .y = problem.y,
                                     .start = start};
        const BatchResult<double> fit = timed_batch(model, data, options, 1, context, row);
        row.iterations = fit.iterations[0];
        row.mean_iterations.reset();
        row.gradient_norm = fit.gradient_norm[0];
        row.group = label;
        judge(row, problem, fit.parameters.data());
        context.report.add(row);
    }
}

void run_peers(const test::NistProblem& problem, const std::vector<double>& start,
               const std::string& label, Context& context) {
    const std::unique_ptr<CurveFit> fit = curve(problem);
    for (const CurveFitPeer& peer : curve_fit_peers()) {
        Row row = context.report.peer_row(case_name, fmt::format("{}, {}", label, peer.name));
        CurveFitResult result;
        row.timing = measure(
            context.settings.repeats, [&] { result = peer.fit(*fit, start); }, 10);
        row.threads = 1;
        row.dimension = fit->parameters();
        row.samples = fit->points();
        row.batch = 1;
        row.iterations = result.iterations;
        row.status = result.status;
        row.group = label;
        judge(row, problem, result.p.data());
        context.report.add(row);
    }
}

/// How many of the rows with this ending have how many digits.
void summarize(const std::string& ending, Context& context) {
    std::vector<double> digits;
    for (const Row& row : context.report.rows())
        if (row.case_name == case_name && row.variant.ends_with(", " + ending))
            digits.push_back(*row.digits);
    if (digits.empty()) return;
    std::sort(digits.begin(), digits.end());
    const auto with = [&](double least) {
        return digits.end() - std::lower_bound(digits.begin(), digits.end(), least);
    };
    context.report.progress(
        fmt::format("  {}: {} of {} runs with 6 digits or more, {} with 8, {} with 10", ending,
                    with(6), digits.size(), with(8), with(10)));
}

}  // namespace

void run_nist(Context& context) {
    const Settings& settings = context.settings;
    if (settings.single) {
        context.report.progress("  left out: the parameters are certified to 11 digits");
        return;
    }
    const bool peers = settings.peers && settings.backend != BackendChoice::cuda;
    for (const test::NistProblem& problem : test::nist_problems())
        for (std::size_t s = 0; s < problem.starts.size(); ++s) {
            const std::string label = fmt::format("{} start {}", problem.name, s + 1);
            run_library(problem, problem.starts[s], label, context);
            if (peers) run_peers(problem, problem.starts[s], label, context);
        }
    summarize(to_string(BatchDerivatives::autodiff), context);
    summarize(to_string(BatchDerivatives::differences), context);
    if (peers)
        for (const CurveFitPeer& peer : curve_fit_peers()) summarize(peer.name, context);
}

}  // namespace cunewton::bench
