#include "host/sparse/sparse_curvature.h"

#include "cunewton/math/stencil.h"
#include "host/sparse/compression.h"

namespace cunewton {

template <class T>
SparseCurvature<T>::SparseCurvature(Session<T>& session, const SparsityPattern& pattern,
                                    const std::vector<double>& typical, ColouringKind kind)
    : evaluator_(*session.evaluator),
      vectors_(*session.vectors),
      pattern_(pattern),
      kind_(kind),
      by_products_(session.derivatives.hessian_is_exact()),
      relative_step_(static_cast<T>(session.derivatives.hessian == HessianBy::gradient_differences
                                        ? session.derivatives.hessian_step
                                        : static_cast<double>(central_step<T>()))),
      n_(static_cast<std::size_t>(pattern.n)),
      matrix_(session.matrices->sparse(pattern)),
      A_(vectors_.allocate(pattern.rows.size())) {
    if (evaluator_.knows_sparse_hessian()) return;
    how_ = compression_of(pattern_, colour(pattern_, kind_), kind_);
    matrix_->compress(how_);
    const std::size_t colours = static_cast<std::size_t>(how_.colours);
    B_ = vectors_.allocate(n_ * colours);
    if (by_products_) {
        seeds_ = vectors_.allocate(n_ * colours);
        for (std::size_t c = 0; c < colours; ++c)
            matrix_->shift(nullptr, nullptr, static_cast<int>(c), T(1), seeds_.get() + c * n_);
    } else {
        steps_ = vectors_.allocate(n_);
        if (!typical.empty()) {
            typical_ = vectors_.allocate(n_);
            vectors_.upload(typical_.get(), std::vector<T>(typical.begin(), typical.end()).data(),
                            n_);
        }
    }
}

template <class T>
void SparseCurvature<T>::update(const T* x) {
    if (evaluator_.knows_sparse_hessian()) {
        evaluator_.sparse_hessian(x, A_.get());
    } else if (by_products_) {
        evaluator_.prepare_products(x);
        evaluator_.products(seeds_.get(), how_.colours, B_.get());
        matrix_->recover(B_.get(), nullptr, A_.get());
    } else {
        matrix_->difference_steps(x, typical_.get(), relative_step_, steps_.get());
        evaluator_.gradient_differences(x, steps_.get(), how_, *matrix_, B_.get());
        matrix_->recover(B_.get(), steps_.get(), A_.get());
    }
}

template <class T>
void SparseCurvature<T>::apply(const T* V, int columns, T* HV) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c)
        matrix_->symv(A_.get(), V + c * n_, HV + c * n_);
}
template <class T>
void SparseCurvature<T>::raise_scales(const T* g, double f, int parity, T* largest, T* S) {
    matrix_->raise_scales(A_.get(), g, f, parity, largest, S);
}
template <class T>
void SparseCurvature<T>::bounds(const T* S, Scalar norm, Scalar least_diagonal) {
    matrix_->bounds(A_.get(), S, norm, least_diagonal);
}
template <class T>
void SparseCurvature<T>::factorize(T shift, const T* S, Scalar info, Scalar least_pivot) {
    matrix_->factorize(A_.get(), shift, S, info, least_pivot);
}
template <class T>
void SparseCurvature<T>::solve(T* x) {
    matrix_->solve(x);
}
template <class T>
void SparseCurvature<T>::solve_lower(T* x) {
    matrix_->solve_lower(x);
}

template class SparseCurvature<double>;
template class SparseCurvature<float>;

}  // namespace cunewton
