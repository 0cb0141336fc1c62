#include "host/cpu/predictor_evaluator.h"

#include <algorithm>

#include "host/cpu/block_cholesky.h"
#include "host/cpu/penalty.h"

namespace cunewton::cpu {

namespace {
// Samples whose loss and gradient one thread sums before the sums are combined, in this order
// whatever the number of threads; and samples whose features stay in cache between the product that
// gives z and the one that uses dl/dz.
constexpr int sum_block = 4096;
constexpr int cache_block = 128;
// Samples whose curvatures are kept at a time: the packed rows of this many samples are multiplied
// with all weights of several outputs before the next come.
constexpr int hessian_block = 1024;
// Only the last block of a chunk is padded, up to where no other one begins, and there padding
// weighs nothing.
static_assert(sum_block % cache_block == 0 && hessian_block % cache_block == 0 &&
              cache_block % predictor_padding == 0 && SampleGrid::group % predictor_padding == 0);

int padded(int count) {
    return (count + predictor_padding - 1) / predictor_padding * predictor_padding;
}
}  // namespace

template <class T>
PredictorEvaluator<T>::PredictorEvaluator(const LinearPredictor<T>& form, const Setting<T>& at)
    : Evaluator<T>(at.vectors, at.matrices, at.problem.dimension()),
      problem_(at.problem),
      parts_(problem_.parts()),
      derivatives_(at.derivatives),
      vectors_(at.vectors),
      code_(*form.code.cpu),
      data_(form.samples, parts_.ranks.get()),
      samples_(data_.view()),
      outputs_(form.outputs),
      intercept_(form.intercept),
      kernels_(row_kernels<T>()),
      block_(samples_.dimension + (intercept_ ? 1 : 0)),
      update_(at.vectors.pool()) {
    const std::size_t size = padded_samples(samples_);
    targets_ = aligned_buffer<T>(size);
    weights_ = aligned_buffer<T>(size);
    cut_and_pad();
    for (int t = 0; t < vectors_.pool().size(); ++t)
        scratch_.push_back({aligned_buffer<T>(static_cast<std::size_t>(outputs_) * cache_block),
                            aligned_buffer<T>(static_cast<std::size_t>(outputs_) * cache_block)});
    if constexpr (std::is_same_v<T, double>) {
        if (derivatives_.precision == HessianPrecision::single)
            single_update_ = std::make_unique<RankKUpdate<T, float, T>>(vectors_.pool());
    }
}

template <class T>
void PredictorEvaluator<T>::cut_and_pad() {
    const Samples<T>& samples = samples_;
    blocks_ = data_.blocks(sum_block);
    groups_ = data_.blocks(cache_block);
    curved_ = data_.blocks(hessian_block);
    for (const SampleBlock& block : groups_) {
        const long end = block.begin + padded(static_cast<int>(block.end - block.begin));
        for (long i = block.begin; i < end; ++i) {
            const bool inside = i < block.end;
            // A padding sample repeats a valid target and weighs nothing.
            targets_.get()[i] = samples.targets ? samples.targets[inside ? i : block.begin] : T(0);
            weights_.get()[i] = inside ? (samples.weights ? samples.weights[i] : T(1)) : T(0);
        }
    }
}

template <class T>
void PredictorEvaluator<T>::select(std::span<const long> samples, double share) {
    data_.select(samples, share);
    cut_and_pad();
}

template <class T>
void PredictorEvaluator<T>::select_all() {
    data_.select_all();
    cut_and_pad();
}

template <class T>
std::size_t PredictorEvaluator<T>::memory(const LinearPredictor<T>& form,
                                          const EvaluationPlan& plan) {
    const Samples<T>& samples = form.samples;
    const std::size_t n = static_cast<std::size_t>(plan.n), threads = plan.threads,
                      outputs = form.outputs, pairs = outputs * (outputs + 1) / 2;
    const std::size_t padded = 2 * padded_samples(samples), scratch = 2 * outputs * cache_block;
    // accumulate() and what it is called with
    const std::size_t blocks = sample_blocks(plan.ranks, samples.count, sum_block).size();
    const std::size_t sums = (blocks * (n + 1) + n) * sizeof(double) +
                             threads * (n * sizeof(T) + sizeof(std::vector<T>)) +
                             RankSum<double>::memory(plan.ranks, n + 1);
    std::size_t bytes = ChunkedSamples<T>::memory(samples) +
                        ChunkedSamples<T>::selection_memory(samples, plan.ranks, plan.sampled) +
                        (padded + threads * scratch) * sizeof(T) + sums;
    if (plan.products()) bytes += pairs * padded_samples(samples) * sizeof(T) + n * sizeof(double);
    const int columns = plan.n / form.outputs,
              rows = static_cast<int>(std::min<long>(hessian_block, samples.count));
    const auto sum_of_matrices = [&](std::size_t numbers) {
        return plan.ranks ? RankSum<T>::memory(plan.ranks, numbers) + numbers * sizeof(T) : 0;
    };
    const long all = plan.ranks ? plan.ranks->samples() : samples.count,
               sampled = block_samples(form.outputs, columns, all);
    if (const DiagonalBlocks diagonal{.count = form.outputs, .size = columns, .samples = sampled};
        plan.products() &&
        diagonal.are_wanted(plan.precondition, plan.derivatives.memory_budget / sizeof(T)))
        bytes += ChunkedSamples<T>::selection_memory(samples, plan.ranks, sampled) +
                 static_cast<std::size_t>(plan.preconditioners) *
                     (static_cast<std::size_t>(sampled > 0 ? all : 0) * sizeof(long) +
                      diagonal.numbers() * sizeof(T) +
                      CpuBlockCholesky<T>::memory(diagonal.sizes(), plan.threads)) +
                 outputs * hessian_block * sizeof(T) +
                 sum_of_matrices(outputs * lower_size(static_cast<std::size_t>(columns))) +
                 outputs * sizeof(Product<T, T>) +
                 RankKUpdate<T, T, T>::memory(columns, rows, plan.threads);
    if (!plan.hessian()) return bytes;
    bytes += (pairs + outputs) * hessian_block * sizeof(T) + 2 * pairs * sizeof(Product<T, T>) +
             sum_of_matrices(lower_size(n));
    if constexpr (std::is_same_v<T, double>) {
        if (plan.derivatives.precision == HessianPrecision::single)
            return bytes + RankKUpdate<T, float, T>::memory(columns, rows, plan.threads);
    }
    return bytes + RankKUpdate<T, T, T>::memory(columns, rows, plan.threads);
}

template <class T>
PredictorBlock<T> PredictorEvaluator<T>::multiply(const T* x, long begin, int count, T* z) const {
    const Samples<T>& samples = samples_;
    const int ld = padded(count);
    const T* rows = samples.features + begin * samples.ld;
    kernels_.dot_rows(rows, samples.ld, count, samples.dimension, x, block_, outputs_, intercept_,
                      z, ld);
    for (int k = 0; k < outputs_; ++k) std::fill(z + k * ld + count, z + (k + 1) * ld, T(0));
    return {z, ld, targets_.get() + begin, weights_.get() + begin, ld};
}

template <class T>
PredictorBlock<T> PredictorEvaluator<T>::predict(const T* x, long begin, int count, T* z) const {
    const PredictorBlock<T> block = multiply(x, begin, count, z);
    if (const T* const offsets = samples_.offsets)
        for (int k = 0; k < outputs_; ++k)
            for (int i = 0; i < count; ++i)
                z[k * block.ld + i] += offsets[(begin + i) * outputs_ + k];
    return block;
}

/// Runs over all samples, block by block: products with w, then per_block(block, first sample, r),
/// which returns the block's part of a sum and, if `total` is not null, writes r. total (n numbers)
/// = X' r.
template <class T>
template <class PerBlock>
double PredictorEvaluator<T>::accumulate(const T* w, Multiply by, double* total,
                                         const PerBlock& per_block) {
    const Samples<T>& samples = samples_;
    const int n = parts_.dimension;
    const std::size_t blocks = blocks_.size();
    // Each block's partial gradient, then its sum.
    partial_.assign(std::max<std::size_t>(blocks, 1) * (n + 1), 0.0);
    std::vector<std::vector<T>> sums(vectors_.pool().size(), std::vector<T>(total ? n : 0));
    vectors_.pool().for_each(blocks, [&](std::size_t item, int thread) {
        double* partial = partial_.data() + item * (n + 1);
        std::vector<T>& sum = sums[thread];
        std::fill(sum.begin(), sum.end(), T(0));
        T* z = scratch_[thread].z.get();
        T* r = scratch_[thread].r.get();
        const long end = blocks_[item].end;
        for (long begin = blocks_[item].begin; begin < end; begin += cache_block) {
            const int count = static_cast<int>(std::min<long>(cache_block, end - begin));
            const PredictorBlock<T> block = (this->*by)(w, begin, count, z);
            partial[n] += per_block(block, begin, r);
            if (!total) continue;
            const T* rows = samples.features + begin * samples.ld;
            kernels_.add_rows(rows, samples.ld, count, samples.dimension, intercept_, r, block.ld,
                              outputs_, sum.data(), block_);
        }
        for (std::size_t j = 0; j < sum.size(); ++j) partial[j] = sum[j];
    });
    if (parts_.ranks) {
        std::vector<double> sum(total ? n + 1 : 1);
        const std::size_t first = static_cast<std::size_t>(n) + 1 - sum.size();
        sum_blocks(*parts_.ranks, blocks_, partial_.data() + first, n + 1, sum.size(),
                   hash(w, n * sizeof(T)), sum.data());
        if (total) std::copy_n(sum.data(), n, total);
        return sum.back();
    }
    double f = 0;
    if (total) std::fill_n(total, n, 0.0);
    for (std::size_t b = 0; b < blocks; ++b) {
        const double* partial = partial_.data() + b * (n + 1);
        f += partial[n];
        for (int j = 0; total && j < n; ++j) total[j] += partial[j];
    }
    return f;
}

/// The loss; with its gradient in g unless that is null.
template <class T>
double PredictorEvaluator<T>::loss(const T* x, T* g) {
    if (!g)
        return penalized_value(parts_, x,
                               accumulate(x, &PredictorEvaluator::predict, nullptr,
                                          [&](const PredictorBlock<T>& block, long, T*) {
                                              return code_.value(block);
                                          }));
    std::vector<double> total(parts_.dimension);
    const double f = accumulate(x, &PredictorEvaluator::predict, total.data(),
                                [&](const PredictorBlock<T>& block, long, T* r) {
                                    return code_.value_and_gradient(
                                        block, derivatives_.gradient,
                                        static_cast<T>(derivatives_.gradient_step), r);
                                });
    penalized_gradient(parts_, x, total.data(), g);
    return penalized_value(parts_, x, f);
}

template <class T>
void PredictorEvaluator<T>::value(const T* x, Scalar f) {
    vectors_.set(f, loss(x, nullptr));
}
template <class T>
void PredictorEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    vectors_.set(f, loss(x, g));
}
template <class T>
void PredictorEvaluator<T>::values(const T* points, int count, T* losses) {
    for (int p = 0; p < count; ++p)
        losses[p] =
            static_cast<T>(loss(points + static_cast<std::size_t>(p) * parts_.dimension, nullptr));
}

