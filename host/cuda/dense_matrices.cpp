#include "host/cuda/dense_matrices.h"

#include "host/cuda/blas.h"
#include "host/cuda/block_cholesky.h"
#include "host/cuda/sparse_cholesky.h"
#include "host/cuda/sparse_matrices.h"
#include "kernels/differences.h"
#include "kernels/vector.h"

namespace cunewton::cuda {

namespace {
template <class T>
constexpr cudaDataType data_type = sizeof(T) == 8 ? CUDA_R_64F : CUDA_R_32F;
}  // namespace

template <class T>
CudaDenseMatrices<T>::CudaDenseMatrices(CudaVectors<T>& vectors)
    : vectors_(vectors), solver_(make_solver(vectors.stream())), params_(make_solver_params()) {}

template <class T>
void CudaDenseMatrices<T>::set_identity(T* A, int n, T value, const T* S) {
    launch_set_identity(A, n, value, S, vectors_.stream());
}
template <class T>
void CudaDenseMatrices<T>::symv(const T* A, const T* x, T* y, int n) {
    blas::symv(vectors_.blas(), n, A, x, y);
}
template <class T>
void CudaDenseMatrices<T>::rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) {
    blas::syr2(vectors_.blas(), n, a, x, y, A);
    blas::syr(vectors_.blas(), n, b, x, A);
}
template <class T>
void CudaDenseMatrices<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest,
                                        T* S, int n) {
    launch_raise_scales(A, g, f, parity, largest, S, MatrixTasks<T>(n), vectors_.stream());
}
template <class T>
void CudaDenseMatrices<T>::determine_common_shifts(T* A, int outputs, int n) {
    launch_determine_common_shifts(A, outputs, n, vectors_.stream());
}
template <class T>
void CudaDenseMatrices<T>::restrict_to(const T* A, const T* free, T* L, int n) {
    launch_restrict(A, free, L, n, vectors_.stream());
}
template <class T>
void CudaDenseMatrices<T>::bounds(const T* A, const T* S, int n, Scalar norm,
                                  Scalar least_diagonal) {
    launch_matrix_bounds(A, S, vectors_.sums(static_cast<std::size_t>(n)), vectors_.place(norm),
                         vectors_.place(least_diagonal), MatrixTasks<T>(n), vectors_.stream());
}

template <class T>
MemoryNeeded CudaDenseMatrices<T>::memory(int n) {
    return workspace(make_solver(nullptr).get(), make_solver_params().get(), n);
}

template <class T>
MemoryNeeded CudaDenseMatrices<T>::workspace(cusolverDnHandle_t solver, cusolverDnParams_t params,
                                             int n) {
    MemoryNeeded needed;
    check(cusolverDnXpotrf_bufferSize(solver, params, CUBLAS_FILL_MODE_LOWER, n, data_type<T>,
                                      nullptr, n, data_type<T>, &needed.device, &needed.host),
          "the workspace of a factorisation is unknown");
    return needed;
}

template <class T>
void CudaDenseMatrices<T>::prepare_factorization(int n) {
    if (n == factorization_size_) return;
    factorization_size_ = -1;
    const MemoryNeeded needed = workspace(solver_.get(), params_.get(), n);
    // Matrices of several orders take turns: the largest one's serves all.
    if (needed.device > workspace_bytes_.device) {
        workspace_bytes_.device = 0;
        workspace_ = {};
        workspace_ = DeviceArray<char>(needed.device);
        workspace_bytes_.device = needed.device;
    }
    if (needed.host > workspace_bytes_.host) {
        host_workspace_ = std::make_unique<char[]>(needed.host);
        workspace_bytes_.host = needed.host;
    }
    factorization_size_ = n;
}

template <class T>
void CudaDenseMatrices<T>::factorize(const T* A, T shift, const T* S, T* L, int n, Scalar info_to,
                                     Scalar least_pivot) {
    const MatrixTasks<T> task(n, shift);
    double* const diagonal = vectors_.sums(static_cast<std::size_t>(n));
    int* const info = vectors_.factor_info();
    launch_shifted_copy(L, A, S, diagonal, task, vectors_.stream());
    factorize(L, n, info);
    launch_factor_info(info, diagonal, S, L, vectors_.place(info_to), vectors_.place(least_pivot),
                       task, vectors_.stream());
}

