// Sparse Hessians: one solve and its parts, beside other libraries.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/context.h"
#include "bench/peers/sparse_peers.h"
#include "cunewton/scalar/views.h"

namespace cunewton::bench {

struct SparseJob {
    std::string case_name, label;
    Problem<double> problem;  ///< with its pattern
    std::vector<double> x0;
    std::shared_ptr<const SparseObjective> plain;  ///< the same function in plain loops
    double gradient_tolerance;                     ///< of |g|_2, that all are given
    bool peers;
    std::function<Problem<double>()> make_sum;  ///< the same function as a sum of elements
};

/// Rows of a Hessian and of the solve, of both again as a separable sum, and of peers.
void run_sparse_job(const SparseJob& job, Context& context);

/// A function of tests/sparse/functions.h in plain loops. Entries: f(pattern, x, to) writes its
/// Hessian.
template <class Function, class Entries>
class PlainObjective final : public SparseObjective {
  public:
    PlainObjective(const Function& function, Entries entries,
                   std::shared_ptr<const SparsityPattern> pattern)
        : function_(function), entries_(std::move(entries)), pattern_(std::move(pattern)) {}
    const SparsityPattern& pattern() const override { return *pattern_; }
    double value(const double* x) const override { return function_(view(x)); }
    double value_and_gradient(const double* x, double* g) const override {
        std::fill_n(g, pattern_->n, 0.0);
        VectorView<double> out{g, pattern_->n};
        function_.gradient(view(x), out);
        return function_(view(x));
    }
    void hessian(const double* x, double* to) const override { entries_(*pattern_, x, to); }

  private:
    VectorView<const double> view(const double* x) const { return {x, pattern_->n}; }

    Function function_;
    Entries entries_;
    std::shared_ptr<const SparsityPattern> pattern_;
};
template <class Function, class Entries>
std::shared_ptr<const SparseObjective> plain_objective(const Function& function, Entries entries,
                                                       const Problem<double>& problem) {
    return std::make_shared<PlainObjective<Function, Entries>>(function, std::move(entries),
                                                               problem.parts().sparsity);
}

}  // namespace cunewton::bench