/// Block (k, l) of H is X' diag(d2l/dz_k dz_l) X: all of them share X, which is packed once.
template <class T>
template <class Compute>
void PredictorEvaluator<T>::add_products(const RowBlock<T>& rows, const T* h, T* H,
                                         RankKUpdate<T, Compute, T>& update) {
    const int n = parts_.dimension;
    const bool skip_diagonal = code_.shift_invariant() && outputs_ > 1;
    std::vector<Product<T, T>> products;
    for (int k = 0; k < outputs_; ++k)
        for (int l = 0; l <= k; ++l) {
            if (k == l && skip_diagonal) continue;
            const std::size_t p = static_cast<std::size_t>(k) * (k + 1) / 2 + l;
            products.push_back({h + p * hessian_block, static_cast<T>(parts_.scale),
                                H + static_cast<std::size_t>(l) * block_ * n +
                                    static_cast<std::size_t>(k) * block_,
                                n});
        }
    update.add(rows, products);
}

template <class T>
template <class AddBlock>
void PredictorEvaluator<T>::sum_matrices(int m, int matrices, std::uint64_t point, T* to,
                                         const AddBlock& add_block) {
    const std::size_t order = m, count = matrices, numbers = order * order * count;
    if (!parts_.ranks) {
        std::fill_n(to, numbers, T(0));
        for (const SampleBlock& block : curved_) add_block(block);
        return;
    }
    RankSum<T> sum(*parts_.ranks, count * lower_size(order));
    std::vector<T> lower(count * lower_size(order));
    for (std::size_t b = 0; b < curved_.size();) {
        const int chunk = curved_[b].chunk;
        std::fill_n(to, numbers, T(0));
        for (; b < curved_.size() && curved_[b].chunk == chunk; ++b) add_block(curved_[b]);
        copy_lower(order, count, to, lower.data());
        sum.add(chunk, lower.data());
    }
    sum.finish(point, lower.data());
    restore_lower(order, count, lower.data(), to);
}

