// Newton's method on products with the Hessian: truncated conjugate gradients in a trust region.
#include "host/minimize/newton_cg.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace cunewton::solver {

namespace {

// Of the residual, relative to the gradient: near enough for a test of a minimum to rely on what
// the step promises, if little is left; and the most that can be asked for.
constexpr double accurate = 1e-3, most_accurate = 1e-12;
constexpr long most_products = 1000, most_products_to_examine = 200;

/// Eisenstat and Walker 1996, choice 2, and its safeguard.
double forcing_term(double last, double gradient_norm, double last_gradient_norm, double largest) {
    const double ratio = gradient_norm / last_gradient_norm;
    const double term = 0.9 * ratio * ratio, safeguard = 0.9 * last * last;
    return std::min(largest, safeguard > 0.1 ? std::max(term, safeguard) : term);
}

}  // namespace

template <class T>
std::optional<Status> NewtonCg<T>::accept(const Trial& trial, bool full) {
    const double previous = run_.f();
    last_gradient_norm_ = run_.gradient_norm();
    run_.accept(trial, full);
    // The norm of a preconditioner that is made on the way is not what another run begins with.
    const Options& options = run_.options();
    if (options.method == Method::newton_cg)
        run_.note_radius(planned_.comes_later() ? 0 : std::max(radius_, 0.0));
    return run_.end_iteration(trial, previous, last_radius_, 0);
}

template <class T>
std::optional<double> NewtonCg<T>::first_radius() {
    if (run_.iterations() == 0 && run_.options().initial_radius > 0)
        return run_.options().initial_radius;
    const ConjugateGradientsResult first = solve({.tolerance = 0, .max_products = 1});
    if (first.end == End::not_finite) return std::nullopt;
    return first.size > 0 ? 10 * unit() * first.size : run_.first_step_length() * unit();
}

template <class T>
void NewtonCg<T>::update_preconditioner() {
    const bool before = preconditioner() != nullptr;
    // Of the caller's, and of Kronecker products, which are not near an indefinite Hessian, no
    // length is known.
    const bool moves_on =
        planned_.by() == PreconditionBy::own || planned_.by() == PreconditionBy::kronecker;
    if (!planned_.update()) return;
    Preconditioner<T>* const now = preconditioner();
    // What multiple of lengths before they are now is not known then; but it has only moved on.
    if (moves_on && now && before) return;
    // Lengths are others: the last step's tells by how much.
    double size = 0;
    if (last_size_ > 0 && now && !moves_on) {
        if (const std::optional<double> known = now->size(run_.direction())) {
            size = *known;
        } else {
            // M is about the Hessian.
            Vectors<T>& vectors = run_.vectors();
            const Number square = vectors.number();
            run_.take_products([&] { run_.products().apply(run_.direction(), 1, run_.trial_g()); });
            run_.count_products(1);
            vectors.dot(run_.direction(), run_.trial_g(), run_.n(), square);
            size = std::sqrt(std::max(run_.read(square), 0.0));
        }
    }
    radius_ = size > 0 ? radius_ * (size / last_size_) : -1;
    last_size_ = 0;
}

template <class T>
Trial NewtonCg<T>::take_step(double unit) {
    Vectors<T>& vectors = run_.vectors();
    vectors.scale(run_.direction(), static_cast<T>(unit), run_.direction(), run_.n());
    vectors.dot(run_.g(), run_.direction(), run_.n(), run_.numbers().decrease);
    return run_.try_step(1);
}

template <class T>
void NewtonCg<T>::adapt_radius(const Trial& trial, double decrease, double size) {
    const double ratio = decrease > 0 ? (run_.f() - trial.f) / decrease : 0;
    if (ratio < 0.25)
        radius_ = 0.5 * trial.alpha * size;
    else if (ratio > 0.75)
        radius_ = std::max(radius_, 4 * trial.alpha * size);
}

