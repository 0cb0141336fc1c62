#include "host/minimize/bounds.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "cunewton/error.h"

namespace cunewton::solver {

namespace {

void check_size(std::size_t size, std::size_t n, const char* name) {
    if (size != 0 && size != n)
        throw InvalidArgument(std::string(name) + " has the wrong size (" + std::to_string(size) +
                              " for " + std::to_string(n) +
                              " parameters) pass one entry for each parameter, or none");
}

void check_bounds(const Options& options, std::size_t n) {
    check_size(options.lower.size(), n, "lower");
    check_size(options.upper.size(), n, "upper");
    check_size(options.fixed.size(), n, "fixed");
    constexpr double infinity = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < n; ++j) {
        const double lower = options.lower.empty() ? -infinity : options.lower[j],
                     upper = options.upper.empty() ? infinity : options.upper[j];
        const auto reject = [&](const std::string& what, const std::string& advice) {
            throw InvalidArgument("the bounds of parameter " + std::to_string(j) + ' ' + what +
                                  " (from " + std::to_string(lower) + " to " +
                                  std::to_string(upper) + ") " + advice);
        };
        if (std::isnan(lower) || std::isnan(upper))
            reject("are not numbers", "pass an infinity where there is no bound");
        if (lower > upper) reject("cross", "pass lower <= upper");
        if (lower == upper && std::isinf(lower))
            reject("leave no finite number", "pass a finite bound");
    }
}

/// The nearest number of T that is not beyond the bound.
template <class T>
T within(double bound, T away) {
    const T rounded = static_cast<T>(bound);
    const bool beyond = away > 0 ? rounded < bound : rounded > bound;
    return beyond ? std::nextafter(rounded, away) : rounded;
}

}  // namespace

template <class T>
Bounds<T> take_bounds(const Options& options, std::vector<T>& x, std::vector<int>& moved) {
    const std::size_t n = x.size();
    check_bounds(options, n);
    Bounds<T> bounds;
    if (options.lower.empty() && options.upper.empty() && options.fixed.empty()) return bounds;
    constexpr T infinity = std::numeric_limits<T>::infinity();
    bounds.lower.assign(n, -infinity);
    bounds.upper.assign(n, infinity);
    for (std::size_t j = 0; j < n; ++j) {
        T &lower = bounds.lower[j], &upper = bounds.upper[j];
        if (!options.lower.empty()) lower = within<T>(options.lower[j], infinity);
        if (!options.upper.empty()) upper = within<T>(options.upper[j], -infinity);
        // A single number of double that T does not have.
        if (lower > upper) lower = upper = static_cast<T>(options.lower[j]);
        if (!(x[j] >= lower && x[j] <= upper)) {
            x[j] = std::clamp(x[j], lower, upper);
            moved.push_back(static_cast<int>(j));
        }
        if (!options.fixed.empty() && options.fixed[j]) lower = upper = x[j];
    }
    return bounds;
}

template <class T>
void say_bounds(const Bounds<T>& bounds, const std::vector<T>& x, const std::vector<T>& g,
                bool fixed_known, Result<T>& result) {
    const std::size_t n = x.size();
    result.at_bound.assign(n, AtBound::free);
    result.multipliers.assign(n, T(0));
    for (std::size_t j = 0; j < n; ++j) {
        AtBound& where = result.at_bound[j];
        if (bounds.fixes(j))
            where = AtBound::fixed;
        else if (x[j] == bounds.lower[j] && g[j] >= 0)
            where = AtBound::lower;
        else if (x[j] == bounds.upper[j] && g[j] <= 0)
            where = AtBound::upper;
        if (where == AtBound::free) continue;
        const bool known = where != AtBound::fixed || fixed_known;
        result.multipliers[j] = known ? g[j] : std::numeric_limits<T>::quiet_NaN();
    }
}

#define CUNEWTON_INSTANTIATE(T)                                                                    \
    template Bounds<T> take_bounds(const Options&, std::vector<T>&, std::vector<int>&);            \
    template void say_bounds(const Bounds<T>&, const std::vector<T>&, const std::vector<T>&, bool, \
                             Result<T>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton::solver
