// Kernels that solve small problems: a thread for each, or a warp. For .cu files.
//
// A kernel runs as many problems at a time as fit onto the device. Whoever has finished one takes
// the next from a queue, so that a problem of many iterations holds nobody else up, and results do
// not depend on who solves which. A problem's data are read from global memory once, into shared
// memory (cuda/small_plan.h tells the exception), where its solver state lies too.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cuda/small_code.h"
#include "cunewton/math/stencil.h"
#include "cunewton/scalar/single.h"
#include "cunewton/small/problem.h"
#include "cunewton/small/solver.h"

namespace cunewton::cuda::detail {

inline constexpr int warp_threads = 32;
/// Number k of a thread's problem lies at [k * column_stride] of its warp's shared memory. An odd
/// stride lets the warp write one problem's neighbouring points without bank conflicts, as well as
/// read the same point of all its problems.
inline constexpr int column_stride = warp_threads + 1;
/// Parameters of derivatives that a Jet carries all at once; beyond, one Dual at a time.
inline constexpr int jet_parameters = 16;

/// Where a problem's numbers lie in shared memory.
struct BatchLayout {
    batch::StateLayout state;
    int trial;  ///< f, gradient, Hessian at the trial point, where registers do not hold them
    int sizes;  ///< differences: typical ones of the parameters
    int rows;   ///< derivatives of points, before they are summed
    int y, weights, x;
    int data;  ///< where y begins
    int size;
};

/// How numbers are laid out for a model, without its type.
struct BatchNeeds {
    SmallKind kind;
    BatchDerivatives by;
    int n, coordinates;
    int points;
    bool bounded, weighted, own_coordinates;
};
inline BatchLayout batch_layout(const BatchNeeds& needs, bool thread_kernel, bool data_in_shared) {
    const int n = needs.n;
    const bool fit = needs.kind == SmallKind::fit, unrolled = n <= batch::unrolled_parameters;
    const bool differences = needs.by == BatchDerivatives::differences;
    const bool analytic = needs.by == BatchDerivatives::analytic;
    BatchLayout at{};
    at.state = {n, fit, needs.bounded, !thread_kernel};
    const int packed = at.state.packed();
    at.trial = at.state.size();
    at.sizes = at.trial + (thread_kernel && (fit || analytic) ? 0 : 1 + n + packed);
    at.rows = at.sizes + (differences ? n : 0);
    int rows = 0;
    if (fit && unrolled) rows = differences ? n * (thread_kernel ? 1 : warp_threads) : 0;
    if (fit && !unrolled) rows = warp_threads * ((n | 1) + 3);
    if (!fit && analytic && !unrolled) rows = n + packed;
    at.data = at.y = at.rows + rows;
    const int points = data_in_shared ? needs.points : 0;
    at.weights = at.y + (fit ? points : 0);
    at.x = at.weights + (needs.weighted ? points : 0);
    at.size = at.x + (needs.own_coordinates ? points * needs.coordinates : 0);
    return at;
}

/// What a kernel is told.
template <class T>
struct BatchLaunch {
    DeviceBatch<T> batch;
    BatchMethod<T> method;
    BatchLayout at;
    bool data_in_shared;
    T first_step, second_step;  ///< of differences: relative
};

#if defined(__CUDACC__)

// ---- Groups: who solves a problem.

struct OneThread : batch::Alone {
    template <class V>
    __device__ V sum(V value) const {
        return value;
    }
    __device__ bool all(bool condition) const { return condition; }
};
struct Warp {
    int lane = threadIdx.x % warp_threads;
    __device__ int rank() const { return lane; }
    __device__ static constexpr int size() { return warp_threads; }
    __device__ void sync() const { __syncwarp(); }
    /// The same bits in all threads: each step adds the same two numbers.
    template <class V>
    __device__ V sum(V value) const {
        for (int step = warp_threads / 2; step > 0; step /= 2)
            value += __shfl_xor_sync(~0u, value, step);
        return value;
    }
    __device__ bool all(bool condition) const { return __all_sync(~0u, condition); }
};

// ---- A problem's data.

/// Where a run's points lie in global memory.
struct Points {
    long problem, first;
    int count;
};
template <class T>
__device__ __forceinline__ Points points_of(const DeviceBatch<T>& batch, long run) {
    const long problem = run / batch.starts;
    if (!batch.offsets) return {problem, problem * batch.points, batch.points};
    const long first = batch.offsets[problem];
    const long count = batch.offsets[problem + 1] - first;
    // Nobody has checked offsets that were on the device already. No points: invalid data.
    const bool fits = count >= 0 && count <= batch.points;
    return {problem, first - batch.first_offset, fits ? static_cast<int>(count) : 0};
}

/// A problem's points: entry i of y and of the weights is [i * stride]. `neighbours`: the
/// coordinates of a point are, as the compiler may know.
template <class T, int stride, bool neighbours = false>
struct PointData {
    const T* y;
    const T* weights;  ///< null: all 1
    const T* x;
    int x_stride;  ///< of the coordinates of a point
    int count;

