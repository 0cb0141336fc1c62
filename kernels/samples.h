// Samples that the caller has on the device: what is wrong with them, and their features in the
// order that evaluations read. Conventions as in vector.h.
#pragma once

#include <cstddef>

#include "cunewton/cuda/code.h"
#include "cunewton/problem/samples.h"

namespace cunewton::cuda {

/// Numbers of the first fault of each kind; -1: there is none.
struct SampleFaults {
    long feature = -1;  ///< i * dimension + j: not finite
    long target = -1;   ///< i * target_count + j: not finite
    long offset = -1;   ///< i * offset_count + j: not finite
    long weight = -1;   ///< not finite, or negative
    double total = 0;   ///< sum of the weights, where all are right
};
/// Waits for the result. Throws OutOfMemory or DeviceError.
template <class T>
SampleFaults find_faults(const Samples<T>& samples, Stream stream);

/// to[j * to_ld + i] = feature j of sample i.
template <class T>
void launch_gather_features(T* to, std::ptrdiff_t to_ld, const Samples<T>& samples, Stream stream);

/// Samples indices[0 .. count - 1] of `from`: features into columns that are ld apart, weights
/// times `share`, and `target_count` targets a sample unless they are null.
template <class T>
void launch_select_samples(const DeviceSamples<T>& from, const long* indices, T share, long count,
                           T* features, std::ptrdiff_t ld, int target_count, T* targets, T* weights,
                           Stream stream);

/// Rows indices[0 .. count - 1] of `from`, of `columns` numbers next to each other.
template <class T>
void launch_select_rows(T* to, const T* from, const long* indices, long count, int columns,
                        Stream stream);

/// z[k * ld + i] += offsets[i * outputs + k].
template <class T>
void launch_add_offsets(T* z, std::ptrdiff_t ld, const T* offsets, long count, int outputs,
                        Stream stream);

}  // namespace cunewton::cuda
