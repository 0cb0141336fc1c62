#include "host/cpu/sample_evaluator.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "cunewton/math/packed.h"
#include "host/cpu/penalty.h"

namespace cunewton::cpu {

namespace {
constexpr long samples_per_piece = 2048;
// Entries that one call evaluates: a multiple of every number of lanes in use.
constexpr int entries_per_item = 192;
// Lanes of the widest pack, in bytes: what a perturbed point takes for each parameter.
constexpr std::size_t widest_pack = 4 * 64;

std::size_t pieces_of(long samples, long size) {
    return static_cast<std::size_t>((samples + size - 1) / size);
}

/// What a thread takes for points in lanes: one of four vectors a parameter with the losses there,
/// or one of two with as many directions.
std::size_t entry_points(int n) {
    return (static_cast<std::size_t>(n) + static_cast<std::size_t>(n) / 2 + 64) * widest_pack;
}

/// What of the budget is left beside them.
std::size_t left_of(std::size_t budget, std::size_t points) {
    return budget > points ? budget - points : 0;
}

/// A tile of a Hessian's entries, with a sum for each of the pieces.
struct EntryTile {
    /// Ranks take the same tiles, whatever the samples and threads of each.
    static EntryTile of(int n, const Ranks* ranks, std::size_t pieces, int threads,
                        std::size_t budget) {
        if (!ranks) return {n, pieces, threads, budget};
        return {n, pieces_of(ranks->samples(), samples_per_piece) + SampleGrid::chunks, 0,
                budget / 2};
    }
    EntryTile(int n, std::size_t pieces, int threads, std::size_t budget)
        : points(static_cast<std::size_t>(threads) * entry_points(n)),
          entry_bytes((pieces + 1) * sizeof(double) + 2 * sizeof(int)),
          entries(std::min(static_cast<std::size_t>(packed_size(n)),
                           std::clamp<std::size_t>(left_of(budget, points) / entry_bytes,
                                                   entries_per_item, 1 << 20))) {}
    std::size_t bytes() const { return points + entries * entry_bytes; }

    std::size_t points, entry_bytes, entries;
};

/// Differences of gradients, some columns at a time, with partial ones for few pieces of samples,
/// each as large as the budget allows.
struct ColumnTile {
    static constexpr int columns = 32;
    ColumnTile(int n, long samples, int threads, std::size_t budget)
        : points(static_cast<std::size_t>(threads) * 4 * static_cast<std::size_t>(n) * widest_pack /
                 2),
          piece_bytes(static_cast<std::size_t>(n) * columns * sizeof(double)),
          pieces(std::clamp<std::size_t>(left_of(budget, points) / piece_bytes, 1,
                                         pieces_of(samples, samples_per_piece))) {}
    std::size_t bytes() const { return points + pieces * piece_bytes; }

    std::size_t points, piece_bytes, pieces;
};

/// An analytic Hessian: summed sample by sample where there is one, or where a matrix for each lane
/// exceeds the budget.
template <class T>
struct HessianSums {
    HessianSums(int n, long samples, std::size_t budget)
        : size(static_cast<std::size_t>(n) * static_cast<std::size_t>(n)),
          in_lanes(samples > 1 && 2 * size * sizeof(double) + lanes() <= budget),
          samples_at_a_time(in_lanes ? samples_per_piece : 1),
          matrices(pieces_of(samples, samples_at_a_time) > 1 ? 2 : 1) {}
    std::size_t lanes() const { return size * widest_pack / 2; }
    /// One sample's is written to the sum, unless that is of another type.
    std::size_t bytes() const {
        const std::size_t one = std::is_same_v<T, double> ? 0 : size * sizeof(T);
        return matrices * size * sizeof(double) + (in_lanes ? lanes() : one);
    }

