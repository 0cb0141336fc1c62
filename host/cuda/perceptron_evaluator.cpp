#include "host/cuda/perceptron_evaluator.h"

#include <algorithm>

#include "host/cuda/blas.h"
#include "host/cuda/dense_matrices.h"
#include "kernels/differences.h"

namespace cunewton::cuda {

namespace {
// Samples of a tile, at least: enough to keep the device busy.
constexpr long least_tile = 1024;
static_assert(least_tile % loss_block == 0);
// Vectors whose products are summed at a time, at most.
constexpr int most_columns = 16;

/// Partial sums of the loss.
std::size_t blocks_of(long samples) {
    return static_cast<std::size_t>((samples + loss_block - 1) / loss_block);
}
}  // namespace

template <class T>
PerceptronEvaluator<T>::Sizes::Sizes(const PerceptronSum<T>& form, std::size_t budget) {
    const std::vector<int>& widths = form.perceptron.widths;
    std::size_t hidden = 0;
    for (std::size_t l = 1; l + 1 < widths.size(); ++l) hidden += widths[l];
    const std::size_t outputs = widths.back();
    per_sample = 4 * hidden + 2 * outputs;
    product_per_sample = 2 * hidden + outputs;
    // Tiles begin where a partial sum of the loss does.
    const long all = round_up(form.samples.count, loss_block);
    kept = static_cast<std::size_t>(all) * per_sample;
    keeps = kept * sizeof(T) <= budget;
    const std::size_t fitting = budget / 4 / ((per_sample + product_per_sample) * sizeof(T));
    samples = fitting >= static_cast<std::size_t>(all)
                  ? all
                  : std::min(all, std::max(least_tile,
                                           static_cast<long>(fitting) / loss_block * loss_block));
}

template <class T>
int PerceptronEvaluator<T>::product_columns(int n, std::size_t budget) {
    const std::size_t bytes = static_cast<std::size_t>(n) * (sizeof(double) + sizeof(T));
    return static_cast<int>(
        std::clamp<std::size_t>(budget / bytes, 1, std::min<std::size_t>(most_columns, n)));
}

template <class T>
MemoryNeeded PerceptronEvaluator<T>::memory(const PerceptronSum<T>& form,
                                            const EvaluationPlan& plan) {
    const std::size_t budget = plan.derivatives.memory_budget, n = static_cast<std::size_t>(plan.n);
    const Sizes sizes(form, budget);
    const std::size_t columns = plan.hessian() ? product_columns(plan.n, budget) : 1;
    // Sums grow while those of one column are there no longer.
    const std::size_t bytes = Base::memory(plan.n, blocks_of(form.samples.count)) +
                              static_cast<std::size_t>(sizes.samples) *
                                  (sizes.per_sample + sizes.product_per_sample) * sizeof(T) +
                              n * sizeof(T) + columns * n * sizeof(double) +
                              (plan.hessian() ? columns * n * sizeof(T) : 0) +
                              (plan.products() ? products_memory(form, plan) : 0);
    MemoryNeeded needed = DeviceData<T>::memory(form.samples, false, true);
    needed.device += std::max(DeviceData<T>::slab_memory(form.samples), bytes);
    long selected = plan.sampled;
    if (plan.kronecker) {
        const KroneckerLayers layers{layers_of(form.perceptron)};
        needed.device += static_cast<std::size_t>(layers.widest()) *
                         static_cast<std::size_t>(sizes.samples) * sizeof(T);
        selected = std::max(selected, std::min(layers.enough_samples(), form.samples.count));
    }
    needed.device += DeviceData<T>::selection_memory(form.samples, false, true, selected);
    return needed;
}
template <class T>
std::size_t PerceptronEvaluator<T>::products_memory(const PerceptronSum<T>& form,
                                                    const EvaluationPlan& plan) {
    const Sizes sizes(form, plan.derivatives.memory_budget);
    return (static_cast<std::size_t>(plan.n) + (sizes.keeps ? sizes.kept : 0)) * sizeof(T);
}

template <class T>
PerceptronEvaluator<T>::PerceptronEvaluator(const PerceptronSum<T>& form, const Setting<T>& at)
    : Base(at),
      perceptron_(std::get<PerceptronSum<T>>(parts_.form).perceptron),
      layers_(layers_of(perceptron_)),
      target_count_(form.samples.target_count),
      sizes_(form, derivatives_.memory_budget),
      data_(form.samples, false, true, at.threads, at.vectors),
      all_samples_(data_.view().count),
      work_(static_cast<std::size_t>(sizes_.samples) *
            (sizes_.per_sample + sizes_.product_per_sample)),
      tile_of_work_(tile_at(work_.get(), sizes_.samples, 0)),
      tile_gradient_(static_cast<std::size_t>(n_)),
      sums_(static_cast<std::size_t>(n_)) {
    T* next = work_.get() + static_cast<std::size_t>(sizes_.samples) * sizes_.per_sample;
    const auto take = [&](int units) {
        T* const here = next;
        next += static_cast<std::size_t>(units) * sizes_.samples;
        return here;
    };
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
        rz_.push_back(take(layers_[l].outputs));
        ra_.push_back(take(layers_[l].outputs));
    }
    z_ = take(layers_.back().outputs);
    this->allocate_partial();
}

