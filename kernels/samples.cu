#include "kernels/samples.h"

#include <thrust/execution_policy.h>
#include <thrust/find.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/reduce.h>

#include <algorithm>
#include <new>
#include <string>

#include "cunewton/cuda/launch.cuh"
#include "cunewton/error.h"

namespace cunewton::cuda {

namespace {

constexpr int threads = 256;

/// What a thread of Thrust reads: number k of rows of `columns` numbers.
template <class T>
struct Numbers {
    const T* data;
    std::ptrdiff_t row, column;
    long columns;
    __device__ T operator()(long k) const { return data[k / columns * row + k % columns * column]; }
};
template <class T>
struct IsNotFinite {
    Numbers<T> numbers;
    __device__ bool operator()(long k) const { return !isfinite(numbers(k)); }
};
template <class T>
struct IsNoWeight {
    Numbers<T> numbers;
    __device__ bool operator()(long k) const { return !isfinite(numbers(k)) || numbers(k) < T(0); }
};
template <class T>
struct AsDouble {
    Numbers<T> numbers;
    __device__ double operator()(long k) const { return static_cast<double>(numbers(k)); }
};

/// The first of `count` numbers for which the predicate holds, or -1.
template <class Predicate>
long first_where(long count, const Predicate& predicate, cudaStream_t stream) {
    const thrust::counting_iterator<long> begin(0), end(count);
    const auto found = thrust::find_if(thrust::cuda::par.on(stream), begin, end, predicate);
    return found == end ? -1 : *found;
}

template <class T>
__global__ void gather_features_kernel(T* to, std::ptrdiff_t to_ld, const T* from,
                                       std::ptrdiff_t ld, std::ptrdiff_t feature_stride, long count,
                                       int dimension) {
    const long i = thread_index();
    if (i >= count) return;
    for (int j = static_cast<int>(blockIdx.y); j < dimension; j += static_cast<int>(gridDim.y))
        to[j * to_ld + i] = from[i * ld + j * feature_stride];
}

template <class T>
__global__ void select_samples_kernel(DeviceSamples<T> from, const long* indices, T share,
                                      long count, T* features, std::ptrdiff_t ld, int target_count,
                                      T* targets, T* weights) {
    const long i = thread_index();
    if (i >= count) return;
    const long source = indices[i];
    for (int j = static_cast<int>(blockIdx.y); j < from.dimension; j += static_cast<int>(gridDim.y))
        features[j * ld + i] = from.features[j * from.ld + source];
    if (blockIdx.y > 0) return;
    for (int j = 0; targets && j < target_count; ++j)
        targets[i * target_count + j] = from.targets[source * target_count + j];
    weights[i] = from.weights ? share * from.weights[source] : share;
}

template <class T>
__global__ void select_rows_kernel(T* to, const T* from, const long* indices, long count,
                                   int columns) {
    const long i = thread_index();
    if (i >= count) return;
    for (int j = 0; j < columns; ++j) to[i * columns + j] = from[indices[i] * columns + j];
}

template <class T>
__global__ void add_offsets_kernel(T* z, std::ptrdiff_t ld, const T* offsets, long count,
                                   int outputs) {
    const long i = thread_index();
    if (i >= count) return;
    for (int k = 0; k < outputs; ++k) z[k * ld + i] += offsets[i * outputs + k];
}

}  // namespace

template <class T>
SampleFaults find_faults(const Samples<T>& s, Stream stream) {
    SampleFaults faults;
    try {
        const long all = s.count * s.dimension;
        if (all > 0)
            faults.feature = first_where(
                all, IsNotFinite<T>{{s.features, s.ld, s.feature_stride, s.dimension}}, stream);
        if (s.targets)
            faults.target =
                first_where(s.count * s.target_count,
                            IsNotFinite<T>{{s.targets, 0, 1, s.count * s.target_count}}, stream);
        if (s.offsets)
            faults.offset =
                first_where(s.count * s.offset_count,
                            IsNotFinite<T>{{s.offsets, 0, 1, s.count * s.offset_count}}, stream);
        faults.total = static_cast<double>(s.count);
        if (s.weights) {
            const Numbers<T> weights{s.weights, 0, 1, s.count};
            faults.weight = first_where(s.count, IsNoWeight<T>{weights}, stream);
            const auto begin = thrust::make_transform_iterator(thrust::counting_iterator<long>(0),
                                                               AsDouble<T>{weights});
            faults.total =
                thrust::reduce(thrust::cuda::par.on(stream), begin, begin + s.count, 0.0);
        }
    } catch (const std::bad_alloc&) {
        throw OutOfMemory("the device has no memory to check samples (workspace) free some");
    } catch (const std::exception& error) {
        static_cast<void>(cudaGetLastError());
        throw DeviceError(std::string("samples on the device could not be checked (") +
                          error.what() + ") check the device");
    }
    return faults;
}

template <class T>
void launch_gather_features(T* to, std::ptrdiff_t to_ld, const Samples<T>& s, Stream stream) {
    if (s.count == 0 || s.dimension == 0) return;
    const unsigned layers = static_cast<unsigned>(s.dimension < 1024 ? s.dimension : 1024);
    gather_features_kernel<<<dim3(blocks_for(s.count, threads), layers), threads, 0, stream>>>(
        to, to_ld, s.features, s.ld, s.feature_stride, s.count, s.dimension);
    check_launch("gather_features_kernel");
}

template <class T>
void launch_select_samples(const DeviceSamples<T>& from, const long* indices, T share, long count,
                           T* features, std::ptrdiff_t ld, int target_count, T* targets, T* weights,
                           Stream stream) {
    const unsigned layers = static_cast<unsigned>(std::clamp(from.dimension, 1, 1024));
    select_samples_kernel<<<dim3(blocks_for(count, threads), layers), threads, 0, stream>>>(
        from, indices, share, count, features, ld, target_count, targets, weights);
    check_launch("select_samples_kernel");
}

template <class T>
void launch_select_rows(T* to, const T* from, const long* indices, long count, int columns,
                        Stream stream) {
    select_rows_kernel<<<blocks_for(count, threads), threads, 0, stream>>>(to, from, indices, count,
                                                                           columns);
    check_launch("select_rows_kernel");
}

template <class T>
void launch_add_offsets(T* z, std::ptrdiff_t ld, const T* offsets, long count, int outputs,
                        Stream stream) {
    add_offsets_kernel<<<blocks_for(count, threads), threads, 0, stream>>>(z, ld, offsets, count,
                                                                           outputs);
    check_launch("add_offsets_kernel");
}

#define CUNEWTON_INSTANTIATE(T)                                                            \
    template void launch_select_samples(const DeviceSamples<T>&, const long*, T, long, T*, \
                                        std::ptrdiff_t, int, T*, T*, Stream);              \
    template void launch_select_rows(T*, const T*, const long*, long, int, Stream);        \
    template void launch_add_offsets(T*, std::ptrdiff_t, const T*, long, int, Stream);     \
    template SampleFaults find_faults(const Samples<T>&, Stream);                          \
    template void launch_gather_features(T*, std::ptrdiff_t, const Samples<T>&, Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cuda
