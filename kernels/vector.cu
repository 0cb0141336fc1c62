#include "kernels/vector.h"

#include <cub/block/block_reduce.cuh>

#include "cunewton/cuda/launch.cuh"
#include "cunewton/math/bounds.h"
#include "cunewton/math/curvature_scale.h"
#include "cunewton/math/ratio.h"
#include "kernels/largest.cuh"

namespace cunewton::cuda {

namespace {

constexpr int threads = 256;
constexpr int most_dot_blocks = 256;

template <class T>
__device__ T value_of(const DeviceFactor<T>& a) {
    return a.over ? static_cast<T>(ratio_of(a.sign, *a.over, *a.under)) : a.value;
}

template <class T>
__global__ void scale_kernel(T* y, DeviceFactor<T> a, const T* x, long n) {
    const long j = thread_index();
    if (j < n) y[j] = value_of(a) * x[j];
}

template <class T>
__global__ void rescale_kernel(T* y, const T* S, int power, const T* x, long n) {
    const long j = thread_index();
    if (j < n) y[j] = power < 0 ? x[j] / S[j] : S[j] * (S[j] * x[j]);
}

/// That of a row of blocks. (blockIdx.x numbers matrices, of which there may be many.)
template <class T>
__device__ MatrixTask<T> task_of(const MatrixTasks<T>& tasks) {
    return tasks.list ? tasks.list[blockIdx.x] : tasks.one;
}

template <class T>
__global__ void addresses_kernel(T** to, T* base, bool rows, MatrixTasks<T> tasks) {
    const long i = thread_index();
    if (i >= tasks.count) return;
    const MatrixTask<T> task = tasks.list ? tasks.list[i] : tasks.one;
    to[i] = base + (rows ? static_cast<std::size_t>(task.row) : task.entry);
}

template <class T>
__global__ void raise_scales_kernel(const T* A, const T* g, double f, int parity, T* largest, T* S,
                                    MatrixTasks<T> tasks) {
    const MatrixTask<T> task = task_of(tasks);
    const std::size_t j = static_cast<std::size_t>(blockIdx.y) * threads + threadIdx.x;
    if (j >= static_cast<std::size_t>(task.n)) return;
    const std::size_t row = static_cast<std::size_t>(task.row) + j;
    S[row] = raise_scale(largest[row], A[task.entry + j * task.n + j], g[row], f, parity);
}

template <class T>
__global__ void determine_common_shifts_kernel(T* A, int outputs, int n) {
    const long j = thread_index();
    if (j < n / outputs) determine_common_shift(A, outputs, n, static_cast<int>(j));
}

template <class T>
__global__ void add_scaled_kernel(T* y, const T* x, DeviceFactor<T> a, const T* p, long n) {
    const long j = thread_index();
    if (j < n) y[j] = x[j] + value_of(a) * p[j];
}

template <class T>
__global__ void take_off_mean_kernel(T* x, int count, T* mean, long n) {
    const long j = thread_index();
    if (j >= n) return;
    const T part = T(1) / static_cast<T>(count);
    T sum = part * x[j];
    for (int k = 1; k < count; ++k) sum += part * x[k * n + j];
    for (int k = 0; k < count; ++k) x[k * n + j] -= sum;
    mean[j] = sum;
}

template <class T>
__global__ void add_to_each_kernel(T* x, int count, T a, const T* p, long n) {
    const long j = thread_index();
    if (j >= n) return;
    const T more = p[j];
    for (int k = 0; k < count; ++k) x[k * n + j] += a * more;
}

template <class T>
__global__ void adam_step_kernel(T* x, T* mean, T* square, const T* g, long n, AdamStep step) {
    const long j = thread_index();
    if (j < n) adam_step(x[j], mean[j], square[j], g[j], step);
}

template <class T>
__global__ void clamp_kernel(T* y, const T* x, const T* lower, const T* upper, long n) {
    const long j = thread_index();
    if (j < n) y[j] = clamped(x[j], lower[j], upper[j]);
}

template <class T>
__global__ void find_free_kernel(T* free, const T* x, const T* g, const T* lower, const T* upper,
                                 long n) {
    const long j = thread_index();
    if (j < n) free[j] = is_free(x[j], g[j], lower[j], upper[j]) ? T(1) : T(0);
}

template <class T>
__global__ void select_kernel(T* y, const T* free, const T* x, long n) {
    const long j = thread_index();
    if (j < n) y[j] = free[j] != T(0) ? x[j] : T(0);
}

template <class T>
__global__ void __launch_bounds__(threads) trace_kernel(const T* A, int n, double* out) {
    double sum = 0;
    for (int j = static_cast<int>(threadIdx.x); j < n; j += threads)
        sum +=
            static_cast<double>(A[static_cast<std::size_t>(j) * (static_cast<std::size_t>(n) + 1)]);
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0) *out = sum;
}

template <class T>
__global__ void fill_kernel(T* x, T value, long n) {
    const long j = thread_index();
    if (j < n) x[j] = value;
}

template <class T>
__global__ void __launch_bounds__(threads) dot_kernel(const T* x, const T* y, long n, double* out) {
    double sum = 0;
    for (long j = thread_index(); j < n; j += static_cast<long>(gridDim.x) * threads)
        sum += static_cast<double>(x[j]) * static_cast<double>(y[j]);
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(threads) add_up_kernel(const double* x, int n, double* out) {
    double sum = 0;
    for (int j = threadIdx.x; j < n; j += threads) sum += x[j];
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0) *out = sum;
}

struct Add {
    __device__ NormSum operator()(const NormSum& a, const NormSum& b) const { return a + b; }
};

/// Sum over the block's threads, valid in thread 0.
__device__ NormSum block_norm_sum(const NormSum& sum) {
    using Reduce = cub::BlockReduce<NormSum, threads>;
    __shared__ typename Reduce::TempStorage storage;
    return Reduce(storage).Reduce(sum, Add());
}

/// A row of blocks a task.
template <class T>
__global__ void __launch_bounds__(threads)
    norms_kernel(NormTasks<T> tasks, long n, NormSum* partial) {
    const typename NormTasks<T>::Task task = tasks.list[blockIdx.y];
    NormSum sum;
    for (long j = thread_index(); j < n; j += static_cast<long>(gridDim.x) * threads) {
        const double x = task.x[j];
        sum.add(!task.S ? x : task.inverse ? x / task.S[j] : x * task.S[j]);
    }
    sum = block_norm_sum(sum);
    if (threadIdx.x != 0) return;
    if (gridDim.x == 1) {
        *task.out = sum.norm();
    } else {
        partial[blockIdx.y * gridDim.x + blockIdx.x] = sum;
    }
}

/// A block a task: the norms from `count` partial sums each.
template <class T>
__global__ void __launch_bounds__(threads)
    finish_norms_kernel(NormTasks<T> tasks, const NormSum* partial, int count) {
    NormSum sum;
    for (int j = threadIdx.x; j < count; j += threads) sum = sum + partial[blockIdx.x * count + j];
    sum = block_norm_sum(sum);
    if (threadIdx.x == 0) *tasks.list[blockIdx.x].out = sum.norm();
}

/// Entry (row, column) of an n x n matrix for this thread; false outside of the lower triangle.
__device__ bool lower_entry(int n, int& row, int& column, std::size_t& index) {
    row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    column = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    index = static_cast<std::size_t>(column) * n + row;
    return row < n && column <= row;
}
const dim3 matrix_block(32, 8);
dim3 matrix_grid(int rows, int columns) {
    return dim3(blocks_for(rows, 32), blocks_for(columns, 8));
}

template <class T>
__global__ void set_identity_kernel(T* A, int n, T value, const T* S) {
    int row, column;
    std::size_t index;
    if (!lower_entry(n, row, column, index)) return;
    A[index] = row != column ? T(0) : S ? value / S[row] / S[row] : value;
}

template <class T>
__global__ void restrict_kernel(const T* A, const T* free, T* L, int n) {
    int row, column;
    std::size_t index;
    if (!lower_entry(n, row, column, index)) return;
    L[index] = restricted(A[index], free[row], free[column], row == column);
}

template <class T>
__global__ void shifted_copy_kernel(T* L, const T* A, const T* S, double* diagonal,
                                    MatrixTasks<T> tasks) {
    const MatrixTask<T> task = task_of(tasks);
    const int column = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y),
              row = static_cast<int>(blockIdx.z * blockDim.x + threadIdx.x);
    if (row >= task.n || column > row) return;
    const std::size_t index = task.entry + static_cast<std::size_t>(column) * task.n + row;
    const T a = A[index];
    if (row != column) {
        L[index] = a;
        return;
    }
    const std::size_t j = static_cast<std::size_t>(task.row) + row;
    const T s = S ? S[j] : T(1);
    L[index] = a + s * (task.shift * s);
    diagonal[j] = a;
}

