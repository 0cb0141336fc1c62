// The kernel that guesses starts from the points of small problems. For .cu files.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cuda/small_evaluate.cuh"
#include "cunewton/functor/guess.h"

#if defined(__CUDACC__)

namespace cunewton::cuda::detail {

/// What a guess sees of one problem: its points are divided among a warp, all of whose threads have
/// the same numbers of all points.
template <class T, int coordinates>
class WarpGuessPoints {
  public:
    using value_type = plain_t<T>;
    using place_type = value_type;
    __device__ WarpGuessPoints(const PointData<T, 1>& data, const Warp& warp)
        : data_(data), warp_(warp) {}

    template <int of_x, int k, class F>
    __device__ __forceinline__ auto sum(const F& f) const {
        return reduce<of_x, k>(T(0), f, [](T a, T b) { return a + b; });
    }
    template <int of_x, int k, class F>
    __device__ __forceinline__ auto largest(const F& f) const {
        return reduce<of_x, k>(-limits::largest<T>, f,
                               [](T a, T b) { return math::maximum(a, b); });
    }
    template <int k, class F>
    __device__ __forceinline__ PointNumbers<value_type, k> sum(const F& f) const {
        return sum<0, k>(without_split(f)).of_y;
    }
    template <int k, class F>
    __device__ __forceinline__ PointNumbers<value_type, k> largest(const F& f) const {
        return largest<0, k>(without_split(f)).of_y;
    }

  private:
    template <class F>
    __device__ static __forceinline__ auto without_split(const F& f) {
        return [&f](const auto& x, const value_type& y, value_type*, value_type* terms) {
            f(x, y, terms);
        };
    }
    template <int of_x, int k, class F, class Combine>
    __device__ __forceinline__ SplitNumbers<value_type, of_x, value_type, k> reduce(
        T none, const F& f, const Combine& combine) const {
        constexpr int count = of_x + k;
        T all[count];
#pragma unroll
        for (int j = 0; j < count; ++j) all[j] = none;
        for (int i = warp_.lane; i < data_.count; i += warp_threads) {
            if (!(data_.weight(i) > T(0))) continue;
            value_type terms[count];
            f(point<coordinates, value_type>(data_, i), value_type(data_.y_at(i)), terms,
              terms + of_x);
#pragma unroll
            for (int j = 0; j < count; ++j) all[j] = combine(all[j], T(terms[j]));
        }
        SplitNumbers<value_type, of_x, value_type, k> numbers;
#pragma unroll
        for (int j = 0; j < count; ++j) {
            for (int step = warp_threads / 2; step > 0; step /= 2)
                all[j] = combine(all[j], __shfl_xor_sync(~0u, all[j], step));
            if (j < of_x)
                numbers.of_x.values[j] = value_type(all[j]);
            else
                numbers.of_y.values[j - of_x] = value_type(all[j]);
        }
        return numbers;
    }
    const PointData<T, 1>& data_;
    const Warp& warp_;
};

/// A warp for each problem, whose points are read from where they lie. With a least number of
/// blocks given, ptxas does not spill registers to fit one more block onto a multiprocessor.
template <class T, class Model>
__global__ void __launch_bounds__(128, 1)
    batch_guess_kernel(const Model model, const batch::BatchView<T> batch, T* start) {
    constexpr int n = Model::parameters;
    const Warp warp;
    const long warps = static_cast<long>(gridDim.x) * (blockDim.x / warp_threads);
    PointData<T, 1> data;
    data.x_stride = batch.coordinates.column;
    data.y_stride = batch.y.column;
    data.weight_stride = batch.weights.column;
    for (long problem = (static_cast<long>(blockIdx.x) * blockDim.x + threadIdx.x) / warp_threads;
         problem < batch.problems; problem += warps) {
        const batch::PointRange points = batch.points_of(problem);
        data.count = points.count;
        data.y = batch.y.data + points.begin * batch.y.row;
        data.weights =
            batch.weights ? batch.weights.data + points.begin * batch.weights.row : nullptr;
        data.x = batch.coordinates.data + points.begin * batch.coordinates.row;
        plain_t<T> p[n];
        model.guess(WarpGuessPoints<T, Model::coordinates>(data, warp), p);
        if (warp.lane == 0)
            for (int j = 0; j < n; ++j) start[problem * n + j] = finite_guess(T(p[j]));
    }
}

}  // namespace cunewton::cuda::detail

#endif  // __CUDACC__
