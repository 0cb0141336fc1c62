// (Compiled in the user's file.) A sum over samples, f(x) = sum_i w_i l(x, s_i), on the CPU: the
// interface that the library sees.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>

#include "cunewton/functor/capabilities.h"
#include "cunewton/functor/kinds.h"
#include "cunewton/scalar/views.h"

namespace cunewton::cpu {

/// Samples [begin, end) of a row-major matrix of features.
template <class T>
struct SampleRange {
    const T* features;
    int dimension;      ///< features per sample
    std::ptrdiff_t ld;  ///< distance between samples
    const T* targets;   ///< null: all 0
    const T* weights;   ///< null: all 1
    long begin, end;

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE SampleView<T> sample(long i) const {
        return {features + i * ld, dimension, 1, targets ? targets[i] : T(0), i};
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T weight(long i) const {
        return weights ? weights[i] : T(1);
    }
};

/// Entry l is d f/dx_i[l] (gradient kinds; k ignored) or d2 f/dx_i[l] dx_k[l].
struct Tile {
    Entries kind;
    const int* i;
    const int* k;
    int count;
};

/// Interface of every sum over samples on the CPU. Functions are serial and thread-safe; results
/// are sums over the range and overwrite the outputs.
template <class T>
class SampleCode {
  public:
    virtual ~SampleCode() = default;
    virtual Capabilities capabilities() const = 0;
    virtual double value(const T* x, int n, const SampleRange<T>& range) const = 0;
    /// Derivative entries of a tile at x; h[j] is the step of parameter j, or, for
    /// Entries::product_autodiff, entry j of the vector v.
    virtual void tile(const Tile& tile, const T* x, int n, const T* h, const SampleRange<T>& range,
                      double* out) const = 0;
    /// Analytic value and gradient g[0..n).
    virtual double value_and_gradient(const T* x, int n, const SampleRange<T>& range,
                                      double* g) const = 0;
    /// Central differences of the analytic gradient: out[c * n + j] = d2 f/dx_j dx_{first + c}.
    virtual void gradient_difference_columns(const T* x, int n, const T* h, int first, int columns,
                                             const SampleRange<T>& range, double* out) const = 0;
    /// Of an objective, central differences of its analytic gradient along seeds: out[c * n + j] =
    /// (df/dx_j(x + h_c) - df/dx_j(x - h_c)) / 2 for all c < colours, where h_c is h at the
    /// parameters whose colour is c and 0 at the others. Points are lanes.
    virtual void gradient_difference_seeds(const T* x, int n, const T* h, const int* colour,
                                           int colours, const SampleRange<T>& range,
                                           T* out) const = 0;
    /// Analytic Hessian, lower triangle, column-major n x n; the upper half is set to zero.
    virtual void hessian(const T* x, int n, const SampleRange<T>& range, double* out) const = 0;
};

}  // namespace cunewton::cpu
