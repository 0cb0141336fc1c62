// What a problem is made of: a closed set of forms, each with the functor's code and its data.
// Backends visit it; the compiler tells which form one of them lacks. Programs make problems by the
// functions of the headers beside this one.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <any>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "cunewton/cpu/element_code.h"
#include "cunewton/cpu/predictor_code.h"
#include "cunewton/cpu/residual_code.h"
#include "cunewton/cpu/sample_code.h"
#include "cunewton/cuda/code.h"
#include "cunewton/functor/capabilities.h"
#include "cunewton/functor/statistics.h"
#include "cunewton/math/penalty.h"
#include "cunewton/problem/samples.h"
#include "cunewton/sparse.h"

namespace cunewton {

/// A functor and its compiled code; that for the GPU may be missing.
template <class Cpu, class Cuda>
struct FunctorCode {
    std::shared_ptr<const Cpu> cpu;
    std::shared_ptr<const Cuda> cuda;
    std::any functor;  ///< the user's, of its own type
};

/// sum_i w_i l(x, s_i), or f(x).
template <class T>
struct SampleSum {
    FunctorCode<cpu::SampleCode<T>, cuda::SampleCode<T>> code;
    Samples<T> samples;
    bool objective = false;  ///< one sample without features stands for the sum's single term
    /// What the loss leaves out of minus the log density of a target; empty: nothing.
    std::function<double(double y)> likelihood_constant{};

    bool runs_on_cpu() const { return code.cpu != nullptr; }
    bool runs_on_cuda() const { return code.cuda != nullptr; }
    Capabilities capabilities_on_cpu() const { return code.cpu->capabilities(); }
    Capabilities capabilities_on_cuda() const { return code.cpu->capabilities(); }
};

/// sum_i w_i l(z_i, y_i) with z_i = W' (x_i, 1).
template <class T>
struct LinearPredictor {
    FunctorCode<cpu::PredictorCode<T>, cuda::PredictorCode<T>> code;
    Samples<T> samples;
    int outputs = 1;  ///< predictors K
    bool intercept = false;
    LossStatistics statistics{};

    bool runs_on_cpu() const { return code.cpu != nullptr; }
    bool runs_on_cuda() const { return code.cuda != nullptr; }
    Capabilities capabilities_on_cpu() const { return code.cpu->capabilities(); }
    Capabilities capabilities_on_cuda() const { return code.cpu->capabilities(); }
};

/// sum_i sum_c 2 rho(sqrt(w_i) r_c(x, s_i)), rho(u) = u^2 / 2 or that of a robust estimator: what
/// Estimator says.
template <class T>
struct ResidualSum {
    FunctorCode<cpu::ResidualCode<T>, cuda::ResidualCode<T>> code;
    Samples<T> samples;
    int residuals = 1;  ///< of one sample
    Estimator estimator = Estimator::least_squares;
    double tuning = 1;  ///< of a robust estimator

    bool runs_on_cpu() const { return code.cpu != nullptr; }
    bool runs_on_cuda() const { return code.cuda != nullptr; }
    Capabilities capabilities_on_cpu() const { return code.cpu->capabilities(); }
    Capabilities capabilities_on_cuda() const { return code.cpu->capabilities(); }
};

/// A function that computes itself, as make_black_box() takes it: on the host. Each member is
/// called from one thread; exceptions reach the caller of minimize(). Points, gradients and vectors
/// have n numbers; matrices are column-major. Members but one of the first two may be empty: what
/// is missing is obtained by differences of what is there.
template <class T>
struct BlackBox {
    /// `points` is n x count (a point's n numbers are consecutive), `losses` receives count values.
    std::function<void(const T* points, int n, int count, T* losses)> values{};
    /// f(x); writes the gradient.
    std::function<T(const T* x, int n, T* gradient)> value_and_gradient{};
    /// Writes the n x n Hessian; its lower triangle is read.
    std::function<void(const T* x, int n, T* hessian)> hessian{};
    /// Writes H(x) v for `columns` vectors v, one after the other in V and HV.
    std::function<void(const T* x, int n, const T* V, int columns, T* HV)> products{};

