#include "host/cpu/rank_k.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace cunewton::cpu {

template <class T>
Buffer<T> aligned_buffer(std::size_t count) {
    const std::size_t bytes = std::max<std::size_t>(count, 1) * sizeof(T);
    void* p = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        throw OutOfMemory("cannot allocate " + std::to_string(bytes) +
                          " bytes (the host is out of memory) reduce the problem");
    return Buffer<T>(static_cast<T*>(p), count, [](void* q) noexcept { std::free(q); });
}
template Buffer<double> aligned_buffer(std::size_t);
template Buffer<float> aligned_buffer(std::size_t);

namespace {
int round_up(int n, int to) { return (n + to - 1) / to * to; }
}  // namespace

template <class S, class Compute, class Sum>
RankKUpdate<S, Compute, Sum>::RankKUpdate(ThreadPool& pool)
    : pool_(pool), kernels_(tile_kernels<S, Compute, Sum>()), right_(pool.size()) {}

template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::add(const RowBlock<S>& block,
                                       const std::vector<Product<S, Sum>>& products) {
    const int n = block.columns();
    const std::size_t left_size =
        static_cast<std::size_t>(round_up(n, kernels_.shape.mr)) * block.count;
    if (left_.size() < left_size) left_ = aligned_buffer<Compute>(left_size);
    for (Buffer<Compute>& right : right_)
        if (!right) right = aligned_buffer<Compute>(static_cast<std::size_t>(column_group) * row_block);

    pack_left(block);
    const int groups = (n + column_group - 1) / column_group;
    // Long columns first: with the short ones last no thread waits long for another.
    pool_.for_each(groups * products.size(), [&](std::size_t item, int thread) {
        const std::size_t group = item / products.size();
        update_columns(block, products[item % products.size()],
                       static_cast<int>(group) * column_group, thread);
    });
}

/// Left panels: mr columns of A for all rows of a row block, row by row; row blocks one after the
/// other.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::pack_left(const RowBlock<S>& block) {
    const int mr = kernels_.shape.mr;
    const int panels = round_up(block.columns(), mr) / mr;
    constexpr int rows_per_item = 64;
    const int items = (block.count + rows_per_item - 1) / rows_per_item;
    pool_.for_each(items, [&](std::size_t item, int) {
        const int begin = static_cast<int>(item) * rows_per_item;
        const int count = std::min(rows_per_item, block.count - begin);
        const int start = begin / row_block * row_block;
        const int rows = std::min(row_block, block.count - start);
        const S* from = block.rows + begin * block.ld;
        Compute* to = left_.get() + static_cast<std::size_t>(start) * panels * mr +
                      static_cast<std::size_t>(begin - start) * mr;
        for (int q = 0; q < panels; ++q, to += static_cast<std::size_t>(rows) * mr) {
            if ((q + 1) * mr <= block.d)
                kernels_.pack_left(from + q * mr, block.ld, count, to);
            else
                pack_last_panel(block, begin, count, q * mr, to);
        }
    });
}

/// The panel that reaches beyond the data: the column of ones, if there is one, and zeros.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::pack_last_panel(const RowBlock<S>& block, int begin, int count,
                                                   int column, Compute* to) {
    for (int s = begin; s < begin + count; ++s)
        for (int j = column; j < column + kernels_.shape.mr; ++j)
            *to++ = j < block.d ? static_cast<Compute>(block.rows[s * block.ld + j])
                                : Compute(block.ones && j == block.d ? 1 : 0);
}

/// Columns [first, first + column_group) of one product.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::update_columns(const RowBlock<S>& block,
                                                  const Product<S, Sum>& product, int first,
                                                  int thread) {
    const auto [mr, nr] = kernels_.shape;
    const int n = block.columns();
    const int panels = round_up(n, mr) / mr;
    const int columns = std::min(column_group, n - first);
    const int column_panels = round_up(columns, nr) / nr;
    // A quarter of a megabyte of left panels stays in the second-level cache while the columns of
    // the group pass.
    const int panels_per_sweep =
        std::max(1, static_cast<int>((std::size_t{1} << 20) / (sizeof(Compute) * mr * row_block)));
    Compute* right = right_[thread].get();

    for (int start = 0; start < block.count; start += row_block) {
        const int rows = std::min(row_block, block.count - start);
        const Compute* left = left_.get() + static_cast<std::size_t>(start) * panels * mr;
        for (int q = 0; q < column_panels; ++q) {
            const int column = first + q * nr;
            kernels_.pack_right(
                left + static_cast<std::size_t>(column / mr) * rows * mr + column % mr, rows,
                product.weights ? product.weights + start : nullptr, product.factor,
                right + static_cast<std::size_t>(q) * rows * nr);
        }
        for (int sweep = first / mr; sweep < panels; sweep += panels_per_sweep) {
            const int sweep_end = std::min(panels, sweep + panels_per_sweep);
            for (int q = 0; q < column_panels; ++q) {
                const int j0 = first + q * nr;
                for (int p = std::max(sweep, j0 / mr); p < sweep_end; ++p)
                    add_tile(rows, left + static_cast<std::size_t>(p) * rows * mr,
                             right + static_cast<std::size_t>(q) * rows * nr, product, p * mr, j0, n);
            }
        }
    }
}

/// Tile at row i0 and column j0: directly where it lies inside the lower triangle, else through a
/// copy of which only the part inside is added.
template <class S, class Compute, class Sum>
void RankKUpdate<S, Compute, Sum>::add_tile(int k, const Compute* left, const Compute* right,
                                            const Product<S, Sum>& product, int i0, int j0, int n) {
    const auto [mr, nr] = kernels_.shape;
    Sum* c = product.c + j0 * product.ldc + i0;
    if (i0 >= j0 + nr - 1 && i0 + mr <= n && j0 + nr <= n) {
        kernels_.multiply_add(k, left, right, c, product.ldc);
        return;
    }
    alignas(64) Sum tile[48 * 8] = {};
    kernels_.multiply_add(k, left, right, tile, mr);
    for (int j = 0; j < std::min(nr, n - j0); ++j)
        for (int i = std::max(0, j0 + j - i0); i < std::min(mr, n - i0); ++i)
            c[j * product.ldc + i] += tile[j * mr + i];
}

template class RankKUpdate<double, double, double>;
template class RankKUpdate<double, float, double>;
template class RankKUpdate<float, float, float>;

}  // namespace cunewton::cpu
