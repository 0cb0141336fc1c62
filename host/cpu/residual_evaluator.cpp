#include "host/cpu/residual_evaluator.h"

#include <algorithm>
#include <cstring>

#include "cunewton/math/packed.h"
#include "host/cpu/penalty.h"

namespace cunewton::cpu {

namespace {
// Samples whose sums are added up in order, whatever the number of threads.
constexpr long samples_per_piece = 8192;
// A tile stays in the first-level cache if the parameters are few.
constexpr std::size_t tile_bytes = 24 * 1024;
constexpr int most_samples = 512;
// Up to so many parameters each piece has a sum of J'WJ of its own; beyond, tiles of J are
// multiplied with themselves.
constexpr int most_summed = 48;
// Numbers of such a tile.
constexpr std::size_t update_numbers = std::size_t{1} << 20;
// Gradients in a row without a Hessian after which none is expected any more.
constexpr int patience = 8;

long padded(long count) {
    return (count + residual_padding - 1) / residual_padding * residual_padding;
}
/// Samples of a tile that is multiplied with itself.
long update_samples(std::size_t n, std::size_t k) {
    return std::clamp<long>(
        static_cast<long>(update_numbers / (n * k)) / residual_padding * residual_padding,
        residual_padding, samples_per_piece);
}
}  // namespace

template <class T>
int ResidualEvaluator<T>::tile_samples(int n, int residuals) {
    const std::size_t row =
        (static_cast<std::size_t>(n) + 4) * sizeof(T) * static_cast<std::size_t>(residuals);
    const int fitting = static_cast<int>(tile_bytes / row) / residual_padding * residual_padding;
    return std::clamp(fitting, residual_padding, most_samples);
}

template <class T>
std::size_t ResidualEvaluator<T>::scratch_numbers(int n, int residuals) {
    return (static_cast<std::size_t>(n) + 4) * static_cast<std::size_t>(residuals) *
           static_cast<std::size_t>(tile_samples(n, residuals));
}

template <class T>
typename ResidualEvaluator<T>::Scratch ResidualEvaluator<T>::scratch(std::size_t rows) const {
    Scratch own{aligned_buffer<T>(rows * (static_cast<std::size_t>(parts_.dimension) + 4)),
                {},
                {},
                {},
                {},
                {}};
    own.r = own.numbers.get();
    own.slope = own.r + rows;
    own.curvature = own.slope + rows;
    own.weights = own.curvature + rows;
    own.J = own.weights + rows;
    return own;
}

template <class T>
ResidualEvaluator<T>::ResidualEvaluator(const ResidualSum<T>& form, const Setting<T>& at)
    : Base(at),
      code_(*form.code.cpu),
      estimator_(form.estimator),
      tuning_(static_cast<T>(form.tuning)),
      k_(form.residuals),
      data_(form.samples, parts_.ranks.get()),
      samples_(data_.view()),
      pieces_(data_.blocks(samples_per_piece)) {
    const std::size_t rows =
        static_cast<std::size_t>(tile_samples(parts_.dimension, k_)) * static_cast<std::size_t>(k_);
    for (int t = 0; t < vectors_.pool().size(); ++t) scratch_.push_back(scratch(rows));
    note_peak(scratch_.size() * scratch_numbers(parts_.dimension, k_) * sizeof(T));
}

template <class T>
std::size_t ResidualEvaluator<T>::memory(const ResidualSum<T>& form, const EvaluationPlan& plan) {
    const Samples<T>& samples = form.samples;
    const std::size_t n = static_cast<std::size_t>(plan.n),
                      k = static_cast<std::size_t>(form.residuals),
                      pieces = sample_blocks(plan.ranks, samples.count, samples_per_piece).size(),
                      triangle = static_cast<std::size_t>(packed_size(plan.n));
    const bool exact = plan.derivatives.hessian == HessianBy::autodiff;
    const bool sums = plan.n <= most_summed || exact;
    const std::size_t size = 1 + n + (plan.hessian() && sums ? triangle : 0);
    std::size_t bytes = Base::memory(plan.n) + ChunkedSamples<T>::memory(samples) +
                        ChunkedSamples<T>::selection_memory(samples, plan.ranks, plan.sampled);
    bytes += static_cast<std::size_t>(plan.threads) * scratch_numbers(plan.n, form.residuals) *
             sizeof(T);
    bytes += (pieces + 1) * size * sizeof(double) + n * sizeof(T) +
             RankSum<double>::memory(plan.ranks, size);
    if (plan.products()) bytes += Evaluator<T>::products_memory(plan.n);
    if (plan.hessian() && !sums) {
        const long tile = update_samples(n, k);
        const std::size_t rows = static_cast<std::size_t>(tile) * k;
        bytes += rows * (2 * n + 4) * sizeof(T) +
                 RankKUpdate<T, T, T>::memory(plan.n, static_cast<int>(rows), plan.threads);
        if (plan.ranks) bytes += triangle * sizeof(T) + RankSum<T>::memory(plan.ranks, triangle);
    }
    return bytes;
}

template <class T>
void ResidualEvaluator<T>::select(std::span<const long> samples, double share) {
    data_.select(samples, share);
    pieces_ = data_.blocks(samples_per_piece);
    level_.reset();
}

template <class T>
void ResidualEvaluator<T>::select_all() {
    data_.select_all();
    pieces_ = data_.blocks(samples_per_piece);
    level_.reset();
}

template <class T>
bool ResidualEvaluator<T>::is_small() const {
    return parts_.dimension <= most_summed;
}

template <class T>
ResidualTile<T> ResidualEvaluator<T>::tile(const Scratch& at, long begin, long end) const {
    const long count = end - begin, ld = padded(count);
    const T* weights = nullptr;
    if (samples_.weights || count < ld) {
        for (long i = 0; i < ld; ++i)
            at.weights[i] = i >= count         ? T(0)
                            : samples_.weights ? samples_.weights[begin + i]
                                               : T(1);
        for (int c = 1; c < k_; ++c) std::copy_n(at.weights, ld, at.weights + c * ld);
        weights = at.weights;
    }
    return {at.r,       at.J,    parts_.dimension, ld * k_,     weights,
            estimator_, tuning_, at.slope,         at.curvature};
}

template <class T>
template <class Add>
void ResidualEvaluator<T>::sum_tiles(std::size_t size, const T* x, double* sum, const Add& add) {
    partial_.assign(pieces_.size() * size, 0.0);
    const long step = tile_samples(parts_.dimension, k_);
    vectors_.pool().for_each(pieces_.size(), [&](std::size_t p, int thread) {
        double* const out = partial_.data() + p * size;
        const long end = pieces_[p].end;
        for (long begin = pieces_[p].begin; begin < end; begin += step)
            add(scratch_[static_cast<std::size_t>(thread)], begin, std::min(begin + step, end),
                out);
    });
    if (parts_.ranks) {
        const std::uint64_t point = hash(x, static_cast<std::size_t>(parts_.dimension) * sizeof(T));
        return sum_blocks(*parts_.ranks, pieces_, partial_.data(), size, size, point, sum);
    }
    std::fill_n(sum, size, 0.0);
    for (std::size_t p = 0; p < pieces_.size(); ++p)
        for (std::size_t e = 0; e < size; ++e) sum[e] += partial_[p * size + e];
}

template <class T>
void ResidualEvaluator<T>::sum_to(Level level, const T* x) {
    const std::size_t n = static_cast<std::size_t>(parts_.dimension);
    if (level_ && *level_ >= level && std::memcmp(x_.data(), x, n * sizeof(T)) == 0) return;
    const bool derivatives = level != Level::value, triangle = level == Level::triangle;
    if (derivatives) set_steps(x, derivatives_.gradient_step);
    const std::size_t size =
        !derivatives
            ? 1
            : 1 + n + (triangle ? static_cast<std::size_t>(packed_size(parts_.dimension)) : 0);
    sums_.resize(size);
    level_.reset();
    sum_tiles(size, x, sums_.data(), [&](const Scratch& at, long begin, long end, double* out) {
        const ResidualTile<T> rows = tile(at, begin, end);
        const std::ptrdiff_t ld = rows.rows / k_;
        if (derivatives)
            code_.rows(x, parts_.dimension, derivatives_.gradient, steps_.data(), range(begin, end),
                       rows.r, rows.J, ld);
        else
            code_.values(x, parts_.dimension, range(begin, end), rows.r, ld);
        out[0] += residual_losses(rows, derivatives);
        if (derivatives) add_slopes(rows, out + 1);
        if (triangle) add_curvatures(rows, out + 1 + n);
    });
    for (std::size_t e = 1; e < size; ++e) sums_[e] *= 2;
    x_.assign(x, x + n);
    level_ = level;
}

template <class T>
void ResidualEvaluator<T>::value(const T* x, Scalar f) {
    sum_to(Level::value, x);
    vectors_.set(f, penalized_value(parts_, x, sums_[0]));
}

template <class T>
void ResidualEvaluator<T>::values(const T* points, int count, T* losses) {
    for (int p = 0; p < count; ++p) {
        const T* const x = points + static_cast<std::size_t>(p) * parts_.dimension;
        sum_to(Level::value, x);
        losses[p] = static_cast<T>(penalized_value(parts_, x, sums_[0]));
    }
}

template <class T>
void ResidualEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    const bool expected = is_small() && by_gauss_newton() && gradients_alone_ < patience;
    ++gradients_alone_;
    sum_to(expected ? Level::triangle : Level::gradient, x);
    vectors_.set(f, penalized_value(parts_, x, sums_[0]));
    penalized_gradient(parts_, x, sums_.data() + 1, g);
}

