// Interfaces of losses on the GPU. No CUDA header is needed to name them; cuda/code_of.cuh
// implements them for a functor, in a .cu file of the library or of the user.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>

#include "cunewton/cpu/sample_code.h"
#include "cunewton/execution.h"
#include "cunewton/functor/capabilities.h"

namespace cunewton::cuda {

/// A block of samples on the device, as cpu::PredictorBlock; `count` may be anything.
template <class T>
struct DevicePredictorBlock {
    const T* z;  ///< predictor k of sample i at z[k * ld + i]
    std::ptrdiff_t ld;
    const T* targets;  ///< never null
    const T* weights;  ///< never null
    long count;
};

/// A predictor loss on the device. All functions queue work on the stream and return; all pointers
/// are device pointers. A sample of weight 0 is not evaluated. Sums have a fixed shape: the same
/// input gives the same bits. A launch that fails throws OutOfMemory or DeviceError.
template <class T>
class PredictorCode {
  public:
    virtual ~PredictorCode() = default;
    /// Number of doubles that value_and_gradient writes to `partial` for `count` samples.
    virtual std::size_t partial_count(long count) const = 0;
    /// Writes partial sums of w_i l(z_i, y_i), whose total is the loss of the block; and, unless r
    /// is null, r[k * ld + i] = w_i dl/dz_k.
    virtual void value_and_gradient(const DevicePredictorBlock<T>& block, GradientBy by, T step,
                                    T* r, double* partial, Stream stream) const = 0;
    /// h[p * h_ld + i] = w_i d2l/dz_k dz_l, l <= k, p = k (k + 1) / 2 + l.
    virtual void hessian(const DevicePredictorBlock<T>& block, HessianBy by, T step, T* h,
                         std::ptrdiff_t h_ld, Stream stream) const = 0;
};

/// Samples on the device, feature by feature: feature j of sample i at features[j * ld + i], so
/// that neighbouring threads read neighbouring samples.
template <class T>
struct DeviceSamples {
    const T* features;
    int dimension;
    std::ptrdiff_t ld;
    const T* targets;  ///< null: all 0
    const T* weights;  ///< null: all 1
    long count;
};

/// Consecutive entries: of the gradient, or of the Hessian's lower triangle packed column by column
/// (math/packed.h).
struct DeviceTile {
    long first;
    long count;
};

/// A sum over samples on the device; as PredictorCode. Each function writes several partial sums of
/// every entry, side by side: entry e's are partial[e * s], ..., partial[e * s + s - 1].
template <class T>
class SampleCode {
  public:
    virtual ~SampleCode() = default;
    /// Partial sums per entry, s, that values() and tile() write.
    virtual int blocks(long samples) const = 0;
    /// Entry p is the loss at the point points[p * n], ..., for `count` points.
    virtual void values(const T* points, int n, long count, const DeviceSamples<T>& samples,
                        double* partial, Stream stream) const = 0;
    /// tile.count entries; h[j] is the step of parameter j. Entries::hessian_autodiff_differences
    /// differentiates along the row's parameter and takes differences along the column's; for
    /// Entries::product_autodiff h is the vector v, and entries are those of H v.
    virtual void tile(Entries kind, const DeviceTile& tile, const T* x, int n, const T* h,
                      const DeviceSamples<T>& samples, double* partial, Stream stream) const = 0;

    /// Threads to use for each point of gradients() and for hessian(), at most: their s.
    virtual int max_threads_per_point(long samples) const = 0;
    /// Analytic gradient at `points` points; entry j * points + p is the derivative by parameter j
    /// at point p. Point p is x with h[c] added to (p even) or subtracted from (p odd) parameter
    /// c = first + p / 2; or x itself if h is null.
    virtual void gradients(const T* x, int n, const T* h, int first, int points,
                           const DeviceSamples<T>& samples, int threads_per_point, double* partial,
                           Stream stream) const = 0;
    /// Analytic Hessian: the lower triangle, packed column by column.
    virtual void hessian(const T* x, int n, const DeviceSamples<T>& samples, int threads_per_point,
                         double* partial, Stream stream) const = 0;
};

/// What residuals are made into.
template <class T>
struct ResidualLoss {
    Estimator estimator;
    T tuning;
};
/// Sums that are made entry by entry, of the residuals' second derivatives.
enum class ResidualEntries {
    hessian,               ///< of the lower triangle, packed column by column
    product,               ///< of the Hessian's product with v
    gauss_newton_product,  ///< of that of the Gauss-Newton matrix
};

/// Residuals on the device; as SampleCode, whose partial sums these are. A sample has k residuals.
template <class T>
class ResidualCode {
  public:
    virtual ~ResidualCode() = default;
    /// Partial sums per entry that values(), sums() and entries() write.
    virtual int blocks(long samples) const = 0;
    /// Entry p is the sum of 2 rho at the point points[p * n], ..., for `count` points.
    virtual void values(const T* points, int n, long count, const ResidualLoss<T>& loss,
                        const DeviceSamples<T>& samples, double* partial, Stream stream) const = 0;
    /// Whether sums() can: the parameters are few, and their number is known to the compiler.
    virtual bool has_sums() const = 0;
    /// Entries: the sum of 2 rho; its n derivatives; with `triangle` the lower triangle of 2 J'WJ,
    /// packed column by column. Derivatives are exact.
    virtual void sums(const T* x, int n, GradientBy by, bool triangle, const ResidualLoss<T>& loss,
                      const DeviceSamples<T>& samples, double* partial, Stream stream) const = 0;
    /// Of samples [first, first + count), residual c of sample first + i as row c * count + i: J
    /// has n columns of length ld, its rows multiplied by the root of twice the curvature, and u
    /// those numbers by which J'u is the gradient. steps: for differences.
    virtual void rows(const T* x, int n, GradientBy by, const T* steps, const ResidualLoss<T>& loss,
                      const DeviceSamples<T>& samples, long first, long count, T* J,
                      std::ptrdiff_t ld, T* u, Stream stream) const = 0;
    virtual void entries(ResidualEntries kind, const DeviceTile& tile, const T* x, int n,
                         const T* v, const ResidualLoss<T>& loss, const DeviceSamples<T>& samples,
                         double* partial, Stream stream) const = 0;
};

/// Elements of one kind on the device, as cpu::ElementRange; `data.count` of them.
template <class T>
struct DeviceElements {
    const int* indices;
    long ld;
    DeviceSamples<T> data;
};

/// One kind of elements on the device; as PredictorCode. What is written for element e stands at
/// [... * ld + e].
template <class T>
class ElementCode {
  public:
    virtual ~ElementCode() = default;
    /// Partial sums that values are written as.
    virtual int blocks(long elements) const = 0;
    /// Partial sums of w_e f_e, whose total is the value; and, unless g is null, the gradients as
    /// of cpu::ElementCode.
    virtual void value_and_gradients(GradientBy by, const T* x, const T* steps,
                                     const DeviceElements<T>& elements, T* g, double* partial,
                                     Stream stream) const = 0;
    /// As of cpu::ElementCode.
    virtual void hessians(HessianBy by, bool own_gradient, const T* x, const T* steps,
                          const DeviceElements<T>& elements, T* h, Stream stream) const = 0;
};

}  // namespace cunewton::cuda
