#include "host/minimize/quasi_newton.h"

namespace cunewton::solver {

template <class T>
Status quasi_newton(Minimization<T>& run, InverseHessian<T>& inverse,
                    const std::function<std::optional<Status>()>& confirm) {
    int small_in_a_row = 0;
    bool examined = false;  // where it was stuck
    for (;;) {
        run.at_iteration([&](State<T>& state) { state(small_in_a_row, examined, inverse); });
        if (run.options().max_iterations == 0 && run.gradient_norm() > 0)
            return Status::max_iterations;
        double decrement = 0;
        const auto arrived = [&]() -> std::optional<Status> {
            if (!confirm) return run.arrived_status(decrement);
            if (const auto status = confirm()) return status;
            inverse.restart();  // what it promised was wrong, or is of another point
            small_in_a_row = 0;
            return std::nullopt;
        };
        if (run.gradient_small()) {
            if (const auto status = arrived()) return *status;
            continue;
        }
        inverse.direction();
        run.vectors().dot(run.g(), run.direction(), run.n(), run.numbers().decrease);
        const Trial first = run.try_step(1);
        const double slope = run.read(run.numbers().decrease);
        decrement = -slope;
        // The decrement as the inverse so far has it, which may not know flat directions yet: it
        // counts where two steps in a row find it negligible.
        if (!inverse.is_fresh() && !run.tests_gradient() && slope < 0) {
            run.watch(decrement);
            if (run.runs_away(decrement)) {
                // Slow steps through a valley look alike, by an inverse that has not learnt it.
                if (!confirm) return Status::unbounded;
                run.watch_again();
                if (const auto status = arrived()) return *status;
                continue;
            }
            small_in_a_row = run.arrived(decrement, first.step_size) ? small_in_a_row + 1 : 0;
            if (small_in_a_row == 2) {
                if (const auto status = arrived()) return *status;
                continue;
            }
        }
        std::optional<Trial> step;
        if (slope < 0) step = line_search(run, slope, first);
        if (!step) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            if (small_in_a_row > 0) {
                if (const auto status = arrived()) return *status;
                continue;
            }
            if (!inverse.is_fresh()) {
                // Rounding has spoilt it: once more from the gradient.
                inverse.restart();
                continue;
            }
            if (!first.finite()) return Status::not_finite;
            // Second derivatives may tell why.
            if (confirm && !examined && run.nearly_flat(decrement)) {
                examined = true;
                if (const auto status = arrived()) return *status;
                continue;
            }
            return run.stuck_status(decrement);
        }
        const auto [sy, y_norm] = inverse.measure(step->alpha);
        if (step->step_norm > 0) run.note_curvature(y_norm / step->step_norm);
        const double previous = run.f();
        run.accept(*step, step->alpha >= 1);
        if (const auto status = run.end_iteration(*step, previous, step->alpha, 0)) return *status;
        // The curvature condition makes s'y positive; without it the inverse would not be definite.
        if (sy > 1e-12 * step->step_norm * y_norm) inverse.update();
    }
}
template Status quasi_newton(Minimization<double>&, InverseHessian<double>&,
                             const std::function<std::optional<Status>()>&);
template Status quasi_newton(Minimization<float>&, InverseHessian<float>&,
                             const std::function<std::optional<Status>()>&);

}  // namespace cunewton::solver
