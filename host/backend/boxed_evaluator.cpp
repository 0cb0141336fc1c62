#include "host/backend/boxed_evaluator.h"

#include <cmath>
#include <limits>
#include <utility>

#include "cunewton/math/stencil.h"

namespace cunewton {

template <class T>
BoxedEvaluator<T>::BoxedEvaluator(std::unique_ptr<Evaluator<T>> inner,
                                  const ResolvedDerivatives& derivatives,
                                  const std::vector<double>& typical, const std::vector<T>& lower,
                                  const std::vector<T>& upper, Vectors<T>& vectors,
                                  DenseMatrices<T>& matrices)
    : Evaluator<T>(vectors, matrices, static_cast<int>(lower.size())),
      inner_(std::move(inner)),
      vectors_(vectors),
      matrices_(matrices),
      n_(static_cast<int>(lower.size())),
      gradients_(derivatives.gradient_step > 0),
      differenced_(derivatives.hessian_step > 0 && !derivatives.hessian_is_exact()),
      residuals_(gradients_ && derivatives.hessian == HessianBy::gauss_newton),
      f_(vectors.number()),
      distance_(vectors.number()),
      xv_(vectors.number()),
      v_norm_(vectors.number()),
      v_reach_(vectors.number()) {
    const std::size_t n = lower.size();
    constexpr T infinity = std::numeric_limits<T>::infinity();
    std::vector<T> most(n), movable(n, T(1)), reach(n);
    for (std::size_t j = 0; j < n; ++j) {
        most[j] = T(0.125) * (upper[j] - lower[j]);
        reach[j] = lower[j] == upper[j] ? T(1) : most[j];
        if (lower[j] != upper[j]) continue;
        movable[j] = 0;
        fixes_ = true;
    }
    inner_->limit_steps(most);
    for (std::size_t j = 0; j < n; ++j)
        if (movable[j] == 0) most[j] = infinity;  // by points, which stay within
    lower_ = uploaded(lower);
    upper_ = uploaded(upper);
    zeros_ = uploaded(std::vector<T>(n, T(0)));
    most_ = uploaded(most);
    movable_ = uploaded(movable);
    reach_ = uploaded(reach);
    of_gradients_ = inner_box(derivatives.gradient_step, typical, lower, upper);
    const double step = differenced_ ? derivatives.hessian_step
                        : residuals_ ? derivatives.gradient_step
                                     : 0;
    of_hessians_ = inner_box(step, typical, lower, upper);
    for (Buffer<T>* buffer : {&centre_, &beyond_, &g_, &moved_}) *buffer = vectors.allocate(n);
}

template <class T>
Buffer<T> BoxedEvaluator<T>::uploaded(const std::vector<T>& numbers) {
    Buffer<T> there = vectors_.allocate(numbers.size());
    vectors_.upload(there.get(), numbers.data(), numbers.size());
    return there;
}

template <class T>
typename BoxedEvaluator<T>::Inner BoxedEvaluator<T>::inner_box(double relative,
                                                               const std::vector<double>& typical,
                                                               const std::vector<T>& lower,
                                                               const std::vector<T>& upper) {
    // More than a step, which grows with the parameter on the way inside.
    constexpr T spare = T(1.3);
    std::vector<T> low = lower, high = upper;
    for (std::size_t j = 0; j < low.size(); ++j) {
        const T most = T(0.125) * (upper[j] - lower[j]);
        const auto margin = [&](T bound) {
            const T size =
                std::max(std::abs(bound), typical.empty() ? T(1) : static_cast<T>(typical[j]));
            return spare * std::min(static_cast<T>(relative) * size, most);
        };
        if (std::isfinite(lower[j])) low[j] += margin(lower[j]);
        if (std::isfinite(upper[j])) high[j] -= margin(upper[j]);
    }
    return {uploaded(low), uploaded(high)};
}

template <class T>
void BoxedEvaluator<T>::value_and_gradient(const T* x, T* g, Scalar f) {
    if (!gradients_) return inner_->value_and_gradient(x, g, f);
    vectors_.clamp(centre_.get(), x, of_gradients_.lower.get(), of_gradients_.upper.get(), n_);
    vectors_.add_scaled(beyond_.get(), centre_.get(), T(-1), x, n_);
    vectors_.norms({{beyond_.get(), distance_}}, n_);
    if (vectors_.read(distance_) > 0) {
        vectors_.add_scaled(beyond_.get(), centre_.get(), T(1), beyond_.get(), n_);
        inner_->value_and_gradient(centre_.get(), g_.get(), f_);
        inner_->value_and_gradient(beyond_.get(), g, f_);
        vectors_.scale(g, T(-1), g, n_);
        vectors_.add_scaled(g, g, T(2), g_.get(), n_);
        inner_->value(x, f);
    } else {
        inner_->value_and_gradient(x, g, f);
    }
    if (fixes_) vectors_.select(g, movable_.get(), g, n_);
}

template <class T>
void BoxedEvaluator<T>::hessian(const T* x, T* H) {
    if (!differenced_ && !residuals_) return inner_->hessian(x, H);
    vectors_.clamp(centre_.get(), x, of_hessians_.lower.get(), of_hessians_.upper.get(), n_);
    inner_->hessian(centre_.get(), H);
    if (fixes_) matrices_.restrict_to(H, movable_.get(), H, n_);
}

template <class T>
void BoxedEvaluator<T>::sparse_hessian(const T* x, T* entries) {
    if (!differenced_) return inner_->sparse_hessian(x, entries);
    vectors_.clamp(centre_.get(), x, of_hessians_.lower.get(), of_hessians_.upper.get(), n_);
    inner_->sparse_hessian(centre_.get(), entries);
}

template <class T>
void BoxedEvaluator<T>::shorten_steps(T* h) {
    vectors_.clamp(h, h, zeros_.get(), most_.get(), n_);
}

template <class T>
void BoxedEvaluator<T>::move_inside(T* ahead, T* behind) {
    // What the one is moved by the other is as well.
    vectors_.clamp(moved_.get(), ahead, lower_.get(), upper_.get(), n_);
    vectors_.add_scaled(moved_.get(), moved_.get(), T(-1), ahead, n_);
    vectors_.add_scaled(behind, behind, T(1), moved_.get(), n_);
    vectors_.add_scaled(ahead, ahead, T(1), moved_.get(), n_);
    vectors_.clamp(moved_.get(), behind, lower_.get(), upper_.get(), n_);
    vectors_.add_scaled(moved_.get(), moved_.get(), T(-1), behind, n_);
    vectors_.add_scaled(ahead, ahead, T(1), moved_.get(), n_);
    vectors_.add_scaled(behind, behind, T(1), moved_.get(), n_);
    // Rounding, and fixed parameters.
    for (T* const point : {ahead, behind})
        vectors_.clamp(point, point, lower_.get(), upper_.get(), n_);
}

template <class T>
void BoxedEvaluator<T>::gradient_differences(const T* x, const T* h, const Compression& how,
                                             SparseMatrices<T>& matrices, T* B) {
    const Buffer<T> ahead = vectors_.allocate(n_), behind = vectors_.allocate(n_),
                    g = vectors_.allocate(n_);
    for (int c = 0; c < how.colours; ++c) {
        T* const column = B + static_cast<std::size_t>(c) * n_;
        matrices.shift(x, h, c, T(1), ahead.get());
        matrices.shift(x, h, c, T(-1), behind.get());
        move_inside(ahead.get(), behind.get());
        value_and_gradient(ahead.get(), column, f_);
        value_and_gradient(behind.get(), g.get(), f_);
        vectors_.add_scaled(column, column, T(-1), g.get(), n_);
        vectors_.scale(column, T(0.5), column, n_);
    }
}

template <class T>
void BoxedEvaluator<T>::prepare_products(const T* x) {
    if (differenced_) return Evaluator<T>::prepare_products(x);
    if (!residuals_) return inner_->prepare_products(x);
    vectors_.clamp(centre_.get(), x, of_hessians_.lower.get(), of_hessians_.upper.get(), n_);
    inner_->prepare_products(centre_.get());
}

template <class T>
void BoxedEvaluator<T>::products(const T* V, int columns, T* HV) {
    if (!differenced_) return inner_->products(V, columns, HV);
    const T* const x = this->product_point();
    const Buffer<T> v = vectors_.allocate(n_), ahead = vectors_.allocate(n_),
                    behind = vectors_.allocate(n_), g = vectors_.allocate(n_);
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
        T* const Hv = HV + c * n_;
        vectors_.select(v.get(), movable_.get(), V + c * n_, n_);
        vectors_.unscale(ahead.get(), reach_.get(), v.get(), n_);
        vectors_.norms({{v.get(), v_norm_}, {ahead.get(), v_reach_}}, n_);
        vectors_.dot(x, v.get(), n_, xv_);
        const auto [norm, reach, xv] = read(vectors_, v_norm_, v_reach_, xv_);
        if (!(norm > 0)) {
            vectors_.scale(Hv, T(0), v.get(), n_);
            continue;
        }
        // As Evaluator::products() has it, by no more than `reach_` along any parameter.
        const double size = std::max(std::abs(xv) / norm, 1.0);
        const double wanted = static_cast<double>(central_step<T>()) * size / norm;
        const T h = static_cast<T>(reach > 0 ? std::min(wanted, 1 / reach) : wanted);
        vectors_.add_scaled(ahead.get(), x, h, v.get(), n_);
        vectors_.add_scaled(behind.get(), x, -h, v.get(), n_);
        move_inside(ahead.get(), behind.get());
        value_and_gradient(ahead.get(), Hv, f_);
        value_and_gradient(behind.get(), g.get(), f_);
        vectors_.add_scaled(Hv, Hv, T(-1), g.get(), n_);
        vectors_.scale(Hv, T(1) / (2 * h), Hv, n_);
    }
}

template class BoxedEvaluator<double>;
template class BoxedEvaluator<float>;

}  // namespace cunewton
