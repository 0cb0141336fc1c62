#include "kernels/assemble.h"

#include "cunewton/cuda/launch.cuh"
#include "cunewton/math/packed.h"

namespace cunewton::cuda {

namespace {

constexpr int threads = 128;
/// Up to this many partial sums are added by one thread, more by a block.
constexpr int serial_sums = 16;

template <class T>
struct AssembleGradient {
    const T* x;
    long first;
    Assembly assembly;
    T* g;
    CUNEWTON_HOST_DEVICE void operator()(long e, double sum) const {
        const int j = static_cast<int>(first + e);
        g[j] = static_cast<T>(assembly.scale * sum + assembly.penalty.at(j) * x[j]);
    }
};

template <class T>
struct AssembleHessian {
    int n;
    long first;
    Assembly assembly;
    T* H;
    CUNEWTON_HOST_DEVICE void operator()(long e, double sum) const {
        const PackedEntry at = packed_entry(first + e, n);
        const double penalty = at.row == at.column ? assembly.penalty.at(at.row) : 0.0;
        H[static_cast<std::size_t>(at.column) * n + at.row] =
            static_cast<T>(assembly.scale * sum + penalty);
    }
};

struct StoreSum {
    double* sums;
    CUNEWTON_HOST_DEVICE void operator()(long e, double sum) const { sums[e] = sum; }
};

template <class Store>
__global__ void sum_serially_kernel(const double* partial, int count, long size, Store store) {
    const long e = thread_index();
    if (e >= size) return;
    double sum = 0;
    for (int b = 0; b < count; ++b) sum += partial[e * count + b];
    store(e, sum);
}

template <class Store>
__global__ void __launch_bounds__(threads)
    sum_by_blocks_kernel(const double* partial, int count, Store store) {
    const long e = blockIdx.x;
    double sum = 0;
    for (int b = threadIdx.x; b < count; b += threads) sum += partial[e * count + b];
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0) store(e, sum);
}

template <class Store>
void sum_partials(const double* partial, int count, long size, const Store& store, Stream stream) {
    if (size == 0) return;
    if (count <= serial_sums) {
        sum_serially_kernel<<<blocks_for(size, threads), threads, 0, stream>>>(partial, count, size,
                                                                               store);
        check_launch("sum_serially_kernel");
    } else {
        sum_by_blocks_kernel<<<static_cast<unsigned>(size), threads, 0, stream>>>(partial, count,
                                                                                  store);
        check_launch("sum_by_blocks_kernel");
    }
}

/// A block a point.
template <class T>
__global__ void __launch_bounds__(threads)
    assemble_values_kernel(const double* partial, int count, const T* points, int n,
                           Assembly assembly, double* out) {
    const long p = blockIdx.x;
    double sum = 0;
    for (int b = threadIdx.x; b < count; b += threads)
        sum += assembly.scale * partial[p * count + b];
    if (assembly.penalty.l2 != 0) {
        for (int j = threadIdx.x; j < n; j += threads) {
            const double x = points[p * n + j];
            sum += 0.5 * assembly.penalty.at(j) * x * x;
        }
    }
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0) out[p] = sum;
}

/// Element (j, c) of the columns of differences, for a thread of a grid over n x columns.
template <class T>
struct GradientDifferences {
    const double* sums;
    int n, first, columns;
    const T* h;
    Assembly assembly;
    CUNEWTON_HOST_DEVICE double operator()(int j, int c) const {
        const double* s = sums + static_cast<std::size_t>(j) * 2 * columns + 2 * c;
        return assembly.scale * (s[0] - s[1]) / (2.0 * static_cast<double>(h[first + c]));
    }
};

/// Row j, column first + c: the part that lies in the lower triangle is stored first, and the
/// other, mirrored, is added by a second launch, so that each element has one writer at a time.
template <class T, bool upper>
__global__ void difference_columns_kernel(GradientDifferences<T> differences, T* H) {
    const int n = differences.n;
    const int j = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int c = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    const int column = differences.first + c;
    if (j >= n || c >= differences.columns || upper != (j < column)) return;
    const double value = differences(j, c);
    if (upper) {
        H[static_cast<std::size_t>(j) * n + column] += static_cast<T>(0.5 * value);
    } else {
        const double penalty = differences.assembly.penalty.at(j);
        H[static_cast<std::size_t>(column) * n + j] =
            static_cast<T>(j == column ? value + penalty : 0.5 * value);
    }
}

