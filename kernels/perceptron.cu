#include "kernels/perceptron.h"

#include "cunewton/cuda/launch.cuh"
#include "cunewton/math/perceptron.h"
#include "cunewton/math/random_sign.h"

namespace cunewton::cuda {

namespace {

constexpr int threads = 256;

/// A thread for each sample, and a row of blocks for each unit as far as a grid's second dimension
/// reaches.
dim3 layer_grid(LayerSize size) {
    constexpr int most = 65535;
    return dim3(blocks_for(size.count, threads),
                static_cast<unsigned>(size.units < most ? size.units : most));
}

/// body(i, k) for the sample of this thread and its units.
template <class Body>
__device__ void for_units(LayerSize size, const Body& body) {
    const long i = thread_index();
    if (i >= size.count) return;
    for (int k = static_cast<int>(blockIdx.y); k < size.units; k += static_cast<int>(gridDim.y))
        body(i, k);
}

/// The numbers of one sample, to be indexed by unit; `bias` is added if it is not null.
template <class T>
struct Column {
    using value_type = T;
    T* at;
    std::ptrdiff_t ld;
    __device__ T& operator[](int k) const { return at[k * ld]; }
};
template <class T>
struct BiasedColumn {
    using value_type = T;
    const T* at;
    std::ptrdiff_t ld;
    const T* bias;
    __device__ T operator[](int k) const { return at[k * ld] + bias[k]; }
};

template <Activation activation, class T>
__global__ void activate_kernel(LayerSize size, std::ptrdiff_t ld, const T* bias, T* z, T* slope,
                                T* bend) {
    for_units(size, [&](long i, int k) {
        const std::ptrdiff_t at = k * ld + i;
        const T input = z[at] + bias[k];
        if (!slope) {
            z[at] = expand_activation<activation, 0>(input).f;
            return;
        }
        const Expansion<T> e = expand_activation<activation, 2>(input);
        z[at] = e.f;
        slope[at] = e.f1;
        if (bend) bend[at] = e.f2;
    });
}

template <class T>
__global__ void pass_back_kernel(LayerSize size, std::ptrdiff_t ld, const T* slope, T* d, T* bend) {
    for_units(size, [&](long i, int k) {
        const std::ptrdiff_t at = k * ld + i;
        const T back = d[at];
        d[at] = slope[at] * back;
        if (bend) bend[at] *= back;
    });
}

template <class T>
__global__ void squares_kernel(LayerSize size, const T* from, std::ptrdiff_t ld, const T* weights,
                               bool over_weights, T* to, std::ptrdiff_t to_ld) {
    for_units(size, [&](long i, int k) {
        const T value = weights[i] > 0 ? from[k * ld + i] : T(0);
        const T factor = over_weights && weights[i] > 0 ? 1 / weights[i] : T(1);
        to[k * to_ld + i] = factor * value * value;
    });
}

template <class Loss, class T>
__global__ void __launch_bounds__(loss_block)
    output_loss_kernel(Loss loss, LayerSize size, const T* z, std::ptrdiff_t z_ld, const T* bias,
                       const T* targets, const T* weights, double* partial, T* d, T* p,
                       std::ptrdiff_t d_ld) {
    const long i = thread_index();
    double value = 0;
    if (i < size.count) {
        const BiasedColumn<T> zi{z + i, z_ld, bias};
        const T* const y = targets + i * loss.targets;
        const T w = weights[i];
        // A sample without weight counts for nothing, whatever its loss.
        if (w > T(0)) value = static_cast<double>(w * loss.value(zi, y));
        if (d) {
            Column<T> di{d + i, d_ld};
            loss.gradient(zi, y, di);
            for (int k = 0; k < size.units; ++k) di[k] = w > T(0) ? w * di[k] : T(0);
        }
        if (p) {
            Column<T> pi{p + i, d_ld};
            loss.moments(zi, pi);
        }
    }
    value = block_sum<loss_block>(value);
    if (threadIdx.x == 0) partial[blockIdx.x] = value;
}

template <class T>
__global__ void activate_product_kernel(LayerSize size, const T* slope, std::ptrdiff_t ld,
                                        const T* bias, T* rz, T* ra, std::ptrdiff_t r_ld) {
    for_units(size, [&](long i, int k) {
        const std::ptrdiff_t at = k * r_ld + i;
        const T along = rz[at] + bias[k];
        rz[at] = along;
        ra[at] = slope[k * ld + i] * along;
    });
}

template <class Loss, class T>
__global__ void output_hessian_kernel(Loss loss, LayerSize size, const T* p, std::ptrdiff_t p_ld,
                                      const T* bias, const T* weights, T* u, std::ptrdiff_t u_ld) {
    const long i = thread_index();
    if (i >= size.count) return;
    Column<T> ui{u + i, u_ld};
    for (int k = 0; k < size.units; ++k) ui[k] += bias[k];
    const Column<const T> pi{p + i, p_ld};
    if (weights[i] > 0)
        loss.apply(pi, ui, weights[i]);
    else  // whatever its loss
        for (int k = 0; k < size.units; ++k) ui[k] = T(0);
}

template <class Loss, class T>
__global__ void draw_root_kernel(Loss loss, LayerSize size, const T* p, std::ptrdiff_t p_ld,
                                 const T* weights, std::uint64_t seed, long first, T* u,
                                 std::ptrdiff_t u_ld) {
    const long i = thread_index();
    if (i >= size.count) return;
    const bool counts = weights[i] > 0;
    Column<T> ui{u + i, u_ld};
    const std::uint64_t number = static_cast<std::uint64_t>(first + i) * size.units;
    for (int k = 0; k < size.units; ++k)
        ui[k] = counts ? static_cast<T>(random_sign(seed, number + k)) : T(0);
    if (counts) loss.apply_root(Column<const T>{p + i, p_ld}, ui);
}

template <class T>
__global__ void pass_product_back_kernel(LayerSize size, const T* slope, const T* bend,
                                         std::ptrdiff_t ld, const T* rz, T* rd,
                                         std::ptrdiff_t r_ld) {
    for_units(size, [&](long i, int k) {
        const std::ptrdiff_t at = k * ld + i, r_at = k * r_ld + i;
        const T scaled = slope[at] * rd[r_at];
        rd[r_at] = bend ? scaled + bend[at] * rz[r_at] : scaled;
    });
}

/// A block a unit.
template <class T>
__global__ void __launch_bounds__(threads)
    unit_sums_kernel(long count, const T* d, std::ptrdiff_t ld, T* to) {
    const T* column = d + blockIdx.x * ld;
    double sum = 0;
    for (long i = threadIdx.x; i < count; i += threads) sum += static_cast<double>(column[i]);
    sum = block_sum<threads>(sum);
    if (threadIdx.x == 0) to[blockIdx.x] = static_cast<T>(sum);
}

template <class T>
__global__ void add_to_kernel(double* to, const T* from, long count, bool add) {
    const long j = thread_index();
    if (j >= count) return;
    const double value = static_cast<double>(from[j]);
    to[j] = add ? to[j] + value : value;
}

}  // namespace

template <class T>
void launch_activate(Activation activation, LayerSize size, std::ptrdiff_t ld, const T* bias, T* z,
                     T* slope, T* bend, Stream stream) {
    with_activation(activation, [&]<Activation known>() {
        activate_kernel<known>
            <<<layer_grid(size), threads, 0, stream>>>(size, ld, bias, z, slope, bend);
    });
    check_launch("activate_kernel");
}

template <class T>
void launch_pass_back(LayerSize size, std::ptrdiff_t ld, const T* slope, T* d, T* bend,
                      Stream stream) {
    pass_back_kernel<<<layer_grid(size), threads, 0, stream>>>(size, ld, slope, d, bend);
    check_launch("pass_back_kernel");
}

template <class T>
void launch_output_loss(PerceptronLoss loss, LayerSize size, const T* z, std::ptrdiff_t z_ld,
                        const T* bias, const T* targets, int target_count, const T* weights,
                        double* partial, T* d, T* p, std::ptrdiff_t d_ld, Stream stream) {
    with_loss(loss, size.units, target_count, [&](const auto& known) {
        output_loss_kernel<<<blocks_for(size.count, loss_block), loss_block, 0, stream>>>(
            known, size, z, z_ld, bias, targets, weights, partial, d, p, d_ld);
    });
    check_launch("output_loss_kernel");
}

template <class T>
void launch_activate_product(LayerSize size, const T* slope, std::ptrdiff_t ld, const T* bias,
                             T* rz, T* ra, std::ptrdiff_t r_ld, Stream stream) {
    activate_product_kernel<<<layer_grid(size), threads, 0, stream>>>(size, slope, ld, bias, rz, ra,
                                                                      r_ld);
    check_launch("activate_product_kernel");
}

template <class T>
void launch_output_hessian(PerceptronLoss loss, LayerSize size, const T* p, std::ptrdiff_t p_ld,
                           const T* bias, const T* weights, T* u, std::ptrdiff_t u_ld,
                           Stream stream) {
    with_loss(loss, size.units, size.units, [&](const auto& known) {
        output_hessian_kernel<<<blocks_for(size.count, threads), threads, 0, stream>>>(
            known, size, p, p_ld, bias, weights, u, u_ld);
    });
    check_launch("output_hessian_kernel");
}

template <class T>
void launch_draw_root(PerceptronLoss loss, LayerSize size, const T* p, std::ptrdiff_t p_ld,
                      const T* weights, std::uint64_t seed, long first, T* u, std::ptrdiff_t u_ld,
                      Stream stream) {
    with_loss(loss, size.units, size.units, [&](const auto& known) {
        draw_root_kernel<<<blocks_for(size.count, threads), threads, 0, stream>>>(
            known, size, p, p_ld, weights, seed, first, u, u_ld);
    });
    check_launch("draw_root_kernel");
}

template <class T>
void launch_pass_product_back(LayerSize size, const T* slope, const T* bend, std::ptrdiff_t ld,
                              const T* rz, T* rd, std::ptrdiff_t r_ld, Stream stream) {
    pass_product_back_kernel<<<layer_grid(size), threads, 0, stream>>>(size, slope, bend, ld, rz,
                                                                       rd, r_ld);
    check_launch("pass_product_back_kernel");
}

template <class T>
void launch_squares(LayerSize size, const T* from, std::ptrdiff_t ld, const T* weights,
                    bool over_weights, T* to, std::ptrdiff_t to_ld, Stream stream) {
    squares_kernel<<<layer_grid(size), threads, 0, stream>>>(size, from, ld, weights, over_weights,
                                                             to, to_ld);
    check_launch("squares_kernel");
}

template <class T>
void launch_unit_sums(LayerSize size, const T* d, std::ptrdiff_t ld, T* to, Stream stream) {
    unit_sums_kernel<<<static_cast<unsigned>(size.units), threads, 0, stream>>>(size.count, d, ld,
                                                                                to);
    check_launch("unit_sums_kernel");
}

template <class T>
void launch_add_to(double* to, const T* from, long count, bool add, Stream stream) {
    add_to_kernel<<<blocks_for(count, threads), threads, 0, stream>>>(to, from, count, add);
    check_launch("add_to_kernel");
}

#define CUNEWTON_INSTANTIATE(T)                                                                   \
    template void launch_activate(Activation, LayerSize, std::ptrdiff_t, const T*, T*, T*, T*,    \
                                  Stream);                                                        \
    template void launch_pass_back(LayerSize, std::ptrdiff_t, const T*, T*, T*, Stream);          \
    template void launch_output_loss(PerceptronLoss, LayerSize, const T*, std::ptrdiff_t,         \
                                     const T*, const T*, int, const T*, double*, T*, T*,          \
                                     std::ptrdiff_t, Stream);                                     \
    template void launch_activate_product(LayerSize, const T*, std::ptrdiff_t, const T*, T*, T*,  \
                                          std::ptrdiff_t, Stream);                                \
    template void launch_output_hessian(PerceptronLoss, LayerSize, const T*, std::ptrdiff_t,      \
                                        const T*, const T*, T*, std::ptrdiff_t, Stream);          \
    template void launch_pass_product_back(LayerSize, const T*, const T*, std::ptrdiff_t,         \
                                           const T*, T*, std::ptrdiff_t, Stream);                 \
    template void launch_draw_root(PerceptronLoss, LayerSize, const T*, std::ptrdiff_t, const T*, \
                                   std::uint64_t, long, T*, std::ptrdiff_t, Stream);              \
    template void launch_squares(LayerSize, const T*, std::ptrdiff_t, const T*, bool, T*,         \
                                 std::ptrdiff_t, Stream);                                         \
    template void launch_unit_sums(LayerSize, const T*, std::ptrdiff_t, T*, Stream);              \
    template void launch_add_to(double*, const T*, long, bool, Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::cuda
