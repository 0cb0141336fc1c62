// Inner loops of dense linear algebra over samples, for the processor at hand.
#pragma once

#include <cstddef>

namespace cunewton::cpu {

/// Sizes of the register tile of the rank-k update: mr rows (whole vectors) by nr columns.
struct TileShape {
    int mr, nr;
};

/// The functions of one instruction set. T is double or float.
template <class T>
struct RowKernels {
    /// z[k * z_ld + i] = rows_i'w_k + b_k for `count` rows of length d, ld apart, and each of the
    /// outputs, w_k = w + k * block; b_k is number d of w_k if `ones`, else 0. What an output gets
    /// does not depend on how many there are.
    void (*dot_rows)(const T* rows, std::ptrdiff_t ld, int count, int d, const T* w,
                     std::ptrdiff_t block, int outputs, bool ones, T* z, std::ptrdiff_t z_ld);
    /// g_k += sum_i r[k * r_ld + i] rows_i, rows followed by a 1 if `ones`; g_k = g + k * block.
    void (*add_rows)(const T* rows, std::ptrdiff_t ld, int count, int d, bool ones, const T* r,
                     std::ptrdiff_t r_ld, int outputs, T* g, std::ptrdiff_t block);
};

/// S: type of the data, Compute: of the multiplications, Sum: of the result.
template <class S, class Compute, class Sum>
struct TileKernels {
    TileShape shape;
    /// to[s * mr + i] = rows[s * ld + i] for `count` rows
    void (*pack_left)(const S* rows, std::ptrdiff_t ld, int count, Compute* to);
    /// The mr / nr right panels that a packed left panel holds, one after the other:
    /// to[(q * count + s) * nr + j] = w_s left[s * mr + q * nr + j], w_s = weights[s] * factor or
    /// factor alone.
    void (*pack_right)(const Compute* left, int count, const S* weights, S factor, Compute* to);
    /// c[j * ldc + i] += sum_p left[p * mr + i] right[p * nr + j] for the whole tile.
    void (*multiply_add)(int k, const Compute* left, const Compute* right, Sum* c,
                         std::ptrdiff_t ldc);
};

/// Of general products, in tiles of up to `vectors` whole vectors of `lanes` rows by nr columns.
template <class T>
struct ProductKernels {
    int lanes, vectors, nr;
    /// As TileKernels::multiply_add, for tiles of one vector of rows, of two, ...
    void (*multiply_add[3])(int k, const T* left, const T* right, T* c, std::ptrdiff_t ldc);
    /// to[p * panel + i] = from[i * row + p * step] for p < steps and i < rows, 0 for the rows from
    /// there to `panel`. One of the distances should be 1.
    void (*pack_panel)(int rows, int steps, const T* from, std::ptrdiff_t row, std::ptrdiff_t step,
                       int panel, T* to);
};

/// The kernels of the widest instruction set that the processor has.
template <class T>
const RowKernels<T>& row_kernels();
template <class T>
const ProductKernels<T>& product_kernels();
template <class S, class Compute, class Sum>
const TileKernels<S, Compute, Sum>& tile_kernels();

}  // namespace cunewton::cpu
