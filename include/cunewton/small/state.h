// (Compiled in the user's file.) The state of one small problem, or of one in each lane of a Pack:
// numbers in slots. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/packed.h"
#include "cunewton/scalar/macros.h"
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

}  // namespace detail

}  // namespace cunewton::batch