/// A block a column.
template <class T>
__global__ void __launch_bounds__(threads)
    weighted_squares_kernel(T* to, const T* x, std::ptrdiff_t ld, const T* h, long rows, int first,
                            Assembly assembly) {
    const int j = static_cast<int>(blockIdx.x);
    const T* column = x + j * ld;
    double sum = 0;
    for (long i = threadIdx.x; i < rows; i += threads)
        sum += static_cast<double>(h[i]) * (static_cast<double>(column[i]) * column[i]);
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0)
        to[j] = static_cast<T>(assembly.scale * sum + assembly.penalty.at(first + j));
}

template <class T>
__global__ void penalize_gradient_kernel(T* g, const T* x, int n, Assembly assembly) {
    const int j = static_cast<int>(thread_index());
    if (j < n) g[j] = static_cast<T>(g[j] + assembly.penalty.at(j) * x[j]);
}

template <class T>
__global__ void penalize_diagonal_kernel(T* H, int n, Assembly assembly) {
    const int j = static_cast<int>(thread_index());
    if (j < n) H[static_cast<std::size_t>(j) * (n + 1)] += static_cast<T>(assembly.penalty.at(j));
}

template <class T, class To>
__global__ void scaled_rows_kernel(To* to, std::ptrdiff_t to_ld, const T* x, std::ptrdiff_t x_ld,
                                   const T* h, long rows, int columns) {
    const long i = thread_index();
    if (i >= rows) return;
    const T factor = h ? h[i] : T(1);
    for (int j = static_cast<int>(blockIdx.y); j < columns; j += static_cast<int>(gridDim.y))
        to[j * to_ld + i] = static_cast<To>(factor * x[j * x_ld + i]);
}

template <class T>
__global__ void apply_curvatures_kernel(T* r, const T* z, std::ptrdiff_t ld, const T* h,
                                        std::ptrdiff_t h_ld, long rows, int outputs) {
    const long i = thread_index();
    const int k = static_cast<int>(blockIdx.y);
    if (i >= rows) return;
    T sum = 0;
    for (int l = 0; l < outputs; ++l) {
        const int p = k >= l ? k * (k + 1) / 2 + l : l * (l + 1) / 2 + k;
        sum += h[p * h_ld + i] * z[l * ld + i];
    }
    r[k * ld + i] = sum;
}

template <class T>
__global__ void add_block_kernel(T* H, int n, const float* C, int size, bool add) {
    const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int column = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    if (row >= size || column > row) return;
    T& entry = H[static_cast<std::size_t>(column) * n + row];
    const T value = static_cast<T>(C[static_cast<std::size_t>(column) * size + row]);
    entry = add ? entry + value : value;
}

template <class T>
__global__ void complete_blocks_kernel(T* H, int outputs, int size, bool diagonal_from_rows) {
    const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    const int column = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
    const int k = static_cast<int>(blockIdx.z);
    if (row >= size || column > row) return;
    const std::size_t n = static_cast<std::size_t>(outputs) * size;
    const auto at = [&](int block_row, int block_column, int r, int c) -> T& {
        return H[(static_cast<std::size_t>(block_column) * size + c) * n + block_row * size + r];
    };
    double sum = 0;
    for (int l = 0; l < outputs; ++l) {
        if (l == k) continue;
        const T value = at(k > l ? k : l, k > l ? l : k, row, column);
        sum += static_cast<double>(value);
        if (l < k && row != column) at(k, l, column, row) = value;
    }
    if (diagonal_from_rows) at(k, k, row, column) = static_cast<T>(-sum);
}

const dim3 matrix_block(32, 8);
dim3 matrix_grid(int rows, int columns, int layers = 1) {
    return dim3(blocks_for(rows, 32), blocks_for(columns, 8), layers);
}

}  // namespace

template <class T>
void launch_assemble_values(const double* partial, int count, const T* points, int n, long size,
                            Assembly assembly, double* out, Stream stream) {
    if (size == 0) return;
    assemble_values_kernel<<<static_cast<unsigned>(size), threads, 0, stream>>>(
        partial, count, points, n, assembly, out);
    check_launch("assemble_values_kernel");
}

template <class T>
void launch_assemble_gradient(const double* partial, int count, const T* x, long first, long size,
                              Assembly assembly, T* g, Stream stream) {
    sum_partials(partial, count, size, AssembleGradient<T>{x, first, assembly, g}, stream);
}

template <class T>
void launch_assemble_hessian(const double* partial, int count, int n, long first, long size,
                             Assembly assembly, T* H, Stream stream) {
    sum_partials(partial, count, size, AssembleHessian<T>{n, first, assembly, H}, stream);
}

