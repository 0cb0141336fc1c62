// What a Hessian that is not positive definite asks for: shifts, negative curvature, saddle points.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "host/solver/methods.h"

namespace cunewton::solver {

namespace {
template <class T>
double rounding_shift(Run<T>& run, double norm) {
    return 10 * run.n() * static_cast<double>(std::numeric_limits<T>::epsilon()) * norm;
}
}  // namespace

/// Shift and retry (Nocedal and Wright 2006, algorithm 3.3), with the shift in proportion to the
/// matrix: first one that only covers rounding, for a singular matrix, then tenfold growth.
template <class T>
std::optional<double> factorize_shifted(Run<T>& run, double guess) {
    Backend<T>& backend = run.backend();
    const double norm = backend.scalar(Slot::norm);
    const double low_diagonal = backend.scalar(Slot::min_diagonal);
    if (!std::isfinite(norm)) return std::nullopt;
    // A matrix that is zero, or nearly so, says nothing about the length of the step: the shift limits
    // it to 1e4 times the size of x.
    const double start =
        std::max(rounding_shift(run, norm), run.gradient_norm() / (1e4 * std::max(1.0, run.x_norm())));
    double shift = std::max({start, guess, low_diagonal < 0 ? -1.1 * low_diagonal : 0.0});
    for (int i = 0; i < 60; ++i) {
        run.factorize(shift);
        if (backend.scalar(Slot::factor_info) == 0) return shift;
        // Beyond rounding the matrix is indefinite: begin to look at a sensible size.
        shift = std::max(10 * shift, 1e-6 * norm);
    }
    return std::nullopt;
}

template <class T>
Curvature curvature(Run<T>& run) {
    Backend<T>& backend = run.backend();
    const double norm = backend.scalar(Slot::norm);
    if (!std::isfinite(norm)) return Curvature::not_finite;
    run.note_curvature(norm);
    run.factorize(0);
    if (backend.scalar(Slot::factor_info) == 0) return Curvature::positive;
    run.factorize(rounding_shift(run, norm) + std::numeric_limits<T>::min() * 1e4);
    return backend.scalar(Slot::factor_info) == 0 ? Curvature::semidefinite : Curvature::negative;
}

template <class T>
double smallest_eigenvector(Run<T>& run, T* u, T* work) {
    Backend<T>& backend = run.backend();
    const int n = run.n();
    // A fixed start that is not orthogonal to anything in particular.
    std::vector<T> start(n);
    unsigned state = 12345;
    for (T& s : start) {
        state = state * 1664525u + 1013904223u;
        s = static_cast<T>(0.5 + (state >> 8) * (1.0 / (1 << 24)));
        if (state & 0x80u) s = -s;
    }
    backend.upload(u, start.data(), n);
    for (int i = 0; i < 4; ++i) {
        backend.solve(run.factor(), u, n);
        backend.dot(u, u, n, Slot::product);
        const double norm = std::sqrt(backend.scalar(Slot::product));
        backend.scale(u, static_cast<T>(1 / norm), u, n);
    }
    backend.symv(run.matrix(), u, work, n);
    backend.dot(u, work, n, Slot::product);
    return backend.scalar(Slot::product);
}

template <class T>
std::optional<Trial> leave_saddle(Run<T>& run) {
    Backend<T>& backend = run.backend();
    const double norm = backend.scalar(Slot::norm);
    // Bisection, in powers, for a shift just above minus the smallest eigenvalue.
    double low = rounding_shift(run, norm), high = 1.1 * norm;
    for (int i = 0; i < 40 && high > 1.02 * low; ++i) {
        const double middle = std::sqrt(low * high);
        run.factorize(middle);
        (backend.scalar(Slot::factor_info) == 0 ? high : low) = middle;
    }
    run.factorize(high);
    if (backend.scalar(Slot::factor_info) != 0) return std::nullopt;
    const Buffer<T> work = run.vector();
    if (smallest_eigenvector(run, run.direction(), work.get()) >= 0) return std::nullopt;

    // Downhill by the gradient as far as there is one; both ways are tried.
    backend.dot(run.g(), run.direction(), run.n(), Slot::decrease);
    const double way = backend.scalar(Slot::decrease) > 0 ? -1 : 1;
    for (double length = std::max(1.0, run.x_norm()); length > 1e-8; length *= 0.25)
        for (const double sign : {way, -way}) {
            const Trial trial = run.try_step(sign * length);
            if (trial.finite() && trial.f < run.f() - run.noise()) return trial;
            if (run.out_of_evaluations()) return std::nullopt;
        }
    return std::nullopt;
}

template <class T>
std::optional<Status> confirm_minimum(Run<T>& run, bool trusted) {
    if (trusted) return run.small_gradient_status();
    Backend<T>& backend = run.backend();
    // A loss that falls towards infinity (separable classes, for instance) has small gradients too.
    // Its Newton steps keep their length and go on lowering the loss by a good part of itself, while
    // those towards a minimum shrink, be it degenerate: by (p - 2) / (p - 1) each for x^p.
    constexpr int steps = 8;
    constexpr double same_length = 0.98;
    double last_length = 0;
    for (int i = 0; i < steps; ++i) {
        if (i > 0 && run.at_limit()) return run.small_gradient_status();
        run.hessian();
        const Curvature found = curvature(run);
        const Status status = run.small_gradient_status();
        switch (found) {
            case Curvature::not_finite: return Status::not_finite;
            case Curvature::semidefinite: return status;
            case Curvature::negative: {
                const double previous = run.f();
                const std::optional<Trial> trial = leave_saddle(run);
                if (!trial)
                    return run.out_of_evaluations() ? Status::max_evaluations : Status::saddle_point;
                run.accept(*trial);
                return run.end_iteration(*trial, previous, trial->alpha, run.factor_shift());
            }
            case Curvature::positive: break;
        }
        if (run.at_limit()) return status;
        backend.scale(run.direction(), T(-1), run.g(), run.n());
        backend.solve(run.factor(), run.direction(), run.n());
        const Trial trial = run.try_step(1);
        const bool runs_away = trial.finite() && trial.step_norm > same_length * last_length &&
                               run.f() - trial.f > 0.1 * std::abs(run.f()) + run.noise();
        if (!runs_away) return status;
        last_length = trial.step_norm;
        const double previous = run.f();
        run.accept(trial);
        if (const auto end = run.end_iteration(trial, previous, 1, 0)) return end;
        if (!run.gradient_small()) return std::nullopt;
    }
    return Status::unbounded;
}

#define CUNEWTON_INSTANTIATE(T)                                         \
    template std::optional<double> factorize_shifted(Run<T>&, double);  \
    template Curvature curvature(Run<T>&);                              \
    template double smallest_eigenvector(Run<T>&, T*, T*);              \
    template std::optional<Trial> leave_saddle(Run<T>&);                \
    template std::optional<Status> confirm_minimum(Run<T>&, bool);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
