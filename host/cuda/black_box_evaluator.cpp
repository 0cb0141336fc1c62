#include "host/cuda/black_box_evaluator.h"

#include <algorithm>

#include "cunewton/math/packed.h"

namespace cunewton::cuda {

namespace {
// Points of one call, whose number is an int.
constexpr long most_points = 1L << 20;
}  // namespace

template <class T>
BlackBoxEvaluator<T>::BlackBoxEvaluator(const Problem<T>& problem,
                                        const ResolvedDerivatives& derivatives,
                                        const std::vector<double>& typical, CudaBackend<T>& backend)
    : Base(problem, derivatives, typical, backend) {
    this->allocate_partial();
}

template <class T>
void BlackBoxEvaluator<T>::evaluate(const T* points, long count, T* losses) {
    for (long begin = 0; begin < count; begin += most_points) {
        const int size = static_cast<int>(std::min(most_points, count - begin));
        parts_.cuda_batched(points + begin * n_, n_, size, losses + begin, stream());
        check(cudaGetLastError(), "the opaque loss evaluator left an error on the device");
    }
}

template <class T>
void BlackBoxEvaluator<T>::queue_values(const T* points, long count, double* partial, double* out) {
    T* losses = reinterpret_cast<T*>(partial);
    evaluate(points, count, losses);
    launch_scaled_losses(out, losses, count, assembly_.scale, stream());
}

template <class T>
long BlackBoxEvaluator<T>::reserve_entries(Stencil stencil, long total) {
    const int per_entry = points_per_entry(stencil);
    const std::size_t bytes =
        static_cast<std::size_t>(per_entry) * (static_cast<std::size_t>(n_) + 1) * sizeof(T);
    tile_.require(bytes);
    return tile_.reserve(std::min(total, most_points / per_entry), bytes, 1);
}

template <class T>
void BlackBoxEvaluator<T>::value_and_gradient(const T* x, T* g) {
    const Stencil stencil = derivatives_.gradient == GradientBy::forward_differences
                                ? Stencil::forward
                                : Stencil::central;
    this->set_steps(x, derivatives_.gradient_step);
    const int per_entry = points_per_entry(stencil);
    const long tile = reserve_entries(stencil, n_);
    T* points = tile_.template as<T>();
    T* losses = points + tile * per_entry * n_;
    T* centre = reinterpret_cast<T*>(this->partial_.get());
    this->value(x);  // leaves the loss at x in `centre`
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
