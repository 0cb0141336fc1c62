// Survival times: Cox regression.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <span>

#include "cunewton/problem/forms.h"

namespace cunewton {

enum class CoxTies {
    efron,    ///< those who fail at the same time one after the other, on the average (Efron 1977)
    breslow,  ///< each beside all others who do (Breslow 1974)
};

/// The negative log partial likelihood of hazards h(t) e^(w's), a sum over failures (Cox 1972): n =
/// d parameters and no intercept, for which h stands. times: N; events: 1 where the sample failed
/// then, 0 where it was last seen; targets are not read. Weights count repetitions, as survival's
/// coxph() takes them; offsets are added to w's, one a sample. Convex.
///
/// The samples of a failure are all that are at risk then, which is no sum over samples: the
/// problem is a black box that computes on the CPU, in double and on one thread, with its gradient,
/// Hessian and products of that with vectors: O(N d), O(N d^2) and O(N d) after a sort, which is
/// done here. Features on a GPU are fetched; those on the host must outlive the problem, as Samples
/// says. Throws InvalidArgument for sizes that differ, numbers that are not finite, events other
/// than 0 and 1, and where no sample with a weight fails.
template <class T>
Problem<T> make_cox_regression(const Samples<T>& samples,
                               std::type_identity_t<std::span<const T>> times,
                               std::type_identity_t<std::span<const T>> events,
                               CoxTies ties = CoxTies::efron);

extern template Problem<double> make_cox_regression(const Samples<double>&, std::span<const double>,
                                                    std::span<const double>, CoxTies);
extern template Problem<float> make_cox_regression(const Samples<float>&, std::span<const float>,
                                                   std::span<const float>, CoxTies);

}  // namespace cunewton