/// One iteration waits for the machine for the gradient's norm, for every eighth product and for
/// the trial.
template <class T>
std::optional<Status> NewtonCg<T>::iterate(bool steps) {
    left_ = false;
    if (run_.options().max_iterations == 0 && run_.gradient_norm() > 0)
        return Status::max_iterations;
    run_.prepare_products();
    if (!(run_.gradient_norm() > 0)) return settle(0, std::nullopt);

    update_preconditioner();
    const double unit = this->unit();
    start(-1 / unit, run_.g(), run_.direction());
    if (radius_ < 0) {
        const std::optional<double> first = first_radius();
        if (!first) return Status::not_finite;
        radius_ = *first;
        start(-1 / unit, run_.g(), run_.direction());
    }
    if (last_gradient_norm_ > 0)
        forcing_ =
            forcing_term(forcing_, run_.gradient_norm(), last_gradient_norm_, largest_forcing);
    // No better than the caller asks for (Eisenstat and Walker 1996, section 6).
    const double enough =
        std::min(0.5 * run_.gradient_goal() / run_.gradient_norm(), largest_forcing);
    ConjugateGradientsOptions limits{.tolerance = std::max({forcing_, accurate, enough}),
                                     .radius = radius_ / unit,
                                     .max_products = std::min(2L * run_.n() + 20, most_products)};
    ConjugateGradientsResult inner = solve(limits);
    const auto is_inside = [&] {
        return inner.end == End::converged || inner.end == End::max_products;
    };
    // What the step promises is less than the decrement g'H^-1 g of Newton's step, which decides:
    // by what the residual has to promise, in directions of the least curvature.
    const auto promised_by_step = [&] { return inner.slope * unit * unit; };
    const auto is_solved = [&] {
        const double residual = inner.residual * inner.right * unit;
        // Of less curvature than rounding the Hessian knows nothing.
        const double least = std::max(inner.least, rounding() * inner.largest);
        return limits.tolerance <= accurate && residual * (residual / least) <= promised_by_step();
    };
    const auto may_end_here = [&] {
        return run_.gradient_small() || run_.nearly_flat(promised_by_step()) ||
               run_.arrived(promised_by_step(), 0);
    };
    while (inner.end == End::converged && may_end_here() && !is_solved() &&
           limits.tolerance > most_accurate) {
        limits.tolerance = std::min(accurate, 0.01 * limits.tolerance);
        inner = solve(limits);
    }
    if (inner.end == End::not_finite) return Status::not_finite;
    const bool inside = is_inside(), solved = inside && is_solved();
    last_radius_ = radius_;
    last_size_ = inner.size * unit;

    const Trial trial = take_step(unit);
    const double slope = run_.read(run_.numbers().decrease), decrement = -slope;
    decrement_ = decrement;
    if (!std::isfinite(slope)) return Status::not_finite;
    if (slope > 0) return run_.stuck_status(slope);
    if (inside) {
        run_.watch(decrement);
        if (run_.runs_away(decrement)) return Status::unbounded;
    }
    if (run_.gradient_small() || (solved && run_.arrived(decrement, trial.step_size)))
        return inner.end == End::negative_curvature
                   ? settle(decrement, trial, judge(inner, cg_.direction()))
                   : settle(decrement, trial);
    if (!steps) {
        left_ = true;
        return std::nullopt;
    }
    if (!(slope < 0)) return run_.stuck_status(0);

    // In the model's own proportions: the numbers of the gradient's unit may be out of range here.
    const double promised = decrement * (inner.decrease / inner.slope), size = inner.size * unit;
    if (trial.finite() && promised > run_.noise() && run_.f() - trial.f >= 1e-4 * promised) {
        adapt_radius(trial, promised, size);
        solved_last_ = solved;
        return accept(trial, inside);
    }
    // Shorter steps along the same path cost no products (Nocedal and Yuan 1998).
    const std::optional<Trial> step = line_search(run_, slope, trial);
    if (!step) {
        if (run_.out_of_evaluations()) return Status::max_evaluations;
        if (!trial.finite()) return Status::not_finite;
        const Status stuck = run_.stuck_status(decrement);
        if (stuck != Status::converged) return stuck;
        // A step that was cut short promises less than there is.
        return solved ? settle(decrement, std::nullopt) : Status::precision_limit;
    }
    solved_last_ = solved && step->alpha == 1;
    radius_ = step->alpha < 1 ? step->alpha * size : std::max(radius_, step->alpha * size);
    return accept(*step, inside && step->alpha >= 1);
}

template <class T>
auto NewtonCg<T>::judge(const ConjugateGradientsResult& result, const T* flattest) -> Examined {
    // Past a direction without curvature steps may grow out of range.
    const bool was_flat = result.least <= rounding() * result.largest;
    if (result.end == End::not_finite && !was_flat) return {Definiteness::not_finite, false};
    const double scale = std::max(result.largest, std::abs(result.least));
    if (result.least > rounding() * scale) return {Definiteness::positive, false};
    Vectors<T>& vectors = run_.vectors();
    const Number length = vectors.number();
    vectors.norms({{flattest, length}}, run_.n());
    vectors.scale(run_.direction(), static_cast<T>(1 / run_.read(length)), flattest, run_.n());
    last_size_ = 0;
    if (result.least >= -rounding() * scale) return {Definiteness::semidefinite, false};
    constexpr double eps = std::numeric_limits<T>::epsilon();
    return {Definiteness::negative, result.least < -std::sqrt(eps) * scale};
}

