// (Compiled in the user's file.) What each of the two methods does in its own way:
// Levenberg-Marquardt for fits, Newton's method with an exact trust region for objectives. What
// they have in common is in advance.h, which calls these functions in about the order in which they
// are written. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/unroll.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"
#include "cunewton/small/factorize.h"
#include "cunewton/small/state.h"
#include "cunewton/small/step.h"

namespace cunewton::batch::detail {

/// The matrix of the model that a step minimises: H + shift D^2 for the parameters that the step
/// still moves, and rows of the unit matrix for the others.
template <class Method, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto model_matrix(const Method& method,
                                                              const S& shift) {
    return [&method, shift](int i, int j) {
        const State<S>& state = method.state;
        S value = state.h(i, j);
        if (i == j) {
            value += shift * method.scale(j);
            value = method.diagonal(value);
            if (method.settings.bounded) value = select(state.moves(j), value, S(1.0));
        } else if (method.settings.bounded) {
            value = select(state.moves(i) && state.moves(j), value, S(0.0));
        }
        return value;
    };
}
/// Its slope.
template <class Method>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto model_gradient(const Method& method) {
    return [&method](int j) {
        using S = typename Method::Scalar;
        if (!method.settings.bounded) return method.state.gradient(j);
        return select(method.state.moves(j), method.state.slope(j), S(0.0));
    };
}

/// What the tests for an end look at, besides what a method has kept.
template <class S>
struct Reached {
    using Mask = typename State<S>::Mask;
    Mask going, stuck;
    S f, noise, decrement, last_decrement, promised, smallest, square_radius;
};

/// f = 1/2 sum of squares or the like, with J'J in the place of H. D^2 is the diagonal of H, the
/// largest so far.
template <int N, class S, class Group>
struct FitMethod {
    using Scalar = S;
    using T = real_t<S>;
    using Mask = typename State<S>::Mask;
    /// H is never indefinite, and its diagonal tells whether it is finite.
    static constexpr bool convex = true;
    /// The square of the radius after a rejected step, of the step's.
    static constexpr T shrink = T(0.25);
    /// A step's length of the radius, both squared: 0.9 to 1.1, as an evaluation costs more than a
    /// factorisation.
    static constexpr T shortest = T(0.81), longest = T(1.21);
    /// How far into the bracket of lambda the search goes at least.
    static constexpr T into_bracket = T(0.001);

    const State<S>& state;
    const SolverSettings<T>& settings;
    const Group& group;
    int n;
    const S tiny = S(limits::smallest<T>), zero = S(0.0), one = S(1.0);
    const Mask never = one < zero;
    S magnitude = state.get(StateLayout::magnitude), root_magnitude = sqrt(magnitude);
    S norm = zero, least_diagonal = zero;  ///< H has no negative eigenvalue
    S data_size = zero, gradient_noise = zero;
    Mask zero_gradient = !never, small_gradient = !never, idle_parameter = never;
    Mask whole_step_small = never, regular = never, undecided = never;

