#include "host/minimize/reduced_evaluator.h"

#include <algorithm>

namespace cunewton::solver {

template <class T>
ReducedEvaluator<T>::ReducedEvaluator(const NullSpace& space, std::unique_ptr<Evaluator<T>> inner,
                                      Vectors<T>& vectors, DenseMatrices<T>& matrices)
    : Evaluator<T>(vectors, matrices, space.dimension()),
      space_(space),
      inner_(std::move(inner)),
      vectors_(vectors),
      matrices_(matrices),
      n_(space.n()),
      k_(space.factor().rank()),
      left_(space.dimension()),
      f_(vectors.number()) {
    const std::size_t n = static_cast<std::size_t>(n_), k = static_cast<std::size_t>(k_);
    const auto upload = [&](const std::vector<double>& numbers) {
        const std::vector<T> rounded(numbers.begin(), numbers.end());
        Buffer<T> buffer = vectors.allocate(rounded.size());
        vectors.upload(buffer.get(), rounded.data(), rounded.size());
        return buffer;
    };
    base_ = upload(space.base());
    padded_ = upload(std::vector<double>(n, 0));
    x_ = vectors.allocate(n);
    g_ = vectors.allocate(n);
    if (std::ranges::any_of(space.scales(), [](double c) { return c != 1; })) {
        std::vector<double> inverse = space.scales();
        for (double& c : inverse) c = 1 / c;
        inverse_scales_ = upload(inverse);
    }
    if (k == 0) return;
    // W = -V T
    const std::vector<double>&V = space.factor().V(), &triangle = space.factor().T();
    std::vector<double> W(n * k, 0);
    for (std::size_t j = 0; j < k; ++j)
        for (std::size_t l = 0; l <= j; ++l)
            for (std::size_t i = l; i < n; ++i) W[j * n + i] -= V[l * n + i] * triangle[j * k + l];
    V_ = upload(V);
    W_ = upload(W);
    t_ = vectors.allocate(k);
}

template <class T>
std::size_t ReducedEvaluator<T>::numbers(std::size_t n, std::size_t k, bool hessian) {
    // base, scales, the padded vector, x and g; V and W; t; then H and what is made of it, or the
    // vectors of a product and its result.
    return 5 * n + 2 * n * k + k + (hessian ? n * n + n * k + k * k : 2 * n);
}

template <class T>
void ReducedEvaluator<T>::expand(const T* z, T* x) {
    vectors_.copy(padded_.get() + k_, z, static_cast<std::size_t>(left_));
    vectors_.copy(x, padded_.get(), static_cast<std::size_t>(n_));
    if (k_ > 0) {
        matrices_.multiply_transposed(V_.get(), k_, padded_.get(), 1, n_, t_.get());
        matrices_.multiply(W_.get(), k_, t_.get(), 1, n_, T(1), x);
    }
    if (inverse_scales_) vectors_.unscale(x, inverse_scales_.get(), x, n_);
}

template <class T>
void ReducedEvaluator<T>::locate(const T* z, T* x) {
    expand(z, x);
    vectors_.add_scaled(x, x, T(1), base_.get(), n_);
}

template <class T>
void ReducedEvaluator<T>::reduce(T* g, T* to) {
    if (inverse_scales_) vectors_.unscale(g, inverse_scales_.get(), g, n_);
    if (k_ > 0) {
        matrices_.multiply_transposed(W_.get(), k_, g, 1, n_, t_.get());
        matrices_.multiply(V_.get(), k_, t_.get(), 1, n_, T(1), g);
    }
    vectors_.copy(to, g + k_, static_cast<std::size_t>(left_));
}

template <class T>
void ReducedEvaluator<T>::value(const T* z, Scalar f) {
    locate(z, x_.get());
    inner_->value(x_.get(), f);
}

template <class T>
void ReducedEvaluator<T>::value_and_gradient(const T* z, T* g, Scalar f) {
    locate(z, x_.get());
    inner_->value_and_gradient(x_.get(), g_.get(), f);
    reduce(g_.get(), g);
}

template <class T>
void ReducedEvaluator<T>::value_gradient_and_products(const T* z, T* g, Scalar f) {
    locate(z, x_.get());
    inner_->value_gradient_and_products(x_.get(), g_.get(), f);
    reduce(g_.get(), g);
}

/// With Q = I + W V' and symmetric H: Q'HQ = H + V Y' + Y V' for Y = H W + V (W'H W) / 2.
template <class T>
void ReducedEvaluator<T>::hessian(const T* z, T* H) {
    const std::size_t n = static_cast<std::size_t>(n_), k = static_cast<std::size_t>(k_),
                      left = static_cast<std::size_t>(left_);
    if (!H_) H_ = vectors_.allocate(n * n);
    locate(z, x_.get());
    inner_->hessian(x_.get(), H_.get());
    if (inverse_scales_)
        for (std::size_t j = 0; j < n; ++j) {
            T* const column = H_.get() + j * n + j;
            const long below = static_cast<long>(n - j);
            vectors_.unscale(column, inverse_scales_.get() + j, column, below);
            vectors_.scale(column, static_cast<T>(space_.scales()[j]), column, below);
        }
    if (k > 0) {
        if (!HW_) HW_ = vectors_.allocate(n * k + k * k);
        T* const inner = HW_.get() + n * k;
        for (std::size_t c = 0; c < k; ++c)
            matrices_.symv(H_.get(), W_.get() + c * n, HW_.get() + c * n, n_);
        matrices_.multiply_transposed(W_.get(), k_, HW_.get(), k_, n_, inner);
        vectors_.scale(inner, T(0.5), inner, static_cast<long>(k * k));
        matrices_.multiply(V_.get(), k_, inner, k_, n_, T(1), HW_.get());
        for (std::size_t c = 0; c < k; ++c)
            matrices_.rank_two_update(H_.get(), T(1), V_.get() + c * n, HW_.get() + c * n, T(0),
                                      n_);
    }
    for (std::size_t j = 0; j < left; ++j)
        vectors_.copy(H + j * left + j, H_.get() + (k + j) * n + k + j, left - j);
}

template <class T>
void ReducedEvaluator<T>::values(const T* points, int count, T* losses) {
    const std::size_t n = static_cast<std::size_t>(n_), left = static_cast<std::size_t>(left_);
    const Buffer<T> z = vectors_.allocate(left);
    std::vector<T> full(n * static_cast<std::size_t>(count));
    for (std::size_t p = 0; p < static_cast<std::size_t>(count); ++p) {
        vectors_.upload(z.get(), points + p * left, left);
        locate(z.get(), x_.get());
        vectors_.download(full.data() + p * n, x_.get(), n);
    }
    inner_->values(full.data(), count, losses);
}

template <class T>
void ReducedEvaluator<T>::prepare_products(const T* z) {
    locate(z, x_.get());
    inner_->prepare_products(x_.get());
}

template <class T>
void ReducedEvaluator<T>::products(const T* V, int columns, T* HV) {
    const std::size_t n = static_cast<std::size_t>(n_), left = static_cast<std::size_t>(left_),
                      count = static_cast<std::size_t>(columns);
    if (columns_.size() < n * count) {
        columns_ = vectors_.allocate(n * count);
        products_ = vectors_.allocate(n * count);
    }
    for (std::size_t c = 0; c < count; ++c) expand(V + c * left, columns_.get() + c * n);
    inner_->products(columns_.get(), columns, products_.get());
    for (std::size_t c = 0; c < count; ++c) reduce(products_.get() + c * n, HV + c * left);
}

template <class T>
std::vector<T> ReducedEvaluator<T>::full_gradient(const T* z) {
    locate(z, x_.get());
    inner_->value_and_gradient(x_.get(), g_.get(), f_);
    std::vector<T> g(static_cast<std::size_t>(n_));
    vectors_.download(g.data(), g_.get(), g.size());
    return g;
}

template class ReducedEvaluator<double>;
template class ReducedEvaluator<float>;

}  // namespace cunewton::solver