/// A block a row of the symmetric matrix, or, of very large ones, some rows.
template <class T>
__global__ void __launch_bounds__(threads)
    row_sums_kernel(const T* A, const T* S, double* row_sums, MatrixTasks<T> tasks) {
    const MatrixTask<T> task = task_of(tasks);
    const int n = task.n;
    A += task.entry;
    S += task.row;
    for (int i = static_cast<int>(blockIdx.y); i < n; i += static_cast<int>(gridDim.y)) {
        double sum = 0;
        for (int j = threadIdx.x; j < n; j += threads) {
            const std::size_t index =
                j <= i ? static_cast<std::size_t>(j) * n + i : static_cast<std::size_t>(i) * n + j;
            sum += fabs(A[index] / static_cast<double>(S[j]) / S[i]);
        }
        sum = block_sum<threads>(sum);
        if (threadIdx.x == 0) row_sums[task.row + i] = sum;
        __syncthreads();
    }
}

template <class T>
__global__ void __launch_bounds__(threads)
    matrix_bounds_kernel(const T* A, const T* S, const double* row_sums, double* norm,
                         double* min_diagonal, MatrixTasks<T> tasks) {
    const MatrixTask<T> task = task_of(tasks);
    double sum = 0, low = -INFINITY;
    for (int j = threadIdx.x; j < task.n; j += threads) {
        const int row = task.row + j;
        const double diagonal = A[task.entry + static_cast<std::size_t>(j) * task.n + j] /
                                static_cast<double>(S[row]) / S[row];
        sum = Larger()(row_sums[row], sum);
        low = Larger()(-diagonal, low);
    }
    sum = block_largest<threads>(sum);
    low = block_largest<threads>(low);
    if (threadIdx.x == 0) {
        norm[task.place] = sum;
        min_diagonal[task.place] = -low;
    }
}

