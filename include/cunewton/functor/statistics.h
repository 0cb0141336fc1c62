// What a loss says of the distribution whose likelihood it is: host only, for inference.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <functional>

namespace cunewton {

/// Made of a loss of predictors by statistics_of(). Members may be empty. z: the sample's K
/// predictors, offsets added; y: its target.
struct LossStatistics {
    /// The unit deviance d(y, mean) >= 0: twice the log likelihood that a mean of y has over that
    /// of z, times the dispersion (McCullagh and Nelder 1989, 2.3).
    std::function<double(const double* z, double y)> deviance{};
    /// The log density of y, constants included, of an observation whose dispersion is `dispersion`
    /// / `weight`: an own one where the weight is a precision, 1 where it counts repetitions.
    std::function<double(const double* z, double y, double weight, double dispersion)>
        log_density{};
    /// The mean of y at z, its derivative by z, and its variance for dispersion 1 as a function of
    /// the mean, of losses with one predictor.
    std::function<double(double z)> mean{}, mean_slope{};
    std::function<double(double mean)> variance{};
    /// The dispersion is estimated, by the sum of w (y - mean)^2 / variance over the degrees of
    /// freedom (Pearson); else it is 1.
    bool has_dispersion = false;
    /// The loss is this multiple of the negative log likelihood times the dispersion, but for what
    /// does not depend on z: 2 of squares without a half.
    double likelihood_factor = 1;
};

/// The statistics that the loss has members for: `deviance(z, y)`, `log_density(z, y, weight,
/// dispersion)`, `mean(z)`, `mean_slope(z)`, `variance(mean)`, of doubles
/// and const, `static constexpr bool has_dispersion`, `static constexpr double likelihood_factor`.
template <class Loss>
LossStatistics statistics_of(const Loss& loss) {
    LossStatistics statistics;
    const double* const z = nullptr;
    if constexpr (requires { double{loss.deviance(z, 0.0)}; })
        statistics.deviance = [loss](const double* at, double y) { return loss.deviance(at, y); };
    if constexpr (requires { double{loss.log_density(z, 0.0, 1.0, 1.0)}; })
        statistics.log_density = [loss](const double* at, double y, double weight,
                                        double dispersion) {
            return loss.log_density(at, y, weight, dispersion);
        };
    if constexpr (requires { double{loss.mean(0.0)}; })
        statistics.mean = [loss](double at) { return loss.mean(at); };
    if constexpr (requires { double{loss.mean_slope(0.0)}; })
        statistics.mean_slope = [loss](double at) { return loss.mean_slope(at); };
    if constexpr (requires { double{loss.variance(0.0)}; })
        statistics.variance = [loss](double mean) { return loss.variance(mean); };
    if constexpr (requires { Loss::has_dispersion; })
        statistics.has_dispersion = Loss::has_dispersion;
    if constexpr (requires { Loss::likelihood_factor; })
        statistics.likelihood_factor = Loss::likelihood_factor;
    return statistics;
}

}  // namespace cunewton
