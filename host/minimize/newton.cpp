// Newton's method with a line search and a shifted Cholesky factorisation.
#include "host/minimize/newton.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cunewton::solver {

template <class T>
std::optional<Status> Newton<T>::accept(const Trial& trial, double shift) {
    const double previous = run_.f();
    run_.accept(trial, trial.alpha >= 1 && shift <= 1.5 * run_.rounding_shift());
    last_step_ = trial.step_size;
    return run_.end_iteration(trial, previous, trial.alpha, shift);
}

template <class T>
bool Newton<T>::refines(double decrement, double ratio) {
    const double eps = std::numeric_limits<T>::epsilon(), f = std::abs(run_.f());
    // Steps by a Gauss-Newton matrix go on until the next one would be within the last digits.
    // Where curvatures are next to nothing of what they were, so is what the test has asked for;
    // there one that is within the rounding of the loss is enough.
    const bool visible =
        run_.derivatives().hessian == HessianBy::gauss_newton
            ? decrement * ratio * ratio > std::pow(eps, 1.25) * f
            : run_.read(run_.numbers().least_diagonal) <= 1e-6 && decrement > eps * f;
    const bool falls = refinements_ == 0 || decrement <= 0.9 * refined_;
    if (!visible || !falls || refinements_ >= 20 ||
        run_.arrived_status(decrement) != Status::converged)
        return false;
    ++refinements_;
    refined_ = decrement;
    return true;
}

template <class T>
std::optional<Status> Newton<T>::settle(double decrement, const Trial& trial) {
    if (run_.has_run_away()) return Status::unbounded;
    Definiteness found = Definiteness::positive;
    if (!run_.factor_is_regular()) found = definiteness(run_);
    if (found == Definiteness::negative) {
        if (const std::optional<Trial> lower = leave_saddle(run_))
            return accept(*lower, run_.factor_shift());
        if (run_.out_of_evaluations()) return Status::max_evaluations;
        if (!is_nearly_semidefinite(run_)) return Status::saddle_point;
        // What the curvature of a valley's floor may be before its middle has been reached.
        return Status::singular;
    }
    const bool moves = run_.gradient_norm() > 0 && trial.finite() &&
                       run_.decrease(trial, -decrement) >= -run_.noise() && !run_.at_limit();
    // The next step is as long as this one, or nearly: a few more tell whether that goes on.
    const bool suspicious =
        moves && -trial.slope >= 0.1 * decrement && run_.may_run_away() && confirmations_ < 12;
    if (suspicious) {
        ++confirmations_;
        return accept(trial, run_.factor_shift());
    }
    // The full step has been evaluated: it squares the error, or multiplies it by a factor if the
    // matrix is not the Hessian; then more of them follow. Errors of parameters are the roots of
    // decrements.
    const bool improves = moves && !run_.tests_gradient();
    const double ratio = std::min(1.0, trial.gradient_size / run_.gradient_size());
    if (improves && found == Definiteness::positive && refines(decrement, ratio))
        return accept(trial, run_.factor_shift());
    // Singular, or next to nothing of what curvature there was: the loss may fall on, as at the
    // inflection of x^3.
    const bool degenerate =
        found == Definiteness::semidefinite || run_.read(run_.numbers().least_diagonal) <= 1e-6;
    if (degenerate && plateaus_ < 5) {
        ++plateaus_;
        const Descent descent = leave_plateau(run_);
        if (descent.lower) return accept(*descent.lower, run_.factor_shift());
        if (run_.out_of_evaluations()) return Status::max_evaluations;
        // x^4 has one minimiser, too.
        if (found == Definiteness::positive || (descent.rises && run_.n() == 1))
            return run_.arrived_status(decrement);
    }
    if (found == Definiteness::semidefinite) return Status::singular;
    const Status status = run_.arrived_status(decrement);
    if (!improves || !(ratio < 1)) return status;
    const bool ill_conditioned = run_.read(run_.numbers().least_pivot) < 1e-6;
    if (const auto end = accept(trial, run_.factor_shift()); end == Status::cancelled) return end;
    if (!ill_conditioned) return status;
    // What little curvature there was a step ago may be none at the minimum.
    run_.hessian();
    return definiteness(run_) == Definiteness::positive ? status : Status::singular;
}

