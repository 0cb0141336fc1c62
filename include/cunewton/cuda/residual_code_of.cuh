// The GPU code of residuals: kernels for a functor, behind the interface of code.h. For .cu files.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <type_traits>

#include "cunewton/cuda/code_of.cuh"
#include "cunewton/functor/residual.h"
#include "cunewton/small/problem.h"

namespace cunewton::cuda {

/// Up to so many parameters a thread holds the sums of J'WJ.
inline constexpr int most_summed_residual_parameters = 10;

/// The loss of one residual.
template <class T>
CUNEWTON_HOST_DEVICE batch::Loss<T> residual_loss(const ResidualLoss<T>& loss, T r, T weight) {
    return batch::point_loss<T>(loss.estimator, loss.tuning, r, T(0), weight);
}

template <class T, class Functor>
struct ResidualArguments {
    Functor functor;
    ResidualLoss<T> loss;
    const T* x;
    int n;
    DeviceSamples<T> samples;
    double* partial;
};

/// The samples of a block of threads: those of chunk b.
struct ResidualChunk {
    long begin, end;
    CUNEWTON_HOST_DEVICE ResidualChunk(long samples, long b) {
        const long chunk = sample_chunk(samples);
        begin = b * chunk;
        end = samples < begin + chunk ? samples : begin + chunk;
    }
};

/// Entry p: point p.
template <class T, class Functor>
__global__ void __launch_bounds__(sample_threads, sample_blocks)
    residual_values_kernel(const ResidualArguments<T, Functor> a, const long points,
                           const int blocks) {
    constexpr int k = cunewton::detail::residuals_of<Functor>();
    const long p = blockIdx.x % points, b = blockIdx.x / points;
    const VectorView<const T> x{a.x + p * a.n, a.n};
    const ResidualChunk chunk(a.samples.count, b);
    double sum = 0;
    for (long i = chunk.begin + threadIdx.x; i < chunk.end; i += sample_threads) {
        const T weight = weight_at(a.samples, i);
        if (weight == T(0)) continue;
        T r[k];
        residual::evaluate(a.functor, view_parameters<Functor>(x), sample_at(a.samples, i), r);
        for (int c = 0; c < k; ++c)
            sum += 2 * static_cast<double>(residual_loss(a.loss, r[c], weight).rho);
    }
    sum = block_sum<sample_threads>(sum);
    if (threadIdx.x == 0) a.partial[p * blocks + b] = sum;
}

/// All sums over a block's samples, in the registers of its threads until the end.
template <bool analytic, bool triangle, class T, class Functor>
__global__ void __launch_bounds__(sample_threads)
    residual_sums_kernel(const ResidualArguments<T, Functor> a, const int blocks) {
    constexpr int k = cunewton::detail::residuals_of<Functor>(), n = Functor::parameters;
    constexpr int entries = n * (n + 1) / 2;
    const ResidualChunk chunk(a.samples.count, blockIdx.x);
    double f = 0, g[n], h[triangle ? entries : 1];
    for (int j = 0; j < n; ++j) g[j] = 0;
    for (double& sum : h) sum = 0;
    for (long i = chunk.begin + threadIdx.x; i < chunk.end; i += sample_threads) {
        const T weight = weight_at(a.samples, i);
        if (weight == T(0)) continue;
        T r[k], row[k][n];
        residual::derivatives<T, analytic>(
            a.functor, VectorView<const T>{a.x, n}, n, sample_at(a.samples, i),
            [&](int c, T value) { r[c] = value; }, [&](int c, int j, T d) { row[c][j] = d; });
        for (int c = 0; c < k; ++c) {
            const batch::Loss<T> loss = residual_loss(a.loss, r[c], weight);
            f += 2 * static_cast<double>(loss.rho);
            int e = 0;
#pragma unroll
            for (int j = 0; j < n; ++j) {
                g[j] += 2 * static_cast<double>(loss.slope * row[c][j]);
                if constexpr (triangle) {
                    const T bent = loss.curvature * row[c][j];
#pragma unroll
                    for (int m = j; m < n; ++m, ++e)
                        h[e] += 2 * static_cast<double>(bent * row[c][m]);
                }
            }
        }
    }
    const auto put = [&](int entry, double value) {
        __syncthreads();
        const double sum = block_sum<sample_threads>(value);
        if (threadIdx.x == 0) a.partial[static_cast<long>(entry) * blocks + blockIdx.x] = sum;
    };
    put(0, f);
    for (int j = 0; j < n; ++j) put(1 + j, g[j]);
    if constexpr (triangle)
        for (int e = 0; e < entries; ++e) put(1 + n + e, h[e]);
}

/// Where the rows of a tile go.
template <class T>
struct ResidualRows {
    GradientBy by;
    const T* steps;
    long first, count;
    T* J;
    std::ptrdiff_t ld;
    T* u;
};

/// Sample i of the tile.
template <bool analytic, class T, class Functor>
CUNEWTON_HOST_DEVICE void residual_rows(const ResidualArguments<T, Functor>& a,
                                        const ResidualRows<T>& to, long i) {
    using namespace math;
    constexpr int k = cunewton::detail::residuals_of<Functor>();
    const VectorView<const T> x{a.x, a.n};
    const long sample = to.first + i;
    const T weight = weight_at(a.samples, sample);
    const auto at = [&](int c, int j) -> T& { return to.J[j * to.ld + c * to.count + i]; };
    if (weight == T(0)) {
        for (int c = 0; c < k; ++c) {
            to.u[c * to.count + i] = T(0);
            for (int j = 0; j < a.n; ++j) at(c, j) = T(0);
        }
        return;
    }
    const SampleView<T> s = sample_at(a.samples, sample);
    T r[k];
    if (to.by == GradientBy::autodiff || to.by == GradientBy::analytic) {
        residual::derivatives<T, analytic>(
            a.functor, x, a.n, s, [&](int c, T value) { r[c] = value; },
            [&](int c, int j, T d) { at(c, j) = d; });
    } else {
        const bool central = to.by == GradientBy::central_differences;
        residual::evaluate(a.functor, view_parameters<Functor>(x), s, r);
        for (int j = 0; j < a.n; ++j) {
            const T up = x[j] + to.steps[j], down = central ? x[j] - to.steps[j] : x[j];
            const T width = up == down ? T(1) : up - down;  // of a fixed parameter
            T above[k], below[k];
            const ShiftedView<VectorView<const T>> higher{x, j, -1, up - x[j], T(0)};
            residual::evaluate(a.functor, view_parameters<Functor>(higher), s, above);
            if (central) {
                const ShiftedView<VectorView<const T>> lower{x, j, -1, down - x[j], T(0)};
                residual::evaluate(a.functor, view_parameters<Functor>(lower), s, below);
            }
            for (int c = 0; c < k; ++c) at(c, j) = (above[c] - (central ? below[c] : r[c])) / width;
        }
    }
    for (int c = 0; c < k; ++c) {
        const batch::Loss<T> loss = residual_loss(a.loss, r[c], weight);
        const T root = sqrt(T(2) * loss.curvature);
        to.u[c * to.count + i] = root > T(0) ? T(2) * loss.slope / root : T(0);
        for (int j = 0; j < a.n; ++j) at(c, j) *= root;
    }
}

template <bool analytic, class T, class Functor>
__global__ void __launch_bounds__(sample_threads, sample_blocks)
    residual_rows_kernel(const ResidualArguments<T, Functor> a, const ResidualRows<T> to) {
    const long i = thread_index();
    if (i < to.count) residual_rows<analytic>(a, to, i);
}

/// One sample's part of an entry of second derivatives.
template <ResidualEntries kind, class T, class Functor>
CUNEWTON_HOST_DEVICE T residual_term(const ResidualArguments<T, Functor>& a, const T* v, long entry,
                                     long i, T weight) {
    constexpr int k = cunewton::detail::residuals_of<Functor>();
    const VectorView<const T> x{a.x, a.n};
    const SampleView<T> s = sample_at(a.samples, i);
    HyperDual<T> r[k];
    if constexpr (kind == ResidualEntries::hessian) {
        const PackedEntry at = packed_entry(entry, a.n);
        const HyperDualView<VectorView<const T>> seeded{x, at.row, at.column};
        residual::evaluate(a.functor, view_parameters<Functor>(seeded), s, r);
    } else {
        const DirectedView<VectorView<const T>> seeded{x, static_cast<int>(entry), v};
        residual::evaluate(a.functor, view_parameters<Functor>(seeded), s, r);
    }
    T sum(0);
    for (int c = 0; c < k; ++c) {
        if constexpr (kind == ResidualEntries::gauss_newton_product) {
            sum += T(2) * residual_loss(a.loss, r[c].v, weight).curvature * r[c].d1 * r[c].d2;
        } else {
            using D = Dual<T>;
            const D slope = batch::point_loss<D>(a.loss.estimator, a.loss.tuning, D(r[c].v, T(1)),
                                                 D(T(0)), D(weight))
                                .slope;
            sum += T(2) * (slope.v * r[c].d12 + slope.d * r[c].d1 * r[c].d2);
        }
    }
    return sum;
}

template <ResidualEntries kind, class T, class Functor>
__global__ void __launch_bounds__(sample_threads, sample_blocks)
    residual_entries_kernel(const ResidualArguments<T, Functor> a, const DeviceTile tile,
                            const T* const v, const int blocks) {
    const long e = blockIdx.x % tile.count, b = blockIdx.x / tile.count;
    const ResidualChunk chunk(a.samples.count, b);
    double sum = 0;
    for (long i = chunk.begin + threadIdx.x; i < chunk.end; i += sample_threads) {
        const T weight = weight_at(a.samples, i);
        if (weight != T(0))
            sum += static_cast<double>(residual_term<kind>(a, v, tile.first + e, i, weight));
    }
    sum = block_sum<sample_threads>(sum);
    if (threadIdx.x == 0) a.partial[e * blocks + b] = sum;
}

/// The GPU code of residuals as cpu::ResidualCodeOf describes them.
template <class T, class Functor>
class ResidualCodeOf final : public ResidualCode<T> {
    static_assert(std::is_trivially_copyable_v<Functor>,
                  "residuals are copied to the GPU byte by byte: their functor must be trivially "
                  "copyable (hold plain numbers and device pointers)");

