// The diagonal blocks of linear predictors, which are the same on every backend.
#pragma once

#include "cunewton/problem/forms.h"
#include "host/backend/preconditioner.h"

namespace cunewton {

/// A block an output. A product with the Hessian takes 4 N m K operations for N samples and K
/// outputs of m coefficients, and waits for memory; the blocks take N m^2 K, and run about five times
/// as fast.
template <class T>
DiagonalBlocks predictor_blocks(const ProblemParts<T>& parts, int outputs, bool shift_invariant) {
    const int size = parts.dimension / outputs;
    return {outputs, size, shift_invariant && outputs > 1, parts.penalty, size / 20.0};
}

}  // namespace cunewton