template <class T>
__global__ void __launch_bounds__(threads)
    factor_info_kernel(const int* info, const double* diagonal, const T* S, const T* L, double* out,
                       double* least_pivot, MatrixTasks<T> tasks) {
    const MatrixTask<T> task = task_of(tasks);
    const int n = task.n;
    L += task.entry;
    diagonal += task.row;
    if (S) S += task.row;
    // The first bad entry and the least pivot, each as the largest of negative numbers.
    int bad = n + 1;
    double pivot = -INFINITY;
    for (int j = threadIdx.x; j < n; j += threads) {
        const T l = L[static_cast<std::size_t>(j) * n + j];
        if (!(l > T(0) && isfinite(l))) bad = min(bad, j + 1);
        pivot = Larger()(-pivot_ratio(static_cast<T>(diagonal[j]), task.shift, S ? S[j] : T(1), l),
                         pivot);
    }
    const double first = -block_largest<threads>(-static_cast<double>(bad));
    pivot = block_largest<threads>(pivot);
    if (threadIdx.x == 0) {
        const int found = info[blockIdx.x];
        out[task.place] = found != 0 ? found : first <= n ? first : 0;
        least_pivot[task.place] = -pivot;
    }
}

constexpr int tile = 32;

template <class T>
__global__ void transpose_kernel(T* to, std::ptrdiff_t to_ld, const T* from, int rows,
                                 int columns) {
    // One more element a row, so that a column of the tile lies in different banks.
    __shared__ T buffer[tile][tile + 1];
    const int column = static_cast<int>(blockIdx.y) * tile,
              row = static_cast<int>(blockIdx.x) * tile;
    const int x = static_cast<int>(threadIdx.x);
    for (int y = static_cast<int>(threadIdx.y); y < tile; y += 8)
        if (row + y < rows && column + x < columns)
            buffer[y][x] = from[static_cast<std::size_t>(row + y) * columns + column + x];
    __syncthreads();
    for (int y = static_cast<int>(threadIdx.y); y < tile; y += 8)
        if (row + x < rows && column + y < columns)
            to[(column + y) * to_ld + row + x] = buffer[x][y];
}

}  // namespace

template <class T>
void launch_scale(T* y, DeviceFactor<T> a, const T* x, long n, Stream stream) {
    if (n == 0) return;
    scale_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(y, a, x, n);
    check_launch("scale_kernel");
}

template <class T>
void launch_rescale(T* y, const T* S, int power, const T* x, long n, Stream stream) {
    if (n == 0) return;
    rescale_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(y, S, power, x, n);
    check_launch("rescale_kernel");
}