    std::size_t size;
    bool in_lanes;
    long samples_at_a_time;
    std::size_t matrices;
};
}  // namespace

template <class T>
SampleEvaluator<T>::SampleEvaluator(const SampleSum<T>& form, const Setting<T>& at)
    : Base(at),
      code_(*form.code.cpu),
      objective_(form.objective),
      data_(form.samples, parts_.ranks.get()),
      samples_(data_.view()),
      pieces_(pieces(samples_per_piece)) {}

template <class T>
void SampleEvaluator<T>::select(std::span<const long> samples, double share) {
    data_.select(samples, share);
    pieces_ = pieces(samples_per_piece);
}

template <class T>
void SampleEvaluator<T>::select_all() {
    data_.select_all();
    pieces_ = pieces(samples_per_piece);
}

template <class T>
std::size_t SampleEvaluator<T>::memory(const SampleSum<T>& form, const EvaluationPlan& plan) {
    const Samples<T>& samples = form.samples;
    const std::size_t n = static_cast<std::size_t>(plan.n),
                      pieces = sample_blocks(plan.ranks, samples.count, samples_per_piece).size(),
                      threads = std::min<std::size_t>(plan.threads, pieces);
    // A thread's samples in lanes, with a gradient.
    const std::size_t lanes =
        threads * (n + static_cast<std::size_t>(samples.dimension)) * widest_pack / 2;
    const std::size_t partial =
        pieces * (n + 1) * sizeof(double) + RankSum<double>::memory(plan.ranks, n + 1);
    // A product takes an entry of every axis, as a gradient of values does.
    const bool exact_products = plan.products() && plan.derivatives.hessian_is_exact();
    const bool by_entries = plan.derivatives.gradient != GradientBy::analytic || exact_products;
    const std::size_t gradient =
        n * (sizeof(double) + sizeof(int)) +
        (by_entries ? std::max(lanes, static_cast<std::size_t>(plan.threads) * entry_points(plan.n))
                    : lanes);
    std::size_t bytes = Base::memory(plan.n) + ChunkedSamples<T>::memory(samples) +
                        ChunkedSamples<T>::selection_memory(samples, plan.ranks, plan.sampled) +
                        partial;
    if (exact_products)
        bytes += n * sizeof(T);  // where they are taken
    else if (plan.products())
        bytes += Evaluator<T>::products_memory(plan.n);
    return bytes + std::max(gradient, plan.hessian() ? hessian_memory(samples, plan) : 0);
}

template <class T>
std::size_t SampleEvaluator<T>::hessian_memory(const Samples<T>& samples,
                                               const EvaluationPlan& plan) {
    const ResolvedDerivatives& by = plan.derivatives;
    const std::size_t n = static_cast<std::size_t>(plan.n);
    const auto sum = [&](std::size_t numbers) {
        return RankSum<double>::memory(plan.ranks, numbers);
    };
    if (by.hessian == HessianBy::analytic) {
        const std::size_t lower = lower_size(n);
        return HessianSums<T>(plan.n, chunk_samples(plan.ranks, samples.count), by.memory_budget)
                   .bytes() +
               static_cast<std::size_t>(samples.dimension) * widest_pack / 2 + sum(lower) +
               (plan.ranks ? lower * sizeof(double) : 0);
    }
    if (by.hessian == HessianBy::gradient_differences && by.gradient == GradientBy::analytic) {
        ColumnTile tile(plan.n, samples.count, plan.threads, by.memory_budget);
        if (plan.ranks) tile.pieces = plan.ranks->chunks().size();
        return n * n * sizeof(double) + tile.bytes() + sum(n * ColumnTile::columns);
    }
    const std::size_t pieces = sample_blocks(plan.ranks, samples.count, samples_per_piece).size();
    const EntryTile tile =
        EntryTile::of(plan.n, plan.ranks, pieces, plan.threads, by.memory_budget);
    return tile.bytes() + sum(tile.entries) +
           (plan.ranks ? static_cast<std::size_t>(plan.threads) * entry_points(plan.n) : 0);
}

template <class T>
void SampleEvaluator<T>::sum_partial(const std::vector<SampleBlock>& pieces, std::size_t stride,
                                     std::size_t size, const T* x, double* sum) {
    if (parts_.ranks) {
        const std::uint64_t point = hash(x, parts_.dimension * sizeof(T));
        return sum_blocks(*parts_.ranks, pieces, partial_.data(), stride, size, point, sum);
    }
    for (std::size_t j = 0; j < size; ++j) {
        sum[j] = 0;
        for (std::size_t p = 0; p < pieces.size(); ++p) sum[j] += partial_[p * stride + j];
    }
}

template <class T>
double SampleEvaluator<T>::sum_of_losses(const T* x) {
    partial_.assign(pieces_.size(), 0.0);
    vectors_.pool().for_each(pieces_.size(), [&](std::size_t p, int) {
        partial_[p] = code_.value(x, parts_.dimension, range(pieces_[p]));
    });
    double sum = 0;
    sum_partial(pieces_, 1, 1, x, &sum);
    return sum;
}

template <class T>
void SampleEvaluator<T>::value(const T* x, Scalar to) {
    vectors_.set(to, penalized_value(parts_, x, sum_of_losses(x)));
}
template <class T>
void SampleEvaluator<T>::values(const T* points, int count, T* losses) {
    for (int p = 0; p < count; ++p) {
        const T* x = points + static_cast<std::size_t>(p) * parts_.dimension;
        losses[p] = static_cast<T>(penalized_value(parts_, x, sum_of_losses(x)));
    }
}

template <class T>
void SampleEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar to) {
    const int n = parts_.dimension;
    std::vector<double> sum(n + 1);
    if (const auto kind = derivatives_.gradient_entries()) {
        value(x, to);
        set_steps(x, derivatives_.gradient_step);
        std::vector<int> i(n);
        std::iota(i.begin(), i.end(), 0);
        entries(*kind, x, i, i, steps_.data(), sum.data());
    } else {
        const std::size_t size = sum.size();
        partial_.assign(pieces_.size() * size, 0.0);
        vectors_.pool().for_each(pieces_.size(), [&](std::size_t p, int) {
            double* out = partial_.data() + p * size;
            out[n] = code_.value_and_gradient(x, n, range(pieces_[p]), out);
        });
        sum_partial(pieces_, size, size, x, sum.data());
        vectors_.set(to, penalized_value(parts_, x, sum[n]));
    }
    penalized_gradient(parts_, x, sum.data(), g);
}