    /// Where there is a new value.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask arrived(const Mask& active) {
        undecided = active;
        return active;
    }
    /// D^2 of a parameter.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S scale(int j) const { return state.scale(j); }
    /// Decreases up to this are lost in f's rounding.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S noise(const S& f) const {
        S noise = S(4.0) * epsilon<S>() * abs(f);
        noise += S(4.0) * epsilon<S>() * (sqrt(f) * root_magnitude);
        return noise;
    }
    /// The decrease to be had: f is not negative. (Of sums of squares the model never promises
    /// more.)
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S possible(const S& predicted, const S& f) const {
        return select(predicted < f, predicted, f);
    }
    /// Where D and the radius begin anew.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask restarts(const Mask& first,
                                                              const Mask& stepped,
                                                              const S& predicted,
                                                              const S& f) const {
        const auto absurd = predicted > S(64.0) * f;
        return first || (stepped && absurd);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void after_rejection(const Mask& rejected,
                                                                     const S& square_radius) const {
        if (any(rejected)) hold_strays<N>(state, rejected, square_radius, n, group);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void update_scale(const Mask& restarts) const {
        divide<N>(group, 0, n, [&](int j) {
            const S diagonal = state.h(j, j);
            state.scale.set(j, select(restarts, diagonal, maximum(diagonal, state.scale(j))));
        });
    }
    /// An entry of the model's diagonal; 1 for a parameter that the fit does not depend on, whose
    /// row is zero.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S diagonal(const S& value) const {
        return select(value > tiny, value, one);
    }
    /// A pivot is positive that is above this part of its diagonal entry.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S smallest_pivot() const {
        const S smallest = S(T(n)) * epsilon<S>();
        const S points = maximum(state.get(StateLayout::freedom), zero);
        return S(2.0) * (smallest + epsilon<S>() * sqrt(points));
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void begin_sizes(const S& f) {
        data_size = sqrt(S(2.0) * f) + root_magnitude;
        gradient_noise = S(2.0) * epsilon<S>() * data_size;
    }
    /// Parameter j, its gradient (0 where it is not free).
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void size_up(int j, const S& g,
                                                             const Mask& is_free) {
        const S h = state.h(j, j);
        const auto idle =
            is_free && (h <= tiny || without_influence(state.x(j), h, scale(j), data_size));
        idle_parameter = idle_parameter || idle;
        // What rounding leaves of the data, and an ulp of each parameter, which moves a steep model
        // by many of its own.
        S ulps(0.0);
        loop<N>(0, n, [&](int i) {
            ulps += abs(i < j ? state.h(j, i) : state.h(i, j)) * abs(state.x(i));
        });
        const S own_noise = gradient_noise * sqrt(h) + S(2.0) * epsilon<S>() * ulps;
        zero_gradient = zero_gradient && (idle || abs(g) <= own_noise);
        small_gradient = small_gradient && (idle || abs(g) <= S(64.0) * own_noise);
    }
    /// The search for lambda begins with the whole Newton step, which tells whether the fit has
    /// converged.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void begin_search(const Mask&, const Mask&,
                                                                  const Mask&, S&, S&, S&,
                                                                  S&) const {}
    /// The least shift other than 0, which makes a singular H definite.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S least_lambda(const S& smallest) const {
        return S(64.0) * smallest;
    }
    /// Not below |D^-1 g|.
    template <class Gradient>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S gradient_norm(const Gradient& gradient) const {
        S sum(0.0);
        loop<N>(0, n, [&](int j) {
            const S g = gradient(j);
            sum += g * (g / select(scale(j) > tiny, scale(j), one));
        });
        return sqrt(sum);
    }
    /// The lower end of lambda's bracket.
    template <class Gradient>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S lower_end(const Gradient&, const S&,
                                                            const S&) const {
        return zero;
    }
    /// The square of the first radius, when the search's first step is known.
    template <class Step>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S first_radius(Step& step, const Mask& arrived,
                                                               const Mask& definite,
                                                               const S& decrement, const S& f,
                                                               S& square_x, S& square_length) {
        regular = definite && !idle_parameter;
        whole_step_small = within<N>(state, step, S(4.0) * epsilon<S>(), n);
        const auto absurd = arrived && definite && decrement > S(128.0) * f;
        if (any(absurd)) {
            leave_pole<N>(state, step, absurd, decrement, f, n, group);
            square_x = square_length = zero;
            loop<N>(0, n, [&](int j) {
                const S value = state.x(j);
                square_x += value * (value * scale(j));
                square_length += step(j) * (step(j) * scale(j));
            });
        }
        // At x = 0 the size of the data has the same unit.
        return select(square_x > zero, square_x, select(magnitude > zero, magnitude, one));
    }
    /// g'H^-1 g: that of the search's first factorisation that is definite.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S first_decrement(const Mask&, const S&,
                                                                  const S& before) const {
        return before;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S newton_decrement(const Mask& definite,
                                                                   const S& step_decrement,
                                                                   const S& before) {
        const auto tells = undecided && definite;
        undecided = undecided && !tells;
        return select(tells, step_decrement, before);
    }
    /// A step is found where it has the right length.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask is_found(const Mask& fits_radius) const {
        return fits_radius;
    }
    /// The next lambda, or the end of its range.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S within_range(const S& next, const Mask& definite,
                                                               const S& lambda,
                                                               const S& least_lambda, const S&,
                                                               const S&) const {
        return select(!definite && lambda < least_lambda, least_lambda, next);
    }
    /// Whether the search is left to the next call, for a few lanes that go on.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool leaves(const Mask&, const Mask&) const {
        return false;
    }
    /// The square of the size that |D x| is compared with.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S square_size() const { return magnitude; }

    template <class EndedBy>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void test(const EndedBy& ended_by,
                                                          const Reached<S>& at) const {
        const auto& [going, stuck, f, noise, decrement, last_decrement, promised, smallest,
                     square_radius] = at;
        const S freedom = state.get(StateLayout::freedom);
        const S limit =
            S(settings.tolerance) * S(settings.tolerance) * S(2.0) * f / maximum(freedom, one);
        const auto settled =
            decrement <= limit ||
            (zero_gradient && (decrement >= S(T(0.25)) * last_decrement || whole_step_small));
        // Differences shift the gradient's zero by about derivative_error sqrt(2 f H_jj).
        const S error = S(settings.derivative_error);
        const auto supported = error * error * S(T(n)) * S(2.0) * f <= limit;
        ended_by(going && regular && settled && freedom < zero, Status::singular);
        ended_by(going && regular && settled && supported, Status::converged);
        ended_by(going && regular && settled, Status::derivative_accuracy);
        ended_by(going && !regular && (decrement <= limit || zero_gradient), Status::singular);
        // No step is seen in f any more. That is the minimum as far as numbers tell, if it is near.
        const S visible = S(2.0) * f / maximum(freedom, one);
        const auto unseen = stuck && decrement <= S(2.0) * noise;
        ended_by(stuck && idle_parameter && small_gradient, Status::singular);
        ended_by(unseen && !regular && decrement <= S(T(1e-2)) * visible, Status::singular);
        const auto near = unseen && decrement <= S(T(1e-4)) * visible;
        ended_by(near && freedom < zero, Status::singular);
        ended_by(near && supported, Status::converged);
        ended_by(stuck, Status::precision_limit);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void keep(const S&, const S&, const S&,
                                                          const S&) const {}
};

