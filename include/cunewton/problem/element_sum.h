// Partially separable sums: f(x) = sum_e w_e f_e(a few of the parameters). Griewank and Toint, On
// the unconstrained optimization of partially separable functions (1982): the Hessian is the sum of
// the small Hessians of elements, and as sparse as parameters that share elements are few.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <string>
#include <utility>
#include <vector>

#include "cunewton/array.h"
#include "cunewton/cpu/element_code_of.h"
#include "cunewton/error.h"
#include "cunewton/functor/check.h"
#include "cunewton/problem/forms.h"

namespace cunewton {

namespace detail {
template <class Element>
consteval bool element_states_its_parameters() {
    if constexpr (StatesItsParameters<Element>)
        return Element::parameters >= 1 && Element::parameters <= most_element_parameters;
    else
        return false;
}
}  // namespace detail

inline namespace CUNEWTON_CPU_CODE {

/// Elements of one kind, f(x_{i(e,1)}, ..., x_{i(e,k)}; s_e) for e = 0 .. E - 1. Element: see
/// cpu::ElementCodeOf; trivially copyable if it is to run on a GPU, where its code is given to what
/// this returns by cuda::attach_device_code.
///
/// indices: E rows of k different numbers of parameters, in the order of the element's variables,
/// or all E k of them in one row, as a vector has them; on the host, copied. A parameter may be in
/// any number of elements, and in none.
/// data: a sample for each element, which an element f(x, s) reads, with its weight; they must
/// outlive the problem, see Samples. Without samples: none, and all weigh 1.
template <class T, class Element>
Elements<T> make_elements(const Element& element, const Array<const int>& indices,
                          const Samples<T>& data = {}) {
    static_assert(detail::element_states_its_parameters<Element>(),
                  "cunewton: an element states how many variables it has, static constexpr int "
                  "parameters = k; 1 to 64 (docs/large.md)");
    static_assert(probe::element<Element>());
    using Wrapped = cpu::ElementWithData<Element>;
    Elements<T> kind;
    kind.code.functor = element;
    kind.code.cpu = probe::compiled<cpu::ElementCodeOf<T, Wrapped>>(Wrapped{element});
    kind.indices = detail::element_indices(indices, Element::parameters);
    kind.data = data;
    return kind;
}

/// The sum of elements of several kinds, for x of n parameters. Reduction::automatic is the sum.
/// Throws InvalidArgument.
template <class T>
Problem<T> make_element_sum(std::vector<Elements<T>> kinds, long n, ProblemOptions options = {}) {
    return detail::make_element_sum<T>(std::move(kinds), n, options);
}
/// The same of one kind without data.
template <class T, class Element>
Problem<T> make_element_sum(const Element& element, const Array<const int>& indices, long n,
                            ProblemOptions options = {}) {
    return detail::make_element_sum<T>({make_elements<T>(element, indices)}, n, options);
}

}  // namespace CUNEWTON_CPU_CODE
}  // namespace cunewton
