#include "host/backend/curvature.h"

#include "host/backend/evaluator.h"

namespace cunewton {

template <class T>
DenseCurvature<T>::DenseCurvature(Evaluator<T>& evaluator, Vectors<T>& vectors,
                                  DenseMatrices<T>& matrices, int n)
    : evaluator_(evaluator),
      vectors_(vectors),
      matrices_(matrices),
      n_(n),
      H_(vectors.allocate(static_cast<std::size_t>(n) * n)) {}

template <class T>
void DenseCurvature<T>::update(const T* x) {
    evaluator_.hessian(x, H_.get());
}
template <class T>
void DenseCurvature<T>::apply(const T* V, int columns, T* HV) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c)
        matrices_.symv(H_.get(), V + c * n_, HV + c * n_, n_);
}
template <class T>
void DenseCurvature<T>::determine_common_shifts(int outputs) {
    matrices_.determine_common_shifts(H_.get(), outputs, n_);
}
template <class T>
void DenseCurvature<T>::raise_scales(const T* g, double f, int parity, T* largest, T* S) {
    matrices_.raise_scales(H_.get(), g, f, parity, largest, S, n_);
}
template <class T>
void DenseCurvature<T>::bounds(const T* S, Scalar norm, Scalar least_diagonal) {
    matrices_.bounds(H_.get(), S, n_, norm, least_diagonal);
}
template <class T>
void DenseCurvature<T>::factorize(T shift, const T* S, Scalar info, Scalar least_pivot) {
    if (!L_) L_ = vectors_.allocate(H_.size());
    matrices_.factorize(H_.get(), shift, S, L_.get(), n_, info, least_pivot);
}
template <class T>
bool DenseCurvature<T>::factorize_restricted(const T* free, T shift, const T* S, Scalar info,
                                             Scalar least_pivot) {
    if (!L_) L_ = vectors_.allocate(H_.size());
    matrices_.restrict_to(H_.get(), free, L_.get(), n_);
    matrices_.factorize(L_.get(), shift, S, L_.get(), n_, info, least_pivot);
    return true;
}
template <class T>
void DenseCurvature<T>::solve(T* x) {
    matrices_.solve(L_.get(), x, n_);
}
template <class T>
void DenseCurvature<T>::solve_lower(T* x) {
    matrices_.solve_lower(L_.get(), x, n_);
}

template <class T>
void ProductCurvature<T>::update(const T* x) {
    evaluator_.prepare_products(x);
}
template <class T>
void ProductCurvature<T>::apply(const T* V, int columns, T* HV) {
    evaluator_.products(V, columns, HV);
}

template class DenseCurvature<double>;
template class DenseCurvature<float>;
template class ProductCurvature<double>;
template class ProductCurvature<float>;

}  // namespace cunewton
