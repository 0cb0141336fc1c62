#include "host/cuda/backend.h"
#include "host/cuda/black_box_evaluator.h"
#include "host/cuda/predictor_evaluator.h"
#include "host/cuda/sample_evaluator.h"

namespace cunewton::cuda {

template <class T>
Session<T> open_cuda(const Problem<T>& problem, const SessionOptions& options) {
    if (!problem.runs_on_cuda())
        throw BackendUnavailable(
            "the problem has no GPU code (its loss was compiled for the CPU "
            "alone) add it with cuda::attach_device_code in a .cu file");
    const ProblemParts<T>& parts = problem.parts();
    const ResolvedDerivatives derivatives = resolve<T>(options.derivatives, parts.capabilities);
    const std::vector<double>& typical = options.derivatives.typical_x;
    auto backend = std::make_unique<CudaBackend<T>>();
    std::unique_ptr<Evaluator<T>> evaluator;
    switch (parts.form) {
        case ProblemForm::linear_predictor:
            evaluator = std::make_unique<PredictorEvaluator<T>>(problem, derivatives,
                                                                options.threads, *backend);
            break;
        case ProblemForm::samples:
            evaluator = std::make_unique<SampleEvaluator<T>>(problem, derivatives, typical,
                                                             options.threads, *backend);
            break;
        case ProblemForm::batched:
            evaluator =
                std::make_unique<BlackBoxEvaluator<T>>(problem, derivatives, typical, *backend);
            break;
    }
    return {std::move(backend), std::move(evaluator)};
}
template Session<double> open_cuda(const Problem<double>&, const SessionOptions&);
template Session<float> open_cuda(const Problem<float>&, const SessionOptions&);

}  // namespace cunewton::cuda
