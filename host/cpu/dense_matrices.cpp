#include "host/cpu/dense_matrices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/math/bounds.h"
#include "cunewton/math/curvature_scale.h"
#include "host/backend/lapack.h"
#include "host/backend/memory.h"
#include "host/cpu/block_cholesky.h"
#include "host/cpu/sparse_matrices.h"

namespace cunewton::cpu {

namespace {
// Of a product that a thread computes at a time.
constexpr int product_columns = 128;
// Fewer are not worth packing the other operand for.
constexpr int least_product_columns = 8;
}  // namespace

template <class T>
std::size_t CpuDenseMatrices<T>::memory(int n, int threads) {
    const std::size_t bounds = 2 * static_cast<std::size_t>(n) * sizeof(double);
    return bounds + (n > lapack_order
                         ? RankKUpdate<T, T, T>::memory(n - lapack_order, lapack_order, threads)
                         : 0);
}

template <class T>
std::size_t CpuDenseMatrices<T>::product_memory(int threads) {
    return static_cast<std::size_t>(threads) * (sizeof(Gemm<T>) + Gemm<T>::memory(product_columns));
}

template <class T>
void CpuDenseMatrices<T>::set_identity(T* A, int n, T value, const T* S) {
    for (int j = 0; j < n; ++j) {
        T* column = A + static_cast<std::size_t>(j) * n;
        column[j] = S ? value / S[j] / S[j] : value;
        std::fill(column + j + 1, column + n, T(0));
    }
}
template <class T>
void CpuDenseMatrices<T>::symv(const T* A, const T* x, T* y, int n) {
    lapack::symv(n, A, x, y);
}
template <class T>
void CpuDenseMatrices<T>::rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) {
    lapack::syr2(n, a, x, y, A);
    lapack::syr(n, b, x, A);
}
template <class T>
void CpuDenseMatrices<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest,
                                       T* S, int n) {
    for (int j = 0; j < n; ++j)
        S[j] = raise_scale(largest[j], A[static_cast<std::size_t>(j) * n + j], g[j], f, parity);
}
template <class T>
void CpuDenseMatrices<T>::determine_common_shifts(T* A, int outputs, int n) {
    for (int j = 0; j < n / outputs; ++j) determine_common_shift(A, outputs, n, j);
}
template <class T>
void CpuDenseMatrices<T>::restrict_to(const T* A, const T* free, T* L, int n) {
    for (int j = 0; j < n; ++j) {
        const std::size_t column = static_cast<std::size_t>(j) * n;
        for (int i = j; i < n; ++i)
            L[column + i] = restricted(A[column + i], free[i], free[j], i == j);
    }
}
template <class T>
void CpuDenseMatrices<T>::bounds(const T* A, const T* S, int n, Scalar norm,
                                 Scalar least_diagonal) {
    BlockFacts facts;
    find_bounds(A, S, n, facts);
    vectors_.set(norm, facts.norm);
    vectors_.set(least_diagonal, facts.least_diagonal);
}
template <class T>
void CpuDenseMatrices<T>::find_bounds(const T* A, const T* S, int n, BlockFacts& facts) {
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
    facts.norm = norm;
    facts.least_diagonal = low;
}

template <class T>
void CpuDenseMatrices<T>::factorize(const T* A, T shift, const T* S, T* L, int n, Scalar info,
                                    Scalar least_pivot) {
    BlockFacts facts;
    factorize(A, shift, S, L, n, facts);
    vectors_.set(info, facts.info);
    if (facts.info == 0) vectors_.set(least_pivot, facts.least_pivot);
}

