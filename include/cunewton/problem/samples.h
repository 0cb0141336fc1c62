// The data of losses that are sums over samples.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>

#include "cunewton/array.h"
#include "cunewton/error.h"

namespace cunewton {

/// Samples in the caller's memory, on the host or on a GPU, which must outlive every Problem made
/// from them unless `keep` owns it. They are checked once, when the problem is made: readable, all
/// numbers finite, weights >= 0 and not all zero. Where the problem runs they are read as they lie
/// or copied; those on a GPU never leave it for a problem that runs there.
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
    Memory memory = Memory::host;        ///< of all three arrays
    int device = -1;                     ///< number of the GPU; -1: the current one
    std::shared_ptr<const void> keep{};  ///< lives as long as the problems made from them

    /// features: N x d, a row a sample, at any distances (column-major data are an array of d rows,
    /// transposed()); targets, weights: N numbers one after the other, or empty. All in the same
    /// memory. Throws InvalidArgument where they are not.
    static Samples of(const Array<const T>& features, const Array<const T>& targets = {},
                      const Array<const T>& weights = {});
};

template <class T>
Samples<T> Samples<T>::of(const Array<const T>& features, const Array<const T>& targets,
                          const Array<const T>& weights) {
    const auto check = [&](const Array<const T>& array, const char* name) {
        if (array.data == nullptr) return;
        if (array.size() != features.rows)
            throw InvalidArgument(std::string(name) + " have the wrong size (" +
                                  std::to_string(array.size()) + " for " +
                                  std::to_string(features.rows) + " samples) pass one for each");
        const bool column = array.columns == 1 && (array.rows <= 1 || array.row_stride == 1);
        if (!array.contiguous() && !column)
            throw InvalidArgument(
                std::string(name) +
                " are not one after the other (their distance is not 1) copy them");
        if (array.memory != features.memory || array.device != features.device)
            throw InvalidArgument(
                std::string(name) +
                " are in other memory than the features (one of them is on a GPU, "
                "or on another one) bring all there");
    };
    check(targets, "targets");
    check(weights, "weights");
    if (features.columns > std::numeric_limits<int>::max())
        throw InvalidArgument("there are too many features (" + std::to_string(features.columns) +
                              ") pass at most " + std::to_string(std::numeric_limits<int>::max()));
    Samples samples;
    samples.features = features.data;
    samples.count = features.rows;
    samples.dimension = static_cast<int>(features.columns);
    samples.ld =
        features.rows > 1 ? features.row_stride : features.columns * features.column_stride;
    samples.targets = targets.data;
    samples.weights = weights.data;
    samples.feature_stride = features.column_stride;
    samples.memory = features.memory;
    samples.device = features.device;
    if (features.keep || targets.keep || weights.keep)
        samples.keep = std::make_shared<std::array<std::shared_ptr<const void>, 3>>(
            std::array{features.keep, targets.keep, weights.keep});
    return samples;
}

enum class Reduction {
    mean,  ///< divide the weighted sum by sum_i w_i
    sum,
};

struct ProblemOptions {
    Reduction reduction = Reduction::mean;
    /// Adds l2/2 sum_j x_j^2 (after the reduction).
    double l2 = 0;
    /// Linear predictors only: one more coefficient for each output, multiplied by 1.
    bool intercept = false;
    bool penalize_intercept = false;
};

}  // namespace cunewton
