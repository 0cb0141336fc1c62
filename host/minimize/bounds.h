// Bounds of the parameters, as a run has them.
#pragma once

#include <vector>

#include "cunewton/minimize.h"

namespace cunewton::solver {

/// lower <= x <= upper, n entries each, infinite where there is no bound; both empty: there are
/// none at all.
template <class T>
struct Bounds {
    std::vector<T> lower{}, upper{};

    bool any() const { return !lower.empty(); }
    bool fixes(std::size_t j) const { return lower[j] == upper[j]; }
    bool fix_all() const { return any() && lower == upper; }
};

/// Those of the options, in T, within them; x is moved to the nearest point that satisfies them and
/// `moved` lists the parameters that this changes. Fixed parameters stay there. Throws
/// InvalidArgument.
template <class T>
Bounds<T> take_bounds(const Options& options, std::vector<T>& x, std::vector<int>& moved);

/// Result::at_bound and Result::multipliers for the gradient g at x. fixed_known: whether that of
/// fixed parameters is known; else their multipliers are NaN.
template <class T>
void say_bounds(const Bounds<T>& bounds, const std::vector<T>& x, const std::vector<T>& g,
                bool fixed_known, Result<T>& result);

}  // namespace cunewton::solver
