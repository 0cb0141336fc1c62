// Launchers of the kernels that turn partial sums into losses, gradients and Hessians: the last
// step of every evaluation, where the problem's scale and penalty come in. Conventions as in
// vector.h.
#pragma once

#include <cstddef>

#include "cunewton/cuda/code.h"
#include "cunewton/math/penalty.h"

namespace cunewton::cuda {

/// f = scale * sum + the penalty.
struct Assembly {
    double scale;
    Penalty penalty;
};

// Partial sums come as in SampleCode: `count` of them side by side for each entry.

/// out[p] = f at the point points[p * n], ..., for points whose losses have partial sums.
template <class T>
void launch_assemble_values(const double* partial, int count, const T* points, int n, long size,
                            Assembly assembly, double* out, Stream stream);
/// g[j] for the entries j = first, first + 1, ...
template <class T>
void launch_assemble_gradient(const double* partial, int count, const T* x, long first, long size,
                              Assembly assembly, T* g, Stream stream);
/// Entries of the packed lower triangle of H (n x n).
template <class T>
void launch_assemble_hessian(const double* partial, int count, int n, long first, long size,
                             Assembly assembly, T* H, Stream stream);
/// Columns first, ..., first + columns - 1 of differences of gradients, from SampleCode::gradients
/// at 2 * columns points; H becomes the mean of both triangles. Columns must come in order. sums:
/// room for 2 n columns doubles (unused if count is 1).
template <class T>
void launch_assemble_columns(const double* partial, int count, int n, int first, int columns,
                             const T* h, Assembly assembly, double* sums, T* H, Stream stream);

/// g[j] += penalty x[j]
template <class T>
void launch_penalize_gradient(T* g, const T* x, int n, Assembly assembly, Stream stream);
/// H[j, j] += penalty
template <class T>
void launch_penalize_diagonal(T* H, int n, Assembly assembly, Stream stream);

/// to_j = scale sum_i h_i x_ij^2 + penalty of parameter first + j, for the columns of x.
template <class T>
void launch_weighted_squares(T* to, const T* x, std::ptrdiff_t ld, const T* h, long rows,
                             int columns, int first, Assembly assembly, Stream stream);

/// to[j * to_ld + i] = h[i] x[j * x_ld + i] in To's precision, for i < rows and j < columns; h
/// null: a copy.
template <class T, class To>
void launch_scaled_rows(To* to, std::ptrdiff_t to_ld, const T* x, std::ptrdiff_t x_ld, const T* h,
                        long rows, int columns, Stream stream);
/// r_k = sum_l h_kl z_l for each of `rows` samples: column k of r and z, K of them, at [k * ld +
/// i]; h as PredictorCode::hessian() writes it.
template <class T>
void launch_apply_curvatures(T* r, const T* z, std::ptrdiff_t ld, const T* h, std::ptrdiff_t h_ld,
                             long rows, int outputs, Stream stream);
/// H[r, c] = C[r, c], or += if `add` (lower triangle of a size x size block; leading dimensions n
/// and size).
template <class T>
void launch_add_block(T* H, int n, const float* C, int size, bool add, Stream stream);
/// Completes the blocks of H for K outputs with `size` coefficients each, of which only the lower
/// halves were computed: the symmetric blocks off the diagonal get their upper halves; and if
/// diagonal_from_rows, block (k, k) becomes minus the sum of the other blocks of its row, as
/// l(z + c 1) = l(z) implies.
template <class T>
void launch_complete_blocks(T* H, int outputs, int size, bool diagonal_from_rows, Stream stream);

}  // namespace cunewton::cuda
