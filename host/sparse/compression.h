// From a colouring to the way back from compressed products to entries.
#pragma once

#include "cunewton/sparse_hessian.h"
#include "host/backend/sparse_matrices.h"

namespace cunewton {

/// Recovery of a matrix with this pattern from products with the colouring's seeds. Throws
/// InvalidArgument where the colouring is not of that kind.
Compression compression_of(const SparsityPattern& pattern, const Colouring& colouring,
                           ColouringKind kind);

}  // namespace cunewton