/// Conjugate gradients towards a fixed vector, which has a part in nearly every direction, meet one
/// of negative curvature or of none, if there is any that stands out from the others so far that
/// these products tell.
template <class T>
auto NewtonCg<T>::examine() -> Examined {
    const int n = run_.n();
    std::vector<T> right = fixed_start<T>(n);
    if (run_.alike() > 1) {
        // Nothing of the shifts that the loss does not see.
        const int block = n / run_.alike();
        for (int j = 0; j < block; ++j) {
            double mean = 0;
            for (int k = 0; k < run_.alike(); ++k) mean += right[k * block + j];
            mean /= run_.alike();
            for (int k = 0; k < run_.alike(); ++k) right[k * block + j] -= static_cast<T>(mean);
        }
    }
    last_size_ = 0;
    // What curvature is none is told in the metric of the parameters, or of blocks that are regular
    // themselves.
    const auto look = [&](Preconditioner<T>* M) {
        run_.vectors().upload(run_.direction(), right.data(), n);
        cg_.start(run_.products(), T(1), run_.direction(), nullptr, M, run_.direction());
        counted_ = 0;
        // What it has of a direction without curvature stays in the residual: with few exceptions
        // more than a hundredth of what each direction has on the average.
        const ConjugateGradientsResult result =
            solve({.tolerance = 0.01 / std::sqrt(n),
                   .max_products = std::min(2L * n + 20, most_products_to_examine)});
        return judge(result, run_.direction());
    };
    if (Preconditioner<T>* const M = preconditioner(); M && M->tells_curvatures()) {
        const Examined examined = look(M);
        // What stands out there may do so by the samples that blocks are of.
        if (examined.found == Definiteness::positive) return examined;
    }
    return look(nullptr);
}

template <class T>
std::optional<Status> NewtonCg<T>::settle(double decrement, const std::optional<Trial>& trial,
                                          std::optional<Examined> seen) {
    if (run_.has_run_away()) return Status::unbounded;
    const Examined examined = seen ? *seen : examine();
    if (examined.found == Definiteness::not_finite) return Status::not_finite;
    if (examined.found == Definiteness::negative) {
        if (const Descent descent = descend_along(run_, 1, 1e-8); descent.lower)
            return accept(*descent.lower, false);
        if (run_.out_of_evaluations()) return Status::max_evaluations;
        if (examined.large) return Status::saddle_point;
        // What the curvature of a valley's floor may be before its middle has been reached.
        run_.note_null_direction();
        return Status::singular;
    }
    const bool moves = trial && trial->finite() && trial->f <= run_.f() + run_.noise() &&
                       run_.gradient_norm() > 0 && !run_.at_limit();
    // The next step is as long as this one, or nearly: a few more tell whether that goes on, which
    // steps that were cut short cannot.
    if (moves && -trial->slope >= 0.1 * decrement && confirmations_ < 12 &&
        (run_.may_run_away() || !solved_last_)) {
        ++confirmations_;
        solved_last_ = true;
        return accept(*trial, true);
    }
    if (examined.found == Definiteness::semidefinite) {
        run_.note_null_direction();
        if (plateaus_ < 5) {
            ++plateaus_;
            const Descent descent = descend_along(run_, 1.4, 1e-8);  // not onto the origin
            if (descent.lower) return accept(*descent.lower, false);
            if (run_.out_of_evaluations()) return Status::max_evaluations;
            if (descent.rises && run_.n() == 1) return run_.arrived_status(decrement);
        }
        return Status::singular;
    }
    const Status status = run_.arrived_status(decrement);
    // The full step has been evaluated: it squares the error.
    if (!moves || run_.tests_gradient() || !(trial->gradient_size < run_.gradient_size()))
        return status;
    if (accept(*trial, true) == Status::cancelled) return Status::cancelled;
    return status;
}

template <class T>
std::optional<Status> NewtonCg<T>::confirm() {
    // What was known is of another point.
    radius_ = decrement_ = -1;
    last_size_ = last_gradient_norm_ = 0;
    forcing_ = largest_forcing;
    for (int steps = 0; steps < 12; ++steps) {
        if (const std::optional<Status> status = iterate(run_.nearly_flat(decrement_)))
            return status;
        if (left_ && !run_.nearly_flat(decrement_)) return std::nullopt;
    }
    return std::nullopt;
}

template <class T>
Status newton_cg(Minimization<T>& run) {
    return NewtonCg<T>(run).minimize();
}

#define CUNEWTON_INSTANTIATE(T) \
    template class NewtonCg<T>; \
    template Status newton_cg(Minimization<T>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
