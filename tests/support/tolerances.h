#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/options.h"

// Every tolerance of the tests, derived here from epsilon, the steps of differences and the size of
// what is summed or differenced. All are relative to the largest exact entry unless they say
// otherwise. The few constants are the ones of the error formulas, rounded up to a power of two.
namespace cunewton::test {

template <class T>
constexpr double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());

/// Of a sum of `terms` products that do not cancel: gamma_terms (Higham 2002, section 3.1), and a
/// few roundings of the terms themselves.
template <class T>
double sum_tolerance(long terms) {
    return static_cast<double>(terms + 16) * epsilon<T>;
}

/// Of an iterative result x: an error of the gradient of `tolerance` is one of tolerance / lambda
/// in x, lambda the smallest eigenvalue of the Hessian (twice, for the curvature's change).
inline double minimiser_tolerance(double gradient_tolerance, double smallest_eigenvalue) {
    return 2 * gradient_tolerance / smallest_eigenvalue;
}

/// Of a gradient by differences of losses of size `f`, relative to its largest entry `g`.
///   forward, h = eps^(1/2):  truncation h f''/2, rounding 2 eps f / h
///   central, h = eps^(1/3):  truncation h^2 f'''/6, rounding eps f / h
/// A third derivative up to 16 times the gradient is allowed for.
template <class T>
double gradient_tolerance(GradientBy by, long terms, double f, double g) {
    const double ratio = std::max(1.0, std::abs(f) / g);
    switch (by) {
        case GradientBy::forward_differences:
            return 8 * std::sqrt(epsilon<T>) * ratio;
        case GradientBy::central_differences:
            return 8 * std::pow(epsilon<T>, 2.0 / 3) * ratio;
        default:
            return sum_tolerance<T>(terms);
    }
}

/// Of a Hessian with largest entry h, likewise:
///   of gradients g, step eps^(1/3):  truncation h^2 g'''/6, rounding eps g / h
///   of values f, step eps^(1/4):     truncation h^2 f''''/12 (diagonal) or /3, rounding 4 eps f /
///   h^2
template <class T>
double hessian_tolerance(HessianBy by, long terms, double f, double g, double h) {
    switch (by) {
        case HessianBy::gradient_differences:
            return 16 * std::pow(epsilon<T>, 2.0 / 3) * std::max(1.0, g / h);
        case HessianBy::value_differences:
            return 16 * std::sqrt(epsilon<T>) * std::max(1.0, std::abs(f) / h);
        default:
            return sum_tolerance<T>(terms);
    }
}

/// What the library promises for problems of ordinary scale in double, whatever the bounds above
/// come to.
inline double promised_hessian_accuracy(HessianBy by) {
    switch (by) {
        case HessianBy::gradient_differences:
            return 1e-9;
        case HessianBy::value_differences:
            return 1e-5;
        default:
            return 1e-13;
    }
}

}  // namespace cunewton::test