template <class T>
void SampleEvaluator<T>::entries(Entries kind, const T* x, const std::vector<int>& i,
                                 const std::vector<int>& k, const T* steps, double* out) {
    const std::size_t count = i.size();
    const std::size_t items = (count + entries_per_item - 1) / entries_per_item;
    const std::size_t n_pieces = pieces_.size();
    partial_.assign(n_pieces * count, 0.0);
    account(partial_.size() * sizeof(double) + 2 * count * sizeof(int) +
            static_cast<std::size_t>(vectors_.pool().size()) * entry_points(parts_.dimension));
    vectors_.pool().for_each(items * n_pieces, [&](std::size_t job, int) {
        const std::size_t first = job / n_pieces * entries_per_item;
        const std::size_t p = job % n_pieces;
        const Tile tile{kind, i.data() + first, k.data() + first,
                        static_cast<int>(std::min<std::size_t>(entries_per_item, count - first))};
        code_.tile(tile, x, parts_.dimension, steps, range(pieces_[p]),
                   partial_.data() + p * count + first);
    });
    sum_partial(pieces_, count, count, x, out);
}

template <class T>
void SampleEvaluator<T>::hessian(const T* x, T* H) {
    set_steps(x, derivatives_.hessian_step);
    if (const auto kind = derivatives_.hessian_entries())
        hessian_by_entries(*kind, x, H);
    else if (derivatives_.hessian_is_exact())
        analytic_hessian(x, H);
    else
        hessian_by_columns(x, H);
    penalize_diagonal(parts_, H);
}

/// In tiles of as many entries as the budget allows.
template <class T>
template <class ForEach>
void SampleEvaluator<T>::collect_entries(Entries kind, const T* x, const ForEach& for_each_entry) {
    const int n = parts_.dimension;
    const std::size_t tile = EntryTile::of(n, parts_.ranks.get(), pieces_.size(),
                                           vectors_.pool().size(), derivatives_.memory_budget)
                                 .entries;
    std::vector<int> rows, columns;
    std::vector<T*> places;
    rows.reserve(tile);
    columns.reserve(tile);
    places.reserve(tile);
    std::vector<double> out;
    const auto flush = [&] {
        out.resize(rows.size());
        entries(kind, x, rows, columns, steps_.data(), out.data());
        for (std::size_t e = 0; e < rows.size(); ++e)
            *places[e] = static_cast<T>(parts_.scale * out[e]);
        rows.clear();
        columns.clear();
        places.clear();
    };
    for_each_entry([&](int row, int column, T* place) {
        rows.push_back(row);
        columns.push_back(column);
        places.push_back(place);
        if (rows.size() == tile) flush();
    });
    if (!rows.empty()) flush();
}

/// The lower triangle.
template <class T>
void SampleEvaluator<T>::hessian_by_entries(Entries kind, const T* x, T* H) {
    const int n = parts_.dimension;
    collect_entries(kind, x, [&](const auto& take) {
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i) take(i, j, H + static_cast<std::size_t>(j) * n + i);
    });
}

template <class T>
void SampleEvaluator<T>::sparse_hessian(const T* x, T* to) {
    set_steps(x, derivatives_.hessian_step);
    const SparsityPattern& pattern = *parts_.sparsity;
    const auto& starts = pattern.column_starts;
    collect_entries(*derivatives_.hessian_entries(), x, [&](const auto& take) {
        for (int j = 0; j < pattern.n; ++j)
            for (long e = starts[j]; e < starts[j + 1]; ++e) take(pattern.rows[e], j, to + e);
    });
    if (parts_.penalty.l2 == 0) return;
    for (int j = 0; j < pattern.n; ++j) to[starts[j]] += static_cast<T>(parts_.penalty.at(j));
}