    BlackBox() = default;
    /// Values alone.
    template <class F>
    requires std::invocable<F&, const T*, int, int, T*> BlackBox(F function)
        : values(std::move(function)) {}
    explicit operator bool() const { return values || value_and_gradient; }
};

/// The same on a GPU: all pointers are the device's. Members must queue their work on `stream` and
/// must not wait for it.
template <class T>
struct DeviceBlackBox {
    std::function<void(const T* points, int n, int count, T* losses, cuda::Stream stream)> values{};
    /// Writes one loss and the gradient.
    std::function<void(const T* x, int n, T* loss, T* gradient, cuda::Stream stream)>
        value_and_gradient{};
    std::function<void(const T* x, int n, T* hessian, cuda::Stream stream)> hessian{};
    std::function<void(const T* x, int n, const T* V, int columns, T* HV, cuda::Stream stream)>
        products{};

    DeviceBlackBox() = default;
    template <class F>
    requires std::invocable<F&, const T*, int, int, T*, cuda::Stream> DeviceBlackBox(F function)
        : values(std::move(function)) {}
    explicit operator bool() const { return values || value_and_gradient; }
};

/// A function that computes itself.
template <class T>
struct Opaque {
    BlackBox<T> cpu;
    DeviceBlackBox<T> cuda;

    bool runs_on_cpu() const { return static_cast<bool>(cpu); }
    bool runs_on_cuda() const { return static_cast<bool>(cuda); }
    Capabilities capabilities_on_cpu() const { return capabilities(cpu); }
    Capabilities capabilities_on_cuda() const { return capabilities(cuda); }

  private:
    /// Products with all unit vectors are a Hessian.
    static Capabilities capabilities(const auto& own) {
        return {static_cast<bool>(own.value_and_gradient), own.hessian || own.products, false};
    }
};

/// A multi-layer perceptron: z_l = W_l a_{l-1} + b_l with a_0 the features of a sample, a_l =
/// activation(z_l) in hidden layers, and the last z the outputs that the loss is taken of.
struct Perceptron {
    /// Inputs, units of each hidden layer, outputs: {784, 128, 10}. No hidden layer: {784, 10}.
    std::vector<int> widths;
    Activation activation = Activation::tanh;
    PerceptronLoss loss = PerceptronLoss::softmax_cross_entropy;

    /// Layers of weights, at most.
    static constexpr int most_layers = Penalty::most_ranges;
};

/// sum_i w_i l(z(x_i), y_i) with z a perceptron's outputs. Nothing of it is the user's code.
template <class T>
struct PerceptronSum {
    Perceptron perceptron;
    Samples<T> samples;

    bool runs_on_cpu() const { return true; }
    bool runs_on_cuda() const { return true; }
    Capabilities capabilities_on_cpu() const { return capabilities; }
    Capabilities capabilities_on_cuda() const { return capabilities; }

  private:
    static constexpr Capabilities capabilities{.analytic_gradient = true,
                                               .analytic_hessian = true,
                                               .autodiff = false,
                                               .gauss_newton = true,
                                               .differences = false};
};

template <class T>
struct ProblemParts;

/// What is added to a loss to keep its curvature low, see with_curvature_penalty().
struct CurvaturePenalty {
    CurvaturePenaltyKind kind = CurvaturePenaltyKind::trace;
    double strength = 0;  ///< what it is multiplied by, >= 0
    /// Of trace and squared_frobenius_norm: vectors of random signs that it is estimated with. 0:
    /// all n unit vectors instead, which make it exact.
    int probes = 10;
    std::uint64_t seed = 1;  ///< of everything random here
    double radius = 0.05;    ///< of sharpness, > 0
    /// Of sharpness. false: its gradient is taken to be that of f at x + radius g / |g| less g, as
    /// Foret et al. do: not the derivative of the value, for methods that do not compare the two.
    bool exact_gradient = true;
    /// Of largest_eigenvalue: products of one evaluation, at most, >= 1.
    int most_products = 200;
    /// How the Hessian that is penalised is obtained. Not gauss_newton: that is no loss's Hessian,
    /// and the gradients here rest on third derivatives that do not depend on their order.
    HessianBy hessian = HessianBy::automatic;
};

/// Another problem's loss, and strength times a measure of its curvature.
template <class T>
struct CurvaturePenalized {
    CurvaturePenalty penalty;
    std::shared_ptr<const ProblemParts<T>> inner;

