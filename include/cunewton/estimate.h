// Estimates of a sum's derivatives from some of its samples.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <vector>

#include "cunewton/differentiate.h"

namespace cunewton {

struct EstimateOptions : EvaluationOptions {
    int batches = 16;  ///< at least 2
    long size = 0;     ///< samples of a batch; 0: a hundred. All if there are fewer
    /// The parameters whose rows and columns are wanted, in this order, each at most once; empty:
    /// all.
    std::vector<int> indices{};
    std::uint64_t seed = 1;  ///< the same seed gives the same bits
};

template <class T>
struct HessianEstimate {
    /// m x m for m indices, both triangles filled and equal.
    std::vector<T> hessian;
    /// Of each entry, m x m: the standard deviation of the batches' entries over the root of their
    /// number.
    std::vector<T> standard_errors;
    int batches = 0;
    long size = 0;  ///< samples of each
    std::uint64_t seed = 0;
};

/// The Hessian of a sum over samples, with its penalty, as batches of samples show it: of each
/// batch, drawn at random without repetition and independently of the others, differences of
/// gradients
///     D_ij = (g_i(x + h_j e_j) - g_i(x - h_j e_j)) / 2 h_j,
/// both on the same batch, made symmetric, and their mean. (Differences of gradients on different
/// batches would have a variance of order 1 / h^2.) A batch's gradient is that of all samples on
/// the average, so D is unbiased where central differences are exact, as of quadratics, and else
/// has their error, O(h^2); with b batches of s of N samples an entry's variance is (1 - s/N) / (s
/// b) times that of single samples' entries (Cochran 1977, "Sampling techniques", theorem 2.2),
/// which standard_errors estimates. It takes 2 m b gradients of s samples, and m x m numbers on the
/// host. The step h_j is DerivativeOptions::relative_step, or epsilon^(1/3), times max(|x_j|,
/// typical_x_j).
///
/// Throws InvalidArgument as hessian(), for a loss that is not a sum over several samples, for
/// fewer than two batches, a negative size, and indices that are not different parameters'.
template <class T>
HessianEstimate<T> estimate_hessian(const Problem<T>& problem, const std::vector<T>& x,
                                    const EstimateOptions& options = {});

}  // namespace cunewton
