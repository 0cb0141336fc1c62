#include <algorithm>

#include "host/backend/chunk_evaluator.h"
#include "host/backend/predictor_blocks.h"
#include "host/cuda/black_box_evaluator.h"
#include "host/cuda/block_cholesky.h"
#include "host/cuda/element_evaluator.h"
#include "host/cuda/perceptron_evaluator.h"
#include "host/cuda/predictor_evaluator.h"
#include "host/cuda/residual_evaluator.h"
#include "host/cuda/sample_evaluator.h"
#include "host/curvature/penalized_evaluator.h"

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
struct EvaluatorOf<ElementSum<T>> : std::type_identity<ElementEvaluator<T>> {};
template <class T>
struct EvaluatorOf<ResidualSum<T>> : std::type_identity<ResidualEvaluator<T>> {};

template <class T>
ResolvedDerivatives resolved(const Problem<T>& problem, const SessionOptions& options) {
    if (!problem.runs_on_cuda())
        throw BackendUnavailable(
            "the problem has no GPU code (its loss was compiled for the CPU "
            "alone) add it with cuda::attach_device_code in a .cu file");
    return resolve<T>(options.derivatives, problem.capabilities_on_cuda());
}

/// Throws InvalidArgument where ranks would be given memory of another device than theirs.
void require_device_of(const Communicator& communicator) {
    int device = 0;
    check(cudaGetDevice(&device), "no CUDA device is current");
    const int theirs = communicator.device();
    if (communicator.takes_device_memory() && theirs >= 0 && theirs != device)
        throw InvalidArgument("the problem is on device " + std::to_string(device) +
                              " (its communicator takes memory of device " +
                              std::to_string(theirs) + " alone) set options.device to " +
                              std::to_string(theirs));
}

/// Whether products are captured into graphs: those of evaluators that know how, on a stream that
/// no one else waits for or captures.
template <class T>
bool captures_products(const Problem<T>& problem, const SessionOptions& options) {
    const ProblemParts<T>& parts = problem.parts();
    return options.cuda_graphs && !options.stream && !parts.ranks &&
           (std::holds_alternative<PerceptronSum<T>>(parts.form) ||
            std::holds_alternative<LinearPredictor<T>>(parts.form));
}

/// What writes numbers there, and waits for it.
template <class T>
auto number_setter(CudaVectors<T>& numbers) {
    return [&numbers](Scalar to, double value) {
        check(cudaMemcpyAsync(numbers.place(to), &value, sizeof(value), cudaMemcpyHostToDevice,
                              numbers.stream()),
              "a copy to the device failed");
        numbers.synchronize();
    };
}

/// The evaluator of a problem without ranks.
template <class T>
std::unique_ptr<Evaluator<T>> make_evaluator(const Setting<T>& at) {
    return std::visit(
        [&]<class Form>(const Form& form) -> std::unique_ptr<Evaluator<T>> {
            if constexpr (std::is_same_v<Form, CurvaturePenalized<T>>)
                return nullptr;  // open_cuda() makes it
            else
                return std::make_unique<typename EvaluatorOf<Form>::type>(form, at);
        },
        at.problem.parts().form);
}

/// What a chunk may take of the memory for tiles, however many of them a rank has.
std::size_t chunk_budget(const ResolvedDerivatives& derivatives) {
    return derivatives.memory_budget / SampleGrid::chunks;
}

