// BFGS with a dense inverse Hessian (Nocedal and Wright 2006, algorithm 6.1): the first-order
// baseline. Its steps never see a Hessian and depend on the parameters' units.
#include <algorithm>
#include <cmath>

#include "host/minimize/newton.h"

namespace cunewton::solver {

template <class T>
Status bfgs(Minimization<T>& run) {
    Vectors<T>& vectors = run.vectors();
    DenseMatrices<T>& matrices = run.matrices();
    const int n = run.n();
    const Buffer<T> inverse = vectors.allocate(static_cast<std::size_t>(n) * n);
    const Buffer<T> y = run.vector(), s = run.vector(), By = run.vector();
    const Number sy_there = vectors.number(), yBy_there = vectors.number(),
                 y_norm_there = vectors.number();
    // The Hessian is looked at where the method takes a point for a minimum, if it is exact and if
    // there is room for it and its factor: by differences it would cost more than all the rest.
    const bool exact =
        run.derivatives().hessian_is_exact() && 3.0 * n * n * sizeof(T) < vectors.free_bytes();
    // Restarts from S^-2, where a Hessian has given the scales, else from the identity; the first
    // step gives the factor.
    bool scaled = false, fresh = true;
    const auto restart = [&](double factor) {
        matrices.set_identity(inverse.get(), n, static_cast<T>(factor), run.scales());
        scaled = false;
        fresh = true;
    };
    restart(run.first_step_length());
    int small_in_a_row = 0;
    bool examined = false;  // where it was stuck
    for (;;) {
        if (run.options().max_iterations == 0 && run.gradient_norm() > 0)
            return Status::max_iterations;
        double decrement = 0;
        const auto arrived = [&]() -> std::optional<Status> {
            if (!exact) return run.arrived_status(decrement);
            if (const auto status = Newton<T>(run).confirm()) return status;
            restart(1);
            small_in_a_row = 0;
            return std::nullopt;
        };
        if (run.gradient_small()) {
            if (const auto status = arrived()) return *status;
            continue;
        }
        matrices.symv(inverse.get(), run.g(), run.direction(), n);
        vectors.scale(run.direction(), T(-1), run.direction(), n);
        vectors.dot(run.g(), run.direction(), n, run.numbers().decrease);
        const Trial first = run.try_step(1);
        const double slope = run.read(run.numbers().decrease);
        decrement = -slope;
        // The decrement as the inverse so far has it, which may not know flat directions yet: it
        // counts where two steps in a row find it negligible.
        if (scaled && !run.tests_gradient() && slope < 0) {
            run.watch(decrement);
            if (run.runs_away(decrement)) return Status::unbounded;
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
            if (fresh && !first.finite()) return Status::not_finite;
            if (fresh) {
                // Newton's steps may tell why.
                if (exact && !examined && run.nearly_flat(decrement)) {
                    examined = true;
                    if (const auto status = arrived()) return *status;
                    continue;
                }
                return run.stuck_status(decrement);
            }
            // Rounding has spoilt the inverse: once more from the gradient.
            restart(run.scales() ? 1 : run.first_step_length());
            continue;
        }
        vectors.add_scaled(y.get(), run.trial_g(), T(-1), run.g(), n);
        vectors.scale(s.get(), static_cast<T>(step->alpha), run.direction(), n);
        matrices.symv(inverse.get(), y.get(), By.get(), n);
        vectors.dot(s.get(), y.get(), n, sy_there);
        vectors.dot(y.get(), By.get(), n, yBy_there);
        vectors.norms({{y.get(), y_norm_there}}, n);
        const auto [sy, y_norm, yBy_read] = read(vectors, sy_there, y_norm_there, yBy_there);
        double yBy = yBy_read;
        if (step->step_norm > 0) run.note_curvature(y_norm / step->step_norm);
        const double previous = run.f();
        run.accept(*step, step->alpha >= 1);
        if (const auto status = run.end_iteration(*step, previous, step->alpha, 0)) return *status;

        // The curvature condition makes s'y positive; without it the update would not be definite.
        if (!(sy > 1e-12 * step->step_norm * y_norm)) continue;
        if (!scaled && !run.scales()) {
            const double scale = sy / y_norm / y_norm;
            restart(scale);
            vectors.scale(By.get(), static_cast<T>(scale), y.get(), n);
            yBy = sy;
        }
        scaled = true;
        fresh = false;
        matrices.rank_two_update(inverse.get(), static_cast<T>(-1 / sy), s.get(), By.get(),
                                 static_cast<T>((1 + yBy / sy) / sy), n);
    }
}
template Status bfgs(Minimization<double>&);
template Status bfgs(Minimization<float>&);

}  // namespace cunewton::solver
