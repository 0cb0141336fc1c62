// The BLAS and LAPACK functions that are used, under one name for double and float (Fortran
// interface: every BLAS library has it).
#pragma once

#include <cstddef>
#include <vector>

extern "C" {
void dpotrf_(const char*, const int*, double*, const int*, int*);
void spotrf_(const char*, const int*, float*, const int*, int*);
void dpotri_(const char*, const int*, double*, const int*, int*);
void spotri_(const char*, const int*, float*, const int*, int*);
void dtrsm_(const char*, const char*, const char*, const char*, const int*, const int*,
            const double*, const double*, const int*, double*, const int*);
void strsm_(const char*, const char*, const char*, const char*, const int*, const int*,
            const float*, const float*, const int*, float*, const int*);
void dtrsv_(const char*, const char*, const char*, const int*, const double*, const int*, double*,
            const int*);
void strsv_(const char*, const char*, const char*, const int*, const float*, const int*, float*,
            const int*);
void dsymv_(const char*, const int*, const double*, const double*, const int*, const double*,
            const int*, const double*, double*, const int*);
void ssymv_(const char*, const int*, const float*, const float*, const int*, const float*,
            const int*, const float*, float*, const int*);
void dsyr2_(const char*, const int*, const double*, const double*, const int*, const double*,
            const int*, double*, const int*);
void ssyr2_(const char*, const int*, const float*, const float*, const int*, const float*,
            const int*, float*, const int*);
void dsyr_(const char*, const int*, const double*, const double*, const int*, double*, const int*);
void ssyr_(const char*, const int*, const float*, const float*, const int*, float*, const int*);
void dgesvd_(const char*, const char*, const int*, const int*, double*, const int*, double*,
             double*, const int*, double*, const int*, double*, const int*, int*);
void dgeqp3_(const int*, const int*, double*, const int*, int*, double*, double*, const int*, int*);
void dlarft_(const char*, const char*, const int*, const int*, double*, const int*, const double*,
             double*, const int*);
void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*,
             const int*, int*, const int*, int*);
void ssyevd_(const char*, const char*, const int*, float*, const int*, float*, float*, const int*,
             int*, const int*, int*);
}