    bool runs_on_cpu() const;
    bool runs_on_cuda() const;
    Capabilities capabilities_on_cpu() const { return capabilities; }
    Capabilities capabilities_on_cuda() const { return capabilities; }

  private:
    /// The Hessian is by differences of the gradient.
    static constexpr Capabilities capabilities{.analytic_gradient = true};
};

/// Which parameters the elements of one kind are functions of.
struct ElementIndices {
    int parameters = 0;  ///< of an element, k
    long count = 0;      ///< elements E
    /// E rounded up, with parameters of the last element, so that lanes need no end of their own.
    long ld = 0;
    std::vector<int> numbers{};  ///< parameter j of element e is [j * ld + e]
    static constexpr long padding = 64;
};

/// Elements of one kind, sum_e w_e f(x_{i(e,1)}, ..., x_{i(e,k)}; s_e), as make_elements() gives
/// them.
template <class T>
struct Elements {
    FunctorCode<cpu::ElementCode<T>, cuda::ElementCode<T>> code;
    std::shared_ptr<const ElementIndices> indices;
    Samples<T> data;  ///< a sample an element, without features if there are none
};

/// Sums of numbers from a list: sum r is that of terms[k], starts[r] <= k < starts[r + 1], each the
/// place of a number.
struct GatherLists {
    std::vector<std::uint32_t> starts{}, terms{};
};

/// Where the derivatives of elements add up. Of kind after kind, ld * k places of gradients, and ld
/// * k (k + 1) / 2 of Hessians, as cpu::ElementCode writes them.
struct ElementPlaces {
    GatherLists gradient{};  ///< a sum for each parameter
    GatherLists hessian{};   ///< a sum for each entry of the pattern
    SparsityPattern pattern{};
};

/// sum_e w_e f_e(a few of the parameters) over elements of several kinds.
template <class T>
struct ElementSum {
    std::vector<Elements<T>> kinds;
    std::shared_ptr<const ElementPlaces> places;

    bool runs_on_cpu() const { return true; }
    bool runs_on_cuda() const {
        return std::ranges::all_of(kinds,
                                   [](const auto& kind) { return kind.code.cuda != nullptr; });
    }
    Capabilities capabilities_on_cpu() const { return capabilities(); }
    Capabilities capabilities_on_cuda() const { return capabilities(); }