template <class T>
void launch_addresses(T** to, T* base, bool rows, const MatrixTasks<T>& tasks, Stream stream) {
    addresses_kernel<<<blocks_for(tasks.count, threads), threads, 0, stream>>>(to, base, rows,
                                                                               tasks);
    check_launch("addresses_kernel");
}

template <class T>
void launch_raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                         const MatrixTasks<T>& tasks, Stream stream) {
    const dim3 grid(tasks.count, blocks_for(tasks.largest, threads));
    raise_scales_kernel<<<grid, threads, 0, stream>>>(A, g, f, parity, largest, S, tasks);
    check_launch("raise_scales_kernel");
}

template <class T>
void launch_determine_common_shifts(T* A, int outputs, int n, Stream stream) {
    determine_common_shifts_kernel<<<blocks_for(n / outputs, threads), threads, 0, stream>>>(
        A, outputs, n);
    check_launch("determine_common_shifts_kernel");
}

template <class T>
void launch_add_scaled(T* y, const T* x, DeviceFactor<T> a, const T* p, long n, Stream stream) {
    if (n == 0) return;
    add_scaled_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(y, x, a, p, n);
    check_launch("add_scaled_kernel");
}

template <class T>
void launch_take_off_mean(T* x, int count, T* mean, long n, Stream stream) {
    if (n == 0 || count == 0) return;
    take_off_mean_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(x, count, mean, n);
    check_launch("take_off_mean_kernel");
}

template <class T>
void launch_add_to_each(T* x, int count, T a, const T* p, long n, Stream stream) {
    if (n == 0) return;
    add_to_each_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(x, count, a, p, n);
    check_launch("add_to_each_kernel");
}

template <class T>
void launch_fill(T* x, T value, long n, Stream stream) {
    if (n == 0) return;
    fill_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(x, value, n);
    check_launch("fill_kernel");
}

int dot_blocks(long n) {
    // One block, and so one launch, for all but long vectors.
    const long wanted = n / (threads * 16);
    return wanted <= 1 ? 1 : wanted < most_dot_blocks ? static_cast<int>(wanted) : most_dot_blocks;
}

template <class T>
void launch_dot(const T* x, const T* y, long n, double* partial, double* out, Stream stream) {
    const int blocks = dot_blocks(n);
    dot_kernel<<<blocks, threads, 0, stream>>>(x, y, n, blocks == 1 ? out : partial);
    check_launch("dot_kernel");
    if (blocks == 1) return;
    add_up_kernel<<<1, threads, 0, stream>>>(partial, blocks, out);
    check_launch("add_up_kernel");
}

template <class T>
void launch_norms(const NormTasks<T>& tasks, long n, NormSum* partial, Stream stream) {
    if (tasks.count == 0) return;
    const int blocks = dot_blocks(n);
    norms_kernel<<<dim3(blocks, tasks.count), threads, 0, stream>>>(tasks, n, partial);
    check_launch("norms_kernel");
    if (blocks == 1) return;
    finish_norms_kernel<<<tasks.count, threads, 0, stream>>>(tasks, partial, blocks);
    check_launch("finish_norms_kernel");
}

template <class T>
void launch_set_identity(T* A, int n, T value, const T* S, Stream stream) {
    set_identity_kernel<<<matrix_grid(n, n), matrix_block, 0, stream>>>(A, n, value, S);
    check_launch("set_identity_kernel");
}

template <class T>
void launch_adam_step(T* x, T* mean, T* square, const T* g, long n, const AdamStep& step,
                      Stream stream) {
    if (n == 0) return;
    adam_step_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(x, mean, square, g, n, step);
    check_launch("adam_step_kernel");
}

template <class T>
void launch_clamp(T* y, const T* x, const T* lower, const T* upper, long n, Stream stream) {
    if (n == 0) return;
    clamp_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(y, x, lower, upper, n);
    check_launch("clamp_kernel");
}

template <class T>
void launch_find_free(T* free, const T* x, const T* g, const T* lower, const T* upper, long n,
                      Stream stream) {
    if (n == 0) return;
    find_free_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(free, x, g, lower, upper, n);
    check_launch("find_free_kernel");
}

template <class T>
void launch_select(T* y, const T* free, const T* x, long n, Stream stream) {
    if (n == 0) return;
    select_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(y, free, x, n);
    check_launch("select_kernel");
}

template <class T>
void launch_restrict(const T* A, const T* free, T* L, int n, Stream stream) {
    restrict_kernel<<<matrix_grid(n, n), matrix_block, 0, stream>>>(A, free, L, n);
    check_launch("restrict_kernel");
}

