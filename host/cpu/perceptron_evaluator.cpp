#include "host/cpu/perceptron_evaluator.h"

#include <algorithm>

#include "host/cpu/dense_matrices.h"
#include "host/cpu/penalty.h"
#include "host/cpu/perceptron_passes.h"
#include "host/cpu/rank_k.h"

namespace cunewton::cpu {

namespace {

// Samples whose activations stay in cache between the matrix products that use them, and which are
// enough for these to be fast.
constexpr int tile_samples = 1024;
// Fewer where a thread's numbers would take more than so many bytes, down to the least.
constexpr std::size_t tile_bytes = std::size_t{32} << 20;
constexpr int least_tile_samples = 128;
// Vectors whose products are summed at a time, at most.
constexpr int most_columns = 16;

int padded(int count) {
    return (count + perceptron_padding - 1) / perceptron_padding * perceptron_padding;
}

/// Units of samples: unit k of sample i is at[i * ld + k].
template <class T>
struct Units {
    const T* at;
    std::ptrdiff_t ld;
    Operand<T> by_sample() const { return {at, 1, ld}; }  // units x samples
};

/// A layer with its parameters, and the products that it takes part in.
template <class T>
struct Layer {
    const PerceptronLayer& shape;
    Gemm<T>& gemm;

    int inputs_ld() const { return padded(shape.inputs); }
    int outputs_ld() const { return padded(shape.outputs); }
    Operand<T> weights(const T* x) const { return {x + shape.weights, 1, shape.inputs}; }

    /// z = W a + b for `count` samples; without b and added to z if `add`. Padding becomes zero.
    void affine(const T* x, const Units<T>& a, int count, bool add, T* z) const {
        const int ld = outputs_ld();
        const T* bias = x + shape.biases;
        if (!add)
            for (int i = 0; i < count; ++i) {
                T* zi = z + static_cast<std::ptrdiff_t>(i) * ld;
                std::copy_n(bias, shape.outputs, zi);
                std::fill(zi + shape.outputs, zi + ld, T(0));
            }
        gemm.multiply(shape.outputs, count, shape.inputs, weights(x).transposed(), a.by_sample(),
                      true, z, ld);
    }
    /// The weights' part of a gradient, = or += sum_i a_i d_i'.
    void weight_gradient(const Units<T>& a, const T* d, int count, bool add, T* g) const {
        const Units<T> outputs{d, outputs_ld()};
        gemm.multiply(shape.inputs, shape.outputs, count, a.by_sample(),
                      outputs.by_sample().transposed(), add, g + shape.weights, shape.inputs);
    }
    /// The biases' part: sum_i d_i.
    void bias_gradient(const T* d, int count, T* g) const {
        T* to = g + shape.biases;
        std::fill_n(to, shape.outputs, T(0));
        for (int i = 0; i < count; ++i, d += outputs_ld())
            for (int k = 0; k < shape.outputs; ++k) to[k] += d[k];
    }
    /// to = W' d, or +=: what comes back to the layer's inputs. Padding becomes zero.
    void back(const T* x, const T* d, int count, bool add, T* to) const {
        const int ld = inputs_ld();
        if (!add && ld != shape.inputs)
            for (int i = 0; i < count; ++i)
                std::fill(to + static_cast<std::ptrdiff_t>(i) * ld + shape.inputs,
                          to + static_cast<std::ptrdiff_t>(i + 1) * ld, T(0));
        const Units<T> outputs{d, outputs_ld()};
        gemm.multiply(shape.inputs, count, shape.outputs, weights(x), outputs.by_sample(), add, to,
                      ld);
    }
};

/// to = from^2, of `count` samples whose numbers are ld and to_ld apart; divided by their weights
/// if `over_weights`. 0 of samples without weight, whatever they are.
template <class T>
void square(int units, int count, const T* from, std::ptrdiff_t ld, const T* weights,
            bool over_weights, T* to, std::ptrdiff_t to_ld) {
    for (int i = 0; i < count; ++i, from += ld, to += to_ld) {
        if (!(weights[i] > 0)) {
            std::fill_n(to, units, T(0));
            continue;
        }
        const T factor = over_weights ? 1 / weights[i] : T(1);
        for (int k = 0; k < units; ++k) to[k] = factor * from[k] * from[k];
    }
}

/// to[j * to_ld + i] = from[i * from_ld + j]
template <class T>
void transpose(int rows, int columns, const T* from, std::ptrdiff_t from_ld, T* to,
               std::ptrdiff_t to_ld) {
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) to[j * to_ld + i] = from[i * from_ld + j];
}

}  // namespace

