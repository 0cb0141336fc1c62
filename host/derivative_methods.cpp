#include "cunewton/functor/capabilities.h"

#include <algorithm>
#include <cmath>

#include "cunewton/error.h"
#include "cunewton/math/stencil.h"
#include "host/backend/evaluator.h"

namespace cunewton {

namespace {
[[noreturn]] void unavailable(const std::string& what, const std::string& why) {
    throw InvalidArgument(what + " is not available (" + why + ") choose another method");
}
const char* const own_formulas = "a perceptron's derivatives are formulas of its own";
const char* no_functor(const Capabilities& c) {
    return c.differences ? "a black box is no functor" : own_formulas;
}
const char* const no_gradient = "the black box gives no gradient";
}  // namespace

GradientBy resolve(GradientBy by, const Capabilities& c) {
    if (by == GradientBy::automatic)
        return c.analytic_gradient ? GradientBy::analytic
               : c.autodiff        ? GradientBy::autodiff
                                   : GradientBy::central_differences;
    if (by == GradientBy::analytic && !c.analytic_gradient)
        unavailable("an analytic gradient", "the loss has no gradient()");
    if (by == GradientBy::autodiff && !c.autodiff)
        unavailable("automatic differentiation", no_functor(c));
    if ((by == GradientBy::forward_differences || by == GradientBy::central_differences) &&
        !c.differences)
        unavailable("a gradient by differences", own_formulas);
    return by;
}

HessianBy resolve(HessianBy by, const Capabilities& c) {
    if (by == HessianBy::automatic && !c.hessian_differences) return HessianBy::gauss_newton;
    if (by == HessianBy::automatic)
        return c.analytic_hessian    ? HessianBy::analytic
               : c.autodiff          ? HessianBy::autodiff
               : c.analytic_gradient ? HessianBy::gradient_differences
                                     : HessianBy::value_differences;
    if (by == HessianBy::analytic && !c.analytic_hessian)
        unavailable("an analytic Hessian", "the loss has no hessian()");
    if (by == HessianBy::autodiff && !c.autodiff)
        unavailable("automatic differentiation", no_functor(c));
    if (by == HessianBy::gradient_differences && !c.analytic_gradient && !c.autodiff)
        unavailable("a Hessian from gradients", no_gradient);
    if ((by == HessianBy::gradient_differences || by == HessianBy::value_differences) &&
        !c.differences)
        unavailable("a Hessian by differences", own_formulas);
    if ((by == HessianBy::gradient_differences || by == HessianBy::value_differences) &&
        !c.hessian_differences)
        unavailable("a Hessian by differences",
                    "residuals have a Gauss-Newton matrix, and their own by autodiff");
    if (by == HessianBy::gauss_newton && !c.gauss_newton)
        unavailable("a Gauss-Newton matrix",
                    "only perceptrons and residuals tell what they compute from the loss that is "
                    "taken of it");
    return by;
}

std::optional<Entries> ResolvedDerivatives::gradient_entries() const {
    if (gradient == GradientBy::analytic) return std::nullopt;
    return gradient == GradientBy::autodiff              ? Entries::gradient_autodiff
           : gradient == GradientBy::forward_differences ? Entries::gradient_forward
                                                         : Entries::gradient_central;
}

std::optional<Entries> ResolvedDerivatives::hessian_entries() const {
    const bool by_gradients = hessian == HessianBy::gradient_differences;
    if (hessian == HessianBy::analytic || (by_gradients && gradient == GradientBy::analytic))
        return std::nullopt;
    return hessian == HessianBy::autodiff ? Entries::hessian_autodiff
           : by_gradients                 ? Entries::hessian_autodiff_differences
                                          : Entries::hessian_values;
}

template <class T>
ResolvedDerivatives resolve(const DerivativeOptions& options, const Capabilities& capabilities) {
    ResolvedDerivatives r{resolve(options.gradient, capabilities),
                          resolve(options.hessian, capabilities),
                          options.hessian_precision,
                          0,
                          0,
                          options.memory_budget};
    const auto step = [&](double formula) {
        return options.relative_step > 0 ? options.relative_step : formula;
    };
    if (r.gradient == GradientBy::forward_differences) r.gradient_step = step(forward_step<T>());
    if (r.gradient == GradientBy::central_differences) r.gradient_step = step(central_step<T>());
    if (r.hessian == HessianBy::gradient_differences) r.hessian_step = step(central_step<T>());
    if (r.hessian == HessianBy::value_differences)
        r.hessian_step = step(second_difference_step<T>());
    return r;
}
template ResolvedDerivatives resolve<double>(const DerivativeOptions&, const Capabilities&);
template ResolvedDerivatives resolve<float>(const DerivativeOptions&, const Capabilities&);

}  // namespace cunewton
