// The loop of methods whose step is Newton's with a part of the Hessian.
#pragma once

#include <cmath>
#include <optional>

#include "host/minimize/newton_cg.h"

namespace cunewton::solver {

struct PartialStep {
    bool finite;       ///< what is known of the Hessian
    bool definite;     ///< so far as it is known, and the shift is small beside it
    double promised;   ///< no more than the decrement g' H^-1 g of a definite Hessian
    double shift = 0;  ///< for the record
};

/// model.direction() makes run.direction(), downhill, from products that have been prepared, and
/// returns a PartialStep; model.pass(state) writes or reads what it keeps for that. A line search
/// follows; ends are Newton-CG's to judge.
template <class T, class Model>
Status partial_newton(Minimization<T>& run, Model& model) {
    EndByProducts<T> end(run);
    for (;;) {
        run.at_iteration([&](State<T>& state) { state(model, end); });
        if (run.options().max_iterations == 0 && run.gradient_norm() > 0)
            return Status::max_iterations;
        run.prepare_products();
        double promised = 0, shift = 0;
        if (run.gradient_norm() > 0) {
            const PartialStep known = model.direction();
            if (!known.finite) return Status::not_finite;
            promised = known.promised;
            shift = known.shift;
            if (known.definite) {
                run.watch(promised);
                if (run.runs_away(promised)) return Status::unbounded;
            }
        }
        const long taken = run.products_taken();
        if (const auto status = end.look(promised)) return *status;
        if (end.moved()) continue;
        // The direction was another's meanwhile.
        if (run.products_taken() != taken && !model.direction().finite) return Status::not_finite;
        run.vectors().dot(run.g(), run.direction(), run.n(), run.numbers().decrease);
        const Trial first = run.try_step(1);
        const double slope = run.read(run.numbers().decrease);
        std::optional<Trial> step;
        if (slope < 0) step = line_search(run, slope, first);
        if (!step) {
            if (run.out_of_evaluations()) return Status::max_evaluations;
            if (!first.finite()) return Status::not_finite;
            if (const auto status = end.stuck(std::abs(slope))) return *status;
            continue;
        }
        const double previous = run.f();
        run.accept(*step, step->alpha >= 1);
        if (const auto status = run.end_iteration(*step, previous, step->alpha, shift))
            return *status;
    }
}

/// A matrix that is zero, or nearly so, says nothing about the length of the step: shortens
/// run.direction() to 1e4 times the problem's size. Returns the factor; 0 if it is not finite.
template <class T>
double limit_direction(Minimization<T>& run) {
    Vectors<T>& vectors = run.vectors();
    const Number length = vectors.number();
    vectors.norms({{run.direction(), length}}, run.n());
    const double longest = 1e4 * run.size(), is = vectors.read(length);
    if (!std::isfinite(is)) return 0;
    if (!(is > longest)) return 1;
    vectors.scale(run.direction(), static_cast<T>(longest / is), run.direction(), run.n());
    return longest / is;
}

}  // namespace cunewton::solver