template <class T>
PerceptronEvaluator<T>::Sizes::Sizes(const PerceptronSum<T>& form, const Ranks* ranks) {
    const std::vector<int>& widths = form.perceptron.widths;
    std::size_t hidden = 0;
    for (std::size_t l = 1; l + 1 < widths.size(); ++l) hidden += padded(widths[l]);
    const std::size_t outputs = padded(widths.back());
    tile = 4 * hidden + 2 * outputs;
    scratch = tile + 2 * hidden + outputs + 3 * static_cast<std::size_t>(widths.back());
    const std::size_t fitting = tile_bytes / (scratch * sizeof(T));
    samples = static_cast<int>(std::clamp<std::size_t>(fitting, least_tile_samples, tile_samples));
    samples =
        padded(static_cast<int>(std::min(long{samples}, chunk_samples(ranks, form.samples.count))));
    tiles = sample_blocks(ranks, form.samples.count, samples).size();
    tile *= samples;
    scratch *= samples;
}

template <class T>
int PerceptronEvaluator<T>::product_columns(int n, int threads, std::size_t budget) {
    const std::size_t bytes =
        static_cast<std::size_t>(n) * (sizeof(double) + (threads + 1) * sizeof(T));
    return static_cast<int>(
        std::clamp<std::size_t>(budget / bytes, 1, std::min<std::size_t>(most_columns, n)));
}

template <class T>
std::size_t PerceptronEvaluator<T>::memory(const PerceptronSum<T>& form,
                                           const EvaluationPlan& plan) {
    const Sizes sizes(form, plan.ranks);
    const std::size_t n = static_cast<std::size_t>(plan.n), threads = plan.threads;
    // Columns of a product: samples of a tile, or units of a layer.
    const int widest =
        *std::max_element(form.perceptron.widths.begin() + 1, form.perceptron.widths.end());
    const std::size_t gemm = Gemm<T>::memory(std::max(sizes.samples, widest));
    const std::size_t columns =
        plan.hessian() ? product_columns(plan.n, plan.threads, plan.derivatives.memory_budget) : 1;
    std::size_t kronecker = 0;
    const long samples = plan.ranks ? plan.ranks->samples() : form.samples.count;
    long selected = plan.sampled;
    if (plan.kronecker) {
        const KroneckerLayers layers{layers_of(form.perceptron)};
        kronecker = threads * Gemm<T>::memory(layers.widest()) +
                    RankKUpdate<T, T, T>::memory(layers.widest(), sizes.samples, plan.threads);
        if (plan.ranks)
            kronecker += layers.lower_numbers() * sizeof(T) +
                         RankSum<T>::memory(plan.ranks, layers.lower_numbers());
        selected = std::max(selected, std::min(layers.enough_samples(), samples));
    }
    return ChunkedSamples<T>::memory(form.samples) +
           ChunkedSamples<T>::selection_memory(form.samples, plan.ranks, selected) + kronecker +
           ((1 + form.samples.target_count) * sizes.tiles * sizes.samples +
            threads * sizes.scratch) *
               sizeof(T) +
           threads * gemm + columns * n * (sizeof(double) + threads * sizeof(T)) +
           columns * RankSum<double>::memory(plan.ranks, n + 1) +
           (plan.hessian() ? columns * n * sizeof(T) : 0) + threads * sizeof(double) +
           (plan.products() ? products_memory(form, plan) : 0);
}
template <class T>
std::size_t PerceptronEvaluator<T>::products_memory(const PerceptronSum<T>& form,
                                                    const EvaluationPlan& plan) {
    const Sizes sizes(form, plan.ranks);
    const std::size_t point = static_cast<std::size_t>(plan.n) * sizeof(T);
    return point + (keeps(sizes, plan.derivatives.memory_budget)
                        ? sizes.tiles * sizes.tile * sizeof(T)
                        : 0);
}

