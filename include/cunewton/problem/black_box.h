// Functions that compute themselves: an own program, or another library's.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <utility>

#include "cunewton/problem/forms.h"

namespace cunewton {

/// f(x) by functions for the CPU, for the GPU, or for both (either may be empty, not both): its
/// values at many points at a time, and, if it has them, its gradient, its Hessian and products of
/// that with vectors. What it lacks is obtained by differences. A function alone gives values.
///
///     auto problem = cunewton::make_black_box<double>(my_values, n);
///     cunewton::BlackBox<double> own;
///     own.value_and_gradient = my_gradient;
///     auto better = cunewton::make_black_box<double>(own, n);
template <class T>
Problem<T> make_black_box(std::type_identity_t<BlackBox<T>> on_cpu, long n,
                          std::type_identity_t<DeviceBlackBox<T>> on_cuda = {}) {
    return detail::make_problem<T>(Opaque<T>{std::move(on_cpu), std::move(on_cuda)}, n, {});
}

}  // namespace cunewton
