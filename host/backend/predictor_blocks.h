// The diagonal blocks of linear predictors, which are the same on every backend.
#pragma once

#include <algorithm>

#include "cunewton/problem/forms.h"
#include "host/backend/preconditioner.h"
#include "host/backend/ranks.h"

namespace cunewton {

/// Samples that blocks of so many parameters are computed from: ten times as many where there are
/// at least three times as many still; else 0, all. Eigenvalues are then within a factor of (1 +
/// sqrt(1/10))^2 / (1 - sqrt(1/10))^2 = 3.7 of the whole's (Marchenko and Pastur 1967), which is
/// what conjugate gradients see.
inline long block_samples(int size, long all) {
    const long some = 10L * size;
    return all >= 3 * some ? some : 0;
}

/// A block an output. With N samples, K outputs of m coefficients and blocks from n samples these
/// take n m^2 K operations and their factors m^3 K / 3; a product with the Hessian takes 4 N m K,
/// which run about two fifths as fast, and reads N m numbers in the time of 80 operations each
/// (measured on the CPU).
template <class T>
DiagonalBlocks predictor_blocks(const ProblemParts<T>& parts, bool shift_invariant) {
    const auto& form = std::get<LinearPredictor<T>>(parts.form);
    const int size = parts.dimension / form.outputs;
    const double N = static_cast<double>(form.samples.count), K = form.outputs;
    const long some = parts.ranks ? 0 : block_samples(size, form.samples.count);
    const double share = some > 0 ? static_cast<double>(some) / N : 1;
    // After samples the point is prepared again for all.
    const double again = some > 0 ? 1 : 0;
    return {.count = form.outputs,
            .size = size,
            .shift_invariant = shift_invariant && form.outputs > 1,
            .l2 = parts.penalty.l2,
            .samples = some,
            .cost = again + size / 10.0 * (share + size / (3 * N)) * K / std::max(K, 8.0)};
}

}  // namespace cunewton