template <class T>
PerceptronEvaluator<T>::PerceptronEvaluator(const PerceptronSum<T>& form, const Setting<T>& at)
    : Evaluator<T>(at.vectors, at.matrices, at.problem.dimension()),
      problem_(at.problem),
      parts_(problem_.parts()),
      derivatives_(at.derivatives),
      vectors_(at.vectors),
      perceptron_(std::get<PerceptronSum<T>>(parts_.form).perceptron),
      layers_(layers_of(perceptron_)),
      data_(form.samples, parts_.ranks.get()),
      samples_(data_.view()),
      sizes_(form, parts_.ranks.get()),
      keeps_tiles_(keeps(sizes_, derivatives_.memory_budget)),
      update_(vectors_.pool()) {
    const std::size_t size = sizes_.tiles * sizes_.samples;
    targets_ = aligned_buffer<T>(size * samples_.target_count);
    weights_ = aligned_buffer<T>(size);
    cut_and_pad();
    for (int t = 0; t < vectors_.pool().size(); ++t) scratch_.push_back(make_scratch());
    partial_.resize(scratch_.size());
    losses_.resize(scratch_.size());
}

template <class T>
void PerceptronEvaluator<T>::cut_and_pad() {
    blocks_ = data_.blocks(sizes_.samples);
    const long per = samples_.target_count;
    for (const SampleBlock& block : blocks_) {
        const long count = block.end - block.begin, rows = padded(static_cast<int>(count));
        T* const targets = targets_.get() + block.begin * per;
        T* const weights = weights_.get() + block.begin;
        for (long i = 0; i < rows; ++i) {
            const bool inside = i < count;
            // A padding sample repeats valid targets and weighs nothing.
            const long sample = block.begin + (inside ? i : 0);
            for (long j = 0; j < per; ++j)
                targets[j * rows + i] = samples_.targets[sample * per + j];
            weights[i] = inside ? (samples_.weights ? samples_.weights[sample] : T(1)) : T(0);
        }
    }
}

template <class T>
void PerceptronEvaluator<T>::select(std::span<const long> samples, double share) {
    data_.select(samples, share);
    cut_and_pad();
}

template <class T>
void PerceptronEvaluator<T>::select_all() {
    data_.select_all();
    cut_and_pad();
}

template <class T>
typename PerceptronEvaluator<T>::Tile PerceptronEvaluator<T>::tile_at(T* memory) const {
    const auto take = [&](int units) {
        T* const here = memory;
        memory += static_cast<std::size_t>(padded(units)) * sizes_.samples;
        return here;
    };
    Tile tile;
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
        const int units = layers_[l].outputs;
        Hidden& hidden = tile.hidden.emplace_back();
        for (T** part : {&hidden.a, &hidden.slope, &hidden.bend, &hidden.d}) *part = take(units);
    }
    tile.d = take(layers_.back().outputs);
    tile.p = take(layers_.back().outputs);
    return tile;
}

