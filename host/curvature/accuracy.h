// How accurate a Hessian, products with it and a gradient are.
#pragma once

#include "cunewton/curvature.h"
#include "host/at_point.h"

namespace cunewton {

/// assess_hessian() at an open point.
template <class T>
HessianAccuracy assess(Point<T>& point, const EvaluationOptions& options);

/// Whether the dense Hessian is made of differences.
template <class T>
bool is_differenced(const Point<T>& point) {
    const HessianBy by = point.derivatives().hessian;
    return by == HessianBy::gradient_differences || by == HessianBy::value_differences;
}

/// Estimated 2-norm of what products with point.curvature() leave out, |E|_2 for (H + E) v: of
/// exact ones rounding. By the asymmetry of products with random vectors: for a random matrix E of
/// independent entries of size s, |u'Ev - v'Eu| is about sqrt(2) s for unit vectors, and |E|_2
/// about 2 sqrt(n) s. norm: about |H|_2.
template <class T>
double product_error(Point<T>& point, double norm, std::uint64_t seed);

}  // namespace cunewton
