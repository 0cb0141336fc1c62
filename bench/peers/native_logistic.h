// Plain vectorised loops over the signed logistic loss, compiled for the processor at hand with
// -ffast-math: how fast one loss evaluation can be made by the compiler alone.
//
// Samples come in blocks of native_block: feature j of sample b of block k is
// X[(k * n + j) * native_block + b]. Missing samples of the last block have weight 0.
#pragma once

namespace cunewton::bench {

inline constexpr int native_block = 16;

struct NativeSamples {
    const double* X;
    const double* s;       ///< +1 or -1
    const double* weight;  ///< 1 or 0
    int n;
};

/// sum_i log(1 + exp(-s_i x_i'w)) over blocks [first, last).
double native_loss(const NativeSamples& samples, long first, long last, const double* w);
/// As native_loss; also adds the gradient of the sum to g.
double native_loss_and_gradient(const NativeSamples& samples, long first, long last,
                                const double* w, double* g);

}  // namespace cunewton::bench
