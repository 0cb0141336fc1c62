#include "host/cuda/black_box_evaluator.h"
#include "host/cuda/dense_matrices.h"
#include "host/cuda/perceptron_evaluator.h"
#include "host/cuda/predictor_evaluator.h"
#include "host/cuda/sample_evaluator.h"

namespace cunewton::cuda {

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
ResolvedDerivatives resolved(const Problem<T>& problem, const SessionOptions& options) {
    if (!problem.runs_on_cuda())
        throw BackendUnavailable(
            "the problem has no GPU code (its loss was compiled for the CPU "
            "alone) add it with cuda::attach_device_code in a .cu file");
    return resolve<T>(options.derivatives, problem.capabilities_on_cuda());
}

}  // namespace

template <class T>
Session<T> open_cuda(const Problem<T>& problem, const SessionOptions& options) {
    const ResolvedDerivatives derivatives = resolved(problem, options);
    auto vectors = std::make_unique<CudaVectors<T>>(options.stream);
    auto matrices = std::make_unique<CudaDenseMatrices<T>>(*vectors);
    const Setting<T> at{problem,         derivatives, options.derivatives.typical_x,
                        options.threads, *vectors,    *matrices};
    auto evaluator = std::visit(
        [&]<class Form>(const Form& form) -> std::unique_ptr<Evaluator<T>> {
            return std::make_unique<typename EvaluatorOf<Form>::type>(form, at);
        },
        problem.parts().form);
    return {std::move(vectors), std::move(matrices), std::move(evaluator), derivatives};
}
template Session<double> open_cuda(const Problem<double>&, const SessionOptions&);
template Session<float> open_cuda(const Problem<float>&, const SessionOptions&);

template <class T>
MemoryNeeded session_memory(const Problem<T>& problem, const SessionOptions& options,
                            const SessionWork& work) {
    const EvaluationPlan plan{problem.dimension(), resolved(problem, options), work.curvature,
                              work.precondition, options.threads};
    const std::size_t n = static_cast<std::size_t>(plan.n);
    MemoryNeeded needed = std::visit(
        [&]<class Form>(const Form& form) { return EvaluatorOf<Form>::type::memory(form, plan); },
        problem.parts().form);
    needed.device += CudaVectors<T>::memory(plan.n) +
                     (work.vectors * n + work.matrices * n * n + work.numbers) * sizeof(T);
    needed.host += work.host;
    const int order = work.curvature == CurvatureKind::dense ? plan.n : work.factorized;
    if (order > 0) {
        const MemoryNeeded factorization = CudaDenseMatrices<T>::memory(order);
        needed.host += factorization.host;
        needed.device += factorization.device;
    }
    return needed;
}
template MemoryNeeded session_memory(const Problem<double>&, const SessionOptions&,
                                     const SessionWork&);
template MemoryNeeded session_memory(const Problem<float>&, const SessionOptions&,
                                     const SessionWork&);

}  // namespace cunewton::cuda
