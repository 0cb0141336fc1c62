// The diagonal blocks of linear predictors, which are the same on every backend.
#pragma once

#include <algorithm>

#include "cunewton/problem/forms.h"
#include "host/backend/preconditioner.h"
#include "host/backend/ranks.h"

namespace cunewton {

/// A block an output, of ten times as many samples as it has parameters where there are at least
/// three times as many still: their eigenvalues are then within a factor of (1 + sqrt(1/10))^2 /
/// (1 - sqrt(1/10))^2 = 3.7 of the whole's (Marchenko and Pastur 1967), which is what conjugate
/// gradients see. With N samples, K outputs of m coefficients and blocks from n samples these take
/// n m^2 K operations and their factors m^3 K / 3; a product with the Hessian takes 4 N m K, which
/// run about two fifths as fast, and reads N m numbers in the time of 80 operations each (measured
/// on the CPU).
template <class T>
DiagonalBlocks predictor_blocks(const ProblemParts<T>& parts, bool shift_invariant) {
    const auto& form = std::get<LinearPredictor<T>>(parts.form);
    const int size = parts.dimension / form.outputs;
    const long some = 10L * size, all = form.samples.count;
    const bool sampled = !parts.ranks && all >= 3 * some;
    const double N = static_cast<double>(all), K = form.outputs;
    const double share = sampled ? static_cast<double>(some) / N : 1;
    return {
        .count = form.outputs,
        .size = size,
        .shift_invariant = shift_invariant && form.outputs > 1,
        .l2 = parts.penalty.l2,
        .samples = sampled ? some : 0,
        .cost = (sampled ? 1 : 0) + size / 10.0 * (share + size / (3 * N)) * K / std::max(K, 8.0)};
}

}  // namespace cunewton
