// What one thread computes for a sum over samples: a term of one entry. Host-and-device functions
// of an index; the kernels of code_of.cuh call them.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>

#include "cunewton/cuda/code.h"
#include "cunewton/math/packed.h"
#include "cunewton/math/perturbed_views.h"
#include "cunewton/math/stencil.h"
#include "cunewton/scalar/views.h"

namespace cunewton::cuda {

template <class T>
CUNEWTON_HOST_DEVICE SampleView<T> sample_at(const DeviceSamples<T>& samples, long i) {
    return {samples.features + i, samples.dimension, samples.ld,
            samples.targets ? samples.targets[i] : T(0), i};
}
template <class T>
CUNEWTON_HOST_DEVICE T weight_at(const DeviceSamples<T>& samples, long i) {
    return samples.weights ? samples.weights[i] : T(1);
}

/// One entry of a tile, ready to be evaluated sample by sample: its axes and steps.
template <class T, Entries kind>
struct TileEntry {
    using Point = VectorView<const T>;
    static constexpr bool second = kind == Entries::hessian_autodiff ||
                                   kind == Entries::hessian_values ||
                                   kind == Entries::hessian_autodiff_differences;

    Point x;
    int i = 0, k = 0;
    T hi = 0, hk = 0;
    const T* v = nullptr;  ///< product_autodiff

    CUNEWTON_HOST_DEVICE TileEntry(const T* point, int n, const T* h, long entry) : x{point, n} {
        if constexpr (second) {
            const PackedEntry at = packed_entry(entry, n);
            i = at.row;
            k = at.column;
        } else {
            i = k = static_cast<int>(entry);
        }
        if constexpr (kind == Entries::product_autodiff) {
            v = h;
        } else if constexpr (kind != Entries::gradient_autodiff &&
                             kind != Entries::hessian_autodiff) {
            hi = h[i];
            hk = h[k];
        }
    }

    /// What the sum of terms is divided by.
    CUNEWTON_HOST_DEVICE double width() const {
        const double a = hi, b = hk;
        switch (kind) {
            case Entries::gradient_forward:
                return a;
            case Entries::gradient_central:
                return 2 * a;
            case Entries::hessian_values:
                return second_width(i == k, a, b);
            case Entries::hessian_autodiff_differences:
                return 2 * b;
            default:
                return 1;
        }
    }

    /// One sample's term. Differences are formed here, before the sum over samples, so that their
    /// rounding errors average out instead of growing with the sum.
    template <class Loss>
    CUNEWTON_HOST_DEVICE T term(const Loss& loss, const SampleView<T>& s) const {
        if constexpr (kind == Entries::gradient_autodiff) {
            return loss(DualView<Point>{x, i}, s).d;
        } else if constexpr (kind == Entries::hessian_autodiff) {
            return loss(HyperDualView<Point>{x, i, k}, s).d12;
        } else if constexpr (kind == Entries::product_autodiff) {
            return loss(DirectedView<Point>{x, i, v}, s).d12;
        } else if constexpr (kind == Entries::hessian_autodiff_differences) {
            return alternating_sum([&](int e) {
                const T shift = first_shift(e, true, hk);
                return T(loss(DualView<ShiftedView<Point>>{{x, k, -1, shift, shift}, i}, s).d);
            });
        } else if constexpr (kind == Entries::hessian_values) {
            return alternating_sum([&](int pair) {
                return alternating_sum([&](int e) {
                    const Shifts<T> by = second_shifts(2 * pair + e, i == k, hi, hk);
                    return T(loss(ShiftedView<Point>{x, i, k, by.i, by.k}, s));
                });
            });
        } else {
            constexpr bool central = kind == Entries::gradient_central;
            return alternating_sum([&](int e) {
                const T shift = first_shift(e, central, hi);
                return T(loss(ShiftedView<Point>{x, i, -1, shift, shift}, s));
            });
        }
    }

  private:
    /// value(0) - value(1), by a loop: the loss is compiled once.
    template <class Value>
    CUNEWTON_HOST_DEVICE static T alternating_sum(const Value& value) {
        T difference(0.0);
#if defined(__CUDA_ARCH__)
#pragma unroll 1
#endif
        for (int e = 1; e >= 0; --e) difference = value(e) - difference;
        return difference;
    }
};

/// What a loss's gradient(x, s, g) or hessian(x, s, h) adds to: weighted, into one column of
/// partial sums that belongs to this thread.
template <class T>
struct WeightedColumn {
    struct Entry {
        double* sum;
        T weight;
        CUNEWTON_HOST_DEVICE void operator+=(T value) const { add(value); }
        CUNEWTON_HOST_DEVICE void operator-=(T value) const { add(-value); }
        CUNEWTON_HOST_DEVICE void add(T value) const {
            // The other triangle of a Hessian has no memory.
            if (sum) *sum += static_cast<double>(weight) * static_cast<double>(value);
        }
    };
    double* column;
    std::ptrdiff_t stride;
    int n;
    T weight;
    CUNEWTON_HOST_DEVICE Entry operator[](int j) const { return {column + j * stride, weight}; }
    CUNEWTON_HOST_DEVICE Entry operator()(int i, int j) const {
        return {i < j ? nullptr : column + packed_index(i, j, n) * stride, weight};
    }
};

}  // namespace cunewton::cuda