template <class T>
void PredictorEvaluator<T>::hessian(const T* x, T* H) {
    const Samples<T>& samples = samples_;
    const int n = parts_.dimension, outputs = outputs_;
    const int pairs = outputs * (outputs + 1) / 2;
    if (!curvature_) {
        curvature_ = aligned_buffer<T>(static_cast<std::size_t>(pairs) * hessian_block);
        curvature_z_ = aligned_buffer<T>(static_cast<std::size_t>(outputs) * hessian_block);
    }
    T* h = curvature_.get();
    sum_matrices(
        n, 1, parts_.ranks ? hash(x, n * sizeof(T)) : 0, H, [&](const SampleBlock& rows_of) {
            const long begin = rows_of.begin;
            const int count = static_cast<int>(rows_of.end - begin);
            const int groups = (count + cache_block - 1) / cache_block;
            vectors_.pool().for_each(groups, [&](std::size_t item, int thread) {
                const int first = static_cast<int>(item) * cache_block;
                const int size = std::min(cache_block, count - first);
                PredictorBlock<T> block = predict(x, begin + first, size, scratch_[thread].z.get());
                // The curvatures of all groups stand side by side: rows of hessian_block numbers.
                T* z = curvature_z_.get() + first;
                for (int k = 0; k < outputs; ++k)
                    std::copy_n(block.z + k * block.ld, block.count, z + k * hessian_block);
                block.z = z;
                block.ld = hessian_block;
                code_.hessian(block, derivatives_.hessian,
                              static_cast<T>(derivatives_.hessian_step), h + first);
            });
            const RowBlock<T> rows{samples.features + begin * samples.ld, samples.ld,
                                   samples.dimension, intercept_, count};
            if (single_update_)
                add_products(rows, h, H, *single_update_);
            else
                add_products(rows, h, H, update_);
        });
    const auto block_at = [&](int k, int l) {
        return H + static_cast<std::size_t>(l) * block_ * n + static_cast<std::size_t>(k) * block_;
    };
    // Off-diagonal blocks are symmetric themselves and lie wholly in H's lower triangle.
    for (int k = 1; k < outputs; ++k)
        for (int l = 0; l < k; ++l) {
            T* c = block_at(k, l);
            for (int j = 0; j < block_; ++j)
                for (int i = j + 1; i < block_; ++i)
                    c[static_cast<std::size_t>(i) * n + j] = c[static_cast<std::size_t>(j) * n + i];
        }
    // l(z + c 1) = l(z): the curvatures of each row sum to zero, which gives the diagonal blocks.
    if (code_.shift_invariant() && outputs > 1) {
        for (int k = 0; k < outputs; ++k)
            for (int l = 0; l < outputs; ++l) {
                if (l == k) continue;
                const T* c = block_at(std::max(k, l), std::min(k, l));
                T* d = block_at(k, k);
                for (int j = 0; j < block_; ++j)
                    for (int i = j; i < block_; ++i)
                        d[static_cast<std::size_t>(j) * n + i] -=
                            c[static_cast<std::size_t>(j) * n + i];
            }
    }
    penalize_diagonal(parts_, H);
}

