// Options and results of a minimisation.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cunewton/choices.h"
#include "cunewton/execution.h"
#include "cunewton/index_range.h"

namespace cunewton {

struct DerivativeOptions {
    GradientBy gradient = GradientBy::automatic;
    HessianBy hessian = HessianBy::automatic;
    HessianPrecision hessian_precision = HessianPrecision::working;
    /// Relative steps of the differences; 0 means the formula's own power of epsilon: eps^(1/2)
    /// forward, eps^(1/3) central, eps^(1/4) second differences (Dennis and Schnabel
    /// 1983, 5.4, 5.6). The step of parameter j is this times max(|x_j|, typical_x_j).
    double relative_step = 0;
    /// Typical magnitudes of the parameters, n entries > 0; empty means 1 everywhere.
    std::vector<double> typical_x{};
    /// Upper limit in bytes for perturbed points and partial results of one tile of differences. A
    /// single tile that does not fit throws InvalidArgument.
    std::size_t memory_budget = std::size_t{256} << 20;
};

struct Counts {
    long evaluations = 0;  ///< of the loss alone or with its gradient; points of differences apart
    long gradients = 0;
    long hessians = 0;  ///< also those that only products are taken with
    long factorizations = 0;
    long products = 0;  ///< of Hessians and vectors, where no matrix is formed
    /// Gradients and products of methods that take steps on samples, in samples over all of them,
    /// and what Kronecker products as a preconditioner take of the samples. They count as nothing
    /// else: the numbers above are of evaluations of all samples.
    double sampled_passes = 0;
};

/// One line of the trace, and what the callback sees.
struct IterationRecord {
    int iteration;         ///< 0 is the start
    double f;              ///< loss
    double gradient_norm;  ///< 2-norm
    double step_norm;      ///< 2-norm of the last step (0 at the start)
    double step_length;    ///< line search: multiple of the direction; trust region: its radius
    double shift;  ///< multiple of S^2 that was added to H to factorise it, see hessian_scales; of
                   ///< hessian_free and kfac of the identity
    double seconds;  ///< wall time since the start, without what callbacks have taken
    Counts counts;   ///< since the start
};

/// M^-1 for a symmetric positive definite M that is near the Hessian, up to a factor. T is that of
/// the problem. Arrays have n numbers. Exceptions reach the caller of minimize().
template <class T>
struct OwnPreconditioner {
    /// M is that at x from here on: called at every new point before M is used there. False: there
    /// is none there, and conjugate gradients go without. May be empty.
    std::function<bool(const T* x, int n)> update{};
    /// Writes z = M^-1 r. On a GPU r and z are copied to the host and back, unless there is the
    /// next one.
    std::function<void(const T* r, int n, T* z)> apply{};
    /// The same for pointers of the device: queues its work on `stream` and does not wait for it.
    std::function<void(const T* r, int n, T* z, cuda::Stream stream)> apply_on_device{};
};

/// Of methods that take their steps on samples of a sum (sampling_methods).
struct SamplingOptions {
    /// Samples of a step; of subsampled_newton the first ones. 0: 64 for sgd and adam, a twentieth
    /// of all but at least 100 and at most 2000 for the others. All if there are fewer.
    long size = 0;
    /// Of sgd: 0 means a tenth of 1 / largest curvature of rate_samples at the start. Of adam: 0
    /// means 0.001.
    double learning_rate = 0;
    double momentum = 0.9;  ///< of sgd, 0 <= momentum < 1; of adam the first of its decay rates
    /// Of sgd without a learning_rate: passes over the samples after which the curvature, and the
    /// rate by it, is estimated again, where the run is then; 0: only at the start.
    int rate_interval = 0;
    long rate_samples = 1000;  ///< that it is estimated from
};

/// A x = b for m equations of n parameters.
struct LinearConstraints {
    std::vector<double> A{};  ///< m rows of n numbers, one row after the other
    std::vector<double> b{};  ///< m numbers; empty: there are no constraints
};

/// States of a run of minimize() that are saved to a file, from which it is resumed: checkpoint.h.
struct CheckpointOptions {
    std::string file{};  ///< where the state is saved to; empty: nowhere
    int every = 100;     ///< iterations from one to the next, 1 or more; at times a few more
    /// What the run is of, the data above all, see fingerprint(): a file that says otherwise is
    /// refused. Options that steps depend on, T and the number of parameters are compared as well.
    std::string of{};
    bool resume = true;  ///< go on from the file if it is there; false: it is written over
};

struct Options : Execution {
    Method method = Method::newton;
    LineSearch line_search = LineSearch::strong_wolfe;
    DescentStep descent_step = DescentStep::exact_quadratic;
    /// Iterations of gradient_descent for which a step length is kept. It is estimated again
    /// earlier where it had to be shortened for the loss not to rise.
    int curvature_interval = 1;
    /// Of Method::newton_cg and hessian_free, and of all methods without matrices where they
    /// examine their end.
    PreconditionBy precondition = PreconditionBy::automatic;
    std::variant<std::monostate, OwnPreconditioner<double>, OwnPreconditioner<float>>
        preconditioner{};   ///< for PreconditionBy::own
    int nystrom_rank = 50;  ///< of PreconditionBy::nystrom: twice as many vectors
    /// Of everything random. The same seed gives the same bits on the same machine.
    std::uint64_t seed = 1;
    DerivativeOptions derivatives{};
    SamplingOptions sampling{};
    /// On a GPU a product H v of a perceptron or a linear predictor is captured into a CUDA graph
    /// when it comes again with the same vectors, and is one launch from then on, with the same
    /// bits. Takes 4 MiB there, from compute capability 9 on 32 MiB. While one is captured (once or
    /// twice in a run of newton_cg) cudaDeviceSynchronize() fails in the program's other threads.
    /// No effect on the CPU, on other problems, on sums over ranks, and with a `stream` of the
    /// caller's.
    bool cuda_graphs = false;
    /// Of Method::block_newton: ranges that follow each other from 0 to n. Empty: an output each of
    /// linear predictors, whose blocks are known; else all in one, up to 5000. Any others take a
    /// product for each parameter.
    std::vector<IndexRange> blocks{};
    Boundary boundary = Boundary::steihaug;
    int lanczos_vectors = 30;     ///< that Boundary::lanczos keeps, at most
    int subspace_dimension = 50;  ///< of Method::subspace_newton, n at most: twice as many vectors
    int lbfgs_pairs = 10;         ///< steps that Method::lbfgs remembers, 1 to 40: 2 vectors each

