// (Compiled in the user's file.) Residuals r(x, s_i) of samples, on the CPU: the interface that the
// library sees. What is made of them, losses, J' r and J' W J, is the library's.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstddef>

#include "cunewton/cpu/sample_code.h"
#include "cunewton/functor/capabilities.h"

namespace cunewton::cpu {

/// Where numbers of a tile of samples stand: residual c of the range's sample i at [c * ld + i],
/// its derivative by parameter j at [j * k * ld + c * ld + i], k being the residuals of a sample.
/// ld is a multiple of residual_padding and at least the number of samples: what stands beyond
/// these up to there are those of the last one.
inline constexpr int residual_padding = 64;

/// Interface of residuals on the CPU. Functions are serial and thread-safe; ranges have at least
/// one sample.
template <class T>
class ResidualCode {
  public:
    virtual ~ResidualCode() = default;
    /// Residuals of one sample, k.
    virtual int residuals() const = 0;
    virtual Capabilities capabilities() const = 0;
    virtual void values(const T* x, int n, const SampleRange<T>& range, T* r,
                        std::ptrdiff_t ld) const = 0;
    /// The residuals and their derivatives, by a method that is not automatic; steps: of each
    /// parameter, for differences.
    virtual void rows(const T* x, int n, GradientBy by, const T* steps, const SampleRange<T>& range,
                      T* r, T* J, std::ptrdiff_t ld) const = 0;
    /// out += sum of slope r'' + bend r' r'^T over the range's residuals, which slope and bend have
    /// numbers for, 0 where a residual does not count: the lower triangle, packed column by column
    /// (math/packed.h).
    virtual void add_hessian(const T* x, int n, const SampleRange<T>& range, const T* slope,
                             const T* bend, std::ptrdiff_t ld, double* out) const = 0;
    /// The same times v: n numbers.
    virtual void add_product(const T* x, int n, const T* v, const SampleRange<T>& range,
                             const T* slope, const T* bend, std::ptrdiff_t ld,
                             double* out) const = 0;
};

}  // namespace cunewton::cpu
