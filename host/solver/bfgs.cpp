// BFGS with a dense inverse Hessian (Nocedal and Wright 2006, algorithm 6.1): the first-order
// baseline. It never sees a Hessian, so it cannot tell a saddle point from a minimum.
#include <algorithm>
#include <cmath>

#include "host/solver/methods.h"

namespace cunewton::solver {

template <class T>
Status bfgs(Run<T>& run) {
    Backend<T>& backend = run.backend();
    const int n = run.n();
    const Buffer<T> inverse = backend.allocate(static_cast<std::size_t>(n) * n);
    const Buffer<T> y = run.vector(), s = run.vector(), By = run.vector();
    bool scaled = false, fresh = true;
    backend.set_identity(inverse.get(), n, T(1));
    for (;;) {
        if (run.gradient_small()) return run.small_gradient_status();
        if (run.options().max_iterations == 0) return Status::max_iterations;

        backend.symv(inverse.get(), run.g(), run.direction(), n);
        backend.scale(run.direction(), T(-1), run.direction(), n);
        backend.dot(run.g(), run.direction(), n, Slot::decrease);
        // Without curvature yet, a first step of length one at most.
        const double first_length = scaled ? 1.0 : std::min(1.0, 1.0 / run.gradient_norm());
        const Trial first = run.try_step(first_length);
        const double slope = backend.scalar(Slot::decrease);
        std::optional<Trial> step;
        if (slope < 0) step = line_search(run, slope, first);
        if (!step) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            if (fresh) return first.finite() ? run.stuck_status() : Status::not_finite;
            // Rounding has spoilt the inverse: once more from the gradient.
            backend.set_identity(inverse.get(), n, T(1));
            scaled = false;
            fresh = true;
            continue;
        }
        backend.add_scaled(y.get(), run.trial_g(), T(-1), run.g(), n);
        backend.scale(s.get(), static_cast<T>(step->alpha), run.direction(), n);
        backend.dot(s.get(), y.get(), n, Slot::product);
        backend.dot(y.get(), y.get(), n, Slot::curvature);
        const double sy = backend.scalar(Slot::product), yy = backend.scalar(Slot::curvature);
        if (step->step_norm > 0) run.note_curvature(std::sqrt(yy) / step->step_norm);
        const double previous = run.f();
        run.accept(*step);
        if (const auto status = run.end_iteration(*step, previous, step->alpha, 0)) return *status;

        // The curvature condition makes s'y positive; without it the update would not be definite.
        if (!(sy > 1e-12 * step->step_norm * std::sqrt(yy))) continue;
        if (!scaled) backend.set_identity(inverse.get(), n, static_cast<T>(sy / yy));
        scaled = true;
        fresh = false;
        backend.symv(inverse.get(), y.get(), By.get(), n);
        backend.dot(y.get(), By.get(), n, Slot::curvature);
        const double yBy = backend.scalar(Slot::curvature);
        backend.rank_two_update(inverse.get(), static_cast<T>(-1 / sy), s.get(), By.get(),
                                static_cast<T>((1 + yBy / sy) / sy), n);
    }
}
template Status bfgs(Run<double>&);
template Status bfgs(Run<float>&);

}  // namespace cunewton::solver
