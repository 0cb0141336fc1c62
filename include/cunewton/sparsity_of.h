// (Compiled in the user's file, where it is asked for.) The sparsity pattern of a functor's
// Hessian, from the functor itself: it is called once with numbers that know which parameters they
// depend on.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <concepts>
#include <utility>
#include <vector>

#include "cunewton/functor/as_sample.h"
#include "cunewton/scalar/functions.h"
#include "cunewton/sparse_hessian.h"

namespace cunewton {

namespace detail {

/// Sets of parameters, and the pairs of parameters that a function is not linear in. A set is a
/// node: below n one parameter, else the union of two, which is not formed before it is needed, as
/// a sum of many terms never needs it.
class Interactions {
  public:
    explicit Interactions(int n) : n_(n), seen_(static_cast<std::size_t>(n), 0) {}
    static constexpr int none = -1;

    int join(int a, int b) {
        if (a == none || a == b) return b;
        if (b == none) return a;
        unions_.push_back({a, b});
        seen_.push_back(0);
        return n_ + static_cast<int>(unions_.size()) - 1;
    }
    /// All pairs of a parameter of a and one of b.
    void interact(int a, int b) {
        if (a == none || b == none || std::pair(a, b) == last_) return;
        last_ = {a, b};
        collect(a, left_);
        if (a == b) {
            for (std::size_t k = 0; k < left_.size(); ++k)
                for (std::size_t l = 0; l <= k; ++l) entries_.push_back({left_[k], left_[l]});
            return;
        }
        collect(b, right_);
        for (const int i : left_)
            for (const int j : right_) entries_.push_back({i, j});
    }
    const std::vector<std::pair<int, int>>& entries() const { return entries_; }

  private:
    void collect(int set, std::vector<int>& to) {
        to.clear();
        ++round_;
        stack_.assign(1, set);
        while (!stack_.empty()) {
            const int node = stack_.back();
            stack_.pop_back();
            unsigned& seen = seen_[static_cast<std::size_t>(node)];
            if (seen == round_) continue;
            seen = round_;
            if (node < n_) {
                to.push_back(node);
            } else {
                const auto& both = unions_[static_cast<std::size_t>(node - n_)];
                stack_.push_back(both.first);
                stack_.push_back(both.second);
            }
        }
    }

    int n_;
    std::vector<std::pair<int, int>> unions_, entries_;
    std::vector<unsigned> seen_;  // the round of collect() in which a node was last met
    unsigned round_ = 0;
    std::vector<int> stack_, left_, right_;
    std::pair<int, int> last_{none, none};
};

}  // namespace detail

/// A number that knows which parameters it depends on. What is done with it is noted where it
/// began.
struct Tracked {
    double v = 0;
    int set = detail::Interactions::none;
    detail::Interactions* noted = nullptr;  ///< null: a constant

    Tracked() = default;
    template <class Number>
    requires std::is_arithmetic_v<Number> Tracked(Number value) : v(static_cast<double>(value)) {}
    Tracked(double value, int depends_on, detail::Interactions* where)
        : v(value), set(depends_on), noted(where) {}

