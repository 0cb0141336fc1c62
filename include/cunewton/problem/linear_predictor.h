// Losses of linear predictors: regression and classification.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cpu/predictor_code_of.h"
#include "cunewton/functor/builtin.h"
#include "cunewton/functor/check.h"
#include "cunewton/problem/forms.h"

namespace cunewton {

inline namespace CUNEWTON_CPU_CODE {

/// sum_i w_i l(z_i, y_i), z_i = W' x_i (+ b): n = K (d + intercept) parameters, W's columns one
/// after the other, each followed by its intercept. Loss: see cpu::PredictorCodeOf.
template <class T, class Loss>
Problem<T> make_linear_predictor(const Loss& loss, const Samples<T>& samples,
                                 ProblemOptions options = {}) {
    static_assert(probe::predictor_loss<Loss>());
    LinearPredictor<T> form;
    form.code.functor = loss;
    if constexpr (Builtin<Loss, builtin::Predictor, T>) {
        form.code.cpu = builtin_cpu_code(Exactly<Loss>{loss}, builtin::Predictor(), T());
        form.code.cuda = builtin_cuda_code(Exactly<Loss>{loss}, builtin::Predictor(), T());
    } else {
        form.code.cpu = probe::compiled<cpu::PredictorCodeOf<T, Loss>>(loss);
    }
    form.samples = samples;
    form.statistics = statistics_of(loss);
    form.outputs = loss.outputs();
    form.intercept = options.intercept;
    Communicator* const ranks = options.communicator.get();
    detail::check_together(ranks, [&] {
        if constexpr (requires { loss.check(); }) detail::require_valid_loss(loss.check());
        if (detail::needs_targets<Loss>()) detail::require_targets(samples.targets);
    });
    const long n = static_cast<long>(form.outputs) *
                   (static_cast<long>(samples.dimension) + (options.intercept ? 1 : 0));
    const Problem<T> problem = detail::make_problem<T>(std::move(form), n, options);
    detail::check_together(ranks, [&] {
        if constexpr (requires { loss.check_target(T()); })
            detail::check_targets<T>(samples, [&](T y) { return loss.check_target(y); });
    });
    return problem;
}

}  // namespace CUNEWTON_CPU_CODE
}  // namespace cunewton
