#include "host/cuda/predictor_evaluator.h"

#include <algorithm>

#include "host/cuda/blas.h"
#include "host/cuda/block_cholesky.h"
#include "kernels/samples.h"

namespace cunewton::cuda {

namespace {
// The lower triangle of a product is computed in panels of this many columns, each from the
// diagonal down: nearly half of the work is saved, and every panel is an ordinary matrix product,
// which is what cuBLAS is fastest at.
constexpr int panel_columns = 256;
// Samples of a tile: whole memory transactions, and at least enough to keep the device busy.
constexpr long tile_alignment = 32, least_tile = 256;
}  // namespace

template <class T>
MemoryNeeded PredictorEvaluator<T>::memory(const LinearPredictor<T>& form,
                                           const EvaluationPlan& plan) {
    const Samples<T>& samples = form.samples;
    const bool single = in_single(plan.derivatives);
    const int block = plan.n / form.outputs;
    const std::size_t ld = static_cast<std::size_t>(DeviceData<T>::column_distance(samples.count));
    // z and r
    std::size_t bytes = Base::memory(plan.n, form.code.cuda->partial_count(samples.count)) +
                        2 * ld * static_cast<std::size_t>(form.outputs) * sizeof(T);
    if (plan.products())
        bytes += static_cast<std::size_t>(form.outputs) * (form.outputs + 1) / 2 * ld * sizeof(T);
    MemoryNeeded factorization;
    std::size_t order_bytes = 0;
    const long all = plan.ranks ? plan.ranks->samples() : samples.count,
               sampled = block_samples(form.outputs, block, all);
    const DiagonalBlocks blocks{.count = form.outputs, .size = block, .samples = sampled};
    const bool with_blocks =
        plan.products() &&
        blocks.are_wanted(plan.precondition, plan.derivatives.memory_budget / sizeof(T));
    if (with_blocks) {
        factorization = CudaBlockCholesky<T>::memory(blocks.sizes());
        bytes += static_cast<std::size_t>(plan.preconditioners) *
                     (blocks.numbers() * sizeof(T) + factorization.device) +
                 DeviceData<T>::selection_memory(samples, form.intercept, true,
                                                 std::min(sampled, samples.count));
        if (sampled > 0 && !plan.ranks)  // whose order is that of all samples
            order_bytes = static_cast<std::size_t>(plan.preconditioners) *
                          static_cast<std::size_t>(samples.count) * sizeof(long);
    }
    if (plan.hessian() || with_blocks) {
        bytes += TileMemory::memory(plan.derivatives.memory_budget,
                                    round_up(samples.count, tile_alignment) / tile_alignment,
                                    row_bytes(form.outputs, block, single) * tile_alignment,
                                    least_tile / tile_alignment);
        if (single) bytes += static_cast<std::size_t>(block) * block * sizeof(float);
    }
    MemoryNeeded needed = DeviceData<T>::memory(samples, form.intercept, true);
    needed.device += std::max(DeviceData<T>::slab_memory(samples), bytes);
    needed.host += factorization.host + order_bytes;
    needed.device += DeviceData<T>::selection_memory(samples, form.intercept, true, plan.sampled);
    return needed;
}

template <class T>
PredictorEvaluator<T>::PredictorEvaluator(const LinearPredictor<T>& form, const Setting<T>& at)
    : Base(at),
      code_(*form.code.cuda),
      outputs_(form.outputs),
      block_(n_ / outputs_),
      shift_invariant_(form.code.cpu->shift_invariant()),
      single_(in_single(derivatives_)),
      data_(form.samples, form.intercept, true, at.threads, at.vectors),
      all_samples_(data_.view().count),
      z_(static_cast<std::size_t>(data_.view().ld) * outputs_),
      r_(static_cast<std::size_t>(data_.view().ld) * outputs_) {
    this->allocate_partial();
}

template <class T>
std::size_t PredictorEvaluator<T>::partial_per_point() const {
    return code_.partial_count(data_.view().count);
}

template <class T>
DevicePredictorBlock<T> PredictorEvaluator<T>::multiply(const T* w, long begin, long count) {
    const DeviceSamples<T>& s = data_.view();
    T* z = z_.get() + begin;
    blas::gemm<T>(vectors_.blas(), false, count, outputs_, block_, T(1), s.features + begin, s.ld,
                  w, block_, T(0), z, s.ld);
    return {z, s.ld, s.targets + begin, s.weights + begin, count};
}

template <class T>
DevicePredictorBlock<T> PredictorEvaluator<T>::predict(const T* x, long begin, long count) {
    const DevicePredictorBlock<T> block = multiply(x, begin, count);
    if (const T* const offsets = data_.offsets())
        launch_add_offsets(z_.get() + begin, block.ld, offsets + begin * outputs_, count, outputs_,
                           stream());
    return block;
}

template <class T>
void PredictorEvaluator<T>::queue_values(const T* points, long count, double* partial,
                                         double* out) {
    const long samples = data_.view().count;
    const std::size_t blocks = partial_per_point();
    for (long p = 0; p < count; ++p)
        code_.value_and_gradient(predict(points + p * n_, 0, samples), derivatives_.gradient, T(0),
                                 nullptr, partial + static_cast<std::size_t>(p) * blocks, stream());
    launch_assemble_values(partial, static_cast<int>(blocks), points, n_, count, assembly_, out,
                           stream());
}

template <class T>
void PredictorEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    const DeviceSamples<T>& s = data_.view();
    code_.value_and_gradient(predict(x, 0, s.count), derivatives_.gradient,
                             static_cast<T>(derivatives_.gradient_step), r_.get(), partial_.get(),
                             stream());
    launch_assemble_values(partial_.get(), static_cast<int>(partial_per_point()), x, n_, 1,
                           assembly_, vectors_.place(f), stream());
    blas::gemm<T>(vectors_.blas(), true, block_, outputs_, s.count, static_cast<T>(parts_.scale),
                  s.features, s.ld, r_.get(), s.ld, T(0), g, block_);
    launch_penalize_gradient(g, x, n_, assembly_, stream());
}

