// The choices that a user has and the ends that a problem can come to, by name. Free of the
// standard library: code for the GPU that is compiled at run time reads it too.
#pragma once

#include "cunewton/scalar/cpp20.h"

namespace cunewton {

/// Why a minimisation ended. Only `converged` means that the test for a minimum was met by
/// derivatives that are accurate enough to tell, at the only minimiser near by. The test: see
/// Options::gradient_tolerance and BatchOptions::tolerance.
enum class Status {
    converged,            ///< test met; the Hessian is positive definite (BFGS: if exact)
    derivative_accuracy,  ///< gradient is zero within the error of its finite differences, which is
                          ///< larger than the test allows
    precision_limit,      ///< no step lowers the loss in working precision, and the test is not met
    small_step,           ///< step below step_tolerance; test not met
    small_change,         ///< loss changed by less than change_tolerance; test not met
    saddle_point,         ///< no slope, but the Hessian has a negative eigenvalue and no
                          ///< descent along it was found
    max_iterations,
    max_evaluations,
    time_limit,
    cancelled,   ///< the callback returned false
    unbounded,   ///< the loss fell below unbounded_below, or it falls towards infinity
    not_finite,  ///< loss or derivatives are not finite and no smaller step mends it
    singular,    ///< test met, but the Hessian is singular in working precision: a minimum that is
                 ///< not unique, as the data do not determine all parameters
    no_descent,  ///< the loss rises where its gradient says that it falls, however short the step:
                 ///< the gradient is wrong, or the loss has a kink here
    // Of the problems of a batch only:
    invalid_data,  ///< not solved: data, start or bounds are not finite, bounds are crossed, or no
                   ///< point has a weight
    not_run,       ///< not solved: the batch was cancelled before
};
/// "converged", "derivative_accuracy", ...
const char* to_string(Status status);

/// newton, trust_region, ...: methods.inc says what each is.
enum class Method {
    automatic,  ///< newton, or newton_cg where that is likely to take less time: see
                ///< docs/large.md for the cost model. Result::method says which
#define CUNEWTON_METHOD(name, matrices) name,
#define CUNEWTON_SAMPLING_METHOD(name) name,
#include "cunewton/methods.inc"
};
/// Those for any problem.
inline constexpr Method all_methods[] = {
#define CUNEWTON_METHOD(name, matrices) Method::name,
#include "cunewton/methods.inc"
};
/// Those for sums over samples, of which they take some at a time.
inline constexpr Method sampling_methods[] = {
#define CUNEWTON_SAMPLING_METHOD(name) Method::name,
#include "cunewton/methods.inc"
};
const char* to_string(Method method);

/// Where a parameter of a problem with bounds ended.
enum class AtBound : signed char {
    free,   ///< between its bounds
    lower,  ///< at its lower bound, and the loss falls below it, or rises nowhere
    upper,
    fixed,  ///< Options::fixed, or both bounds are the same number
};
/// "free", "lower", ...
const char* to_string(AtBound where);

enum class LineSearch {
    strong_wolfe,  ///< Nocedal and Wright 2006, algorithms 3.5 and 3.6
    backtracking,  ///< sufficient decrease, halving with quadratic interpolation
};

/// Where the minimum of the model of Method::newton_cg is outside of the trust region.
enum class Boundary {
    steihaug,  ///< where the way of conjugate gradients leaves it (Steihaug 1983)
    lanczos,   ///< its minimum on the boundary, in the space of a few more products (Gould, Lucidi,
               ///< Roma and Toint 1999, "Solving the trust-region subproblem using the Lanczos
               ///< method"), where that is within Options::lanczos_vectors of the start
};

/// The step lengths of Method::gradient_descent. Options::curvature_interval says how often they
/// are estimated again. None is taken that raises the loss: it is shortened instead.
enum class DescentStep {
    exact_quadratic,     ///< g'g / g'Hg, the minimiser along -g of the quadratic model: one product
    inverse_lambda_max,  ///< 1 / largest eigenvalue of H, by the power method: 30 products at the
                         ///< start, then 3 an estimate from the last eigenvector
    extreme_eigenvalues,  ///< 2 / (largest + smallest eigenvalue of H), the best constant step of a
                          ///< quadratic (Nesterov 2004, theorem 2.1.15), by the Lanczos method.
                          ///< Where the smallest is not positive there is none: 1 / the largest
                          ///< |eigenvalue|
    inverse_diagonal,     ///< 1 / |H_jj| for each parameter j, no |H_jj| below sqrt(epsilon) of the
                          ///< largest; exact or estimated as by PreconditionBy::diagonal. A whole
                          ///< step lowers a quadratic if 2 D - H is positive definite, D the
                          ///< diagonal: not always, as where features are correlated
};
/// "exact_quadratic", ...
const char* to_string(DescentStep step);

/// What with_curvature_penalty() adds to a loss f with gradient g and Hessian H.
enum class CurvaturePenaltyKind : unsigned char {
    trace,                   ///< tr H, the sum of the eigenvalues
    squared_frobenius_norm,  ///< sum_ij H_ij^2, the sum of their squares
    largest_eigenvalue,
    sharpness,  ///< f(x + radius g / |g|) - f(x): how far the loss rises in a step up the slope
                ///< (Foret, Kleiner, Mobahi and Neyshabur 2021, "Sharpness-aware minimization for
                ///< efficiently improving generalization", equation 2)
};
/// "trace", ...
const char* to_string(CurvaturePenaltyKind kind);

/// How a gradient is obtained.
enum class GradientBy {
    automatic,  ///< analytic where the loss supplies it, else autodiff, else central_differences
    analytic,
    autodiff,             ///< forward mode, exact
    forward_differences,  ///< n + 1 loss values, error O(h)
    central_differences,  ///< 2n loss values, error O(h^2)
};
const char* to_string(GradientBy by);

/// How a Hessian is obtained.
enum class HessianBy {
    automatic,  ///< analytic where the loss supplies it, else autodiff; of a black box without
                ///< either, gradient_differences where it has a gradient, else value_differences;
                ///< of residuals gauss_newton
    analytic,
    autodiff,              ///< hyper-dual numbers, exact
    gradient_differences,  ///< central differences of the gradient, made symmetric
    value_differences,     ///< second differences on the diagonal, four-point formula off it
    gauss_newton,  ///< perceptrons and residuals only: J' H J with J the Jacobian of the outputs or
                   ///< residuals and H the loss's Hessian by them; positive semidefinite. Not the
                   ///< Hessian, and not exact
};
const char* to_string(HessianBy by);

/// What conjugate gradients are preconditioned by, which then take fewer products with the Hessian.
enum class PreconditionBy {
    automatic,  ///< Options::preconditioner if it is given; else kronecker of perceptrons, unless
                ///< that takes as long as 20 products or more memory than
                ///< DerivativeOptions::memory_budget; else blocks, from where products have cost as
                ///< much as they do, if there are several or some samples are enough
    none,
    blocks,  ///< the Hessian's diagonal blocks, one an output of linear predictors (else refused),
             ///< from some samples where there are many
    diagonal,  ///< the Hessian's: exact for linear predictors, else estimated by 16 products with
               ///< random signs (Bekas, Kokiopoulou and Saad 2007, "An estimator for the diagonal
               ///< of a matrix")
    nystrom,   ///< a sketch of Options::nystrom_rank products with random vectors: the large
               ///< eigenvalues of a positive semidefinite Hessian (Frangella, Tropp and Udell 2023,
               ///< "Randomized Nystrom preconditioning"). None where the Hessian is not that
    kronecker,  ///< of perceptrons (else refused): a Kronecker product for each layer (Martens and
                ///< Grosse 2015), near the Hessian that HessianBy::gauss_newton names
    own,        ///< Options::preconditioner
};
const char* to_string(PreconditionBy by);

/// What a hidden unit of a perceptron makes of its input z.
enum class Activation : unsigned char {
    relu,  ///< max(z, 0). At the kink z = 0 the derivative is taken to be 0, and the second
           ///< derivative is 0 everywhere: the exact Hessian is that of the piece that x lies on
    tanh,
    softplus,  ///< log(1 + e^z)
    gelu,  ///< z Phi(z), Phi the normal distribution function (Hendrycks and Gimpel 2016), by erf
};
/// "relu", "tanh", ...
const char* to_string(Activation activation);

/// The loss of a perceptron with outputs z_1 .. z_K for a target y.
enum class PerceptronLoss : unsigned char {
    softmax_cross_entropy,  ///< log sum_k e^{z_k} - z_y, y in 0 .. K-1
    squared_error,          ///< 1/2 sum_k (z_k - y_k)^2
};
/// "softmax_cross_entropy", "squared_error"
const char* to_string(PerceptronLoss loss);

enum class HessianPrecision {
    working,  ///< as the loss
    single,  ///< weighted products of predictor losses are accumulated in float; loss, gradient and
             ///< step stay in working precision
};

/// What the deviations of a model from the data are held against. With r_i = m_i - y_i, weights w_i
/// and u_i = sqrt(w_i) r_i, the objective is
enum class Estimator : unsigned char {
    least_squares,  ///< sum u_i^2
    poisson,  ///< sum 2 w_i (m_i - y_i + y_i log(y_i / m_i)), the deviance of counts y_i >= 0;
              ///< a model that is not positive is rejected
    huber,    ///< sum of u^2 for |u| <= c, else 2 c |u| - c^2 (Huber 1964); c = 1.345
    cauchy,   ///< sum c^2 log(1 + u^2 / c^2); c = 2.385
    tukey,    ///< sum of c^2/3 (1 - (1 - u^2/c^2)^3) for |u| <= c, else c^2/3 (Beaton and Tukey
              ///< 1974); c = 4.685
    soft_l1,  ///< sum 2 c^2 (sqrt(1 + u^2/c^2) - 1), smooth everywhere; c = 1.287
    arctan,   ///< sum c^2 arctan(u^2/c^2), bounded; c = 2.571
};
/// "least_squares", "poisson", ...
const char* to_string(Estimator estimator);

/// How a small problem's derivatives are obtained.
enum class BatchDerivatives : unsigned char {
    automatic,  ///< the model's own where it has them, else autodiff
    analytic,   ///< the model's own
    autodiff,   ///< forward mode, exact
    /// Of values: central for gradients, four-point for Hessians. Steps are cbrt(epsilon) and
    /// epsilon^(1/4) of the parameter or a hundredth of its start, and may go beyond bounds.
    differences,
};
const char* to_string(BatchDerivatives derivatives);

/// The arithmetic that solves a batch, whatever the type of its data.
enum class BatchPrecision : unsigned char {
    as_data,
    single,
    twice,  ///< in single; then again in double what did not end well there
    full,   ///< in double
};

/// Parameters of a small problem, at most.
inline constexpr int batch_max_parameters = 64;

}  // namespace cunewton