template <class T>
std::size_t PerceptronEvaluator<T>::partial_per_point() const {
    return blocks_of(data_.view().count);
}

template <class T>
typename PerceptronEvaluator<T>::Tile PerceptronEvaluator<T>::tile_at(T* memory, long ld,
                                                                      long first) const {
    const auto take = [&](int units) {
        T* const here = memory + first;
        memory += static_cast<std::size_t>(units) * static_cast<std::size_t>(ld);
        return here;
    };
    Tile tile;
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
        Hidden& hidden = tile.hidden.emplace_back();
        for (T** part : {&hidden.a, &hidden.slope, &hidden.bend, &hidden.d})
            *part = take(layers_[l].outputs);
    }
    tile.d = take(layers_.back().outputs);
    tile.p = take(layers_.back().outputs);
    tile.ld = ld;
    return tile;
}

/// The weights' part of a gradient, += or = a' d.
template <class T>
void PerceptronEvaluator<T>::weight_gradient(const PerceptronLayer& layer, const T* a, long a_ld,
                                             const T* d, long d_ld, long count, bool add, T* g) {
    blas::gemm<T>(vectors_.blas(), true, layer.inputs, layer.outputs, count, T(1), a, a_ld, d, d_ld,
                  T(add ? 1 : 0), g + layer.weights, layer.inputs);
}

/// Partial sums of the loss of some samples. `to` gets activations, and what the order needs:
/// slopes and d of the outputs, and bends (without what comes back) and moments.
template <class T>
void PerceptronEvaluator<T>::forward(const T* x, long begin, long count, Order order,
                                     const Tile& to, double* partial) {
    const DeviceSamples<T>& s = data_.view();
    const T* input = s.features + begin;
    std::ptrdiff_t ld = s.ld;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const PerceptronLayer& layer = layers_[l];
        const bool last = l + 1 == layers_.size();
        T* const z = last ? z_ : to.hidden[l].a;
        const long z_ld = last ? sizes_.samples : to.ld;
        blas::gemm<T>(vectors_.blas(), false, count, layer.outputs, layer.inputs, T(1), input, ld,
                      x + layer.weights, layer.inputs, T(0), z, z_ld);
        const LayerSize size{count, layer.outputs};
        if (last)
            launch_output_loss(perceptron_.loss, size, z, z_ld, x + layer.biases,
                               s.targets + begin * target_count_, target_count_, s.weights + begin,
                               partial + begin / loss_block, order == Order::value ? nullptr : to.d,
                               order == Order::products ? to.p : nullptr, to.ld, stream());
        else
            launch_activate(perceptron_.activation, size, z_ld, x + layer.biases, z,
                            order == Order::value ? nullptr : to.hidden[l].slope,
                            order == Order::products ? to.hidden[l].bend : nullptr, stream());
        input = z;
        ld = z_ld;
    }
}

/// After forward(): what comes back to all layers, and from it these samples' part of the gradient
/// unless g is null. With bends they are completed.
template <class T>
void PerceptronEvaluator<T>::backward(const T* x, long begin, long count, T* g, bool bends,
                                      const Tile& to) {
    const DeviceSamples<T>& s = data_.view();
    const T* d = to.d;
    for (std::size_t l = layers_.size(); l-- > 0;) {
        const PerceptronLayer& layer = layers_[l];
        if (g) {
            weight_gradient(layer, l > 0 ? to.hidden[l - 1].a : s.features + begin,
                            l > 0 ? to.ld : s.ld, d, to.ld, count, false, g);
            launch_unit_sums({count, layer.outputs}, d, to.ld, g + layer.biases, stream());
        }
        if (l == 0) break;
        const Hidden& below = to.hidden[l - 1];
        blas::gemm_by_transpose<T>(vectors_.blas(), count, layer.inputs, layer.outputs, d, to.ld,
                                   x + layer.weights, layer.inputs, T(0), below.d, to.ld);
        launch_pass_back({count, layer.inputs}, to.ld, below.slope, below.d,
                         bends ? below.bend : nullptr, stream());
        d = below.d;
    }
}

