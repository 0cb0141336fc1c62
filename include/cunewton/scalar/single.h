// (Compiled in the user's file.) A float that stays one. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// A float whose arithmetic with constants of other types is in float: 0.5 * x would be in double
/// for a plain float x, which is many times slower on a GPU. Packs and dual numbers do the same.
struct Single {
    float v;

    Single() = default;
    template <class Number>
    requires std::is_arithmetic_v<Number> CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE
    Single(Number value)
        : v(static_cast<float>(value)) {}
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE explicit operator float() const { return v; }

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Single operator-() const { return -v; }
#define CUNEWTON_SINGLE_ARITHMETIC(op)                                                          \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE friend Single operator op(Single a, Single b) { \
        return a.v op b.v;                                                                      \
    }                                                                                           \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Single& operator op##=(Single b) {              \
        v op## = b.v;                                                                           \
        return *this;                                                                           \
    }
    CUNEWTON_SINGLE_ARITHMETIC(+)
    CUNEWTON_SINGLE_ARITHMETIC(-)
    CUNEWTON_SINGLE_ARITHMETIC(*)
    CUNEWTON_SINGLE_ARITHMETIC(/)
#undef CUNEWTON_SINGLE_ARITHMETIC
#define CUNEWTON_SINGLE_COMPARISON(op)                                                        \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE friend bool operator op(Single a, Single b) { \
        return a.v op b.v;                                                                    \
    }
    CUNEWTON_SINGLE_COMPARISON(<)
    CUNEWTON_SINGLE_COMPARISON(>)
    CUNEWTON_SINGLE_COMPARISON(<=)
    CUNEWTON_SINGLE_COMPARISON(>=)
    CUNEWTON_SINGLE_COMPARISON(==)
    CUNEWTON_SINGLE_COMPARISON(!=)
#undef CUNEWTON_SINGLE_COMPARISON

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE friend Single select(bool condition, Single a,
                                                                     Single b) {
        return condition ? a.v : b.v;
    }
#define CUNEWTON_SINGLE_FUNCTION(function, chain)                                  \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE friend Single function(Single x) { \
        return math::function(x.v);                                                \
    }
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_SINGLE_FUNCTION)
#undef CUNEWTON_SINGLE_FUNCTION
#define CUNEWTON_SINGLE_FUNCTION(function)                                                   \
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE friend Single function(Single a, Single b) { \
        return math::function(a.v, b.v);                                                     \
    }
    CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_SINGLE_FUNCTION)
#undef CUNEWTON_SINGLE_FUNCTION
    template <int order>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE friend Single polygamma(Single x) {
        return math::polygamma<order>(x.v);
    }
};
static_assert(sizeof(Single) == sizeof(float));

template <>
struct RealOf<Single> {
    using type = float;
};

}  // namespace cunewton