template <class T>
template <class U>
void PredictorEvaluator<T>::product(const U* X, std::ptrdiff_t x_ld, const U* Y,
                                    std::ptrdiff_t y_ld, long rows, U alpha, U beta, U* C,
                                    std::ptrdiff_t c_ld) {
    for (int j = 0; j < block_;) {
        const int left = block_ - j;
        // No narrow last panel.
        const int width = left < panel_columns * 3 / 2 ? left : panel_columns;
        blas::gemm<U>(vectors_.blas(), true, left, width, rows, alpha, X + j * x_ld, x_ld,
                      Y + j * y_ld, y_ld, beta, C + j * c_ld + j, c_ld);
        j += width;
    }
}

/// The curvatures h, then diag(h_kl) X for one pair of outputs; in single precision also X itself.
template <class T>
std::size_t PredictorEvaluator<T>::row_bytes(int outputs, int block, bool single) {
    const std::size_t pairs = static_cast<std::size_t>(outputs) * (outputs + 1) / 2;
    return pairs * sizeof(T) +
           static_cast<std::size_t>(block) * (single ? 2 * sizeof(float) : sizeof(T));
}

template <class T>
void PredictorEvaluator<T>::hessian(const T* x, T* H) {
    const DeviceSamples<T>& s = data_.view();
    const std::size_t pairs = static_cast<std::size_t>(outputs_) * (outputs_ + 1) / 2;
    const bool from_rows = outputs_ > 1 && shift_invariant_;
    const T scale = static_cast<T>(parts_.scale);

    const long groups = round_up(s.count, tile_alignment) / tile_alignment;
    const long tile = tile_alignment *
                      tile_.reserve(groups, row_bytes(outputs_, block_, single_) * tile_alignment,
                                    least_tile / tile_alignment);
    T* h = tile_.template as<T>();
    const std::size_t offset = static_cast<std::size_t>(tile) * pairs * sizeof(T);
    T* scaled = tile_.template as<T>(offset);
    float* single_scaled = tile_.template as<float>(offset);
    float* single_plain = single_scaled + static_cast<std::size_t>(tile) * block_;
    if (single_ && single_product_.size() == 0)
        single_product_ = DeviceArray<float>(static_cast<std::size_t>(block_) * block_);

    for (long begin = 0; begin < s.count; begin += tile) {
        const long count = std::min(tile, s.count - begin);
        const T* X = s.features + begin;
        code_.hessian(predict(x, begin, count), derivatives_.hessian,
                      static_cast<T>(derivatives_.hessian_step), h, tile, stream());
        if (single_)
            launch_scaled_rows<T>(single_plain, tile, X, s.ld, nullptr, count, block_, stream());
        for (int k = 0; k < outputs_; ++k)
            for (int l = 0; l <= k; ++l) {
                if (k == l && from_rows) continue;
                const T* hkl = h + static_cast<std::ptrdiff_t>(k * (k + 1) / 2 + l) * tile;
                T* C = H + (static_cast<std::size_t>(l) * n_ + k) * block_;
                if constexpr (sizeof(T) > sizeof(float)) {
                    if (single_) {
                        launch_scaled_rows(single_scaled, tile, X, s.ld, hkl, count, block_,
                                           stream());
                        product<float>(single_plain, tile, single_scaled, tile, count,
                                       static_cast<float>(scale), 0.0f, single_product_.get(),
                                       block_);
                        launch_add_block(C, n_, single_product_.get(), block_, begin > 0, stream());
                        continue;
                    }
                }
                launch_scaled_rows(scaled, tile, X, s.ld, hkl, count, block_, stream());
                product<T>(X, s.ld, scaled, tile, count, scale, begin > 0 ? T(1) : T(0), C, n_);
            }
    }
    if (outputs_ > 1) launch_complete_blocks(H, outputs_, block_, from_rows, stream());
    launch_penalize_diagonal(H, n_, assembly_, stream());
}

