// What a small problem's points contribute to its objective, gradient and Hessian on the GPU: by a
// thread, or divided among a warp. For .cu files.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>
#include <type_traits>

#include "cunewton/cuda/small_plan.h"
#include "cunewton/math/packed.h"
#include "cunewton/scalar/single.h"
#include "cunewton/small/batch_view.h"
#include "cunewton/small/problem.h"
#include "cunewton/small/solver.h"

#if defined(__CUDACC__)

namespace cunewton::cuda::detail {

/// Parameters of derivatives that a Jet carries all at once; beyond, one Dual at a time.
inline constexpr int jet_parameters = 16;

// ---- Groups: who solves a problem.

/// A thread by itself is batch::Alone.
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
};
template <class V>
__device__ __forceinline__ V sum_of(const Warp& warp, V value) {
    return warp.sum(value);
}
__device__ __forceinline__ bool all_of(const Warp&, bool condition) {
    return __all_sync(~0u, condition);
}

// ---- A problem's data.

/// A problem's points: entry i of y and of the weights is [i * stride], or, if stride is 1, at the
/// distances below. `neighbours`: the coordinates of a point are, as the compiler may know.
template <class T, int stride, bool neighbours = false>
struct PointData {
    using Distance = std::conditional_t<stride == 1, std::ptrdiff_t, int>;
    const T* y;
    const T* weights;  ///< null: all 1
    const T* x;
    Distance x_stride;  ///< of the coordinates of a point
    int count;
    Distance y_stride = stride, weight_stride = stride;

    __device__ __forceinline__ Distance coordinate_stride() const {
        return neighbours ? 1 : x_stride;
    }
    __device__ __forceinline__ T y_at(int i) const {
        return y[i * (stride == 1 ? y_stride : Distance(stride))];
    }
    __device__ __forceinline__ T weight(int i) const {
        return weights ? weights[i * (stride == 1 ? weight_stride : Distance(stride))] : T(1);
    }
};

/// What a model sees as T where no derivatives are carried along.
template <class T>
using plain_t = std::conditional_t<std::is_same_v<T, float>, Single, T>;

