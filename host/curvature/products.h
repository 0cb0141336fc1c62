// Whether products with a Hessian are differences.
#pragma once

#include <variant>

#include "cunewton/problem/forms.h"
#include "host/backend/evaluator.h"

namespace cunewton {

/// Whether Evaluator::products() of a problem's session on a GPU or not are no differences of
/// gradients. A black box with a Hessian may have no products.
template <class T>
bool products_are_exact(const ProblemParts<T>& parts, const ResolvedDerivatives& derivatives,
                        bool on_device) {
    if (std::holds_alternative<CurvaturePenalized<T>>(parts.form)) return false;
    if (const auto* const own = std::get_if<Opaque<T>>(&parts.form))
        return on_device ? static_cast<bool>(own->cuda.products)
                         : static_cast<bool>(own->cpu.products);
    return derivatives.hessian_is_exact() || derivatives.hessian == HessianBy::gauss_newton;
}

}  // namespace cunewton
