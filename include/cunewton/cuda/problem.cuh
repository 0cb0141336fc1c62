// Gives a problem with a user's own loss its GPU code. For a .cu file of the user, compiled by
// nvcc:
//
//     auto problem = cunewton::make_objective<double>(my_loss, n);   // here or in a .cpp file
//     cunewton::cuda::attach_device_code(problem, my_loss);
#pragma once

#include <memory>

#include "cunewton/cuda/device_ops.cuh"
#include "cunewton/problem.h"

namespace cunewton::cuda {

namespace detail {
template <class T, class Loss>
concept ObjectiveLoss = requires(const Loss& l, const ParametersView<Loss, VectorView<const T>> x) {
    l(x);
};
template <class Loss>
concept PredictorLoss = requires(const Loss& l) {
    l.outputs();
};

inline void check_form(bool matches, const char* made_by) {
    if (!matches)
        throw InvalidArgument(std::string("device code of another form of loss (this loss belongs "
                                          "to a problem from ") +
                              made_by + ") pass the loss that the problem was made from");
}
}  // namespace detail

/// Adds the GPU code of `loss` to a problem that was made from it by make_objective,
/// make_sample_sum or make_linear_predictor; all copies of the problem have it. Throws
/// InvalidArgument if the problem has another form.
template <class T, class Loss>
void attach_device_code(Problem<T>& problem, const Loss& loss) {
    ProblemParts<T>& parts = problem.parts();
    if constexpr (detail::ObjectiveLoss<T, Loss>) {
        detail::check_form(parts.form == ProblemForm::samples && parts.samples.count == 1 &&
                               !parts.samples.features,
                           "make_objective");
        using Sample = cpu::ObjectiveAsSample<Loss>;
        parts.cuda_samples = std::make_shared<SampleOpsOf<T, Sample>>(Sample{loss});
    } else if constexpr (detail::PredictorLoss<Loss>) {
        detail::check_form(
            parts.form == ProblemForm::linear_predictor && parts.outputs == loss.outputs(),
            "make_linear_predictor");
        parts.cuda_predictor = std::make_shared<PredictorOpsOf<T, Loss>>(loss);
    } else {
        detail::check_form(parts.form == ProblemForm::samples, "make_sample_sum");
        using Sample = cpu::SampleLoss<Loss>;
        parts.cuda_samples = std::make_shared<SampleOpsOf<T, Sample>>(Sample{loss});
    }
}

}  // namespace cunewton::cuda
