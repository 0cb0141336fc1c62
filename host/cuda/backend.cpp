#include "host/cuda/backend.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>

#include "host/cuda/blas.h"
#include "kernels/vector.h"

namespace cunewton::cuda {

namespace {
template <class T>
constexpr cudaDataType data_type = sizeof(T) == 8 ? CUDA_R_64F : CUDA_R_32F;
}  // namespace

template <class T>
CudaBackend<T>::CudaBackend()
    : stream_(make_stream()),
      blas_(make_blas(stream_.get())),
      solver_(make_solver(stream_.get())),
      params_(make_solver_params()),
      scalars_(1) {
    check(cudaMemsetAsync(scalars_.get(), 0, sizeof(Scalars), stream()), "a memory fill failed");
}

template <class T>
CudaBackend<T>::~CudaBackend() {
    // Queued work may still write to the memory that goes next.
    static_cast<void>(cudaStreamSynchronize(stream()));
}

template <class T>
Buffer<T> CudaBackend<T>::allocate(std::size_t count) {
    DeviceArray<T> array(count);
    return Buffer<T>(array.release(), count,
                     [](void* data) noexcept { static_cast<void>(cudaFree(data)); });
}

template <class T>
std::size_t CudaBackend<T>::free_bytes() const {
    std::size_t free = 0, total = 0;
    if (cudaMemGetInfo(&free, &total) == cudaSuccess) return free;
    static_cast<void>(cudaGetLastError());
    return std::numeric_limits<std::size_t>::max();
}

template <class T>
void CudaBackend<T>::synchronize() {
    check(cudaStreamSynchronize(stream()), "work on the device failed");
}

template <class T>
void CudaBackend<T>::upload(T* to, const T* from_host, std::size_t count) {
    check(cudaMemcpyAsync(to, from_host, count * sizeof(T), cudaMemcpyHostToDevice, stream()),
          "a copy to the device failed");
    synchronize();
}
template <class T>
void CudaBackend<T>::download(T* to_host, const T* from, std::size_t count) {
    check(cudaMemcpyAsync(to_host, from, count * sizeof(T), cudaMemcpyDeviceToHost, stream()),
          "a copy from the device failed");
    synchronize();
}
template <class T>
void CudaBackend<T>::copy(T* to, const T* from, std::size_t count) {
    check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDeviceToDevice, stream()),
          "a copy on the device failed");
}

template <class T>
void CudaBackend<T>::scale(T* y, T a, const T* x, int n) {
    launch_scale(y, a, x, n, stream());
}
template <class T>
void CudaBackend<T>::unscale(T* y, const T* S, const T* x, int n) {
    launch_rescale(y, S, -1, x, n, stream());
}
template <class T>
void CudaBackend<T>::scale_twice(T* y, const T* S, const T* x, int n) {
    launch_rescale(y, S, 2, x, n, stream());
}
template <class T>
void CudaBackend<T>::add_scaled(T* y, const T* x, T a, const T* p, int n) {
    launch_add_scaled(y, x, a, p, n, stream());
}
template <class T>
void CudaBackend<T>::dot(const T* x, const T* y, int n, Slot to) {
    const std::size_t blocks = static_cast<std::size_t>(dot_blocks(n));
    if (blocks > 1 && sums_.size() < blocks) sums_ = DeviceArray<double>(blocks);
    launch_dot(x, y, n, sums_.get(), slot(to), stream());
}
template <class T>
void CudaBackend<T>::norms(std::initializer_list<NormOf<T>> vectors, int n) {
    NormTasks<T> tasks{};
    static_assert(std::size(decltype(tasks.list){}) == max_norms);
    for (const NormOf<T>& vector : vectors)
        tasks.list[tasks.count++] = {vector.x, vector.S, vector.inverse, slot(vector.to)};
    const std::size_t partial = static_cast<std::size_t>(dot_blocks(n)) * tasks.count;
    if (dot_blocks(n) > 1 && norm_sums_.size() < partial)
        norm_sums_ = DeviceArray<NormSum>(partial);
    launch_norms(tasks, n, norm_sums_.get(), stream());
}

