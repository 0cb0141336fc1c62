// The begin and the end of a small problem: whether its data are usable, its start and bounds on
// their way into the solver's state, and its results on their way out. Host and device; the same
// for a lane of the CPU's and for a thread or a warp of a GPU's.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/kinds.h"
#include "cunewton/math/packed.h"
#include "cunewton/math/stencil.h"
#include "cunewton/scalar/std.h"
#include "cunewton/small/batch_view.h"
#include "cunewton/small/hessian_statistics.h"
#include "cunewton/small/solver.h"

namespace cunewton::batch {

/// What is known of a problem's points.
template <class T>
struct CheckedPoints {
    bool usable;
    int counted;  ///< points with a weight
    T magnitude;  ///< see StateLayout
};

/// Looks at points, one after the other: whether all that counts is a number. What is not finite
/// makes `probe` not a number.
template <class T>
struct PointCheck {
    bool valid = true;
    int counted = 0;
    T magnitude = 0, probe = 0;

    /// Whether a point of this weight is to be looked at.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool counts(T weight) {
        valid = valid && weight >= T(0);
        probe += weight * T(0);
        if (!(weight > T(0))) return false;
        ++counted;
        return true;
    }
    /// `poisson`: y is a count.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void look_at_y(T y, T weight, bool poisson) {
        magnitude += weight * (poisson ? y : y * y);
        valid = valid && !(poisson && y < T(0));
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void look_at_coordinate(T x) { probe += x * T(0); }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE CheckedPoints<T> result() const {
        return {valid && probe + magnitude * T(0) == T(0) && counted > 0, counted, magnitude};
    }
};

/// Alone gives what it has; a group of threads has functions of its own.
template <class V>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE V sum_of(const Alone&, V value) {
    return value;
}
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool all_of(const Alone&, bool condition) {
    return condition;
}

/// The number that lies `share` of the way from low to high, by the same roundings on both sides: a
/// GPU's compiler would make one operation of the product and the sum.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE double between(double low, double high, double share) {
#if defined(__CUDA_ARCH__)
    return low + __dmul_rn(share, high - low);
#else
    return low + share * (high - low);
#endif
}
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE float between(float low, float high, float share) {
#if defined(__CUDA_ARCH__)
    return low + __fmul_rn(share, high - low);
#else
    return low + share * (high - low);
#endif
}

/// Puts a run's start and bounds into its state; false if they are unusable. `typical` receives the
/// sizes of the parameters if derivatives are differences.
template <class T, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE bool load_start(
    const BatchView<T>& view, const BatchMethod<T>& method, const StateLayout& at,
    const Memory<T>& slots, const Memory<T>& typical, long run, long problem,
    const CheckedPoints<T>& points, const Group& group) {
    const int n = at.n;
    bool usable = true;
    int held = 0;
    for (int j = group.rank(); j < n; j += group.size()) {
        T x = view.drawn ? T(0) : view.start(run, j);
        usable = usable && x * T(0) == T(0);
        if (method.settings.bounded) {
            T low = view.lower ? view.lower(problem, j) : -limits::infinity<T>;
            T high = view.upper ? view.upper(problem, j) : limits::infinity<T>;
            usable = usable && low <= high;
            if (view.drawn) {
                x = between(low, high, view.drawn(0, run % view.starts * n + j));
                usable = usable && x * T(0) == T(0);
            }
            x = x < low ? low : x;
            x = x > high ? high : x;
            if (method.fixed >> j & 1) low = high = x;
            held += low == high;
            slots.set(at.lower() + j, low);
            slots.set(at.upper() + j, high);
        }
        slots.set(at.trial() + j, x);
        slots.set(at.x() + j, x);
        if (method.derivatives == BatchDerivatives::differences) typical.set(j, typical_size(x));
    }
    const int freedom = points.counted - (n - sum_of(group, held));
    if (group.rank() == 0) begin_problem(slots, at, points.magnitude, T(freedom));
    group.sync();
    return all_of(group, usable);
}

/// Writes the results of a run that has ended, or that was unusable.
template <SmallKind kind, class T, class Group>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void emit(const RunResults<T>& results,
                                                      const BatchMethod<T>& method,
                                                      const StateLayout& at, const Memory<T>& slots,
                                                      long run, bool usable, int counted,
                                                      const Group& group) {
    const detail::State<T> state(slots, at);
    const bool bounded = method.settings.bounded;
    constexpr T nan = limits::not_a_number<T>;
    constexpr T factor = kind == SmallKind::fit ? 2 : 1;
    const int n = at.n, packed = at.packed();
    const Status status =
        usable ? static_cast<Status>(static_cast<int>(state.get(StateLayout::status)) - ended)
               : Status::invalid_data;
    const bool known = usable && status != Status::not_finite;
    const auto held = [&](int j) { return bounded && !state.free(j); };
    if (results.parameters)
        for (int j = group.rank(); j < n; j += group.size())
            results.parameters[run * n + j] = usable ? state.x(j) : nan;
    if (results.hessian) {
        T* hessian = results.hessian + run * packed;
        for (int k = group.rank(); k < packed; k += group.size())
            hessian[k] = known ? state.hessian(k) : nan;
        group.sync();  // orders the writes to the diagonal too
        for (int j = group.rank(); j < n; j += group.size())
            if (known && held(j)) hessian[packed_index(j, j, n)] = not_free<T>;
    }
    if (group.rank() != 0) return;
    T square = 0;
    std::uint64_t at_bound = 0;
    for (int j = 0; j < n; ++j) {
        const T g = factor * state.gradient(j);
        square += held(j) ? T(0) : g * g;
        if (bounded) at_bound |= std::uint64_t{state.at_bound(j)} << j;
    }
    if (results.at_bound) results.at_bound[run] = known ? at_bound : 0;
    if (results.objective)
        results.objective[run] = known ? factor * state.get(StateLayout::f) : nan;
    if (results.gradient_norm) results.gradient_norm[run] = known ? math::sqrt(square) : nan;
    if (results.status) results.status[run] = status;
    if (results.iterations)
        results.iterations[run] = usable ? static_cast<int>(state.get(StateLayout::iterations)) : 0;
    if (results.counted_points) results.counted_points[run] = usable ? counted : 0;
}