/// The coordinates of one point, as S.
template <class S, class Distance>
struct PointCoordinates {
    using value_type = S;
    const real_t<S>* data;
    Distance stride;
    int count;
    __device__ __forceinline__ S operator[](int c) const { return data[c * stride]; }
    __device__ __forceinline__ int size() const { return count; }
};
template <int coordinates, class S, int stride, bool neighbours>
__device__ __forceinline__ auto point(const PointData<real_t<S>, stride, neighbours>& data, int i) {
    using Distance = typename PointData<real_t<S>, stride, neighbours>::Distance;
    return PointCoordinates<S, Distance>{data.x + i * (coordinates * data.coordinate_stride()),
                                         data.coordinate_stride(), coordinates};
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
    batch::Memory<T> x, typical, low, high;
    bool bounded;
    T first_step, second_step;  ///< relative
    __device__ __forceinline__ T size(int j) const {
        return math::maximum(math::abs(x(j)), typical(j));
    }
    __device__ __forceinline__ T lower(int j) const {
        return bounded ? low(j) : -limits::infinity<T>;
    }
    __device__ __forceinline__ T upper(int j) const {
        return bounded ? high(j) : limits::infinity<T>;
    }
    __device__ __forceinline__ FirstPoints<T> first(int j) const {
        return first_points(x(j), first_step * size(j), lower(j), upper(j));
    }
    __device__ __forceinline__ SecondPoints<T> second(int j) const {
        return second_points(x(j), second_step * size(j), lower(j), upper(j));
    }
};
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
/// parameters where the model reads them, steps.x where they can be indexed at run time; `at_x` is
/// the model there.
template <class T, class Model, class X>
__device__ __forceinline__ void difference_row(const Model& model, const T* p, const X& x,
                                               const DifferenceSteps<T>& steps,
                                               const batch::Memory<T>& rows, T at_x) {
    constexpr int n = Model::parameters;
#pragma unroll 1
    for (int j = 0; j < n; ++j) {
        const FirstPoints<T> to = steps.first(j);
        T values[2];
#pragma unroll 1
        for (int side = 0; side < 2; ++side) {
            const T moved = side == 0 ? to.up : to.down;
            const T value(model(parameter_view<plain_t<T>, n>(
                                    [&](int k) { return plain_t<T>(k == j ? moved : p[k]); }),
                                x));
            values[0] = side == 0 ? value : values[0];
            values[1] = value;
        }
        const T from = steps.x(j);
        rows.set(j, first_difference<T>(at_x, values[0], values[1], to.up - from, to.down - from));
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
__device__ __forceinline__ void add_points(const Model& model, const batch::BatchMethod<T>& method,
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
                value = T(model(plain_view<n>(p), x));
                difference_row(model, p, x, steps, rows, value);
                batch::for_parameters<n>([&](int j) { row[j] = rows(j); });
            } else {
                value = model_row<by>(model, p, x, row);
            }
            const T y = data.y_at(i);
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
    const Model& model, const batch::BatchMethod<T>& method, const PointData<T, stride>& data,
    const T* p, int begin, int step, const DifferenceSteps<T>& steps,
    const batch::Memory<T>& rows) {
    batch::Sums<T, Model::parameters> sums;
    sums.clear();
    with_derivatives<kind, Model>(method.derivatives, [&]<BatchDerivatives by>() {
        if constexpr (kind == SmallKind::fit || by == BatchDerivatives::analytic) {
            // Code of their own only where its speed shows, as each costs the user's compiler a
            // second: a warp's data are strided only where they did not fit into shared memory.
            constexpr bool differences = by == BatchDerivatives::differences, warp = stride == 1;
            const bool neighbours = data.x_stride == 1;
            const bool general = differences || (warp && !neighbours) || data.weights ||
                                 method.estimator != Estimator::least_squares;
            if (general) {
                add_points<kind, by, false>(model, method, data, p, begin, step, steps, rows, sums);
            } else if constexpr (!differences) {
                if (warp || neighbours)
                    add_points<kind, by, true>(
                        model, method,
                        PointData<T, stride, true>{data.y, nullptr, data.x, data.x_stride,
                                                   data.count, data.y_stride},
                        p, begin, step, steps, rows, sums);
                else
                    add_points<kind, by, true>(model, method, data, p, begin, step, steps, rows,
                                               sums);
            }
        }
    });
    return sums;
}

// ---- Fits of many parameters: 32 points at a time, then the entries of the sums are divided.

/// Sums all points of a fit into `trial` (f, gradient, packed Hessian). `tile` holds the rows of 32
/// points and their losses.
template <class T, class Model>
__device__ __forceinline__ void sum_tiles(const Model& model, const batch::BatchMethod<T>& method,
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
                    value = T(model(plain_view<n>(p), x));
                    difference_row(model, p, x, steps, batch::Memory<T>{row, 1}, value);
                } else {
                    value = model_row<by>(model, p, x, row);
                }
            });
            loss =
                batch::point_loss<T>(method.estimator, method.tuning, value, data.y_at(i), weight);
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
__device__ __forceinline__ void sum_entries(const Model& model, const batch::BatchMethod<T>& method,
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
                // (up, left), with alternating signs; on it f, f(+), f(-) and the gradient's two,
                // and the centre of f(+) and f(-) if that is not x.
                const auto x = point<Model::coordinates, plain_t<T>>(data, i);
                const SecondPoints<T> along_row = steps.second(row);
                const SecondPoints<T> along_column = steps.second(column);
                const FirstPoints<T> first = steps.first(column);
                const T column_x = steps.x(column);
                const bool diagonal = row == column, shifted = along_column.centre != column_x;
                T value = 0, above = 0, below_x = 0, centre = 0, mixed = 0;
#pragma unroll 1
                for (int c = 0; c < (!diagonal ? 4 : shifted ? 6 : 5); ++c) {
                    T by_row = c == 0 || c == 3 ? along_row.up : along_row.down;
                    T by_column = c < 2 ? along_column.up : along_column.down;
                    if (diagonal)
                        by_row = by_column = c == 0   ? column_x
                                             : c == 1 ? along_column.up
                                             : c == 2 ? along_column.down
                                             : c == 3 ? first.up
                                             : c == 4 ? first.down
                                                      : along_column.centre;
                    const T v(model(
                        parameter_view<plain_t<T>, n>([&](int j) {
                            return plain_t<T>(j == column ? by_column : j == row ? by_row : p[j]);
                        }),
                        x));
                    if (diagonal) {
                        value = c == 0 ? v : value;
                        centre = c == 0 || c == 5 ? v : centre;
                        mixed = c == 1 ? v : c == 2 ? mixed + v : mixed;
                        above = c == 3 ? v : above;
                        below_x = c == 4 ? v : below_x;
                    } else {
                        mixed += c % 2 == 0 ? v : -v;
                    }
                }
                if (diagonal) mixed = T(4) * (mixed - T(2) * centre);
                const T by_row = batch::inverse_or_zero<T>(along_row.up - along_row.down);
                const T by_column = batch::inverse_or_zero<T>(along_column.up - along_column.down);
                h += weight * (mixed * (by_row * by_column));
                g += weight * first_difference<T>(value, above, below_x, first.up - column_x,
                                                  first.down - column_x);
                f += weight * value;
            }
        }
        trial.hessian.set(k, h);
        if (row == column) trial.gradient.set(column, g);
        if (k == 0) trial.f.set(0, f);
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

}  // namespace cunewton::cuda::detail

template <class S, int n, class At>
struct std::tuple_size<cunewton::cuda::detail::ParameterView<S, n, At>>
    : std::integral_constant<std::size_t, n> {};
template <std::size_t j, class S, int n, class At>
struct std::tuple_element<j, cunewton::cuda::detail::ParameterView<S, n, At>> {
    using type = const S;
};
#endif  // __CUDACC__