template <class T>
void SampleEvaluator<T>::gradient_differences(const T* x, const T* h, const Compression& how,
                                              SparseMatrices<T>& matrices, T* B) {
    if (!objective_ || parts_.ranks || derivatives_.gradient != GradientBy::analytic)
        return Evaluator<T>::gradient_differences(x, h, how, matrices, B);
    const int n = parts_.dimension;
    const int* colour = how.colour_of.data();
    code_.gradient_difference_seeds(x, n, h, colour, how.colours, range(pieces_.front()), B);
    if (parts_.scale != 1)
        for (std::size_t e = 0; e < static_cast<std::size_t>(how.colours) * n; ++e)
            B[e] = static_cast<T>(parts_.scale * B[e]);
    if (parts_.penalty.l2 == 0) return;
    for (int j = 0; j < n; ++j)
        B[static_cast<std::size_t>(colour[j]) * n + j] +=
            static_cast<T>(parts_.penalty.at(j) * h[j]);
}

/// Columns of differences of the analytic gradient; the mean of both triangles is kept.
template <class T>
void SampleEvaluator<T>::hessian_by_columns(const T* x, T* H) {
    const int n = parts_.dimension;
    constexpr int columns_per_item = ColumnTile::columns;
    const int items = (n + columns_per_item - 1) / columns_per_item;
    std::vector<double> full(static_cast<std::size_t>(n) * n, 0.0);
    ColumnTile tile(n, samples_.count, vectors_.pool().size(), derivatives_.memory_budget);
    const long n_pieces = static_cast<long>(tile.pieces);
    // With ranks a chunk is a piece.
    const std::vector<SampleBlock> tile_pieces =
        pieces(parts_.ranks ? samples_.count : (samples_.count + n_pieces - 1) / n_pieces);
    if (parts_.ranks) tile.pieces = tile_pieces.size();
    account(tile.bytes());
    partial_.assign(tile.pieces * tile.piece_bytes / sizeof(double), 0.0);
    for (int item = 0; item < items; ++item) {
        const int first = item * columns_per_item;
        const int columns = std::min(columns_per_item, n - first);
        const std::size_t stride = static_cast<std::size_t>(n) * columns_per_item;
        vectors_.pool().for_each(tile_pieces.size(), [&](std::size_t p, int) {
            code_.gradient_difference_columns(x, n, steps_.data(), first, columns,
                                              range(tile_pieces[p]), partial_.data() + p * stride);
        });
        sum_partial(tile_pieces, stride, static_cast<std::size_t>(columns) * n, x,
                    full.data() + static_cast<std::size_t>(first) * n);
    }
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n; ++i)
            H[static_cast<std::size_t>(j) * n + i] =
                static_cast<T>(0.5 * parts_.scale *
                               (full[static_cast<std::size_t>(j) * n + i] +
                                full[static_cast<std::size_t>(i) * n + j]));
}

template <class T>
void SampleEvaluator<T>::analytic_hessian(const T* x, T* H) {
    const int n = parts_.dimension;
    const Ranks* const ranks = parts_.ranks.get();
    const HessianSums<T> sums(n, chunk_samples(ranks, samples_.count), derivatives_.memory_budget);
    const std::size_t size = sums.size;
    std::vector<double> sum(size), part(sums.matrices > 1 ? size : 0);
    std::optional<RankSum<double>> total;
    std::vector<double> lower;
    if (ranks) {
        lower.resize(lower_size(n));
        total.emplace(*ranks, lower.size());
    }
    note_peak(sums.bytes());
    const std::vector<SampleBlock> blocks = pieces(sums.samples_at_a_time);
    for (std::size_t b = 0; b < blocks.size();) {
        const int chunk = blocks[b].chunk;
        code_.hessian(x, n, range(blocks[b]), sum.data());
        for (++b; b < blocks.size() && blocks[b].chunk == chunk; ++b) {
            code_.hessian(x, n, range(blocks[b]), part.data());
            for (std::size_t e = 0; e < size; ++e) sum[e] += part[e];
        }
        if (!ranks) continue;
        copy_lower<double>(n, 1, sum.data(), lower.data());
        total->add(chunk, lower.data());
    }
    if (ranks) {
        total->finish(hash(x, n * sizeof(T)), lower.data());
        restore_lower<double>(n, 1, lower.data(), sum.data());
    }
    for (std::size_t e = 0; e < size; ++e) H[e] = static_cast<T>(parts_.scale * sum[e]);
}

template <class T>
void SampleEvaluator<T>::products(const T* V, int columns, T* HV) {
    if (!derivatives_.hessian_is_exact()) return Evaluator<T>::products(V, columns, HV);
    const std::size_t n = parts_.dimension;
    std::vector<int> axes(n);
    std::iota(axes.begin(), axes.end(), 0);
    std::vector<double> sum(n);
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        const T* v = V + c * n;
        entries(Entries::product_autodiff, this->product_point(), axes, axes, v, sum.data());
        penalized_gradient(parts_, v, sum.data(), HV + c * n);
    }
}

template class SampleEvaluator<double>;
template class SampleEvaluator<float>;

}  // namespace cunewton::cpu