/// Right-looking blocked Cholesky factorisation (Golub and Van Loan 2013, algorithm 4.2.4): small
/// diagonal blocks by LAPACK, panels by BLAS, and nearly all the work in the rank-k update.
template <class T>
void CpuDenseMatrices<T>::factorize(const T* A, T shift, const T* S, T* L, int n,
                                    BlockFacts& facts) {
    std::vector<T> before(static_cast<std::size_t>(n));  // A's diagonal, which L may replace
    for (int j = 0; j < n; ++j) {
        const std::size_t column = static_cast<std::size_t>(j) * n;
        before[j] = A[column + j];
        if (L != A) std::copy(A + column + j, A + column + n, L + column + j);
        L[column + j] += S ? S[j] * (shift * S[j]) : shift;
    }
    facts.info = 0;
    for (int j = 0; j < n; j += lapack_order) {
        const int nb = std::min(lapack_order, n - j), rest = n - j - nb;
        T* diagonal = L + static_cast<std::size_t>(j) * n + j;
        // LAPACK promises nothing for NaN: it is caught here, on the diagonal that it reaches.
        const int info = lapack::potrf(nb, diagonal, n);
        bool finite = true;
        for (int i = 0; i < nb; ++i)
            finite = finite && std::isfinite(diagonal[static_cast<std::size_t>(i) * n + i]);
        if (info != 0 || !finite) {
            facts.info = j + std::max(info, 1);
            return;
        }
        if (rest == 0) break;
        T* panel = diagonal + nb;
        lapack::trsm_right(rest, nb, diagonal, n, panel, n);
        T* trailing = diagonal + static_cast<std::size_t>(nb) * n + nb;
        update_.add({panel, n, rest, false, nb}, {{nullptr, T(-1), trailing, n}});
    }
    double least = std::numeric_limits<double>::infinity();
    for (int j = 0; j < n; ++j) {
        const std::size_t entry = static_cast<std::size_t>(j) * n + j;
        least = std::min(least, pivot_ratio(before[j], shift, S ? S[j] : T(1), L[entry]));
    }
    facts.least_pivot = least;
}
template <class T>
std::unique_ptr<BlockCholesky<T>> CpuDenseMatrices<T>::blocks(std::span<const int> sizes) {
    return std::make_unique<CpuBlockCholesky<T>>(*this, sizes);
}
template <class T>
std::unique_ptr<SparseMatrices<T>> CpuDenseMatrices<T>::sparse(const SparsityPattern& pattern) {
    return std::make_unique<CpuSparseMatrices<T>>(pattern, vectors_);
}
template <class T>
bool CpuDenseMatrices<T>::factorizes_sparse() const {
    return SparseCholesky::available();
}
template <class T>
void CpuDenseMatrices<T>::solve(const T* L, T* x, int n) {
    lapack::trsv(false, n, L, x);
    lapack::trsv(true, n, L, x);
}
template <class T>
void CpuDenseMatrices<T>::solve_lower(const T* L, T* x, int n) {
    lapack::trsv(false, n, L, x);
}
/// Sums are those of one thread each, so that they do not depend on how many there are.
template <class T>
void CpuDenseMatrices<T>::multiply_transposed(const T* A, int m, const T* B, int n, long rows,
                                              T* C) {
    vectors_.pool().for_each(static_cast<std::size_t>(m) * n, [&](std::size_t item, int) {
        const T* a = A + static_cast<long>(item % m) * rows;
        const T* b = B + static_cast<long>(item / m) * rows;
        constexpr int lanes = 8;
        double sums[lanes] = {};
        long i = 0;
        for (; i + lanes <= rows; i += lanes)
            for (int l = 0; l < lanes; ++l) sums[l] += static_cast<double>(a[i + l]) * b[i + l];
        for (; i < rows; ++i) sums[0] += static_cast<double>(a[i]) * b[i];
        double sum = 0;
        for (const double s : sums) sum += s;
        C[item] = static_cast<T>(sum);
    });
}
template <class T>
void CpuDenseMatrices<T>::multiply(const T* A, int m, const T* B, int n, long rows, T beta, T* C) {
    if (n >= least_product_columns && rows <= std::numeric_limits<int>::max() &&
        (beta == 0 || beta == 1))
        return multiply_blocks(A, m, B, n, static_cast<int>(rows), beta == 1, C);
    constexpr long tile = 2048;  // of C, which stays in cache
    const std::size_t tiles = static_cast<std::size_t>((rows + tile - 1) / tile);
    vectors_.pool().for_each(tiles * n, [&](std::size_t item, int) {
        const long begin = static_cast<long>(item % tiles) * tile;
        const long end = std::min(rows, begin + tile), column = static_cast<long>(item / tiles);
        T* c = C + column * rows;
        for (long i = begin; i < end; ++i) c[i] = beta == 0 ? T(0) : beta * c[i];
        for (int k = 0; k < m; ++k) {
            const T* a = A + k * rows;
            const T b = B[column * m + k];
            for (long i = begin; i < end; ++i) c[i] += b * a[i];
        }
    });
}

/// Columns are dealt out to threads, some at a time.
template <class T>
void CpuDenseMatrices<T>::multiply_blocks(const T* A, int m, const T* B, int n, int rows, bool add,
                                          T* C) {
    ThreadPool& pool = vectors_.pool();
    while (gemm_.size() < static_cast<std::size_t>(pool.size())) gemm_.emplace_back();
    const std::size_t items = static_cast<std::size_t>((n + product_columns - 1) / product_columns);
    pool.for_each(items, [&](std::size_t item, int thread) {
        const std::size_t first = item * product_columns;
        const int columns = std::min(product_columns, n - static_cast<int>(first));
        gemm_[static_cast<std::size_t>(thread)].multiply(
            rows, columns, m, {A, 1, rows}, {B + first * static_cast<std::size_t>(m), 1, m}, add,
            C + first * static_cast<std::size_t>(rows), rows);
    });
}

template <class T>
void CpuDenseMatrices<T>::invert(const T* L, T* X, int n) {
    const std::size_t size = n;
    for (std::size_t j = 0; j < size; ++j)
        std::copy(L + j * size + j, L + (j + 1) * size, X + j * size + j);
    lapack::potri(n, X);
    for (std::size_t j = 0; j < size; ++j)
        for (std::size_t i = j + 1; i < size; ++i) X[i * size + j] = X[j * size + i];
}
template <class T>
int CpuDenseMatrices<T>::eigenvalues(T* A, int n, T* values, bool vectors) {
    const double work = lapack::syevd_work(vectors, n);
    const std::string what = "the workspace of all eigenvalues of order " + std::to_string(n);
    if (work > std::numeric_limits<int>::max())
        throw OutOfMemory(
            what +
            " has more numbers than LAPACK counts (an int) ask for eigenvalues alone, "
            "or some of them by extreme_eigenvalues()");
    if (work * sizeof(T) >= static_cast<double>(worth_asking))
        require_room(work * sizeof(T), free_host_bytes(), what, "host",
                     "ask for eigenvalues alone, or some of them by extreme_eigenvalues()");
    return lapack::syevd(vectors, n, A, values);
}
template <class T>
void CpuDenseMatrices<T>::trace(const T* A, int n, Scalar to) {
    double sum = 0;
    for (int j = 0; j < n; ++j) sum += A[static_cast<std::size_t>(j) * (n + 1)];
    vectors_.set(to, sum);
}
template class CpuDenseMatrices<double>;
template class CpuDenseMatrices<float>;

}  // namespace cunewton::cpu