/// Some samples' part of H v (Pearlmutter 1994): with R{.} the derivative along v, R{z} and R{a} go
/// forward from the data, which do not change, and R{d} comes back. The Gauss-Newton product leaves
/// out all terms with second derivatives of the outputs: those with bends, d R{a}' and V' d.
template <class T>
void PerceptronEvaluator<T>::product(const T* x, const T* v, long begin, long count, const Tile& at,
                                     T* Hv) {
    const bool exact = derivatives_.hessian != HessianBy::gauss_newton;
    const DeviceSamples<T>& s = data_.view();
    const cublasHandle_t blas = vectors_.blas();
    const long r_ld = sizes_.samples;
    const std::size_t last = layers_.size() - 1;
    for (std::size_t l = 0; l <= last; ++l) {
        const PerceptronLayer& layer = layers_[l];
        T* const rz = l < last ? rz_[l] : z_;
        blas::gemm<T>(blas, false, count, layer.outputs, layer.inputs, T(1),
                      l > 0 ? at.hidden[l - 1].a : s.features + begin, l > 0 ? at.ld : s.ld,
                      v + layer.weights, layer.inputs, T(0), rz, r_ld);
        if (l > 0)
            blas::gemm<T>(blas, false, count, layer.outputs, layer.inputs, T(1), ra_[l - 1], r_ld,
                          x + layer.weights, layer.inputs, T(1), rz, r_ld);
        const LayerSize size{count, layer.outputs};
        if (l < last)
            launch_activate_product(size, at.hidden[l].slope, at.ld, v + layer.biases, rz, ra_[l],
                                    r_ld, stream());
        else
            launch_output_hessian(perceptron_.loss, size, at.p, at.ld, v + layer.biases,
                                  s.weights + begin, rz, r_ld, stream());
    }
    const T* rd = z_;
    for (std::size_t l = last;; --l) {
        const PerceptronLayer& layer = layers_[l];
        const T* const d = l < last ? at.hidden[l].d : at.d;
        launch_unit_sums({count, layer.outputs}, rd, r_ld, Hv + layer.biases, stream());
        weight_gradient(layer, l > 0 ? at.hidden[l - 1].a : s.features + begin,
                        l > 0 ? at.ld : s.ld, rd, r_ld, count, false, Hv);
        if (l == 0) break;
        if (exact) weight_gradient(layer, ra_[l - 1], r_ld, d, at.ld, count, true, Hv);
        // R{a} is not needed any longer.
        T* const next = ra_[l - 1];
        blas::gemm_by_transpose<T>(blas, count, layer.inputs, layer.outputs, rd, r_ld,
                                   x + layer.weights, layer.inputs, T(0), next, r_ld);
        if (exact)
            blas::gemm_by_transpose<T>(blas, count, layer.inputs, layer.outputs, d, at.ld,
                                       v + layer.weights, layer.inputs, T(1), next, r_ld);
        const Hidden& below = at.hidden[l - 1];
        launch_pass_product_back({count, layer.inputs}, below.slope, exact ? below.bend : nullptr,
                                 at.ld, rz_[l - 1], next, r_ld, stream());
        rd = next;
    }
}

/// per_tile(first sample, count)
template <class T>
template <class PerTile>
void PerceptronEvaluator<T>::for_each_tile(const PerTile& per_tile) const {
    const long all = data_.view().count;
    for (long begin = 0; begin < all; begin += sizes_.samples)
        per_tile(begin, std::min(sizes_.samples, all - begin));
}

template <class T>
void PerceptronEvaluator<T>::queue_values(const T* points, long count, double* partial,
                                          double* out) {
    const std::size_t blocks = partial_per_point();
    for (long p = 0; p < count; ++p)
        for_each_tile([&](long begin, long samples) {
            forward(points + p * n_, begin, samples, Order::value, tile_of_work_,
                    partial + static_cast<std::size_t>(p) * blocks);
        });
    launch_assemble_values(partial, static_cast<int>(blocks), points, n_, count, assembly_, out,
                           stream());
}

