// Residuals: nonlinear least squares, also robust, for any number of samples.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <string>

#include "cunewton/cpu/residual_code_of.h"
#include "cunewton/error.h"
#include "cunewton/functor/builtin.h"
#include "cunewton/functor/check.h"
#include "cunewton/functor/kept.h"
#include "cunewton/functor/residual.h"
#include "cunewton/problem/forms.h"
#include "cunewton/problem/sample_sum.h"

namespace cunewton {

namespace detail {
inline namespace CUNEWTON_CPU_CODE {

template <class T, class Residual>
ResidualSum<T> residual_sum(const Residual& residual, const ProblemOptions& options) {
    ResidualSum<T> form;
    form.code.functor = residual;
    form.residuals = residuals_of<Residual>();
    set_estimator(options, form);
    if constexpr (Builtin<Residual, builtin::Residual, T>) {
        form.code.cpu = builtin_cpu_code(Exactly<Residual>{residual}, builtin::Residual(), T());
        form.code.cuda = builtin_cuda_code(Exactly<Residual>{residual}, builtin::Residual(), T());
    } else {
        form.code.cpu = probe::compiled<cpu::ResidualCodeOf<T, Residual>>(residual);
    }
    return form;
}

}  // namespace CUNEWTON_CPU_CODE
}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// sum_i w_i r(x, s_i)^2 for x of n parameters; with options.estimator a robust function of them,
/// as Estimator says. Residual: see cpu::ResidualCodeOf; trivially copyable if it is to run on a
/// GPU. One that states `static constexpr int parameters` may name them by structured bindings; n
/// must be that number. One that states `static constexpr int residuals = k` writes k numbers a
/// sample, of which each counts with the sample's weight. The sum is not divided by anything unless
/// options.reduction asks for it.
///
/// HessianBy::automatic is the Gauss-Newton matrix 2 J'WJ here, with J the derivatives of all
/// residuals, which are summed up in tiles and never stored, and W the estimator's curvature, kept
/// positive. It is the Hessian where residuals are small or the model is nearly linear; where
/// neither holds, convergence is linear, and HessianBy::autodiff, the full Hessian, takes fewer
/// iterations, of some n times the cost. Which of the two it is does not change by itself.
/// Throws InvalidArgument.
template <class T, class Residual>
Problem<T> make_residuals(const Residual& residual, const Samples<T>& samples, long n,
                          ProblemOptions options = {}) {
    static_assert(detail::residuals_of<Residual>() >= 1, "residuals are at least one a sample");
    if constexpr (!requires { Residual::residuals; }) static_assert(probe::sample_loss<Residual>());
    detail::check_together(options.communicator.get(), [&] {
        if (detail::needs_targets<Residual>()) detail::require_targets(samples.targets);
        detail::check_parameters<Residual>(n);
    });
    ResidualSum<T> form = detail::residual_sum<T>(residual, options);
    form.samples = samples;
    return detail::make_problem<T>(std::move(form), n, options);
}

/// The fit of one curve, y ~ m(p; x): the residuals are those of a model as make_fit_model() takes
/// it, or a built-in one, at samples whose features are the model's coordinates and whose targets
/// are y. For many curves of a few points each see fit_batch(). Throws InvalidArgument.
template <class T, class Model>
Problem<T> make_curve_fit(const Model& model, const Samples<T>& samples,
                          ProblemOptions options = {}) {
    detail::check_together(options.communicator.get(), [&] {
        detail::require_targets(samples.targets);
        if (samples.dimension != Model::coordinates)
            throw InvalidArgument("samples have " + std::to_string(samples.dimension) +
                                  " features (the model has " + std::to_string(Model::coordinates) +
                                  " coordinates) pass one for each");
    });
    return make_residuals<T>(CurveResidual<Model>{model}, samples, Model::parameters, options);
}

}  // namespace CUNEWTON_CPU_CODE
}  // namespace cunewton