/// What the problem's evaluator takes. options: that the plan was made from.
template <class T>
MemoryNeeded evaluator_memory(const Problem<T>& problem, const EvaluationPlan& plan,
                              const DerivativeOptions& options) {
    if (const auto* form = std::get_if<CurvaturePenalized<T>>(&problem.parts().form)) {
        const Problem<T> loss(form->inner);
        MemoryNeeded needed = evaluator_memory(
            loss,
            PenalizedEvaluator<T>::inner_plan(*form, plan, options, loss.capabilities_on_cuda()),
            inner_derivatives(form->penalty, options));
        needed.device += PenalizedEvaluator<T>::numbers(form->penalty, plan) * sizeof(T);
        needed.host += PenalizedEvaluator<T>::host_memory(form->penalty, plan);
        return needed;
    }
    const auto of_problem = [](const Problem<T>& any, const EvaluationPlan& how) {
        return std::visit(
            [&]<class Form>(const Form& form) -> MemoryNeeded {
                if constexpr (std::is_same_v<Form, CurvaturePenalized<T>>)
                    return {};  // counted above
                else
                    return EvaluatorOf<Form>::type::memory(form, how);
            },
            any.parts().form);
    };
    const Ranks* const ranks = plan.ranks;
    if (!ranks) return of_problem(problem, plan);
    MemoryNeeded needed;
    EvaluationPlan of_chunk = plan;
    of_chunk.derivatives.memory_budget = chunk_budget(plan.derivatives);
    for (const SampleBlock& chunk : ranks->chunks()) {
        if (chunk.end == chunk.begin) continue;
        of_chunk.sampled = std::min(plan.sampled, chunk.end - chunk.begin);
        const MemoryNeeded more = of_problem(chunk_problem(problem, chunk), of_chunk);
        needed.host += more.host;
        needed.device += more.device;
    }
    DiagonalBlocks blocks;
    if (std::holds_alternative<LinearPredictor<T>>(problem.parts().form))
        blocks = predictor_blocks(problem.parts(), false);
    KroneckerLayers layers;
    if (const auto* const form = std::get_if<PerceptronSum<T>>(&problem.parts().form))
        layers = {layers_of(form->perceptron)};
    const MemoryNeeded more = ChunkEvaluator<T>::memory(plan, blocks, layers);
    needed.host += more.host;
    needed.device += more.device;
    return needed;
}

}  // namespace

template <class T>
Session<T> open_cuda(const Problem<T>& problem, const SessionOptions& options) {
    const ResolvedDerivatives derivatives = resolved(problem, options);
    if (problem.parts().ranks) require_device_of(problem.parts().ranks->communicator());
    if (const auto* form = std::get_if<CurvaturePenalized<T>>(&problem.parts().form))
        return open_penalized(
            problem, *form, options, derivatives, open_cuda<T>,
            [](auto& numbers) { return number_setter(static_cast<CudaVectors<T>&>(numbers)); });
    auto vectors =
        std::make_unique<CudaVectors<T>>(options.stream, captures_products(problem, options));
    auto matrices = std::make_unique<CudaDenseMatrices<T>>(*vectors);
    const Setting<T> at{problem,         derivatives, options.derivatives.typical_x,
                        options.threads, *vectors,    *matrices};
    std::unique_ptr<Evaluator<T>> evaluator;
    if (problem.parts().ranks) {
        const auto make = [&](const Problem<T>& chunk) {
            Setting<T> of_chunk{chunk,      derivatives, at.typical,
                                at.threads, at.vectors,  at.matrices};
            of_chunk.derivatives.memory_budget = chunk_budget(derivatives);
            return make_evaluator(of_chunk);
        };
        evaluator = std::make_unique<ChunkEvaluator<T>>(problem, *vectors, *matrices, make,
                                                        number_setter(*vectors));
    } else {
        evaluator = make_evaluator(at);
    }
    return {std::move(vectors), std::move(matrices), std::move(evaluator), derivatives};
}
template Session<double> open_cuda(const Problem<double>&, const SessionOptions&);
template Session<float> open_cuda(const Problem<float>&, const SessionOptions&);

template <class T>
MemoryNeeded session_memory(const Problem<T>& problem, const SessionOptions& options,
                            const SessionWork& work) {
    const EvaluationPlan plan{problem.dimension(),
                              resolved(problem, options),
                              work.curvature,
                              work.precondition,
                              work.preconditioners,
                              options.threads,
                              work.sampled,
                              work.kronecker,
                              problem.parts().ranks.get()};
    const std::size_t n = static_cast<std::size_t>(plan.n);
    MemoryNeeded needed = evaluator_memory(problem, plan, options.derivatives);
    needed.device += CudaVectors<T>::memory(plan.n, captures_products(problem, options)) +
                     (work.vectors * n + work.matrices * n * n + work.numbers) * sizeof(T);
    needed.host += work.host;
    const MemoryNeeded factorization = work.curvature == CurvatureKind::dense
                                           ? CudaDenseMatrices<T>::memory(plan.n)
                                           : CudaBlockCholesky<T>::memory(work.factorized);
    const MemoryNeeded inversion =
        work.inverted > 0 ? CudaDenseMatrices<T>::memory(work.inverted) : MemoryNeeded{};
    needed.host += factorization.host + inversion.host;
    needed.device += factorization.device + inversion.device;
    return needed;
}
template MemoryNeeded session_memory(const Problem<double>&, const SessionOptions&,
                                     const SessionWork&);
template MemoryNeeded session_memory(const Problem<float>&, const SessionOptions&,
                                     const SessionWork&);

}  // namespace cunewton::cuda
