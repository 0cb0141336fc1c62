#include "kernels/batch_statistics.h"

#include <algorithm>

#include "cunewton/cuda/launch.cuh"
#include "cunewton/cuda/small_kernels.cuh"
#include "cunewton/small/hessian_statistics.h"

namespace cunewton::cuda {

namespace {

/// A warp a run; a run's workspace is in shared memory.
template <class T>
__global__ void batch_statistics_kernel(const DeviceBatch<T> batch, int n, std::uint64_t fixed,
                                        bool scaled) {
    extern __shared__ double statistics_memory[];
    const detail::Warp warp;
    const int warps = static_cast<int>(blockDim.x) / detail::warp_threads;
    const int own = static_cast<int>(threadIdx.x) / detail::warp_threads;
    double* const work = statistics_memory + own * batch::statistics_workspace(n);
    const long runs = batch.problems * batch.starts;
    for (long run = static_cast<long>(blockIdx.x) * warps + own; run < runs;
         run += static_cast<long>(gridDim.x) * warps) {
        const T* hessian = batch.hessian + run * packed_size(n);
        const long bounds = batch.shared_bounds ? 0 : run / batch.starts * n;
        std::uint64_t at_bound = 0;
        int free = n;
        for (int j = 0; j < n; ++j) {
            const bool equal =
                batch.lower && batch.upper && batch.lower[bounds + j] == batch.upper[bounds + j];
            const bool known = (fixed >> j & 1) != 0 || equal;
            free -= known;
            const bool left_out = hessian[packed_index(j, j, n)] == batch::not_free<T>;
            at_bound |= std::uint64_t{left_out && !known} << j;
        }
        double scale = 1;
        if (scaled) {
            const int freedom = batch.counted_points[run] - free;
            scale = freedom > 0 ? static_cast<double>(batch.objective[run]) / freedom
                                : limits::not_a_number<double>;
        }
        batch::StatisticsOut<T> out;
        if (batch.covariance) out.covariance = batch.covariance + run * n * n;
        if (batch.standard_errors) out.standard_errors = batch.standard_errors + run * n;
        if (batch.condition_number) out.condition_number = batch.condition_number + run;
        if (batch.undetermined) out.undetermined = batch.undetermined + run;
        batch::hessian_statistics(hessian, n, scale, static_cast<double>(limits::epsilon<T>),
                                  at_bound, out, work, warp);
    }
}

}  // namespace

template <class T>
void launch_batch_statistics(const DeviceBatch<T>& batch, int n, std::uint64_t fixed, bool scaled,
                             Stream stream) {
    const long runs = batch.problems * batch.starts;
    if (runs == 0) return;
    // What every device lets a block have without being asked.
    constexpr long shared = 48 * 1024;
    const long bytes = batch::statistics_workspace(n) * static_cast<long>(sizeof(double));
    const int warps = static_cast<int>(std::clamp(shared / bytes, 1L, 8L));
    const long blocks = std::min((runs + warps - 1) / warps, 1L << 20);
    // Without those that depend on the scale, the points need not have been counted.
    scaled = scaled && (batch.covariance || batch.standard_errors);
    batch_statistics_kernel<<<static_cast<unsigned>(blocks),
                              static_cast<unsigned>(warps * detail::warp_threads),
                              static_cast<std::size_t>(warps * bytes), stream>>>(batch, n, fixed,
                                                                                 scaled);
    check_launch("the statistics of a batch");
}
template void launch_batch_statistics(const DeviceBatch<double>&, int, std::uint64_t, bool, Stream);
template void launch_batch_statistics(const DeviceBatch<float>&, int, std::uint64_t, bool, Stream);

}  // namespace cunewton::cuda
