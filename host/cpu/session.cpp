#include "host/cpu/black_box_evaluator.h"
#include "host/cpu/block_cholesky.h"
#include "host/cpu/element_evaluator.h"
#include "host/cpu/perceptron_evaluator.h"
#include "host/cpu/predictor_evaluator.h"
#include "host/cpu/residual_evaluator.h"
#include "host/cpu/sample_evaluator.h"
#include "host/curvature/penalized_evaluator.h"

namespace cunewton::cpu {

namespace {

/// The evaluator of each form.
template <class Form>
struct EvaluatorOf;
template <class T>
struct EvaluatorOf<SampleSum<T>> : std::type_identity<SampleEvaluator<T>> {};
template <class T>
struct EvaluatorOf<LinearPredictor<T>> : std::type_identity<PredictorEvaluator<T>> {};
template <class T>
struct EvaluatorOf<Opaque<T>> : std::type_identity<BlackBoxEvaluator<T>> {};
template <class T>
struct EvaluatorOf<PerceptronSum<T>> : std::type_identity<PerceptronEvaluator<T>> {};
template <class T>
struct EvaluatorOf<ElementSum<T>> : std::type_identity<ElementEvaluator<T>> {};
template <class T>
struct EvaluatorOf<ResidualSum<T>> : std::type_identity<ResidualEvaluator<T>> {};

/// What the problem's evaluator takes. options: that the plan was made from.
template <class T>
std::size_t evaluator_memory(const ProblemParts<T>& parts, const EvaluationPlan& plan,
                             const DerivativeOptions& options) {
    return std::visit(
        [&]<class Form>(const Form& form) -> std::size_t {
            if constexpr (std::is_same_v<Form, CurvaturePenalized<T>>) {
                using Penalized = PenalizedEvaluator<T>;
                const EvaluationPlan inner = Penalized::inner_plan(
                    form, plan, options, Problem<T>(form.inner).capabilities_on_cpu());
                return evaluator_memory(*form.inner, inner,
                                        inner_derivatives(form.penalty, options)) +
                       Penalized::numbers(form.penalty, plan) * sizeof(T) +
                       Penalized::host_memory(form.penalty, plan);
            } else {
                return EvaluatorOf<Form>::type::memory(form, plan);
            }
        },
        parts.form);
}

template <class T>
ResolvedDerivatives resolved(const Problem<T>& problem, const SessionOptions& options) {
    if (!problem.runs_on_cpu())
        throw BackendUnavailable(
            "the problem has no CPU code (its functions are the GPU's alone) add some for the CPU");
    return resolve<T>(options.derivatives, problem.capabilities_on_cpu());
}

}  // namespace

template <class T>
Session<T> open_cpu(const Problem<T>& problem, const SessionOptions& options) {
    const ResolvedDerivatives derivatives = resolved(problem, options);
    if (const auto* form = std::get_if<CurvaturePenalized<T>>(&problem.parts().form))
        return open_penalized(problem, *form, options, derivatives, open_cpu<T>, [](auto& numbers) {
            return [&to = static_cast<CpuVectors<T>&>(numbers)](Scalar place, double value) {
                to.set(place, value);
            };
        });
    auto vectors = std::make_unique<CpuVectors<T>>(options.threads);
    auto matrices = std::make_unique<CpuDenseMatrices<T>>(*vectors);
    const Setting<T> at{problem, derivatives, options.derivatives.typical_x, *vectors, *matrices};
    auto evaluator = std::visit(
        [&]<class Form>(const Form& form) -> std::unique_ptr<Evaluator<T>> {
            if constexpr (std::is_same_v<Form, CurvaturePenalized<T>>)
                return nullptr;  // made above
            else
                return std::make_unique<typename EvaluatorOf<Form>::type>(form, at);
        },
        problem.parts().form);
    return {std::move(vectors), std::move(matrices), std::move(evaluator), derivatives};
}
template Session<double> open_cpu(const Problem<double>&, const SessionOptions&);
template Session<float> open_cpu(const Problem<float>&, const SessionOptions&);

template <class T>
MemoryNeeded session_memory(const Problem<T>& problem, const SessionOptions& options,
                            const SessionWork& work) {
    const EvaluationPlan plan{problem.dimension(),
                              resolved(problem, options),
                              work.curvature,
                              work.precondition,
                              work.preconditioners,
                              ThreadPool::size_for(options.threads),
                              work.sampled,
                              work.kronecker,
                              problem.parts().ranks.get()};
    const std::size_t n = static_cast<std::size_t>(plan.n);
    std::size_t bytes = (work.vectors * n + work.matrices * n * n + work.numbers) * sizeof(T);
    bytes += evaluator_memory(problem.parts(), plan, options.derivatives);
    if (work.precondition == PreconditionBy::nystrom)
        bytes += CpuDenseMatrices<T>::product_memory(plan.threads);
    if (work.curvature == CurvatureKind::dense)
        bytes += CpuDenseMatrices<T>::memory(plan.n, plan.threads);
    if (work.inverted > 0) bytes += CpuDenseMatrices<T>::memory(work.inverted, plan.threads);
    bytes += CpuBlockCholesky<T>::memory(work.factorized, plan.threads);
    return {bytes + work.host, 0};
}
template MemoryNeeded session_memory(const Problem<double>&, const SessionOptions&,
                                     const SessionWork&);
template MemoryNeeded session_memory(const Problem<float>&, const SessionOptions&,
                                     const SessionWork&);

}  // namespace cunewton::cpu
