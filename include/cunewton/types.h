// Options, results and the names of the choices a user has.
#pragma once

#include "cunewton/cpp20.h"

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace cunewton {

/// Why a minimisation ended. Only `converged` means that the test for a minimum was met by
/// derivatives that are accurate enough to tell, at the only minimiser near by. The test: see
/// Options::gradient_tolerance and BatchOptions::tolerance.
enum class Status {
    converged,            ///< test met; the Hessian is positive definite (BFGS never looks)
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
    singular,    ///< test met, but the Hessian is singular in working precision: a minimum that is not
                 ///< unique, as the data do not determine all parameters
    no_descent,  ///< the loss rises where its gradient says that it falls, however short the step: the
                 ///< gradient is wrong, or the loss has a kink here
    // Of the problems of a batch only:
    invalid_data,  ///< not solved: data, start or bounds are not finite, bounds are crossed, or no
                   ///< point has a weight
    not_run,       ///< not solved: the batch was cancelled before
};
/// "converged", "derivative_accuracy", ...
const char* to_string(Status status);

enum class Method {
    newton,            ///< line search, Cholesky factorisation of H or of H + shift S^2
    trust_region,      ///< exact trust region (More and Sorensen 1983)
    gradient_descent,  ///< step length from the Hessian's curvature
    bfgs,              ///< quasi-Newton baseline, dense inverse Hessian
};
const char* to_string(Method method);

enum class LineSearch {
    strong_wolfe,  ///< Nocedal and Wright 2006, algorithms 3.5 and 3.6
    backtracking,  ///< sufficient decrease, halving with quadratic interpolation
};

enum class DescentStep {
    exact_quadratic,     ///< g'g / g'Hg, the minimiser along -g of the quadratic model
    inverse_lambda_max,  ///< 1 / largest eigenvalue of H
};

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
    automatic,  ///< analytic where the loss supplies it, else autodiff, else value_differences
    analytic,
    autodiff,              ///< hyper-dual numbers, exact
    gradient_differences,  ///< central differences of the gradient, made symmetric
    value_differences,     ///< second differences on the diagonal, four-point formula off it
};
const char* to_string(HessianBy by);

enum class HessianPrecision {
    working,  ///< as the loss
    single,   ///< weighted products of predictor losses are accumulated in float; loss, gradient and
              ///< step stay in working precision
};

struct DerivativeOptions {
    GradientBy gradient = GradientBy::automatic;
    HessianBy hessian = HessianBy::automatic;
    HessianPrecision hessian_precision = HessianPrecision::working;
    /// Relative steps of the differences; 0 means the formula's own power of epsilon: eps^(1/2)
    /// forward, eps^(1/3) central, eps^(1/4) second differences (Dennis and Schnabel 1983, 5.4, 5.6).
    /// The step of parameter j is this times max(|x_j|, typical_x_j).
    double relative_step = 0;
    /// Typical magnitudes of the parameters, n entries > 0; empty means 1 everywhere.
    std::vector<double> typical_x{};
    /// Upper limit in bytes for perturbed points and partial results of one tile of differences. A
    /// single tile that does not fit throws InvalidArgument.
    std::size_t memory_budget = std::size_t{256} << 20;
};

enum class BackendChoice { automatic, cpu, cuda };

/// One line of the trace, and what the callback sees.
struct IterationRecord {
    int iteration;         ///< 0 is the start
    double f;              ///< loss
    double gradient_norm;  ///< 2-norm
    double step_norm;      ///< 2-norm of the last step (0 at the start)
    double step_length;    ///< line search: multiple of the direction; trust region: its radius
    double shift;          ///< multiple of S^2 that was added to H to factorise it, see hessian_scales
    double seconds;        ///< wall time since the start
};

struct Options {
    Method method = Method::newton;
    LineSearch line_search = LineSearch::strong_wolfe;
    DescentStep descent_step = DescentStep::exact_quadratic;
    DerivativeOptions derivatives{};

    /// Where neither of these two is set the test for a minimum does not depend on units: the decrement
    /// g'H^-1 g, twice what Newton's step would lower the loss by, is within epsilon |f|; or, where the
    /// loss itself is next to nothing, within epsilon (f(x0) - f) while Newton's step is within
    /// sqrt(epsilon) of x or of x0 (lengths weighted by the curvatures). The step is then taken if it
    /// helps. BFGS takes its own inverse for H^-1.
    /// If one is set: |g|_2 <= gradient_tolerance or |g|_2 <= relative_gradient_tolerance |g(x0)|_2.
    std::optional<double> gradient_tolerance{};
    double relative_gradient_tolerance = 0;
    double step_tolerance = 0;    ///< stop when |step|_2 <= step_tolerance (1 + |x|_2)
    double change_tolerance = 0;  ///< stop when the loss changes by <= change_tolerance (1 + |f|)
    int max_iterations = 1000;
    long max_evaluations = std::numeric_limits<long>::max();  ///< of the loss
    double time_limit = std::numeric_limits<double>::infinity();  ///< seconds of wall time
    double unbounded_below = -1e100;  ///< a loss below this is called unbounded

    /// Trust region: 2-norm of the first step along the scaled gradient; 0: chosen from the first
    /// gradient and Hessian.
    double initial_radius = 0;

    /// Called after the start and after every accepted iteration; return false to stop there.
    std::function<bool(const IterationRecord&)> callback{};
    bool keep_trace = false;
    bool keep_hessian_factor = false;

    /// The environment variable CUNEWTON_BACKEND (auto, cpu, cuda) overrides `automatic`.
    BackendChoice backend = BackendChoice::automatic;
    int threads = 0;  ///< of the host; 0: all that the process may use
};

struct Counts {
    long evaluations = 0;  ///< of the loss alone or with its gradient; points of differences apart
    long gradients = 0;
    long hessians = 0;
    long factorizations = 0;
};

/// Wall time by phase, in seconds. On a GPU work is queued: a phase contains what it had to wait
/// for, so single phases are indicative and their sum is exact.
struct PhaseTimes {
    double evaluate = 0;  ///< loss and gradient
    double hessian = 0;
    double factorize = 0;  ///< factorisation and solve
    double total = 0;
};

template <class T>
struct Result {
    Status status = Status::max_iterations;
    std::string message;  ///< the status in a sentence
    std::vector<T> x;     ///< best iterate; the last accepted one
    T f = std::numeric_limits<T>::quiet_NaN();
    double gradient_norm = std::numeric_limits<double>::quiet_NaN();
    int iterations = 0;
    Counts counts;
    PhaseTimes seconds;
    std::string backend;         ///< "cpu" or "cuda": what finished the job
    std::string backend_reason;  ///< why that one ran
    std::vector<IterationRecord> trace;
    /// Lower Cholesky factor L (column-major n x n, upper half unspecified) of the last Hessian that
    /// was factorised (that of the iterate before x if the last step was short), plus
    /// hessian_factor_shift times the squares of hessian_scales. Empty unless asked for, or if none was.
    std::vector<T> hessian_factor;
    double hessian_factor_shift = 0;
    /// S, n powers of two: about the roots of the largest |H_jj| seen. As hessian_factor.
    std::vector<T> hessian_scales;
    /// Status::singular: the parameters, ascending, that are not determined: others than these values
    /// give the same loss. Where a loss declares an invariance (softmax), beyond that.
    std::vector<int> undetermined;

    bool converged() const { return status == Status::converged; }
};

}  // namespace cunewton
