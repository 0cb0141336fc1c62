#include "host/cuda/sample_evaluator.h"

#include <algorithm>

#include "cunewton/math/packed.h"

namespace cunewton::cuda {

namespace {
// Entries times partial sums of one launch: the size of a grid.
constexpr long largest_grid = (1L << 31) - 1;
// Threads for each point of a gradient difference. Two points a column: enough for many columns at
// a time, and not so many that their partial sums outweigh the samples.
constexpr int most_threads_per_point = 256;

/// Whole warps where there is more than one.
int whole_warps(long threads) {
    return static_cast<int>(threads >= 32 ? threads / 32 * 32 : threads);
}
int column_threads(int most) {
    return whole_warps(std::min(most, most_threads_per_point));
}
/// Of a column of differences: partial sums of two gradients, and the gradients.
std::size_t column_doubles(std::size_t n, int threads_per_point) {
    return 2 * n * (static_cast<std::size_t>(threads_per_point) + 1);
}
}  // namespace

template <class T>
MemoryNeeded SampleEvaluator<T>::memory(const SampleSum<T>& form, const EvaluationPlan& plan) {
    const Samples<T>& samples = form.samples;
    const SampleCode<T>& code = *form.code.cuda;
    const ResolvedDerivatives& by = plan.derivatives;
    const int blocks = code.blocks(samples.count),
              most_threads = code.max_threads_per_point(samples.count);
    const auto tile = [&](long items, std::size_t doubles) {
        return TileMemory::memory(by.memory_budget, items, doubles * sizeof(double), 1);
    };
    const auto entries = [&](long total) {
        return tile(std::min(total, largest_grid / blocks), static_cast<std::size_t>(blocks));
    };
    const std::size_t n = static_cast<std::size_t>(plan.n);
    std::size_t most =
        by.gradient == GradientBy::analytic ? tile(most_threads, n) : entries(plan.n);
    std::size_t products = 0;
    if (plan.products()) {
        products = Evaluator<T>::products_memory(plan.n);
        if (by.hessian_is_exact()) most = std::max(most, entries(plan.n));
    }
    if (plan.hessian()) {
        const long size = packed_size(plan.n);
        if (by.hessian == HessianBy::analytic)
            most = std::max(most, tile(most_threads, static_cast<std::size_t>(size)));
        else if (by.hessian == HessianBy::gradient_differences &&
                 by.gradient == GradientBy::analytic)
            most = std::max(most, tile(plan.n, column_doubles(n, column_threads(most_threads))));
        else
            most = std::max(most, entries(size));
    }
    MemoryNeeded needed = DeviceData<T>::memory(samples, false, false);
    needed.device += std::max(DeviceData<T>::slab_memory(samples),
                              Base::memory(plan.n, static_cast<std::size_t>(blocks)) + most);
    needed.device +=
        products + DeviceData<T>::selection_memory(samples, false, false, plan.sampled);
    return needed;
}

template <class T>
SampleEvaluator<T>::SampleEvaluator(const SampleSum<T>& form, const Setting<T>& at)
    : Base(at),
      code_(*form.code.cuda),
      data_(form.samples, false, false, at.threads, at.vectors),
      all_samples_(form.samples.count),
      samples_(all_samples_),
      blocks_(code_.blocks(samples_)) {
    this->allocate_partial();
}

template <class T>
std::size_t SampleEvaluator<T>::partial_per_point() const {
    return static_cast<std::size_t>(blocks_);
}

template <class T>
void SampleEvaluator<T>::queue_values(const T* points, long count, double* partial, double* out) {
    code_.values(points, n_, count, data_.view(), partial, stream());
    launch_assemble_values(partial, blocks_, points, n_, count, assembly_, out, stream());
}

template <class T>
long SampleEvaluator<T>::reserve_entries(long total) {
    const std::size_t bytes = static_cast<std::size_t>(blocks_) * sizeof(double);
    tile_.require(bytes);
    return tile_.reserve(std::min(total, largest_grid / blocks_), bytes, 1);
}

template <class T>
void SampleEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    this->value(x, f);
    this->set_steps(x, derivatives_.gradient_step);
    if (const auto kind = derivatives_.gradient_entries())
        gradient_by_entries(*kind, x, g);
    else
        analytic_gradient(x, g);
}