template <class T>
typename PerceptronEvaluator<T>::Scratch PerceptronEvaluator<T>::make_scratch() const {
    Scratch scratch;
    scratch.memory = aligned_buffer<T>(sizes_.scratch);
    scratch.tile = tile_at(scratch.memory.get());
    T* next = scratch.memory.get() + sizes_.tile;
    const auto take = [&](int numbers) {
        T* const here = next;
        next += static_cast<std::size_t>(numbers) * sizes_.samples;
        return here;
    };
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
        scratch.rz.push_back(take(padded(layers_[l].outputs)));
        scratch.ra.push_back(take(padded(layers_[l].outputs)));
    }
    const int outputs = layers_.back().outputs;
    scratch.z = take(padded(outputs));
    for (T** part : {&scratch.columns, &scratch.d_columns, &scratch.p_columns})
        *part = take(outputs);
    return scratch;
}

/// The loss of a tile. `to` gets activations, and what the order needs: slopes and d of the
/// outputs, and bends (without what comes back) and moments.
template <class T>
double PerceptronEvaluator<T>::forward(const T* x, std::size_t tile, Order order, Tile& to,
                                       Scratch& scratch) const {
    const int count = count_of(tile), rows = padded(count);
    Units<T> input{samples_.features + begin_of(tile) * samples_.ld, samples_.ld};
    for (std::size_t l = 0; l + 1 < layers_.size(); ++l) {
        const Layer<T> layer{layers_[l], scratch.gemm};
        const Hidden& hidden = to.hidden[l];
        layer.affine(x, input, count, false, hidden.a);
        input = {hidden.a, layer.outputs_ld()};
        activate(perceptron_.activation, static_cast<std::size_t>(input.ld) * count, hidden.a,
                 order == Order::value ? nullptr : hidden.slope,
                 order == Order::products ? hidden.bend : nullptr);
    }
    const Layer<T> last{layers_.back(), scratch.gemm};
    const int outputs = last.shape.outputs, output_ld = last.outputs_ld();
    last.affine(x, input, count, false, scratch.z);
    for (int k = 0; k < outputs; ++k)
        std::fill(scratch.columns + k * rows + count, scratch.columns + (k + 1) * rows, T(0));
    transpose(count, outputs, scratch.z, output_ld, scratch.columns, rows);
    const long begin = begin_of(tile);
    const double f = output_loss<T>(
        perceptron_.loss,
        {scratch.columns, outputs, rows, rows, targets_.get() + begin * samples_.target_count,
         samples_.target_count, rows, weights_.get() + begin},
        order == Order::value ? nullptr : scratch.d_columns,
        order == Order::products ? scratch.p_columns : nullptr);
    if (order != Order::value) transpose(outputs, count, scratch.d_columns, rows, to.d, output_ld);
    if (order == Order::products)
        transpose(outputs, count, scratch.p_columns, rows, to.p, output_ld);
    return f;
}

/// After forward(): what comes back to all layers, and from it the tile's part of the gradient
/// unless g is null. With bends they are completed.
template <class T>
void PerceptronEvaluator<T>::backward(const T* x, std::size_t tile, T* g, bool bends, Tile& to,
                                      Scratch& scratch) const {
    const int count = count_of(tile);
    const T* d = to.d;
    for (std::size_t l = layers_.size(); l-- > 0;) {
        const Layer<T> layer{layers_[l], scratch.gemm};
        const Units<T> input =
            l > 0 ? Units<T>{to.hidden[l - 1].a, layer.inputs_ld()}
                  : Units<T>{samples_.features + begin_of(tile) * samples_.ld, samples_.ld};
        if (g) {
            layer.weight_gradient(input, d, count, false, g);
            layer.bias_gradient(d, count, g);
        }
        if (l == 0) break;
        const Hidden& below = to.hidden[l - 1];
        layer.back(x, d, count, false, below.d);
        pass_back(static_cast<std::size_t>(layer.inputs_ld()) * count, below.slope, below.d,
                  bends ? below.bend : nullptr);
        d = below.d;
    }
}

