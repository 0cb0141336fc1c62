// Choices and limits of batches of small problems.
#pragma once

#include "cunewton/cpp20.h"

#include <cstdint>

namespace cunewton {

/// What the deviations of a model from the data are held against. With r_i = m_i - y_i, weights w_i
/// and u_i = sqrt(w_i) r_i, the objective is
enum class Estimator : std::uint8_t {
    least_squares,  ///< sum u_i^2
    poisson,        ///< sum 2 w_i (m_i - y_i + y_i log(y_i / m_i)), the deviance of counts y_i >= 0;
                    ///< a model that is not positive is rejected
    huber,   ///< sum of u^2 for |u| <= c, else 2 c |u| - c^2 (Huber 1964); c = 1.345
    cauchy,  ///< sum c^2 log(1 + u^2 / c^2); c = 2.385
    tukey,   ///< sum of c^2/3 (1 - (1 - u^2/c^2)^3) for |u| <= c, else c^2/3 (Beaton and Tukey 1974);
             ///< c = 4.685
};
/// "least_squares", "poisson", ...
const char* to_string(Estimator estimator);

/// How a small problem's derivatives are obtained.
enum class BatchDerivatives : std::uint8_t {
    automatic,    ///< the model's own where it has them, else autodiff
    analytic,     ///< the model's own
    autodiff,     ///< forward mode, exact
    /// Of values: central for gradients, four-point for Hessians. Steps are cbrt(epsilon) and
    /// epsilon^(1/4) of the parameter or a hundredth of its start, and may go beyond bounds.
    differences,
};
const char* to_string(BatchDerivatives derivatives);

/// The arithmetic that solves a batch, whatever the type of its data.
enum class BatchPrecision : std::uint8_t {
    as_data,
    single,
    twice,  ///< in single; then again in double what did not end well there
    full,   ///< in double
};

/// Parameters of a small problem, at most.
inline constexpr int batch_max_parameters = 64;

}  // namespace cunewton
