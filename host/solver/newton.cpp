// Newton's method with a line search and a shifted Cholesky factorisation.
#include <cmath>

#include "host/solver/methods.h"

namespace cunewton::solver {

/// One regular iteration queues Hessian, factorisation, solve and the trial of the full step, and
/// then reads all outcomes at once; only a failed factorisation or a rejected step costs more reads.
template <class T>
Status newton(Run<T>& run) {
    Backend<T>& backend = run.backend();
    double last_shift = 0, last_step = 0;
    bool trusted = false;
    for (;;) {
        if (run.gradient_small()) {
            if (const std::optional<Status> status = confirm_minimum(run, trusted)) return *status;
            trusted = false;
            continue;
        }
        if (run.options().max_iterations == 0) return Status::max_iterations;
        run.hessian();

        const auto direction = [&] {
            backend.scale(run.direction(), T(-1), run.g(), run.n());
            backend.solve(run.factor(), run.direction(), run.n());
            backend.dot(run.g(), run.direction(), run.n(), Slot::decrease);
        };
        double shift = 0;
        run.factorize(0);
        bool positive = !backend.scalars_are_local() || backend.scalar(Slot::factor_info) == 0;
        Trial trial{};
        if (positive) {
            direction();
            trial = run.try_step(1);
            positive = backend.scalar(Slot::factor_info) == 0;
        }
        if (!positive) {
            const std::optional<double> found = factorize_shifted(run, 0.1 * last_shift);
            if (!found) return Status::not_finite;
            shift = *found;
            direction();
            trial = run.try_step(1);
        }
        last_shift = shift;

        const double slope = backend.scalar(Slot::decrease);
        if (!std::isfinite(slope)) return Status::not_finite;
        // Positive definite in exact arithmetic; rounding in an ill-conditioned factor can differ.
        if (slope >= 0) return run.stuck_status();

        const std::optional<Trial> step = line_search(run, slope, trial);
        if (!step) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            return trial.finite() ? run.stuck_status() : Status::not_finite;
        }
        const double previous = run.f();
        run.accept(*step);
        trusted = shift == 0 && step_settles(step->step_norm, last_step, run.x_norm());
        last_step = step->step_norm;
        if (const auto status = run.end_iteration(*step, previous, step->alpha, shift)) return *status;
    }
}
template Status newton(Run<double>&);
template Status newton(Run<float>&);

}  // namespace cunewton::solver
