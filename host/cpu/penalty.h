// The parts of a problem that are the same for every form: scale and L2 penalty.
#pragma once

#include "cunewton/problem.h"

namespace cunewton::cpu {

/// scale * sum + l2/2 |x|^2 over the penalised coefficients.
template <class T>
double penalized_value(const ProblemParts<T>& parts, const T* x, double sum) {
    double square = 0;
    if (parts.options.l2 != 0)
        for (int j = 0; j < parts.dimension; ++j)
            if (parts.penalized(j)) square += static_cast<double>(x[j]) * x[j];
    return parts.scale * sum + 0.5 * parts.options.l2 * square;
}

/// g_j = scale * sum_j + l2 x_j
template <class T>
void penalized_gradient(const ProblemParts<T>& parts, const T* x, const double* sum, T* g) {
    for (int j = 0; j < parts.dimension; ++j) {
        const double penalty = parts.penalized(j) ? parts.options.l2 * x[j] : 0.0;
        g[j] = static_cast<T>(parts.scale * sum[j] + penalty);
    }
}

/// H += l2 I over the penalised coefficients; H is already scaled.
template <class T>
void penalize_diagonal(const ProblemParts<T>& parts, T* H) {
    if (parts.options.l2 == 0) return;
    for (int j = 0; j < parts.dimension; ++j)
        if (parts.penalized(j))
            H[static_cast<std::size_t>(j) * (parts.dimension + 1)] +=
                static_cast<T>(parts.options.l2);
}

}  // namespace cunewton::cpu