template <class T>
void ResidualEvaluator<T>::hessian(const T* x, T* H) {
    const int n = parts_.dimension;
    gradients_alone_ = 0;
    const auto write = [&](const double* triangle) {
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i)
                H[static_cast<std::size_t>(j) * n + i] = static_cast<T>(parts_.scale * *triangle++);
    };
    if (!by_gauss_newton()) {
        std::vector<double> triangle(static_cast<std::size_t>(packed_size(n)));
        sum_tiles(triangle.size(), x, triangle.data(),
                  [&](const Scratch& at, long begin, long end, double* out) {
                      ResidualTile<T> rows = tile(at, begin, end);
                      const std::ptrdiff_t ld = rows.rows / k_;
                      rows.n = 0;  // there are no derivatives yet
                      code_.values(x, n, range(begin, end), rows.r, ld);
                      if (rows.plain()) std::fill_n(rows.curvature, rows.rows, T(1));
                      residual_losses(rows, true, true);
                      code_.add_hessian(x, n, range(begin, end), rows.plain() ? rows.r : rows.slope,
                                        rows.curvature, ld, out);
                  });
        for (double& entry : triangle) entry *= 2;
        write(triangle.data());
    } else if (is_small()) {
        sum_to(Level::triangle, x);
        write(sums_.data() + 1 + n);
    } else {
        hessian_by_updates(x, H);
    }
    penalize_diagonal(parts_, H);
}

