// The diagonal blocks of linear predictors, which are the same on every backend.
#pragma once

#include <algorithm>

#include "cunewton/problem/forms.h"
#include "host/backend/preconditioner.h"
#include "host/backend/ranks.h"

namespace cunewton {

/// Samples that a single output's block is computed from, of `size` parameters: ten times as many
/// where there are at least twice as many still; else 0, all. Where no few samples stand out its
/// eigenvalues are then within a factor of about (1 + sqrt(1/10))^2 / (1 - sqrt(1/10))^2 = 3.7 of
/// the Hessian's (Marchenko and Pastur 1967), which is what conjugate gradients see. Blocks of
/// several outputs are cheap as they are.
inline long block_samples(int outputs, int size, long all) {
    const long some = 10L * size;
    return outputs == 1 && all >= 2 * some ? some : 0;
}

/// A block an output. With N samples, K outputs of m coefficients and blocks from n samples these
/// take n m^2 K operations and their factors m^3 K / 3; a product with the Hessian takes 4 N m K,
/// which run about two fifths as fast, and reads N m numbers in the time of 80 operations each
/// (measured on the CPU).
template <class T>
DiagonalBlocks predictor_blocks(const ProblemParts<T>& parts, bool shift_invariant) {
    const auto& form = std::get<LinearPredictor<T>>(parts.form);
    const int size = parts.dimension / form.outputs;
    const long all = parts.ranks ? parts.ranks->samples() : form.samples.count;
    const double N = static_cast<double>(all), K = form.outputs;
    const long some = block_samples(form.outputs, size, all);
    const double share = some > 0 ? static_cast<double>(some) / N : 1;
    const double products = size / 10.0 * (share + size / (3 * N)) * K / std::max(K, 8.0);
    return {.count = form.outputs,
            .size = size,
            .shift_invariant = shift_invariant && form.outputs > 1,
            .l2 = parts.penalty.l2,
            .samples = some,
            .cost = some > 0 ? std::max(15.0, products) : products};
}

}  // namespace cunewton
