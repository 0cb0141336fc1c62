#include "host/cuda/black_box_evaluator.h"

#include <algorithm>

#include "cunewton/math/packed.h"

namespace cunewton::cuda {

namespace {
// Points of one call, whose number is an int.
constexpr long most_points = 1L << 20;
// Columns of a Hessian by products at a time.
constexpr int most_columns = 32;
}  // namespace

template <class T>
MemoryNeeded BlackBoxEvaluator<T>::memory(const Opaque<T>& form, const EvaluationPlan& plan) {
    const ResolvedDerivatives& by = plan.derivatives;
    const std::size_t vector = static_cast<std::size_t>(plan.n) * sizeof(T);
    const auto entries = [&](Stencil stencil, long total) {
        return TileMemory::memory(by.memory_budget,
                                  std::min(total, most_points / points_per_entry(stencil)),
                                  entry_bytes(stencil, plan.n), 1);
    };
    std::size_t tile = 0;
    if (by.gradient != GradientBy::analytic)
        tile = entries(
            by.gradient == GradientBy::forward_differences ? Stencil::forward : Stencil::central,
            plan.n);
    if (plan.hessian()) switch (by.hessian) {
            case HessianBy::analytic:
                if (!form.cuda.hessian)
                    tile = std::max(
                        tile, TileMemory::memory(by.memory_budget, std::min(plan.n, most_columns),
                                                 vector, 1));
                break;
            case HessianBy::gradient_differences:
                tile = std::max(tile, 4 * vector);
                break;
            default:
                tile = std::max(tile, entries(Stencil::second, packed_size(plan.n)));
        }
    // With a gradient that nobody wants.
    std::size_t bytes = Base::memory(plan.n, 1) + vector + tile;
    if (plan.products())
        bytes += form.cuda.products ? vector : Evaluator<T>::products_memory(plan.n);
    return {0, bytes};
}

template <class T>
BlackBoxEvaluator<T>::BlackBoxEvaluator(const Opaque<T>& form, const Setting<T>& at)
    : Base(at), own_(form.cuda) {
    this->allocate_partial();
}

template <class T>
void BlackBoxEvaluator<T>::check_own() const {
    check(cudaGetLastError(), "the black box left an error on the device");
}

template <class T>
void BlackBoxEvaluator<T>::own_gradient(const T* x, T* loss, T* g) {
    own_.value_and_gradient(x, n_, loss, g, stream());
    check_own();
}

template <class T>
void BlackBoxEvaluator<T>::evaluate(const T* points, long count, T* losses) {
    if (!own_.values) {
        if (unused_gradient_.size() == 0) unused_gradient_ = DeviceArray<T>(n_);
        for (long p = 0; p < count; ++p)
            own_gradient(points + p * n_, losses + p, unused_gradient_.get());
        return;
    }
    for (long begin = 0; begin < count; begin += most_points) {
        const int size = static_cast<int>(std::min(most_points, count - begin));
        own_.values(points + begin * n_, n_, size, losses + begin, stream());
        check_own();
    }
}

template <class T>
void BlackBoxEvaluator<T>::queue_values(const T* points, long count, double* partial, double* out) {
    T* losses = reinterpret_cast<T*>(partial);
    evaluate(points, count, losses);
    launch_scaled_losses(out, losses, count, assembly_.scale, stream());
}

template <class T>
std::size_t BlackBoxEvaluator<T>::entry_bytes(Stencil stencil, int n) {
    return static_cast<std::size_t>(points_per_entry(stencil)) * (static_cast<std::size_t>(n) + 1) *
           sizeof(T);
}

template <class T>
long BlackBoxEvaluator<T>::reserve_entries(Stencil stencil, long total) {
    const std::size_t bytes = entry_bytes(stencil, n_);
    tile_.require(bytes);
    return tile_.reserve(std::min(total, most_points / points_per_entry(stencil)), bytes, 1);
}

template <class T>
void BlackBoxEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    if (derivatives_.gradient == GradientBy::analytic) {
        T* loss = reinterpret_cast<T*>(partial_.get());
        own_gradient(x, loss, g);
        launch_scaled_losses(vectors_.place(f), loss, 1, assembly_.scale, stream());
    } else {
        this->value(x, f);  // leaves the loss at x where gradient_by_values() looks for it
        gradient_by_values(x, g);
    }
}

