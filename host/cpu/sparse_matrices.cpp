#include "host/cpu/sparse_matrices.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/math/curvature_scale.h"
#include "cunewton/math/recovery.h"
#include "cunewton/math/stencil.h"

namespace cunewton::cpu {

template <class T>
void CpuSparseMatrices<T>::symv(const T* A, const T* x, T* y) {
    const long* starts = pattern_.column_starts.data();
    const int* rows = pattern_.rows.data();
    std::fill(y, y + pattern_.n, T(0));
    for (int j = 0; j < pattern_.n; ++j) {
        T sum = A[starts[j]] * x[j];
        for (long e = starts[j] + 1; e < starts[j + 1]; ++e) {
            y[rows[e]] += A[e] * x[j];
            sum += A[e] * x[rows[e]];
        }
        y[j] += sum;
    }
}

template <class T>
void CpuSparseMatrices<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest,
                                        T* S) {
    for (int j = 0; j < pattern_.n; ++j)
        S[j] = raise_scale(largest[j], A[pattern_.column_starts[j]], g[j], f, parity);
}

template <class T>
void CpuSparseMatrices<T>::bounds(const T* A, const T* S, Scalar norm, Scalar least_diagonal) {
    const long* starts = pattern_.column_starts.data();
    const int n = pattern_.n;
    std::vector<double> row_sum(n, 0.0), inverse(n);
    for (int j = 0; j < n; ++j) inverse[j] = 1 / static_cast<double>(S[j]);
    double low = std::numeric_limits<double>::infinity();
    for (int j = 0; j < n; ++j) {
        const double diagonal = inverse[j] * A[starts[j]] * inverse[j];
        low = std::min(low, diagonal);
        double sum = std::abs(diagonal);
        for (long e = starts[j] + 1; e < starts[j + 1]; ++e) {
            const int i = pattern_.rows[e];
            const double a = std::abs(inverse[i] * A[e] * inverse[j]);
            row_sum[i] += a;
            sum += a;
        }
        row_sum[j] += sum;
    }
    double most = 0;
    for (const double s : row_sum) most = std::isnan(s) ? s : std::max(most, s);
    vectors_.set(norm, most);
    vectors_.set(least_diagonal, low);
}

template <class T>
void CpuSparseMatrices<T>::factorize(const T* A, T shift, const T* S, Scalar info,
                                     Scalar least_pivot) {
    if (!cholesky_) cholesky_ = std::make_unique<SparseCholesky>(pattern_);
    double* const values = cholesky_->values();
    std::copy(A, A + pattern_.size(), values);
    if (shift != T(0))
        for (int j = 0; j < pattern_.n; ++j) {
            const T s = S ? S[j] : T(1);
            values[pattern_.column_starts[j]] += s * (shift * s);
        }
    const SparseCholesky::Outcome outcome = cholesky_->factorize();
    vectors_.set(info, outcome.info);
    if (outcome.info == 0) vectors_.set(least_pivot, outcome.least_pivot);
}

template <class T>
void CpuSparseMatrices<T>::solve(T* x) {
    if constexpr (std::is_same_v<T, double>) {
        cholesky_->solve(x);
    } else {
        wide_.assign(x, x + pattern_.n);
        cholesky_->solve(wide_.data());
        for (int j = 0; j < pattern_.n; ++j) x[j] = static_cast<T>(wide_[j]);
    }
}

template <class T>
void CpuSparseMatrices<T>::solve_lower(T* x) {
    if constexpr (std::is_same_v<T, double>) {
        cholesky_->solve_lower(x);
    } else {
        wide_.assign(x, x + pattern_.n);
        cholesky_->solve_lower(wide_.data());
        for (int j = 0; j < pattern_.n; ++j) x[j] = static_cast<T>(wide_[j]);
    }
}

template <class T>
void CpuSparseMatrices<T>::difference_steps(const T* x, const T* typical, T relative, T* h) {
    for (int j = 0; j < pattern_.n; ++j)
        h[j] = difference_step<T>(x[j], typical ? typical[j] : T(1), relative);
}

template <class T>
void CpuSparseMatrices<T>::shift(const T* x, const T* h, int colour, T sign, T* to) {
    for (int j = 0; j < pattern_.n; ++j)
        to[j] = seeded(x, h, how_->colour_of[j] == colour, sign, j);
}

template <class T>
void CpuSparseMatrices<T>::recover(const T* B, const T* h, T* A) {
    const RecoveryView<T> view{how_->place.data(),        how_->column.data(),
                               how_->known_starts.data(), how_->known.data(),
                               how_->known_column.data(), h};
    if (how_->direct()) {
        for (long e = 0; e < pattern_.size(); ++e) A[e] = view.direct(B, e);
    } else {
        for (const int e : how_->order) A[e] = view.substituted(B, A, e);
    }
}

template class CpuSparseMatrices<double>;
template class CpuSparseMatrices<float>;

}  // namespace cunewton::cpu