/// H v = X' (h (X v)), with h the curvatures of every sample at x: one pass over the data a vector.
template <class T>
void PredictorEvaluator<T>::prepare_products(const T* x) {
    const int pairs = outputs_ * (outputs_ + 1) / 2;
    if (!product_curvature_)
        product_curvature_ =
            vectors_.allocate(pairs * (static_cast<std::size_t>(data_.own()) + predictor_padding));
    if (parts_.ranks) product_point_ = hash(x, parts_.dimension * sizeof(T));
    vectors_.pool().for_each(groups_.size(), [&](std::size_t item, int thread) {
        const long begin = groups_[item].begin;
        const int count = static_cast<int>(groups_[item].end - begin);
        // A block's curvatures lie together: pairs rows of as many numbers as its predictors have.
        code_.hessian(predict(x, begin, count, scratch_[thread].z.get()), derivatives_.hessian,
                      static_cast<T>(derivatives_.hessian_step),
                      product_curvature_.get() + static_cast<std::size_t>(begin) * pairs);
    });
}

template <class T>
void PredictorEvaluator<T>::compute_diagonal_blocks(T* to) {
    const std::size_t pairs = static_cast<std::size_t>(outputs_) * (outputs_ + 1) / 2,
                      entries = static_cast<std::size_t>(block_) * block_;
    const Buffer<T> weights = aligned_buffer<T>(static_cast<std::size_t>(outputs_) * hessian_block);
    std::vector<Product<T, T>> products;
    for (int k = 0; k < outputs_; ++k)
        products.push_back({weights.get() + k * hessian_block, static_cast<T>(parts_.scale),
                            to + k * entries, block_});
    sum_matrices(block_, outputs_, product_point_, to, [&](const SampleBlock& rows) {
        const long begin = rows.begin;
        const int count = static_cast<int>(rows.end - begin);
        // The curvatures of prepare_products(), from its blocks of samples.
        for (int first = 0; first < count; first += cache_block) {
            const int size = std::min(cache_block, count - first), ld = padded(size);
            const T* h = product_curvature_.get() + static_cast<std::size_t>(begin + first) * pairs;
            for (int k = 0; k < outputs_; ++k)
                std::copy_n(h + (k * (k + 1) / 2 + k) * ld, size,
                            weights.get() + k * hessian_block + first);
        }
        update_.add({samples_.features + begin * samples_.ld, samples_.ld, samples_.dimension,
                     intercept_, count},
                    products);
    });
    for (int k = 0; k < outputs_; ++k) {
        T* const block = to + k * entries;
        for (int j = 0; j < block_; ++j)
            block[static_cast<std::size_t>(j) * (block_ + 1)] +=
                static_cast<T>(parts_.penalty.at(j));
    }
}

