#include "kernels/batch_results.h"

#include <algorithm>
#include <cub/device/device_radix_sort.cuh>

#include "cunewton/cuda/launch.cuh"
#include "cunewton/cuda/small_evaluate.cuh"
#include "cunewton/small/problem_io.h"

namespace cunewton::cuda {

namespace {

/// A thread a problem. A problem has few runs: the best one is found by looking at them.
template <class T>
__global__ void batch_results_kernel(const batch::BatchView<T> view,
                                     const batch::BatchMethod<T> method,
                                     const batch::RunResults<T> runs,
                                     const batch::BatchResults<T> results, int n, bool fit) {
    const long problem = thread_index();
    if (problem >= view.problems) return;
    const batch::Finished f = batch::finish(view, method, runs, n, fit, problem);
    batch::emit_problem(runs, results, f, n, view.starts, problem);
}

/// As many numbers as the arguments of a launch have room for.
template <class T>
struct NumbersPart {
    static constexpr int most = 2048 / sizeof(T);
    T values[most] = {};
};
template <class T>
__global__ void batch_numbers_kernel(const NumbersPart<T> part, int count, T* to) {
    for (int k = static_cast<int>(threadIdx.x); k < count; k += static_cast<int>(blockDim.x))
        to[k] = part.values[k];
}

/// A warp a problem, whose workspace is in shared memory.
template <class T>
__global__ void batch_statistics_kernel(const batch::BatchView<T> view,
                                        const batch::BatchMethod<T> method,
                                        const batch::RunResults<T> runs,
                                        const batch::BatchResults<T> results, int n, bool fit) {
    extern __shared__ double statistics_memory[];
    const detail::Warp warp;
    const int warps = static_cast<int>(blockDim.x) / detail::warp_threads;
    const int own = static_cast<int>(threadIdx.x) / detail::warp_threads;
    double* const work = statistics_memory + own * batch::statistics_workspace(n);
    for (long problem = static_cast<long>(blockIdx.x) * warps + own; problem < view.problems;
         problem += static_cast<long>(gridDim.x) * warps) {
        const batch::Finished f = batch::finish(view, method, runs, n, fit, problem);
        batch::emit_statistics(runs, method, results, f, n, problem, work, warp);
    }
}

/// The sort's keys, small ones first, and its values.
__global__ void batch_sizes_kernel(const long* offsets, long problems, int points, int* keys,
                                   int* numbers) {
    const long i = thread_index();
    if (i >= problems) return;
    const long count = offsets[i + 1] - offsets[i];
    keys[i] = count < 0 || count > points ? points : points - static_cast<int>(count);
    numbers[i] = static_cast<int>(i);
}

struct OrderPlaces {
    std::size_t keys, sorted, numbers, sort, end;
    explicit OrderPlaces(long problems, std::size_t sort_bytes) {
        const std::size_t array =
            (static_cast<std::size_t>(problems) * sizeof(int) + 255) / 256 * 256;
        keys = 0;
        sorted = keys + array;
        numbers = sorted + array;
        sort = numbers + array;
        end = sort + sort_bytes;
    }
};

std::size_t sort_bytes(long problems) {
    std::size_t bytes = 0;
    check_call(cub::DeviceRadixSort::SortPairs(
                   nullptr, bytes, static_cast<const int*>(nullptr), static_cast<int*>(nullptr),
                   static_cast<const int*>(nullptr), static_cast<int*>(nullptr), problems),
               "the problems of a batch were not ordered");
    return bytes;
}

}  // namespace

template <class T>
void launch_batch_results(const batch::BatchView<T>& view, const batch::BatchMethod<T>& method,
                          const batch::RunResults<T>& runs, const batch::BatchResults<T>& results,
                          int n, bool fit, Stream stream) {
    if (view.problems == 0) return;
    constexpr int threads = 128;
    batch_results_kernel<<<blocks_for(view.problems, threads), threads, 0, stream>>>(
        view, method, runs, results, n, fit);
    check_launch("the results of a batch");
}

template <class T>
void launch_batch_statistics(const batch::BatchView<T>& view, const batch::BatchMethod<T>& method,
                             const batch::RunResults<T>& runs,
                             const batch::BatchResults<T>& results, int n, bool fit,
                             Stream stream) {
    if (view.problems == 0) return;
    // What every device lets a block have without being asked.
    constexpr long shared = 48 * 1024;
    const long bytes = batch::statistics_workspace(n) * static_cast<long>(sizeof(double));
    const int warps = static_cast<int>(std::clamp(shared / bytes, 1L, 8L));
    const long blocks = std::min((view.problems + warps - 1) / warps, 1L << 20);
    batch_statistics_kernel<<<static_cast<unsigned>(blocks),
                              static_cast<unsigned>(warps * detail::warp_threads),
                              static_cast<std::size_t>(warps * bytes), stream>>>(view, method, runs,
                                                                                 results, n, fit);
    check_launch("the statistics of a batch");
}

std::size_t batch_order_bytes(long problems) {
    return OrderPlaces(problems, sort_bytes(problems)).end;
}

void launch_batch_order(const long* offsets, long problems, int points, int* order, void* workspace,
                        Stream stream) {
    if (problems == 0) return;
    std::size_t bytes = sort_bytes(problems);
    const OrderPlaces at(problems, bytes);
    char* const memory = static_cast<char*>(workspace);
    const auto ints = [&](std::size_t place) { return reinterpret_cast<int*>(memory + place); };
    constexpr int threads = 256;
    batch_sizes_kernel<<<blocks_for(problems, threads), threads, 0, stream>>>(
        offsets, problems, points, ints(at.keys), ints(at.numbers));
    check_launch("the order of a batch");
    int bits = 1;
    while (points >> bits != 0) ++bits;
    check_call(
        cub::DeviceRadixSort::SortPairs(memory + at.sort, bytes, ints(at.keys), ints(at.sorted),
                                        ints(at.numbers), order, problems, 0, bits, stream),
        "the problems of a batch were not ordered");
}

template <class T>
void launch_batch_numbers(const T* numbers, long count, T* to, Stream stream) {
    using Part = NumbersPart<T>;
    for (long first = 0; first < count; first += Part::most) {
        Part part;
        const long size = std::min<long>(Part::most, count - first);
        std::copy_n(numbers + first, size, part.values);
        batch_numbers_kernel<<<1, 256, 0, stream>>>(part, static_cast<int>(size), to + first);
        check_launch("the starts of a batch");
    }
}

#define CUNEWTON_INSTANTIATE(T)                                                                    \
    template void launch_batch_numbers(const T*, long, T*, Stream);                                \
    template void launch_batch_results(const batch::BatchView<T>&, const batch::BatchMethod<T>&,   \
                                       const batch::RunResults<T>&, const batch::BatchResults<T>&, \
                                       int, bool, Stream);                                         \
    template void launch_batch_statistics(                                                         \
        const batch::BatchView<T>&, const batch::BatchMethod<T>&, const batch::RunResults<T>&,     \
        const batch::BatchResults<T>&, int, bool, Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cuda