/// The tile's part of H v (Pearlmutter 1994): with R{.} the derivative along v, R{z} and R{a} go
/// forward from the data, which do not change, and R{d} comes back. The Gauss-Newton product leaves
/// out all terms with second derivatives of the outputs: those with bends, d R{a}' and V' d.
template <class T>
void PerceptronEvaluator<T>::product(const T* x, const T* v, std::size_t tile, const Tile& at,
                                     Scratch& scratch, T* Hv) const {
    const bool exact = derivatives_.hessian != HessianBy::gauss_newton;
    const int count = count_of(tile);
    const std::size_t last = layers_.size() - 1;
    const auto input = [&](std::size_t l) {
        return l > 0 ? Units<T>{at.hidden[l - 1].a, padded(layers_[l].inputs)}
                     : Units<T>{samples_.features + begin_of(tile) * samples_.ld, samples_.ld};
    };
    for (std::size_t l = 0; l <= last; ++l) {
        const Layer<T> layer{layers_[l], scratch.gemm};
        T* const rz = l < last ? scratch.rz[l] : scratch.z;
        layer.affine(v, input(l), count, false, rz);
        if (l > 0) layer.affine(x, {scratch.ra[l - 1], layer.inputs_ld()}, count, true, rz);
        if (l < last)
            scale_by(static_cast<std::size_t>(layer.outputs_ld()) * count, at.hidden[l].slope, rz,
                     scratch.ra[l]);
        else
            apply_output_hessian(perceptron_.loss, layer.shape.outputs, layer.outputs_ld(), count,
                                 weights_.get() + begin_of(tile), at.p, rz);
    }
    T* rd = scratch.z;
    for (std::size_t l = last;; --l) {
        const Layer<T> layer{layers_[l], scratch.gemm};
        const T* const d = l < last ? at.hidden[l].d : at.d;
        layer.bias_gradient(rd, count, Hv);
        layer.weight_gradient(input(l), rd, count, false, Hv);
        if (l == 0) break;
        T* const ra = scratch.ra[l - 1];
        if (exact) layer.weight_gradient({ra, layer.inputs_ld()}, d, count, true, Hv);
        // R{a} is not needed any longer: R{d} of the layer below takes its place.
        layer.back(x, rd, count, false, ra);
        if (exact) layer.back(v, d, count, true, ra);
        const Hidden& below = at.hidden[l - 1];
        pass_product_back(static_cast<std::size_t>(layer.inputs_ld()) * count, below.slope,
                          exact ? below.bend : nullptr, scratch.rz[l - 1], ra);
        rd = ra;
    }
}

/// total_ (columns x n) = what per_tile(tile, scratch, partial) writes to `partial`, summed over
/// tiles in their order; returns the sum of what it returns, with one column at most, if that is a
/// loss at x. columns 0: nothing is written.
template <class T>
template <class PerTile>
double PerceptronEvaluator<T>::sum_tiles(int columns, bool with_loss, const T* x,
                                         const PerTile& per_tile) {
    const std::size_t n = parts_.dimension, size = static_cast<std::size_t>(columns) * n;
    // A sum a column: ranks may take different numbers of them at a time.
    std::vector<RankSum<double>> sums;
    if (parts_.ranks)
        sums.assign(with_loss ? 1 : columns,
                    RankSum<double>(*parts_.ranks, with_loss ? size + 1 : n));
    // Of totals, for one thread to add to.
    constexpr std::size_t piece = 8192;
    total_.assign(size + 1, 0.0);
    double& f = total_.back();
    for (std::size_t first = 0; first < blocks_.size(); first += scratch_.size()) {
        const std::size_t count = std::min(scratch_.size(), blocks_.size() - first);
        vectors_.pool().for_each(count, [&](std::size_t item, int) {
            std::vector<T>& partial = partial_[item];
            if (partial.size() < size) partial.resize(size);
            losses_[item] = per_tile(first + item, scratch_[item], partial.data());
        });
        for (std::size_t item = 0; item < count;) {
            const std::size_t from = item;
            const int chunk = blocks_[first + item].chunk;
            for (; item < count && blocks_[first + item].chunk == chunk; ++item) f += losses_[item];
            vectors_.pool().for_each((size + piece - 1) / piece, [&](std::size_t part, int) {
                const std::size_t begin = part * piece, numbers = std::min(piece, size - begin);
                for (std::size_t i = from; i < item; ++i)
                    add_to(numbers, partial_[i].data() + begin, total_.data() + begin);
            });
            const std::size_t next = first + item;
            if (sums.empty() || (next < blocks_.size() && blocks_[next].chunk == chunk)) continue;
            for (std::size_t c = 0; c < sums.size(); ++c) sums[c].add(chunk, total_.data() + c * n);
            std::fill(total_.begin(), total_.end(), 0.0);
        }
    }
    for (std::size_t c = 0; c < sums.size(); ++c)
        sums[c].finish(hash(x, n * sizeof(T)), total_.data() + c * n);
    return f;
}

