// Launchers of vector and matrix kernels. All pointers are device pointers; work is queued on the
// stream. T is double or float. Matrices are column-major; of symmetric ones only the lower
// triangle is read and written. A launch that fails throws OutOfMemory or DeviceError.
#pragma once

#include <cstddef>

#include "cunewton/cuda/ops.h"
#include "cunewton/math/norm_sum.h"

namespace cunewton::cuda {

/// y = a x
template <class T>
void launch_scale(T* y, T a, const T* x, long n, Stream stream);
/// y = x + a p
template <class T>
void launch_add_scaled(T* y, const T* x, T a, const T* p, long n, Stream stream);
/// x = value
template <class T>
void launch_fill(T* x, T value, long n, Stream stream);
/// *out = x'y, summed in double. partial: room for dot_blocks(n) doubles.
template <class T>
void launch_dot(const T* x, const T* y, long n, double* partial, double* out, Stream stream);
int dot_blocks(long n);

/// Vectors of one length, and where their norms go.
template <class T>
struct NormTasks {
    struct Task {
        const T* x;
        double* out;
    };
    Task list[4];
    int count;
};
/// *out = |x|_2 for each task. partial: room for count * dot_blocks(n) sums, unless that is 1.
template <class T>
void launch_norms(const NormTasks<T>& tasks, long n, NormSum* partial, Stream stream);

/// A = value I (n x n)
template <class T>
void launch_set_identity(T* A, int n, T value, Stream stream);
/// L = A + shift I
template <class T>
void launch_shifted_copy(T* L, const T* A, T shift, int n, Stream stream);
/// Largest row sum of |A|, smallest and largest diagonal entry (NaN if any is NaN).
/// row_sums: room for n doubles.
template <class T>
void launch_matrix_bounds(const T* A, int n, double* row_sums, double* norm, double* min_diagonal,
                          double* max_diagonal, Stream stream);
/// *out = info of a factorisation; or, where that is 0, the number (from 1) of the first diagonal
/// entry of L that is not positive and finite; or 0. LAPACK promises nothing for NaN.
template <class T>
void launch_factor_info(const int* info, const T* L, int n, double* out, Stream stream);

/// to[j * to_ld + i] = from[i * columns + j]: rows to columns.
template <class T>
void launch_transpose(T* to, std::ptrdiff_t to_ld, const T* from, int rows, int columns,
                      Stream stream);

}  // namespace cunewton::cuda
