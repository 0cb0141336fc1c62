// Problems: a loss, its data and its penalty, ready to be minimised or differentiated.
//
// make_objective         f(x)
// make_sample_sum        sum_i w_i l(x, s_i), any l
// make_linear_predictor  sum_i w_i l(z_i, y_i) with z_i = W' (x_i, 1): the Hessian is a weighted
//                        matrix product
// make_black_box           an opaque function that is handed K points and writes K losses
//
// A functor passed to the first three is compiled for the CPU here, unless the library has its
// code: built-in losses bring that of CPU and GPU with them. A user's own loss gets its GPU code
// from cuda/attach.cuh in a .cu file.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <any>
#include <functional>
#include <limits>
#include <memory>

#include "cunewton/cpu/predictor_code_of.h"
#include "cunewton/cpu/sample_code_of.h"
#include "cunewton/cuda/code.h"
#include "cunewton/error.h"
#include "cunewton/functor/builtin.h"
#include "cunewton/functor/check.h"
#include "cunewton/functor/kept.h"

namespace cunewton {

/// Samples in the caller's memory (host; page-locked and managed memory are fine, a device's is
/// not), which must outlive every Problem made from them. They are checked once, when the problem
/// is made: readable, all numbers finite, weights >= 0 and not all zero.
template <class T>
struct Samples {
    const T* features = nullptr;  ///< row-major: feature j of sample i at features[i * ld + j]
    long count = 0;               ///< samples N
    int dimension = 0;            ///< features of one sample, d
    std::ptrdiff_t ld = 0;        ///< distance between samples; 0 means dimension
    const T* targets = nullptr;   ///< N targets y_i, or null if the loss has none
    const T* weights = nullptr;   ///< N weights w_i, or null for all 1
};

enum class Reduction {
    mean,  ///< divide the weighted sum by sum_i w_i
    sum,
};

struct ProblemOptions {
    Reduction reduction = Reduction::mean;
    /// Adds l2/2 sum_j x_j^2 (after the reduction).
    double l2 = 0;
    /// Linear predictors only: one more coefficient for each output, multiplied by 1.
    bool intercept = false;
    bool penalize_intercept = false;
};

/// Opaque evaluators: `points` is column-major n x count (a point's n numbers are consecutive),
/// `losses` receives count values. Called from one thread. Exceptions reach the caller.
template <class T>
using BlackBox = std::function<void(const T* points, int n, int count, T* losses)>;
/// As above with device pointers: must queue its work on `stream` and must not wait for it.
template <class T>
using DeviceBlackBox =
    std::function<void(const T* points, int n, int count, T* losses, cuda::Stream stream)>;

enum class ProblemForm { samples, linear_predictor, batched };

/// A problem's parts, shared by all copies of a Problem. Read by the backends.
template <class T>
struct ProblemParts {
    ProblemForm form = ProblemForm::samples;
    int dimension = 0;  ///< parameters n
    int outputs = 1;    ///< linear predictors K
    Samples<T> samples;
    ProblemOptions options;
    double scale = 1;  ///< factor of the weighted sum: 1 / sum w for the mean
    Capabilities capabilities;
    std::any functor;  ///< the loss; empty if the form is batched

    // Exactly the members of the form are set; the device's may be missing.
    std::shared_ptr<const cpu::SampleCode<T>> cpu_samples;
    std::shared_ptr<const cpu::PredictorCode<T>> cpu_predictor;
    BlackBox<T> cpu_batched;
    std::shared_ptr<const cuda::SampleCode<T>> cuda_samples;
    std::shared_ptr<const cuda::PredictorCode<T>> cuda_predictor;
    DeviceBlackBox<T> cuda_batched;

    /// True for the coefficients that the penalty covers.
    bool penalized(int j) const {
        if (!options.intercept || options.penalize_intercept) return true;
        const int block = samples.dimension + 1;
        return j % block != block - 1;
    }
};

/// Cheap to copy; copies share the same parts, which nothing changes. T is double or float.
template <class T>
class Problem {
  public:
    explicit Problem(std::shared_ptr<const ProblemParts<T>> parts) : parts_(std::move(parts)) {}
    /// Number of parameters n. Linear predictors: K blocks, one an output, of d coefficients and,
    /// if asked for, the intercept.
    int dimension() const { return parts_->dimension; }
    bool runs_on_cpu() const {
        return parts_->cpu_samples || parts_->cpu_predictor || parts_->cpu_batched;
    }
    bool runs_on_cuda() const {
        return parts_->cuda_samples || parts_->cuda_predictor || parts_->cuda_batched;
    }
    const ProblemParts<T>& parts() const { return *parts_; }

