// Step lengths for gradient descent, from the Hessian at a point.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/differentiate.h"

namespace cunewton {

struct RateOptions : EvaluationOptions {
    /// Of the residuals of eigenvectors, in units of the largest |eigenvalue|.
    double tolerance = 1e-6;
    long max_products = 1000;  ///< for the eigenvalues
    std::uint64_t seed = 1;    ///< of everything random; the same seed gives the same bits
    /// Samples of a sum, drawn at random, that the curvature is taken from; 0: all.
    long samples = 0;
};

/// An eigenvalue is within `error` of `value`: the residual and, where products are differences of
/// gradients, an estimate of what those err by. That is how products with steps twice as long
/// differ, which is three times the truncation, and rounding, epsilon (|g| + |H| |x|) over the
/// step.
struct EigenvalueBound {
    double value = std::numeric_limits<double>::quiet_NaN();
    double error = std::numeric_limits<double>::quiet_NaN();
};

/// What a step x - rate g, or x + rate d, may be. Rates that the curvature does not give are NaN,
/// and `notes` says why.
template <class T>
struct LearningRates : RanOn {
    double f = 0, gradient_norm = 0;
    EigenvalueBound largest, smallest;  ///< eigenvalues of H
    bool converged = false;             ///< both are within the tolerance
    long products = 0;                  ///< that were taken
    /// 1 / L with L = max |eigenvalue|, at least as large as the errors allow: the model falls
    /// along -g by g'g / 2L at least (Nesterov 2004, "Introductory lectures on convex
    /// optimization", equation 2.1.8), whether H is positive definite or not. NaN for H = 0, also
    /// as far as differences tell.
    double inverse_lambda_max = std::numeric_limits<double>::quiet_NaN();
    /// 2 / (largest + smallest), the constant rate with which a quadratic's error shrinks fastest:
    /// by (k - 1) / (k + 1) a step, k = largest / smallest (theorem 2.1.15 there). NaN unless the
    /// smallest is positive beyond its error: else errors along its eigenvector do not shrink at
    /// any rate.
    double extreme_eigenvalues = std::numeric_limits<double>::quiet_NaN();
    /// d'Hd / d'd along the direction d that was given, -g if none was.
    double curvature_along = 0;
    /// -g'd / d'Hd, where the model is lowest along d: g'g / g'Hg for d = -g. Negative where d goes
    /// up. NaN unless d'Hd > 0, as far as differences tell: the model has no minimum along d.
    double exact_along = std::numeric_limits<double>::quiet_NaN();
    /// 1 / |H_jj| for each parameter, no |H_jj| below sqrt(epsilon) of the largest. H_jj is exact
    /// for linear predictors, else estimated from 16 products with random signs, and taken to be
    /// its standard error where that is more. Empty where all are zero.
    std::vector<T> inverse_diagonal;
    bool diagonal_is_exact = false;
    /// g'D^-1HD^-1g / g'D^-1g, D the diagonal above: a step by these rates lowers the model where
    /// this is below 2, and is its minimum along its way where it is 1. NaN without a diagonal.
    double diagonal_excess = std::numeric_limits<double>::quiet_NaN();
    std::string notes;  ///< sentences; empty where all rates are there
    std::uint64_t seed = 0;
};

/// The rates at x, with what they rest on: eigenvalues by the Lanczos method, the others by a
/// product or two. They are those of the quadratic model at x; gradient_descent with
/// Options::descent_step follows them from point to point. direction: n numbers, or empty for -g.
///
/// Throws InvalidArgument as gradient(), for a direction of another size, that is zero or not
/// finite, for options out of range, products that are not finite, and samples of a loss that is no
/// sum over several.
template <class T>
LearningRates<T> learning_rates(const Problem<T>& problem, const std::vector<T>& x,
                                const RateOptions& options = {},
                                const std::vector<T>& direction = {});

}  // namespace cunewton