template <class T>
void PerceptronEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    for_each_tile([&](long begin, long count) {
        forward(x, begin, count, Order::gradient, tile_of_work_, partial_.get());
        backward(x, begin, count, tile_gradient_.get(), false, tile_of_work_);
        launch_add_to(sums_.get(), tile_gradient_.get(), n_, begin > 0, stream());
    });
    assemble(x, g, f);
}

template <class T>
void PerceptronEvaluator<T>::keep_tiles(const T* x, bool gradient) {
    if (kept_.size() == 0) kept_ = DeviceArray<T>(sizes_.kept);
    for_each_tile([&](long begin, long count) {
        const Tile to = tile_at(kept_.get(), round_up(data_.view().count, loss_block), begin);
        forward(x, begin, count, Order::products, to, partial_.get());
        backward(x, begin, count, gradient ? tile_gradient_.get() : nullptr, true, to);
        if (gradient) launch_add_to(sums_.get(), tile_gradient_.get(), n_, begin > 0, stream());
    });
}

template <class T>
void PerceptronEvaluator<T>::assemble(const T* x, T* g, Scalar f) {
    launch_assemble_values(partial_.get(), static_cast<int>(partial_per_point()), x, n_, 1,
                           assembly_, vectors_.place(f), stream());
    launch_assemble_gradient(sums_.get(), 1, x, 0, n_, assembly_, g, stream());
}

template <class T>
void PerceptronEvaluator<T>::prepare_products(const T* x) {
    Evaluator<T>::prepare_products(x);
    if (sizes_.keeps) keep_tiles(x, false);
}

template <class T>
void PerceptronEvaluator<T>::value_gradient_and_products(const T* x, T* g, Scalar f) {
    if (!sizes_.keeps) return Evaluator<T>::value_gradient_and_products(x, g, f);
    Evaluator<T>::prepare_products(x);
    keep_tiles(x, true);
    assemble(x, g, f);
}

/// HV = H(x) V, with what is kept if that is of x.
template <class T>
void PerceptronEvaluator<T>::add_products(const T* x, const T* V, int columns, bool kept, T* HV) {
    const std::size_t n = static_cast<std::size_t>(n_),
                      size = n * static_cast<std::size_t>(columns);
    if (sums_.size() < size) {
        sums_ = {};
        sums_ = DeviceArray<double>(size);
    }
    for_each_tile([&](long begin, long count) {
        Tile at = tile_of_work_;
        if (kept) {
            at = tile_at(kept_.get(), round_up(data_.view().count, loss_block), begin);
        } else {
            forward(x, begin, count, Order::products, at, partial_.get());
            backward(x, begin, count, nullptr, true, at);
        }
        for (int c = 0; c < columns; ++c) {
            product(x, V + c * n, begin, count, at, tile_gradient_.get());
            launch_add_to(sums_.get() + c * n, tile_gradient_.get(), n_, begin > 0, stream());
        }
    });
    for (int c = 0; c < columns; ++c)
        launch_assemble_gradient(sums_.get() + c * n, 1, V + c * n, 0, n_, assembly_, HV + c * n,
                                 stream());
}

template <class T>
void PerceptronEvaluator<T>::products(const T* V, int columns, T* HV) {
    if (columns == 1)
        return this->repeated_product_.run({V, HV, data_.view(), sums_.get()}, vectors_, [&] {
            add_products(this->product_point(), V, 1, sizes_.keeps, HV);
        });
    const int most = product_columns(n_, derivatives_.memory_budget);
    for (int first = 0; first < columns; first += most) {
        const std::size_t offset = static_cast<std::size_t>(first) * static_cast<std::size_t>(n_);
        add_products(this->product_point(), V + offset, std::min(most, columns - first),
                     sizes_.keeps, HV + offset);
    }
}

