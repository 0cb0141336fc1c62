// The diagonal blocks of linear predictors, which are the same on every backend.
#pragma once

#include "cunewton/problem/forms.h"
#include "host/backend/preconditioner.h"
#include "host/backend/ranks.h"

namespace cunewton {

/// A block an output. With N samples and K outputs of m coefficients they take N m^2 K operations
/// and their factors m^3 K / 3; a product with the Hessian takes 4 N m K, which run about two
/// fifths as fast (measured on the CPU).
template <class T>
DiagonalBlocks predictor_blocks(const ProblemParts<T>& parts, bool shift_invariant) {
    const auto& form = std::get<LinearPredictor<T>>(parts.form);
    const int size = parts.dimension / form.outputs;
    const double N = static_cast<double>(parts.ranks ? parts.ranks->samples() : form.samples.count);
    return {form.outputs, size, shift_invariant && form.outputs > 1, parts.penalty.l2,
            size / 10.0 * (1 + size / (3 * N))};
}

}  // namespace cunewton
