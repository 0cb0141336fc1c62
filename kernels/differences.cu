#include "kernels/differences.h"

#include "cunewton/cuda/launch.cuh"
#include "cunewton/math/packed.h"
#include "cunewton/math/stencil.h"

namespace cunewton::cuda {

namespace {

constexpr int threads = 128;

/// Parameter j of point q of an entry.
template <class T>
CUNEWTON_HOST_DEVICE T stencil_coordinate(Stencil stencil, const T* x, const T* h, int n,
                                          long entry, int q, int j) {
    if (stencil != Stencil::second) return j == entry ? x[j] + first_shift(q, true, h[j]) : x[j];
    const PackedEntry at = packed_entry(entry, n);
    const Shifts<T> by = second_shifts(q, at.row == at.column, h[j], h[j]);
    return j == at.row ? x[j] + by.i : j == at.column ? x[j] + by.k : x[j];
}

template <class T>
__global__ void difference_steps_kernel(T* h, const T* x, const T* typical, T relative, int n) {
    const int j = static_cast<int>(thread_index());
    if (j < n) h[j] = difference_step(x[j], typical[j], relative);
}

template <class T>
__global__ void stencil_points_kernel(Stencil stencil, int per_entry, T* points, const T* x,
                                      const T* h, int n, long first, long count) {
    const long t = thread_index();
    if (t >= count * n) return;
    const long p = t / n;
    points[t] = stencil_coordinate(stencil, x, h, n, first + p / per_entry,
                                   static_cast<int>(p % per_entry), static_cast<int>(t % n));
}

template <class T>
__global__ void stencil_gradient_kernel(Stencil stencil, T* g, const T* losses, const T* centre,
                                        const T* x, const T* h, long first, long size,
                                        Assembly assembly) {
    const long e = thread_index();
    if (e >= size) return;
    const int j = static_cast<int>(first + e);
    const T slope = stencil == Stencil::forward
                        ? forward_difference(losses[e], *centre, h[j])
                        : central_difference(losses[2 * e], losses[2 * e + 1], h[j]);
    g[j] = static_cast<T>(assembly.scale * slope + assembly.penalty.at(j) * x[j]);
}

template <class T>
__global__ void stencil_hessian_kernel(T* H, const T* losses, const T* h, int n, long first,
                                       long size, Assembly assembly) {
    const long e = thread_index();
    if (e >= size) return;
    const PackedEntry at = packed_entry(first + e, n);
    const T* f = losses + 4 * e;
    const bool diagonal = at.row == at.column;
    const T value = diagonal
                        ? second_difference(f[0], f[1], f[3], h[at.row])
                        : four_point_difference(f[0], f[1], f[2], f[3], h[at.row], h[at.column]);
    H[static_cast<std::size_t>(at.column) * n + at.row] =
        static_cast<T>(assembly.scale * value + (diagonal ? assembly.penalty.at(at.row) : 0.0));
}

template <class T>
__global__ void scaled_losses_kernel(double* out, const T* losses, long count, double scale) {
    const long p = thread_index();
    if (p < count) out[p] = scale * static_cast<double>(losses[p]);
}

template <class T>
__global__ void gradient_difference_kernel(T* H, const T* ahead, const T* behind, const T* h, int n,
                                           int column) {
    const int i = static_cast<int>(thread_index());
    if (i < n)
        H[static_cast<std::size_t>(column) * n + i] =
            central_difference(ahead[i], behind[i], h[column]);
}

template <class T>
__global__ void keep_mean_kernel(T* H, int n) {
    const std::size_t row = blockIdx.x * blockDim.x + threadIdx.x;
    const std::size_t column = blockIdx.y * blockDim.y + threadIdx.y;
    if (row >= static_cast<std::size_t>(n) || column >= row) return;
    T& lower = H[column * n + row];
    lower = T(0.5) * (lower + H[row * n + column]);
}

template <class T>
__global__ void unit_vectors_kernel(T* to, int n, int first, long size) {
    const long e = thread_index();
    if (e < size) to[e] = e % n == first + e / n ? T(1) : T(0);
}

}  // namespace

template <class T>
void launch_gradient_difference(T* H, const T* ahead, const T* behind, const T* h, int n,
                                int column, Stream stream) {
    gradient_difference_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(H, ahead, behind, h,
                                                                               n, column);
    check_launch("gradient_difference_kernel");
}

template <class T>
void launch_keep_mean(T* H, int n, Stream stream) {
    keep_mean_kernel<<<dim3(blocks_for(n, 32), blocks_for(n, 8)), dim3(32, 8), 0, stream>>>(H, n);
    check_launch("keep_mean_kernel");
}

template <class T>
void launch_unit_vectors(T* to, int n, int first, int count, Stream stream) {
    const long size = static_cast<long>(n) * count;
    unit_vectors_kernel<<<blocks_for(size, threads), threads, 0, stream>>>(to, n, first, size);
    check_launch("unit_vectors_kernel");
}

template <class T>
void launch_difference_steps(T* h, const T* x, const T* typical, T relative, int n, Stream stream) {
    difference_steps_kernel<<<blocks_for(n, threads), threads, 0, stream>>>(h, x, typical, relative,
                                                                            n);
    check_launch("difference_steps_kernel");
}

template <class T>
void launch_stencil_points(Stencil stencil, T* points, const T* x, const T* h, int n, long first,
                           long size, Stream stream) {
    if (size == 0) return;
    const int per_entry = points_per_entry(stencil);
    const long count = size * per_entry;
    stencil_points_kernel<<<blocks_for(count * n, threads), threads, 0, stream>>>(
        stencil, per_entry, points, x, h, n, first, count);
    check_launch("stencil_points_kernel");
}

template <class T>
void launch_stencil_gradient(Stencil stencil, T* g, const T* losses, const T* centre, const T* x,
                             const T* h, long first, long size, Assembly assembly, Stream stream) {
    if (size == 0) return;
    stencil_gradient_kernel<<<blocks_for(size, threads), threads, 0, stream>>>(
        stencil, g, losses, centre, x, h, first, size, assembly);
    check_launch("stencil_gradient_kernel");
}

template <class T>
void launch_stencil_hessian(T* H, const T* losses, const T* h, int n, long first, long size,
                            Assembly assembly, Stream stream) {
    if (size == 0) return;
    stencil_hessian_kernel<<<blocks_for(size, threads), threads, 0, stream>>>(
        H, losses, h, n, first, size, assembly);
    check_launch("stencil_hessian_kernel");
}

template <class T>
void launch_scaled_losses(double* out, const T* losses, long count, double scale, Stream stream) {
    if (count == 0) return;
    scaled_losses_kernel<<<blocks_for(count, threads), threads, 0, stream>>>(out, losses, count,
                                                                             scale);
    check_launch("scaled_losses_kernel");
}

#define CUNEWTON_INSTANTIATE(T)                                                                    \
    template void launch_difference_steps(T*, const T*, const T*, T, int, Stream);                 \
    template void launch_stencil_points(Stencil, T*, const T*, const T*, int, long, long, Stream); \
    template void launch_stencil_gradient(Stencil, T*, const T*, const T*, const T*, const T*,     \
                                          long, long, Assembly, Stream);                           \
    template void launch_stencil_hessian(T*, const T*, const T*, int, long, long, Assembly,        \
                                         Stream);                                                  \
    template void launch_gradient_difference(T*, const T*, const T*, const T*, int, int, Stream);  \
    template void launch_keep_mean(T*, int, Stream);                                               \
    template void launch_unit_vectors(T*, int, int, int, Stream);                                  \
    template void launch_scaled_losses(double*, const T*, long, double, Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cuda