template <class T>
std::optional<Status> Newton<T>::chord() {
    run_.newton_direction();
    const Trial trial = run_.try_step(1);
    const double decrement = -run_.read(run_.numbers().decrease);
    if (!(decrement >= 0) || !run_.arrived(decrement, trial.step_size)) return std::nullopt;
    return settle(decrement, trial);
}

/// One regular iteration queues Hessian, factorisation, solve and the trial of the full step, and
/// then reads all outcomes at once; only a failed factorisation or a rejected step costs more
/// reads.
template <class T>
std::optional<Status> Newton<T>::iterate(bool steps) {
    Vectors<T>& vectors = run_.vectors();
    left_ = false;
    if (run_.options().max_iterations == 0 && run_.gradient_norm() > 0)
        return Status::max_iterations;
    if (trusted_ && run_.tests_gradient() && run_.gradient_small() && !run_.may_run_away())
        return run_.arrived_status(decrement_);
    // Decrements of a quadratic convergence: the next is about this one's square times a constant
    // that the last two show.
    if (trusted_ && !run_.tests_gradient() && last_decrement_ > 0) {
        const double ratio = decrement_ / last_decrement_;
        if (run_.negligible(decrement_ * ratio * ratio * 1e-2, 0))
            if (const auto status = chord()) return status;
    }
    trusted_ = false;

    run_.hessian();
    double shift = 0;
    bool limited = false;  // the shift is there for the length of the step alone
    run_.factorize(0);
    bool definite = !vectors.scalars_are_local() || run_.factored();
    Trial trial{};
    if (definite) {
        run_.newton_direction();
        trial = run_.try_step(1);
        definite = run_.factored();
    }
    if (!definite) {
        const std::optional<double> found = factorize_shifted(run_, 0.1 * last_shift_);
        if (!found) return Status::not_finite;
        shift = *found;
        run_.newton_direction();
        trial = run_.try_step(1);
        // A matrix that is zero, or nearly so, says nothing about the length of the step.
        const double longest = 1e4 * run_.size();
        limited = trial.step_size > longest && shift < run_.gradient_size() / longest;
        if (limited) {
            shift = run_.gradient_size() / longest;
            run_.factorize(shift);
            run_.newton_direction();
            trial = run_.try_step(1);
        }
    }
    const bool indefinite = shift > 1.5 * run_.rounding_shift();
    const bool regular = run_.factor_is_regular();
    last_shift_ = indefinite ? shift : 0;

    const double slope = run_.read(run_.numbers().decrease);
    if (!std::isfinite(slope)) return Status::not_finite;
    last_decrement_ = decrement_;
    decrement_ = -slope;
    // Positive definite in exact arithmetic; rounding in an ill-conditioned factor can differ.
    if (slope > 0) return run_.stuck_status(slope);
    run_.watch(decrement_);
    if (run_.runs_away(decrement_)) return Status::unbounded;
    if ((!limited || run_.gradient_small()) && run_.arrived(decrement_, trial.step_size))
        return settle(decrement_, trial);
    if (!steps) {
        left_ = true;
        return std::nullopt;
    }

    if (!(slope < 0)) return run_.stuck_status(0);
    const std::optional<Trial> step = line_search(run_, slope, trial);
    if (!step) {
        if (run_.out_of_evaluations()) return Status::max_evaluations;
        if (!trial.finite()) return Status::not_finite;
        const Status stuck = run_.stuck_status(decrement_);
        // What is not regular may as well be a saddle point.
        if (stuck == Status::converged && !regular) return settle(decrement_, trial);
        return stuck;
    }
    trusted_ =
        regular && step_settles(step->step_size, last_step_, std::max(step->x_size, run_.size()));
    return accept(*step, shift);
}

template <class T>
std::optional<Status> Newton<T>::confirm() {
    for (int steps = 0; steps < 12; ++steps) {
        if (const std::optional<Status> status = iterate(run_.nearly_flat(decrement_)))
            return status;
        if (left_ && !run_.nearly_flat(decrement_)) return std::nullopt;
    }
    return std::nullopt;
}

template <class T>
Status newton(Minimization<T>& run) {
    return Newton<T>(run).minimize();
}

#define CUNEWTON_INSTANTIATE(T) \
    template class Newton<T>;   \
    template Status newton(Minimization<T>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