/// The loss; with its gradient in g unless that is null.
template <class T>
double PerceptronEvaluator<T>::loss(const T* x, T* g) {
    const double f =
        sum_tiles(g ? 1 : 0, true, x, [&](std::size_t tile, Scratch& scratch, T* partial) {
            const double part =
                forward(x, tile, g ? Order::gradient : Order::value, scratch.tile, scratch);
            if (g) backward(x, tile, partial, false, scratch.tile, scratch);
            return part;
        });
    if (g) penalized_gradient(parts_, x, total_.data(), g);
    return penalized_value(parts_, x, f);
}

template <class T>
void PerceptronEvaluator<T>::value(const T* x, Scalar f) {
    vectors_.set(f, loss(x, nullptr));
}
template <class T>
void PerceptronEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    vectors_.set(f, loss(x, g));
}
template <class T>
void PerceptronEvaluator<T>::values(const T* points, int count, T* losses) {
    for (int p = 0; p < count; ++p)
        losses[p] =
            static_cast<T>(loss(points + static_cast<std::size_t>(p) * parts_.dimension, nullptr));
}

template <class T>
void PerceptronEvaluator<T>::prepare_products(const T* x) {
    Evaluator<T>::prepare_products(x);
    if (keeps_tiles_) keep_tiles(x, nullptr);
}

template <class T>
double PerceptronEvaluator<T>::keep_tiles(const T* x, T* g) {
    if (!kept_) kept_ = aligned_buffer<T>(sizes_.tiles * sizes_.tile);
    const bool sums = g != nullptr;
    const double f = sum_tiles(sums, sums, x, [&](std::size_t tile, Scratch& scratch, T* partial) {
        Tile to = tile_at(kept_.get() + tile * sizes_.tile);
        const double part = forward(x, tile, Order::products, to, scratch);
        backward(x, tile, g ? partial : nullptr, true, to, scratch);
        return part;
    });
    if (g) penalized_gradient(parts_, x, total_.data(), g);
    return penalized_value(parts_, x, f);
}

template <class T>
void PerceptronEvaluator<T>::value_gradient_and_products(const T* x, T* g, Scalar f) {
    if (!keeps_tiles_) return Evaluator<T>::value_gradient_and_products(x, g, f);
    Evaluator<T>::prepare_products(x);
    vectors_.set(f, keep_tiles(x, g));
}

/// HV = H(x) V, with the tiles that are kept if they are of x.
template <class T>
void PerceptronEvaluator<T>::add_products(const T* x, const T* V, int columns, bool kept, T* HV) {
    const std::size_t n = parts_.dimension;
    sum_tiles(columns, false, x, [&](std::size_t tile, Scratch& scratch, T* partial) {
        Tile at = kept ? tile_at(kept_.get() + tile * sizes_.tile) : scratch.tile;
        if (!kept) {
            forward(x, tile, Order::products, at, scratch);
            backward(x, tile, nullptr, true, at, scratch);
        }
        for (int c = 0; c < columns; ++c) product(x, V + c * n, tile, at, scratch, partial + c * n);
        return 0.0;
    });
    for (int c = 0; c < columns; ++c)
        penalized_gradient(parts_, V + c * n, total_.data() + c * n, HV + c * n);
}