template <class T>
void CudaBackend<T>::set_identity(T* A, int n, T value, const T* S) {
    launch_set_identity(A, n, value, S, stream());
}
template <class T>
void CudaBackend<T>::symv(const T* A, const T* x, T* y, int n) {
    blas::symv(blas(), n, A, x, y);
}
template <class T>
void CudaBackend<T>::rank_two_update(T* A, T a, const T* x, const T* y, T b, int n) {
    blas::syr2(blas(), n, a, x, y, A);
    blas::syr(blas(), n, b, x, A);
}
template <class T>
void CudaBackend<T>::raise_scales(const T* A, const T* g, double f, int parity, T* largest, T* S,
                                  int n) {
    launch_raise_scales(A, g, f, parity, largest, S, n, stream());
}
template <class T>
void CudaBackend<T>::determine_common_shifts(T* A, int outputs, int n) {
    launch_determine_common_shifts(A, outputs, n, stream());
}
template <class T>
void CudaBackend<T>::matrix_bounds(const T* A, const T* S, int n) {
    const std::size_t rows = static_cast<std::size_t>(n);
    if (sums_.size() < rows) sums_ = DeviceArray<double>(rows);
    launch_matrix_bounds(A, S, n, sums_.get(), slot(Slot::norm), slot(Slot::min_diagonal),
                         stream());
}

template <class T>
void CudaBackend<T>::prepare_factorization(int n) {
    if (n == factorization_size_) return;
    factorization_size_ = -1;
    workspace_ = {};
    check(cusolverDnXpotrf_bufferSize(solver_.get(), params_.get(), CUBLAS_FILL_MODE_LOWER, n,
                                      data_type<T>, nullptr, n, data_type<T>, &workspace_bytes_,
                                      &host_workspace_bytes_),
          "the workspace of a factorisation is unknown");
    workspace_ = DeviceArray<char>(workspace_bytes_);
    host_workspace_ = std::make_unique<char[]>(host_workspace_bytes_);
    factorization_size_ = n;
}

template <class T>
void CudaBackend<T>::factorize(const T* A, T shift, const T* S, T* L, int n) {
    prepare_factorization(n);
    launch_shifted_copy(L, A, shift, S, n, stream());
    int* info = &scalars_.get()->factor_info;
    check(cusolverDnXpotrf(solver_.get(), params_.get(), CUBLAS_FILL_MODE_LOWER, n, data_type<T>, L,
                           n, data_type<T>, workspace_.get(), workspace_bytes_,
                           host_workspace_.get(), host_workspace_bytes_, info),
          "a factorisation failed");
    launch_factor_info(info, A, shift, S, L, n, slot(Slot::factor_info), slot(Slot::least_pivot),
                       stream());
}

template <class T>
void CudaBackend<T>::solve(const T* L, T* x, int n) {
    check(cusolverDnXpotrs(solver_.get(), params_.get(), CUBLAS_FILL_MODE_LOWER, n, 1, data_type<T>,
                           L, n, data_type<T>, x, n, &scalars_.get()->solve_info),
          "a solve failed");
    stale_ = true;
}
template <class T>
void CudaBackend<T>::solve_lower(const T* L, T* x, int n) {
    blas::trsv(blas(), n, L, x);
}

template <class T>
const double* CudaBackend<T>::scalars() {
    if (!stale_) return host_scalars_->slots;
    check(cudaMemcpyAsync(host_scalars_.get(), scalars_.get(), sizeof(Scalars),
                          cudaMemcpyDeviceToHost, stream()),
          "a copy from the device failed");
    synchronize();
    // Negative: the number of an argument that cuSOLVER refused.
    if (host_scalars_->factor_info < 0 || host_scalars_->solve_info < 0)
        throw DeviceError(
            "a factorisation or solve failed (cuSOLVER refused argument " +
            std::to_string(-std::min(host_scalars_->factor_info, host_scalars_->solve_info)) +
            ") report this as a bug, with the dimension of the problem");
    stale_ = false;
    return host_scalars_->slots;
}

template class CudaBackend<double>;
template class CudaBackend<float>;

}  // namespace cunewton::cuda
