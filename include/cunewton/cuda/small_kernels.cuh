// Kernels that solve small problems: a thread for each, or a warp. For .cu files.
//
// A kernel runs as many problems at a time as fit onto the device. Whoever has finished one takes
// the next from a queue, so that a problem of many iterations holds nobody else up, and results do
// not depend on who solves which. A problem's data are read from global memory once, into shared
// memory (cuda/small_plan.h tells the exception), where its solver state lies too.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cuda/small_code.h"
#include "cunewton/cuda/small_evaluate.cuh"
#include "cunewton/cuda/small_plan.h"
#include "cunewton/small/problem.h"
#include "cunewton/small/problem_io.h"
#include "cunewton/small/solver.h"

namespace cunewton::cuda::detail {

/// What a kernel is told.
template <class T>
struct BatchLaunch {
    DeviceJob<T> job;
    BatchLayout at;
    bool data_in_shared;
    bool neighbours;            ///< the numbers of a row are, in all arrays of points
    T first_step, second_step;  ///< of differences: relative
};

#if defined(__CUDACC__)

// ---- A problem's data on their way into shared memory.

/// Copies `count` numbers to to[0], to[stride], ...; all threads of a warp call it. Several reads
/// are on their way at a time. `neighbours`: the numbers are, whatever `distance` says.
template <int stride, bool neighbours, class T>
__device__ __forceinline__ void copy_by_warp(T* to, const T* from, std::ptrdiff_t distance,
                                             int count, int lane) {
    if (neighbours) distance = 1;
    constexpr int depth = 8;
    for (int first = lane; first < count; first += depth * warp_threads) {
        T values[depth];
#pragma unroll
        for (int k = 0; k < depth; ++k)
            if (first + k * warp_threads < count)
                values[k] = from[(first + k * warp_threads) * distance];
#pragma unroll
        for (int k = 0; k < depth; ++k)
            if (first + k * warp_threads < count)
                to[(first + k * warp_threads) * stride] = values[k];
    }
}
/// Copies a problem's data to its shared memory; copy(to, from, distance, count) copies an array.
template <class T, class Copy>
__device__ __forceinline__ void load_points(const BatchLaunch<T>& launch, int coordinates,
                                            int stride, T* memory, long begin, int count,
                                            const Copy& copy) {
    const batch::BatchView<T>& batch = launch.job.batch;
    const BatchLayout& at = launch.at;
    const auto load = [&](int place, const batch::Rows<const T>& from, int numbers) {
        copy(memory + place * stride, from.data + begin * from.row, from.column, numbers);
    };
    if (batch.y) load(at.y, batch.y, count);
    if (batch.weights) load(at.weights, batch.weights, count);
    if (batch.coordinates.row != 0) load(at.x, batch.coordinates, count * coordinates);
}

/// Whether all that counts of the data is a number. Points of weight 0 are not looked at.
template <SmallKind kind, int coordinates, class T, int stride, class Group>
__device__ __forceinline__ batch::CheckedPoints<T> check_points(const BatchLaunch<T>& launch,
                                                                const PointData<T, stride>& data,
                                                                const Group& group) {
    const bool poisson = launch.job.method.estimator == Estimator::poisson;
    const bool own_coordinates = launch.job.batch.coordinates.row != 0;
    batch::PointCheck<T> check;
    if (kind == SmallKind::fit && !data.weights && !poisson && !own_coordinates) {
        for (int i = group.rank(); i < data.count; i += group.size(), ++check.counted)
            check.look_at_y(data.y_at(i), T(1), false);
    } else {
        for (int i = group.rank(); i < data.count; i += group.size()) {
            const T weight = data.weight(i);
            if (!check.counts(weight)) continue;
            if constexpr (kind == SmallKind::fit) check.look_at_y(data.y_at(i), weight, poisson);
            if (own_coordinates) {
                const auto x = point<coordinates, T>(data, i);
                for (int c = 0; c < coordinates; ++c) check.look_at_coordinate(x[c]);
            }
        }
    }
    check.magnitude = sum_of(group, check.magnitude);
    check.counted = sum_of(group, check.counted);
    batch::CheckedPoints<T> checked = check.result();
    checked.usable = all_of(group, checked.usable);
    return checked;
}

template <class T, class Group>
__device__ __forceinline__ bool load_start(const BatchLaunch<T>& launch,
                                           const batch::Memory<T>& slots, long run, long problem,
                                           const batch::CheckedPoints<T>& points,
                                           const Group& group) {
    return batch::load_start(launch.job.batch, launch.job.method, launch.at.state, slots,
                             slots.from(launch.at.sizes), run, problem, points, group);
}
template <SmallKind kind, class T, class Group>
__device__ __forceinline__ void emit(const BatchLaunch<T>& launch, const batch::Memory<T>& slots,
                                     long run, bool usable, int counted, const Group& group) {
    batch::emit<kind>(launch.job.results, launch.job.method, launch.at.state, slots, run, usable,
                      counted, group);
}

template <class T>
__device__ __forceinline__ DifferenceSteps<T> steps_of(const BatchLaunch<T>& launch,
                                                       const batch::Memory<T>& slots) {
    const batch::StateLayout& state = launch.at.state;
    return {slots.from(state.trial()),
            slots.from(launch.at.sizes),
            slots.from(state.lower()),
            slots.from(state.upper()),
            state.bounded,
            launch.first_step,
            launch.second_step};
}

// ---- Evaluate and advance.

template <class T, int n>
struct RegisterTrial {
    batch::LocalMemory<T, 1> f;
    batch::LocalMemory<T, n> gradient;
    batch::LocalMemory<T, n*(n + 1) / 2> hessian;
};

template <SmallKind kind, int N, class T, class Trial, class Group>
__device__ __forceinline__ void advance(const BatchLaunch<T>& launch, const batch::Memory<T>& slots,
                                        const Trial& trial, const Group& group) {
    if constexpr (kind == SmallKind::fit)
        batch::advance_fit<N, T>(slots, launch.at.state, trial, launch.job.method.settings, group);
    else
        batch::advance_objective<N, T>(slots, launch.at.state, trial, launch.job.method.settings,
                                       group);
}

/// f is half of a fit's objective.
template <SmallKind kind, class T>
inline constexpr T half = kind == SmallKind::fit ? T(0.5) : T(1);

/// An iteration of the thread's own problem. `in_registers`: the sums over points stay there, as
/// those of fits and of objectives with a Hessian of their own do; or their entries are evaluated
/// one by one.
template <SmallKind kind, bool in_registers, class T, class Model>
__device__ __forceinline__ void iterate_thread(const Model& model, const BatchLaunch<T>& launch,
                                               const batch::Memory<T>& slots,
                                               const PointData<T, column_stride>& data) {
    constexpr int n = Model::parameters;
    const BatchLayout& at = launch.at;
    const batch::Alone alone;
    const DifferenceSteps<T> steps = steps_of(launch, slots);
    T p[n];
    batch::for_parameters<n>([&](int j) { p[j] = steps.x(j); });
    if constexpr (in_registers) {
        const batch::Sums<T, n> sums =
            sum_points<kind>(model, launch.job.method, data, p, 0, 1, steps, slots.from(at.rows));
        RegisterTrial<T, n> trial;
        trial.f.set(0, half<kind, T> * sums.f);
        batch::for_parameters<n>([&](int j) { trial.gradient.set(j, sums.g[j]); });
        batch::for_triangle<n>([&](int k, int, int) { trial.hessian.set(k, sums.h[k]); });
        advance<kind, n>(launch, slots, trial, alone);
    } else {
        const batch::Memory<T> f = slots.from(at.trial);
        const batch::TrialMemory<T> trial{f, f.from(1), f.from(1 + n)};
        sum_entries(model, launch.job.method, data, p, steps, trial, alone);
        advance<kind, n>(launch, slots, trial, alone);
    }
}

/// An iteration of the warp's problem.
template <SmallKind kind, class T, class Model>
__device__ __forceinline__ void iterate_warp(const Model& model, const BatchLaunch<T>& launch,
                                             T* memory, const PointData<T, 1>& data,
                                             const Warp& warp) {
    constexpr int n = Model::parameters;
    constexpr bool unrolled = n <= batch::unrolled_parameters;
    constexpr bool fit = kind == SmallKind::fit;
    constexpr bool own = has_own_derivatives<kind, Model>;
    const BatchLayout& at = launch.at;
    const batch::Memory<T> slots{memory, 1};
    const DifferenceSteps<T> steps = steps_of(launch, slots);
    const T* const p = memory + at.state.trial();
    const batch::Memory<T> f = slots.from(at.trial);
    const batch::TrialMemory<T> trial{f, f.from(1), f.from(1 + n)};
    // Whole points or terms; or the entries of an objective's Hessian one by one.
    const auto sum_whole = [&] {
        if constexpr (unrolled && (fit || own)) {
            const batch::Memory<T> rows{memory + at.rows + warp.lane, warp_threads};
            const batch::Sums<T, n> sums = sum_points<kind>(model, launch.job.method, data, p,
                                                            warp.lane, warp_threads, steps, rows);
            const auto put = [&](const batch::Memory<T>& to, int k, T value) {
                value = warp.sum(value);
                if (warp.lane == 0) to.set(k, value);
            };
            put(f, 0, half<kind, T> * sums.f);
            batch::for_parameters<n>([&](int j) { put(trial.gradient, j, sums.g[j]); });
            batch::for_triangle<n>([&](int k, int, int) { put(trial.hessian, k, sums.h[k]); });
        } else if constexpr (fit) {
            sum_tiles(model, launch.job.method, data, p, steps, memory + at.rows, memory + at.trial,
                      warp);
        } else if constexpr (own) {
            sum_own_hessians(model, data, p, memory + at.rows, f, warp);
        }
    };
    if (fit || (own && launch.job.method.derivatives == BatchDerivatives::analytic))
        sum_whole();
    else if constexpr (!fit)
        sum_entries(model, launch.job.method, data, p, steps, trial, warp);
    warp.sync();
    advance<kind, 0>(launch, slots, trial, warp);
}

// ---- The kernels.

template <class T>
__device__ __forceinline__ T* shared_memory() {
    extern __shared__ double memory[];
    return reinterpret_cast<T*>(memory);
}

/// The shared coordinates of all problems, copied to shared memory by the block.
template <int coordinates, class T>
__device__ __forceinline__ int load_shared_coordinates(const batch::BatchView<T>& batch, T* to) {
    if (batch.coordinates.row != 0 || coordinates == 0) return 0;
    const int count = batch.points * coordinates;
    for (int k = threadIdx.x; k < count; k += blockDim.x) to[k] = batch.coordinates(0, k);
    __syncthreads();
    return count;
}

/// A run's number from its place in the queue.
template <class T>
__device__ __forceinline__ long run_at(const DeviceJob<T>& job, unsigned long long place) {
    const long p = static_cast<long>(place);
    if (!job.order) return p;
    const long starts = job.batch.starts;
    return job.order[p / starts] * starts + p % starts;
}

/// A thread for each problem of at most most_thread_parameters(). in_registers: see
/// iterate_thread().
template <SmallKind kind, bool in_registers, class T, class Model>
__global__ void __launch_bounds__(256, 1)
    batch_thread_kernel(const Model model, const BatchLaunch<T> launch) {
    constexpr int coordinates = Model::coordinates;
    const batch::BatchView<T>& batch = launch.job.batch;
    const BatchLayout& at = launch.at;
    const unsigned long long runs = static_cast<unsigned long long>(batch.problems) * batch.starts;
    const int lane = threadIdx.x % warp_threads;
    const batch::Alone alone;
    const bool own_coordinates = batch.coordinates.row != 0;

    T* const block = shared_memory<T>();
    T* const columns = block + load_shared_coordinates<coordinates>(batch, block) +
                       threadIdx.x / warp_threads * (at.size * column_stride);
    T* const column = columns + lane;
    const batch::Memory<T> slots{column, column_stride};
    PointData<T, column_stride> data;
    data.y = column + at.y * column_stride;
    data.weights = batch.weights ? column + at.weights * column_stride : nullptr;
    data.x = own_coordinates ? column + at.x * column_stride : block;
    data.x_stride = own_coordinates ? column_stride : 1;
    data.count = 0;

    bool busy = false, more = true;  // this thread has a problem; the queue may have some
    long run = 0;
    int counted = 0;
    for (;;) {
        const unsigned idle = __ballot_sync(~0u, !busy);
        if (more && idle != 0) {
            // One problem for each idle thread.
            unsigned long long first = 0;
            if (lane == 0) first = atomicAdd(launch.job.queue, static_cast<unsigned>(__popc(idle)));
            first = __shfl_sync(~0u, first, 0);
            more = first + __popc(idle) < runs;
            const unsigned long long mine = first + __popc(idle & ((1u << lane) - 1));
            const bool fresh = !busy && mine < runs;
            long problem = 0;
            batch::PointRange points{};
            if (fresh) {
                run = run_at(launch.job, mine);
                problem = run / batch.starts;
                points = batch.points_of(problem);
                data.count = points.count;
            }
            __syncwarp();
            if (launch.neighbours) {
                // The warp copies the data of one after the other.
                for (unsigned left = __ballot_sync(~0u, fresh); left != 0; left &= left - 1) {
                    const int owner = __ffs(left) - 1;
                    load_points(launch, coordinates, column_stride, columns + owner,
                                __shfl_sync(~0u, points.begin, owner),
                                __shfl_sync(~0u, points.count, owner),
                                [&](T* to, const T* from, std::ptrdiff_t, int count) {
                                    copy_by_warp<column_stride, true>(to, from, 1, count, lane);
                                });
                }
            } else if (fresh) {
                // Neighbouring problems' numbers are more likely to be neighbours than a problem's.
                load_points(launch, coordinates, column_stride, column, points.begin, points.count,
                            [](T* to, const T* from, std::ptrdiff_t distance, int count) {
#pragma unroll 8
                                for (int k = 0; k < count; ++k)
                                    to[k * column_stride] = from[k * distance];
                            });
            }
            __syncwarp();
            if (fresh) {
                const batch::CheckedPoints<T> checked =
                    check_points<kind, coordinates>(launch, data, alone);
                counted = checked.counted;
                busy = checked.usable && load_start(launch, slots, run, problem, checked, alone);
                if (!busy) emit<kind>(launch, slots, run, false, counted, alone);
            }
        }
        if (__ballot_sync(~0u, busy) == 0) {
            if (!more) return;
            continue;
        }
        if (busy) {
            iterate_thread<kind, in_registers>(model, launch, slots, data);
            if (slots(batch::StateLayout::status) >= T(batch::ended)) {
                emit<kind>(launch, slots, run, true, counted, alone);
                busy = false;
            }
        }
    }
}

/// A warp for each problem.
template <SmallKind kind, class T, class Model>
__global__ void __launch_bounds__(256, 1)
    batch_warp_kernel(const Model model, const BatchLaunch<T> launch) {
    constexpr int coordinates = Model::coordinates;
    const batch::BatchView<T>& batch = launch.job.batch;
    const BatchLayout& at = launch.at;
    const unsigned long long runs = static_cast<unsigned long long>(batch.problems) * batch.starts;
    const Warp warp;
    const bool own_coordinates = batch.coordinates.row != 0;

    T* const block = shared_memory<T>();
    const int before =
        launch.data_in_shared ? load_shared_coordinates<coordinates>(batch, block) : 0;
    T* const memory = block + before + threadIdx.x / warp_threads * at.size;
    const batch::Memory<T> slots{memory, 1};
    PointData<T, 1> data;
    data.x_stride = launch.data_in_shared ? 1 : batch.coordinates.column;
    if (!launch.data_in_shared) {
        data.y_stride = batch.y.column;
        data.weight_stride = batch.weights.column;
    }
    for (;;) {
        unsigned long long place = 0;
        if (warp.lane == 0) place = atomicAdd(launch.job.queue, 1ull);
        place = __shfl_sync(~0u, place, 0);
        if (place >= runs) return;
        const long run = run_at(launch.job, place), problem = run / batch.starts;
        const batch::PointRange points = batch.points_of(problem);
        data.count = points.count;
        if (launch.data_in_shared) {
            load_points(launch, coordinates, 1, memory, points.begin, points.count,
                        [&](T* to, const T* from, std::ptrdiff_t distance, int count) {
                            copy_by_warp<1, false>(to, from, distance, count, warp.lane);
                        });
            data.y = memory + at.y;
            data.weights = batch.weights ? memory + at.weights : nullptr;
            data.x = own_coordinates ? memory + at.x : block;
        } else {
            data.y = batch.y.data + points.begin * batch.y.row;
            data.weights =
                batch.weights ? batch.weights.data + points.begin * batch.weights.row : nullptr;
            data.x = batch.coordinates.data + points.begin * batch.coordinates.row;
        }
        warp.sync();
        const batch::CheckedPoints<T> checked = check_points<kind, coordinates>(launch, data, warp);
        const bool usable =
            checked.usable && load_start(launch, slots, run, problem, checked, warp);
        if (usable) do
                iterate_warp<kind>(model, launch, memory, data, warp);
            while (slots(batch::StateLayout::status) < T(batch::ended));
        emit<kind>(launch, slots, run, usable, checked.counted, warp);
        warp.sync();
    }
}

#endif  // __CUDACC__

}  // namespace cunewton::cuda::detail