  private:
    /// What all kinds have.
    Capabilities capabilities() const {
        Capabilities all{true, true, true};
        for (const Elements<T>& kind : kinds) {
            const Capabilities own = kind.code.cpu->capabilities();
            all.analytic_gradient &= own.analytic_gradient;
            all.analytic_hessian &= own.analytic_hessian;
        }
        return all;
    }
};

/// The forms there are. A new one is a struct as above and an evaluator in each backend.
template <class T>
using Form = std::variant<SampleSum<T>, LinearPredictor<T>, Opaque<T>, PerceptronSum<T>,
                          ElementSum<T>, CurvaturePenalized<T>, ResidualSum<T>>;

class Ranks;

/// A problem's parts, which backends read.
template <class T>
struct ProblemParts {
    Form<T> form;
    int dimension = 0;  ///< parameters n
    double weight = 1;  ///< sum w of a sum over samples
    double scale = 1;   ///< factor of the weighted sum: 1 / sum w for the mean
    Reduction reduction = Reduction::mean;
    Penalty penalty;
    std::shared_ptr<Ranks> ranks{};  ///< that share the samples; null: none do
    /// Of the Hessian at every x; null: all entries may be other than zero.
    std::shared_ptr<const SparsityPattern> sparsity{};
};

template <class T>
bool CurvaturePenalized<T>::runs_on_cpu() const {
    return std::visit([](const auto& form) { return form.runs_on_cpu(); }, inner->form);
}
template <class T>
bool CurvaturePenalized<T>::runs_on_cuda() const {
    return std::visit([](const auto& form) { return form.runs_on_cuda(); }, inner->form);
}

/// A loss, its data and its penalty, ready to be minimised or differentiated. Immutable; cheap to
/// copy; may be used by several threads at a time (a black box by one). T is double or float.
template <class T>
class Problem {
  public:
    explicit Problem(std::shared_ptr<const ProblemParts<T>> parts) : parts_(std::move(parts)) {}
    /// Number of parameters n. Linear predictors: K blocks, one an output, of d coefficients and,
    /// if asked for, the intercept. Perceptrons: see make_perceptron().
    int dimension() const { return parts_->dimension; }
    bool runs_on_cpu() const {
        return std::visit([](const auto& form) { return form.runs_on_cpu(); }, parts_->form);
    }
    bool runs_on_cuda() const {
        return std::visit([](const auto& form) { return form.runs_on_cuda(); }, parts_->form);
    }
    /// The derivatives that the loss gives on either side; the functors' are the same on both.
    Capabilities capabilities_on_cpu() const {
        return std::visit([](const auto& form) { return form.capabilities_on_cpu(); },
                          parts_->form);
    }
    Capabilities capabilities_on_cuda() const {
        return std::visit([](const auto& form) { return form.capabilities_on_cuda(); },
                          parts_->form);
    }
    const ProblemParts<T>& parts() const { return *parts_; }

  private:
    std::shared_ptr<const ProblemParts<T>> parts_;
};

namespace detail {

/// Makes the checks. Where they throw on one of the ranks, the others throw RankError; null: there
/// are none.
void check_together(Communicator* communicator, const std::function<void()>& checks);

/// n as an int. Throws InvalidArgument unless it is one and positive.
int checked_dimension(long n);

/// The problem of a form with n parameters; checks samples and options and computes the scale.
/// Throws InvalidArgument.
template <class T>
Problem<T> make_problem(Form<T> form, long n, const ProblemOptions& options);
extern template Problem<double> make_problem(Form<double>, long, const ProblemOptions&);
extern template Problem<float> make_problem(Form<float>, long, const ProblemOptions&);

/// E rows of k numbers of parameters, or all of them in one row, on the host; copied. Throws
/// InvalidArgument.
std::shared_ptr<const ElementIndices> element_indices(const Array<const int>& rows, int parameters);

/// The sum with where its derivatives add up. Throws InvalidArgument.
template <class T>
Problem<T> make_element_sum(std::vector<Elements<T>> kinds, long n, const ProblemOptions& options);
extern template Problem<double> make_element_sum(std::vector<Elements<double>>, long,
                                                 const ProblemOptions&);
extern template Problem<float> make_element_sum(std::vector<Elements<float>>, long,
                                                const ProblemOptions&);

/// The estimator and tuning constant of the options. Throws InvalidArgument where residuals have
/// none such.
template <class T>
void set_estimator(const ProblemOptions& options, ResidualSum<T>& form);
extern template void set_estimator(const ProblemOptions&, ResidualSum<double>&);
extern template void set_estimator(const ProblemOptions&, ResidualSum<float>&);

/// Throws InvalidArgument if they are null.
void require_targets(const void* targets);

/// Throws InvalidArgument if `why` says what is wrong with a loss's own numbers; null: nothing is.
void require_valid_loss(const char* why);

/// Throws InvalidArgument for the first target of which `why` says that it is wrong; null: it is
/// right. Those on a GPU are fetched for it.
template <class T>
void check_targets(const Samples<T>& samples, const std::function<const char*(T)>& why);
extern template void check_targets(const Samples<double>&,
                                   const std::function<const char*(double)>&);
extern template void check_targets(const Samples<float>&, const std::function<const char*(float)>&);

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

}  // namespace detail
}  // namespace cunewton
