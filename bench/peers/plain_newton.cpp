// Newton's method as one would write it on a BLAS in an afternoon: Cholesky, and halving the step
// until the loss has decreased enough.
#include <cmath>

#include "bench/blas.h"
#include "bench/peers/peers.h"
#include "bench/timing.h"

namespace cunewton::bench {

PeerResult minimize_plain_newton(Objective& objective, const std::vector<double>& x0,
                                 const PeerLimits& limits) {
    const int n = objective.dimension(), one = 1;
    const std::size_t size = x0.size();
    PeerResult result{x0, 0, "max_iterations"};
    std::vector<double> g(size), H(size * size), L, p, trial(size);
    const double begin = wall_seconds();
    double f = objective.value_and_gradient(result.x.data(), g.data());
    for (; result.iterations < limits.max_iterations; ++result.iterations) {
        double squared = 0;
        for (const double gj : g) squared += gj * gj;
        if (std::sqrt(squared) < limits.gradient_tolerance) {
            result.status = "converged";
            break;
        }
        if (wall_seconds() - begin > limits.seconds) {
            result.status = "time_limit";
            break;
        }
        objective.hessian(result.x.data(), H.data());
        double shift = 0;
        int info = 1;
        for (int attempt = 0; info != 0 && attempt < 60; ++attempt) {
            L = H;
            for (std::size_t j = 0; j < size; ++j) L[j * (size + 1)] += shift;
            dpotrf_("L", &n, L.data(), &n, &info);
            shift = shift == 0 ? 1e-3 : 10 * shift;
        }
        p = g;
        if (info == 0) dpotrs_("L", &n, &one, L.data(), &n, p.data(), &n, &info);
        double slope = 0;
        for (std::size_t j = 0; j < size; ++j) slope -= g[j] * p[j];
        double t = 1, f_trial = f;
        for (int halving = 0; halving < 60; ++halving, t /= 2) {
            for (std::size_t j = 0; j < size; ++j) trial[j] = result.x[j] - t * p[j];
            f_trial = objective.value(trial.data());
            // Near the minimum the decrease drowns in rounding.
            if (f_trial <= f + 1e-4 * t * slope + 1e-14 * std::abs(f)) break;
        }
        if (!(f_trial <= f + 1e-14 * std::abs(f))) {
            result.status = "no_decrease";
            break;
        }
        result.x = trial;
        f = objective.value_and_gradient(result.x.data(), g.data());
    }
    return result;
}

}  // namespace cunewton::bench
