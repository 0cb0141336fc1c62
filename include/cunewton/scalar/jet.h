// (Compiled in the user's file.) Forward-mode automatic differentiation by all parameters of a
// small problem at once.
//
// A Jet carries a value and the derivatives by a set of parameters that is part of its type: an
// operation touches only derivatives that can be other than zero. The parameters come in with one
// derivative each (see scalar/parameters.h) and the sets grow as they are combined, so a model
// whose parameters enter one by one costs little more than hand-written derivatives.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// Bit j set: the derivative by parameter j is carried.
using JetSet = std::uint64_t;

namespace detail {
CUNEWTON_HOST_DEVICE constexpr int jet_count(JetSet set) {
    int members = 0;  // std::popcount is for the host
    for (; set != 0; set &= set - 1) ++members;
    return members;
}
/// The k-th lowest bit of a set, as a set of one.
CUNEWTON_HOST_DEVICE constexpr JetSet jet_bit(JetSet set, int k) {
    for (; k > 0; --k) set &= set - 1;
    return set & (~set + 1);
}
/// The place of a member among the derivatives of its set.
CUNEWTON_HOST_DEVICE constexpr int jet_place(JetSet set, JetSet bit) {
    return jet_count(set & (bit - 1));
}
}  // namespace detail

/// A value and its derivatives by the parameters in Set, in ascending order. T is a number or a
/// Pack.
template <class T, JetSet Set>
struct Jet {
    static_assert(Set != 0, "a Jet without derivatives is a T");
    using Underlying = T;
    static constexpr JetSet set = Set;
    static constexpr int count = detail::jet_count(Set);

    T v;
    T d[count];

    Jet() = default;
    /// A constant.
    template <class Number>
    requires std::is_arithmetic_v<Number> CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE
    Jet(Number value)
        : Jet(constant(T(value))) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE
    Jet(const T& value) requires(!std::is_arithmetic_v<T>)
        : Jet(constant(value)) {}
    /// The same function with more derivatives, all of them zero.
    template <JetSet Fewer>
    requires(Fewer != Set && (Fewer & ~Set) == 0) CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE
        Jet(const Jet<T, Fewer>& other)
        : Jet(widen(other, std::make_integer_sequence<int, count>())) {}

    /// The derivative by the only parameter of Bit; zero where it is not carried.
    template <JetSet Bit>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T by() const {
        if constexpr ((Set & Bit) != 0)
            return d[detail::jet_place(Set, Bit)];
        else
            return T(0.0);
    }

    /// The chain rule for a function of this.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet chain(const Expansion<T>& e) const {
        return mapped(
            e.f, [&](const T& x) { return e.f1 * x; }, Places());
    }
    /// The same, and 0 for a derivative that is 0, whatever the slope.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet edge_chain(const Expansion<T>& e) const {
        return mapped(
            e.f, [&](const T& x) { return derivative_product(e.f1, x); }, Places());
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet operator-() const {
        return mapped(
            -v, [](const T& x) { return -x; }, Places());
    }
    /// this + c for a constant c.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet shifted(const T& c) const {
        return mapped(
            v + c, [](const T& x) { return x; }, Places());
    }
    /// this * c for a constant c.
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet scaled(const T& c) const {
        return mapped(
            v * c, [&](const T& x) { return x * c; }, Places());
    }

  private:
    template <class, JetSet>
    friend struct Jet;
    using Places = std::make_integer_sequence<int, count>;
    template <class... Derivatives>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE explicit Jet(std::in_place_t, const T& value,
                                                             const Derivatives&... derivatives)
        : v(value), d{derivatives...} {}
    template <class F, int... K>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet mapped(const T& value, const F& f,
                                                           std::integer_sequence<int, K...>) const {
        return Jet(std::in_place, value, f(d[K])...);
    }
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE Jet constant(const T& value) {
        Jet r;
        r.v = value;
        for (int k = 0; k < count; ++k) r.d[k] = T(0.0);
        return r;
    }
    template <JetSet Fewer, int... K>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE Jet widen(const Jet<T, Fewer>& other,
                                                                 std::integer_sequence<int, K...>) {
        return Jet(std::in_place, other.v, other.template by<detail::jet_bit(Set, K)>()...);
    }

  public:
    /// One of A's and B's derivatives at a time: `both`, `left` and `right` combine those of a
    /// parameter that both carry, or one. Set is the union.
    template <JetSet A, JetSet B, class Both, class Left, class Right, int... K>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE Jet merge(const T& value, const Jet<T, A>& a,
                                                                 const Jet<T, B>& b,
                                                                 const Both& both, const Left& left,
                                                                 const Right& right,
                                                                 std::integer_sequence<int, K...>) {
        return Jet(std::in_place, value,
                   merged<detail::jet_bit(Set, K)>(a, b, both, left, right)...);
    }

  private:
    template <JetSet Bit, JetSet A, JetSet B, class Both, class Left, class Right>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE T merged(const Jet<T, A>& a,
                                                                const Jet<T, B>& b,
                                                                const Both& both, const Left& left,
                                                                const Right& right) {
        if constexpr ((A & Bit) != 0 && (B & Bit) != 0)
            return both(a.template by<Bit>(), b.template by<Bit>());
        else if constexpr ((A & Bit) != 0)
            return left(a.template by<Bit>());
        else
            return right(b.template by<Bit>());
    }
};

