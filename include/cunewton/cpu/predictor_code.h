// (Compiled in the user's file.) A loss on linear predictors, l(z, y), on the CPU: the interface
// that the library sees.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>

#include "cunewton/functor/capabilities.h"

namespace cunewton::cpu {

/// A block of samples: predictor k of sample i is z[k * ld + i]. `count` is a multiple of
/// predictor_padding; padding samples have weight 0 and a valid target.
template <class T>
struct PredictorBlock {
    const T* z;
    std::ptrdiff_t ld;
    const T* targets;
    const T* weights;
    int count;
};
inline constexpr int predictor_padding = 64;

/// Interface of every predictor loss on the CPU. Functions are serial and thread-safe.
template <class T>
class PredictorCode {
  public:
    virtual ~PredictorCode() = default;
    virtual int outputs() const = 0;
    virtual bool shift_invariant() const = 0;
    virtual Capabilities capabilities() const = 0;
    /// sum_i w_i l(z_i, y_i)
    virtual double value(const PredictorBlock<T>& block) const = 0;
    /// Also r[k * ld + i] = w_i dl/dz_k. `by` is not automatic; step is relative to max(1, |z|).
    virtual double value_and_gradient(const PredictorBlock<T>& block, GradientBy by, T step,
                                      T* r) const = 0;
    /// h[p * ld + i] = w_i d2l/dz_k dz_l for l <= k with p = k (k + 1) / 2 + l.
    virtual void hessian(const PredictorBlock<T>& block, HessianBy by, T step, T* h) const = 0;
};

}  // namespace cunewton::cpu