    __device__ __forceinline__ int coordinate_stride() const { return neighbours ? 1 : x_stride; }

    __device__ __forceinline__ T weight(int i) const {
        return weights ? weights[i * stride] : T(1);
    }
};

/// What a model sees as T where no derivatives are carried along.
template <class T>
using plain_t = std::conditional_t<std::is_same_v<T, float>, Single, T>;

/// The coordinates of one point, as S.
template <class S>
struct PointCoordinates {
    using value_type = S;
    const real_t<S>* data;
    int stride, count;
    __device__ __forceinline__ S operator[](int c) const { return data[c * stride]; }
    __device__ __forceinline__ int size() const { return count; }
};
template <int coordinates, class S, int stride, bool neighbours>
__device__ __forceinline__ PointCoordinates<S> point(
    const PointData<real_t<S>, stride, neighbours>& data, int i) {
    return {data.x + i * (coordinates * data.coordinate_stride()), data.coordinate_stride(),
            coordinates};
}

/// Copies `count` neighbouring numbers to to[0], to[stride], ...; all threads of a warp call it.
/// Several reads are on their way at a time.
template <int stride, class T>
__device__ __forceinline__ void copy_by_warp(T* to, const T* from, int count, int lane) {
    constexpr int depth = 8;
    for (int first = lane; first < count; first += depth * warp_threads) {
        T values[depth];
#pragma unroll
        for (int k = 0; k < depth; ++k)
            if (first + k * warp_threads < count) values[k] = from[first + k * warp_threads];
#pragma unroll
        for (int k = 0; k < depth; ++k)
            if (first + k * warp_threads < count)
                to[(first + k * warp_threads) * stride] = values[k];
    }
}
/// Copies a problem's data to its shared memory.
template <int stride, class T>
__device__ __forceinline__ void load_points(const DeviceBatch<T>& batch, const BatchLayout& at,
                                            int coordinates, T* memory, long first, int count,
                                            int lane) {
    if (batch.y) copy_by_warp<stride>(memory + at.y * stride, batch.y + first, count, lane);
    if (batch.weights)
        copy_by_warp<stride>(memory + at.weights * stride, batch.weights + first, count, lane);
    if (!batch.shared_coordinates)
        copy_by_warp<stride>(memory + at.x * stride, batch.coordinates + first * coordinates,
                             count * coordinates, lane);
}

// ---- The begin and the end of a run.

template <class T>
struct Checked {
    bool usable;
    int counted;  ///< points with a weight
    T magnitude;  ///< see StateLayout
};
/// Whether all that counts of the data is a number. Points of weight 0 are not looked at.
template <SmallKind kind, int coordinates, class T, int stride, class Group>
__device__ __forceinline__ Checked<T> check_points(const BatchLaunch<T>& launch,
                                                   const PointData<T, stride>& data,
                                                   const Group& group) {
    const bool counts = launch.method.estimator == Estimator::poisson;
    const bool own_coordinates = !launch.batch.shared_coordinates;
    bool valid = true;
    int counted = 0;
    T magnitude = 0, probe = 0;
    if (kind == SmallKind::fit && !data.weights && !counts && !own_coordinates) {
        for (int i = group.rank(); i < data.count; i += group.size(), ++counted)
            magnitude += data.y[i * stride] * data.y[i * stride];
    } else {
        for (int i = group.rank(); i < data.count; i += group.size()) {
            const T weight = data.weight(i);
            valid = valid && weight >= T(0);
            probe += weight * T(0);
            if (!(weight > T(0))) continue;
            ++counted;
            if constexpr (kind == SmallKind::fit) {
                const T y = data.y[i * stride];
                magnitude += weight * (counts ? y : y * y);
                valid = valid && !(counts && y < T(0));
            }
            if (own_coordinates) {
                const auto x = point<coordinates, T>(data, i);
                for (int c = 0; c < coordinates; ++c) probe += x[c] * T(0);
            }
        }
    }
    magnitude = group.sum(magnitude);
    counted = group.sum(counted);
    probe += magnitude * T(0);
    return {group.all(valid && probe == T(0)) && counted > 0, counted, magnitude};
}

/// Puts a run's start and bounds into its state; false if they are unusable.
template <class T, class Group>
__device__ __forceinline__ bool load_start(const BatchLaunch<T>& launch,
                                           const batch::Memory<T>& slots, long run, long problem,
                                           const Checked<T>& checked, const Group& group) {
    using Layout = batch::StateLayout;
    const DeviceBatch<T>& batch = launch.batch;
    const batch::SolverSettings<T>& settings = launch.method.settings;
    const Layout& at = launch.at.state;
    const int n = at.n;
    const T* start = batch.start + (batch.shared_start ? 0 : run * n);
    const long bounds = batch.shared_bounds ? 0 : problem * n;
    bool usable = true;
    int held = 0;
    for (int j = group.rank(); j < n; j += group.size()) {
        T x = start[j];
        usable = usable && x * T(0) == T(0);
        if (settings.bounded) {
            T low = batch.lower ? batch.lower[bounds + j] : -limits::infinity<T>;
            T high = batch.upper ? batch.upper[bounds + j] : limits::infinity<T>;
            usable = usable && low <= high;
            x = x < low ? low : x;
            x = x > high ? high : x;
            if (launch.method.fixed >> j & 1) low = high = x;
            held += low == high;
            slots.set(at.lower() + j, low);
            slots.set(at.upper() + j, high);
        }
        slots.set(at.trial() + j, x);
        slots.set(at.x() + j, x);
        if (launch.method.derivatives == BatchDerivatives::differences)
            slots.set(launch.at.sizes + j, typical_size(x));
    }
    const int freedom = checked.counted - (n - group.sum(held));
    if (group.rank() == 0) batch::begin_problem(slots, at, checked.magnitude, T(freedom));
    group.sync();
    return group.all(usable);
}

/// Writes the results of a run that has ended, or that was unusable.
template <SmallKind kind, class T, class Group>
__device__ __forceinline__ void emit(const BatchLaunch<T>& launch, const batch::Memory<T>& slots,
                                     long run, bool usable, int counted, const Group& group) {
    using Layout = batch::StateLayout;
    const DeviceBatch<T>& batch = launch.batch;
    const Layout& at = launch.at.state;
    const batch::detail::State<T> state(slots, at);
    const bool bounded = launch.method.settings.bounded;
    constexpr T nan = limits::not_a_number<T>;
    constexpr T factor = kind == SmallKind::fit ? 2 : 1;
    const int n = at.n, packed = at.packed();
    const Status status =
        usable ? static_cast<Status>(static_cast<int>(state.get(Layout::status)) - batch::ended)
               : Status::invalid_data;
    const bool known = usable && status != Status::not_finite;
    const auto held = [&](int j) { return bounded && !state.free(j); };
    for (int j = group.rank(); j < n; j += group.size())
        batch.parameters[run * n + j] = usable ? state.x(j) : nan;
    if (batch.hessian) {
        T* hessian = batch.hessian + run * packed;
        for (int k = group.rank(); k < packed; k += group.size())
            hessian[k] = known ? state.hessian(k) : nan;
        group.sync();  // orders the writes to the diagonal too
        for (int j = group.rank(); j < n; j += group.size())
            if (known && held(j)) hessian[packed_index(j, j, n)] = batch::not_free<T>;
    }
    if (group.rank() != 0) return;
    T square = 0;
    std::uint64_t at_bound = 0;
    for (int j = 0; j < n; ++j) {
        const T g = factor * state.gradient(j);
        square += held(j) ? T(0) : g * g;
        if (bounded) at_bound |= std::uint64_t{state.at_bound(j)} << j;
    }
    if (batch.at_bound) batch.at_bound[run] = known ? at_bound : 0;
    batch.objective[run] = known ? factor * state.get(Layout::f) : nan;
    batch.gradient_norm[run] = known ? math::sqrt(square) : nan;
    batch.status[run] = static_cast<int>(status);
    batch.iterations[run] = usable ? static_cast<int>(state.get(Layout::iterations)) : 0;
    if (batch.counted_points) batch.counted_points[run] = usable ? counted : 0;
}

// ---- Parameters as the model sees them.

/// Parameter j is at(j), computed on the fly: memory that is indexed at run time would not be in
/// registers.
template <class S, int n, class At>
struct ParameterView {
    using value_type = S;
    At at;
    __device__ __forceinline__ S operator[](int j) const { return at(j); }
    __device__ static constexpr int size() { return n; }
    template <std::size_t j>
    __device__ __forceinline__ S get() const {
        return at(static_cast<int>(j));
    }
};
template <class S, int n, class At>
__device__ __forceinline__ ParameterView<S, n, At> parameter_view(const At& at) {
    return {at};
}

/// The parameters as they are.
template <int n, class T>
__device__ __forceinline__ auto plain_view(const T* p) {
    return parameter_view<plain_t<T>, n>([=](int k) { return plain_t<T>(p[k]); });
}

/// Steps of differences at the trial point.
template <class T>
struct DifferenceSteps {
    batch::Memory<T> x, typical;
    T first_step, second_step;  ///< relative
    __device__ __forceinline__ T size(int j) const {
        return math::maximum(math::abs(x(j)), typical(j));
    }
    __device__ __forceinline__ T first(int j) const { return first_step * size(j); }
    __device__ __forceinline__ T second(int j) const { return second_step * size(j); }
};
template <class T>
__device__ __forceinline__ DifferenceSteps<T> steps_of(const BatchLaunch<T>& launch,
                                                       const batch::Memory<T>& slots) {
    return {slots.from(launch.at.state.trial()), slots.from(launch.at.sizes), launch.first_step,
            launch.second_step};
}

/// Whether a model has the derivatives of its own that its kind asks for.
template <SmallKind kind, class Model>
inline constexpr bool has_own_derivatives =
    kind == SmallKind::fit ? batch::HasOwnGradient<Model> : batch::HasOwnHessian<Model>;

/// Calls body.operator()<by>(). A branch in the kernel and not a kernel for each method: most of a
/// kernel is the solver, which would be compiled again for each.
template <SmallKind kind, class Model, class Body>
__device__ __forceinline__ void with_derivatives(BatchDerivatives by, const Body& body) {
    if constexpr (has_own_derivatives<kind, Model>)
        if (by == BatchDerivatives::analytic)
            return body.template operator()<BatchDerivatives::analytic>();
    if (by == BatchDerivatives::differences)
        body.template operator()<BatchDerivatives::differences>();
    else
        body.template operator()<BatchDerivatives::autodiff>();
}

// ---- Fits at one point.

/// The model at one point, by differences: rows(j) is the derivative by parameter j. `p` are the
/// parameters where the model reads them, steps.x where they can be indexed at run time.
template <class T, class Model, class X>
__device__ __forceinline__ void difference_row(const Model& model, const T* p, const X& x,
                                               const DifferenceSteps<T>& steps,
                                               const batch::Memory<T>& rows) {
    constexpr int n = Model::parameters;
#pragma unroll 1
    for (int j = 0; j < n; ++j) {
        const T centre = steps.x(j), step = steps.first(j);
        const T up = centre + step, down = centre - step;
        T change = 0;
#pragma unroll 1
        for (int side = 0; side < 2; ++side) {
            const T moved = side == 0 ? up : down;
            const T value(model(parameter_view<plain_t<T>, n>(
                                    [&](int k) { return plain_t<T>(k == j ? moved : p[k]); }),
                                x));
            change = side == 0 ? value : change - value;
        }
        rows.set(j, change / (up - down));
    }
}

/// The model at one point; row[j] is the derivative by parameter j.
template <BatchDerivatives by, class T, class Model, class X>
__device__ __forceinline__ T model_row(const Model& model, const T* p, const X& x, T* row) {
    constexpr int n = Model::parameters;
    if constexpr (by == BatchDerivatives::analytic) {
        return T(model.value_and_gradient(plain_view<n>(p), x, reinterpret_cast<plain_t<T>*>(row)));
    } else if constexpr (n > jet_parameters) {
        T value = 0;
#pragma unroll 1
        for (int j = 0; j < n; ++j) {
            const Dual<T> along = model(
                parameter_view<Dual<T>, n>([&](int k) { return Dual<T>(p[k], T(k == j)); }), x);
            row[j] = along.d;
            value = along.v;
        }
        return value;
    } else {
        return batch::model_row<by, T>(model, p, x, static_cast<const T*>(nullptr), row);
    }
}

/// Adds points begin, begin + step, ... of a fit, or terms of an objective with derivatives of its
/// own, to the sums. `plain`: every weight is 1 and the estimator least squares.
template <SmallKind kind, BatchDerivatives by, bool plain, class T, class Model, int stride,
          bool neighbours>
__device__ __forceinline__ void add_points(const Model& model, const BatchMethod<T>& method,
                                           const PointData<T, stride, neighbours>& data, const T* p,
                                           int begin, int step, const DifferenceSteps<T>& steps,
                                           const batch::Memory<T>& rows,
                                           batch::Sums<T, Model::parameters>& sums) {
    constexpr int n = Model::parameters;
    // Numbers that carry derivatives take constants as they are.
    using S = std::conditional_t<by == BatchDerivatives::autodiff, T, plain_t<T>>;
    // Points that are independent of each other hide each other's latency.
    constexpr int together = plain && by != BatchDerivatives::differences && sizeof(T) == 4 ? 8 : 1;
#pragma unroll(together)
    for (int i = begin; i < data.count; i += step) {
        T weight(1);
        if constexpr (!plain) {
            weight = data.weight(i);
            if (!(weight > T(0))) continue;
        }
        const auto x = point<Model::coordinates, S>(data, i);
        if constexpr (kind == SmallKind::objective) {
            S g[n], h[n * (n + 1) / 2];
            sums.f += weight * T(model.value_gradient_hessian(plain_view<n>(p), x, g, h));
            batch::for_parameters<n>([&](int j) { sums.g[j] += weight * T(g[j]); });
            batch::for_triangle<n>([&](int k, int, int) { sums.h[k] += weight * T(h[k]); });
        } else {
            T row[n], value;
            if constexpr (by == BatchDerivatives::differences) {
                difference_row(model, p, x, steps, rows);
                value = T(model(plain_view<n>(p), x));
                batch::for_parameters<n>([&](int j) { row[j] = rows(j); });
            } else {
                value = model_row<by>(model, p, x, row);
            }
            const T y = data.y[i * stride];
            if constexpr (plain)
                batch::add_residual(value - y, row, sums);
            else
                batch::add_loss(
                    batch::point_loss<T>(method.estimator, method.tuning, value, y, weight), row,
                    sums);
        }
    }
}
template <SmallKind kind, class T, class Model, int stride>
__device__ __forceinline__ batch::Sums<T, Model::parameters> sum_points(
    const Model& model, const BatchMethod<T>& method, const PointData<T, stride>& data, const T* p,
    int begin, int step, const DifferenceSteps<T>& steps, const batch::Memory<T>& rows) {
    batch::Sums<T, Model::parameters> sums;
    sums.clear();
    with_derivatives<kind, Model>(method.derivatives, [&]<BatchDerivatives by>() {
        if constexpr (kind == SmallKind::fit || by == BatchDerivatives::analytic) {
            if (data.weights || method.estimator != Estimator::least_squares)
                add_points<kind, by, false>(model, method, data, p, begin, step, steps, rows, sums);
            else if (data.x_stride == 1)
                add_points<kind, by, true>(
                    model, method,
                    PointData<T, stride, true>{data.y, nullptr, data.x, data.x_stride, data.count},
                    p, begin, step, steps, rows, sums);
            else
                add_points<kind, by, true>(model, method, data, p, begin, step, steps, rows, sums);
        }
    });
    return sums;
}

// ---- Fits of many parameters: 32 points at a time, then the entries of the sums are divided.

/// Sums all points of a fit into `trial` (f, gradient, packed Hessian). `tile` holds the rows of 32
/// points and their losses.
template <class T, class Model>
__device__ __forceinline__ void sum_tiles(const Model& model, const BatchMethod<T>& method,
                                          const PointData<T, 1>& data, const T* p,
                                          const DifferenceSteps<T>& steps, T* tile, T* trial,
                                          const Warp& warp) {
    constexpr int n = Model::parameters;
    constexpr int width = n | 1;  // odd: no bank conflicts
    constexpr int entries = 1 + n + n * (n + 1) / 2;
    T* const rho = tile + warp_threads * width;
    T* const slope = rho + warp_threads;
    T* const curvature = slope + warp_threads;
    for (int first = 0; first < data.count; first += warp_threads) {
        const int i = first + warp.lane;
        T* const row = tile + warp.lane * width;
        const T weight = i < data.count ? data.weight(i) : T(0);
        batch::Loss<T> loss{T(0), T(0), T(0)};
        if (weight > T(0)) {
            T value = 0;
            with_derivatives<SmallKind::fit, Model>(method.derivatives, [&]<BatchDerivatives by>() {
                using S = std::conditional_t<by == BatchDerivatives::autodiff, T, plain_t<T>>;
                const auto x = point<Model::coordinates, S>(data, i);
                if constexpr (by == BatchDerivatives::differences) {
                    difference_row(model, p, x, steps, batch::Memory<T>{row, 1});
                    value = T(model(plain_view<n>(p), x));
                } else {
                    value = model_row<by>(model, p, x, row);
                }
            });
            loss = batch::point_loss<T>(method.estimator, method.tuning, value, data.y[i], weight);
        } else {
            for (int j = 0; j < n; ++j) row[j] = T(0);
        }
        rho[warp.lane] = loss.rho;
        slope[warp.lane] = loss.slope;
        curvature[warp.lane] = loss.curvature;
        warp.sync();
        const int left = data.count - first;
        const int points = left < warp_threads ? left : warp_threads;
        int column = 0, at = warp.lane - 1 - n;  // entry `at` of the column below its diagonal
        for (int entry = warp.lane; entry < entries; entry += warp_threads, at += warp_threads) {
            T sum = first == 0 ? T(0) : trial[entry];
            if (entry == 0) {
                for (int k = 0; k < points; ++k) sum += rho[k];
            } else if (entry <= n) {
                const T* by_parameter = tile + entry - 1;
                for (int k = 0; k < points; ++k) sum += by_parameter[k * width] * slope[k];
            } else {
                for (; at >= n - column; ++column) at -= n - column;
                const T* left_row = tile + column;
                const T* right_row = tile + column + at;
                for (int k = 0; k < points; ++k)
                    sum += curvature[k] * left_row[k * width] * right_row[k * width];
            }
            trial[entry] = sum;
        }
        warp.sync();
    }
}

// ---- Objectives: entries of the Hessian are divided among the group.

/// f, gradient and Hessian of an objective at p, by automatic differentiation or differences, one
/// entry of the Hessian at a time.
template <class T, class Model, int stride, class Group>
__device__ __forceinline__ void sum_entries(const Model& model, const BatchMethod<T>& method,
                                            const PointData<T, stride>& data, const T* p,
                                            const DifferenceSteps<T>& steps,
                                            const batch::TrialMemory<T>& trial,
                                            const Group& group) {
    constexpr int n = Model::parameters;
    constexpr int packed = n * (n + 1) / 2;
    int column = 0, below = group.rank();
#pragma unroll 1
    for (int k = group.rank(); k < packed; k += group.size(), below += group.size()) {
        for (; below >= n - column; ++column) below -= n - column;
        const int row = column + below;
        T f = 0, g = 0, h = 0;
#pragma unroll 1
        for (int i = 0; i < data.count; ++i) {
            const T weight = data.weight(i);
            if (!(weight > T(0))) continue;
            if (method.derivatives != BatchDerivatives::differences) {
                const auto x = point<Model::coordinates, T>(data, i);
                using H = HyperDual<T>;
                const H value = model(parameter_view<H, n>([&](int j) {
                                          return H(p[j], T(j == column), T(j == row), T(0));
                                      }),
                                      x);
                f += weight * value.v;
                g += weight * value.d1;
                h += weight * value.d12;
            } else {
                // Off the diagonal the four corners (up, right), (down, right), (down, left) and
                // (up, left), with alternating signs; on it f, f(+), f(-) and the gradient's two.
                const auto x = point<Model::coordinates, plain_t<T>>(data, i);
                const T row_x = steps.x(row), row_step = steps.second(row);
                const T column_x = steps.x(column), column_step = steps.second(column);
                const T up = row_x + row_step, down = row_x - row_step;
                const T right = column_x + column_step, left = column_x - column_step;
                const T gradient_step = steps.first(column);
                const T above = column_x + gradient_step, below_x = column_x - gradient_step;
                const bool diagonal = row == column;
                T value = 0, slope = 0, mixed = 0;
#pragma unroll 1
                for (int c = 0; c < (diagonal ? 5 : 4); ++c) {
                    T by_row = c == 0 || c == 3 ? up : down, by_column = c < 2 ? right : left;
                    if (diagonal)
                        by_row = by_column = c == 0   ? column_x
                                             : c == 1 ? right
                                             : c == 2 ? left
                                             : c == 3 ? above
                                                      : below_x;
                    const T v(model(
                        parameter_view<plain_t<T>, n>([&](int j) {
                            return plain_t<T>(j == column ? by_column : j == row ? by_row : p[j]);
                        }),
                        x));
                    if (diagonal) {
                        value = c == 0 ? v : value;
                        mixed = c == 1 ? v - T(2) * value : c == 2 ? mixed + v : mixed;
                        slope = c == 3 ? v : c == 4 ? slope - v : slope;
                    } else {
                        mixed += c % 2 == 0 ? v : -v;
                    }
                }
                const T half = T(0.5) * (right - left);
                h += weight * (mixed / (diagonal ? half * half : (right - left) * (up - down)));
                g += weight * (slope / (above - below_x));
                f += weight * value;
            }
        }
        trial.hessian.set(k, h);
        if (row == column) trial.gradient.set(column, g);
        if (k == 0) trial.f.set(0, f);
    }
}

// ---- Both: evaluate and advance.

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
        batch::advance_fit<N, T>(slots, launch.at.state, trial, launch.method.settings, group);
    else
        batch::advance_objective<N, T>(slots, launch.at.state, trial, launch.method.settings,
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
    const OneThread alone;
    const DifferenceSteps<T> steps = steps_of(launch, slots);
    T p[n];
    batch::for_parameters<n>([&](int j) { p[j] = steps.x(j); });
    if constexpr (in_registers) {
        const batch::Sums<T, n> sums =
            sum_points<kind>(model, launch.method, data, p, 0, 1, steps, slots.from(at.rows));
        RegisterTrial<T, n> trial;
        trial.f.set(0, half<kind, T> * sums.f);
        batch::for_parameters<n>([&](int j) { trial.gradient.set(j, sums.g[j]); });
        batch::for_triangle<n>([&](int k, int, int) { trial.hessian.set(k, sums.h[k]); });
        advance<kind, n>(launch, slots, trial, alone);
    } else {
        const batch::Memory<T> f = slots.from(at.trial);
        const batch::TrialMemory<T> trial{f, f.from(1), f.from(1 + n)};
        sum_entries(model, launch.method, data, p, steps, trial, alone);
        advance<kind, n>(launch, slots, trial, alone);
    }
}

/// The sums of an objective with a large Hessian of its own: one term at a time, whose entries are
/// divided among the warp. `own` has room for a gradient and a Hessian.
template <class T, class Model>
__device__ __forceinline__ void sum_own_hessians(const Model& model, const PointData<T, 1>& data,
                                                 const T* p, T* own, const batch::Memory<T>& f,
                                                 const Warp& warp) {
    constexpr int n = Model::parameters, packed = n * (n + 1) / 2;
    for (int k = warp.lane; k < 1 + n + packed; k += warp_threads) f.set(k, T(0));
    for (int i = 0; i < data.count; ++i) {
        const T weight = data.weight(i);
        if (!(weight > T(0))) continue;
        warp.sync();
        if (warp.lane == 0) {
            using S = plain_t<T>;
            S* const derivatives = reinterpret_cast<S*>(own);
            const auto x = point<Model::coordinates, S>(data, i);
            const T value(
                model.value_gradient_hessian(plain_view<n>(p), x, derivatives, derivatives + n));
            f.set(0, f(0) + weight * value);
        }
        warp.sync();
        for (int k = warp.lane; k < n + packed; k += warp_threads)
            f.set(1 + k, f(1 + k) + weight * own[k]);
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
            const batch::Sums<T, n> sums = sum_points<kind>(model, launch.method, data, p,
                                                            warp.lane, warp_threads, steps, rows);
            const auto put = [&](const batch::Memory<T>& to, int k, T value) {
                value = warp.sum(value);
                if (warp.lane == 0) to.set(k, value);
            };
            put(f, 0, half<kind, T> * sums.f);
            batch::for_parameters<n>([&](int j) { put(trial.gradient, j, sums.g[j]); });
            batch::for_triangle<n>([&](int k, int, int) { put(trial.hessian, k, sums.h[k]); });
        } else if constexpr (fit) {
            sum_tiles(model, launch.method, data, p, steps, memory + at.rows, memory + at.trial,
                      warp);
        } else if constexpr (own) {
            sum_own_hessians(model, data, p, memory + at.rows, f, warp);
        }
    };
    if (fit || (own && launch.method.derivatives == BatchDerivatives::analytic))
        sum_whole();
    else if constexpr (!fit)
        sum_entries(model, launch.method, data, p, steps, trial, warp);
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
__device__ __forceinline__ int load_shared_coordinates(const DeviceBatch<T>& batch, T* to) {
    if (!batch.shared_coordinates || coordinates == 0) return 0;
    const int count = batch.points * coordinates;
    for (int k = threadIdx.x; k < count; k += blockDim.x) to[k] = batch.coordinates[k];
    __syncthreads();
    return count;
}

/// A thread for each problem of at most most_thread_parameters(). in_registers: see
/// iterate_thread().
template <SmallKind kind, bool in_registers, class T, class Model>
__global__ void __launch_bounds__(256, 1)
    batch_thread_kernel(const Model model, const BatchLaunch<T> launch) {
    constexpr int coordinates = Model::coordinates;
    const DeviceBatch<T>& batch = launch.batch;
    const BatchLayout& at = launch.at;
    const unsigned long long runs = static_cast<unsigned long long>(batch.problems) * batch.starts;
    const int lane = threadIdx.x % warp_threads;
    const OneThread alone;

    T* const block = shared_memory<T>();
    T* const columns = block + load_shared_coordinates<coordinates>(batch, block) +
                       threadIdx.x / warp_threads * (at.size * column_stride);
    T* const column = columns + lane;
    const batch::Memory<T> slots{column, column_stride};
    PointData<T, column_stride> data;
    data.y = column + at.y * column_stride;
    data.weights = batch.weights ? column + at.weights * column_stride : nullptr;
    data.x = batch.shared_coordinates ? block : column + at.x * column_stride;
    data.x_stride = batch.shared_coordinates ? 1 : column_stride;
    data.count = 0;

    bool busy = false, more = true;  // this thread has a problem; the queue may have some
    unsigned long long run = 0;
    int counted = 0;
    for (;;) {
        const unsigned idle = __ballot_sync(~0u, !busy);
        if (more && idle != 0) {
            // One problem for each idle thread; the warp copies the data of one after the other.
            unsigned long long first = 0;
            if (lane == 0) first = atomicAdd(batch.queue, static_cast<unsigned>(__popc(idle)));
            first = __shfl_sync(~0u, first, 0);
            more = first + __popc(idle) < runs;
            const unsigned long long mine = first + __popc(idle & ((1u << lane) - 1));
            const bool fresh = !busy && mine < runs;
            Points points{};
            if (fresh) {
                run = mine;
                points = points_of(batch, static_cast<long>(run));
                data.count = points.count;
            }
            __syncwarp();
            for (unsigned left = __ballot_sync(~0u, fresh); left != 0; left &= left - 1) {
                const int owner = __ffs(left) - 1;
                load_points<column_stride>(batch, at, coordinates, columns + owner,
                                           __shfl_sync(~0u, points.first, owner),
                                           __shfl_sync(~0u, points.count, owner), lane);
            }
            __syncwarp();
            if (fresh) {
                const Checked<T> checked = check_points<kind, coordinates>(launch, data, alone);
                counted = checked.counted;
                busy = checked.usable && load_start(launch, slots, static_cast<long>(run),
                                                    points.problem, checked, alone);
                if (!busy) emit<kind>(launch, slots, static_cast<long>(run), false, counted, alone);
            }
        }
        if (__ballot_sync(~0u, busy) == 0) {
            if (!more) return;
            continue;
        }
        if (busy) {
            iterate_thread<kind, in_registers>(model, launch, slots, data);
            if (slots(batch::StateLayout::status) >= T(batch::ended)) {
                emit<kind>(launch, slots, static_cast<long>(run), true, counted, alone);
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
    const DeviceBatch<T>& batch = launch.batch;
    const BatchLayout& at = launch.at;
    const unsigned long long runs = static_cast<unsigned long long>(batch.problems) * batch.starts;
    const Warp warp;

    T* const block = shared_memory<T>();
    const int before =
        launch.data_in_shared ? load_shared_coordinates<coordinates>(batch, block) : 0;
    T* const memory = block + before + threadIdx.x / warp_threads * at.size;
    const batch::Memory<T> slots{memory, 1};
    PointData<T, 1> data;
    data.x_stride = 1;
    for (;;) {
        unsigned long long run = 0;
        if (warp.lane == 0) run = atomicAdd(batch.queue, 1ull);
        run = __shfl_sync(~0u, run, 0);
        if (run >= runs) return;
        const Points points = points_of(batch, static_cast<long>(run));
        data.count = points.count;
        if (launch.data_in_shared) {
            load_points<1>(batch, at, coordinates, memory, points.first, points.count, warp.lane);
            data.y = memory + at.y;
            data.weights = batch.weights ? memory + at.weights : nullptr;
            data.x = batch.shared_coordinates ? block : memory + at.x;
        } else {
            data.y = batch.y + points.first;
            data.weights = batch.weights ? batch.weights + points.first : nullptr;
            data.x =
                batch.coordinates + (batch.shared_coordinates ? 0 : points.first * coordinates);
        }
        warp.sync();
        const Checked<T> checked = check_points<kind, coordinates>(launch, data, warp);
        const bool usable = checked.usable && load_start(launch, slots, static_cast<long>(run),
                                                         points.problem, checked, warp);
        if (usable) do
                iterate_warp<kind>(model, launch, memory, data, warp);
            while (slots(batch::StateLayout::status) < T(batch::ended));
        emit<kind>(launch, slots, static_cast<long>(run), usable, checked.counted, warp);
        warp.sync();
    }
}

#endif  // __CUDACC__

}  // namespace cunewton::cuda::detail

#if defined(__CUDACC__)
template <class S, int n, class At>
struct std::tuple_size<cunewton::cuda::detail::ParameterView<S, n, At>>
    : std::integral_constant<std::size_t, n> {};
template <std::size_t j, class S, int n, class At>
struct std::tuple_element<j, cunewton::cuda::detail::ParameterView<S, n, At>> {
    using type = const S;
};
#endif
