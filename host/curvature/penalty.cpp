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