template <class T>
void PredictorEvaluator<T>::prepare_products(const T* x) {
    const DeviceSamples<T>& s = data_.view();
    const std::size_t pairs = static_cast<std::size_t>(outputs_) * (outputs_ + 1) / 2;
    if (product_curvature_.size() == 0)
        product_curvature_ = DeviceArray<T>(
            pairs * static_cast<std::size_t>(DeviceData<T>::column_distance(all_samples_)));
    code_.hessian(predict(x, 0, s.count), derivatives_.hessian,
                  static_cast<T>(derivatives_.hessian_step), product_curvature_.get(), s.ld,
                  stream());
}

template <class T>
void PredictorEvaluator<T>::compute_diagonal_blocks(T* to) {
    const DeviceSamples<T>& s = data_.view();
    const long groups = round_up(s.count, tile_alignment) / tile_alignment;
    const long tile = tile_alignment *
                      tile_.reserve(groups, row_bytes(outputs_, block_, single_) * tile_alignment,
                                    least_tile / tile_alignment);
    T* const scaled = tile_.template as<T>();
    const std::size_t entries = static_cast<std::size_t>(block_) * block_;
    for (int k = 0; k < outputs_; ++k) {
        const T* h =
            product_curvature_.get() + static_cast<std::ptrdiff_t>(k * (k + 1) / 2 + k) * s.ld;
        for (long begin = 0; begin < s.count; begin += tile) {
            const long count = std::min(tile, s.count - begin);
            const T* X = s.features + begin;
            launch_scaled_rows(scaled, tile, X, s.ld, h + begin, count, block_, stream());
            product<T>(X, s.ld, scaled, tile, count, static_cast<T>(parts_.scale),
                       begin > 0 ? T(1) : T(0), to + k * entries, block_);
        }
        launch_penalize_diagonal(to + k * entries, block_, assembly_, stream());
    }
}

template <class T>
void PredictorEvaluator<T>::compute_diagonal(T* to) {
    const DeviceSamples<T>& s = data_.view();
    for (int k = 0; k < outputs_; ++k)
        launch_weighted_squares(
            to + k * block_, s.features, s.ld,
            product_curvature_.get() + static_cast<std::ptrdiff_t>(k * (k + 1) / 2 + k) * s.ld,
            s.count, block_, k * block_, assembly_, stream());
}

template <class T>
void PredictorEvaluator<T>::queue_product(const T* v, T* Hv) {
    const DeviceSamples<T>& s = data_.view();
    multiply(v, 0, s.count);
    launch_apply_curvatures(r_.get(), z_.get(), s.ld, product_curvature_.get(), s.ld, s.count,
                            outputs_, stream());
    blas::gemm<T>(vectors_.blas(), true, block_, outputs_, s.count, static_cast<T>(parts_.scale),
                  s.features, s.ld, r_.get(), s.ld, T(0), Hv, block_);
    launch_penalize_gradient(Hv, v, n_, assembly_, stream());
}

template <class T>
void PredictorEvaluator<T>::products(const T* V, int columns, T* HV) {
    if (columns == 1)
        return this->repeated_product_.run({V, HV, data_.view(), nullptr}, vectors_,
                                           [&] { queue_product(V, HV); });
    for (std::ptrdiff_t c = 0; c < columns; ++c) queue_product(V + c * n_, HV + c * n_);
}

template class PredictorEvaluator<double>;
template class PredictorEvaluator<float>;

}  // namespace cunewton::cuda
