// The GPU code of a loss: kernels for a functor, behind the interfaces of code.h. For .cu files.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <type_traits>

#include "cunewton/cuda/code.h"
#include "cunewton/cuda/launch.cuh"
#include "cunewton/cuda/sample_functions.cuh"
#include "cunewton/functor/as_sample.h"
#include "cunewton/math/predictor_derivatives.h"

namespace cunewton::cuda {

// Threads of a block, and blocks that a multiprocessor must have registers for at the same time: up
// to 128 registers a thread. Left to itself, the compiler spills some of these kernels at 40.
inline constexpr int predictor_threads = 256, predictor_blocks = 2;
inline constexpr int sample_threads = 128, sample_blocks = 4;

// ---- Predictor losses: one thread a sample.

/// Writes w * value where a loss assigns g[k] = value or h(k, l) = value.
template <class T>
struct WeightedOutput {
    struct Entry {
        T* p;
        T weight;
        CUNEWTON_HOST_DEVICE void operator=(T value) const { *p = weight * value; }
    };
    T* out;
    std::ptrdiff_t ld;
    T weight;
    CUNEWTON_HOST_DEVICE Entry operator[](int k) const { return {out + k * ld, weight}; }
    CUNEWTON_HOST_DEVICE Entry operator()(int k, int l) const {
        return {out + (k * (k + 1) / 2 + l) * ld, weight};
    }
};

/// Sample i's weighted loss; its weighted gradient goes to r unless `by` is automatic.
template <GradientBy by, class T, class Loss>
CUNEWTON_HOST_DEVICE double predictor_term(const Loss& loss, const DevicePredictorBlock<T>& block,
                                           T step, T* r, long i) {
    const T weight = block.weights[i];
    const StridedView<const T> z{block.z + i, loss.outputs(), block.ld};
    WeightedOutput<T> g{r + i, block.ld, weight};
    if (weight == T(0)) {
        if constexpr (by != GradientBy::automatic)
            for (int k = 0; k < z.size(); ++k) g[k] = T(0);
        return 0;
    }
    const T y = block.targets[i];
    if constexpr (by == GradientBy::analytic) {
        loss.gradient(z, y, g);
    } else if constexpr (by != GradientBy::automatic) {
        for (int k = 0; k < z.size(); ++k) g[k] = predictor_partial(loss, z, y, k, by, step);
    }
    return static_cast<double>(weight * T(loss(z, y)));
}

/// Sample i's weighted second derivatives.
template <HessianBy by, class T, class Loss>
CUNEWTON_HOST_DEVICE void predictor_hessian(const Loss& loss, const DevicePredictorBlock<T>& block,
                                            T step, T* h, std::ptrdiff_t h_ld, long i) {
    const T weight = block.weights[i];
    const StridedView<const T> z{block.z + i, loss.outputs(), block.ld};
    WeightedOutput<T> out{h + i, h_ld, weight};
    const T y = block.targets[i];
    if (by == HessianBy::analytic && weight != T(0)) {
        if constexpr (by == HessianBy::analytic) loss.hessian(z, y, out);
        return;
    }
    for (int k = 0; k < z.size(); ++k)
        for (int l = 0; l <= k; ++l)
            out(k, l) =
                weight == T(0) ? T(0) : predictor_second_partial(loss, z, y, k, l, by, step);
}

template <GradientBy by, class T, class Loss>
__global__ void __launch_bounds__(predictor_threads, predictor_blocks)
    predictor_value_kernel(const Loss loss, const DevicePredictorBlock<T> block, const T step,
                           T* const r, double* const partial) {
    const long i = thread_index();
    const double term = i < block.count ? predictor_term<by>(loss, block, step, r, i) : 0.0;
    const double sum = block_sum<predictor_threads>(term);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <HessianBy by, class T, class Loss>
__global__ void __launch_bounds__(predictor_threads, predictor_blocks)
    predictor_hessian_kernel(const Loss loss, const DevicePredictorBlock<T> block, const T step,
                             T* const h, const std::ptrdiff_t h_ld) {
    const long i = thread_index();
    if (i < block.count) predictor_hessian<by>(loss, block, step, h, h_ld, i);
}

/// The GPU code of a loss as cpu::PredictorCodeOf describes it.
template <class T, class Loss>
class PredictorCodeOf final : public PredictorCode<T> {
    static_assert(std::is_trivially_copyable_v<Loss>,
                  "a loss is copied to the GPU byte by byte: it must be trivially copyable (hold "
                  "plain numbers and device pointers)");

  public:
    explicit PredictorCodeOf(const Loss& loss) : loss_(loss) {}

    std::size_t partial_count(long count) const override {
        return blocks_for(count, predictor_threads);
    }

    void value_and_gradient(const DevicePredictorBlock<T>& block, GradientBy by, T step, T* r,
                            double* partial, Stream stream) const override {
        if (block.count == 0) return;
        if (!r) return value<GradientBy::automatic>(block, step, r, partial, stream);
        switch (by) {
            case GradientBy::forward_differences:
                return value<GradientBy::forward_differences>(block, step, r, partial, stream);
            case GradientBy::central_differences:
                return value<GradientBy::central_differences>(block, step, r, partial, stream);
            case GradientBy::analytic:
                if constexpr (has_gradient)
                    return value<GradientBy::analytic>(block, step, r, partial, stream);
                [[fallthrough]];
            default:
                return value<GradientBy::autodiff>(block, step, r, partial, stream);
        }
    }

    void hessian(const DevicePredictorBlock<T>& block, HessianBy by, T step, T* h,
                 std::ptrdiff_t h_ld, Stream stream) const override {
        if (block.count == 0) return;
        switch (by) {
            case HessianBy::gradient_differences:
                return hessian<HessianBy::gradient_differences>(block, step, h, h_ld, stream);
            case HessianBy::value_differences:
                return hessian<HessianBy::value_differences>(block, step, h, h_ld, stream);
            case HessianBy::analytic:
                if constexpr (has_hessian)
                    return hessian<HessianBy::analytic>(block, step, h, h_ld, stream);
                [[fallthrough]];
            default:
                return hessian<HessianBy::autodiff>(block, step, h, h_ld, stream);
        }
    }

  private:
    template <GradientBy by>
    void value(const DevicePredictorBlock<T>& block, T step, T* r, double* partial,
               Stream stream) const {
        predictor_value_kernel<by>
            <<<blocks_for(block.count, predictor_threads), predictor_threads, 0, stream>>>(
                loss_, block, step, r, partial);
        check_launch("predictor_value_kernel");
    }
    template <HessianBy by>
    void hessian(const DevicePredictorBlock<T>& block, T step, T* h, std::ptrdiff_t h_ld,
                 Stream stream) const {
        predictor_hessian_kernel<by>
            <<<blocks_for(block.count, predictor_threads), predictor_threads, 0, stream>>>(
                loss_, block, step, h, h_ld);
        check_launch("predictor_hessian_kernel");
    }

    static constexpr bool has_gradient =
        requires(const Loss& l, StridedView<const T> z, T y, WeightedOutput<T> g) {
        l.gradient(z, y, g);
    };
    static constexpr bool has_hessian =
        requires(const Loss& l, StridedView<const T> z, T y, WeightedOutput<T> h) {
        l.hessian(z, y, h);
    };

    Loss loss_;
};

// ---- Black-box losses. An objective has one sample: one thread an entry. A sum over samples: one
// block for an entry and a chunk of samples, its threads over the samples. Blocks of the same chunk
// are neighbours in the grid, so that its samples stay in cache while all entries read them.

/// Samples of one chunk: at least a few for each thread, and no more chunks than partial sums are
/// worth their memory.
CUNEWTON_HOST_DEVICE inline long sample_chunk(long samples) {
    constexpr long least = 8 * sample_threads, most_chunks = 1024;
    const long chunk = (samples + most_chunks - 1) / most_chunks;
    return chunk > least ? chunk : least;
}

template <class Loss>
inline constexpr bool is_objective = false;
template <class Loss>
inline constexpr bool is_objective<cpu::ObjectiveAsSample<Loss>> = true;

/// The loss at one of several points, as an entry.
template <class T>
struct PointEntry {
    VectorView<const T> x;
    CUNEWTON_HOST_DEVICE PointEntry(const T* points, int n, const T*, long entry)
        : x{points + entry * n, n} {}
    CUNEWTON_HOST_DEVICE double width() const { return 1; }
    template <class Loss>
    CUNEWTON_HOST_DEVICE T term(const Loss& loss, const SampleView<T>& s) const {
        return loss(x, s);
    }
};

/// Entries [tile.first, tile.first + tile.count) at x with steps h.
template <class T, class Loss>
struct EntryArguments {
    Loss loss;
    DeviceTile tile;
    const T* x;
    int n;
    const T* h;
    DeviceSamples<T> samples;
    double* partial;
};

template <class Entry, class T, class Loss>
__global__ void __launch_bounds__(sample_threads, sample_blocks)
    objective_entries_kernel(const EntryArguments<T, Loss> a) {
    const long e = thread_index();
    if (e >= a.tile.count) return;
    const Entry entry(a.x, a.n, a.h, a.tile.first + e);
    a.partial[e] = static_cast<double>(entry.term(a.loss, sample_at(a.samples, 0))) / entry.width();
}

template <class Entry, class T, class Loss>
__global__ void __launch_bounds__(sample_threads, sample_blocks)
    sample_entries_kernel(const EntryArguments<T, Loss> a, const int blocks) {
    const long e = blockIdx.x % a.tile.count;
    const long b = blockIdx.x / a.tile.count;
    const Entry entry(a.x, a.n, a.h, a.tile.first + e);
    const long chunk = sample_chunk(a.samples.count);
    const long end = a.samples.count < (b + 1) * chunk ? a.samples.count : (b + 1) * chunk;
    double sum = 0;
    for (long i = b * chunk + threadIdx.x; i < end; i += sample_threads) {
        const T weight = weight_at(a.samples, i);
        if (weight == T(0)) continue;
        sum += static_cast<double>(weight * entry.term(a.loss, sample_at(a.samples, i)));
    }
    sum = block_sum<sample_threads>(sum);
    if (threadIdx.x == 0) a.partial[e * blocks + b] = sum / entry.width();
}

/// Analytic derivatives: each thread adds up its own samples in its own column of partial sums.
template <class T, class Loss>
struct ColumnArguments {
    Loss loss;
    const T* x;
    int n;
    const T* h;
    int first;
    long points;
    DeviceSamples<T> samples;
    int threads_per_point;
    double* partial;
};

/// Column t belongs to point t / threads_per_point and to the samples t % threads_per_point +
/// multiples of threads_per_point.
template <class T, class Loss>
CUNEWTON_HOST_DEVICE void gradient_column(const ColumnArguments<T, Loss>& a, long t) {
    const std::ptrdiff_t stride = a.points * a.threads_per_point;
    const int p = static_cast<int>(t / a.threads_per_point);
    double* column = a.partial + t;
    for (int j = 0; j < a.n; ++j) column[j * stride] = 0;
    const int c = a.first + p / 2;
    const T step = a.h ? (p % 2 == 0 ? a.h[c] : -a.h[c]) : T(0);
    const ShiftedView<VectorView<const T>> x{{a.x, a.n}, c, -1, step, step};
    for (long i = t % a.threads_per_point; i < a.samples.count; i += a.threads_per_point) {
        WeightedColumn<T> g{column, stride, a.n, weight_at(a.samples, i)};
        if (g.weight != T(0)) a.loss.gradient(x, sample_at(a.samples, i), g);
    }
}

template <class T, class Loss>
CUNEWTON_HOST_DEVICE void hessian_column(const ColumnArguments<T, Loss>& a, long t) {
    double* column = a.partial + t;
    const long size = packed_size(a.n);
    for (long e = 0; e < size; ++e) column[e * a.threads_per_point] = 0;
    const VectorView<const T> x{a.x, a.n};
    for (long i = t; i < a.samples.count; i += a.threads_per_point) {
        WeightedColumn<T> h{column, a.threads_per_point, a.n, weight_at(a.samples, i)};
        if (h.weight != T(0)) a.loss.hessian(x, sample_at(a.samples, i), h);
    }
}

template <class T, class Loss>
__global__ void __launch_bounds__(sample_threads, sample_blocks)
    sample_gradients_kernel(const ColumnArguments<T, Loss> a) {
    const long t = thread_index();
    if (t < a.points * a.threads_per_point) gradient_column(a, t);
}

template <class T, class Loss>
__global__ void __launch_bounds__(sample_threads, sample_blocks)
    sample_hessian_kernel(const ColumnArguments<T, Loss> a) {
    const long t = thread_index();
    if (t < a.threads_per_point) hessian_column(a, t);
}

/// The GPU code of a loss as cpu::SampleCodeOf describes it.
template <class T, class Loss>
class SampleCodeOf final : public SampleCode<T> {
    static_assert(std::is_trivially_copyable_v<Loss>,
                  "a loss is copied to the GPU byte by byte: it must be trivially copyable (hold "
                  "plain numbers and device pointers)");
    using Kind = Entries;

  public:
    explicit SampleCodeOf(const Loss& loss) : loss_(loss) {}

    int blocks(long samples) const override {
        if constexpr (is_objective<Loss>) return 1;
        const long chunk = sample_chunk(samples);
        return static_cast<int>((samples + chunk - 1) / chunk);
    }
    int max_threads_per_point(long samples) const override {
        return static_cast<int>(std::clamp(samples, 1L, 16384L));
    }

    void values(const T* points, int n, long count, const DeviceSamples<T>& samples,
                double* partial, Stream stream) const override {
        entries<PointEntry<T>>({loss_, {0, count}, points, n, nullptr, samples, partial}, stream);
    }

    void tile(Kind kind, const DeviceTile& tile, const T* x, int n, const T* h,
              const DeviceSamples<T>& samples, double* partial, Stream stream) const override {
        const EntryArguments<T, Loss> a{loss_, tile, x, n, h, samples, partial};
        switch (kind) {
            case Kind::gradient_autodiff:
                return entries<TileEntry<T, Kind::gradient_autodiff>>(a, stream);
            case Kind::gradient_forward:
                return entries<TileEntry<T, Kind::gradient_forward>>(a, stream);
            case Kind::gradient_central:
                return entries<TileEntry<T, Kind::gradient_central>>(a, stream);
            case Kind::hessian_autodiff:
                return entries<TileEntry<T, Kind::hessian_autodiff>>(a, stream);
            case Kind::hessian_values:
                return entries<TileEntry<T, Kind::hessian_values>>(a, stream);
            case Kind::hessian_autodiff_differences:
                return entries<TileEntry<T, Kind::hessian_autodiff_differences>>(a, stream);
            case Kind::product_autodiff:
                return entries<TileEntry<T, Kind::product_autodiff>>(a, stream);
        }
    }

    void gradients(const T* x, int n, const T* h, int first, int points,
                   const DeviceSamples<T>& samples, int threads_per_point, double* partial,
                   Stream stream) const override {
        if constexpr (has_gradient) {
            const ColumnArguments<T, Loss> a{
                loss_, x, n, h, first, points, samples, threads_per_point, partial};
            const unsigned grid = blocks_for(a.points * threads_per_point, sample_threads);
            sample_gradients_kernel<<<grid, sample_threads, 0, stream>>>(a);
            check_launch("sample_gradients_kernel");
        } else {
            throw DeviceError(
                "no analytic gradient (the loss has no member gradient) choose "
                "another GradientBy");
        }
    }

    void hessian(const T* x, int n, const DeviceSamples<T>& samples, int threads_per_point,
                 double* partial, Stream stream) const override {
        if constexpr (has_hessian) {
            const ColumnArguments<T, Loss> a{
                loss_, x, n, nullptr, 0, 1, samples, threads_per_point, partial};
            sample_hessian_kernel<<<blocks_for(threads_per_point, sample_threads), sample_threads,
                                    0, stream>>>(a);
            check_launch("sample_hessian_kernel");
        } else {
            throw DeviceError(
                "no analytic Hessian (the loss has no member hessian) choose another "
                "HessianBy");
        }
    }

  private:
    template <class Entry>
    void entries(const EntryArguments<T, Loss>& a, Stream stream) const {
        if (a.tile.count == 0) return;
        if constexpr (is_objective<Loss>) {
            objective_entries_kernel<Entry>
                <<<blocks_for(a.tile.count, sample_threads), sample_threads, 0, stream>>>(a);
        } else {
            const int b = blocks(a.samples.count);
            sample_entries_kernel<Entry>
                <<<static_cast<unsigned>(a.tile.count * b), sample_threads, 0, stream>>>(a, b);
        }
        check_launch("entries_kernel");
    }

    static constexpr bool has_gradient = requires(const Loss& l, ShiftedView<VectorView<const T>> x,
                                                  SampleView<T> s, WeightedColumn<T> g) {
        l.gradient(x, s, g);
    };
    static constexpr bool has_hessian =
        requires(const Loss& l, VectorView<const T> x, SampleView<T> s, WeightedColumn<T> h) {
        l.hessian(x, s, h);
    };

    Loss loss_;
};

}  // namespace cunewton::cuda
