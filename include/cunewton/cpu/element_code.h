// (Compiled in the user's file.) Elements of a partially separable sum on the CPU: the interface
// that the library sees.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cpu/sample_code.h"

namespace cunewton {

/// Parameters of an element, at most: those that a Jet carries.
inline constexpr int most_element_parameters = 64;

namespace cpu {

/// Elements [data.begin, data.end) of one kind.
template <class T>
struct ElementRange {
    /// Parameter j of element e is x[indices[j * ld + e]]. Up to ld, a multiple of every number of
    /// lanes, the indices are some that x has.
    const int* indices;
    long ld;
    SampleRange<T> data;  ///< of the elements; begins at a multiple of every number of lanes
};

/// Interface of one kind of elements on the CPU. Functions are serial and thread-safe. What they
/// write for element e stands at [... * ld + e]; numbers between the range's end and the next
/// multiple of the number of lanes are written as well, where ld allows it.
template <class T>
class ElementCode {
  public:
    virtual ~ElementCode() = default;
    virtual Capabilities capabilities() const = 0;
    /// sum_e w_e f_e
    virtual double value(const T* x, const ElementRange<T>& range) const = 0;
    /// The same; g[j * ld + e] = w_e df_e/dx_j for j < k. Differences: steps[i] is the step of the
    /// problem's parameter i. `by` is not automatic.
    virtual double value_and_gradients(GradientBy by, const T* x, const T* steps,
                                       const ElementRange<T>& range, T* g) const = 0;
    /// h[p * ld + e] = w_e d2f_e/dx_i dx_j for the entries p of the packed lower triangle.
    /// own_gradient: what differences of gradients are taken of, see GradientBy::analytic.
    virtual void hessians(HessianBy by, bool own_gradient, const T* x, const T* steps,
                          const ElementRange<T>& range, T* h) const = 0;
};

}  // namespace cpu
}  // namespace cunewton
