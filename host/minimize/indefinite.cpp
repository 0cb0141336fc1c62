// What a Hessian that is not positive definite asks for: shifts, negative curvature, saddle points.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "host/minimize/methods.h"

namespace cunewton::solver {

/// Shift and retry (Nocedal and Wright 2006, algorithm 3.3), with the shift in proportion to the
/// matrix: first one that only covers rounding, for a singular matrix, then tenfold growth.
template <class T>
std::optional<double> factorize_shifted(Minimization<T>& run, double guess) {
    const double norm = run.read(run.numbers().norm);
    const double low_diagonal = run.read(run.numbers().least_diagonal);
    if (!std::isfinite(norm)) return std::nullopt;
    double shift =
        std::max({run.rounding_shift(), guess, low_diagonal < 0 ? -1.1 * low_diagonal : 0.0});
    for (int i = 0; i < 60; ++i) {
        run.factorize(shift);
        if (run.factored()) return shift;
        // Beyond rounding the matrix is indefinite: begin to look at a sensible size.
        shift = std::max(10 * shift, 1e-6 * norm);
    }
    return std::nullopt;
}

template <class T>
Definiteness definiteness(Minimization<T>& run) {
    if (!std::isfinite(run.read(run.numbers().norm))) return Definiteness::not_finite;
    run.factorize(0);
    if (run.factor_is_regular()) return Definiteness::positive;
    run.factorize(run.rounding_shift());
    return run.factored() ? Definiteness::semidefinite : Definiteness::negative;
}

template <class T>
bool is_nearly_semidefinite(Minimization<T>& run) {
    run.factorize(std::sqrt(static_cast<double>(std::numeric_limits<T>::epsilon())) *
                  run.read(run.numbers().norm));
    return run.factored();
}

template <class T>
std::vector<T> fixed_start(int n) {
    std::vector<T> start(n);
    unsigned state = 12345;
    for (T& s : start) {
        state = state * 1664525u + 1013904223u;
        s = static_cast<T>(0.5 + (state >> 8) * (1.0 / (1 << 24)));
        if (state & 0x80u) s = -s;
    }
    return start;
}

template <class T>
double smallest_eigenvector(Minimization<T>& run, T* u, T* work) {
    Vectors<T>& vectors = run.vectors();
    const int n = run.n();
    const Number number = vectors.number();
    vectors.upload(work, fixed_start<T>(n).data(), n);
    vectors.unscale(u, run.scales(), work, n);
    for (int i = 0; i < 4; ++i) {
        vectors.scale_twice(u, run.scales(), u, n);
        run.curvature().solve(u);
        vectors.norms({{u, number, run.scales(), false}}, n);
        vectors.scale(u, static_cast<T>(1 / run.read(number)), u, n);
    }
    run.curvature().apply(u, 1, work);
    vectors.dot(u, work, n, number);
    return run.read(number);
}

template <class T>
Descent descend_along(Minimization<T>& run, double longest, double shortest) {
    run.vectors().dot(run.g(), run.direction(), run.n(), run.numbers().decrease);
    const double way = run.read(run.numbers().decrease) > 0 ? -1 : 1;
    Descent descent;
    for (double part = longest; part >= shortest; part *= 0.25)
        for (const double sign : {way, -way}) {
            if (run.out_of_evaluations()) return descent;
            const Trial trial = run.try_step(sign * part * run.size());
            if (trial.finite() && trial.f < run.f() - run.noise()) {
                descent.lower = trial;
                return descent;
            }
            descent.rises = descent.rises && trial.f > run.f() + run.noise();
        }
    return descent;
}

template <class T>
std::optional<Trial> leave_saddle(Minimization<T>& run) {
    const double norm = run.read(run.numbers().norm);
    // Bisection, in powers, for a shift just above minus the smallest eigenvalue.
    double low = run.rounding_shift(), high = 1.1 * norm;
    for (int i = 0; i < 40 && high > 1.02 * low; ++i) {
        const double middle = std::sqrt(low * high);
        run.factorize(middle);
        (run.factored() ? high : low) = middle;
    }
    run.factorize(high);
    if (!run.factored()) return std::nullopt;
    const Buffer<T> work = run.vector();
    if (smallest_eigenvector(run, run.direction(), work.get()) >= 0) return std::nullopt;
    return descend_along(run, 1, 1e-8).lower;
}

template <class T>
Descent leave_plateau(Minimization<T>& run) {
    // With the matrix shifted by its rounding the iteration finds the null space at once.
    run.factorize(run.rounding_shift());
    if (!run.factored()) return {};
    const Buffer<T> work = run.vector();
    smallest_eigenvector(run, run.direction(), work.get());
    return descend_along(run, 1.4, 1e-8);  // not onto the origin
}

template <class T>
void find_null_space(Minimization<T>& run) {
    run.factorize(run.rounding_shift());
    if (!run.factored() && !is_nearly_semidefinite(run)) return;
    const Buffer<T> work = run.vector();
    smallest_eigenvector(run, run.direction(), work.get());
    run.note_null_space();
}

#define CUNEWTON_INSTANTIATE(T)                                                 \
    template void find_null_space(Minimization<T>&);                            \
    template std::optional<double> factorize_shifted(Minimization<T>&, double); \
    template Definiteness definiteness(Minimization<T>&);                       \
    template bool is_nearly_semidefinite(Minimization<T>&);                     \
    template std::vector<T> fixed_start(int);                                   \
    template double smallest_eigenvector(Minimization<T>&, T*, T*);             \
    template Descent descend_along(Minimization<T>&, double, double);           \
    template std::optional<Trial> leave_saddle(Minimization<T>&);               \
    template Descent leave_plateau(Minimization<T>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
