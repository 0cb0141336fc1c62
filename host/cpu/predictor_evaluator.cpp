#include "host/cpu/predictor_evaluator.h"

#include <algorithm>

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
// Only the last block of the data is padded, and there padding weighs nothing.
static_assert(sum_block % cache_block == 0 && hessian_block % cache_block == 0 &&
              cache_block % predictor_padding == 0);

int padded(int count) {
    return (count + predictor_padding - 1) / predictor_padding * predictor_padding;
}
}  // namespace

template <class T>
PredictorEvaluator<T>::PredictorEvaluator(const Problem<T>& problem,
                                          const ResolvedDerivatives& derivatives,
                                          CpuBackend<T>& backend)
    : problem_(problem),
      parts_(problem_.parts()),
      derivatives_(derivatives),
      backend_(backend),
      kernels_(row_kernels<T>()),
      block_(parts_.samples.dimension + (parts_.options.intercept ? 1 : 0)),
      update_(backend.pool()) {
    const Samples<T>& samples = parts_.samples;
    const long size = samples.count + predictor_padding;
    targets_ = aligned_buffer<T>(size);
    weights_ = aligned_buffer<T>(size);
    for (long i = 0; i < size; ++i) {
        const bool inside = i < samples.count;
        // A padding sample repeats a valid target and weighs nothing.
        targets_.get()[i] = samples.targets ? samples.targets[inside ? i : 0] : T(0);
        weights_.get()[i] = inside ? (samples.weights ? samples.weights[i] : T(1)) : T(0);
    }
    const int outputs = parts_.outputs;
    for (int t = 0; t < backend.pool().size(); ++t)
        scratch_.push_back({aligned_buffer<T>(static_cast<std::size_t>(outputs) * cache_block),
                            aligned_buffer<T>(static_cast<std::size_t>(outputs) * cache_block)});
    if constexpr (std::is_same_v<T, double>) {
        if (derivatives.precision == HessianPrecision::single)
            single_update_ = std::make_unique<RankKUpdate<T, float, T>>(backend.pool());
    }
}

template <class T>
PredictorBlock<T> PredictorEvaluator<T>::predict(const T* x, long begin, int count, T* z) const {
    const Samples<T>& samples = parts_.samples;
    const int ld = padded(count);
    const T* rows = samples.features + begin * samples.ld;
    for (int k = 0; k < parts_.outputs; ++k) {
        const T* w = x + static_cast<std::size_t>(k) * block_;
        const T bias = parts_.options.intercept ? w[samples.dimension] : T(0);
        kernels_.dot_rows(rows, samples.ld, count, samples.dimension, w, bias, z + k * ld);
        std::fill(z + k * ld + count, z + (k + 1) * ld, T(0));
    }
    return {z, ld, targets_.get() + begin, weights_.get() + begin, ld};
}

