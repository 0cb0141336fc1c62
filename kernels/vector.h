// Launchers of vector and matrix kernels. All pointers are device pointers; work is queued on the
// stream. T is double or float. Matrices are column-major; of symmetric ones only the lower
// triangle is read and written. A launch that fails throws OutOfMemory or DeviceError.
#pragma once

#include <cstddef>

#include "cunewton/cuda/code.h"
#include "cunewton/math/adam_step.h"
#include "cunewton/math/norm_sum.h"

namespace cunewton::cuda {

/// What a vector is multiplied by: `value`, or ratio_of(sign, *over, *under) of numbers on the
/// device.
template <class T>
struct DeviceFactor {
    T value;
    double sign = 1;
    const double* over = nullptr;  ///< null: `value`
    const double* under = nullptr;
};

/// y = a x
template <class T>
void launch_scale(T* y, DeviceFactor<T> a, const T* x, long n, Stream stream);
/// y = S^power x for a diagonal S of n entries
template <class T>
void launch_rescale(T* y, const T* S, int power, const T* x, long n, Stream stream);
/// y = x + a p
template <class T>
void launch_add_scaled(T* y, const T* x, DeviceFactor<T> a, const T* p, long n, Stream stream);
/// Vectors::take_off_mean()
template <class T>
void launch_take_off_mean(T* x, int count, T* mean, long n, Stream stream);
/// Vectors::add_to_each()
template <class T>
void launch_add_to_each(T* x, int count, T a, const T* p, long n, Stream stream);
/// Vectors::adam_step()
template <class T>
void launch_adam_step(T* x, T* mean, T* square, const T* g, long n, const AdamStep& step,
                      Stream stream);
/// Vectors::clamp(), Vectors::find_free(), Vectors::select()
template <class T>
void launch_clamp(T* y, const T* x, const T* lower, const T* upper, long n, Stream stream);
template <class T>
void launch_find_free(T* free, const T* x, const T* g, const T* lower, const T* upper, long n,
                      Stream stream);
template <class T>
void launch_select(T* y, const T* free, const T* x, long n, Stream stream);
/// L = restricted() A for each entry of the lower triangle; `free` has n entries.
template <class T>
void launch_restrict(const T* A, const T* free, T* L, int n, Stream stream);
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
        const T* S;  ///< null: 1
        bool inverse;
        double* out;
    };
    Task list[4];
    int count;
};
/// *out = |x|_2, |S x|_2 or |S^-1 x|_2 for each task. partial: room for count * dot_blocks(n) sums,
/// unless that is 1.
template <class T>
void launch_norms(const NormTasks<T>& tasks, long n, NormSum* partial, Stream stream);

/// A = value S^-2 (n x n); S null: the identity
template <class T>
void launch_set_identity(T* A, int n, T value, const T* S, Stream stream);
/// One of several symmetric matrices, or the only one.
template <class T>
struct MatrixTask {
    std::size_t entry;  ///< the place of its first entry where matrices are
    int row;            ///< that of its first row in vectors
    int n;
    int place;  ///< of its numbers
    T shift;
};
/// Matrices that a launch works on.
template <class T>
struct MatrixTasks {
    MatrixTasks(int n, T shift = 0) : one{0, 0, n, 0, shift}, largest(n) {}
    MatrixTasks(const MatrixTask<T>* tasks, int how_many, int largest_n)
        : list(tasks), one{}, count(how_many), largest(largest_n) {}
    const MatrixTask<T>* list = nullptr;  ///< on the device; null: `one`
    MatrixTask<T> one;
    int count = 1;
    int largest;  ///< n
};
/// to[i] = the address in `base` of the i-th matrix, or of its first row.
template <class T>
void launch_addresses(T** to, T* base, bool rows, const MatrixTasks<T>& tasks, Stream stream);

/// *out = the sum of A's diagonal (n x n)
template <class T>
void launch_trace(const T* A, int n, double* out, Stream stream);
/// L = A + shift S^2, and diagonal = that of A, an entry a row. S null: the identity. L may be A.
template <class T>
void launch_shifted_copy(T* L, const T* A, const T* S, double* diagonal,
                         const MatrixTasks<T>& tasks, Stream stream);
/// raise_scale() of math/curvature_scale.h for each parameter.
template <class T>
void launch_raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                         const MatrixTasks<T>& tasks, Stream stream);
/// determine_common_shift() of math/curvature_scale.h for each place of a block.
template <class T>
void launch_determine_common_shifts(T* A, int outputs, int n, Stream stream);
/// Largest row sum and smallest diagonal entry of |S^-1 A S^-1| (NaN if any is NaN), to the places
/// of the tasks. row_sums: room for a double a row.
template <class T>
void launch_matrix_bounds(const T* A, const T* S, double* row_sums, double* norm,
                          double* min_diagonal, const MatrixTasks<T>& tasks, Stream stream);
/// out[place] = info, one a task, of the factorisation L L' = A + shift S^2; or, where that is 0,
/// the number (from 1) of the first diagonal entry of L that is not positive and finite; or 0.
/// LAPACK promises nothing for NaN. least_pivot[place] = the smallest pivot_ratio() of
/// math/curvature_scale.h. diagonal: as launch_shifted_copy() left it.
template <class T>
void launch_factor_info(const int* info, const double* diagonal, const T* S, const T* L,
                        double* out, double* least_pivot, const MatrixTasks<T>& tasks,
                        Stream stream);

/// to[j * to_ld + i] = from[i * columns + j]: rows to columns.
template <class T>
void launch_transpose(T* to, std::ptrdiff_t to_ld, const T* from, int rows, int columns,
                      Stream stream);

}  // namespace cunewton::cuda
