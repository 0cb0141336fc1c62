// The GPU code of a model or an objective of small problems: kernels for a functor, behind the
// interface of cuda/small_code.h. For .cu files.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <string>

#include "cunewton/cuda/check.cuh"
#include "cunewton/cuda/launch.cuh"
#include "cunewton/cuda/small_code.h"
#include "cunewton/cuda/small_guess.cuh"
#include "cunewton/cuda/small_kernels.cuh"
#include "cunewton/cuda/small_plan.h"

namespace cunewton::cuda {

/// The limits of the current device.
inline DeviceLimits device_limits() {
    int device = 0;
    cudaError_t status = cudaGetDevice(&device);
    const auto get = [&](cudaDeviceAttr attribute) {
        int value = 0;
        if (status == cudaSuccess) status = cudaDeviceGetAttribute(&value, attribute, device);
        return value;
    };
    const DeviceLimits limits{get(cudaDevAttrMultiProcessorCount),
                              get(cudaDevAttrMaxBlocksPerMultiprocessor),
                              get(cudaDevAttrMaxSharedMemoryPerBlockOptin),
                              get(cudaDevAttrMaxSharedMemoryPerMultiprocessor),
                              get(cudaDevAttrReservedSharedMemoryPerBlock)};
    check_call(status, "the device has no limits");
    return limits;
}

namespace detail {

/// Lets a kernel use all the shared memory that the device has for a block. The limit is the
/// kernel's and not the launch's: it is always set to the same value, never to what one launch
/// needs, since another thread may be about to launch the kernel for a batch that needs more.
inline void allow_all_shared_memory(const void* kernel, const DeviceLimits& limits) {
    constexpr const char* problem = "shared memory was not reserved for a batch";
    cudaFuncAttributes attributes;
    check_call(cudaFuncGetAttributes(&attributes, kernel), problem);
    const int most =
        static_cast<int>(limits.block_bytes) - static_cast<int>(attributes.sharedSizeBytes);
    if (attributes.maxDynamicSharedSizeBytes != most)
        check_call(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most),
                   problem);
    if (attributes.preferredShmemCarveout != cudaSharedmemCarveoutMaxShared)
        check_call(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                        cudaSharedmemCarveoutMaxShared),
                   problem);
}

}  // namespace detail

/// A functor's GPU code. Model: see make_fit_model() and make_small_objective().
template <class T, class Model, SmallKind model_kind>
class SmallCodeOf final : public SmallCode<T> {
  public:
    explicit SmallCodeOf(const Model& model) : model_(model) {}
    SmallKind kind() const override { return model_kind; }
    int parameters() const override { return Model::parameters; }
    int coordinates() const override { return Model::coordinates; }
    bool has_analytic() const override { return own; }
    void solve(const DeviceJob<T>& job, Stream stream) const override {
        const batch::BatchMethod<T>& method = job.method;
        if (job.batch.problems == 0) return;
        if (method.derivatives == BatchDerivatives::analytic && !own)
            throw InvalidArgument(
                "analytic derivatives are missing (the model has none of its own) "
                "choose BatchDerivatives::automatic");
        detail::BatchLaunch<T> launch{
            job, {}, false, true, central_step<T>(), second_difference_step<T>()};
        batch::BatchView<T>& batch = launch.job.batch;
        // A model without coordinates has nothing to be copied.
        if (Model::coordinates == 0) batch.coordinates = {};
        const bool own_coordinates = batch.coordinates.row != 0;
        launch.neighbours = batch.y.column == 1 && batch.weights.column == 1 &&
                            (!own_coordinates || batch.coordinates.column == 1);
        const detail::BatchNeeds needs{model_kind,
                                       method.derivatives,
                                       Model::parameters,
                                       Model::coordinates,
                                       batch.points,
                                       method.settings.bounded,
                                       static_cast<bool>(batch.weights),
                                       own_coordinates};
        const DeviceLimits limits = device_limits();
        const BatchPlan plan = plan_batch(batch_memory(needs, sizeof(T)), limits);
        launch.at = detail::batch_layout(needs, plan.thread_kernel, plan.data_in_shared);
        launch.data_in_shared = plan.data_in_shared;
        if (plan.warps == 0)
            throw BackendUnavailable("the device has too little shared memory for the solver (" +
                                     std::to_string(limits.block_bytes) + " bytes a block, " +
                                     std::to_string(plan.shared_bytes) + " needed for " +
                                     std::to_string(Model::parameters) +
                                     " parameters) use the CPU backend");
        queue(kernel_for(plan, method.derivatives), launch, plan, limits, stream);
    }

    bool has_guess() const override { return guesses; }
    void guess(const batch::BatchView<T>& batch, T* start, Stream stream) const override {
        if constexpr (guesses) {
            constexpr int threads = 128;
            const long warps = std::min<long>(batch.problems, 1L << 20);
            const unsigned blocks = blocks_for(warps * detail::warp_threads, threads);
            detail::batch_guess_kernel<T, Model>
                <<<blocks, threads, 0, stream>>>(model_, batch, start);
            check_launch("a batch's guesses");
        } else {
            throw InvalidArgument("a start is missing (the model has no guess()) pass one");
        }
    }

  private:
    static constexpr bool own = detail::has_own_derivatives<model_kind, Model>;
    static constexpr bool guesses = model_kind == SmallKind::fit &&
                                    HasGuess<Model, detail::WarpGuessPoints<T, Model::coordinates>>;
    using Kernel = void (*)(const Model, const detail::BatchLaunch<T>);

    static Kernel kernel_for(const BatchPlan& plan, BatchDerivatives by) {
        if constexpr (Model::parameters <= most_thread_parameters(model_kind, sizeof(T))) {
            if (plan.thread_kernel) {
                if constexpr (model_kind == SmallKind::fit) {
                    return &detail::batch_thread_kernel<model_kind, true, T, Model>;
                } else {
                    if constexpr (own)
                        if (by == BatchDerivatives::analytic)
                            return &detail::batch_thread_kernel<model_kind, true, T, Model>;
                    return &detail::batch_thread_kernel<model_kind, false, T, Model>;
                }
            }
        }
        return &detail::batch_warp_kernel<model_kind, T, Model>;
    }

    void queue(Kernel kernel, const detail::BatchLaunch<T>& launch, const BatchPlan& plan,
               const DeviceLimits& limits, Stream stream) const {
        const int threads = plan.warps * detail::warp_threads;
        const int bytes = static_cast<int>(plan.shared_bytes);
        detail::allow_all_shared_memory(reinterpret_cast<const void*>(kernel), limits);
        int resident = 0;
        check_call(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, threads,
                                                                 static_cast<std::size_t>(bytes)),
                   "a batch's kernel does not fit onto the device");
        const long runs = launch.job.batch.runs();
        const long runs_per_block = plan.thread_kernel ? threads : plan.warps;
        const long blocks = std::min<long>((runs + runs_per_block - 1) / runs_per_block,
                                           long{limits.multiprocessors} * std::max(1, resident));
        check_call(cudaMemsetAsync(launch.job.queue, 0, sizeof(*launch.job.queue), stream),
                   "a batch's queue was not reset");
        kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads),
                 static_cast<std::size_t>(bytes), stream>>>(model_, launch);
        check_launch("a batch's kernel");
    }

    Model model_;
};

}  // namespace cunewton::cuda