template <class T>
void CudaDenseMatrices<T>::factorize(T* L, int n, int* info) {
    prepare_factorization(n);
    check(cusolverDnXpotrf(solver_.get(), params_.get(), CUBLAS_FILL_MODE_LOWER, n, data_type<T>, L,
                           n, data_type<T>, workspace_.get(), workspace_bytes_.device,
                           host_workspace_.get(), workspace_bytes_.host, info),
          "a factorisation failed");
}

template <class T>
std::unique_ptr<BlockCholesky<T>> CudaDenseMatrices<T>::blocks(std::span<const int> sizes) {
    return std::make_unique<CudaBlockCholesky<T>>(*this, sizes);
}

template <class T>
std::unique_ptr<SparseMatrices<T>> CudaDenseMatrices<T>::sparse(const SparsityPattern& pattern) {
    return std::make_unique<CudaSparseMatrices<T>>(pattern, vectors_);
}
template <class T>
bool CudaDenseMatrices<T>::factorizes_sparse() const {
    return SparseCholesky<T>::available();
}

template <class T>
void CudaDenseMatrices<T>::solve(const T* L, T* x, int n) {
    check(cusolverDnXpotrs(solver_.get(), params_.get(), CUBLAS_FILL_MODE_LOWER, n, 1, data_type<T>,
                           L, n, data_type<T>, x, n, vectors_.solve_info()),
          "a solve failed");
}
template <class T>
void CudaDenseMatrices<T>::solve_lower(const T* L, T* x, int n) {
    blas::trsv(vectors_.blas(), n, L, x);
}
template <class T>
void CudaDenseMatrices<T>::multiply_transposed(const T* A, int m, const T* B, int n, long rows,
                                               T* C) {
    blas::gemm<T>(vectors_.blas(), true, m, n, rows, T(1), A, rows, B, rows, T(0), C, m);
}
template <class T>
void CudaDenseMatrices<T>::multiply(const T* A, int m, const T* B, int n, long rows, T beta, T* C) {
    blas::gemm<T>(vectors_.blas(), false, rows, n, m, T(1), A, rows, B, m, beta, C, rows);
}

template <class T>
void CudaDenseMatrices<T>::invert(const T* L, T* X, int n) {
    launch_unit_vectors(X, n, 0, n, vectors_.stream());
    for (const bool transposed : {false, true}) blas::trsm(vectors_.blas(), transposed, n, n, L, X);
}
template <class T>
int CudaDenseMatrices<T>::eigenvalues(T* A, int n, T* values, bool vectors) {
    const cusolverEigMode_t mode = vectors ? CUSOLVER_EIG_MODE_VECTOR : CUSOLVER_EIG_MODE_NOVECTOR;
    MemoryNeeded needed;
    check(cusolverDnXsyevd_bufferSize(solver_.get(), params_.get(), mode, CUBLAS_FILL_MODE_LOWER, n,
                                      data_type<T>, A, n, data_type<T>, values, data_type<T>,
                                      &needed.device, &needed.host),
          "the workspace of all eigenvalues is unknown");
    const DeviceArray<char> device(needed.device);
    const auto host = std::make_unique<char[]>(needed.host);
    const DeviceArray<int> info(1);
    check(cusolverDnXsyevd(solver_.get(), params_.get(), mode, CUBLAS_FILL_MODE_LOWER, n,
                           data_type<T>, A, n, data_type<T>, values, data_type<T>, device.get(),
                           needed.device, host.get(), needed.host, info.get()),
          "the eigenvalues failed");
    int left = 0;
    check(
        cudaMemcpyAsync(&left, info.get(), sizeof(int), cudaMemcpyDeviceToHost, vectors_.stream()),
        "a copy from the device failed");
    vectors_.synchronize();
    if (left < 0)
        throw DeviceError("cuSOLVER's Xsyevd did not accept its argument " + std::to_string(-left) +
                          " (a bug here) report it");
    return left;
}
template <class T>
void CudaDenseMatrices<T>::trace(const T* A, int n, Scalar to) {
    launch_trace(A, n, vectors_.place(to), vectors_.stream());
}
template class CudaDenseMatrices<double>;
template class CudaDenseMatrices<float>;

}  // namespace cunewton::cuda