/// Any f with its Hessian. D = I. What is not said of a function is said above, of a fit's.
template <int N, class S, class Group>
struct ObjectiveMethod {
    using Scalar = S;
    using T = real_t<S>;
    using Mask = typename State<S>::Mask;
    static constexpr bool convex = false;
    static constexpr T shrink = T(0.16);
    static constexpr T shortest = T(0.16), longest = T(3.61);  ///< 0.4 to 1.9
    static constexpr T into_bracket = T(0.01);

    const State<S>& state;
    const SolverSettings<T>& settings;
    const Group& group;
    int n;
    const S zero = S(0.0), one = S(1.0);
    const Mask never = one < zero;
    S norm = zero;  ///< sum of magnitudes: not below the largest eigenvalue's
    S largest_gradient = zero, least_diagonal = zero;
    Mask candidate = never;  ///< the gradient is within its tolerance
    Mask minimum = never;    ///< and H has no negative eigenvalue

    /// Lanes whose step was not found by the last call wait for it, not for a value.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask arrived(const Mask& active) const {
        return active && state.get(StateLayout::attempts) < S(0.5);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S scale(int) const { return one; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S noise(const S& f) const {
        return S(4.0) * epsilon<S>() * abs(f);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S possible(const S& predicted, const S&) const {
        return predicted;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask restarts(const Mask& first, const Mask&,
                                                              const S&, const S&) const {
        return first;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void after_rejection(const Mask&, const S&) const {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void update_scale(const Mask&) const {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S diagonal(const S& value) const { return value; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S smallest_pivot() const {
        return S(T(n)) * epsilon<S>();
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void begin_sizes(const S&) const {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void size_up(int j, const S& g, const Mask&) {
        largest_gradient = maximum(largest_gradient, abs(g));
        const S diagonal = model_matrix(*this, zero)(j, j);
        least_diagonal = select(diagonal < least_diagonal, diagonal, least_diagonal);
        norm += abs(diagonal);
        const int column = column_begin(j, n);
        loop<N>(j + 1, n, [&](int i) { norm += S(2.0) * abs(state.hessian(column + i)); });
    }
    /// With the last lambda, which often is good enough again; or goes on where the last call left.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void begin_search(const Mask& going,
                                                                  const Mask& arrived,
                                                                  const Mask& first, S& lambda,
                                                                  S& lower, S& upper, S& tried) {
        minimum = candidate = going && largest_gradient <= S(settings.gradient_tolerance);
        lambda = select(arrived && (candidate || first), zero, state.get(StateLayout::shift));
        lower = state.get(StateLayout::least_shift);
        upper = state.get(StateLayout::largest_shift);
        tried = state.get(StateLayout::attempts);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S least_lambda(const S&) const { return zero; }
    /// Between its largest entry and this; squares would overflow.
    template <class Gradient>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S gradient_norm(const Gradient& gradient) const {
        S sum(0.0);
        loop<N>(0, n, [&](int j) { sum += abs(gradient(j)); });
        return sum;
    }
    template <class Gradient>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S lower_end(const Gradient& gradient,
                                                            const S& inverse_radius,
                                                            const S& least) const {
        S largest(0.0);
        loop<N>(0, n, [&](int j) { largest = maximum(largest, abs(gradient(j))); });
        return maximum(least, largest * inverse_radius - norm);
    }
    template <class Step>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S first_radius(Step&, const Mask& arrived,
                                                               const Mask& definite, const S&,
                                                               const S&, S& square_x,
                                                               S& square_length) {
        minimum = arrived && candidate && definite;
        const S square_size = maximum(one, square_x);
        return select(definite && square_length < S(100.0) * square_size, square_length,
                      square_size);
    }
    /// That of the search's first factorisation.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S first_decrement(const Mask& arrived,
                                                                  const S& decrement,
                                                                  const S& before) const {
        return select(arrived, decrement, before);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S newton_decrement(const Mask&, const S&,
                                                                   const S& before) const {
        return before;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask is_found(const Mask& fits_radius) const {
        return fits_radius || minimum;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S within_range(const S& next, const Mask& definite,
                                                               const S&, const S&, const S& newton,
                                                               const S& lower) const {
        return select(definite && newton <= zero && lower <= zero, zero, next);
    }
    /// Lanes wait for each other, not for a few that search long. What two of the tolerances
    /// compare is gone by then.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool leaves(const Mask& open,
                                                            const Mask& going) const {
        if constexpr (std::is_arithmetic_v<S>)
            return false;
        else
            return settings.step_tolerance <= T(0) && settings.change_tolerance <= T(0) &&
                   4 * count(open) <= count(going);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S square_size() const { return one; }

    template <class EndedBy>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void test(const EndedBy& ended_by,
                                                          const Reached<S>& at) {
        const auto& [going, stuck, f, noise, decrement, last_decrement, promised, smallest,
                     square_radius] = at;
        // No descent to speak of even along the least eigenvector: singular, not indefinite.
        // A step that bounds have cut to nothing says nothing.
        auto tried_some = !never;
        if (settings.bounded) {
            auto moves = norm <= zero;
            loop<N>(0, n, [&](int j) {
                moves = moves || state.trial(j) < state.x(j) || state.trial(j) > state.x(j);
            });
            tried_some = moves;
        }
        minimum = minimum || (candidate && tried_some &&
                              promised <= S(100.0) * smallest * norm * square_radius);
        // Central differences: rounding eps |f| / h, and truncation with a third derivative of H /
        // x.
        S gradient_error(0.0);
        loop<N>(0, n, [&](int j) {
            gradient_error =
                maximum(gradient_error, abs(state.h(j, j)) * maximum(abs(state.x(j)), one));
        });
        gradient_error = S(settings.derivative_error) * (gradient_error + abs(f));
        const auto supported = gradient_error <= S(settings.gradient_tolerance);
        ended_by(minimum && supported, Status::converged);
        ended_by(minimum, Status::derivative_accuracy);
        ended_by(f < S(T(-0.1 * limits::largest<float>)), Status::unbounded);
        ended_by(candidate && stuck, Status::saddle_point);
        ended_by(stuck, Status::precision_limit);
    }
    /// What the next call goes on with.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void keep(const S& lambda, const S& lower,
                                                          const S& upper, const S& tried) const {
        state.set(StateLayout::shift, lambda);
        state.set(StateLayout::least_shift, lower);
        state.set(StateLayout::largest_shift, upper);
        state.set(StateLayout::attempts, tried);
    }
};

}  // namespace cunewton::batch::detail