// ---- From runs to problems.

/// The run of a problem that ended best: a usable end before none, then the lower objective, then
/// the earlier one. `objective` is not needed for a single start.
template <class T>
CUNEWTON_HOST_DEVICE long best_run(const T* objective, int starts, long problem) {
    const auto finite = [](T value) { return value * T(0) == T(0); };
    long best = problem * starts;
    for (long run = best + 1; run < (problem + 1) * starts; ++run) {
        const bool usable = finite(objective[run]), usable_best = finite(objective[best]);
        if (usable != usable_best ? usable : usable && objective[run] < objective[best]) best = run;
    }
    return best;
}

/// What the statistics of a problem depend on.
struct Finished {
    long run;  ///< the one that counts
    int degrees_of_freedom;
    double reduced_chi_square;
};
/// `fit`: else there are no degrees of freedom; they are known where points were counted.
template <class T>
CUNEWTON_HOST_DEVICE Finished finish(const BatchView<T>& view, const BatchMethod<T>& method,
                                     const RunResults<T>& runs, int n, bool fit, long problem) {
    Finished f{best_run(runs.objective, view.starts, problem), 0, limits::not_a_number<double>};
    if (!fit || !runs.counted_points) return f;
    int free = n;
    for (int j = 0; j < n; ++j)
        free -= (method.fixed >> j & 1) != 0 ||
                (view.lower && view.upper && view.lower(problem, j) == view.upper(problem, j));
    f.degrees_of_freedom = runs.counted_points[f.run] - free;
    if (f.degrees_of_freedom > 0 && runs.objective)
        f.reduced_chi_square = static_cast<double>(runs.objective[f.run]) / f.degrees_of_freedom;
    return f;
}

/// Writes a problem's results but for the statistics. C is the arithmetic. Arrays of `runs` that
/// the solver has written to where they belong are null in `results`.
template <class C, class T>
CUNEWTON_HOST_DEVICE void emit_problem(const RunResults<C>& runs, const BatchResults<T>& results,
                                       const Finished& f, int n, int starts, long problem) {
    const long run = f.run;
    if (results.parameters)
        for (int j = 0; j < n; ++j)
            results.parameters(problem, j) = static_cast<T>(runs.parameters[run * n + j]);
    if (results.objective) results.objective(problem) = static_cast<T>(runs.objective[run]);
    if (results.gradient_norm)
        results.gradient_norm(problem) = static_cast<T>(runs.gradient_norm[run]);
    if (results.status) results.status(problem) = runs.status[run];
    if (results.iterations) results.iterations(problem) = runs.iterations[run];
    if (results.at_bound) results.at_bound(problem) = runs.at_bound ? runs.at_bound[run] : 0;
    if (results.best_start) results.best_start(problem) = static_cast<int>(run - problem * starts);
    if (results.degrees_of_freedom) results.degrees_of_freedom(problem) = f.degrees_of_freedom;
    if (results.reduced_chi_square)
        results.reduced_chi_square(problem) = static_cast<T>(f.reduced_chi_square);
}

/// Writes a problem's statistics. `work`: statistics_workspace(n) numbers.
template <class C, class T, class Group = Alone>
CUNEWTON_HOST_DEVICE void emit_statistics(const RunResults<C>& runs, const BatchMethod<C>& method,
                                          const BatchResults<T>& results, const Finished& f, int n,
                                          long problem, double* work, const Group& group = {}) {
    StatisticsOut<T> out;
    out.covariance = results.covariance.from(problem).data;
    out.covariance_stride = results.covariance.column;
    out.standard_errors = results.standard_errors.from(problem).data;
    out.errors_stride = results.standard_errors.column;
    out.condition_number = results.condition_number.from(problem).data;
    out.undetermined = results.undetermined.from(problem).data;
    hessian_statistics(runs.hessian + f.run * packed_size(n), n,
                       method.scaled ? f.reduced_chi_square : 1,
                       static_cast<double>(limits::epsilon<C>),
                       runs.at_bound ? runs.at_bound[f.run] : 0, out, work, group);
}

}  // namespace cunewton::batch
