// (Compiled in the user's file.) What a functor's compiled code is asked for, on either side.
#pragma once

#include "cunewton/scalar/cpp20.h"

namespace cunewton {

/// A small problem is the fit of a model to points, or an objective.
enum class SmallKind { fit, objective };

/// How entries of a gradient or a Hessian are obtained from a sample's loss.
enum class Entries {
    gradient_autodiff,
    gradient_forward,
    gradient_central,
    hessian_autodiff,
    hessian_values,
    hessian_autodiff_differences,  ///< central differences of autodiff gradients
    product_autodiff,  ///< entries of H v: the vector v stands in the place of the steps
};

}  // namespace cunewton
