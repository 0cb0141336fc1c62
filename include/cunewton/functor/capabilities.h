// (Compiled in the user's file.) What a loss can give, and the one place where "automatic" becomes
// a method.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"

namespace cunewton {

/// Which exact derivatives a loss supplies and whether it can be differentiated automatically.
struct Capabilities {
    bool analytic_gradient = false;
    bool analytic_hessian = false;
    bool autodiff = false;      ///< generic in its scalar: all functors; not a black box
    bool gauss_newton = false;  ///< a Gauss-Newton matrix beside the Hessian
    bool differences = true;    ///< what it does not supply may be obtained by finite differences
    bool hessian_differences = true;  ///< the Hessian may be, too
};

/// Replaces `automatic` by the best method there is. Throws InvalidArgument if the named method is
/// not available for this loss.
GradientBy resolve(GradientBy by, const Capabilities& capabilities);
HessianBy resolve(HessianBy by, const Capabilities& capabilities);

}  // namespace cunewton
