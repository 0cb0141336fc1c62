// A loss with a penalty on its curvature, on any machine: by products with the Hessian of the
// evaluator of the loss itself.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cunewton/problem/forms.h"
#include "host/backend/evaluator.h"
#include "host/backend/registry.h"
#include "host/curvature/lanczos.h"
#include "host/curvature/products.h"

namespace cunewton {

/// The derivatives of the loss whose curvature is penalised, of a session for these.
DerivativeOptions inner_derivatives(const CurvaturePenalty& penalty,
                                    const DerivativeOptions& options);

/// f = the loss + strength * what CurvaturePenaltyKind names. Its gradient takes third derivatives
/// T[u, v] = d/dt H(x + t u) v at t = 0 by central differences of products; its Hessian, and
/// products with that, are central differences of the gradient.
template <class T>
class PenalizedEvaluator final : public Evaluator<T> {
  public:
    /// Writes a number of the machine's.
    using SetNumber = std::function<void(Scalar, double)>;

    /// `inner` is the loss's evaluator, made for `inner_derivatives` on the same machine, and
    /// whether its products are no differences; vectors and matrices outlive this. derivatives: of
    /// the penalised loss.
    PenalizedEvaluator(const CurvaturePenalty& penalty, std::unique_ptr<Evaluator<T>> inner,
                       bool exact_products, const ResolvedDerivatives& derivatives,
                       const std::vector<double>& typical, Vectors<T>& vectors,
                       DenseMatrices<T>& matrices, int n, SetNumber set_number);
    /// What the inner evaluator will do for this one's plan.
    static EvaluationPlan inner_plan(const CurvaturePenalized<T>& form, const EvaluationPlan& plan,
                                     const DerivativeOptions& options,
                                     const Capabilities& capabilities);
    /// Numbers of the machine and bytes of the host that this takes beside that.
    static std::size_t numbers(const CurvaturePenalty& penalty, const EvaluationPlan& plan);
    static std::size_t host_memory(const CurvaturePenalty& penalty, const EvaluationPlan& plan);

    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    void values(const T* points, int count, T* losses) override;
    long samples() const override { return inner_->samples(); }
    void select(std::span<const long> samples, double share) override {
        inner_->select(samples, share);
    }
    void select_all() override { inner_->select_all(); }
    std::size_t peak_tile_bytes() const override { return inner_->peak_tile_bytes(); }

  private:
    /// Vectors that products are taken with at a time.
    static int block_of(const CurvaturePenalty& penalty, int n);
    /// What is added to the loss at x without its strength, and strength times its gradient to g;
    /// null: the value alone. `f` and g are the loss's own there.
    double penalty_at(const T* x, double f, T* g);
    double by_probes(const T* x, T* g);
    double by_largest_eigenvalue(const T* x, T* g);
    double by_sharpness(const T* x, double f, T* g);
    /// v_ = the vectors first .. first + count - 1: random signs or unit vectors.
    void fill(int first, int count);
    /// g += factor T[along, v] at x.
    void add_third_derivative(const T* x, const T* along, const T* v, double factor, T* g);
    /// The gradient by central differences of values.
    void difference_values(const T* x, T* g);
    double value_at(const T* x);

    const CurvaturePenalty penalty_;
    const std::unique_ptr<Evaluator<T>> inner_;
    const ResolvedDerivatives derivatives_;
    const std::vector<double> typical_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const int n_;
    const SetNumber set_number_;
    const double third_step_;  // relative, of differences of products
    const int probes_;         // all of them
    const int block_;
    const lanczos::Wanted wanted_;
    int filled_ = -1;  // first of the probes that v_ has
    Buffer<T> v_, Hv_, moved_, ahead_, behind_;
    const Number f_, a_, b_;
};

/// The session of a penalised problem on the machine of its loss's own, which open() opens;
/// set_number(vectors) gives what writes numbers there.
template <class T, class Open, class MakeSetNumber>
Session<T> open_penalized(const Problem<T>& problem, const CurvaturePenalized<T>& form,
                          const SessionOptions& options, const ResolvedDerivatives& derivatives,
                          const Open& open, const MakeSetNumber& set_number) {
    SessionOptions inner = options;
    inner.derivatives = inner_derivatives(form.penalty, options.derivatives);
    Session<T> session = open(Problem<T>(form.inner), inner);
    session.evaluator = std::make_unique<PenalizedEvaluator<T>>(
        form.penalty, std::move(session.evaluator),
        products_are_exact(*form.inner, session.derivatives, session.vectors->on_device()),
        derivatives, options.derivatives.typical_x, *session.vectors, *session.matrices,
        problem.dimension(), set_number(*session.vectors));
    session.derivatives = derivatives;
    return session;
}

}  // namespace cunewton