template <class T, JetSet Set>
struct RealOf<Jet<T, Set>> : RealOf<T> {};

namespace detail {
template <class J>
struct IsJet : std::false_type {};
template <class T, JetSet Set>
struct IsJet<Jet<T, Set>> : std::true_type {};
}  // namespace detail
template <class J>
concept JetNumber = detail::IsJet<J>::value;
/// What combines with J without carrying a derivative: a number, or J's own scalar.
template <class S, class J>
concept JetConstant = std::is_arithmetic_v<S> || std::same_as<S, typename J::Underlying>;

#define CUNEWTON_JET_BINARY                \
    template <class T, JetSet A, JetSet B> \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet<T, A | B>
#define CUNEWTON_JET_UNARY \
    template <JetNumber J> \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J
#define CUNEWTON_JET_CONSTANT                \
    template <JetNumber J, JetConstant<J> S> \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J
#define CUNEWTON_JET_MERGE(value, both, left, right)                         \
    Jet<T, A | B>::merge(                                                    \
        value, a, b, [&](const T& x, const T& y) { return both; },           \
        [&](const T& x) { return left; }, [&](const T& y) { return right; }, \
        std::make_integer_sequence<int, detail::jet_count(A | B)>())

CUNEWTON_JET_BINARY operator+(const Jet<T, A>& a, const Jet<T, B>& b) {
    return CUNEWTON_JET_MERGE(a.v + b.v, x + y, x, y);
}
CUNEWTON_JET_BINARY operator-(const Jet<T, A>& a, const Jet<T, B>& b) {
    return CUNEWTON_JET_MERGE(a.v - b.v, x - y, x, -y);
}
CUNEWTON_JET_BINARY operator*(const Jet<T, A>& a, const Jet<T, B>& b) {
    return CUNEWTON_JET_MERGE(a.v * b.v, x * b.v + a.v * y, x * b.v, a.v * y);
}
CUNEWTON_JET_BINARY operator/(const Jet<T, A>& a, const Jet<T, B>& b) {
    const T inverse = T(1.0) / b.v;
    const T q = a.v * inverse;
    return CUNEWTON_JET_MERGE(q, (x - q * y) * inverse, x * inverse, -(q * inverse) * y);
}
CUNEWTON_JET_UNARY reciprocal(const J& x) {
    return x.chain(math::expand_reciprocal<1>(x.v));
}

CUNEWTON_JET_CONSTANT operator+(const J& a, const S& c) {
    return a.shifted(typename J::Underlying(c));
}
CUNEWTON_JET_CONSTANT operator+(const S& c, const J& a) {
    return a.shifted(typename J::Underlying(c));
}
CUNEWTON_JET_CONSTANT operator-(const J& a, const S& c) {
    return a.shifted(-typename J::Underlying(c));
}
CUNEWTON_JET_CONSTANT operator-(const S& c, const J& a) {
    return (-a).shifted(typename J::Underlying(c));
}
CUNEWTON_JET_CONSTANT operator*(const J& a, const S& c) {
    return a.scaled(typename J::Underlying(c));
}
CUNEWTON_JET_CONSTANT operator*(const S& c, const J& a) {
    return a * c;
}
CUNEWTON_JET_CONSTANT operator/(const J& a, const S& c) {
    using T = typename J::Underlying;
    return a * (T(1.0) / T(c));
}
CUNEWTON_JET_CONSTANT operator/(const S& c, const J& a) {
    return reciprocal(a) * c;
}

