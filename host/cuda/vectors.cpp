#include "host/cuda/vectors.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>

namespace cunewton::cuda {

namespace {
/// As large as cuBLAS's own, for the same choice of algorithms: by NVIDIA's documentation of
/// cublasSetWorkspace().
std::size_t blas_workspace_bytes() {
    int device = 0, major = 0;
    check(cudaGetDevice(&device), "the current device is unknown");
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
          "the device's architecture is unknown");
    return std::size_t{major >= 9 ? 32u : 4u} << 20;
}
}  // namespace

template <class T>
CudaVectors<T>::CudaVectors(cudaStream_t stream, bool can_capture)
    : own_stream_(stream ? nullptr : make_stream()),
      stream_(stream ? stream : own_stream_.get()),
      blas_workspace_(can_capture ? blas_workspace_bytes() : 0),
      blas_(make_blas(stream_)),
      scalars_(1) {
    if (can_capture)
        check(cublasSetWorkspace(blas_.get(), blas_workspace_.get(), blas_workspace_.size()),
              "cuBLAS took no workspace");
    check(cudaMemsetAsync(scalars_.get(), 0, sizeof(Scalars), stream_), "a memory fill failed");
}

template <class T>
CudaVectors<T>::~CudaVectors() {
    // Queued work may still write to the memory that goes next.
    static_cast<void>(cudaStreamSynchronize(stream()));
}

template <class T>
std::size_t CudaVectors<T>::memory(int n, bool can_capture) {
    const std::size_t blocks = static_cast<std::size_t>(dot_blocks(n));
    // Both grow where they are too small, while the old ones are there.
    return sizeof(Scalars) + (blocks + static_cast<std::size_t>(n)) * sizeof(double) +
           2 * max_norms * blocks * sizeof(NormSum) + (can_capture ? blas_workspace_bytes() : 0);
}

template <class T>
Buffer<T> CudaVectors<T>::allocate(std::size_t count) {
    DeviceArray<T> array(count);
    return Buffer<T>(array.release(), count,
                     [](void* data) noexcept { static_cast<void>(cudaFree(data)); });
}

template <class T>
std::size_t CudaVectors<T>::free_bytes() const {
    std::size_t free = 0, total = 0;
    if (cudaMemGetInfo(&free, &total) == cudaSuccess) return free;
    static_cast<void>(cudaGetLastError());
    return std::numeric_limits<std::size_t>::max();
}

template <class T>
void CudaVectors<T>::synchronize() {
    check(cudaStreamSynchronize(stream()), "work on the device failed");
}

template <class T>
void CudaVectors<T>::upload(T* to, const T* from_host, std::size_t count) {
    check(cudaMemcpyAsync(to, from_host, count * sizeof(T), cudaMemcpyHostToDevice, stream()),
          "a copy to the device failed");
    synchronize();
}
template <class T>
void CudaVectors<T>::download(T* to_host, const T* from, std::size_t count) {
    check(cudaMemcpyAsync(to_host, from, count * sizeof(T), cudaMemcpyDeviceToHost, stream()),
          "a copy from the device failed");
    synchronize();
}
template <class T>
void CudaVectors<T>::copy(T* to, const T* from, std::size_t count) {
    check(cudaMemcpyAsync(to, from, count * sizeof(T), cudaMemcpyDeviceToDevice, stream()),
          "a copy on the device failed");
}

template <class T>
void CudaVectors<T>::scale(T* y, Factor<T> a, const T* x, long n) {
    launch_scale(y, factor(a), x, n, stream());
}
template <class T>
void CudaVectors<T>::unscale(T* y, const T* S, const T* x, long n) {
    launch_rescale(y, S, -1, x, n, stream());
}
template <class T>
void CudaVectors<T>::scale_twice(T* y, const T* S, const T* x, long n) {
    launch_rescale(y, S, 2, x, n, stream());
}
template <class T>
void CudaVectors<T>::add_scaled(T* y, const T* x, Factor<T> a, const T* p, long n) {
    launch_add_scaled(y, x, factor(a), p, n, stream());
}
template <class T>
void CudaVectors<T>::take_off_mean(T* x, int count, T* mean, long n) {
    launch_take_off_mean(x, count, mean, n, stream());
}
template <class T>
void CudaVectors<T>::add_to_each(T* x, int count, T a, const T* p, long n) {
    launch_add_to_each(x, count, a, p, n, stream());
}
template <class T>
void CudaVectors<T>::adam_step(T* x, T* mean, T* square, const T* g, long n, const AdamStep& step) {
    launch_adam_step(x, mean, square, g, n, step, stream());
}
template <class T>
void CudaVectors<T>::clamp(T* y, const T* x, const T* lower, const T* upper, long n) {
    launch_clamp(y, x, lower, upper, n, stream());
}
template <class T>
void CudaVectors<T>::find_free(T* free, const T* x, const T* g, const T* lower, const T* upper,
                               long n) {
    launch_find_free(free, x, g, lower, upper, n, stream());
}
template <class T>
void CudaVectors<T>::select(T* y, const T* free, const T* x, long n) {
    launch_select(y, free, x, n, stream());
}
template <class T>
void CudaVectors<T>::dot(const T* x, const T* y, long n, Scalar to) {
    const std::size_t blocks = static_cast<std::size_t>(dot_blocks(n));
    launch_dot(x, y, n, blocks > 1 ? sums(blocks) : nullptr, place(to), stream());
}
template <class T>
void CudaVectors<T>::norms(std::initializer_list<NormOf<T>> vectors, long n) {
    NormTasks<T> tasks{};
    static_assert(std::size(decltype(tasks.list){}) == max_norms);
    for (const NormOf<T>& vector : vectors)
        tasks.list[tasks.count++] = {vector.x, vector.S, vector.inverse, place(vector.to)};
    const std::size_t partial = static_cast<std::size_t>(dot_blocks(n)) * tasks.count;
    if (dot_blocks(n) > 1 && norm_sums_.size() < partial)
        norm_sums_ = DeviceArray<NormSum>(partial);
    launch_norms(tasks, n, norm_sums_.get(), stream());
}

template <class T>
void CudaVectors<T>::read(std::span<const Scalar> which, double* values) {
    if (stale_) {
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
    }
    for (const Scalar& number : which) *values++ = host_scalars_->numbers[number.index];
}

template <class T>
double* CudaVectors<T>::sums(std::size_t count) {
    if (sums_.size() < count) sums_ = DeviceArray<double>(count);
    return sums_.get();
}

template <class T>
DeviceFactor<T> CudaVectors<T>::factor(const Factor<T>& a) const {
    if (a.known()) return {a.value};
    const double* numbers = scalars_.get()->numbers;
    return {T(0), a.ratio.sign, numbers + a.ratio.over.index, numbers + a.ratio.under.index};
}

template class CudaVectors<double>;
template class CudaVectors<float>;

}  // namespace cunewton::cuda
