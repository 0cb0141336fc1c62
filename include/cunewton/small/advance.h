// (Compiled in the user's file.) The iteration of a small problem, by either method: see solver.h.
// Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/trust_region.h"
#include "cunewton/math/unroll.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/small/factorize.h"
#include "cunewton/small/methods.h"
#include "cunewton/small/state.h"
#include "cunewton/small/step.h"

namespace cunewton::batch {

namespace detail {

/// The step minimises g's + s'Hs/2 within |D s| <= radius by repeated Cholesky factorisations of
/// H + lambda D^2 (More and Sorensen 1983, including the hard case): Newton's if H is positive
/// definite and it is short enough; otherwise one on the boundary, with lambda by Newton's method
/// on 1/radius - 1/|Ds| within brackets. It is the best of its length, which is about the radius:
/// see the methods.
///
/// All decisions are masks, as lanes differ:
///
///     active      runs, as the call begins
///     arrived     there is a new value at its trial point
///     first       which is its start
///     usable      the value and its derivatives are finite
///     accepted    the trial point is the new x; `rejected`: it is not, and the radius shrinks
///     stepped     accepted, and not the start
///     restarts    the radius begins anew
///     bearable    the loss changed by less than its rounding; the slopes tell whether it fell
///     going       runs, and needs a step
///     open        whose step is being searched for
///     definite    its H + lambda D^2 is positive definite
///     found       its step is; its trial point is put down while others go on
///     continued   its step met bounds, and is searched for among the parameters that are left
///     short_step  it is shorter than the radius: lambda is too large; `late`: after some attempts
///     last        of its attempts: takes a step that is short enough
///     done        its step is found, or it has ended
///     idle        a step was taken below the rounding of f, and the decrement does not fall
///     stuck       no step can be seen any more
template <template <int, class, class> class MethodOf, int N, class S, class Trial, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void advance(const Memory<S>& memory,
                                                         const StateLayout& layout,
                                                         const Trial& trial,
                                                         const SolverSettings<real_t<S>>& settings,
                                                         const Group& group) {
    using T = real_t<S>;
    using Method = MethodOf<N, S, Group>;
    const int n = N > 0 ? N : layout.n;
    const State<S> state(memory, layout);
    Method method{state, settings, group, n};
    const S epsilon = detail::epsilon<S>(), tiny(limits::smallest<T>);
    const S zero(0.0), one(1.0);
    const auto never = one < zero;
    const bool bounded = settings.bounded;

    S status = state.get(StateLayout::status), iterations = state.get(StateLayout::iterations);
    // Lengths are compared by their squares. Only the search for lambda takes their roots, where a
    // step has not been found at once.
    S f = state.get(StateLayout::f), square_radius = state.get(StateLayout::square_radius);
    S stalls = state.get(StateLayout::stalls);
    const S predicted = state.get(StateLayout::predicted);
    const S last_decrement = state.get(StateLayout::decrement);
    const S f_trial = trial.f(0);
    const auto active = status < S(0.5);
    const auto arrived = method.arrived(active);
    const auto first = iterations < S(-0.5);
    const auto usable = finite<Method::convex, N, S>(trial, n);
    S square_moved(0.0), by_slopes(0.0);
    loop<N>(0, n, [&](int j) {
        const S d = state.trial(j) - state.x(j);
        square_moved += d * (d * method.scale(j));
        by_slopes -= S(0.5) * d * (state.gradient(j) + trial.gradient(j));
    });

    // ---- Accept or reject, and the radius. Below `noise` a decrease is lost in f's rounding;
    // there the slopes at both ends tell it.
    S actual = f - f_trial;
    const S noise = method.noise(f);
    const auto invisible = predicted <= noise;
    const S possible = method.possible(predicted, f);
    const auto bearable = invisible && actual >= zero - noise;
    actual = select(bearable, by_slopes, actual);
    const auto better = actual > zero && actual >= S(T(1e-4)) * possible;
    const auto accepted = arrived && usable && (first || better);
    const auto unusable_start = arrived && first && !usable;
    const auto rejected = arrived && !first && !accepted;
    const auto stepped = accepted && !first;
    const auto good = stepped && actual >= S(T(0.75)) * possible;
    square_radius = select(good, maximum(square_radius, S(4.0) * square_moved), square_radius);
    square_radius = select(rejected, S(Method::shrink) * square_moved, square_radius);
    const auto restarts = method.restarts(first, stepped, predicted, f);
    method.after_rejection(rejected, square_radius);
    f = select(accepted, f_trial, f);
    iterations = select(arrived, iterations + one, iterations);
    status = select(unusable_start, S(T(ended_as(Status::not_finite))), status);
    const S change_limit = S(settings.change_tolerance);
    const auto changed_little =
        stepped && zero < change_limit && actual >= zero - noise && actual <= change_limit * abs(f);
    group.sync();
    take<N>(state, trial, accepted, n, group);
    group.sync();
    method.update_scale(restarts);
    // A step begins at x.
    if (bounded)
        divide<N>(group, 0, n, [&](int j) {
            const S slope = select(state.free(j), state.gradient(j), S(limits::infinity<T>));
            state.slope.set(j, select(arrived, slope, state.slope(j)));
            state.trial.set(j, select(arrived, state.x(j), state.trial(j)));
        });
    group.sync();

    // ---- Sizes. Parameters at a bound that the gradient points across keep still, and those that
    // the step has brought to one.
    Work<S, N> work(memory, layout);
    const auto gradient = model_gradient(method);
    const S smallest = method.smallest_pivot();
    S square_x(0.0);
    method.begin_sizes(f);
    loop<N>(0, n, [&](int j) {
        const S value = state.x(j);
        S g = state.gradient(j);
        auto is_free = !never;
        if (bounded) {
            is_free = state.free(j);
            g = select(is_free, g, zero);
        }
        square_x += value * (value * method.scale(j));
        method.size_up(j, g, is_free);
    });

    // ---- The step.
    const auto going = active && status < S(0.5);
    auto open = going;
    S lambda(0.0), lower(0.0), upper(0.0), tried(0.0);  // factorisations
    S newton_decrement = last_decrement;
    const S least_lambda = method.least_lambda(smallest);
    const S shortest(Method::shortest), longest(Method::longest);
    const S attempts(30.0);
    method.begin_search(going, arrived, first, lambda, lower, upper, tried);
    // Between which values lambda is to be found.
    const auto bracket = [&](const auto& begins, const S& least) {
        const S inverse_radius = one / sqrt(square_radius);
        const S highest = method.gradient_norm(gradient) * inverse_radius +
                          method.norm * (one + S(100.0) * smallest) + tiny;
        upper = select(begins, highest, upper);
        lower = select(begins, method.lower_end(gradient, inverse_radius, least), lower);
    };
    // Where a step is found: its trial point, and whether the way there has met bounds, so that the
    // step goes on among the parameters that are left.
    const auto place = [&](const auto& step, const auto& chosen) {
        auto met = never;
        if (bounded)
            met = walk_to_bounds<Method::convex, N>(state, step, chosen, n, group);
        else
            place_trial<N>(state, step, chosen, n, group);
        return met;
    };
    for (bool begin = true; any(open); begin = false) {
        const auto definite = factorize<N>(n, model_matrix(method, lambda), work.factor,
                                           work.inverse, work.other, smallest, group);
        const S step_decrement =
            solve<N, S>(n, gradient, work.factor, work.inverse, work.step, group);
        S square_length(0.0);
        loop<N>(0, n,
                [&](int j) { square_length += work.step(j) * (work.step(j) * method.scale(j)); });
        if (begin) {
            const S decrement = select(open, step_decrement, zero);
            S initial = method.first_radius(work.step, arrived, definite, decrement, f, square_x,
                                            square_length);
            if (settings.initial_radius > T(0))
                initial = maximum(S(settings.initial_radius) * S(settings.initial_radius), tiny);
            square_radius = select(arrived && restarts, initial, square_radius);
            newton_decrement = method.first_decrement(arrived, decrement, newton_decrement);
        }
        newton_decrement = method.newton_decrement(definite, step_decrement, newton_decrement);
        const auto fits_radius =
            definite && square_length <= longest * square_radius &&
            (lambda <= least_lambda || square_length >= shortest * square_radius);
        const auto found = method.is_found(fits_radius) && open;
        auto continued = place(work.step, found);
        open = open && !found;
        if (!any(open || continued)) break;

        if (begin) bracket(arrived && open, maximum(zero, -method.least_diagonal));
        const auto short_step = open && definite && square_length < square_radius;
        // Above zero once Newton's step has been tried.
        lower = select(open && !short_step, maximum(lower, maximum(lambda, tiny)), lower);
        upper = select(short_step && lambda < upper, lambda, upper);
        const auto scaled_step = [&](int j) { return work.step(j) * method.scale(j); };
        const S q =
            inverse_norm<N, S>(n, scaled_step, work.factor, work.inverse, work.other, group);
        if constexpr (!Method::convex) {
            const auto late = short_step && tried > S(2.5);
            if (any(late)) {
                const S most = S(T(0.1)) * (step_decrement + lambda * square_radius);
                S curvature(0.0);
                const auto extended =
                    extend_to_boundary<N>(state, bounded, model_matrix(method, lambda), work, late,
                                          square_length, square_radius, most, curvature, n, group);
                continued = continued || place(work.step, extended);
                lower = select(late && !extended, maximum(lower, lambda - curvature), lower);
                open = open && !extended;
            }
        }
        const auto last = open && tried >= attempts - S(1.5);
        if (any(last)) {
            // H + lambda D^2 is positive definite at the bracket's end: its step, cut to the
            // radius.
            const S shorten =
                select(square_length > square_radius, sqrt(square_radius / square_length), one);
            const auto shortened = [&](int j) { return shorten * work.step(j); };
            continued = continued || place(shortened, last);
            open = open && !last;
        }
        const S newton =
            secular_step(lambda, sqrt(square_length / square_radius) - one, square_length, q);
        S next = newton;
        const auto inside = definite && newton > lower && newton < upper;
        const auto outside = !inside;
        if (any(open && outside)) {
            const S middle =
                maximum(sqrt(lower * upper), lower + S(Method::into_bracket) * (upper - lower));
            next = select(inside, newton, middle);
        }
        tried += one;
        next = method.within_range(next, definite, lambda, least_lambda, newton, lower);
        lambda = select(open, select(tried >= attempts - S(1.5), upper, next), lambda);
        if (any(continued)) {
            bracket(continued, zero);
            lambda = select(continued, zero, lambda);
            tried = select(continued, one, tried);
            open = open || continued;
        }
        if (method.leaves(open, going)) break;
    }
    group.sync();

    // ---- Ended?
    const S promised = -model_change<N>(state, n);
    const auto done = active && !open;
    const auto ended_by = [&](const auto& where, Status how) {
        status = select(where && status < S(0.5) && done, S(T(ended_as(how))), status);
    };
    const auto idle =
        arrived && invisible && !first && newton_decrement > S(T(0.95)) * last_decrement;
    stalls = select(idle, stalls + one, stalls);
    // A radius below the rounding of x; where x is zero, far below the size of the data or of 1.
    const S least_square = epsilon * epsilon * method.square_size();
    const auto stuck =
        stalls >= S(10.0) || !(square_radius > epsilon * epsilon * maximum(square_x, least_square));
    method.test(ended_by, {going, stuck, f, noise, newton_decrement, last_decrement, promised,
                           smallest, square_radius});
    ended_by(changed_little, Status::small_change);
    if (settings.step_tolerance > T(0)) {
        auto small = stepped;
        loop<N>(0, n, [&](int j) {
            small = small && abs(state.trial(j) - state.x(j)) <=
                                 S(settings.step_tolerance) * abs(state.x(j));
        });
        ended_by(small, Status::small_step);
    }
    ended_by(iterations >= S(T(settings.max_iterations)), Status::max_iterations);

    group.sync();
    if (group.rank() == 0) {
        state.set(StateLayout::status, status);
        state.set(StateLayout::iterations, iterations);
        state.set(StateLayout::f, f);
        state.set(StateLayout::square_radius, square_radius);
        state.set(StateLayout::stalls, stalls);
        state.set(StateLayout::predicted, promised);
        method.keep(lambda, lower, upper, select(open, tried, zero));
        state.set(StateLayout::decrement, newton_decrement);
    }
    group.sync();
}

}  // namespace detail

/// One iteration of Levenberg-Marquardt for f = 1/2 sum of squares or the like, with J'J in the
/// place of the Hessian, in the trust-region form of More (1978): steps (H + lambda D^2) s = -g of
/// a length |D s| that follows the ratio of actual to predicted decrease. Call it after each
/// evaluation at state.trial, the first of which is at the start.
///
/// A problem has converged when the step s = -H^-1 g satisfies g'H^-1 g <= tolerance^2 2f /
/// (degrees of freedom): the distance to the minimum is at most `tolerance` standard errors, along
/// every direction and in any units; or when the gradient is zero within its rounding errors and
/// the decrement falls no further; or when no step is seen in f any more and the rest of the way is
/// at most a hundredth of a standard error.
template <int N, class S, class Trial, class Group = Alone>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void advance_fit(
    const Memory<S>& memory, const StateLayout& layout, const Trial& trial,
    const SolverSettings<real_t<S>>& settings, const Group& group = {}) {
    detail::advance<detail::FitMethod, N, S>(memory, layout, trial, settings, group);
}

/// One iteration of Newton's method with an exact trust region |s| <= radius. Called as
/// advance_fit().
///
/// A problem has converged when the largest entry of its gradient is within gradient_tolerance and
/// its Hessian has no negative eigenvalue.
template <int N, class S, class Trial, class Group = Alone>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void advance_objective(
    const Memory<S>& memory, const StateLayout& layout, const Trial& trial,
    const SolverSettings<real_t<S>>& settings, const Group& group = {}) {
    detail::advance<detail::ObjectiveMethod, N, S>(memory, layout, trial, settings, group);
}

}  // namespace cunewton::batch