template <class T>
void PerceptronEvaluator<T>::products(const T* V, int columns, T* HV) {
    const std::size_t n = parts_.dimension;
    // Ranks would need room for the branches of every column.
    const int most = parts_.ranks ? 1
                                  : product_columns(parts_.dimension, vectors_.pool().size(),
                                                    derivatives_.memory_budget);
    for (int first = 0; first < columns; first += most)
        add_products(this->product_point(), V + first * n, std::min(most, columns - first),
                     keeps_tiles_, HV + first * n);
}

/// A sample's gradient of a layer's weights is an outer product of its inputs and of what comes
/// back to its outputs, and so is the gradient's square, entry by entry, of their squares.
template <class T>
void PerceptronEvaluator<T>::sum_squared_gradients(const T* x, T* to) {
    const int features_ld = padded(layers_.front().inputs);
    sum_tiles(1, false, x, [&](std::size_t tile, Scratch& scratch, T* partial) {
        const int count = count_of(tile);
        const T* weights = weights_.get() + begin_of(tile);
        Tile& at = scratch.tile;
        forward(x, tile, Order::gradient, at, scratch);
        backward(x, tile, nullptr, false, at, scratch);
        if (!scratch.squares)
            scratch.squares =
                aligned_buffer<T>(static_cast<std::size_t>(features_ld) * sizes_.samples);
        square(layers_.front().inputs, count, samples_.features + begin_of(tile) * samples_.ld,
               samples_.ld, weights, false, scratch.squares.get(), features_ld);
        Units<T> inputs{scratch.squares.get(), features_ld};
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const Layer<T> layer{layers_[l], scratch.gemm};
            const bool last = l + 1 == layers_.size();
            const int units = layer.shape.outputs, ld = layer.outputs_ld();
            T* const d = last ? at.d : at.hidden[l].d;
            square(units, count, d, ld, weights, true, d, ld);
            layer.weight_gradient(inputs, d, count, false, partial);
            layer.bias_gradient(d, count, partial);
            if (last) break;
            T* const a = at.hidden[l].a;
            square(units, count, a, ld, weights, false, a, ld);
            inputs = {a, ld};
        }
        return 0.0;
    });
    std::copy_n(total_.begin(), parts_.dimension, to);
}

template <class T>
void PerceptronEvaluator<T>::compute_kronecker_factors(std::uint64_t seed, long first, T* to) {
    const KroneckerLayers layers = kronecker_layers();
    const std::vector<KroneckerLayers::Place> places = layers.places();
    std::fill_n(to, layers.numbers(), T(0));
    if (!parts_.ranks) {
        for (std::size_t tile = 0; tile < blocks_.size(); ++tile)
            add_kronecker_factors(seed, first, tile, places, to);
        return;
    }
    std::vector<T> lower(layers.lower_numbers());
    RankSum<T> sum(*parts_.ranks, lower.size());
    for (std::size_t tile = 0; tile < blocks_.size();) {
        const int chunk = blocks_[tile].chunk;
        std::fill_n(to, layers.numbers(), T(0));
        for (; tile < blocks_.size() && blocks_[tile].chunk == chunk; ++tile)
            add_kronecker_factors(seed, first, tile, places, to);
        layers.copy_lower(to, lower.data());
        sum.add(chunk, lower.data());
    }
    sum.finish(hash(this->product_point(), parts_.dimension * sizeof(T)), lower.data());
    layers.restore_lower(lower.data(), to);
}