/// Tiles of J, row by row, times themselves.
template <class T>
void ResidualEvaluator<T>::hessian_by_updates(const T* x, T* H) {
    const std::size_t n = static_cast<std::size_t>(parts_.dimension),
                      k = static_cast<std::size_t>(k_);
    const long most = update_samples(n, k), step = tile_samples(parts_.dimension, k_);
    if (!update_) update_.emplace(vectors_.pool());
    set_steps(x, derivatives_.gradient_step);
    const std::size_t most_rows = static_cast<std::size_t>(most) * k;
    const Buffer<T> J = aligned_buffer<T>(most_rows * n), curvature = aligned_buffer<T>(most_rows);
    note_peak((most_rows * (n + 1) + scratch_.size() * scratch_numbers(parts_.dimension, k_)) *
              sizeof(T));
    std::fill_n(H, n * n, T(0));
    std::optional<RankSum<T>> total;
    std::vector<T> lower;
    if (parts_.ranks) {
        lower.resize(lower_size(n));
        total.emplace(*parts_.ranks, lower.size());
    }
    const std::vector<SampleBlock> blocks = data_.blocks(most);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const SampleBlock& block = blocks[b];
        const long count = block.end - block.begin;
        const std::size_t tiles = static_cast<std::size_t>((count + step - 1) / step);
        vectors_.pool().for_each(tiles, [&](std::size_t t, int thread) {
            const long begin = block.begin + static_cast<long>(t) * step,
                       end = std::min(begin + step, block.end);
            const ResidualTile<T> rows =
                tile(scratch_[static_cast<std::size_t>(thread)], begin, end);
            const std::size_t ld = static_cast<std::size_t>(rows.rows) / k;
            code_.rows(x, parts_.dimension, derivatives_.gradient, steps_.data(), range(begin, end),
                       rows.r, rows.J, static_cast<std::ptrdiff_t>(ld));
            residual_losses(rows, true);
            for (std::size_t i = 0; i < static_cast<std::size_t>(end - begin); ++i)
                for (std::size_t c = 0; c < k; ++c) {
                    const std::size_t to =
                        (static_cast<std::size_t>(begin - block.begin) + i) * k + c;
                    curvature.get()[to] = rows.plain() ? T(1) : rows.curvature[c * ld + i];
                    T* const row = J.get() + to * n;
                    for (std::size_t j = 0; j < n; ++j)
                        row[j] = rows.J[j * static_cast<std::size_t>(rows.rows) + c * ld + i];
                }
        });
        update_->add({J.get(), static_cast<std::ptrdiff_t>(n), parts_.dimension, false,
                      static_cast<int>(static_cast<std::size_t>(count) * k)},
                     {{curvature.get(), static_cast<T>(2 * parts_.scale), H,
                       static_cast<std::ptrdiff_t>(n)}});
        const bool last = b + 1 == blocks.size() || blocks[b + 1].chunk != block.chunk;
        if (!total || !last) continue;
        copy_lower(n, 1, H, lower.data());
        total->add(block.chunk, lower.data());
        std::fill_n(H, n * n, T(0));
    }
    if (!total) return;
    total->finish(hash(x, n * sizeof(T)), lower.data());
    restore_lower(n, 1, lower.data(), H);
}