/// The weighted sum of losses; with its gradient in g (n numbers, unscaled) unless g is null.
template <class T>
double PredictorEvaluator<T>::loss(const T* x, T* g) {
    const Samples<T>& samples = parts_.samples;
    const PredictorCode<T>& ops = *parts_.cpu_predictor;
    const int n = parts_.dimension;
    const std::size_t blocks = (samples.count + sum_block - 1) / sum_block;
    // Each block's partial gradient, then its loss.
    partial_.assign(blocks * (n + 1), 0.0);
    std::vector<std::vector<T>> sums(backend_.pool().size(), std::vector<T>(g ? n : 0));
    backend_.pool().for_each(blocks, [&](std::size_t item, int thread) {
        double* partial = partial_.data() + item * (n + 1);
        std::vector<T>& sum = sums[thread];
        std::fill(sum.begin(), sum.end(), T(0));
        T* z = scratch_[thread].z.get();
        T* r = scratch_[thread].r.get();
        const long end = std::min<long>(samples.count, (item + 1) * sum_block);
        for (long begin = item * sum_block; begin < end; begin += cache_block) {
            const int count = static_cast<int>(std::min<long>(cache_block, end - begin));
            const PredictorBlock<T> block = predict(x, begin, count, z);
            if (!g) {
                partial[n] += ops.value(block);
                continue;
            }
            partial[n] += ops.value_and_gradient(block, derivatives_.gradient,
                                                 static_cast<T>(derivatives_.gradient_step), r);
            const T* rows = samples.features + begin * samples.ld;
            for (int k = 0; k < parts_.outputs; ++k) {
                const T* rk = r + k * block.ld;
                T* gk = sum.data() + static_cast<std::size_t>(k) * block_;
                kernels_.add_rows(rows, samples.ld, count, samples.dimension, rk, gk);
                if (parts_.options.intercept)
                    for (int i = 0; i < count; ++i) gk[samples.dimension] += rk[i];
            }
        }
        for (std::size_t j = 0; j < sum.size(); ++j) partial[j] = sum[j];
    });
    double f = 0;
    std::vector<double> total(g ? n : 0, 0.0);
    for (std::size_t b = 0; b < blocks; ++b) {
        const double* partial = partial_.data() + b * (n + 1);
        f += partial[n];
        for (std::size_t j = 0; j < total.size(); ++j) total[j] += partial[j];
    }
    if (g) penalized_gradient(parts_, x, total.data(), g);
    return penalized_value(parts_, x, f);
}

template <class T>
void PredictorEvaluator<T>::value(const T* x) {
    backend_.set(Slot::f, loss(x, nullptr));
}
template <class T>
void PredictorEvaluator<T>::value_and_gradient(const T* x, T* g) {
    backend_.set(Slot::f, loss(x, g));
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
    const bool skip_diagonal = parts_.cpu_predictor->shift_invariant() && parts_.outputs > 1;
    std::vector<Product<T, T>> products;
    for (int k = 0; k < parts_.outputs; ++k)
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
void PredictorEvaluator<T>::hessian(const T* x, T* H) {
    const Samples<T>& samples = parts_.samples;
    const PredictorCode<T>& ops = *parts_.cpu_predictor;
    const int n = parts_.dimension, outputs = parts_.outputs;
    const int pairs = outputs * (outputs + 1) / 2;
    if (!curvature_) {
        curvature_ = aligned_buffer<T>(static_cast<std::size_t>(pairs) * hessian_block);
        curvature_z_ = aligned_buffer<T>(static_cast<std::size_t>(outputs) * hessian_block);
    }
    T* h = curvature_.get();
    std::fill(H, H + static_cast<std::size_t>(n) * n, T(0));
    for (long begin = 0; begin < samples.count; begin += hessian_block) {
        const int count = static_cast<int>(std::min<long>(hessian_block, samples.count - begin));
        const int groups = (count + cache_block - 1) / cache_block;
        backend_.pool().for_each(groups, [&](std::size_t item, int thread) {
            const int first = static_cast<int>(item) * cache_block;
            const int size = std::min(cache_block, count - first);
            PredictorBlock<T> block = predict(x, begin + first, size, scratch_[thread].z.get());
            // The curvatures of all groups stand side by side: rows of hessian_block numbers.
            T* z = curvature_z_.get() + first;
            for (int k = 0; k < outputs; ++k)
                std::copy_n(block.z + k * block.ld, block.count, z + k * hessian_block);
            block.z = z;
            block.ld = hessian_block;
            ops.hessian(block, derivatives_.hessian, static_cast<T>(derivatives_.hessian_step),
                        h + first);
        });
        const RowBlock<T> rows{samples.features + begin * samples.ld, samples.ld, samples.dimension,
                               parts_.options.intercept, count};
        if (single_update_)
            add_products(rows, h, H, *single_update_);
        else
            add_products(rows, h, H, update_);
    }
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
    if (ops.shift_invariant() && outputs > 1) {
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

template class PredictorEvaluator<double>;
template class PredictorEvaluator<float>;

}  // namespace cunewton::cpu
