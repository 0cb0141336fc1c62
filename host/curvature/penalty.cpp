#include <cmath>

#include "cunewton/error.h"
#include "cunewton/problem/curvature_penalty.h"
#include "host/backend/ranks.h"

namespace cunewton {

namespace {

void check(const CurvaturePenalty& penalty) {
    if (!(penalty.strength >= 0) || std::isinf(penalty.strength))
        throw InvalidArgument("strength is invalid (" + std::to_string(penalty.strength) +
                              ") pass a finite number >= 0");
    if (penalty.probes < 0)
        throw InvalidArgument("probes are negative (" + std::to_string(penalty.probes) +
                              ") pass a number of random vectors, or 0 for all unit vectors");
    if (!(penalty.radius > 0) || std::isinf(penalty.radius))
        throw InvalidArgument("radius is invalid (" + std::to_string(penalty.radius) +
                              ") pass a finite number > 0");
    if (penalty.most_products < 1)
        throw InvalidArgument("most_products is too small (" +
                              std::to_string(penalty.most_products) + ") pass at least 1");
    if (penalty.hessian == HessianBy::gauss_newton)
        throw InvalidArgument(
            "the Gauss-Newton matrix has no penalty (it is no loss's Hessian) choose "
            "HessianBy::automatic");
}

/// Of trace, squared norm and largest eigenvalue the gradient has third derivatives.
bool has_third_derivatives(const CurvaturePenalty& penalty) {
    return penalty.kind != CurvaturePenaltyKind::sharpness;
}
template <class T>
bool has_third_derivatives(const ProblemParts<T>& parts) {
    const auto* const form = std::get_if<CurvaturePenalized<T>>(&parts.form);
    return form && (has_third_derivatives(form->penalty) || has_third_derivatives(*form->inner));
}

bool has_exact_gradient(const Capabilities& capabilities) {
    return capabilities.analytic_gradient || capabilities.autodiff;
}

/// What differences of products and gradients would make noise of.
template <class T>
void check_accuracy(const Problem<T>& problem, const CurvaturePenalty& penalty) {
    if ((problem.runs_on_cpu() && !has_exact_gradient(problem.capabilities_on_cpu())) ||
        (problem.runs_on_cuda() && !has_exact_gradient(problem.capabilities_on_cuda())))
        throw InvalidArgument(
            "a loss of values alone has no penalty on its curvature (third differences of values "
            "are noise) give it a gradient");
    if (has_third_derivatives(penalty) && has_third_derivatives(problem.parts()))
        throw InvalidArgument(
            "there is a penalty on the curvature already (the gradient of another one around it "
            "would be noise) choose sharpness for the outer one");
}

}  // namespace

template <class T>
Problem<T> with_curvature_penalty(const Problem<T>& problem, const CurvaturePenalty& penalty) {
    const ProblemParts<T>& parts = problem.parts();
    return in_step(communicator_of(parts.ranks.get()), [&] {
        check(penalty);
        if (parts.ranks)
            require_common(parts.ranks->communicator(), Meeting::problem, "curvature penalties",
                           {{"kind", static_cast<std::uint64_t>(penalty.kind)},
                            {"strength", bits(penalty.strength)},
                            {"number of probes", static_cast<std::uint64_t>(penalty.probes)},
                            {"seed", penalty.seed},
                            {"radius", bits(penalty.radius)},
                            {"exact_gradient", penalty.exact_gradient},
                            {"most_products", static_cast<std::uint64_t>(penalty.most_products)},
                            {"hessian", static_cast<std::uint64_t>(penalty.hessian)}});
        if (penalty.strength == 0) return problem;
        check_accuracy(problem, penalty);
        ProblemOptions options;
        options.reduction = parts.reduction;
        return detail::make_problem<T>(
            CurvaturePenalized<T>{penalty, std::make_shared<const ProblemParts<T>>(parts)},
            parts.dimension, options);
    });
}
template Problem<double> with_curvature_penalty(const Problem<double>&, const CurvaturePenalty&);
template Problem<float> with_curvature_penalty(const Problem<float>&, const CurvaturePenalty&);

}  // namespace cunewton
