// What is made of a tile of residuals and of their derivatives: losses, J' r and J' W J. A tile's
// rows, a residual each, are padded to whole lanes by rows that do not count.
#pragma once

#include <cstddef>

#include "cunewton/choices.h"

namespace cunewton::cpu {

/// J has n columns of `rows` numbers, one after the other.
template <class T>
struct ResidualTile {
    T* r;
    T* J;
    int n;
    std::ptrdiff_t rows;  ///< a multiple of residual_padding
    const T* weights;     ///< of each row; null: all 1
    Estimator estimator;
    T tuning;
    T* slope;      ///< of rho by r, for each row
    T* curvature;  ///< a positive one that stands for the second derivative

    bool plain() const { return !weights && estimator == Estimator::least_squares; }
};

/// The sum of 2 rho; with `derivatives` slopes and curvatures are written as well (a plain() tile's
/// are r and 1, which are not), and J is zero in rows that do not count. second: the second
/// derivative itself takes the place of the curvature.
template <class T>
double residual_losses(const ResidualTile<T>& tile, bool derivatives, bool second = false);
/// g += J' slope
template <class T>
void add_slopes(const ResidualTile<T>& tile, double* g);
/// h += J' diag(curvature) J: the lower triangle, packed column by column.
template <class T>
void add_curvatures(const ResidualTile<T>& tile, double* h);
/// slope = diag(curvature) J v
template <class T>
void multiply_rows(const ResidualTile<T>& tile, const T* v);

}  // namespace cunewton::cpu
