// What Hessian-free optimisation takes beside conjugate gradients.
#pragma once

#include <cstddef>

namespace cunewton::solver {

/// Products of an iteration, at most.
inline constexpr long most_damped_products = 250;
/// Of conjugate gradients: products from one look to the next, at least, and iterates that are
/// kept: those after as many products, twice as many and so on, and the last one.
inline constexpr long between_looks = 10;
inline constexpr int most_iterates = 6;
static_assert(between_looks << (most_iterates - 1) > most_damped_products);

/// Vectors of n numbers beside those of conjugate gradients: where they begin, and the right side.
inline constexpr std::size_t hessian_free_vectors = most_iterates + 2;

}  // namespace cunewton::solver