namespace cunewton::lapack {

/// A = L L' (lower triangle, in place); returns 0 or the order of the first bad minor.
inline int potrf(int n, double* a, int lda) {
    int info = 0;
    dpotrf_("L", &n, a, &lda, &info);
    return info;
}
inline int potrf(int n, float* a, int lda) {
    int info = 0;
    spotrf_("L", &n, a, &lda, &info);
    return info;
}
/// B = B L^-T for an m x n matrix B.
inline void trsm_right(int m, int n, const double* l, int ldl, double* b, int ldb) {
    const double one = 1;
    dtrsm_("R", "L", "T", "N", &m, &n, &one, l, &ldl, b, &ldb);
}
inline void trsm_right(int m, int n, const float* l, int ldl, float* b, int ldb) {
    const float one = 1;
    strsm_("R", "L", "T", "N", &m, &n, &one, l, &ldl, b, &ldb);
}
/// x = L^-1 x, or L^-T x if `transposed`.
inline void trsv(bool transposed, int n, const double* l, double* x) {
    const int one = 1;
    dtrsv_("L", transposed ? "T" : "N", "N", &n, l, &n, x, &one);
}
inline void trsv(bool transposed, int n, const float* l, float* x) {
    const int one = 1;
    strsv_("L", transposed ? "T" : "N", "N", &n, l, &n, x, &one);
}
/// A = (L L')^-1 for A = L, lower triangle, which is regular.
inline void potri(int n, double* a) {
    int info = 0;
    dpotri_("L", &n, a, &n, &info);
}
inline void potri(int n, float* a) {
    int info = 0;
    spotri_("L", &n, a, &n, &info);
}
inline void symv(int n, const double* a, const double* x, double* y) {
    const double alpha = 1, beta = 0;
    const int one = 1;
    dsymv_("L", &n, &alpha, a, &n, x, &one, &beta, y, &one);
}
inline void symv(int n, const float* a, const float* x, float* y) {
    const float alpha = 1, beta = 0;
    const int one = 1;
    ssymv_("L", &n, &alpha, a, &n, x, &one, &beta, y, &one);
}
inline void syr2(int n, double alpha, const double* x, const double* y, double* a) {
    const int one = 1;
    dsyr2_("L", &n, &alpha, x, &one, y, &one, a, &n);
}
inline void syr2(int n, float alpha, const float* x, const float* y, float* a) {
    const int one = 1;
    ssyr2_("L", &n, &alpha, x, &one, y, &one, a, &n);
}
inline void syr(int n, double alpha, const double* x, double* a) {
    const int one = 1;
    dsyr_("L", &n, &alpha, x, &one, a, &n);
}
inline void syr(int n, float alpha, const float* x, float* a) {
    const int one = 1;
    ssyr_("L", &n, &alpha, x, &one, a, &n);
}

/// A = U diag(values) V' for an n x n matrix A, which becomes U; values descend. work: 5 n numbers
/// or more. Returns 0 if that worked.
inline int left_singular_vectors(int n, double* a, double* values, double* work, int work_size) {
    int info = 0;
    const int one = 1;
    double none = 0;
    dgesvd_("O", "N", &n, &n, a, &n, values, &none, &one, &none, &one, work, &work_size, &info);
    return info;
}

/// A P = Q R for a rows x columns matrix A, whose upper triangle becomes R and whose lower one,
/// with tau, min(rows, columns) numbers, the reflectors of Q. Returns P: the number of the column
/// of A that became each one of R's.
inline std::vector<int> pivoted_qr(int rows, int columns, double* a, double* tau) {
    std::vector<int> pivots(static_cast<std::size_t>(columns), 0);
    int info = 0, work_size = -1;
    double best = 0;
    dgeqp3_(&rows, &columns, a, &rows, pivots.data(), tau, &best, &work_size, &info);
    work_size = static_cast<int>(best);
    std::vector<double> work(static_cast<std::size_t>(work_size));
    dgeqp3_(&rows, &columns, a, &rows, pivots.data(), tau, work.data(), &work_size, &info);
    for (int& pivot : pivots) --pivot;  // they are counted from 1
    return pivots;
}
/// T, k x k and upper triangular, with H_1 .. H_k = I - V T V' for the reflectors in V, rows x k.
inline void block_reflector(int rows, int k, double* v, const double* tau, double* t) {
    dlarft_("F", "C", &rows, &k, v, &rows, tau, t, &k);
}

/// Numbers that syevd() works in, and integers, by LAPACK's documentation of it.
inline double syevd_work(bool vectors, int n) {
    return vectors ? 1 + 6.0 * n + 2.0 * n * n : 2.0 * n + 1;
}
/// The eigenvalues of A, n x n, ascending (lower triangle); A becomes the eigenvectors, or is
/// destroyed. Returns 0 if that worked. syevd_work() must be an int.
template <class T>
int syevd(bool vectors, int n, T* a, T* values) {
    const int work_size = n > 1 ? static_cast<int>(syevd_work(vectors, n)) : 1;
    const int integers = vectors && n > 1 ? 3 + 5 * n : 1;
    std::vector<T> work(static_cast<std::size_t>(work_size));
    std::vector<int> whole(static_cast<std::size_t>(integers));
    int info = 0;
    if constexpr (sizeof(T) == 8)
        dsyevd_(vectors ? "V" : "N", "L", &n, a, &n, values, work.data(), &work_size, whole.data(),
                &integers, &info);
    else
        ssyevd_(vectors ? "V" : "N", "L", &n, a, &n, values, work.data(), &work_size, whole.data(),
                &integers, &info);
    return info;
}

}  // namespace cunewton::lapack