template <class T>
void BlackBoxEvaluator<T>::gradient_by_values(const T* x, T* g) {
    const Stencil stencil = derivatives_.gradient == GradientBy::forward_differences
                                ? Stencil::forward
                                : Stencil::central;
    this->set_steps(x, derivatives_.gradient_step);
    const int per_entry = points_per_entry(stencil);
    const long tile = reserve_entries(stencil, n_);
    T* points = tile_.template as<T>();
    T* losses = points + tile * per_entry * n_;
    const T* centre = reinterpret_cast<const T*>(partial_.get());
    for (long first = 0; first < n_; first += tile) {
        const long count = std::min(tile, n_ - first);
        launch_stencil_points(stencil, points, x, steps_.get(), n_, first, count, stream());
        evaluate(points, count * per_entry, losses);
        launch_stencil_gradient(stencil, g, losses, centre, x, steps_.get(), first, count,
                                assembly_, stream());
    }
}

template <class T>
void BlackBoxEvaluator<T>::hessian(const T* x, T* H) {
    switch (derivatives_.hessian) {
        case HessianBy::analytic:
            if (!own_.hessian) return hessian_by_products(x, H);
            own_.hessian(x, n_, H, stream());
            return check_own();
        case HessianBy::gradient_differences:
            return hessian_by_gradients(x, H);
        default:
            return hessian_by_values(x, H);
    }
}

/// Some columns at a time, from as many unit vectors.
template <class T>
void BlackBoxEvaluator<T>::hessian_by_products(const T* x, T* H) {
    const std::size_t bytes = static_cast<std::size_t>(n_) * sizeof(T);
    tile_.require(bytes);
    const int tile = static_cast<int>(tile_.reserve(std::min(n_, most_columns), bytes, 1));
    T* unit = tile_.template as<T>();
    for (int first = 0; first < n_; first += tile) {
        const int count = std::min(tile, n_ - first);
        launch_unit_vectors(unit, n_, first, count, stream());
        own_.products(x, n_, unit, count, H + static_cast<std::size_t>(first) * n_, stream());
        check_own();
    }
    launch_keep_mean(H, n_, stream());
}

/// Central differences of the gradient, column by column.
template <class T>
void BlackBoxEvaluator<T>::hessian_by_gradients(const T* x, T* H) {
    this->set_steps(x, derivatives_.hessian_step);
    // Two points and their gradients.
    const std::size_t bytes = 4 * static_cast<std::size_t>(n_) * sizeof(T);
    tile_.require(bytes);
    tile_.reserve(1, bytes, 1);
    T* points = tile_.template as<T>();
    T *ahead = points + 2L * n_, *behind = ahead + n_;
    T* loss = reinterpret_cast<T*>(partial_.get());
    for (int j = 0; j < n_; ++j) {
        launch_stencil_points(Stencil::central, points, x, steps_.get(), n_, j, 1, stream());
        own_gradient(points, loss, ahead);
        own_gradient(points + n_, loss, behind);
        launch_gradient_difference(H, ahead, behind, steps_.get(), n_, j, stream());
    }
    launch_keep_mean(H, n_, stream());
}

template <class T>
void BlackBoxEvaluator<T>::products(const T* V, int columns, T* HV) {
    if (!own_.products) return Evaluator<T>::products(V, columns, HV);
    own_.products(this->product_point(), n_, V, columns, HV, stream());
    check_own();
}

template <class T>
void BlackBoxEvaluator<T>::hessian_by_values(const T* x, T* H) {
    this->set_steps(x, derivatives_.hessian_step);
    const long total = packed_size(n_);
    const long tile = reserve_entries(Stencil::second, total);
    T* points = tile_.template as<T>();
    T* losses = points + tile * points_per_entry(Stencil::second) * n_;
    for (long first = 0; first < total; first += tile) {
        const long count = std::min(tile, total - first);
        launch_stencil_points(Stencil::second, points, x, steps_.get(), n_, first, count, stream());
        evaluate(points, count * points_per_entry(Stencil::second), losses);
        launch_stencil_hessian(H, losses, steps_.get(), n_, first, count, assembly_, stream());
    }
}

template class BlackBoxEvaluator<double>;
template class BlackBoxEvaluator<float>;

}  // namespace cunewton::cuda
