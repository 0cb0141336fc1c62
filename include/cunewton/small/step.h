// (Compiled in the user's file.) The parts of a small problem's iteration: taking a point, stepping
// to the next one, and what is done where a step goes astray. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/math/trust_region.h"
#include "cunewton/math/unroll.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/small/factorize.h"
#include "cunewton/small/state.h"

namespace cunewton::batch::detail {

/// Accepts the trial point where `accepted`.
template <int N, class S, class Trial, class Mask, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void take(const State<S>& state, const Trial& trial,
                                                      const Mask& accepted, int dimension,
                                                      const Group& group) {
    const int n = N > 0 ? N : dimension;
    divide<N>(group, 0, n, [&](int j) {
        state.x.set(j, select(accepted, state.trial(j), state.x(j)));
        state.gradient.set(j, select(accepted, trial.gradient(j), state.gradient(j)));
    });
    const int packed = n * (n + 1) / 2;
    divide<N*(N + 1) / 2>(group, 0, packed, [&](int k) {
        state.hessian.set(k, select(accepted, trial.hessian(k), state.hessian(k)));
    });
}

/// True where the trial's value and derivatives are all finite. Of J'J the diagonal tells.
template <bool fit, int N, class S, class Trial>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto finite(const Trial& trial, int dimension) {
    const int n = N > 0 ? N : dimension;
    S probe = trial.f(0) * S(0.0);
    loop<N>(0, n, [&](int j) {
        probe += trial.gradient(j) * S(0.0);
        const int column = column_begin(j, n);
        probe += trial.hessian(column + j) * S(0.0);
        if constexpr (!fit)
            loop<N>(j + 1, n, [&](int i) { probe += trial.hessian(column + i) * S(0.0); });
    });
    return probe == S(0.0);
}

/// g's + s'Hs / 2 for s = trial - x.
template <int N, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S model_change(const State<S>& state, int dimension) {
    const int n = N > 0 ? N : dimension;
    S change(0.0);
    loop<N>(0, n, [&](int j) {
        const S sj = state.trial(j) - state.x(j);
        const int column = column_begin(j, n);
        S row = S(0.5) * state.h(j, j) * sj;
        loop<N>(j + 1, n,
                [&](int i) { row += state.hessian(column + i) * (state.trial(i) - state.x(i)); });
        change += sj * (row + state.gradient(j));
    });
    return change;
}

/// Where `chosen`: trial = x + step.
template <int N, class S, class Step, class Mask, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void place_trial(const State<S>& state,
                                                             const Step& step, const Mask& chosen,
                                                             int dimension, const Group& group) {
    const int n = N > 0 ? N : dimension;
    divide<N>(group, 0, n, [&](int j) {
        state.trial.set(j, select(chosen, state.x(j) + step(j), state.trial(j)));
    });
}

/// True where every entry of the step is within `tolerance` times the parameter.
template <int N, class S, class Step>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto within(const State<S>& state, const Step& step,
                                                        const S& tolerance, int dimension) {
    const int n = N > 0 ? N : dimension;
    auto small = S(0.0) < S(1.0);
    loop<N>(0, n, [&](int j) { small = small && abs(step(j)) <= tolerance * abs(state.x(j)); });
    return small;
}

/// The first of the bounds on the way from the trial point to x + step ends the way there, where
/// `chosen`: the trial point moves as far, parameters that meet their bounds stop moving, and the
/// model's slope is made that of the others. Returns where there were bounds; elsewhere the trial
/// point is at x + step. The model falls on the way. (An indefinite one may rise before it falls,
/// on the way from a point that is not x; such a way is not taken, and counts as one without
/// bounds.)
template <bool convex, int N, class S, class Step, class Mask, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask walk_to_bounds(const State<S>& state,
                                                                const Step& step,
                                                                const Mask& chosen, int dimension,
                                                                const Group& group) {
    const int n = N > 0 ? N : dimension;
    const S one(1.0), zero(0.0);
    // Towards the bound that x + step is beyond: the part of the way that leads to it.
    const auto part_of = [&](int j) {
        const S from = state.trial(j), to = state.x(j) + step(j);
        const S low = state.lower(j), high = state.upper(j);
        const auto below = to<low, above = to> high;
        const auto beyond = state.moves(j) && (below || above);
        const S room = select(below, low, high) - from, way = to - from;
        return select(beyond, room / select(beyond, way, one), one);
    };
    S part(1.0);
    loop<N>(0, n, [&](int j) {
        const S own = part_of(j);
        part = select(own < part, own, part);
    });
    auto walked = chosen, met = chosen && part < one;
    if constexpr (!convex)
        if (any(met)) {
            S rise(0.0);
            loop<N>(0, n, [&](int j) {
                S slope = state.gradient(j);
                loop<N>(0, n, [&](int i) {
                    slope += state.h(i > j ? i : j, i > j ? j : i) * (state.trial(i) - state.x(i));
                });
                const S way = state.x(j) + step(j) - state.trial(j);
                rise += select(state.moves(j), slope * way, zero);
            });
            walked = chosen && !(rise > zero);
            met = met && walked;
        }
    group.sync();
    if (group.rank() == 0) {
        loop<N>(0, n, [&](int j) {
            const S own = part_of(j), low = state.lower(j), high = state.upper(j);
            const S from = state.trial(j), to = state.x(j) + step(j);
            const auto moves = walked && state.moves(j), stops = moves && met && own <= part;
            S at = select(part < one, from + part * (to - from), to);
            at = select(at < low || (stops && to < low), low, at);
            at = select(at > high || (stops && to > high), high, at);
            state.trial.set(j, select(moves, at, from));
            if (any(stops)) {
                const S moved = select(stops, at - state.x(j), zero);
                loop<N>(0, n, [&](int i) {
                    const S slope = state.slope(i) + state.h(i > j ? i : j, i > j ? j : i) * moved;
                    state.slope.set(i, slope);
                });
                state.slope.set(j, select(stops, S(limits::infinity<real_t<S>>), state.slope(j)));
            }
        });
    }
    group.sync();
    return met;
}

/// Where a step was rejected that sent a parameter beyond a million times its size, by a derivative
/// that says little (nearly zero, as that of a decay that has died out before the first point): D
/// of that parameter alone, so that it is held to a millionth of this step and does not hold all
/// others back until its steps are small enough.
template <int N, class S, class Mask, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void hold_strays(const State<S>& state,
                                                             const Mask& rejected,
                                                             const S& square_radius, int dimension,
                                                             const Group& group) {
    const int n = N > 0 ? N : dimension;
    const S one(1.0), far(1048576.0);
    group.sync();
    divide<N>(group, 0, n, [&](int j) {
        const S size = abs(state.x(j)), step = abs(state.trial(j) - state.x(j));
        const auto strayed = rejected && size > S(0.0) && step > far * size;
        const S length = select(strayed, maximum(far * size, step / far), one);
        const S held = square_radius / length / length;
        state.scale.set(j, select(strayed, maximum(state.scale(j), held), state.scale(j)));
    });
    group.sync();
}

/// Where a model promises much more than there is (`absurd`: the loss has a pole nearby, as the
/// deviance has where the mean is 0 and something was counted): a parameter that is to fall for it
/// is known well enough, and its D says nothing of the lengths of steps. What the model says of the
/// others it says of the pole; they keep still until there is none.
template <int N, class S, class Step, class Mask, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void leave_pole(const State<S>& state, Step& step,
                                                            const Mask& absurd, const S& promise,
                                                            const S& f, int dimension,
                                                            const Group& group) {
    const int n = N > 0 ? N : dimension;
    group.sync();
    divide<N>(group, 0, n, [&](int j) {
        const S size = abs(step(j));
        const auto falls = absurd && size * (size * state.h(j, j)) > promise / S(1024.0);
        const S whole = select(falls, size, S(1.0));
        const S small = f / S(64.0) / whole / whole;
        state.scale.set(j, select(falls, small, state.scale(j)));
        step.set(j, select(absurd && !falls, S(0.0), step(j)));
    });
    group.sync();
}

/// A change of the parameter by its own size changes the model by less than its rounding errors,
/// while with its largest influence so far it would be seen: it has gone so far that it has none.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto without_influence(const S& x, const S& h,
                                                                   const S& scale, const S& size) {
    constexpr auto few = real_t<S>(128) * limits::epsilon<real_t<S>>;
    constexpr auto seen = real_t<S>(1e3) * limits::epsilon<real_t<S>>;
    const S few_roundings = S(few) * size;
    return h * x * x <= few_roundings * few_roundings && scale * x * x >= S(seen) * size * size;
}

