// Other ways to a Hessian by finite differences.
#pragma once

#include <vector>

#include "bench/peers/objective.h"

namespace cunewton::bench {

struct HessianPeer {
    const char* name;
    bool from_gradients;  ///< else from values
    int largest_n;        ///< beyond it takes too long
    /// Writes n x n numbers.
    void (*compute)(Objective&, const std::vector<double>& x, double* H);
};

/// Those that this build has.
const std::vector<HessianPeer>& hessian_peers();

void gsl_hessian_from_values(Objective&, const std::vector<double>& x, double* H);
void petsc_hessian_from_gradients(Objective&, const std::vector<double>& x, double* H);

/// The four-point formula, one evaluation after the other.
template <class Function>
void four_point_hessian(const Function& f, std::vector<double> x, double step, double* H) {
    const std::size_t n = x.size();
    const double middle = f(x);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const double xi = x[i], xj = x[j];
            const auto at = [&](double a, double b) {
                x[i] = xi + a * step;
                x[j] = xj + b * step;
                return f(x);
            };
            const double d = at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1);
            x[i] = xi;
            x[j] = xj;
            H[i * n + j] = H[j * n + i] = d / (4 * step * step);
        }
        const double xi = x[i];
        x[i] = xi + step;
        const double above = f(x);
        x[i] = xi - step;
        const double below = f(x);
        x[i] = xi;
        H[i * n + i] = (above - 2 * middle + below) / (step * step);
    }
}

}  // namespace cunewton::bench
