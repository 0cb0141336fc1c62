// cuBLAS for double and float under one name, with 64-bit sizes. Column-major; scalars are host
// numbers; of symmetric and triangular matrices the lower triangle is used. A failing status
// throws.
#pragma once

#include <cstdint>

#include "host/cuda/check.h"

namespace cunewton::cuda::blas {

template <class T>
struct Functions;
template <>
struct Functions<double> {
    static constexpr auto gemm = &cublasDgemm_64;
    static constexpr auto gemv = &cublasDgemv_64;
    static constexpr auto symv = &cublasDsymv_64;
    static constexpr auto syr = &cublasDsyr_64;
    static constexpr auto syr2 = &cublasDsyr2_64;
    static constexpr auto trsv = &cublasDtrsv_64;
    static constexpr auto trsm = &cublasDtrsm_64;
};
template <>
struct Functions<float> {
    static constexpr auto gemm = &cublasSgemm_64;
    static constexpr auto gemv = &cublasSgemv_64;
    static constexpr auto symv = &cublasSsymv_64;
    static constexpr auto syr = &cublasSsyr_64;
    static constexpr auto syr2 = &cublasSsyr2_64;
    static constexpr auto trsv = &cublasStrsv_64;
    static constexpr auto trsm = &cublasStrsm_64;
};

/// C = alpha op(A) B + beta C with op(A) m x k and C m x n; one column goes through gemv.
template <class T>
void gemm(cublasHandle_t blas, bool transpose_a, std::int64_t m, std::int64_t n, std::int64_t k,
          T alpha, const T* A, std::int64_t lda, const T* B, std::int64_t ldb, T beta, T* C,
          std::int64_t ldc) {
    const cublasOperation_t op = transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    if (n == 1)
        return check(Functions<T>::gemv(blas, op, transpose_a ? k : m, transpose_a ? m : k, &alpha,
                                        A, lda, B, 1, &beta, C, 1),
                     "a matrix-vector product failed");
    check(Functions<T>::gemm(blas, op, CUBLAS_OP_N, m, n, k, &alpha, A, lda, B, ldb, &beta, C, ldc),
          "a matrix product failed");
}

/// C = A B' + beta C with A m x k and C m x n.
template <class T>
void gemm_by_transpose(cublasHandle_t blas, std::int64_t m, std::int64_t n, std::int64_t k,
                       const T* A, std::int64_t lda, const T* B, std::int64_t ldb, T beta, T* C,
                       std::int64_t ldc) {
    const T one = 1;
    check(Functions<T>::gemm(blas, CUBLAS_OP_N, CUBLAS_OP_T, m, n, k, &one, A, lda, B, ldb, &beta,
                             C, ldc),
          "a matrix product failed");
}

/// y = A x
template <class T>
void symv(cublasHandle_t blas, std::int64_t n, const T* A, const T* x, T* y) {
    const T one = 1, zero = 0;
    check(Functions<T>::symv(blas, CUBLAS_FILL_MODE_LOWER, n, &one, A, n, x, 1, &zero, y, 1),
          "a symmetric matrix-vector product failed");
}
/// A += a x x'
template <class T>
void syr(cublasHandle_t blas, std::int64_t n, T a, const T* x, T* A) {
    check(Functions<T>::syr(blas, CUBLAS_FILL_MODE_LOWER, n, &a, x, 1, A, n),
          "a rank-one update failed");
}
/// A += a (x y' + y x')
template <class T>
void syr2(cublasHandle_t blas, std::int64_t n, T a, const T* x, const T* y, T* A) {
    check(Functions<T>::syr2(blas, CUBLAS_FILL_MODE_LOWER, n, &a, x, 1, y, 1, A, n),
          "a rank-two update failed");
}
/// x = L^-1 x
template <class T>
void trsv(cublasHandle_t blas, std::int64_t n, const T* L, T* x) {
    check(Functions<T>::trsv(blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N, CUBLAS_DIAG_NON_UNIT, n, L,
                             n, x, 1),
          "a triangular solve failed");
}

/// X = L^-1 X, or L'^-1 X if `transposed`, for an n x columns matrix X.
template <class T>
void trsm(cublasHandle_t blas, bool transposed, std::int64_t n, std::int64_t columns, const T* L,
          T* X) {
    const T one = 1;
    check(Functions<T>::trsm(blas, CUBLAS_SIDE_LEFT, CUBLAS_FILL_MODE_LOWER,
                             transposed ? CUBLAS_OP_T : CUBLAS_OP_N, CUBLAS_DIAG_NON_UNIT, n,
                             columns, &one, L, n, X, n),
          "a triangular solve failed");
}

}  // namespace cunewton::cuda::blas
