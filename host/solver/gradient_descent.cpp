// Gradient descent whose step length comes from the Hessian.
#include <algorithm>
#include <cmath>

#include "host/solver/methods.h"

namespace cunewton::solver {

namespace {

/// Largest eigenvalue of matrix() by the power method. Slightly above the Rayleigh quotient, which
/// approaches from below.
template <class T>
double largest_eigenvalue(Run<T>& run, T* v, T* w) {
    Backend<T>& backend = run.backend();
    const double norm = backend.scalar(Slot::norm);
    if (!(norm > 0)) return norm;
    backend.scale(v, static_cast<T>(1 / run.gradient_norm()), run.g(), run.n());
    for (int i = 0; i < 30; ++i) {
        backend.symv(run.matrix(), v, w, run.n());
        backend.dot(w, w, run.n(), Slot::product);
        const double length = std::sqrt(backend.scalar(Slot::product));
        if (!(length > 0)) return norm;
        backend.scale(v, static_cast<T>(1 / length), w, run.n());
    }
    backend.symv(run.matrix(), v, w, run.n());
    backend.dot(v, w, run.n(), Slot::curvature);
    backend.dot(v, v, run.n(), Slot::product);
    return 1.02 * backend.scalar(Slot::curvature) / backend.scalar(Slot::product);
}

}  // namespace

template <class T>
Status gradient_descent(Run<T>& run) {
    Backend<T>& backend = run.backend();
    const Buffer<T> v = run.vector(), w = run.vector();
    double last_step = 1 / std::max(1.0, run.gradient_norm());
    for (;;) {
        if (run.gradient_small()) {
            if (const auto status = confirm_minimum(run, false)) return *status;
            continue;
        }
        if (run.options().max_iterations == 0) return Status::max_iterations;
        run.hessian();
        double step;
        if (run.options().descent_step == DescentStep::exact_quadratic) {
            backend.symv(run.matrix(), run.g(), w.get(), run.n());
            backend.dot(run.g(), w.get(), run.n(), Slot::curvature);
            step = run.gradient_norm() * run.gradient_norm() / backend.scalar(Slot::curvature);
        } else {
            step = 1 / largest_eigenvalue(run, v.get(), w.get());
        }
        if (!std::isfinite(backend.scalar(Slot::norm))) return Status::not_finite;
        // No positive curvature along the gradient: the last length, doubled.
        if (!std::isfinite(step) || step <= 0) step = 2 * last_step;

        backend.scale(run.direction(), T(-1), run.g(), run.n());
        const double slope = -run.gradient_norm() * run.gradient_norm();
        const Trial first = run.try_step(step);
        // The length is the method: it is only shortened if the loss does not decrease.
        std::optional<Trial> accepted;
        // Where losses cannot judge the step any more the gradient does.
        const bool rounding = -step * slope <= run.noise();
        const bool better = rounding ? first.gradient_norm < run.gradient_norm()
                                     : first.f <= run.f() + 1e-4 * step * slope;
        if (first.finite() && better)
            accepted = first;
        else
            accepted = line_search(run, slope, first);
        if (!accepted) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            return first.finite() ? run.stuck_status() : Status::not_finite;
        }
        last_step = accepted->alpha;
        const double previous = run.f();
        run.accept(*accepted);
        if (const auto status = run.end_iteration(*accepted, previous, accepted->alpha, 0))
            return *status;
    }
}
template Status gradient_descent(Run<double>&);
template Status gradient_descent(Run<float>&);

}  // namespace cunewton::solver