/// A sample's gradient of a layer's weights is an outer product of its inputs and of what comes
/// back to its outputs, and so is the gradient's square, entry by entry, of their squares.
template <class T>
void PerceptronEvaluator<T>::sum_squared_gradients(const T* x, T* to) {
    const DeviceSamples<T>& s = data_.view();
    if (weighted_.size() == 0) weighted_ = DeviceArray<T>(widest() * sizes_.samples);
    const long ld = sizes_.samples;
    for_each_tile([&](long begin, long count) {
        const Tile& at = tile_of_work_;
        forward(x, begin, count, Order::gradient, at, partial_.get());
        backward(x, begin, count, nullptr, false, at);
        const T* a = s.features + begin;
        long a_ld = s.ld;
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const PerceptronLayer& layer = layers_[l];
            const bool last = l + 1 == layers_.size();
            T* const d = last ? at.d : at.hidden[l].d;
            launch_squares({count, layer.inputs}, a, a_ld, s.weights + begin, false,
                           weighted_.get(), ld, stream());
            launch_squares({count, layer.outputs}, d, at.ld, s.weights + begin, true, d, at.ld,
                           stream());
            weight_gradient(layer, weighted_.get(), ld, d, at.ld, count, false,
                            tile_gradient_.get());
            launch_unit_sums({count, layer.outputs}, d, at.ld, tile_gradient_.get() + layer.biases,
                             stream());
            if (last) break;
            a = at.hidden[l].a;
            a_ld = at.ld;
        }
        launch_add_to(sums_.get(), tile_gradient_.get(), n_, begin > 0, stream());
    });
    launch_assemble_gradient(sums_.get(), 1, x, 0, n_, {1, {}}, to, stream());
}

template <class T>
void PerceptronEvaluator<T>::compute_kronecker_factors(std::uint64_t seed, long first, T* to) {
    const DeviceSamples<T>& s = data_.view();
    const cublasHandle_t blas = vectors_.blas();
    const std::size_t last = layers_.size() - 1;
    const std::vector<KroneckerLayers::Place> places = kronecker_layers().places();
    if (weighted_.size() == 0) weighted_ = DeviceArray<T>(widest() * sizes_.samples);
    const long ld = sizes_.samples;
    for_each_tile([&](long begin, long count) {
        Tile at = tile_of_work_;
        if (sizes_.keeps)
            at = tile_at(kept_.get(), round_up(s.count, loss_block), begin);
        else
            forward(this->product_point(), begin, count, Order::products, at, partial_.get());
        const T sum = begin > 0 ? T(1) : T(0);
        // C (+)= factor Y' diag(w) Y
        const auto add = [&](const T* Y, long y_ld, int columns, double factor, T* C) {
            launch_scaled_rows(weighted_.get(), ld, Y, y_ld, s.weights + begin, count, columns,
                               stream());
            blas::gemm<T>(blas, true, columns, columns, count, static_cast<T>(factor), Y, y_ld,
                          weighted_.get(), ld, sum, C, columns);
        };
        launch_draw_root(perceptron_.loss, {count, layers_[last].outputs}, at.p, at.ld,
                         s.weights + begin, seed, first + begin, z_, ld, stream());
        const T* g = z_;
        for (std::size_t l = last;; --l) {
            const PerceptronLayer& layer = layers_[l];
            add(l > 0 ? at.hidden[l - 1].a : s.features + begin, l > 0 ? at.ld : s.ld, layer.inputs,
                1 / parts_.weight, to + places[l].A);
            add(g, ld, layer.outputs, parts_.scale, to + places[l].G);
            if (l == 0) break;
            T* const back = ra_[l - 1];
            blas::gemm_by_transpose<T>(blas, count, layer.inputs, layer.outputs, g, ld,
                                       this->product_point() + layer.weights, layer.inputs, T(0),
                                       back, ld);
            launch_pass_product_back<T>({count, layer.inputs}, at.hidden[l - 1].slope, nullptr,
                                        at.ld, nullptr, back, ld, stream());
            g = back;
        }
    });
}

template <class T>
void PerceptronEvaluator<T>::hessian(const T* x, T* H) {
    const int most = product_columns(n_, derivatives_.memory_budget);
    if (units_.size() == 0)
        units_ = DeviceArray<T>(static_cast<std::size_t>(n_) * static_cast<std::size_t>(most));
    for (int first = 0; first < n_; first += most) {
        const int columns = std::min(most, n_ - first);
        launch_unit_vectors(units_.get(), n_, first, columns, stream());
        add_products(x, units_.get(), columns, false,
                     H + static_cast<std::size_t>(first) * static_cast<std::size_t>(n_));
    }
}

template class PerceptronEvaluator<double>;
template class PerceptronEvaluator<float>;

}  // namespace cunewton::cuda