  public:
    explicit ResidualCodeOf(const Functor& functor) : functor_(functor) {}

    int blocks(long samples) const override {
        const long chunk = sample_chunk(samples);
        return static_cast<int>((samples + chunk - 1) / chunk);
    }
    bool has_sums() const override { return summed; }

    void values(const T* points, int n, long count, const ResidualLoss<T>& loss,
                const DeviceSamples<T>& samples, double* partial, Stream stream) const override {
        if (count == 0) return;
        const int b = blocks(samples.count);
        residual_values_kernel<<<static_cast<unsigned>(count * b), sample_threads, 0, stream>>>(
            arguments(points, n, loss, samples, partial), count, b);
        check_launch("residual_values_kernel");
    }

    void sums(const T* x, int n, GradientBy by, bool triangle, const ResidualLoss<T>& loss,
              const DeviceSamples<T>& samples, double* partial, Stream stream) const override {
        if constexpr (summed) {
            const ResidualArguments<T, Functor> a = arguments(x, n, loss, samples, partial);
            if constexpr (residual::has_gradient<Functor>())
                if (by == GradientBy::analytic) return sums<true>(a, triangle, stream);
            sums<false>(a, triangle, stream);
        } else {
            throw DeviceError(
                "no sums of so many parameters (only those of few, which the functor states, are "
                "held by threads) use rows()");
        }
    }

