// Gradient descent whose step length comes from the Hessian's curvature, by products with it.
#include <cmath>
#include <optional>

#include "host/minimize/newton_cg.h"

namespace cunewton::solver {

namespace {

/// The curvature that a step is as long as the inverse of. The Hessian is that of the last
/// prepare_products().
template <class T>
class StepCurvature {
  public:
    explicit StepCurvature(Minimization<T>& run)
        : run_(run),
          v_(run.vector()),
          Hv_(run.vector()),
          vHv_(run.vectors().number()),
          length_(run.vectors().number()) {}

    /// g'Hg / g'g
    double along_gradient() {
        start();
        return quotient();
    }
    /// The largest eigenvalue by the power method (Golub and Van Loan 2013, section 7.3.1), from
    /// where it ended at the last point: slightly above the Rayleigh quotient, which approaches
    /// from below. That of the largest magnitude, which may be negative. NaN if H is not finite.
    double largest() {
        const int products = known_ ? 3 : 30;
        if (!known_) start();
        double value = 0;
        known_ = true;
        for (int i = 0; i < products; ++i) {
            value = quotient();
            run_.vectors().norms({{Hv_.get(), length_}}, run_.n());
            const double length = run_.read(length_);
            known_ = length > 0 && std::isfinite(length);
            if (!known_) break;
            run_.vectors().scale(v_.get(), static_cast<T>(1 / length), Hv_.get(), run_.n());
        }
        return 1.02 * value;
    }

  private:
    /// From the gradient, of unit length: its square may be out of range.
    void start() {
        const double g = run_.gradient_norm();
        run_.vectors().scale(v_.get(), static_cast<T>(g > 0 ? 1 / g : 0), run_.g(), run_.n());
    }
    double quotient() {
        run_.take_products([&] {
            run_.products().apply(v_.get(), 1, Hv_.get());
            run_.vectors().dot(v_.get(), Hv_.get(), run_.n(), vHv_);
        });
        run_.count_products(1);
        return run_.read(vHv_);
    }

    Minimization<T>& run_;
    const Buffer<T> v_, Hv_;
    const Number vHv_, length_;
    bool known_ = false;  // v is near an eigenvector
};

}  // namespace

template <class T>
Status gradient_descent(Minimization<T>& run) {
    Vectors<T>& vectors = run.vectors();
    StepCurvature<T> curvature(run);
    EndByProducts<T> end(run);
    double last_step = 0;
    for (;;) {
        if (run.options().max_iterations == 0 && run.gradient_norm() > 0)
            return Status::max_iterations;
        run.prepare_products();
        const double g = run.gradient_norm();
        const double bend = run.options().descent_step == DescentStep::exact_quadratic
                                ? curvature.along_gradient()
                                : curvature.largest();
        if (!std::isfinite(bend)) return Status::not_finite;
        double step = 1 / bend;
        // What the step promises is no more than the decrement of Newton's, which decides.
        const double promised = step > 0 ? g * step * g : 0;
        if (step > 0 && std::isfinite(step)) {
            run.watch(promised);
            if (run.runs_away(promised)) return Status::unbounded;
        }
        if (const auto status = end.look(promised)) return *status;
        if (end.moved()) continue;
        // No positive curvature along the gradient: the last length, doubled; at first one that
        // would lower the loss to zero.
        if (!std::isfinite(step) || step <= 0)
            step = last_step > 0 ? 2 * last_step : run.first_step_length();

        // The length is in the direction: |g|^2 may be out of range.
        vectors.scale(run.direction(), static_cast<T>(-step), run.g(), run.n());
        const double slope = -step * g * g;
        const Trial first = run.try_step(1);
        // The length is the method: it is only shortened if the loss does not decrease.
        std::optional<Trial> accepted;
        // Where losses cannot judge the step any more the gradient does.
        const bool rounding = -slope <= run.noise();
        const bool better = rounding ? first.gradient_norm < g : first.f <= run.f() + 1e-4 * slope;
        if (first.finite() && better)
            accepted = first;
        else
            accepted = line_search(run, slope, first);
        if (!accepted) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            if (!first.finite()) return Status::not_finite;
            if (const auto status = end.stuck(-slope)) return *status;
            continue;
        }
        last_step = accepted->alpha * step;
        const double previous = run.f();
        run.accept(*accepted, accepted->alpha >= 1);
        if (const auto status = run.end_iteration(*accepted, previous, last_step, 0))
            return *status;
    }
}
template Status gradient_descent(Minimization<double>&);
template Status gradient_descent(Minimization<float>&);

}  // namespace cunewton::solver
