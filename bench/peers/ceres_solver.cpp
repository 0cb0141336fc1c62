#if CUNEWTON_BENCH_HAVE_CERES
#include <ceres/ceres.h>

#include <cmath>

#include "bench/peers/peers.h"

namespace cunewton::bench {
namespace {

class Function final : public ceres::FirstOrderFunction {
  public:
    explicit Function(Objective& objective) : objective_(objective) {}
    bool Evaluate(const double* x, double* f, double* g) const override {
        *f = g ? objective_.value_and_gradient(x, g) : objective_.value(x);
        return std::isfinite(*f);
    }
    int NumParameters() const override { return objective_.dimension(); }

  private:
    Objective& objective_;
};

}  // namespace

PeerResult minimize_ceres_bfgs(Objective& objective, const std::vector<double>& x0,
                               const PeerLimits& limits) {
    const ceres::GradientProblem problem(new Function(objective));
    ceres::GradientProblemSolver::Options options;
    options.line_search_direction_type = ceres::BFGS;
    options.max_num_iterations = limits.max_iterations;
    options.max_solver_time_in_seconds = limits.seconds;
    // Its test is on the largest entry, which is at least |g|_2 / sqrt(n).
    options.gradient_tolerance = limits.gradient_tolerance / std::sqrt(double(x0.size()));
    options.function_tolerance = 0;
    options.parameter_tolerance = 0;
    options.logging_type = ceres::SILENT;
    ceres::GradientProblemSolver::Summary summary;
    PeerResult result{x0, 0, ""};
    ceres::Solve(options, problem, result.x.data(), &summary);
    result.iterations = static_cast<int>(summary.iterations.size()) - 1;
    result.status = ceres::TerminationTypeToString(summary.termination_type);
    return result;
}

}  // namespace cunewton::bench
#endif