template <class T>
void launch_trace(const T* A, int n, double* out, Stream stream) {
    trace_kernel<<<1, threads, 0, stream>>>(A, n, out);
    check_launch("trace_kernel");
}

template <class T>
void launch_shifted_copy(T* L, const T* A, const T* S, double* diagonal,
                         const MatrixTasks<T>& tasks, Stream stream) {
    const dim3 of_one = matrix_grid(tasks.largest, tasks.largest);
    shifted_copy_kernel<<<dim3(tasks.count, of_one.y, of_one.x), matrix_block, 0, stream>>>(
        L, A, S, diagonal, tasks);
    check_launch("shifted_copy_kernel");
}

template <class T>
void launch_matrix_bounds(const T* A, const T* S, double* row_sums, double* norm,
                          double* min_diagonal, const MatrixTasks<T>& tasks, Stream stream) {
    constexpr int most_rows = 65535;  // blocks of a grid in this direction
    const dim3 grid(tasks.count, tasks.largest < most_rows ? tasks.largest : most_rows);
    row_sums_kernel<<<grid, threads, 0, stream>>>(A, S, row_sums, tasks);
    check_launch("row_sums_kernel");
    matrix_bounds_kernel<<<tasks.count, threads, 0, stream>>>(A, S, row_sums, norm, min_diagonal,
                                                              tasks);
    check_launch("matrix_bounds_kernel");
}

template <class T>
void launch_factor_info(const int* info, const double* diagonal, const T* S, const T* L,
                        double* out, double* least_pivot, const MatrixTasks<T>& tasks,
                        Stream stream) {
    factor_info_kernel<<<tasks.count, threads, 0, stream>>>(info, diagonal, S, L, out, least_pivot,
                                                            tasks);
    check_launch("factor_info_kernel");
}

template <class T>
void launch_transpose(T* to, std::ptrdiff_t to_ld, const T* from, int rows, int columns,
                      Stream stream) {
    if (rows == 0 || columns == 0) return;
    const dim3 grid(blocks_for(rows, tile), blocks_for(columns, tile));
    transpose_kernel<<<grid, dim3(tile, 8), 0, stream>>>(to, to_ld, from, rows, columns);
    check_launch("transpose_kernel");
}

#define CUNEWTON_INSTANTIATE(T)                                                               \
    template void launch_scale(T*, DeviceFactor<T>, const T*, long, Stream);                  \
    template void launch_add_scaled(T*, const T*, DeviceFactor<T>, const T*, long, Stream);   \
    template void launch_fill(T*, T, long, Stream);                                           \
    template void launch_take_off_mean(T*, int, T*, long, Stream);                            \
    template void launch_add_to_each(T*, int, T, const T*, long, Stream);                     \
    template void launch_adam_step(T*, T*, T*, const T*, long, const AdamStep&, Stream);      \
    template void launch_clamp(T*, const T*, const T*, const T*, long, Stream);               \
    template void launch_find_free(T*, const T*, const T*, const T*, const T*, long, Stream); \
    template void launch_select(T*, const T*, const T*, long, Stream);                        \
    template void launch_restrict(const T*, const T*, T*, int, Stream);                       \
    template void launch_trace(const T*, int, double*, Stream);                               \
    template void launch_dot(const T*, const T*, long, double*, double*, Stream);             \
    template void launch_norms(const NormTasks<T>&, long, NormSum*, Stream);                  \
    template void launch_set_identity(T*, int, T, const T*, Stream);                          \
    template void launch_rescale(T*, const T*, int, const T*, long, Stream);                  \
    template void launch_shifted_copy(T*, const T*, const T*, double*, const MatrixTasks<T>&, \
                                      Stream);                                                \
    template void launch_raise_scales(const T*, const T*, double, int, T*, T*,                \
                                      const MatrixTasks<T>&, Stream);                         \
    template void launch_addresses(T**, T*, bool, const MatrixTasks<T>&, Stream);             \
    template void launch_determine_common_shifts(T*, int, int, Stream);                       \
    template void launch_matrix_bounds(const T*, const T*, double*, double*, double*,         \
                                       const MatrixTasks<T>&, Stream);                        \
    template void launch_factor_info(const int*, const double*, const T*, const T*, double*,  \
                                     double*, const MatrixTasks<T>&, Stream);                 \
    template void launch_transpose(T*, std::ptrdiff_t, const T*, int, int, Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cuda
