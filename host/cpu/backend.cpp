#include "host/cpu/backend.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/math/curvature_scale.h"
#include "cunewton/math/norm_sum.h"
#include "host/cpu/lapack.h"

namespace cunewton::cpu {

template <class T>
Buffer<T> CpuBackend<T>::allocate(std::size_t count) {
    if (const std::size_t bytes = count * sizeof(T); bytes >= worth_asking)
        require_room(static_cast<double>(bytes), free_bytes(), "vectors or matrices", "host",
                     "reduce the problem or use float");
    return aligned_buffer<T>(count);
}
template <class T>
void CpuBackend<T>::upload(T* to, const T* from, std::size_t count) {
    std::copy_n(from, count, to);
}
template <class T>
void CpuBackend<T>::download(T* to, const T* from, std::size_t count) {
    std::copy_n(from, count, to);
}
template <class T>
void CpuBackend<T>::copy(T* to, const T* from, std::size_t count) {
    std::copy_n(from, count, to);
}
template <class T>
void CpuBackend<T>::scale(T* y, T a, const T* x, int n) {
    for (int j = 0; j < n; ++j) y[j] = a * x[j];
}
template <class T>
void CpuBackend<T>::unscale(T* y, const T* S, const T* x, int n) {
    for (int j = 0; j < n; ++j) y[j] = x[j] / S[j];
}
template <class T>
void CpuBackend<T>::scale_twice(T* y, const T* S, const T* x, int n) {
    for (int j = 0; j < n; ++j) y[j] = S[j] * (S[j] * x[j]);
}
template <class T>
void CpuBackend<T>::add_scaled(T* y, const T* x, T a, const T* p, int n) {
    for (int j = 0; j < n; ++j) y[j] = x[j] + a * p[j];
}
template <class T>
void CpuBackend<T>::dot(const T* x, const T* y, int n, Slot slot) {
    double s = 0;
    for (int j = 0; j < n; ++j) s += static_cast<double>(x[j]) * y[j];
    set(slot, s);
}
template <class T>
void CpuBackend<T>::norms(std::initializer_list<NormOf<T>> vectors, int n) {
    for (const NormOf<T>& vector : vectors) {
        NormSum sum;
        const T* S = vector.S;
        for (int j = 0; j < n; ++j) {
            const double x = vector.x[j];
            sum.add(!S ? x : vector.inverse ? x / S[j] : x * S[j]);
        }
        set(vector.to, sum.norm());
    }
}
template <class T>
void CpuBackend<T>::set_identity(T* A, int n, T value, const T* S) {
    for (int j = 0; j < n; ++j) {
        T* column = A + static_cast<std::size_t>(j) * n;
        column[j] = S ? value / S[j] / S[j] : value;
        std::fill(column + j + 1, column + n, T(0));
    }
}
template <class T>
void CpuBackend<T>::symv(const T* A, const T* x, T* y, int n) {
    lapack::symv(n, A, x, y);
}
template <class T>
void CpuBackend<T>::rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) {
    lapack::syr2(n, a, x, y, A);
    lapack::syr(n, b, x, A);
}
template <class T>
void CpuBackend<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                                 int n) {
    for (int j = 0; j < n; ++j)
        S[j] = raise_scale(largest[j], A[static_cast<std::size_t>(j) * n + j], g[j], f, parity);
}
template <class T>
void CpuBackend<T>::determine_common_shifts(T* A, int outputs, int n) {
    for (int j = 0; j < n / outputs; ++j) determine_common_shift(A, outputs, n, j);
}
template <class T>
void CpuBackend<T>::matrix_bounds(const T* A, const T* S, int n) {
    std::vector<double> row_sum(n, 0.0), inverse(n);
    for (int j = 0; j < n; ++j) inverse[j] = 1 / static_cast<double>(S[j]);
    double low = std::numeric_limits<double>::infinity();
    for (int j = 0; j < n; ++j) {
        const T* column = A + static_cast<std::size_t>(j) * n;
        const double diagonal = inverse[j] * column[j] * inverse[j];
        low = std::min(low, diagonal);
        row_sum[j] += std::abs(diagonal);
        for (int i = j + 1; i < n; ++i) {
            const double a = std::abs(inverse[i] * column[i] * inverse[j]);
            row_sum[i] += a;
            row_sum[j] += a;
        }
    }
    double norm = 0;
    for (const double s : row_sum) norm = std::isnan(s) ? s : std::max(norm, s);
    set(Slot::norm, norm);
    set(Slot::min_diagonal, low);
}

/// Right-looking blocked Cholesky factorisation (Golub and Van Loan 2013, algorithm 4.2.4): small
/// diagonal blocks by LAPACK, panels by BLAS, and nearly all the work in the rank-k update.
template <class T>
void CpuBackend<T>::factorize(const T* A, T shift, const T* S, T* L, int n) {
    constexpr int block = 96;
    for (int j = 0; j < n; ++j) {
        const std::size_t column = static_cast<std::size_t>(j) * n;
        std::copy(A + column + j, A + column + n, L + column + j);
        L[column + j] += S[j] * (shift * S[j]);
    }
    set(Slot::factor_info, 0);
    for (int j = 0; j < n; j += block) {
        const int nb = std::min(block, n - j), rest = n - j - nb;
        T* diagonal = L + static_cast<std::size_t>(j) * n + j;
        // LAPACK promises nothing for NaN: it is caught here, on the diagonal that it reaches.
        const int info = lapack::potrf(nb, diagonal, n);
        bool finite = true;
        for (int i = 0; i < nb; ++i)
            finite = finite && std::isfinite(diagonal[static_cast<std::size_t>(i) * n + i]);
        if (info != 0 || !finite) return set(Slot::factor_info, j + std::max(info, 1));
        if (rest == 0) break;
        T* panel = diagonal + nb;
        lapack::trsm_right(rest, nb, diagonal, n, panel, n);
        T* trailing = diagonal + static_cast<std::size_t>(nb) * n + nb;
        update_.add({panel, n, rest, false, nb}, {{nullptr, T(-1), trailing, n}});
    }
    double least = std::numeric_limits<double>::infinity();
    for (int j = 0; j < n; ++j) {
        const std::size_t entry = static_cast<std::size_t>(j) * n + j;
        least = std::min(least, pivot_ratio(A[entry], shift, S[j], L[entry]));
    }
    set(Slot::least_pivot, least);
}
template <class T>
void CpuBackend<T>::solve(const T* L, T* x, int n) {
    lapack::trsv(false, n, L, x);
    lapack::trsv(true, n, L, x);
}
template <class T>
void CpuBackend<T>::solve_lower(const T* L, T* x, int n) {
    lapack::trsv(false, n, L, x);
}

template class CpuBackend<double>;
template class CpuBackend<float>;

Probe probe_cpu() {
    try {
        choose_lanes([]<class>() {});
    } catch (const BackendUnavailable& problem) {
        return {false, problem.what()};
    }
    return {true, "ready"};
}

}  // namespace cunewton::cpu