    /// Where neither of these two is set the test for a minimum does not depend on units: the
    /// decrement g'H^-1 g, twice what Newton's step would lower the loss by, is within epsilon |f|;
    /// or, where the loss itself is next to nothing, within epsilon (f(x0) - f) while Newton's step
    /// is within sqrt(epsilon) of x or of x0 (lengths weighted by the curvatures). The step is then
    /// taken if it helps. BFGS takes its own inverse for H^-1. If one is set: |g|_2 <=
    /// gradient_tolerance or |g|_2 <= relative_gradient_tolerance |g(x0)|_2.
    std::optional<double> gradient_tolerance{};
    double relative_gradient_tolerance = 0;
    double step_tolerance = 0;    ///< stop when |step|_2 <= step_tolerance (1 + |x|_2)
    double change_tolerance = 0;  ///< stop when the loss changes by <= change_tolerance (1 + |f|)
    int max_iterations = 1000;
    long max_evaluations = std::numeric_limits<long>::max();      ///< of the loss
    double time_limit = std::numeric_limits<double>::infinity();  ///< seconds, see IterationRecord
    double unbounded_below = -1e100;  ///< a loss below this is called unbounded

    /// Trust region: 2-norm of the first step along the scaled gradient; 0: chosen from the first
    /// gradient and Hessian. Newton-CG with a preconditioner M: of sqrt(p'Mp).
    double initial_radius = 0;

