#include "host/cpu/gemm.h"

#include <algorithm>

#include "host/cpu/rank_k.h"

namespace cunewton::cpu {

namespace {
// Rows and columns of the largest tile of any instruction set and type.
constexpr int largest_tile = 48 * 8;
// Columns of B are packed in whole tiles.
constexpr int most_nr = 8;
}  // namespace

template <class T>
Gemm<T>::Gemm()
    : kernels_(product_kernels<T>()), left_(aligned_buffer<T>(std::size_t{row_block} * depth)) {}

template <class T>
std::size_t Gemm<T>::right_size(int columns) {
    const std::size_t block = static_cast<std::size_t>(std::min(columns, column_block));
    return (block + most_nr - 1) / most_nr * most_nr * depth;
}
template <class T>
std::size_t Gemm<T>::memory(int columns) {
    return (std::size_t{row_block} * depth + right_size(columns)) * sizeof(T);
}

template <class T>
void Gemm<T>::multiply(int m, int n, int k, const Operand<T>& a, const Operand<T>& b, bool add,
                       T* c, std::ptrdiff_t ldc) {
    const int nr = kernels_.nr, mr = kernels_.vectors * kernels_.lanes;
    static_assert(row_block % 48 == 0 && column_block % most_nr == 0);
    if (right_.size() < right_size(n)) right_ = aligned_buffer<T>(right_size(n));
    if (!add)
        for (int j = 0; j < n; ++j) std::fill_n(c + j * ldc, m, T(0));
    for (int j = 0; j < n; j += column_block) {
        const int columns = std::min(column_block, n - j);
        for (int p = 0; p < k; p += depth) {
            const int steps = std::min(depth, k - p);
            for (int q = 0; q < columns; q += nr)
                kernels_.pack_panel(std::min(nr, columns - q), steps,
                                    b.at + p * b.row + (j + q) * b.column, b.column, b.row, nr,
                                    right_.get() + static_cast<std::ptrdiff_t>(q) * steps);
            for (int i = 0; i < m; i += row_block) {
                const int rows = std::min(row_block, m - i);
                for (int q = 0; q < rows; q += mr) {
                    const int count = std::min(mr, rows - q);
                    // The last panel is as narrow as whole vectors allow.
                    const int panel =
                        (count + kernels_.lanes - 1) / kernels_.lanes * kernels_.lanes;
                    kernels_.pack_panel(count, steps, a.at + (i + q) * a.row + p * a.column, a.row,
                                        a.column, panel,
                                        left_.get() + static_cast<std::ptrdiff_t>(q) * steps);
                }
                multiply_block(rows, columns, steps, c + j * ldc + i, ldc);
            }
        }
    }
}

/// C += the packed blocks.
template <class T>
void Gemm<T>::multiply_block(int m, int n, int k, T* c, std::ptrdiff_t ldc) {
    const int nr = kernels_.nr, lanes = kernels_.lanes, mr = kernels_.vectors * lanes;
    for (int j = 0; j < n; j += nr) {
        const T* const right = right_.get() + static_cast<std::ptrdiff_t>(j) * k;
        const int columns = std::min(nr, n - j);
        for (int i = 0; i < m; i += mr) {
            const T* const left = left_.get() + static_cast<std::ptrdiff_t>(i) * k;
            const int rows = std::min(mr, m - i), vectors = (rows + lanes - 1) / lanes;
            T* const to = c + j * ldc + i;
            if (columns == nr && rows == vectors * lanes) {
                kernels_.multiply_add[vectors - 1](k, left, right, to, ldc);
                continue;
            }
            alignas(64) T tile[largest_tile] = {};
            kernels_.multiply_add[vectors - 1](k, left, right, tile, vectors * lanes);
            for (int q = 0; q < columns; ++q)
                for (int r = 0; r < rows; ++r) to[q * ldc + r] += tile[q * vectors * lanes + r];
        }
    }
}

template class Gemm<double>;
template class Gemm<float>;

}  // namespace cunewton::cpu