template <class T>
void ResidualEvaluator<T>::products(const T* V, int columns, T* HV) {
    const std::size_t n = static_cast<std::size_t>(parts_.dimension);
    const T* const x = this->product_point();
    set_steps(x, derivatives_.gradient_step);
    std::vector<double> sum(n);
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        const T* const v = V + c * n;
        sum_tiles(n, v, sum.data(), [&](const Scratch& at, long begin, long end, double* out) {
            ResidualTile<T> rows = tile(at, begin, end);
            const std::ptrdiff_t ld = rows.rows / k_;
            if (by_gauss_newton()) {
                code_.rows(x, parts_.dimension, derivatives_.gradient, steps_.data(),
                           range(begin, end), rows.r, rows.J, ld);
                residual_losses(rows, true);
                multiply_rows(rows, v);
                rows.r = rows.slope;
                return add_slopes(rows, out);
            }
            rows.n = 0;  // there are no derivatives yet
            code_.values(x, parts_.dimension, range(begin, end), rows.r, ld);
            if (rows.plain()) std::fill_n(rows.curvature, rows.rows, T(1));
            residual_losses(rows, true, true);
            code_.add_product(x, parts_.dimension, v, range(begin, end),
                              rows.plain() ? rows.r : rows.slope, rows.curvature, ld, out);
        });
        for (double& entry : sum) entry *= 2;
        penalized_gradient(parts_, v, sum.data(), HV + c * n);
    }
}

template class ResidualEvaluator<double>;
template class ResidualEvaluator<float>;

}  // namespace cunewton::cpu
