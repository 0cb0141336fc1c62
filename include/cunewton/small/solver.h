// The solver of one small problem, or of one in each lane of a Pack: Levenberg-Marquardt for sums
// of residuals, Newton with an exact trust region for general objectives. Host and device.
//
// A problem is advanced by one evaluation at a time: whoever runs it evaluates the objective, its
// gradient and its Hessian at the trial point and calls advance(), which accepts or rejects the
// point, decides whether the problem is finished and computes the next trial point. So lanes and
// threads whose problems are at different iterations work side by side, and one that is finished is
// given the next problem. Decisions are masks: with S a Pack all lanes take the same path.
//
// Throughout f is half of a fit's objective (sum of squares, deviance), so that J'r is its
// gradient.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/packed.h"
#include "cunewton/math/unroll.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton::batch {

using namespace math;  // select, sqrt, ... of plain numbers; a Pack's are found by their argument
using math::all, math::any, math::count;  // not CUDA's

/// One number for each problem at base[k * stride], base[k * stride + 1], ...: S is real_t<S> or a
/// Pack of neighbouring problems.
template <class S>
struct Memory {
    real_t<S>* base;
    std::ptrdiff_t stride;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S operator()(int k) const {
        if constexpr (std::is_arithmetic_v<S>)
            return base[k * stride];
        else
            return S::load(base + k * stride);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void set(int k, const S& value) const {
        if constexpr (std::is_arithmetic_v<S>)
            base[k * stride] = value;
        else
            value.store(base + k * stride);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Memory from(int k) const {
        return {base + k * stride, stride};
    }
};

/// The same interface over local memory, for a number of parameters that is known to the compiler.
template <class S, int count>
struct LocalMemory {
    S values[count];
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const S& operator()(int k) const {
        return values[k];
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void set(int k, const S& value) {
        values[k] = value;
    }
};

/// Threads that solve one problem together; here there is one. A group of more has `rank` in
/// [0, size) and a barrier. Scalars are computed by every thread alike; shared memory is written by
/// one thread each, between barriers.
struct Alone {
    CUNEWTON_HOST_DEVICE static constexpr int rank() { return 0; }
    CUNEWTON_HOST_DEVICE static constexpr int size() { return 1; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void sync() const {}
};

/// Where a problem's state lies: numbers of slots.
struct StateLayout {
    int n;
    bool fit;  ///< or an objective
    bool bounded;
    bool in_memory;  ///< the factor and the step too: the number of parameters is not known to the
                     ///< compiler

    enum Scalar {
        f,              ///< at x
        square_radius,  ///< of the trust region
        predicted,      ///< decrease of f that the model promises at the trial point
        decrement,      ///< g' H^-1 g, of the last step that it was computed for
        iterations,     ///< trial points evaluated; the start does not count
        status,         ///< running, or ended + Status
        magnitude,      ///< of the terms that f's residuals are differences of: sum w y^2
        freedom,        ///< degrees of freedom; negative if there are fewer points than parameters
        stalls,         ///< steps below the rounding of f that did not lower the decrement
        fit_scalars,
        // Objectives: the search for the step that is going on, or the last one.
        shift = fit_scalars,  ///< lambda
        least_shift,          ///< the bracket that it is in
        largest_shift,
        attempts,  ///< factorisations so far; 0: no search is going on
        objective_scalars
    };

    CUNEWTON_HOST_DEVICE constexpr int packed() const { return n * (n + 1) / 2; }
    CUNEWTON_HOST_DEVICE constexpr int scalar(Scalar which) const { return which; }
    CUNEWTON_HOST_DEVICE constexpr int x() const { return fit ? fit_scalars : objective_scalars; }
    CUNEWTON_HOST_DEVICE constexpr int trial() const { return x() + n; }
    CUNEWTON_HOST_DEVICE constexpr int gradient() const { return trial() + n; }
    CUNEWTON_HOST_DEVICE constexpr int scale() const { return gradient() + n; }
    CUNEWTON_HOST_DEVICE constexpr int hessian() const { return scale() + n; }
    CUNEWTON_HOST_DEVICE constexpr int lower() const { return hessian() + packed(); }
    CUNEWTON_HOST_DEVICE constexpr int upper() const { return lower() + (bounded ? n : 0); }
    CUNEWTON_HOST_DEVICE constexpr int slope() const { return upper() + (bounded ? n : 0); }
    CUNEWTON_HOST_DEVICE constexpr int work() const { return slope() + (bounded ? n : 0); }
    CUNEWTON_HOST_DEVICE constexpr int size() const {
        return work() + (in_memory ? packed() + 3 * n : 0);
    }
};

/// Values of the slot `status`: every scalar type holds them exactly.
inline constexpr int running = 0;
inline constexpr int ended = 1;
CUNEWTON_HOST_DEVICE constexpr int ended_as(Status status) {
    return ended + static_cast<int>(status);
}

/// Stands on a Hessian's diagonal for a parameter that is fixed or at a bound.
template <class T>
inline constexpr T not_free = -limits::infinity<T>;

/// The same for all problems of a batch.
template <class T>
struct SolverSettings {
    bool bounded = false;
    int max_iterations = 0;
    T tolerance = 0;           ///< fits: of the distance from the minimum, in standard errors
    T gradient_tolerance = 0;  ///< objectives: of the largest entry of the gradient
    T change_tolerance = 0;    ///< relative decrease of f that ends a problem; 0: none
    T step_tolerance = 0;      ///< relative step that ends a problem; 0: none
    T initial_radius = 0;      ///< 0: see advance_fit() and advance_objective()
    T derivative_error = 0;    ///< relative error of differences; 0 if derivatives are exact
};

/// Makes the state that of a problem before its first evaluation, but for x and trial, which are
/// its start, and its bounds. `magnitude` and `freedom`: see StateLayout.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void begin_problem(const Memory<T>& memory,
                                                               const StateLayout& at, T magnitude,
                                                               T freedom) {
    memory.set(StateLayout::f, T(0));
    memory.set(StateLayout::square_radius, T(0));
    memory.set(StateLayout::predicted, T(0));
    memory.set(StateLayout::decrement, T(limits::largest<T>));
    memory.set(StateLayout::iterations, T(-1));
    memory.set(StateLayout::status, T(running));
    memory.set(StateLayout::magnitude, magnitude);
    memory.set(StateLayout::freedom, freedom);
    memory.set(StateLayout::stalls, T(0));
    if (!at.fit) memory.set(StateLayout::attempts, T(0));
}

/// f, gradient and packed Hessian at the trial point.
template <class S>
struct TrialMemory {
    Memory<S> f, gradient, hessian;
};

namespace detail {

template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S epsilon() {
    return S(limits::epsilon<real_t<S>>);
}

/// Entry (i, j) of a packed lower triangle is number column_begin(j, n) + i.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int column_begin(int j, int n) {
    return static_cast<int>(packed_index(j, j, n)) - j;
}

/// L D L' = A for the symmetric A = element(i, j), i >= j, column after column. `factor` (packed)
/// receives L D on and below the diagonal, `inverse` 1/D; `row` is overwritten. Where a pivot is
/// not above `smallest` times its diagonal entry of A the matrix counts as not positive definite;
/// the mask of success is returned.
template <int N, class S, class Element, class Factor, class Inverse, class Row, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto factorize(int dimension, const Element& element,
                                                           Factor& factor, Inverse& inverse,
                                                           Row& row, const S& smallest,
                                                           const Group& group) {
    const int n = N > 0 ? N : dimension;
    auto positive = S(0.0) < S(1.0);
    loop<N>(0, n, [&](int j) {
        const int diagonal = static_cast<int>(packed_index(j, j, n));
        group.sync();
        divide<N>(group, 0, j, [&](int k) {
            row.set(k, factor(static_cast<int>(packed_index(j, k, n))) * inverse(k));
        });
        group.sync();
        // The rows are neighbours in each column k, and column k + 1 begins n - k - 1 entries on.
        // A lone thread takes four at a time where loops stay loops: their sums are in registers.
        const auto update = [&](auto count, int first) {
            constexpr int rows = decltype(count)::value;
            using Rows = std::make_integer_sequence<int, rows>;
            S sum[rows];
            call_each([&](auto r) { sum[r.value] = element(first + r.value, j); }, Rows());
            int entry = first;
            loop<N>(0, j, [&](int k) {
                const S factor_jk = row(k);
                call_each([&](auto r) { sum[r.value] -= factor(entry + r.value) * factor_jk; },
                          Rows());
                entry += n - k - 1;
            });
            call_each([&](auto r) { factor.set(entry + r.value, sum[r.value]); }, Rows());
        };
        int alone = j;
        if constexpr (N == 0 && Group::size() == 1) {
            for (; alone + 4 <= n; alone += 4) update(Constant<4>(), alone);
            if (alone + 2 <= n) {
                update(Constant<2>(), alone);
                alone += 2;
            }
        }
        divide<N>(group, alone, n, [&](int i) { update(Constant<1>(), i); });
        group.sync();
        const S pivot = factor(diagonal);
        const auto enough = pivot > smallest * abs(element(j, j));
        positive = positive && enough;
        if (group.rank() == 0) inverse.set(j, S(1.0) / select(enough, pivot, S(1.0)));
    });
    group.sync();
    return positive;
}

/// step = -(L D L')^-1 gradient, and the decrement gradient' (L D L')^-1 gradient.
template <int N, class S, class Gradient, class Factor, class Inverse, class Step, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S solve(int dimension, const Gradient& gradient,
                                                    const Factor& factor, const Inverse& inverse,
                                                    Step& step, const Group& group) {
    const int n = N > 0 ? N : dimension;
    S decrement(0.0);
    group.sync();
    if (group.rank() == 0) {
        loop<N>(0, n, [&](int i) { step.set(i, -gradient(i)); });
        loop<N>(0, n, [&](int j) {
            const S z = step(j) * inverse(j);
            const int column = column_begin(j, n);
            loop<N>(j + 1, n, [&](int i) { step.set(i, step(i) - factor(column + i) * z); });
            step.set(j, z);
        });
        loop_down<N>(n, [&](int j) {
            S sum(0.0);
            const int column = column_begin(j, n);
            loop<N>(j + 1, n, [&](int i) { sum += factor(column + i) * step(i); });
            step.set(j, step(j) - sum * inverse(j));
        });
    }
    group.sync();
    loop<N>(0, n, [&](int i) { decrement -= gradient(i) * step(i); });
    return decrement;
}

/// Memory of one advance(): registers where the compiler knows n, slots of the state otherwise.
template <class S, int N>
struct Work {
    LocalMemory<S, N*(N + 1) / 2> factor;
    LocalMemory<S, N> inverse, step, other;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Work(const Memory<S>&, const StateLayout&) {}
};
template <class S>
struct Work<S, 0> {
    Memory<S> factor, inverse, step, other;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Work(const Memory<S>& state, const StateLayout& at)
        : factor(state.from(at.work())),
          inverse(factor.from(at.packed())),
          step(inverse.from(at.n)),
          other(step.from(at.n)) {}
};

/// A problem's state with names.
template <class S>
struct State {
    using Mask = decltype(S() < S());
    Memory<S> slots;
    StateLayout at;
    Memory<S> x, trial, gradient, scale, hessian, lower, upper;
    /// With bounds: the gradient of the step's model over the parameters that it still moves, where
    /// those that it has brought to a bound are there; infinite for all others.
    Memory<S> slope;

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE State(const Memory<S>& memory,
                                                      const StateLayout& layout)
        : slots(memory),
          at(layout),
          x(memory.from(layout.x())),
          trial(memory.from(layout.trial())),
          gradient(memory.from(layout.gradient())),
          scale(memory.from(layout.scale())),
          hessian(memory.from(layout.hessian())),
          lower(memory.from(layout.lower())),
          upper(memory.from(layout.upper())),
          slope(memory.from(layout.slope())) {}

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S get(StateLayout::Scalar which) const {
        return slots(which);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void set(StateLayout::Scalar which,
                                                         const S& value) const {
        slots.set(which, value);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S h(int i, int j) const {
        return hessian(static_cast<int>(packed_index(i, j, at.n)));
    }
    /// Parameter j may move: it is not at a bound that its gradient points across.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask free(int j) const {
        const S value = x(j), low = lower(j), high = upper(j), g = gradient(j);
        return !(value <= low && g >= S(0.0)) && !(value >= high && g <= S(0.0)) && low < high;
    }
    /// The step that is being computed may move parameter j.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask moves(int j) const {
        return slope(j) < S(limits::infinity<real_t<S>>);
    }
    /// Parameter j is not fixed, and at a bound that its gradient points across.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Mask at_bound(int j) const {
        return lower(j) < upper(j) && !free(j);
    }
};

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

/// The sum of a(j) b(j).
template <int N, class S, class A, class B>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S inner(const A& a, const B& b, int dimension) {
    const int n = N > 0 ? N : dimension;
    S sum(0.0);
    loop<N>(0, n, [&](int j) { sum += a(j) * b(j); });
    return sum;
}

/// v'A^-1 v for the factorised A. `other` is overwritten.
template <int N, class S, class Vector, class Factor, class Inverse, class Other, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S inverse_norm(int dimension, const Vector& v,
                                                           const Factor& factor,
                                                           const Inverse& inverse, Other& other,
                                                           const Group& group) {
    const int n = N > 0 ? N : dimension;
    group.sync();
    if (group.rank() == 0) {
        loop<N>(0, n, [&](int j) { other.set(j, v(j)); });
        loop<N>(0, n, [&](int j) {
            const S z = other(j) * inverse(j);
            const int column = column_begin(j, n);
            loop<N>(j + 1, n, [&](int i) { other.set(i, other(i) - factor(column + i) * z); });
        });
    }
    group.sync();
    S sum(0.0);
    // In this order: squares of small numbers may be zero.
    loop<N>(0, n, [&](int j) { sum += other(j) * (other(j) * inverse(j)); });
    return sum;
}

/// Both solvers. The step minimises g's + s'Hs/2 within |D s| <= radius by repeated Cholesky
/// factorisations of H + lambda D^2 (More and Sorensen 1983, including the hard case). The step is
/// the best of its length, which is within a tenth of the radius for fits, where an evaluation
/// costs more than a factorisation, and within 0.4 and 1.9 radii for objectives. D = I for
/// objectives; for fits D^2 is the diagonal of H, the largest so far.
template <bool fit, int N, class S, class Trial, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void advance(const Memory<S>& memory,
                                                         const StateLayout& layout,
                                                         const Trial& trial,
                                                         const SolverSettings<real_t<S>>& settings,
                                                         const Group& group) {
    using T = real_t<S>;
    const int n = N > 0 ? N : layout.n;
    const State<S> state(memory, layout);
    const S epsilon = detail::epsilon<S>();
    const S zero(0.0), one(1.0);
    const auto never = one < zero;
    const bool bounded = settings.bounded;

    S status = state.get(StateLayout::status), iterations = state.get(StateLayout::iterations);
    // Lengths are compared by their squares. Only the search for lambda takes their roots, where a
    // step has not been found at once.
    S f = state.get(StateLayout::f), square_radius = state.get(StateLayout::square_radius);
    S stalls = state.get(StateLayout::stalls);
    const S predicted = state.get(StateLayout::predicted);
    const S magnitude = state.get(StateLayout::magnitude);
    const S last_decrement = state.get(StateLayout::decrement);
    const S f_trial = trial.f(0);
    const auto active = status < S(0.5);
    // Objectives: lanes whose step was not found by the last call wait for it, not for a value.
    auto arrived = active;
    S tried(0.0);  // factorisations
    if constexpr (!fit) {
        tried = state.get(StateLayout::attempts);
        arrived = active && tried < S(0.5);
    }
    const auto first = iterations < S(-0.5);
    const auto usable = finite<fit, N, S>(trial, n);
    const auto scale = [&](int j) {
        if constexpr (fit)
            return state.scale(j);
        else
            return S(1.0);
    };
    S square_moved(0.0), by_slopes(0.0);
    loop<N>(0, n, [&](int j) {
        const S d = state.trial(j) - state.x(j);
        square_moved += d * (d * scale(j));
        by_slopes -= S(0.5) * d * (state.gradient(j) + trial.gradient(j));
    });

    // ---- Accept or reject, and the radius. Below `noise` a decrease is lost in f's rounding;
    // there the slopes at both ends tell it.
    S actual = f - f_trial;
    S root_magnitude(0.0), noise = S(4.0) * epsilon * abs(f);
    if constexpr (fit) {
        root_magnitude = sqrt(magnitude);
        noise += S(4.0) * epsilon * (sqrt(f) * root_magnitude);
    }
    const auto invisible = predicted <= noise;
    // A fit's objective is not negative: what is promised beyond that is not to be had. (Of sums of
    // squares the model never promises more.)
    const S possible = fit ? select(predicted < f, predicted, f) : predicted;
    const auto bearable = invisible && actual >= zero - noise;
    actual = select(bearable, by_slopes, actual);
    const auto better = actual > zero && actual >= S(T(1e-4)) * possible;
    const auto accepted = arrived && usable && (first || better);
    const auto unusable_start = arrived && first && !usable;
    const auto rejected = arrived && !first && !accepted;
    const auto stepped = accepted && !first;
    const auto good = stepped && actual >= S(T(0.75)) * possible;
    square_radius = select(good, maximum(square_radius, S(4.0) * square_moved), square_radius);
    square_radius = select(rejected, S(T(fit ? 0.25 : 0.16)) * square_moved, square_radius);
    auto restarts = first;
    if constexpr (fit) {
        const auto absurd = predicted > S(64.0) * f;
        restarts = first || (stepped && absurd);
        if (any(rejected)) hold_strays<N>(state, rejected, square_radius, n, group);
    }
    f = select(accepted, f_trial, f);
    iterations = select(arrived, iterations + one, iterations);
    status = select(unusable_start, S(T(ended_as(Status::not_finite))), status);
    const S change_limit = S(settings.change_tolerance);
    const auto changed_little =
        stepped && zero < change_limit && actual >= zero - noise && actual <= change_limit * abs(f);
    group.sync();
    take<N>(state, trial, accepted, n, group);
    group.sync();
    if constexpr (fit)
        divide<N>(group, 0, n, [&](int j) {
            const S diagonal = state.h(j, j);
            state.scale.set(j, select(restarts, diagonal, maximum(diagonal, state.scale(j))));
        });
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
    const S tiny(limits::smallest<T>);
    const auto element = [&](const S& shift) {
        return [&, shift](int i, int j) {
            S value = state.h(i, j);
            if (i == j) {
                value += shift * scale(j);
                // A parameter that a fit does not depend on: its row is zero.
                if constexpr (fit) value = select(value > tiny, value, one);
                if (bounded) value = select(state.moves(j), value, one);
            } else if (bounded) {
                value = select(state.moves(i) && state.moves(j), value, zero);
            }
            return value;
        };
    };
    const auto gradient = [&](int j) {
        if (!bounded) return state.gradient(j);
        return select(state.moves(j), state.slope(j), zero);
    };
    S smallest = S(T(n)) * epsilon;
    if constexpr (fit) {
        const S points = maximum(state.get(StateLayout::freedom), zero);
        smallest = S(2.0) * (smallest + epsilon * sqrt(points));
    }
    S largest_gradient(0.0), square_x(0.0), least_diagonal(0.0);
    S norm(0.0);  // sum of magnitudes: not below the largest eigenvalue's
    auto zero_gradient = !never, small_gradient = !never, idle_parameter = never;
    const S data_size = sqrt(S(2.0) * f) + root_magnitude;
    const S gradient_noise = S(2.0) * epsilon * data_size;
    loop<N>(0, n, [&](int j) {
        const S value = state.x(j);
        S g = state.gradient(j);
        auto is_free = !never;
        if (bounded) {
            is_free = state.free(j);
            g = select(is_free, g, zero);
        }
        square_x += value * (value * scale(j));
        if constexpr (fit) {
            const S h = state.h(j, j);
            const auto idle =
                is_free && (h <= tiny || without_influence(value, h, scale(j), data_size));
            idle_parameter = idle_parameter || idle;
            // What rounding leaves of the data, and an ulp of each parameter, which moves a steep
            // model by many of its own.
            S ulps(0.0);
            loop<N>(0, n, [&](int i) {
                ulps += abs(i < j ? state.h(j, i) : state.h(i, j)) * abs(state.x(i));
            });
            const S own_noise = gradient_noise * sqrt(h) + S(2.0) * epsilon * ulps;
            zero_gradient = zero_gradient && (idle || abs(g) <= own_noise);
            small_gradient = small_gradient && (idle || abs(g) <= S(64.0) * own_noise);
        } else {
            largest_gradient = maximum(largest_gradient, abs(g));
            const S diagonal = element(zero)(j, j);
            least_diagonal = select(diagonal < least_diagonal, diagonal, least_diagonal);
            norm += abs(diagonal);
            const int column = column_begin(j, n);
            loop<N>(j + 1, n, [&](int i) { norm += S(2.0) * abs(state.hessian(column + i)); });
        }
    });

    // ---- The step: Newton's if H is positive definite and it is short enough; otherwise on the
    // boundary, with lambda by Newton's method on 1/radius - 1/|Ds| within brackets. A lane whose
    // step is found puts its trial point down; the others go on.
    const auto going = active && status < S(0.5);
    const auto candidate = going && largest_gradient <= S(settings.gradient_tolerance);
    auto minimum = candidate, regular = never, whole_step_small = never;
    auto open = going;
    S lambda(0.0), lower(0.0), upper(0.0), decrement(0.0);
    S newton_decrement = last_decrement;
    [[maybe_unused]] auto undecided = arrived;
    // A fit whose H is singular takes the shift that makes it definite.
    const S least_lambda = fit ? S(64.0) * smallest : zero;
    // Fits begin with the whole Newton step, which tells them whether they have converged;
    // objectives with the last lambda, which often is good enough again.
    if constexpr (!fit) {
        lambda = select(arrived && (candidate || first), zero, state.get(StateLayout::shift));
        lower = state.get(StateLayout::least_shift);
        upper = state.get(StateLayout::largest_shift);
    }
    // Of the radius, both squared: 0.9 to 1.1 for fits, else 0.4 to 1.9.
    const S shortest(T(fit ? 0.81 : 0.16)), longest(T(fit ? 1.21 : 3.61));
    const S attempts(30.0);
    // Lanes wait for each other; not for a few that search long: the next call goes on with those.
    // What these two tolerances compare is gone by then.
    [[maybe_unused]] const bool leaves =
        settings.step_tolerance <= T(0) && settings.change_tolerance <= T(0);
    // Between which values lambda is to be found.
    const auto bracket = [&](const auto& begins, const S& least) {
        // The gradient's norm is between its largest entry and this; squares would overflow.
        S sum(0.0), largest(0.0);
        loop<N>(0, n, [&](int j) {
            const S g = gradient(j);
            if constexpr (fit)
                sum += g * (g / select(scale(j) > tiny, scale(j), one));
            else
                sum += abs(g);
            largest = maximum(largest, abs(g));
        });
        if constexpr (fit) sum = sqrt(sum);
        const S inverse_radius = one / sqrt(square_radius);
        upper =
            select(begins, sum * inverse_radius + norm * (one + S(100.0) * smallest) + tiny, upper);
        if constexpr (fit)
            lower = select(begins, zero, lower);
        else
            lower = select(begins, maximum(least, largest * inverse_radius - norm), lower);
    };
    // Where a step is found: its trial point, and whether the way there has met bounds, so that the
    // step goes on among the parameters that are left.
    const auto place = [&](const auto& step, const auto& chosen) {
        auto met = never;
        if (bounded)
            met = walk_to_bounds<fit, N>(state, step, chosen, n, group);
        else
            place_trial<N>(state, step, chosen, n, group);
        return met;
    };
    for (bool begin = true; any(open); begin = false) {
        const auto definite = factorize<N>(n, element(lambda), work.factor, work.inverse,
                                           work.other, smallest, group);
        const S step_decrement =
            solve<N, S>(n, gradient, work.factor, work.inverse, work.step, group);
        S square_length(0.0);
        loop<N>(0, n, [&](int j) { square_length += work.step(j) * (work.step(j) * scale(j)); });
        decrement = select(open, step_decrement, decrement);
        if (begin) {
            regular = definite && !idle_parameter;
            minimum = arrived && candidate && definite;
            if constexpr (fit) whole_step_small = within<N>(state, work.step, S(4.0) * epsilon, n);
            S initial;
            if constexpr (fit) {
                const auto absurd = arrived && definite && decrement > S(128.0) * f;
                if (any(absurd)) {
                    leave_pole<N>(state, work.step, absurd, decrement, f, n, group);
                    square_x = square_length = zero;
                    loop<N>(0, n, [&](int j) {
                        const S value = state.x(j);
                        square_x += value * (value * scale(j));
                        square_length += work.step(j) * (work.step(j) * scale(j));
                    });
                }
                // At x = 0 the size of the data has the same unit.
                initial =
                    select(square_x > zero, square_x, select(magnitude > zero, magnitude, one));
            } else {
                const S square_size = maximum(one, square_x);
                initial = select(definite && square_length < S(100.0) * square_size, square_length,
                                 square_size);
            }
            if (settings.initial_radius > T(0))
                initial = maximum(S(settings.initial_radius) * S(settings.initial_radius), tiny);
            square_radius = select(arrived && restarts, initial, square_radius);
        }
        if constexpr (fit) {
            const auto tells = undecided && definite;
            newton_decrement = select(tells, step_decrement, newton_decrement);
            undecided = undecided && !tells;
        } else if (begin) {
            newton_decrement = select(arrived, decrement, last_decrement);
        }
        auto found = definite && square_length <= longest * square_radius &&
                     (lambda <= least_lambda || square_length >= shortest * square_radius);
        if constexpr (!fit) found = found || minimum;
        found = found && open;
        auto continued = place(work.step, found);
        open = open && !found;
        if (!any(open || continued)) break;

        if (begin) bracket(arrived && open, maximum(zero, -least_diagonal));
        const auto short_step = open && definite && square_length < square_radius;
        // Above zero once Newton's step has been tried.
        lower = select(open && !short_step, maximum(lower, maximum(lambda, tiny)), lower);
        upper = select(short_step && lambda < upper, lambda, upper);
        const auto scaled_step = [&](int j) { return work.step(j) * scale(j); };
        const S q =
            inverse_norm<N, S>(n, scaled_step, work.factor, work.inverse, work.other, group);
        // The hard case: s is too short although lambda is near the least eigenvalue's negative.
        // Along z, nearly an eigenvector (two inverse iterations), it reaches the boundary.
        if constexpr (!fit) {
            const auto late = short_step && tried > S(2.5);
            if (any(late)) {
                group.sync();
                divide<N>(group, 0, n, [&](int j) {
                    const S seed(T(j % 2 == 1 ? -1.0 - 0.1 * j : 1.0 + 0.1 * j));
                    work.other.set(j, bounded ? select(state.moves(j), seed, zero) : seed);
                });
                group.sync();
                S z_norm(1.0);
                for (int iteration = 0; iteration < 2; ++iteration) {
                    const auto rhs = [&](int j) { return work.other(j) / z_norm; };
                    static_cast<void>(
                        solve<N, S>(n, rhs, work.factor, work.inverse, work.other, group));
                    z_norm = sqrt(inner<N, S>(work.other, work.other, n));
                }
                const auto shifted = element(lambda);
                const S unit = one / z_norm;
                S curvature(0.0), along(0.0);
                loop<N>(0, n, [&](int j) {
                    const S zj = work.other(j) * unit;
                    along += work.step(j) * zj;
                    S row = shifted(j, j) * zj;
                    loop<N>(j + 1, n,
                            [&](int i) { row += S(2.0) * shifted(i, j) * (work.other(i) * unit); });
                    curvature += zj * row;
                });
                const S room = maximum(square_radius - square_length, zero);
                const S root = sqrt(along * along + room);
                const S tau = room / (along + select(along < zero, -root, root));
                const auto enough =
                    tau * tau * curvature <= S(T(0.1)) * (step_decrement + lambda * square_radius);
                const auto extended = late && enough;
                group.sync();
                divide<N>(group, 0, n, [&](int j) {
                    const S along_z = work.step(j) + tau * (work.other(j) * unit);
                    work.step.set(j, select(extended, along_z, work.step(j)));
                });
                group.sync();
                continued = continued || place(work.step, extended);
                lower = select(late && !enough, maximum(lower, lambda - curvature), lower);
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
        const S newton = lambda + (sqrt(square_length / square_radius) - one) * square_length / q;
        S next = newton;
        const auto inside = definite && newton > lower && newton < upper;
        const auto outside = !inside;
        if (any(open && outside)) {
            const S middle =
                maximum(sqrt(lower * upper), lower + S(T(fit ? 0.001 : 0.01)) * (upper - lower));
            next = select(inside, newton, middle);
        }
        tried += one;
        if constexpr (fit) next = select(!definite && lambda < least_lambda, least_lambda, next);
        if constexpr (!fit) next = select(definite && newton <= zero && lower <= zero, zero, next);
        lambda = select(open, select(tried >= attempts - S(1.5), upper, next), lambda);
        if (any(continued)) {
            bracket(continued, zero);
            lambda = select(continued, zero, lambda);
            tried = select(continued, one, tried);
            open = open || continued;
        }
        if constexpr (!fit && !std::is_arithmetic_v<S>)
            if (leaves && 4 * count(open) <= count(going)) break;
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
    const S least_square = epsilon * epsilon * (fit ? magnitude : one);
    const auto stuck =
        stalls >= S(10.0) || !(square_radius > epsilon * epsilon * maximum(square_x, least_square));
    if constexpr (fit) {
        const S freedom = state.get(StateLayout::freedom);
        const S limit =
            S(settings.tolerance) * S(settings.tolerance) * S(2.0) * f / maximum(freedom, one);
        const auto settled = newton_decrement <= limit ||
                             (zero_gradient && (newton_decrement >= S(T(0.25)) * last_decrement ||
                                                whole_step_small));
        // Differences shift the gradient's zero by about derivative_error sqrt(2 f H_jj).
        const S error = S(settings.derivative_error);
        const auto supported = error * error * S(T(n)) * S(2.0) * f <= limit;
        ended_by(going && regular && settled && freedom < zero, Status::singular);
        ended_by(going && regular && settled && supported, Status::converged);
        ended_by(going && regular && settled, Status::derivative_accuracy);
        ended_by(going && !regular && (newton_decrement <= limit || zero_gradient),
                 Status::singular);
        // No step is seen in f any more. That is the minimum as far as numbers tell, if it is near.
        const S visible = S(2.0) * f / maximum(freedom, one);
        const auto unseen = stuck && newton_decrement <= S(2.0) * noise;
        ended_by(stuck && idle_parameter && small_gradient, Status::singular);
        ended_by(unseen && !regular && newton_decrement <= S(T(1e-2)) * visible, Status::singular);
        const auto near = unseen && newton_decrement <= S(T(1e-4)) * visible;
        ended_by(near && freedom < zero, Status::singular);
        ended_by(near && supported, Status::converged);
        ended_by(stuck, Status::precision_limit);
    } else {
        // No descent to speak of even along the least eigenvector: singular, not indefinite.
        // A step that bounds have cut to nothing says nothing.
        auto tried_some = !never;
        if (bounded) {
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
        if constexpr (!fit) {
            state.set(StateLayout::shift, lambda);
            state.set(StateLayout::least_shift, lower);
            state.set(StateLayout::largest_shift, upper);
            state.set(StateLayout::attempts, select(open, tried, zero));
        }
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
    detail::advance<true, N, S>(memory, layout, trial, settings, group);
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
    detail::advance<false, N, S>(memory, layout, trial, settings, group);
}

}  // namespace cunewton::batch