template <class T>
void launch_assemble_columns(const double* partial, int count, int n, int first, int columns,
                             const T* h, Assembly assembly, double* sums, T* H, Stream stream) {
    if (count > 1) {
        sum_partials(partial, count, 2L * n * columns, StoreSum{sums}, stream);
        partial = sums;
    }
    const GradientDifferences<T> differences{partial, n, first, columns, h, assembly};
    const dim3 grid = matrix_grid(n, columns);
    difference_columns_kernel<T, false><<<grid, matrix_block, 0, stream>>>(differences, H);
    check_launch("difference_columns_kernel");
    difference_columns_kernel<T, true><<<grid, matrix_block, 0, stream>>>(differences, H);
    check_launch("difference_columns_kernel");
}

template <class T>
void launch_penalize_gradient(T* g, const T* x, int n, Assembly assembly, Stream stream) {
    if (assembly.penalty.l2 == 0) return;
    penalize_gradient_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(g, x, n, assembly);
    check_launch("penalize_gradient_kernel");
}

template <class T>
void launch_penalize_diagonal(T* H, int n, Assembly assembly, Stream stream) {
    if (assembly.penalty.l2 == 0) return;
    penalize_diagonal_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(H, n, assembly);
    check_launch("penalize_diagonal_kernel");
}

template <class T>
void launch_weighted_squares(T* to, const T* x, std::ptrdiff_t ld, const T* h, long rows,
                             int columns, int first, Assembly assembly, Stream stream) {
    weighted_squares_kernel<<<static_cast<unsigned>(columns), threads, 0, stream>>>(
        to, x, ld, h, rows, first, assembly);
    check_launch("weighted_squares_kernel");
}

template <class T, class To>
void launch_scaled_rows(To* to, std::ptrdiff_t to_ld, const T* x, std::ptrdiff_t x_ld, const T* h,
                        long rows, int columns, Stream stream) {
    if (rows == 0 || columns == 0) return;
    // A thread keeps its h for several columns; a grid's second dimension ends at 65535.
    const unsigned layers = static_cast<unsigned>(columns < 4096 ? (columns + 3) / 4 : 1024);
    scaled_rows_kernel<<<dim3(blocks_for(rows, threads), layers), threads, 0, stream>>>(
        to, to_ld, x, x_ld, h, rows, columns);
    check_launch("scaled_rows_kernel");
}

template <class T>
void launch_apply_curvatures(T* r, const T* z, std::ptrdiff_t ld, const T* h, std::ptrdiff_t h_ld,
                             long rows, int outputs, Stream stream) {
    apply_curvatures_kernel<<<dim3(blocks_for(rows, threads), static_cast<unsigned>(outputs)),
                              threads, 0, stream>>>(r, z, ld, h, h_ld, rows, outputs);
    check_launch("apply_curvatures_kernel");
}

template <class T>
void launch_add_block(T* H, int n, const float* C, int size, bool add, Stream stream) {
    add_block_kernel<<<matrix_grid(size, size), matrix_block, 0, stream>>>(H, n, C, size, add);
    check_launch("add_block_kernel");
}

template <class T>
void launch_complete_blocks(T* H, int outputs, int size, bool diagonal_from_rows, Stream stream) {
    complete_blocks_kernel<<<matrix_grid(size, size, outputs), matrix_block, 0, stream>>>(
        H, outputs, size, diagonal_from_rows);
    check_launch("complete_blocks_kernel");
}

#define CUNEWTON_INSTANTIATE(T)                                                                    \
    template void launch_assemble_values(const double*, int, const T*, int, long, Assembly,        \
                                         double*, Stream);                                         \
    template void launch_assemble_gradient(const double*, int, const T*, long, long, Assembly, T*, \
                                           Stream);                                                \
    template void launch_assemble_hessian(const double*, int, int, long, long, Assembly, T*,       \
                                          Stream);                                                 \
    template void launch_assemble_columns(const double*, int, int, int, int, const T*, Assembly,   \
                                          double*, T*, Stream);                                    \
    template void launch_penalize_gradient(T*, const T*, int, Assembly, Stream);                   \
    template void launch_penalize_diagonal(T*, int, Assembly, Stream);                             \
    template void launch_weighted_squares(T*, const T*, std::ptrdiff_t, const T*, long, int, int,  \
                                          Assembly, Stream);                                       \
    template void launch_scaled_rows(T*, std::ptrdiff_t, const T*, std::ptrdiff_t, const T*, long, \
                                     int, Stream);                                                 \
    template void launch_apply_curvatures(T*, const T*, std::ptrdiff_t, const T*, std::ptrdiff_t,  \
                                          long, int, Stream);                                      \
    template void launch_add_block(T*, int, const float*, int, bool, Stream);                      \
    template void launch_complete_blocks(T*, int, int, bool, Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE
template void launch_scaled_rows(float*, std::ptrdiff_t, const double*, std::ptrdiff_t,
                                 const double*, long, int, Stream);

}  // namespace cunewton::cuda