    Tracked operator-() const { return {-v, set, noted}; }
    /// Of both, which they enter linearly.
    static Tracked linear(double value, const Tracked& a, const Tracked& b) {
        if (!a.noted) return {value, b.set, b.noted};
        return {value, b.noted ? a.noted->join(a.set, b.set) : a.set, a.noted};
    }
    /// Of a, which it is not linear in.
    static Tracked of(double value, const Tracked& a) {
        if (a.noted) a.noted->interact(a.set, a.set);
        return {value, a.set, a.noted};
    }
    /// Of both, neither of which it is linear in.
    static Tracked of(double value, const Tracked& a, const Tracked& b) {
        Tracked all = linear(value, a, b);
        return of(value, all);
    }
};

template <>
struct RealOf<Tracked> {
    using type = double;
};

inline Tracked operator+(const Tracked& a, const Tracked& b) {
    return Tracked::linear(a.v + b.v, a, b);
}
inline Tracked operator-(const Tracked& a, const Tracked& b) {
    return Tracked::linear(a.v - b.v, a, b);
}
inline Tracked operator*(const Tracked& a, const Tracked& b) {
    if (a.noted && b.noted) a.noted->interact(a.set, b.set);
    return Tracked::linear(a.v * b.v, a, b);
}
inline Tracked operator/(const Tracked& a, const Tracked& b) {
    return a * Tracked::of(1 / b.v, b);
}
inline Tracked& operator+=(Tracked& a, const Tracked& b) {
    return a = a + b;
}
inline Tracked& operator-=(Tracked& a, const Tracked& b) {
    return a = a - b;
}
inline Tracked& operator*=(Tracked& a, const Tracked& b) {
    return a = a * b;
}
inline Tracked& operator/=(Tracked& a, const Tracked& b) {
    return a = a / b;
}

#define CUNEWTON_TRACKED_COMPARISON(op)                           \
    inline bool operator op(const Tracked& a, const Tracked& b) { \
        return a.v op b.v;                                        \
    }
CUNEWTON_TRACKED_COMPARISON(<)
CUNEWTON_TRACKED_COMPARISON(>)
CUNEWTON_TRACKED_COMPARISON(<=)
CUNEWTON_TRACKED_COMPARISON(>=)
CUNEWTON_TRACKED_COMPARISON(==)
CUNEWTON_TRACKED_COMPARISON(!=)
#undef CUNEWTON_TRACKED_COMPARISON

namespace math {

/// Both sides count, whichever is taken here.
inline Tracked select(bool which, const Tracked& a, const Tracked& b) {
    return Tracked::linear(which ? a.v : b.v, a, b);
}

#define CUNEWTON_TRACKED_FUNCTION(name, ...)    \
    inline Tracked name(const Tracked& x) {     \
        return Tracked::of(math::name(x.v), x); \
    }
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TRACKED_FUNCTION)
#undef CUNEWTON_TRACKED_FUNCTION
#define CUNEWTON_TRACKED_FUNCTION(name)                       \
    inline Tracked name(const Tracked& a, const Tracked& b) { \
        return Tracked::of(math::name(a.v, b.v), a, b);       \
    }
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TRACKED_FUNCTION)
#undef CUNEWTON_TRACKED_FUNCTION

}  // namespace math

// Found by argument-dependent lookup too, as for dual numbers.
#define CUNEWTON_FOUND_BY_LOOKUP(name, ...) using math::name;
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_FOUND_BY_LOOKUP)
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_FOUND_BY_LOOKUP)
#undef CUNEWTON_FOUND_BY_LOOKUP
using math::select;

namespace detail {

struct TrackedPoint {
    using value_type = Tracked;
    const std::vector<double>& x;
    Interactions& noted;
    Tracked operator[](int j) const { return {x[static_cast<std::size_t>(j)], j, &noted}; }
    int size() const { return static_cast<int>(x.size()); }
};

}  // namespace detail

/// The pattern of the Hessian of f(x), a functor as make_objective() takes it. A pair of parameters
/// is an entry where f is not linear in both of them together by the way that it computes, on both
/// sides of select(): the pattern holds at every x, and may be larger than need be (x y - x y is
/// taken for an entry). x: n numbers where f is finite; loops of the functor must not depend on
/// values. Memory: some 30 bytes for each operation and each pair that is met.
template <class Loss>
SparsityPattern sparsity_of(const Loss& loss, const std::vector<double>& x) {
    detail::Interactions noted(static_cast<int>(x.size()));
    loss(view_parameters<Loss>(detail::TrackedPoint{x, noted}));
    return sparsity_pattern(static_cast<int>(x.size()), noted.entries());
}

}  // namespace cunewton
