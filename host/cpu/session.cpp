#include "host/cpu/backend.h"
#include "host/cpu/black_box_evaluator.h"
#include "host/cpu/predictor_evaluator.h"
#include "host/cpu/sample_evaluator.h"

namespace cunewton::cpu {

template <class T>
Session<T> open_cpu(const Problem<T>& problem, const SessionOptions& options) {
    const ProblemParts<T>& parts = problem.parts();
    const ResolvedDerivatives derivatives = resolve<T>(options.derivatives, parts.capabilities);
    auto backend = std::make_unique<CpuBackend<T>>(options.threads);
    const std::vector<double>& typical = options.derivatives.typical_x;
    std::unique_ptr<Evaluator<T>> evaluator;
    switch (parts.form) {
        case ProblemForm::linear_predictor:
            evaluator = std::make_unique<PredictorEvaluator<T>>(problem, derivatives, *backend);
            break;
        case ProblemForm::samples:
            evaluator =
                std::make_unique<SampleEvaluator<T>>(problem, derivatives, typical, *backend);
            break;
        case ProblemForm::batched:
            evaluator =
                std::make_unique<BlackBoxEvaluator<T>>(problem, derivatives, typical, *backend);
            break;
    }
    return {std::move(backend), std::move(evaluator)};
}
template Session<double> open_cpu(const Problem<double>&, const SessionOptions&);
template Session<float> open_cpu(const Problem<float>&, const SessionOptions&);

}  // namespace cunewton::cpu
