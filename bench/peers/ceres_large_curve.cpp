#if CUNEWTON_BENCH_HAVE_CERES
#include <ceres/ceres.h>

#include <algorithm>
#include <limits>

#include "bench/peers/large_curve_peers.h"

namespace cunewton::bench {
namespace {

/// Points of one residual block: what is evaluated fits the cache.
constexpr long block = 1000;

class Cost final : public ceres::CostFunction {
  public:
    Cost(const LargeCurve& curve, long begin, long count)
        : curve_(curve), begin_(begin), count_(count) {
        set_num_residuals(static_cast<int>(count));
        mutable_parameter_block_sizes()->push_back(curve.parameters);
    }
    bool Evaluate(const double* const* p, double* r, double** jacobians) const override {
        curve_.evaluate(curve_.x + begin_, curve_.y + begin_, count_, p[0], r,
                        jacobians ? jacobians[0] : nullptr);
        return true;
    }

  private:
    const LargeCurve& curve_;
    long begin_, count_;
};

}  // namespace

CurveFitResult fit_large_with_ceres(const LargeCurve& curve, const std::vector<double>& start) {
    CurveFitResult result{start, 0, ""};
    ceres::Problem problem;
    for (long begin = 0; begin < curve.points; begin += block)
        problem.AddResidualBlock(new Cost(curve, begin, std::min(block, curve.points - begin)),
                                 nullptr, result.p.data());
    ceres::Solver::Options options;
    options.linear_solver_type = ceres::DENSE_NORMAL_CHOLESKY;
    options.logging_type = ceres::SILENT;
    options.num_threads = 1;
    options.function_tolerance = 1e-14;
    options.gradient_tolerance = std::numeric_limits<double>::epsilon();
    options.parameter_tolerance = 1e-10;
    ceres::Solver::Summary summary;
    ceres::Solve(options, &problem, &summary);
    result.iterations = static_cast<int>(summary.iterations.size()) - 1;
    result.status = ceres::TerminationTypeToString(summary.termination_type);
    return result;
}

}  // namespace cunewton::bench
#endif
