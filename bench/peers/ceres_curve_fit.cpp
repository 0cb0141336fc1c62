#if CUNEWTON_BENCH_HAVE_CERES
#include <ceres/ceres.h>

#include <cmath>
#include <limits>

#include "bench/peers/curve_fit_peers.h"

namespace cunewton::bench {
namespace {

class Cost final : public ceres::CostFunction {
  public:
    explicit Cost(const CurveFit& fit) : fit_(fit) {
        set_num_residuals(fit.points());
        mutable_parameter_block_sizes()->push_back(fit.parameters());
    }
    bool Evaluate(const double* const* p, double* r, double** jacobians) const override {
        fit_.evaluate(p[0], r, jacobians ? jacobians[0] : nullptr);
        for (int i = 0; i < fit_.points(); ++i)
            if (!std::isfinite(r[i])) return false;
        return true;
    }

  private:
    const CurveFit& fit_;
};

CurveFitResult solve(const CurveFit& fit, const std::vector<double>& start,
                     ceres::Solver::Options options) {
    CurveFitResult result{start, 0, ""};
    ceres::Problem problem;
    problem.AddResidualBlock(new Cost(fit), nullptr, result.p.data());
    options.linear_solver_type = ceres::DENSE_QR;
    options.logging_type = ceres::SILENT;
    ceres::Solver::Summary summary;
    ceres::Solve(options, &problem, &summary);
    result.iterations = static_cast<int>(summary.iterations.size()) - 1;
    result.status = ceres::TerminationTypeToString(summary.termination_type);
    return result;
}

}  // namespace

CurveFitResult fit_with_ceres(const CurveFit& fit, const std::vector<double>& start) {
    return solve(fit, start, {});
}

CurveFitResult fit_with_ceres_tightly(const CurveFit& fit, const std::vector<double>& start) {
    ceres::Solver::Options options;
    options.max_num_iterations = 10000;
    options.function_tolerance = std::numeric_limits<double>::epsilon();
    options.gradient_tolerance = std::numeric_limits<double>::epsilon();
    options.parameter_tolerance = std::numeric_limits<double>::epsilon();
    return solve(fit, start, options);
}

}  // namespace cunewton::bench
#endif
