// (Compiled in the user's file.) Small problems on the CPU, one in each SIMD lane: the interface
// that the library's engine sees.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/functor/kinds.h"

namespace cunewton::cpu {

/// Problems side by side. Number k of the problem in lane l lies at [k * lanes + l].
template <class T>
struct LaneBlock {
    int lanes;                ///< a multiple of 64 / sizeof(T)
    int points;               ///< of the problem that has most
    const T* parameters;      ///< n numbers a lane: where to evaluate
    const T* coordinates;     ///< points * coordinates numbers: a lane, or shared by all lanes
    bool shared_coordinates;  ///< number k of all lanes at [k]
    const T* y;               ///< fits: a number a point
    const T* weights;         ///< a number a point, 0 beyond a lane's own points; null: all 1
    /// Differences: where each parameter moves to, FirstPoints::up of all, then FirstPoints::down;
    /// 2n numbers a lane.
    const T* gradient_points;
    /// Of objectives: SecondPoints::centre of all, then up, then down; 3n numbers a lane.
    const T* hessian_points;
    Estimator estimator;
    T tuning;
    T* f;         ///< out
    T* gradient;  ///< out: n
    T* hessian;   ///< out: packed
};

/// Problems side by side whose parameters are guessed; numbers lie as in a LaneBlock.
template <class T>
struct GuessBlock {
    int lanes;   ///< a multiple of 128 / sizeof(T)
    int points;  ///< of the problem that has most
    const T* coordinates;
    bool shared_coordinates;
    const T* y;
    const T* weights;  ///< points without one do not count; null: all count
    T* start;          ///< out: n finite numbers a lane
};

/// A model or an objective of small problems.
template <class T>
class SmallCode {
  public:
    virtual ~SmallCode() = default;
    virtual SmallKind kind() const = 0;
    virtual int parameters() const = 0;
    virtual int coordinates() const = 0;
    virtual bool has_analytic() const = 0;
    /// Sums over the points of each lane. `by` is not automatic. Lanes do not influence each other.
    virtual void evaluate(BatchDerivatives by, const LaneBlock<T>& block) const = 0;
    virtual bool has_guess() const = 0;
    /// Only where has_guess(). Lanes do not influence each other.
    virtual void guess(const GuessBlock<T>& block) const = 0;
};

}  // namespace cunewton::cpu
