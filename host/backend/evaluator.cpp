#include "host/backend/evaluator.h"

#include <algorithm>
#include <cmath>

#include "cunewton/math/stencil.h"

namespace cunewton {

/// H v = (g(x + h v) - g(x - h v)) / 2h, an error of O(h^2 |v|^3) and of rounding eps |g| / h
/// (Nocedal and Wright 2006, section 8.1).
template <class T>
struct Evaluator<T>::GradientDifferences {
    Buffer<T> moved, behind;
    Number xv, v_norm, f;

    GradientDifferences(Vectors<T>& vectors, int n)
        : moved(vectors.allocate(n)),
          behind(vectors.allocate(n)),
          xv(vectors.number()),
          v_norm(vectors.number()),
          f(vectors.number()) {}
};

template <class T>
Evaluator<T>::Evaluator(Vectors<T>& vectors, DenseMatrices<T>& matrices, int n)
    : vectors_(vectors), matrices_(matrices), n_(n) {}
template <class T>
Evaluator<T>::~Evaluator() = default;

template <class T>
void Evaluator<T>::prepare_products(const T* x) {
    if (!product_point_) product_point_ = vectors_.allocate(n_);
    vectors_.copy(product_point_.get(), x, n_);
}

template <class T>
void Evaluator<T>::products(const T* V, int columns, T* HV) {
    if (!differences_) differences_ = std::make_unique<GradientDifferences>(vectors_, n_);
    const GradientDifferences& d = *differences_;
    const T* x = product_point();
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        const T* v = V + c * n_;
        T* Hv = HV + c * n_;
        vectors_.norms({{v, d.v_norm}}, n_);
        vectors_.dot(x, v, n_, d.xv);
        const auto [xv, v_norm] = read(vectors_, d.xv, d.v_norm);
        if (!(v_norm > 0)) {
            vectors_.scale(Hv, T(0), v, n_);
            continue;
        }
        // Along v / |v|, where x is x'v / |v| long (Brown and Saad 1990, section 5) and
        // typically 1.
        const double size = std::max(std::abs(xv) / v_norm, 1.0);
        const T h = static_cast<T>(central_step<T>() * size / v_norm);
        vectors_.add_scaled(d.moved.get(), x, -h, v, n_);
        value_and_gradient(d.moved.get(), d.behind.get(), d.f);
        vectors_.add_scaled(d.moved.get(), x, h, v, n_);
        value_and_gradient(d.moved.get(), Hv, d.f);
        vectors_.add_scaled(Hv, Hv, T(-1), d.behind.get(), n_);
        vectors_.scale(Hv, T(1) / (2 * h), Hv, n_);
    }
}

template <class T>
void Evaluator<T>::sparse_hessian(const T*, T*) {}
template <class T>
void Evaluator<T>::gradient_differences(const T* x, const T* h, const Compression& how,
                                        SparseMatrices<T>& matrices, T* B) {
    if (!differences_) differences_ = std::make_unique<GradientDifferences>(vectors_, n_);
    const GradientDifferences& d = *differences_;
    for (int c = 0; c < how.colours; ++c) {
        T* ahead = B + static_cast<std::size_t>(c) * n_;
        matrices.shift(x, h, c, T(1), d.moved.get());
        value_and_gradient(d.moved.get(), ahead, d.f);
        matrices.shift(x, h, c, T(-1), d.moved.get());
        value_and_gradient(d.moved.get(), d.behind.get(), d.f);
        vectors_.add_scaled(ahead, ahead, T(-1), d.behind.get(), n_);
        vectors_.scale(ahead, T(0.5), ahead, n_);
    }
}

template <class T>
void Evaluator<T>::limit_steps(const std::vector<T>&) {}
template <class T>
void Evaluator<T>::shorten_steps(T*) {}
template <class T>
void Evaluator<T>::compute_diagonal_blocks(T*) {}
template <class T>
void Evaluator<T>::compute_diagonal(T*) {}

template <class T>
void Evaluator<T>::sum_squared_gradients(const T*, T*) {}

template <class T>
void Evaluator<T>::compute_kronecker_factors(std::uint64_t, long, T*) {}

template <class T>
void Evaluator<T>::select(std::span<const long>, double) {}
template <class T>
void Evaluator<T>::select_all() {}

template <class T>
void Evaluator<T>::value_gradient_and_products(const T* x, T* g, Scalar f) {
    value_and_gradient(x, g, f);
    prepare_products(x);
}

template <class T>
std::unique_ptr<Curvature<T>> Evaluator<T>::curvature(CurvatureKind kind) {
    if (kind == CurvatureKind::product) return std::make_unique<ProductCurvature<T>>(*this);
    return std::make_unique<DenseCurvature<T>>(*this, vectors_, matrices_, n_);
}

template class Evaluator<double>;
template class Evaluator<float>;

}  // namespace cunewton
