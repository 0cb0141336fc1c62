#if CUNEWTON_BENCH_HAVE_IPOPT
#include <cmath>
#include <coin/IpIpoptApplication.hpp>
#include <coin/IpIpoptData.hpp>
#include <coin/IpTNLP.hpp>

#include <algorithm>
#include <string>

#include "bench/peers/sparse_peers.h"

namespace cunewton::bench {
namespace {

using namespace Ipopt;

/// Without bounds and constraints.
class Unconstrained final : public TNLP {
  public:
    Unconstrained(const SparseObjective& objective, SparsePeerResult& result)
        : objective_(objective), start_(result.x), result_(result) {}

    bool get_nlp_info(Index& n, Index& m, Index& jacobian, Index& hessian,
                      IndexStyleEnum& style) override {
        n = static_cast<Index>(start_.size());
        m = jacobian = 0;
        hessian = static_cast<Index>(objective_.pattern().size());
        style = C_STYLE;
        return true;
    }
    bool get_bounds_info(Index n, Number* lower, Number* upper, Index, Number*, Number*) override {
        std::fill_n(lower, n, -1e20);
        std::fill_n(upper, n, 1e20);
        return true;
    }
    bool get_starting_point(Index n, bool, Number* x, bool, Number*, Number*, Index, bool,
                            Number*) override {
        std::copy_n(start_.data(), n, x);
        return true;
    }
    bool eval_f(Index, const Number* x, bool, Number& f) override {
        f = objective_.value(x);
        return true;
    }
    bool eval_grad_f(Index, const Number* x, bool, Number* g) override {
        objective_.value_and_gradient(x, g);
        return true;
    }
    bool eval_g(Index, const Number*, bool, Index, Number*) override { return true; }
    bool eval_jac_g(Index, const Number*, bool, Index, Index, Index*, Index*, Number*) override {
        return true;
    }
    bool eval_h(Index, const Number* x, bool, Number factor, Index, const Number*, bool, Index,
                Index* rows, Index* columns, Number* values) override {
        const SparsityPattern& pattern = objective_.pattern();
        if (values) {
            objective_.hessian(x, values);
            if (factor != 1)
                for (long e = 0; e < pattern.size(); ++e) values[e] *= factor;
            return true;
        }
        for (int j = 0; j < pattern.n; ++j)
            for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e) {
                rows[e] = pattern.rows[e];
                columns[e] = j;
            }
        return true;
    }
    void finalize_solution(SolverReturn status, Index n, const Number* x, const Number*,
                           const Number*, Index, const Number*, const Number*, Number,
                           const IpoptData* data, IpoptCalculatedQuantities*) override {
        std::copy_n(x, n, result_.x.data());
        result_.iterations = data->iter_count();
        result_.status = status == SUCCESS                    ? "Success"
                         : status == STOP_AT_ACCEPTABLE_POINT ? "StopAtAcceptablePoint"
                                                              : "code " + std::to_string(status);
    }

  private:
    const SparseObjective& objective_;
    const std::vector<double> start_;
    SparsePeerResult& result_;
};

}  // namespace

SparsePeerResult minimize_ipopt(const SparseObjective& objective, const std::vector<double>& x0,
                                double gradient_tolerance) {
    SparsePeerResult result{x0, 0, ""};
    const SmartPtr<TNLP> problem = new Unconstrained(objective, result);
    const SmartPtr<IpoptApplication> application = IpoptApplicationFactory();
    application->Options()->SetIntegerValue("print_level", 0);
    application->Options()->SetStringValue("sb", "yes");
    // Its tolerance is of the gradient's largest component.
    application->Options()->SetNumericValue(
        "tol", gradient_tolerance / std::sqrt(static_cast<double>(x0.size())));
    // Of the function as it is.
    application->Options()->SetStringValue("nlp_scaling_method", "none");
    if (application->Initialize() != Solve_Succeeded) {
        result.status = "not initialised";
        return result;
    }
    application->OptimizeTNLP(problem);
    return result;
}

}  // namespace cunewton::bench
#endif
