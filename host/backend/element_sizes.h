// Numbers that the derivatives of elements of one kind are written to before they add up, see
// ElementPlaces.
#pragma once

#include <cstddef>

#include "cunewton/problem/forms.h"

namespace cunewton {

inline std::size_t gradient_size(const ElementIndices& indices) {
    return static_cast<std::size_t>(indices.ld) * static_cast<std::size_t>(indices.parameters);
}
inline std::size_t hessian_size(const ElementIndices& indices) {
    return gradient_size(indices) * static_cast<std::size_t>(indices.parameters + 1) / 2;
}

}  // namespace cunewton