    /// Bounds of the parameters: n entries, or none; infinite where there is none. The loss is
    /// never evaluated outside of them, not by differences either. A start outside is moved to the
    /// nearest point within, see Result::moved. The tests for a minimum are of the free parameters:
    /// those that are not at a bound across which the loss falls.
    std::vector<double> lower{}, upper{};
    std::vector<bool> fixed{};  ///< parameters that keep their start: n entries, or none
    /// Equations that x satisfies from the start on, which is moved to the nearest point that does.
    LinearConstraints constraints{};

    /// Derivatives that the loss supplies are held against differences at the start, as by
    /// check_gradient() and check_hessian(); InvalidArgument where they are wrong.
    bool check = false;
    CheckpointOptions checkpoint{};

    /// Called after the start and after every accepted iteration; return false to stop there. One
    /// that needs the iterate itself is given to minimize() apart.
    std::function<bool(const IterationRecord&)> callback{};
    bool keep_trace = false;
    bool keep_hessian_factor = false;
};

/// Wall time by phase, in seconds, without what callbacks have taken. On a GPU work is queued: a
/// phase contains what it had to wait for, so single phases are indicative and their sum is exact.
struct PhaseTimes {
    double evaluate = 0;   ///< loss and gradient
    double hessian = 0;    ///< and products with it
    double factorize = 0;  ///< factorisation and solve
    double total = 0;
};

template <class T>
struct Result : RanOn {
    Status status = Status::max_iterations;
    std::string message;  ///< the status in a sentence
    std::vector<T> x;     ///< best iterate; the last accepted one
    T f = std::numeric_limits<T>::quiet_NaN();
    double gradient_norm = std::numeric_limits<double>::quiet_NaN();
    int iterations = 0;
    Method method = Method::newton;  ///< that ran; never `automatic`
    std::uint64_t seed = 0;          ///< Options::seed
    Counts counts;
    PhaseTimes seconds;
    std::vector<IterationRecord> trace;
    /// Newton-CG: the radius that its next step would keep to, the Options::initial_radius of a run
    /// that goes on from x. 0 for other methods, and where it is measured by a preconditioner that
    /// such a run would not begin with.
    double radius = 0;
    /// Lower Cholesky factor L (column-major n x n, upper half unspecified) of the last Hessian
    /// that was factorised (that of the iterate before x if the last step was short), plus
    /// hessian_factor_shift times the squares of hessian_scales. Empty unless asked for, or if none
    /// was.
    std::vector<T> hessian_factor;
    double hessian_factor_shift = 0;
    /// S, n powers of two: about the roots of the largest |H_jj| seen. As hessian_factor.
    std::vector<T> hessian_scales;
    /// Status::singular: the parameters, ascending, that are not determined: others than these
    /// values give the same loss. Where a loss declares an invariance (softmax), beyond that.
    std::vector<int> undetermined;
    /// With bounds or fixed parameters, n entries each, else empty: where each parameter ended, and
    /// the derivative of the loss by it there, the multiplier of its bound: > 0 at a lower one, < 0
    /// at an upper one; 0 where it is free.
    std::vector<AtBound> at_bound;
    std::vector<T> multipliers;
    std::vector<int> moved;    ///< parameters, ascending, whose start was outside of bounds or
                               ///< constraints
    bool constrained = false;  ///< x satisfies Options::constraints
    /// What ran, for full_report().
    std::string problem;  ///< "sum over 20000 samples of linear predictors, 51 parameters", ...
    GradientBy gradient_by = GradientBy::automatic;
    HessianBy hessian_by = HessianBy::automatic;
    std::vector<IterationRecord> last_iterations;  ///< up to 10

    bool converged() const { return status == Status::converged; }
};

}  // namespace cunewton