template <class T>
void SampleEvaluator<T>::gradient_by_entries(Entries kind, const T* x, T* g) {
    const long tile = reserve_entries(n_);
    double* partial = tile_.template as<double>();
    for (long first = 0; first < n_; first += tile) {
        const long count = std::min(tile, n_ - first);
        code_.tile(kind, {first, count}, x, n_, steps_.get(), data_.view(), partial, stream());
        launch_assemble_gradient(partial, blocks_, x, first, count, assembly_, g, stream());
    }
}

template <class T>
void SampleEvaluator<T>::analytic_gradient(const T* x, T* g) {
    const std::size_t thread_bytes = static_cast<std::size_t>(n_) * sizeof(double);
    tile_.require(thread_bytes);
    const int threads_per_point =
        whole_warps(tile_.reserve(code_.max_threads_per_point(samples_), thread_bytes, 1));
    double* partial = tile_.template as<double>();
    code_.gradients(x, n_, nullptr, 0, 1, data_.view(), threads_per_point, partial, stream());
    launch_assemble_gradient(partial, threads_per_point, x, 0, n_, assembly_, g, stream());
}

template <class T>
void SampleEvaluator<T>::hessian(const T* x, T* H) {
    this->set_steps(x, derivatives_.hessian_step);
    if (const auto kind = derivatives_.hessian_entries())
        hessian_by_entries(*kind, x, H);
    else if (derivatives_.hessian_is_exact())
        analytic_hessian(x, H);
    else
        hessian_by_columns(x, H);
}

template <class T>
void SampleEvaluator<T>::hessian_by_entries(Entries kind, const T* x, T* H) {
    const long total = packed_size(n_);
    const long tile = reserve_entries(total);
    double* partial = tile_.template as<double>();
    for (long first = 0; first < total; first += tile) {
        const long count = std::min(tile, total - first);
        code_.tile(kind, {first, count}, x, n_, steps_.get(), data_.view(), partial, stream());
        launch_assemble_hessian(partial, blocks_, n_, first, count, assembly_, H, stream());
    }
}

template <class T>
void SampleEvaluator<T>::analytic_hessian(const T* x, T* H) {
    const long size = packed_size(n_);
    const std::size_t thread_bytes = static_cast<std::size_t>(size) * sizeof(double);
    tile_.require(thread_bytes);
    const int threads_per_point =
        whole_warps(tile_.reserve(code_.max_threads_per_point(samples_), thread_bytes, 1));
    double* partial = tile_.template as<double>();
    code_.hessian(x, n_, data_.view(), threads_per_point, partial, stream());
    launch_assemble_hessian(partial, threads_per_point, n_, 0, size, assembly_, H, stream());
}

/// Central differences of the analytic gradient, some columns at a time.
template <class T>
void SampleEvaluator<T>::hessian_by_columns(const T* x, T* H) {
    const int threads_per_point = column_threads(code_.max_threads_per_point(samples_));
    const std::size_t column_bytes =
        column_doubles(static_cast<std::size_t>(n_), threads_per_point) * sizeof(double);
    tile_.require(column_bytes);
    const long tile = tile_.reserve(n_, column_bytes, 1);
    double* sums = tile_.template as<double>();
    double* partial = sums + 2 * tile * n_;
    for (int first = 0; first < n_; first += static_cast<int>(tile)) {
        const int columns = static_cast<int>(std::min<long>(tile, n_ - first));
        code_.gradients(x, n_, steps_.get(), first, 2 * columns, data_.view(), threads_per_point,
                        partial, stream());
        launch_assemble_columns(partial, threads_per_point, n_, first, columns, steps_.get(),
                                assembly_, sums, H, stream());
    }
}

template <class T>
void SampleEvaluator<T>::products(const T* V, int columns, T* HV) {
    if (!derivatives_.hessian_is_exact()) return Evaluator<T>::products(V, columns, HV);
    const long tile = reserve_entries(n_);
    double* partial = tile_.template as<double>();
    for (long c = 0; c < columns; ++c)
        for (long first = 0; first < n_; first += tile) {
            const long count = std::min(tile, n_ - first);
            const T* v = V + c * n_;
            code_.tile(Entries::product_autodiff, {first, count}, this->product_point(), n_, v,
                       data_.view(), partial, stream());
            // The penalty is a gradient of its own, at v.
            launch_assemble_gradient(partial, blocks_, v, first, count, assembly_, HV + c * n_,
                                     stream());
        }
}

template class SampleEvaluator<double>;
template class SampleEvaluator<float>;

}  // namespace cunewton::cuda
