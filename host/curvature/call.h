// What calls about a Hessian have in common.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "host/at_point.h"

namespace cunewton {

/// job(point) as at_point() does it. check() is made on all ranks, so that they hear of what one of
/// them does not accept, and `common` is what they must agree on.
template <class T, class Check, class Job>
auto call_at_point(const Problem<T>& problem, const std::vector<T>& x,
                   const EvaluationOptions& options, const Check& check,
                   const std::vector<Common>& common, const Job& job) {
    return at_point(problem, x, options, [&](Point<T>& point) {
        check();
        if (const Ranks* const ranks = problem.parts().ranks.get())
            require_common(ranks->communicator(), Meeting::call, "arguments", common);
        return job(point);
    });
}

/// The epsilon of H's entries: that of float where the Hessian is summed in it.
template <class T>
double entry_rounding(const Point<T>& point) {
    return point.derivatives().precision == HessianPrecision::single
               ? static_cast<double>(std::numeric_limits<float>::epsilon())
               : static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// The relative error that rounding of eigenvalues has: that of LAPACK's methods is p(n) epsilon
/// |H| for a slowly growing p (Anderson et al. 1999, "LAPACK users' guide", section 4.7), of which
/// n is a common upper estimate; and that of H's entries.
template <class T>
double eigenvalue_rounding(const Point<T>& point) {
    return std::max(static_cast<double>(std::max<std::size_t>(point.n(), 10)) *
                        static_cast<double>(std::numeric_limits<T>::epsilon()),
                    10 * entry_rounding(point));
}

/// Throws InvalidArgument where nothing can be said of a point.
inline void require_finite_loss(double f, double gradient_norm) {
    if (!std::isfinite(f) || !std::isfinite(gradient_norm))
        throw InvalidArgument(
            "the loss or its gradient is not finite there (nothing can be said of such a point) "
            "choose another one");
}

/// The dense Hessian's eigenvalues, ascending, and its vectors if asked for, a column each.
template <class T>
struct DenseSpectrum {
    std::vector<T> values, vectors;
    double norm() const {
        return std::max(std::abs(static_cast<double>(values.front())),
                        std::abs(static_cast<double>(values.back())));
    }
};
/// Throws OutOfMemory before any work, and InvalidArgument where H is not finite.
template <class T>
DenseSpectrum<T> dense_spectrum(Point<T>& point, bool vectors);

/// Whether all eigenvalues are what to ask for where some would do.
template <class T>
bool wants_all_eigenvalues(const Point<T>& point) {
    const std::size_t n = point.n();
    return n == 1 || (n <= 2000 && n * n * sizeof(T) <= point.memory_budget());
}

}  // namespace cunewton
