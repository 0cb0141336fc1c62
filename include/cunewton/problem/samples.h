// The data of losses that are sums over samples.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>
#include <memory>

#include "cunewton/array.h"
#include "cunewton/choices.h"
#include "cunewton/communicator.h"

namespace cunewton {

/// Samples in the caller's memory, on the host or on a GPU, which must outlive every Problem made
/// from them unless `keep` owns it. They are checked once, when the problem is made: readable, all
/// numbers finite, weights >= 0 and not all zero. Where the problem runs they are read as they lie
/// or copied; those on a GPU never leave it for a problem that runs there. A sample has one target,
/// but for make_perceptron() with a squared error of several outputs.
template <class T>
struct Samples {
    /// Row-major: feature j of sample i at features[i * ld + j * feature_stride].
    const T* features = nullptr;
    long count = 0;                      ///< samples N
    int dimension = 0;                   ///< features of one sample, d
    std::ptrdiff_t ld = 0;               ///< distance between samples; 0 means dimension
    const T* targets = nullptr;          ///< N targets y_i, or null if the loss has none
    const T* weights = nullptr;          ///< N weights w_i, or null for all 1
    std::ptrdiff_t feature_stride = 1;   ///< distance between features of a sample
    int target_count = 1;                ///< targets of one sample, next to each other: see below
    Memory memory = Memory::host;        ///< of all four arrays
    int device = -1;                     ///< number of the GPU; -1: the current one
    std::shared_ptr<const void> keep{};  ///< lives as long as the problems made from them
    /// Of linear predictors alone: numbers that are added to z_i, N x K, a sample's K next to each
    /// other, such as the logarithms of exposures; null for all 0. They must be finite.
    const T* offsets = nullptr;
    int offset_count = 1;  ///< offsets of one sample, K

    /// features: N x d, a row a sample, at any distances (column-major data are an array of d rows,
    /// transposed()); targets, weights: N numbers one after the other, or empty; targets may also
    /// be N rows of several. All in the same memory. Throws InvalidArgument where they are not.
    static Samples of(const Array<const T>& features, const Array<const T>& targets = {},
                      const Array<const T>& weights = {});
    /// These samples with offsets: N numbers one after the other, or N rows of K, in the memory of
    /// the features; empty: none. A rate per exposure is fitted with the logarithms of the
    /// exposures. Throws InvalidArgument as of() does.
    Samples with_offsets(const Array<const T>& offsets) const;
};

extern template struct Samples<double>;
extern template struct Samples<float>;

enum class Reduction {
    automatic,  ///< sum of elements and residuals, mean of others
    mean,       ///< divide the weighted sum by sum_i w_i
    sum,
};

struct ProblemOptions {
    Reduction reduction = Reduction::automatic;
    /// Adds l2/2 sum_j x_j^2 (after the reduction).
    double l2 = 0;
    /// Linear predictors only: one more coefficient for each output, multiplied by 1.
    bool intercept = false;
    bool penalize_intercept = false;
    /// Residuals only: what is made of them, and its tuning constant c; 0: the estimator's usual
    /// one.
    Estimator estimator = Estimator::least_squares;
    double tuning = 0;
    /// Of the ranks whose samples, together, are the problem's: each makes the problem of its own
    /// part. These are consecutive, in the order of ranks. All calls on the problem are then made
    /// by all ranks, with the same points and options; threads, device and callback may differ. All
    /// take the same steps and return the same bits. What fails on one of them throws RankError on
    /// the others. Null: all samples are here. Objectives, black boxes and
    /// sums of elements refuse it.
    std::shared_ptr<Communicator> communicator{};
    RankSums rank_sums = RankSums::fixed_order;
};

}  // namespace cunewton
