// How accurate a Hessian, products with it and a gradient are.
#pragma once

#include "cunewton/curvature.h"
#include "host/at_point.h"

namespace cunewton {

/// assess_hessian() at an open point. scaled_error: if not null, where to put the Frobenius norm of
/// |E_ij| / sqrt(H_ii H_jj), E the estimated error but that of rounding the entries themselves;
/// infinity unless the diagonal is positive.
template <class T>
HessianAccuracy assess(Point<T>& point, const EvaluationOptions& options,
                       double* scaled_error = nullptr);

/// Of x, each parameter at least of its typical size.
template <class T>
std::vector<double> sizes(const Point<T>& point, const DerivativeOptions& options) {
    std::vector<double> sizes;
    for (std::size_t j = 0; j < point.n(); ++j)
        sizes.push_back(std::max(std::abs(static_cast<double>(point.host_x()[j])),
                                 options.typical_x.empty() ? 1 : options.typical_x[j]));
    return sizes;
}

/// Whether the dense Hessian is made of differences.
template <class T>
bool is_differenced(const Point<T>& point) {
    const HessianBy by = point.derivatives().hessian;
    return by == HessianBy::gradient_differences || by == HessianBy::value_differences;
}

/// Estimated 2-norm of what products with point.curvature() leave out, |E|_2 for (H + E) v: of
/// exact ones rounding. Of differences the most of three estimates, with random unit vectors u and
/// v: by the asymmetry of products, for a random matrix E of independent entries of size s has
/// |u'Ev - v'Eu| about sqrt(2) s and |E|_2 about 2 sqrt(n) s; by products with twice the step, as
/// |Ev| is about |E|_F / sqrt(n); and by what rounding of losses and gradients may be, which both
/// steps may have in common. norm: about |H|_2.
template <class T>
double product_error(Point<T>& point, const EvaluationOptions& options, double norm,
                     std::uint64_t seed);

}  // namespace cunewton
