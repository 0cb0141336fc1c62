#include "host/minimize/check.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "cunewton/differentiate.h"
#include "cunewton/math/stencil.h"
#include "host/backend/choice.h"

namespace cunewton::solver {

namespace {

/// Up to here a Hessian is checked entry by entry.
constexpr int most_by_entries = 500;

/// x0, as far from bounds as differences with relative steps reach, which are made shorter where a
/// parameter has too little room.
template <class T>
std::vector<T> inside(const std::vector<T>& x0, const Options& options, double formula,
                      EvaluationOptions& how) {
    std::vector<T> x = x0;
    const std::vector<double>& typical = options.derivatives.typical_x;
    const double wanted =
        how.derivatives.relative_step > 0 ? how.derivatives.relative_step : formula;
    double step = wanted;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const double low = j < options.lower.size() ? options.lower[j] : -HUGE_VAL,
                     high = j < options.upper.size() ? options.upper[j] : HUGE_VAL;
        if (std::isinf(low) && std::isinf(high)) continue;
        const auto size_at = [&](double at) {
            return std::max(std::abs(at), typical.empty() ? 1 : typical[j]);
        };
        double at = std::clamp(static_cast<double>(x[j]), low, high);
        // Rounding included; steps grow with the parameter.
        const double room = 1.1 * wanted * (size_at(at) + wanted);
        if (high - low > 2 * room) {
            x[j] = static_cast<T>(std::clamp(at, low + room, high - room));
            continue;
        }
        at = low + (high - low) / 2;
        x[j] = static_cast<T>(at);
        step = std::min(step, (high - low) / (2.2 * size_at(at)));
        if (!(step > 0.1 * wanted))
            throw InvalidArgument("derivatives cannot be checked (parameter " + std::to_string(j) +
                                  " has no room for differences between its bounds) set check to "
                                  "false, or fix it by Options::fixed");
    }
    if (step < wanted) how.derivatives.relative_step = step;
    return x;
}

[[noreturn]] void reject(const std::string& what, const DerivativeCheck& found, bool autodiff,
                         const char* automatic, const char* differences) {
    throw InvalidArgument("the loss's own " + what + " is wrong near the start (" + found.message +
                          ") correct it, or choose " + (autodiff ? automatic : differences));
}

}  // namespace

template <class T>
void check_derivatives(const Problem<T>& problem, const std::vector<T>& x0,
                       const Options& options) {
    const ProblemParts<T>& parts = problem.parts();
    // Formulas of the library's own.
    if (std::holds_alternative<PerceptronSum<T>>(parts.form)) return;
    if (const auto* const penalized = std::get_if<CurvaturePenalized<T>>(&parts.form)) {
        Options of_loss = options;
        of_loss.derivatives.gradient = GradientBy::automatic;
        of_loss.derivatives.hessian = penalized->penalty.hessian;
        return check_derivatives(Problem<T>(penalized->inner), x0, of_loss);
    }
    const Candidates candidates = choose_backends(problem, options.backend);
    const Capabilities able = candidates.entries.front()->code<T>().capabilities(problem);
    const bool gradient = resolve(options.derivatives.gradient, able) == GradientBy::analytic;
    const bool hessian = resolve(options.derivatives.hessian, able) == HessianBy::analytic;
    if (!gradient && !hessian) return;
    EvaluationOptions how;
    static_cast<Execution&>(how) = options;
    how.derivatives = options.derivatives;
    const bool by_values = hessian && !gradient && !able.autodiff;
    const std::vector<T> x = inside(
        x0, options,
        static_cast<double>(by_values ? second_difference_step<T>() : central_step<T>()), how);
    if (!std::isfinite(evaluate(problem, x, how))) return;
    if (gradient)
        if (const DerivativeCheck found = check_gradient(problem, x, how); !found.agrees)
            reject("gradient", found, able.autodiff, "GradientBy::autodiff",
                   "GradientBy::central_differences");
    if (hessian) {
        const DerivativeCheck found = problem.dimension() <= most_by_entries
                                          ? check_hessian(problem, x, how)
                                          : check_products(problem, x, options.seed, how);
        if (!found.agrees)
            reject("Hessian", found, able.autodiff, "HessianBy::autodiff",
                   gradient ? "HessianBy::gradient_differences" : "HessianBy::value_differences");
    }
}
template void check_derivatives(const Problem<double>&, const std::vector<double>&, const Options&);
template void check_derivatives(const Problem<float>&, const std::vector<float>&, const Options&);

}  // namespace cunewton::solver
