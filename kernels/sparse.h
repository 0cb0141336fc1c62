// Launchers of kernels for sparse symmetric matrices. As vector.h.
#pragma once

#include "cunewton/cuda/code.h"
#include "cunewton/math/recovery.h"

namespace cunewton::cuda {

/// A sparsity pattern on the device. Row j of the upper triangle: entries starts[j] to
/// starts[j + 1], from the diagonal, in columns[entry]. The rest of row j of the whole matrix:
/// entries below[s], in columns below_columns[s], for s from below_starts[j] to
/// below_starts[j + 1].
struct SparseView {
    int n;
    const int* starts;
    const int* columns;
    const int* below_starts;
    const int* below;
    const int* below_columns;
};

/// y = A x
template <class T>
void launch_sparse_symv(const SparseView& at, const T* A, const T* x, T* y, Stream stream);
/// raise_scale() of math/curvature_scale.h for each parameter.
template <class T>
void launch_sparse_raise_scales(const SparseView& at, const T* A, const T* g, double f, int parity,
                                T* largest, T* S, Stream stream);
/// As launch_matrix_bounds().
template <class T>
void launch_sparse_bounds(const SparseView& at, const T* A, const T* S, double* row_sums,
                          double* norm, double* min_diagonal, Stream stream);
/// scale_j = 2 / sqrt of A + shift S^2's diagonal entry, where that is positive and finite, or else
/// 1; and M = scale (A + shift S^2) scale, whose diagonal is 4, or else the entry. S null: the
/// identity. M is other memory than A.
template <class T>
void launch_equilibrate(const SparseView& at, const T* A, T shift, const T* S, T* scale, T* M,
                        Stream stream);
/// What the pivots of M say, n numbers of the factorisation of M, in any order: those of L D L', or
/// the roots of L L', which is told by the largest, 4 or 2. *info = `found`, or 1 where that is 0
/// and one of them is not positive and finite; *least_pivot = the smallest of their ratios to 4.
template <class T>
void launch_pivots(int n, const T* pivots, int found, double* info, double* least_pivot,
                   Stream stream);
/// y = scale x, entry by entry
template <class T>
void launch_multiply_entries(T* y, const T* scale, const T* x, long n, Stream stream);
/// x = z sqrt(*square) / *length; 0 where either is not positive.
template <class T>
void launch_lengthen(T* x, const T* z, const double* square, const double* length, long n,
                     Stream stream);

/// difference_step() of math/stencil.h for each parameter; typical null: 1
template <class T>
void launch_difference_steps(const T* x, const T* typical, T relative, T* h, long n, Stream stream);
/// seeded() of math/recovery.h for each parameter.
template <class T>
void launch_seeded(const T* x, const T* h, const int* colours, int colour, T sign, T* to, long n,
                   Stream stream);
/// Entries of A from B: all of them directly, or, with an order, `count` by substitution.
template <class T>
void launch_recover(const RecoveryView<T>& view, const int* order, long count, const T* B, T* A,
                    Stream stream);

}  // namespace cunewton::cuda
