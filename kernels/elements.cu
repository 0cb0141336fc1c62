#include "kernels/elements.h"

#include "cunewton/cuda/launch.cuh"

namespace cunewton::cuda {

namespace {

constexpr int threads = 128;

template <class T>
CUNEWTON_HOST_DEVICE double gathered(const DeviceLists& lists, const T* numbers, long r) {
    double sum = 0;
    const std::uint32_t end = lists.starts[r + 1];
    for (std::uint32_t k = lists.starts[r]; k < end; ++k)
        sum += static_cast<double>(numbers[lists.terms[k]]);
    return sum;
}

template <class T>
__global__ void gather_gradient_kernel(DeviceLists lists, const T* numbers, const T* x, int n,
                                       Assembly assembly, T* g) {
    const long j = thread_index();
    if (j >= n) return;
    g[j] = static_cast<T>(assembly.scale * gathered(lists, numbers, j) +
                          assembly.penalty.at(static_cast<int>(j)) * x[j]);
}

template <class T>
__global__ void gather_entries_kernel(DeviceLists lists, const T* numbers, long size, double scale,
                                      T* entries) {
    const long e = thread_index();
    if (e < size) entries[e] = static_cast<T>(scale * gathered(lists, numbers, e));
}

template <class T>
__global__ void gather_diagonal_kernel(DeviceLists lists, const T* numbers, DevicePattern pattern,
                                       Assembly assembly, T* to) {
    const long j = thread_index();
    if (j >= pattern.n) return;
    to[j] = static_cast<T>(assembly.scale * gathered(lists, numbers, pattern.column_starts[j]) +
                           assembly.penalty.at(static_cast<int>(j)));
}

template <class T>
__global__ void penalize_entries_kernel(DevicePattern pattern, Assembly assembly, T* entries) {
    const long j = thread_index();
    if (j < pattern.n)
        entries[pattern.column_starts[j]] +=
            static_cast<T>(assembly.penalty.at(static_cast<int>(j)));
}

/// A block a column.
template <class T>
__global__ void __launch_bounds__(threads)
    spread_entries_kernel(DevicePattern pattern, const T* entries, T* H) {
    const int j = static_cast<int>(blockIdx.x);
    T* const column = H + static_cast<std::size_t>(j) * pattern.n;
    for (int i = j + static_cast<int>(threadIdx.x); i < pattern.n; i += threads) column[i] = T(0);
    __syncthreads();
    const long end = pattern.column_starts[j + 1];
    for (long e = pattern.column_starts[j] + threadIdx.x; e < end; e += threads)
        column[pattern.rows[e]] = entries[e];
}

template <class T>
__global__ void element_products_kernel(const int* indices, long ld, long count, int k, const T* h,
                                        const T* v, T* to) {
    const long e = thread_index();
    if (e >= count) return;
    for (int j = 0; j < k; ++j) {
        T sum = 0;
        for (int i = 0; i < k; ++i) {
            const int column = i < j ? i : j, row = i < j ? j : i;
            sum += h[(column * (2L * k - column - 1) / 2 + row) * ld + e] * v[indices[i * ld + e]];
        }
        to[j * ld + e] = sum;
    }
}

}  // namespace

template <class T>
void launch_gather_gradient(const DeviceLists& lists, const T* numbers, const T* x, int n,
                            Assembly assembly, T* g, Stream stream) {
    gather_gradient_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(lists, numbers, x, n,
                                                                           assembly, g);
    check_launch("gather_gradient_kernel");
}

template <class T>
void launch_gather_entries(const DeviceLists& lists, const T* numbers, long size, double scale,
                           T* entries, Stream stream) {
    gather_entries_kernel<<<blocks_for(size, threads), threads, 0, stream>>>(lists, numbers, size,
                                                                             scale, entries);
    check_launch("gather_entries_kernel");
}

template <class T>
void launch_gather_diagonal(const DeviceLists& lists, const T* numbers,
                            const DevicePattern& pattern, Assembly assembly, T* to, Stream stream) {
    gather_diagonal_kernel<<<blocks_for(pattern.n, threads), threads, 0, stream>>>(
        lists, numbers, pattern, assembly, to);
    check_launch("gather_diagonal_kernel");
}

template <class T>
void launch_penalize_entries(const DevicePattern& pattern, Assembly assembly, T* entries,
                             Stream stream) {
    if (assembly.penalty.l2 == 0) return;
    penalize_entries_kernel<<<blocks_for(pattern.n, threads), threads, 0, stream>>>(
        pattern, assembly, entries);
    check_launch("penalize_entries_kernel");
}

template <class T>
void launch_spread_entries(const DevicePattern& pattern, const T* entries, T* H, Stream stream) {
    spread_entries_kernel<<<static_cast<unsigned>(pattern.n), threads, 0, stream>>>(pattern,
                                                                                    entries, H);
    check_launch("spread_entries_kernel");
}

template <class T>
void launch_element_products(const int* indices, long ld, long count, int k, const T* h, const T* v,
                             T* to, Stream stream) {
    element_products_kernel<<<blocks_for(count, threads), threads, 0, stream>>>(indices, ld, count,
                                                                                k, h, v, to);
    check_launch("element_products_kernel");
}

#define CUNEWTON_INSTANTIATE(T)                                                                  \
    template void launch_gather_gradient(const DeviceLists&, const T*, const T*, int, Assembly,  \
                                         T*, Stream);                                            \
    template void launch_gather_entries(const DeviceLists&, const T*, long, double, T*, Stream); \
    template void launch_gather_diagonal(const DeviceLists&, const T*, const DevicePattern&,     \
                                         Assembly, T*, Stream);                                  \
    template void launch_penalize_entries(const DevicePattern&, Assembly, T*, Stream);           \
    template void launch_spread_entries(const DevicePattern&, const T*, T*, Stream);             \
    template void launch_element_products(const int*, long, long, int, const T*, const T*, T*,   \
                                          Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cuda
