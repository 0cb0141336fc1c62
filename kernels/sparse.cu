#include "kernels/sparse.h"

#include "cunewton/cuda/launch.cuh"
#include "cunewton/math/curvature_scale.h"
#include "cunewton/math/stencil.h"
#include "kernels/largest.cuh"

namespace cunewton::cuda {

namespace {

constexpr int threads = 256;

template <class T>
__global__ void symv_kernel(SparseView at, const T* A, const T* x, T* y) {
    const long i = thread_index();
    if (i >= at.n) return;
    T sum(0);
    for (int s = at.below_starts[i]; s < at.below_starts[i + 1]; ++s)
        sum += A[at.below[s]] * x[at.below_columns[s]];
    for (int e = at.starts[i]; e < at.starts[i + 1]; ++e) sum += A[e] * x[at.columns[e]];
    y[i] = sum;
}

template <class T>
__global__ void sparse_raise_scales_kernel(SparseView at, const T* A, const T* g, double f,
                                           int parity, T* largest, T* S) {
    const long j = thread_index();
    if (j < at.n) S[j] = raise_scale(largest[j], A[at.starts[j]], g[j], f, parity);
}

template <class T>
__global__ void sparse_row_sums_kernel(SparseView at, const T* A, const T* S, double* row_sums) {
    const long i = thread_index();
    if (i >= at.n) return;
    double sum = 0;
    for (int s = at.below_starts[i]; s < at.below_starts[i + 1]; ++s)
        sum += fabs(A[at.below[s]] / static_cast<double>(S[at.below_columns[s]]) / S[i]);
    for (int e = at.starts[i]; e < at.starts[i + 1]; ++e)
        sum += fabs(A[e] / static_cast<double>(S[at.columns[e]]) / S[i]);
    row_sums[i] = sum;
}

template <class T>
__global__ void __launch_bounds__(threads)
    sparse_bounds_kernel(SparseView at, const T* A, const T* S, const double* row_sums,
                         double* norm, double* min_diagonal) {
    double sum = 0, low = -INFINITY;
    for (int j = threadIdx.x; j < at.n; j += threads) {
        sum = Larger()(row_sums[j], sum);
        low = Larger()(-(A[at.starts[j]] / static_cast<double>(S[j]) / S[j]), low);
    }
    sum = block_largest<threads>(sum);
    low = block_largest<threads>(low);
    if (threadIdx.x == 0) {
        *norm = sum;
        *min_diagonal = -low;
    }
}

template <class T>
__device__ T shifted_diagonal(const SparseView& at, const T* A, T shift, const T* S, long j) {
    const T s = S ? S[j] : T(1);
    return A[at.starts[j]] + s * (shift * s);
}

template <class T>
__global__ void equilibration_kernel(SparseView at, const T* A, T shift, const T* S, T* scale) {
    const long j = thread_index();
    if (j >= at.n) return;
    const T diagonal = shifted_diagonal(at, A, shift, S, j);
    scale[j] = diagonal > T(0) && isfinite(diagonal) ? T(2) / sqrt(diagonal) : T(1);
}

template <class T>
__global__ void equilibrate_kernel(SparseView at, const T* A, T shift, const T* S, const T* scale,
                                   T* M) {
    const long j = thread_index();
    if (j >= at.n) return;
    const T diagonal = shifted_diagonal(at, A, shift, S, j);
    const int first = at.starts[j];
    M[first] = diagonal > T(0) && isfinite(diagonal) ? T(4) : diagonal;
    for (int e = first + 1; e < at.starts[j + 1]; ++e)
        M[e] = scale[j] * A[e] * scale[at.columns[e]];
}

template <class T>
__global__ void __launch_bounds__(threads)
    pivots_kernel(int n, const T* pivots, int found, double* info, double* least_pivot) {
    double most = 0, least = -INFINITY, bad = 0;
    for (int j = threadIdx.x; j < n; j += threads) {
        const double pivot = pivots[j];
        if (!(pivot > 0 && isfinite(pivot))) bad = 1;
        most = Larger()(pivot, most);
        least = Larger()(-pivot, least);
    }
    most = block_largest<threads>(most);
    least = -block_largest<threads>(least);
    bad = block_largest<threads>(bad);
    if (threadIdx.x == 0) {
        *info = found != 0 ? found : bad;
        *least_pivot = (most > 3 ? least : least * least) / 4;
    }
}

template <class T>
__global__ void multiply_entries_kernel(T* y, const T* scale, const T* x, long n) {
    const long j = thread_index();
    if (j < n) y[j] = scale[j] * x[j];
}

template <class T>
__global__ void lengthen_kernel(T* x, const T* z, const double* square, const double* length,
                                long n) {
    const long j = thread_index();
    if (j >= n) return;
    const double by = *square > 0 && *length > 0 ? sqrt(*square) / *length : 0;
    x[j] = static_cast<T>(by * z[j]);
}

template <class T>
__global__ void difference_steps_kernel(const T* x, const T* typical, T relative, T* h, long n) {
    const long j = thread_index();
    if (j < n) h[j] = difference_step(x[j], typical ? typical[j] : T(1), relative);
}

template <class T>
__global__ void seeded_kernel(const T* x, const T* h, const int* colours, int colour, T sign, T* to,
                              long n) {
    const long j = thread_index();
    if (j < n) to[j] = seeded(x, h, colours[j] == colour, sign, j);
}

template <class T>
__global__ void recover_kernel(RecoveryView<T> view, const int* order, long count, const T* B,
                               T* A) {
    const long k = thread_index();
    if (k >= count) return;
    if (order)
        A[order[k]] = view.substituted(B, A, order[k]);
    else
        A[k] = view.direct(B, k);
}

}  // namespace

template <class T>
void launch_sparse_symv(const SparseView& at, const T* A, const T* x, T* y, Stream stream) {
    symv_kernel<<<blocks_for(at.n, threads), threads, 0, stream>>>(at, A, x, y);
    check_launch("symv_kernel");
}

template <class T>
void launch_sparse_raise_scales(const SparseView& at, const T* A, const T* g, double f, int parity,
                                T* largest, T* S, Stream stream) {
    sparse_raise_scales_kernel<<<blocks_for(at.n, threads), threads, 0, stream>>>(
        at, A, g, f, parity, largest, S);
    check_launch("sparse_raise_scales_kernel");
}

template <class T>
void launch_sparse_bounds(const SparseView& at, const T* A, const T* S, double* row_sums,
                          double* norm, double* min_diagonal, Stream stream) {
    sparse_row_sums_kernel<<<blocks_for(at.n, threads), threads, 0, stream>>>(at, A, S, row_sums);
    check_launch("sparse_row_sums_kernel");
    sparse_bounds_kernel<<<1, threads, 0, stream>>>(at, A, S, row_sums, norm, min_diagonal);
    check_launch("sparse_bounds_kernel");
}

template <class T>
void launch_equilibrate(const SparseView& at, const T* A, T shift, const T* S, T* scale, T* M,
                        Stream stream) {
    equilibration_kernel<<<blocks_for(at.n, threads), threads, 0, stream>>>(at, A, shift, S, scale);
    check_launch("equilibration_kernel");
    equilibrate_kernel<<<blocks_for(at.n, threads), threads, 0, stream>>>(at, A, shift, S, scale,
                                                                          M);
    check_launch("equilibrate_kernel");
}

template <class T>
void launch_pivots(int n, const T* pivots, int found, double* info, double* least_pivot,
                   Stream stream) {
    pivots_kernel<<<1, threads, 0, stream>>>(n, pivots, found, info, least_pivot);
    check_launch("pivots_kernel");
}

template <class T>
void launch_multiply_entries(T* y, const T* scale, const T* x, long n, Stream stream) {
    multiply_entries_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(y, scale, x, n);
    check_launch("multiply_entries_kernel");
}

template <class T>
void launch_lengthen(T* x, const T* z, const double* square, const double* length, long n,
                     Stream stream) {
    lengthen_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(x, z, square, length, n);
    check_launch("lengthen_kernel");
}

template <class T>
void launch_difference_steps(const T* x, const T* typical, T relative, T* h, long n,
                             Stream stream) {
    difference_steps_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(x, typical, relative, h,
                                                                            n);
    check_launch("difference_steps_kernel");
}

template <class T>
void launch_seeded(const T* x, const T* h, const int* colours, int colour, T sign, T* to, long n,
                   Stream stream) {
    seeded_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(x, h, colours, colour, sign, to,
                                                                  n);
    check_launch("seeded_kernel");
}

template <class T>
void launch_recover(const RecoveryView<T>& view, const int* order, long count, const T* B, T* A,
                    Stream stream) {
    recover_kernel<<<blocks_for(count, threads), threads, 0, stream>>>(view, order, count, B, A);
    check_launch("recover_kernel");
}

#define CUNEWTON_INSTANTIATE(T)                                                                  \
    template void launch_sparse_symv(const SparseView&, const T*, const T*, T*, Stream);         \
    template void launch_sparse_raise_scales(const SparseView&, const T*, const T*, double, int, \
                                             T*, T*, Stream);                                    \
    template void launch_sparse_bounds(const SparseView&, const T*, const T*, double*, double*,  \
                                       double*, Stream);                                         \
    template void launch_equilibrate(const SparseView&, const T*, T, const T*, T*, T*, Stream);  \
    template void launch_pivots(int, const T*, int, double*, double*, Stream);                   \
    template void launch_multiply_entries(T*, const T*, const T*, long, Stream);                 \
    template void launch_lengthen(T*, const T*, const double*, const double*, long, Stream);     \
    template void launch_difference_steps(const T*, const T*, T, T*, long, Stream);              \
    template void launch_seeded(const T*, const T*, const int*, int, T, T*, long, Stream);       \
    template void launch_recover(const RecoveryView<T>&, const int*, long, const T*, T*, Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cuda