/// The hard case, where `late`: the step s is too short although lambda is near the least
/// eigenvalue's negative. Along z, nearly an eigenvector (two inverse iterations), it is made to
/// reach the boundary, unless the model, which `matrix` is of, would rise by more than `most`.
/// Returns where it does; `curvature` is z's. work.other is overwritten.
template <int N, class S, class Matrix, class Mask, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask
extend_to_boundary(const State<S>& state, bool bounded, const Matrix& matrix, Work<S, N>& work,
                   const Mask& late, const S& square_length, const S& square_radius, const S& most,
                   S& curvature, int dimension, const Group& group) {
    using T = real_t<S>;
    const int n = N > 0 ? N : dimension;
    const S zero(0.0), one(1.0);
    group.sync();
    divide<N>(group, 0, n, [&](int j) {
        const S seed(T(j % 2 == 1 ? -1.0 - 0.1 * j : 1.0 + 0.1 * j));
        work.other.set(j, bounded ? select(state.moves(j), seed, zero) : seed);
    });
    group.sync();
    S z_norm(1.0);
    for (int iteration = 0; iteration < 2; ++iteration) {
        const auto rhs = [&](int j) { return work.other(j) / z_norm; };
        static_cast<void>(solve<N, S>(n, rhs, work.factor, work.inverse, work.other, group));
        z_norm = sqrt(inner<N, S>(work.other, work.other, n));
    }
    const S unit = one / z_norm;
    S along(0.0);
    curvature = zero;
    loop<N>(0, n, [&](int j) {
        const S zj = work.other(j) * unit;
        along += work.step(j) * zj;
        S row = matrix(j, j) * zj;
        loop<N>(j + 1, n, [&](int i) { row += S(2.0) * matrix(i, j) * (work.other(i) * unit); });
        curvature += zj * row;
    });
    const S tau = to_sphere(along, maximum(square_radius - square_length, zero));
    const auto extended = late && tau * tau * curvature <= most;
    group.sync();
    divide<N>(group, 0, n, [&](int j) {
        const S along_z = work.step(j) + tau * (work.other(j) * unit);
        work.step.set(j, select(extended, along_z, work.step(j)));
    });
    group.sync();
    return extended;
}

}  // namespace cunewton::batch::detail
