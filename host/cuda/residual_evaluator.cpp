#include "host/cuda/residual_evaluator.h"

#include <algorithm>

#include "cunewton/math/packed.h"
#include "host/cuda/blas.h"

namespace cunewton::cuda {

namespace {
// Entries times partial sums of one launch: the size of a grid.
constexpr long largest_grid = (1L << 31) - 1;
// A tile of J has so many bytes, at most: enough to keep the device busy.
constexpr std::size_t most_tile_bytes = std::size_t{256} << 20;

/// Of a sample: its rows of J, and what they are multiplied with.
template <class T>
std::size_t sample_bytes(int n, int residuals) {
    return (static_cast<std::size_t>(n) + 1) * static_cast<std::size_t>(residuals) * sizeof(T);
}
/// Samples of a tile, if memory allows.
long wanted_samples(long samples, std::size_t bytes) {
    return std::clamp<long>(static_cast<long>(most_tile_bytes / bytes), 1, samples);
}
}  // namespace

template <class T>
bool ResidualEvaluator<T>::sums(const ResidualCode<T>& code,
                                const ResolvedDerivatives& derivatives) {
    return code.has_sums() && (derivatives.gradient == GradientBy::analytic ||
                               derivatives.gradient == GradientBy::autodiff);
}

template <class T>
MemoryNeeded ResidualEvaluator<T>::memory(const ResidualSum<T>& form, const EvaluationPlan& plan) {
    const Samples<T>& samples = form.samples;
    const ResidualCode<T>& code = *form.code.cuda;
    const ResolvedDerivatives& by = plan.derivatives;
    const std::size_t n = static_cast<std::size_t>(plan.n),
                      blocks = static_cast<std::size_t>(code.blocks(samples.count));
    const auto entries = [&](long total) {
        return TileMemory::memory(by.memory_budget,
                                  std::min(total, largest_grid / static_cast<long>(blocks)),
                                  blocks * sizeof(double), 1);
    };
    const long triangle = packed_size(plan.n);
    std::size_t most = 0;
    if (sums(code, by)) {
        const std::size_t sizes = 1 + n + (plan.hessian() ? static_cast<std::size_t>(triangle) : 0);
        most = sizes * blocks * sizeof(double);
    } else {
        const std::size_t bytes = sample_bytes<T>(plan.n, form.residuals);
        most = TileMemory::memory(by.memory_budget, wanted_samples(samples.count, bytes), bytes, 1);
    }
    std::size_t products = 0;
    if (plan.products()) {
        products = Evaluator<T>::products_memory(plan.n);
        most = std::max(most, entries(plan.n));
    }
    if (plan.hessian() && by.hessian != HessianBy::gauss_newton)
        most = std::max(most, entries(triangle));
    MemoryNeeded needed = DeviceData<T>::memory(samples, false, false);
    needed.device +=
        std::max(DeviceData<T>::slab_memory(samples), Base::memory(plan.n, blocks) + most) +
        products + DeviceData<T>::selection_memory(samples, false, false, plan.sampled);
    return needed;
}

template <class T>
ResidualEvaluator<T>::ResidualEvaluator(const ResidualSum<T>& form, const Setting<T>& at)
    : Base(at),
      code_(*form.code.cuda),
      loss_{form.estimator, static_cast<T>(form.tuning)},
      k_(form.residuals),
      data_(form.samples, false, false, at.threads, at.vectors),
      all_samples_(form.samples.count),
      samples_(all_samples_),
      blocks_(code_.blocks(samples_)) {
    this->allocate_partial();
}

template <class T>
void ResidualEvaluator<T>::queue_values(const T* points, long count, double* partial, double* out) {
    code_.values(points, n_, count, loss_, data_.view(), partial, stream());
    launch_assemble_values(partial, blocks_, points, n_, count, assembly_, out, stream());
}

template <class T>
double* ResidualEvaluator<T>::reserve_sums(long entries) {
    tile_.reserve(
        1, static_cast<std::size_t>(entries) * static_cast<std::size_t>(blocks_) * sizeof(double),
        1);
    return tile_.template as<double>();
}

template <class T>
long ResidualEvaluator<T>::reserve_entries(long total) {
    const std::size_t bytes = static_cast<std::size_t>(blocks_) * sizeof(double);
    tile_.require(bytes);
    return tile_.reserve(std::min(total, largest_grid / blocks_), bytes, 1);
}

template <class T>
template <class Add>
void ResidualEvaluator<T>::for_tiles(const T* x, const Add& add) {
    const std::size_t bytes = sample_bytes<T>(n_, k_);
    tile_.require(bytes);
    this->set_steps(x, derivatives_.gradient_step);
    const long tile = tile_.reserve(wanted_samples(samples_, bytes), bytes, 1);
    T* const J = tile_.template as<T>();
    const std::ptrdiff_t ld = static_cast<std::ptrdiff_t>(tile) * k_;
    T* const u = J + ld * n_;
    for (long first = 0; first < samples_; first += tile) {
        const long count = std::min(tile, samples_ - first);
        code_.rows(x, n_, derivatives_.gradient, steps_.get(), loss_, data_.view(), first, count, J,
                   ld, u, stream());
        add(J, ld, u, count * k_, first);
    }
}

template <class T>
void ResidualEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    if (sums(code_, derivatives_)) {
        double* const partial = reserve_sums(1 + n_);
        code_.sums(x, n_, derivatives_.gradient, false, loss_, data_.view(), partial, stream());
        launch_assemble_values(partial, blocks_, x, n_, 1, assembly_, vectors_.place(f), stream());
        launch_assemble_gradient(partial + blocks_, blocks_, x, 0, n_, assembly_, g, stream());
        return;
    }
    this->value(x, f);
    for_tiles(x, [&](const T* J, std::ptrdiff_t ld, const T* u, long rows, long first) {
        blas::gemm<T>(vectors_.blas(), true, n_, 1, rows, static_cast<T>(parts_.scale), J, ld, u,
                      rows, first > 0 ? T(1) : T(0), g, n_);
    });
    launch_penalize_gradient(g, x, n_, assembly_, stream());
}