template <JetNumber J, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J& operator+=(J& a, const S& b) {
    return a = a + b;
}
template <JetNumber J, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J& operator-=(J& a, const S& b) {
    return a = a - b;
}
template <JetNumber J, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J& operator*=(J& a, const S& b) {
    return a = a * b;
}
template <JetNumber J, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J& operator/=(J& a, const S& b) {
    return a = a / b;
}

// Comparisons look at the values alone; under a Pack they give a mask.
#define CUNEWTON_JET_COMPARISON(op)                                                        \
    template <class T, JetSet A, JetSet B>                                                 \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator op(const Jet<T, A>& a,       \
                                                                 const Jet<T, B>& b) {     \
        return a.v op b.v;                                                                 \
    }                                                                                      \
    template <JetNumber J, JetConstant<J> S>                                               \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator op(const J& a, const S& c) { \
        return a.v op typename J::Underlying(c);                                           \
    }                                                                                      \
    template <JetNumber J, JetConstant<J> S>                                               \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator op(const S& c, const J& a) { \
        return typename J::Underlying(c) op a.v;                                           \
    }
CUNEWTON_JET_COMPARISON(<)
CUNEWTON_JET_COMPARISON(>)
CUNEWTON_JET_COMPARISON(<=)
CUNEWTON_JET_COMPARISON(>=)
CUNEWTON_JET_COMPARISON(==)
CUNEWTON_JET_COMPARISON(!=)
#undef CUNEWTON_JET_COMPARISON

namespace math {

template <class Mask, class T, JetSet A, JetSet B>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet<T, A | B> select(const Mask& m, const Jet<T, A>& a,
                                                                 const Jet<T, B>& b) {
    return CUNEWTON_JET_MERGE(select(m, a.v, b.v), select(m, x, y), select(m, x, T(0.0)),
                              select(m, T(0.0), y));
}
template <class Mask, JetNumber J, JetConstant<J> S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J select(const Mask& m, const J& a, const S& c) {
    return select(m, a, J(typename J::Underlying(c)));
}
template <class Mask, JetNumber J, JetConstant<J> S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE J select(const Mask& m, const S& c, const J& a) {
    return select(m, J(typename J::Underlying(c)), a);
}

#define CUNEWTON_JET_FUNCTION(name, chain)     \
    CUNEWTON_JET_UNARY name(const J& x) {      \
        return x.chain(expand_##name<1>(x.v)); \
    }
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_JET_FUNCTION)
#undef CUNEWTON_JET_FUNCTION

#define CUNEWTON_JET_FUNCTION(name)                                                               \
    CUNEWTON_JET_BINARY name(const Jet<T, A>& a, const Jet<T, B>& b) {                            \
        const auto e = expand_##name<1, true, true>(a.v, b.v);                                    \
        return CUNEWTON_JET_MERGE(e.f, derivative_product(e.fa, x) + derivative_product(e.fb, y), \
                                  derivative_product(e.fa, x), derivative_product(e.fb, y));      \
    }                                                                                             \
    CUNEWTON_JET_CONSTANT name(const J& a, const S& b) {                                          \
        using T = typename J::Underlying;                                                         \
        const auto e = expand_##name<1, true, false>(a.v, T(b));                                  \
        return a.edge_chain(Expansion<T>{e.f, e.fa, e.faa});                                      \
    }                                                                                             \
    CUNEWTON_JET_CONSTANT name(const S& a, const J& b) {                                          \
        using T = typename J::Underlying;                                                         \
        const auto e = expand_##name<1, false, true>(T(a), b.v);                                  \
        return b.edge_chain(Expansion<T>{e.f, e.fb, e.fbb});                                      \
    }
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_JET_FUNCTION)
#undef CUNEWTON_JET_FUNCTION

}  // namespace math

// Found by argument-dependent lookup too: a model may be defined before this header is included.
#define CUNEWTON_FOUND_BY_LOOKUP(name, ...) using math::name;
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_FOUND_BY_LOOKUP)
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_FOUND_BY_LOOKUP)
#undef CUNEWTON_FOUND_BY_LOOKUP
using math::select;

#undef CUNEWTON_JET_BINARY
#undef CUNEWTON_JET_UNARY
#undef CUNEWTON_JET_CONSTANT
#undef CUNEWTON_JET_MERGE

}  // namespace cunewton
