// Gradient descent whose step length comes from the Hessian.
#include <algorithm>
#include <cmath>
#include <limits>

#include "host/minimize/newton.h"

namespace cunewton::solver {

namespace {

/// Largest eigenvalue of matrix() by the power method. Slightly above the Rayleigh quotient, which
/// approaches from below. 0 if there is none to be found.
template <class T>
double largest_eigenvalue(Minimization<T>& run, T* v, T* w) {
    Vectors<T>& vectors = run.vectors();
    if (!(run.gradient_norm() > 0)) return 0;
    const Number length_there = vectors.number(), vHv = vectors.number();
    vectors.scale(v, static_cast<T>(1 / run.gradient_norm()), run.g(), run.n());
    for (int i = 0; i < 30; ++i) {
        run.curvature().apply(v, 1, w);
        vectors.norms({{w, length_there}}, run.n());
        const double length = run.read(length_there);
        if (!(length > 0)) return 0;
        vectors.scale(v, static_cast<T>(1 / length), w, run.n());
    }
    run.curvature().apply(v, 1, w);
    vectors.dot(v, w, run.n(), vHv);
    return 1.02 * run.read(vHv);
}

}  // namespace

template <class T>
Status gradient_descent(Minimization<T>& run) {
    Vectors<T>& vectors = run.vectors();
    const Buffer<T> v = run.vector(), w = run.vector();
    const Number vHv = vectors.number();
    double last_step = 0, last_examined = std::numeric_limits<double>::infinity();
    for (;;) {
        if (run.options().max_iterations == 0 && run.gradient_norm() > 0)
            return Status::max_iterations;
        run.hessian();
        const double g = run.gradient_norm();
        double step;
        if (run.options().descent_step == DescentStep::exact_quadratic) {
            // g'Hg of the unit vector: its square may be out of range
            vectors.scale(v.get(), static_cast<T>(g > 0 ? 1 / g : 0), run.g(), run.n());
            run.curvature().apply(v.get(), 1, w.get());
            vectors.dot(v.get(), w.get(), run.n(), vHv);
            step = 1 / run.read(vHv);
        } else {
            step = 1 / largest_eigenvalue(run, v.get(), w.get());
        }
        if (!std::isfinite(run.read(run.numbers().norm))) return Status::not_finite;
        // What the step promises is no more than the decrement of Newton's, which decides.
        const double promised = step > 0 ? g * step * g : 0;
        if (step > 0 && std::isfinite(step)) {
            run.watch(promised);
            if (run.runs_away(promised)) return Status::unbounded;
        }
        const bool candidate =
            run.gradient_small() || (!run.tests_gradient() && run.negligible(promised, 0) &&
                                     promised <= 0.25 * last_examined);
        if (candidate) {
            last_examined = promised;
            const int before = run.iterations();
            if (const auto status = Newton<T>(run).confirm()) return *status;
            if (run.iterations() != before) continue;
        }
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
            return first.finite() ? run.stuck_status(-slope) : Status::not_finite;
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