template <class T>
void ResidualEvaluator<T>::hessian(const T* x, T* H) {
    if (derivatives_.hessian != HessianBy::gauss_newton) {
        const long total = packed_size(n_), tile = reserve_entries(total);
        double* const partial = tile_.template as<double>();
        for (long first = 0; first < total; first += tile) {
            const long count = std::min(tile, total - first);
            code_.entries(ResidualEntries::hessian, {first, count}, x, n_, nullptr, loss_,
                          data_.view(), partial, stream());
            launch_assemble_hessian(partial, blocks_, n_, first, count, assembly_, H, stream());
        }
        return;
    }
    if (sums(code_, derivatives_)) {
        const long triangle = packed_size(n_);
        double* const partial = reserve_sums(1 + n_ + triangle);
        code_.sums(x, n_, derivatives_.gradient, true, loss_, data_.view(), partial, stream());
        launch_assemble_hessian(partial + static_cast<long>(1 + n_) * blocks_, blocks_, n_, 0,
                                triangle, assembly_, H, stream());
        return;
    }
    for_tiles(x, [&](const T* J, std::ptrdiff_t ld, const T*, long rows, long first) {
        blas::gemm<T>(vectors_.blas(), true, n_, n_, rows, static_cast<T>(parts_.scale), J, ld, J,
                      ld, first > 0 ? T(1) : T(0), H, n_);
    });
    launch_penalize_diagonal(H, n_, assembly_, stream());
}

template <class T>
void ResidualEvaluator<T>::products(const T* V, int columns, T* HV) {
    const ResidualEntries kind = derivatives_.hessian == HessianBy::gauss_newton
                                     ? ResidualEntries::gauss_newton_product
                                     : ResidualEntries::product;
    const long tile = reserve_entries(n_);
    double* const partial = tile_.template as<double>();
    for (long c = 0; c < columns; ++c)
        for (long first = 0; first < n_; first += tile) {
            const long count = std::min(tile, n_ - first);
            const T* const v = V + c * n_;
            code_.entries(kind, {first, count}, this->product_point(), n_, v, loss_, data_.view(),
                          partial, stream());
            // The penalty is a gradient of its own, at v.
            launch_assemble_gradient(partial, blocks_, v, first, count, assembly_, HV + c * n_,
                                     stream());
        }
}

template class ResidualEvaluator<double>;
template class ResidualEvaluator<float>;

}  // namespace cunewton::cuda