  private:
    std::shared_ptr<const ProblemParts<T>> parts_;
};

namespace detail {
/// Checks samples and options, computes the scale. Throws InvalidArgument.
template <class T>
void check_and_scale(ProblemParts<T>& parts);
extern template void check_and_scale(ProblemParts<double>&);
extern template void check_and_scale(ProblemParts<float>&);

/// n as an int. Throws InvalidArgument unless it is one and positive.
int checked_dimension(long n);

/// Throws InvalidArgument if they are null.
void require_targets(const void* targets);

/// A loss says that it reads targets by `static constexpr bool needs_targets = true`, or has
/// check_target(y), which tells why a target is wrong.
template <class Loss>
consteval bool needs_targets() {
    if constexpr (requires { Loss::needs_targets; }) {
        return Loss::needs_targets;
    } else {
        return requires(const Loss& loss) {
            loss.check_target(0.0);
        };
    }
}

inline namespace CUNEWTON_CPU_CODE {

template <class T, class Loss>
std::shared_ptr<ProblemParts<T>> sample_parts(const Loss& loss, long dimension) {
    auto parts = std::make_shared<ProblemParts<T>>();
    parts->form = ProblemForm::samples;
    parts->dimension = checked_dimension(dimension);
    if constexpr (Builtin<Loss, builtin::Sample, T>) {
        parts->cpu_samples = builtin_cpu_code(Exactly<Loss>{loss}, builtin::Sample(), T());
        parts->cuda_samples = builtin_cuda_code(Exactly<Loss>{loss}, builtin::Sample(), T());
    } else {
        parts->cpu_samples = probe::compiled<cpu::SampleCodeOf<T, Loss>>(loss);
    }
    parts->capabilities = parts->cpu_samples->capabilities();
    return parts;
}

template <class Loss>
void check_parameters(long n) {
    if constexpr (StatesItsParameters<Loss>) {
        if (n != Loss::parameters)
            throw InvalidArgument("the problem has " + std::to_string(n) +
                                  " parameters and its loss " + std::to_string(Loss::parameters) +
                                  " (the loss states its number as `parameters`) pass that number");
    }
}
}  // namespace CUNEWTON_CPU_CODE
}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// f(x) for x of n parameters. Loss: see cpu::ObjectiveAsSample; trivially copyable if it is to run
/// on a GPU. A loss that states `static constexpr int parameters` may name them by structured
/// bindings, const auto& [a, b] = x; n must be that number.
template <class T, class Loss>
Problem<T> make_objective(const Loss& loss, long n, ProblemOptions options = {}) {
    static_assert(probe::objective<Loss>());
    detail::check_parameters<Loss>(n);
    auto parts = detail::sample_parts<T>(cpu::ObjectiveAsSample<Loss>{loss}, n);
    parts->functor = loss;
    // One sample without features stands for the sum's single term.
    parts->samples.count = 1;
    parts->options = options;
    detail::check_and_scale(*parts);
    return Problem<T>(std::move(parts));
}

/// sum_i w_i l(x, s_i) for x of n parameters, named as above. Loss: see cpu::SampleCodeOf.
template <class T, class Loss>
Problem<T> make_sample_sum(const Loss& loss, const Samples<T>& samples, long n,
                           ProblemOptions options = {}) {
    static_assert(probe::sample_loss<Loss>());
    if (detail::needs_targets<Loss>()) detail::require_targets(samples.targets);
    detail::check_parameters<Loss>(n);
    auto parts = detail::sample_parts<T>(cpu::SampleLoss<Loss>{loss}, n);
    parts->functor = loss;
    parts->samples = samples;
    parts->options = options;
    detail::check_and_scale(*parts);
    return Problem<T>(std::move(parts));
}

/// sum_i w_i l(z_i, y_i), z_i = W' x_i (+ b): n = K (d + intercept) parameters, W's columns one
/// after the other, each followed by its intercept. Loss: see cpu::PredictorCodeOf.
template <class T, class Loss>
Problem<T> make_linear_predictor(const Loss& loss, const Samples<T>& samples,
                                 ProblemOptions options = {}) {
    static_assert(probe::predictor_loss<Loss>());
    auto parts = std::make_shared<ProblemParts<T>>();
    parts->form = ProblemForm::linear_predictor;
    parts->functor = loss;
    if constexpr (Builtin<Loss, builtin::Predictor, T>) {
        parts->cpu_predictor = builtin_cpu_code(Exactly<Loss>{loss}, builtin::Predictor(), T());
        parts->cuda_predictor = builtin_cuda_code(Exactly<Loss>{loss}, builtin::Predictor(), T());
    } else {
        parts->cpu_predictor = probe::compiled<cpu::PredictorCodeOf<T, Loss>>(loss);
    }
    parts->capabilities = parts->cpu_predictor->capabilities();
    parts->samples = samples;
    parts->options = options;
    parts->outputs = loss.outputs();
    const long n = static_cast<long>(parts->outputs) *
                   (static_cast<long>(samples.dimension) + (options.intercept ? 1 : 0));
    // check_and_scale tells why there are none: no outputs, or no features.
    parts->dimension = n <= 0 ? 0 : detail::checked_dimension(n);
    if (detail::needs_targets<Loss>()) detail::require_targets(samples.targets);
    detail::check_and_scale(*parts);
    if constexpr (requires { loss.check_target(T()); }) {
        for (long i = 0; samples.targets && i < samples.count; ++i)
            if (const char* why = loss.check_target(samples.targets[i]))
                throw InvalidArgument("target of sample " + std::to_string(i) + " is invalid (" +
                                      why + ") correct the data or choose another loss");
    }
    return Problem<T>(std::move(parts));
}

}  // namespace CUNEWTON_CPU_CODE

/// An opaque evaluator for the CPU, for the GPU, or for both (either may be empty, not both).
/// Derivatives are differences of its values.
template <class T>
Problem<T> make_black_box(BlackBox<T> cpu_evaluator, long n,
                          DeviceBlackBox<T> device_evaluator = {}) {
    auto parts = std::make_shared<ProblemParts<T>>();
    parts->form = ProblemForm::batched;
    parts->dimension = detail::checked_dimension(n);
    parts->samples.count = 1;
    parts->cpu_batched = std::move(cpu_evaluator);
    parts->cuda_batched = std::move(device_evaluator);
    detail::check_and_scale(*parts);
    return Problem<T>(std::move(parts));
}

}  // namespace cunewton
