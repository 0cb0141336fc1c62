// Losses that are sums over samples, and objectives.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <string>

#include "cunewton/cpu/sample_code_of.h"
#include "cunewton/error.h"
#include "cunewton/functor/builtin.h"
#include "cunewton/functor/check.h"
#include "cunewton/functor/kept.h"
#include "cunewton/problem/forms.h"

namespace cunewton {

namespace detail {
inline namespace CUNEWTON_CPU_CODE {

/// Wrapped: the loss as a sum over samples knows it.
template <class T, class Wrapped, class Loss>
SampleSum<T> sample_sum(const Wrapped& wrapped, const Loss& loss) {
    SampleSum<T> form;
    form.code.functor = loss;
    if constexpr (Builtin<Wrapped, builtin::Sample, T>) {
        form.code.cpu = builtin_cpu_code(Exactly<Wrapped>{wrapped}, builtin::Sample(), T());
        form.code.cuda = builtin_cuda_code(Exactly<Wrapped>{wrapped}, builtin::Sample(), T());
    } else {
        form.code.cpu = probe::compiled<cpu::SampleCodeOf<T, Wrapped>>(wrapped);
    }
    return form;
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
    SampleSum<T> form = detail::sample_sum<T>(cpu::ObjectiveAsSample<Loss>{loss}, loss);
    form.objective = true;
    form.samples.count = 1;
    return detail::make_problem<T>(std::move(form), n, options);
}

/// sum_i w_i l(x, s_i) for x of n parameters, named as above. Loss: see cpu::SampleCodeOf. One that
/// is minus a log density but for a constant may have `double likelihood_constant(double y) const`,
/// which inference() adds.
template <class T, class Loss>
Problem<T> make_sample_sum(const Loss& loss, const Samples<T>& samples, long n,
                           ProblemOptions options = {}) {
    static_assert(probe::sample_loss<Loss>());
    detail::check_together(options.communicator.get(), [&] {
        if (detail::needs_targets<Loss>()) detail::require_targets(samples.targets);
        detail::check_parameters<Loss>(n);
    });
    SampleSum<T> form = detail::sample_sum<T>(cpu::SampleLoss<Loss>{loss}, loss);
    form.samples = samples;
    if constexpr (requires { double{loss.likelihood_constant(0.0)}; })
        form.likelihood_constant = [loss](double y) { return loss.likelihood_constant(y); };
    return detail::make_problem<T>(std::move(form), n, options);
}

}  // namespace CUNEWTON_CPU_CODE
}  // namespace cunewton
