// The last step of every evaluation: the sum's factor and the L2 penalty.
#pragma once

#include "cunewton/problem/forms.h"

namespace cunewton::cpu {

/// scale * sum + penalty at x
template <class T>
double penalized_value(const ProblemParts<T>& parts, const T* x, double sum) {
    double square = 0;
    if (parts.penalty.l2 != 0)
        for (int j = 0; j < parts.dimension; ++j)
            square += parts.penalty.at(j) * (static_cast<double>(x[j]) * x[j]);
    return parts.scale * sum + 0.5 * square;
}

/// g_j = scale * sum_j + the penalty's slope at x; and so, the penalty being quadratic, H v from
/// the sums of a product with v, for x = v.
template <class T>
void penalized_gradient(const ProblemParts<T>& parts, const T* x, const double* sum, T* g) {
    for (int j = 0; j < parts.dimension; ++j)
        g[j] = static_cast<T>(parts.scale * sum[j] + parts.penalty.at(j) * x[j]);
}

/// H += the penalty's curvature; H is already scaled.
template <class T>
void penalize_diagonal(const ProblemParts<T>& parts, T* H) {
    if (parts.penalty.l2 == 0) return;
    for (int j = 0; j < parts.dimension; ++j)
        H[static_cast<std::size_t>(j) * (parts.dimension + 1)] +=
            static_cast<T>(parts.penalty.at(j));
}

}  // namespace cunewton::cpu