    void rows(const T* x, int n, GradientBy by, const T* steps, const ResidualLoss<T>& loss,
              const DeviceSamples<T>& samples, long first, long count, T* J, std::ptrdiff_t ld,
              T* u, Stream stream) const override {
        if (count == 0) return;
        const ResidualArguments<T, Functor> a = arguments(x, n, loss, samples, nullptr);
        const ResidualRows<T> to{by, steps, first, count, J, ld, u};
        const unsigned grid = blocks_for(count, sample_threads);
        bool launched = false;
        if constexpr (residual::has_gradient<Functor>()) {
            if (by == GradientBy::analytic) {
                residual_rows_kernel<true><<<grid, sample_threads, 0, stream>>>(a, to);
                launched = true;
            }
        }
        if (!launched) residual_rows_kernel<false><<<grid, sample_threads, 0, stream>>>(a, to);
        check_launch("residual_rows_kernel");
    }

    void entries(ResidualEntries kind, const DeviceTile& tile, const T* x, int n, const T* v,
                 const ResidualLoss<T>& loss, const DeviceSamples<T>& samples, double* partial,
                 Stream stream) const override {
        const ResidualArguments<T, Functor> a = arguments(x, n, loss, samples, partial);
        switch (kind) {
            case ResidualEntries::hessian:
                return entries<ResidualEntries::hessian>(a, tile, v, stream);
            case ResidualEntries::product:
                return entries<ResidualEntries::product>(a, tile, v, stream);
            case ResidualEntries::gauss_newton_product:
                return entries<ResidualEntries::gauss_newton_product>(a, tile, v, stream);
        }
    }

  private:
    static constexpr bool is_summed() {
        if constexpr (StatesItsParameters<Functor>)
            return Functor::parameters <= most_summed_residual_parameters;
        else
            return false;
    }
    static constexpr bool summed = is_summed();

    ResidualArguments<T, Functor> arguments(const T* x, int n, const ResidualLoss<T>& loss,
                                            const DeviceSamples<T>& samples,
                                            double* partial) const {
        return {functor_, loss, x, n, samples, partial};
    }

    template <bool analytic>
    void sums(const ResidualArguments<T, Functor>& a, bool triangle, Stream stream) const {
        const int b = blocks(a.samples.count);
        if (triangle)
            residual_sums_kernel<analytic, true>
                <<<static_cast<unsigned>(b), sample_threads, 0, stream>>>(a, b);
        else
            residual_sums_kernel<analytic, false>
                <<<static_cast<unsigned>(b), sample_threads, 0, stream>>>(a, b);
        check_launch("residual_sums_kernel");
    }

    template <ResidualEntries kind>
    void entries(const ResidualArguments<T, Functor>& a, const DeviceTile& tile, const T* v,
                 Stream stream) const {
        if (tile.count == 0) return;
        const int b = blocks(a.samples.count);
        residual_entries_kernel<kind>
            <<<static_cast<unsigned>(tile.count * b), sample_threads, 0, stream>>>(a, tile, v, b);
        check_launch("residual_entries_kernel");
    }

    Functor functor_;
};

}  // namespace cunewton::cuda