template <class T>
void PredictorEvaluator<T>::compute_diagonal(T* to) {
    const std::size_t n = parts_.dimension, blocks = blocks_.size(),
                      pairs = static_cast<std::size_t>(outputs_) * (outputs_ + 1) / 2;
    partial_.assign(blocks * (n + 1), 0.0);
    vectors_.pool().for_each(blocks, [&](std::size_t item, int) {
        double* partial = partial_.data() + item * (n + 1);
        const long end = blocks_[item].end;
        for (long begin = blocks_[item].begin; begin < end; begin += cache_block) {
            const int count = static_cast<int>(std::min<long>(cache_block, end - begin)),
                      ld = padded(count);
            const T* h = product_curvature_.get() + static_cast<std::size_t>(begin) * pairs;
            for (int i = 0; i < count; ++i) {
                const T* row = samples_.features + (begin + i) * samples_.ld;
                for (int k = 0; k < outputs_; ++k) {
                    const double weight = h[(k * (k + 1) / 2 + k) * ld + i];
                    double* sum = partial + static_cast<std::size_t>(k) * block_;
                    for (int j = 0; j < samples_.dimension; ++j)
                        sum[j] += weight * (static_cast<double>(row[j]) * row[j]);
                    if (intercept_) sum[block_ - 1] += weight;
                }
            }
        }
    });
    std::vector<double> sums(n, 0.0);
    if (parts_.ranks)
        sum_blocks(*parts_.ranks, blocks_, partial_.data(), n + 1, n, product_point_, sums.data());
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t b = 0; b < blocks && !parts_.ranks; ++b)
            sums[j] += partial_[b * (n + 1) + j];
        to[j] = static_cast<T>(parts_.scale * sums[j] + parts_.penalty.at(static_cast<int>(j)));
    }
}

template <class T>
void PredictorEvaluator<T>::products(const T* V, int columns, T* HV) {
    const std::size_t n = parts_.dimension;
    const int pairs = outputs_ * (outputs_ + 1) / 2;
    std::vector<double> total(n);
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        const T* v = V + c * n;
        accumulate(v, &PredictorEvaluator::multiply, total.data(),
                   [&](const PredictorBlock<T>& u, long begin, T* r) {
                       const T* h =
                           product_curvature_.get() + static_cast<std::size_t>(begin) * pairs;
                       for (int k = 0; k < outputs_; ++k) {
                           T* rk = r + k * u.ld;
                           std::fill_n(rk, u.ld, T(0));
                           for (int l = 0; l < outputs_; ++l) {
                               const int p = k >= l ? k * (k + 1) / 2 + l : l * (l + 1) / 2 + k;
                               for (int i = 0; i < u.ld; ++i)
                                   rk[i] += h[p * u.ld + i] * u.z[l * u.ld + i];
                           }
                       }
                       return 0.0;
                   });
        penalized_gradient(parts_, v, total.data(), HV + c * n);
    }
}

template class PredictorEvaluator<double>;
template class PredictorEvaluator<float>;

}  // namespace cunewton::cpu