template <class T>
void PerceptronEvaluator<T>::add_kronecker_factors(
    std::uint64_t seed, long first, std::size_t tile,
    const std::vector<KroneckerLayers::Place>& places, T* to) {
    const T mean = static_cast<T>(1 / parts_.weight), scale = static_cast<T>(parts_.scale);
    Scratch& scratch = scratch_.front();
    Tile at = keeps_tiles_ ? tile_at(kept_.get() + tile * sizes_.tile) : scratch.tile;
    const T* x = this->product_point();
    if (!keeps_tiles_) forward(x, tile, Order::products, at, scratch);
    const long begin = begin_of(tile);
    const int count = count_of(tile);
    const T* weights = weights_.get() + begin;
    const std::size_t last = layers_.size() - 1;
    T* g = scratch.z;
    draw_root(perceptron_.loss, layers_[last].outputs, padded(layers_[last].outputs), count,
              weights, at.p, seed, first + data_.number_of(blocks_[tile]), g);
    for (std::size_t l = last;; --l) {
        const Layer<T> layer{layers_[l], scratch.gemm};
        const Units<T> a = l > 0 ? Units<T>{at.hidden[l - 1].a, layer.inputs_ld()}
                                 : Units<T>{samples_.features + begin * samples_.ld, samples_.ld};
        update_.add({a.at, a.ld, layer.shape.inputs, false, count},
                    {{weights, mean, to + places[l].A, layer.shape.inputs}});
        update_.add({g, layer.outputs_ld(), layer.shape.outputs, false, count},
                    {{weights, scale, to + places[l].G, layer.shape.outputs}});
        if (l == 0) break;
        T* const back = scratch.ra[l - 1];
        layer.back(x, g, count, false, back);
        scale_by(static_cast<std::size_t>(layer.inputs_ld()) * count, at.hidden[l - 1].slope, back,
                 back);
        g = back;
    }
}

template <class T>
void PerceptronEvaluator<T>::hessian(const T* x, T* H) {
    const int n = parts_.dimension;
    const std::size_t size = n;
    const int most = product_columns(n, vectors_.pool().size(), derivatives_.memory_budget);
    std::vector<T> unit(size * most, T(0));
    for (int first = 0; first < n; first += most) {
        const int columns = std::min(most, n - first);
        for (int c = 0; c < columns; ++c) unit[c * size + first + c] = T(1);
        add_products(x, unit.data(), columns, false, H + first * size);
        for (int c = 0; c < columns; ++c) unit[c * size + first + c] = T(0);
    }
}

template <class T>
void PerceptronEvaluator<T>::predict(const Perceptron& perceptron, const T* x,
                                     const Samples<T>& samples, T* outputs) {
    const HostSamples<T> data(samples);
    const Samples<T>& rows = data.view();
    const std::vector<PerceptronLayer> layers = layers_of(perceptron);
    std::vector<std::vector<T>> z;
    for (const PerceptronLayer& layer : layers)
        z.emplace_back(static_cast<std::size_t>(padded(layer.outputs)) * tile_samples);
    Gemm<T> gemm;
    const int K = layers.back().outputs;
    for (long begin = 0; begin < rows.count; begin += tile_samples) {
        const int count = static_cast<int>(std::min<long>(tile_samples, rows.count - begin));
        Units<T> input{rows.features + begin * rows.ld, rows.ld};
        for (std::size_t l = 0; l < layers.size(); ++l) {
            const Layer<T> layer{layers[l], gemm};
            layer.affine(x, input, count, false, z[l].data());
            input = {z[l].data(), layer.outputs_ld()};
            if (l + 1 < layers.size())
                activate<T>(perceptron.activation, static_cast<std::size_t>(input.ld) * count,
                            z[l].data(), nullptr, nullptr);
        }
        for (int i = 0; i < count; ++i)
            std::copy_n(input.at + i * input.ld, K, outputs + (begin + i) * K);
    }
}

template class PerceptronEvaluator<double>;
template class PerceptronEvaluator<float>;

}  // namespace cunewton::cpu
