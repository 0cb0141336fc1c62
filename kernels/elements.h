// Launchers of the kernels that add up the derivatives of elements: sums of numbers from a list,
// one thread a sum. Conventions as in vector.h.
#pragma once

#include <cstdint>

#include "kernels/assemble.h"

namespace cunewton::cuda {

/// GatherLists on the device.
struct DeviceLists {
    const std::uint32_t* starts;
    const std::uint32_t* terms;
};

/// g[j] = scale * sum j + penalty of j times x[j], for n sums.
template <class T>
void launch_gather_gradient(const DeviceLists& lists, const T* numbers, const T* x, int n,
                            Assembly assembly, T* g, Stream stream);
/// entries[e] = scale * sum e, for `size` of them.
template <class T>
void launch_gather_entries(const DeviceLists& lists, const T* numbers, long size, double scale,
                           T* entries, Stream stream);

/// Where the entries of a SparsityPattern are, on the device.
struct DevicePattern {
    int n;
    const long* column_starts;
    const int* rows;
};
/// The same for the diagonal: to[j] = scale * sum of column j's first entry + penalty.
template <class T>
void launch_gather_diagonal(const DeviceLists& lists, const T* numbers,
                            const DevicePattern& pattern, Assembly assembly, T* to, Stream stream);
/// entries += the penalty, on the diagonal.
template <class T>
void launch_penalize_entries(const DevicePattern& pattern, Assembly assembly, T* entries,
                             Stream stream);
/// H, n x n, column-major: its lower triangle has the entries, and else is zero.
template <class T>
void launch_spread_entries(const DevicePattern& pattern, const T* entries, T* H, Stream stream);

/// to[j * ld + e] = sum_i h_ij v[indices[i * ld + e]] for the elements e < count of k parameters,
/// with their packed Hessians h at [... * ld + e].
template <class T>
void launch_element_products(const int* indices, long ld, long count, int k, const T* h, const T* v,
                             T* to, Stream stream);

}  // namespace cunewton::cuda
