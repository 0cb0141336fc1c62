// How the Hessians of problems with a sparsity pattern are obtained.
#pragma once

#include "cunewton/options.h"
#include "cunewton/problem/forms.h"

namespace cunewton {

/// The options with what `automatic` means where a problem's sparse Hessian is wanted: differences
/// of the loss's own gradient, if it has one, for to differentiate it automatically takes as many
/// evaluations as there are entries; of a black box its products, if it has them; and of elements
/// their Hessians, as ever. Throws InvalidArgument for a black box whose dense Hessian is asked
/// for.
template <class T>
DerivativeOptions sparse_derivatives(const Problem<T>& problem, const DerivativeOptions& options);

}  // namespace cunewton
