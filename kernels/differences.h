// Launchers for finite differences: steps, and the points and combinations for black boxes.
// Conventions as in vector.h.
#pragma once

#include "kernels/assemble.h"

namespace cunewton::cuda {

/// h[j] = difference_step(x[j], typical[j], relative)
template <class T>
void launch_difference_steps(T* h, const T* x, const T* typical, T relative, int n, Stream stream);

/// Points around x for black boxes, and what their losses give. Point numbers:
/// forward:  0 is x, 1 + j is x + h_j e_j
/// central:  0 is x, 1 + 2j and 2 + 2j are x +- h_j e_j
/// second:   0 is x, 1 + 4e + q are the four points of entry e of the packed lower triangle: signs
///           ++, +-, -+, --; on the diagonal +h, 0, 0, -h
enum class Stencil { forward, central, second };
inline int points_per_entry(Stencil stencil) {
    return stencil == Stencil::forward ? 1 : stencil == Stencil::central ? 2 : 4;
}

/// points[p * n + j] for the stencil points that belong to entries first, ..., first + size - 1:
/// points_per_entry each, without point 0.
template <class T>
void launch_stencil_points(Stencil stencil, T* points, const T* x, const T* h, int n, long first,
                           long size, Stream stream);
/// Gradient entries (forward, central): g[first + e] from the losses at those points; centre: the
/// loss at x.
template <class T>
void launch_stencil_gradient(Stencil stencil, T* g, const T* losses, const T* centre, const T* x,
                             const T* h, long first, long size, Assembly assembly, Stream stream);
/// Entries of H's packed lower triangle (second).
template <class T>
void launch_stencil_hessian(T* H, const T* losses, const T* h, int n, long first, long size,
                            Assembly assembly, Stream stream);

/// Column `column` of H (n x n, all of it) = (ahead - behind) / 2 h[column].
template <class T>
void launch_gradient_difference(T* H, const T* ahead, const T* behind, const T* h, int n,
                                int column, Stream stream);
/// The lower triangle becomes the mean of both.
template <class T>
void launch_keep_mean(T* H, int n, Stream stream);
/// to = the unit vectors e_first, ..., n numbers each.
template <class T>
void launch_unit_vectors(T* to, int n, int first, int count, Stream stream);

/// out[p] = scale losses[p], in double.
template <class T>
void launch_scaled_losses(double* out, const T* losses, long count, double scale, Stream stream);

}  // namespace cunewton::cuda
