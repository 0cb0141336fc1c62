#include "host/cpu/rank_k.h"

#include <algorithm>
#include <new>

namespace cunewton::cpu {

template <class T>
Buffer<T> aligned_buffer(std::size_t count) {
    const std::size_t bytes = std::max<std::size_t>(count, 1) * sizeof(T);
    constexpr std::align_val_t alignment{64};
    void* p = ::operator new(bytes, alignment, std::nothrow);
    if (!p)
        throw OutOfMemory("cannot allocate " + std::to_string(bytes) +
                          " bytes (the host is out of memory) reduce the problem");
    return Buffer<T>(static_cast<T*>(p), count,
                     [](void* q) noexcept { ::operator delete(q, alignment); });
}
template Buffer<double> aligned_buffer(std::size_t);
template Buffer<float> aligned_buffer(std::size_t);

template <class S, class Compute, class Sum>
RankKUpdate<S, Compute, Sum>::RankKUpdate(ThreadPool& pool)
    : pool_(pool), kernels_(tile_kernels<S, Compute, Sum>()), right_(pool.size()) {}

template <class S, class Compute, class Sum>
std::size_t RankKUpdate<S, Compute, Sum>::left_size(int columns, int rows) {
    const std::size_t mr = static_cast<std::size_t>(tile_kernels<S, Compute, Sum>().shape.mr);
    return (static_cast<std::size_t>(columns) + mr - 1) / mr * mr * static_cast<std::size_t>(rows);
}
template <class S, class Compute, class Sum>
std::size_t RankKUpdate<S, Compute, Sum>::memory(int columns, int rows, int threads) {
    return (left_size(columns, rows) + static_cast<std::size_t>(threads) * right_size) *
           sizeof(Compute);
}

template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::add(const RowBlock<S>& block,
                                       const std::vector<Product<S, Sum>>& products) {
    const int n = block.columns(), mr = kernels_.shape.mr;
    const int panels = (n + mr - 1) / mr;
    const Grid grid{panels, panels * mr - n};
    if (const std::size_t size = left_size(n, block.count); left_.size() < size)
        left_ = aligned_buffer<Compute>(size);
    for (Buffer<Compute>& right : right_)
        if (!right) right = aligned_buffer<Compute>(right_size);

    pack_left(block, grid);
    const int groups = (panels * mr + column_group - 1) / column_group;
    // Long columns first: with the short ones last no thread waits long for another.
    pool_.for_each(groups * products.size(), [&](std::size_t item, int thread) {
        const int group = static_cast<int>(item / products.size());
        update_columns(block, grid, products[item % products.size()], group * column_group, thread);
    });
}

/// Left panels: mr columns of A for all rows of a row block, row by row; row blocks one after the
/// other. The columns are padded in front, so that panels end with the last column: every column of
/// the lower triangle reaches the bottom, only the first few reach the top.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::pack_left(const RowBlock<S>& block, const Grid& grid) {
    const int mr = kernels_.shape.mr;
    constexpr int rows_per_item = 64;
    const int items = (block.count + rows_per_item - 1) / rows_per_item;
    pool_.for_each(items, [&](std::size_t item, int) {
        const int begin = static_cast<int>(item) * rows_per_item;
        const int count = std::min(rows_per_item, block.count - begin);
        const int start = begin / row_block * row_block;
        const int rows = std::min(row_block, block.count - start);
        const S* from = block.rows + begin * block.ld;
        Compute* to = left_.get() + static_cast<std::size_t>(start) * grid.panels * mr +
                      static_cast<std::size_t>(begin - start) * mr;
        for (int q = 0; q < grid.panels; ++q, to += static_cast<std::size_t>(rows) * mr) {
            const int column = q * mr - grid.padding;
            if (column >= 0 && column + mr <= block.d)
                kernels_.pack_left(from + column, block.ld, count, to);
            else
                pack_edge_panel(block, begin, count, column, to);
        }
    });
}

/// A panel that reaches beyond the data: zeros in front, the column of ones at the end.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::pack_edge_panel(const RowBlock<S>& block, int begin, int count,
                                                   int column, Compute* to) {
    for (int s = begin; s < begin + count; ++s)
        for (int j = column; j < column + kernels_.shape.mr; ++j)
            *to++ = j >= 0 && j < block.d ? static_cast<Compute>(block.rows[s * block.ld + j])
                                          : Compute(j == block.d ? 1 : 0);
}

/// Columns [first, first + column_group) of the padded grid, for one product.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::update_columns(const RowBlock<S>& block, const Grid& grid,
                                                  const Product<S, Sum>& product, int first,
                                                  int thread) {
    const auto [mr, nr] = kernels_.shape;
    const int end = std::min(first + column_group, grid.panels * mr);
    // A megabyte of left panels stays in the second-level cache while the group's columns pass.
    const int panels_per_sweep =
        std::max(1, static_cast<int>((std::size_t{1} << 20) / (sizeof(Compute) * mr * row_block)));
    Compute* right = right_[thread].get();

    for (int start = 0; start < block.count; start += row_block) {
        const int rows = std::min(row_block, block.count - start);
        const Compute* left = left_.get() + static_cast<std::size_t>(start) * grid.panels * mr;
        const auto left_panel = [&](int p) {
            return left + static_cast<std::size_t>(p) * rows * mr;
        };
        const auto right_panel = [&](int j) {
            return right + static_cast<std::size_t>(j - first) * rows;
        };
        for (int j = first; j < end; j += mr)
            kernels_.pack_right(left_panel(j / mr), rows,
                                product.weights ? product.weights + start : nullptr, product.factor,
                                right_panel(j));
        for (int sweep = first / mr; sweep < grid.panels; sweep += panels_per_sweep) {
            const int sweep_end = std::min(grid.panels, sweep + panels_per_sweep);
            for (int j = first; j < end; j += nr)
                for (int p = std::max(sweep, j / mr); p < sweep_end; ++p)
                    add_tile(rows, left_panel(p), right_panel(j), product, p * mr - grid.padding,
                             j - grid.padding);
        }
    }
}

/// The tile at row i0 and column j0: directly where it lies inside the lower triangle, else through
/// a copy of which only the part inside is added.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::add_tile(int k, const Compute* left, const Compute* right,
                                            const Product<S, Sum>& product, int i0, int j0) {
    const auto [mr, nr] = kernels_.shape;
    if (j0 + nr <= 0) return;
    if (j0 >= 0 && i0 >= j0 + nr - 1) {
        kernels_.multiply_add(k, left, right, product.c + j0 * product.ldc + i0, product.ldc);
        return;
    }
    alignas(64) Sum tile[largest_tile] = {};
    kernels_.multiply_add(k, left, right, tile, mr);
    for (int j = std::max(0, -j0); j < nr; ++j)
        for (int i = std::max(0, j0 + j - i0); i < mr; ++i)
            product.c[(j0 + j) * product.ldc + i0 + i] += tile[j * mr + i];
}

template class RankKUpdate<double, double, double>;
template class RankKUpdate<double, float, double>;
template class RankKUpdate<float, float, float>;

}  // namespace cunewton::cpu
