#include "host/fit/options.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "cunewton/error.h"

namespace cunewton {

namespace {
[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}
}  // namespace

void check_batch_options(const BatchOptions& options, int n) {
    if (!options.fixed.empty() && options.fixed.size() != static_cast<std::size_t>(n))
        reject("fixed has the wrong size (" + std::to_string(options.fixed.size()) +
               " numbers, not " + std::to_string(n) + ") pass one for each parameter, or none");
    const auto tolerance = [&](double value, const char* name) {
        if (!(value >= 0) || std::isinf(value))
            reject(std::string(name) + " is invalid (" + std::to_string(value) +
                   ") pass a finite number >= 0");
    };
    tolerance(options.tolerance, "tolerance");
    tolerance(options.gradient_tolerance, "gradient_tolerance");
    tolerance(options.change_tolerance, "change_tolerance");
    tolerance(options.step_tolerance, "step_tolerance");
    tolerance(options.initial_radius, "initial_radius");
    tolerance(options.tuning, "tuning");
    if (options.max_iterations < 0)
        reject("max_iterations is negative (" + std::to_string(options.max_iterations) +
               ") pass 0 or more");
    if (options.threads < 0)
        reject("threads is negative (" + std::to_string(options.threads) + ") pass 0 for all");
    if (options.chunk < 0)
        reject("chunk is negative (" + std::to_string(options.chunk) +
               ") pass 0 to leave it to the backend");
}

double tuning_constant(const BatchOptions& options) {
    return options.tuning > 0 ? options.tuning : usual_tuning(options.estimator);
}

double usual_tuning(Estimator estimator) {
    switch (estimator) {
        case Estimator::huber:
            return 1.345;
        case Estimator::cauchy:
            return 2.385;
        case Estimator::tukey:
            return 4.685;
        case Estimator::soft_l1:
            return 1.287;
        case Estimator::arctan:
            return 2.571;
        default:
            return 1;
    }
}

BatchDerivatives batch_derivatives(const BatchOptions& options, bool has_analytic) {
    if (options.derivatives == BatchDerivatives::analytic && !has_analytic)
        reject(
            "analytic derivatives are missing (the model has none of its own) choose "
            "BatchDerivatives::automatic");
    if (options.derivatives != BatchDerivatives::automatic) return options.derivatives;
    return has_analytic ? BatchDerivatives::analytic : BatchDerivatives::autodiff;
}

void check_batch_points(long points, int coordinates) {
    constexpr long most = std::numeric_limits<int>::max() / 64;
    if (points < 1)
        reject("the number of points is too small (" + std::to_string(points) +
               ") pass at least 1");
    if (points * std::max(1, coordinates) > most)
        reject("a problem has too many points (" + std::to_string(points) + " of " +
               std::to_string(coordinates) + " coordinates) pass at most " +
               std::to_string(most / std::max(1, coordinates)));
}

template <class T>
batch::SolverSettings<T> solver_settings(const BatchOptions& options, bool bounded,
                                         BatchDerivatives derivatives) {
    constexpr double epsilon = std::numeric_limits<T>::epsilon();
    batch::SolverSettings<T> s;
    const auto or_else = [](double value, double fallback) {
        return static_cast<T>(value > 0 ? value : fallback);
    };
    s.bounded = bounded;
    s.max_iterations = std::min(options.max_iterations, 1 << 24);  // counted in T
    s.tolerance = or_else(options.tolerance, std::pow(epsilon, 0.56));
    s.gradient_tolerance = or_else(options.gradient_tolerance, std::sqrt(epsilon));
    s.change_tolerance = static_cast<T>(options.change_tolerance);
    s.step_tolerance = static_cast<T>(options.step_tolerance);
    s.initial_radius = static_cast<T>(options.initial_radius);
    if (derivatives == BatchDerivatives::differences)
        s.derivative_error = static_cast<T>(std::cbrt(epsilon) * std::cbrt(epsilon));
    return s;
}
template batch::SolverSettings<double> solver_settings(const BatchOptions&, bool, BatchDerivatives);
template batch::SolverSettings<float> solver_settings(const BatchOptions&, bool, BatchDerivatives);

}  // namespace cunewton
