// (Compiled in the user's file.) What the model of a small problem sees: its parameters, and the
// coordinates of one point.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/jet.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// n parameters as plain values. S is a number or a Pack.
template <class S, int n>
struct Parameters {
    using value_type = S;
    const S* values;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const S& operator[](int j) const {
        return values[j];
    }
    CUNEWTON_HOST_DEVICE static constexpr int size() { return n; }
    /// For structured bindings: const auto& [a, b, c] = p;
    template <std::size_t j>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const S& get() const {
        return values[j];
    }
};

/// n parameters that carry derivatives. Bound by structured bindings each is a Jet with the single
/// derivative by itself, which keeps derivatives that are zero out of the arithmetic; p[j] may be
/// any of them and carries all n.
template <class S, int n>
struct SeededParameters {
    static_assert(n <= 64, "a Jet carries at most 64 derivatives");
    using value_type = Jet<S, n == 64 ? ~JetSet{0} : (JetSet{1} << n) - 1>;
    const S* values;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        value_type x(values[j]);
        x.d[j] = S(1.0);
        return x;
    }
    CUNEWTON_HOST_DEVICE static constexpr int size() { return n; }
    template <std::size_t j>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Jet<S, JetSet{1} << j> get() const {
        Jet<S, JetSet{1} << j> x;
        x.v = values[j];
        x.d[0] = S(1.0);
        return x;
    }
};

}  // namespace cunewton

template <class S, int n>
struct std::tuple_size<cunewton::Parameters<S, n>> : std::integral_constant<std::size_t, n> {};
template <std::size_t j, class S, int n>
struct std::tuple_element<j, cunewton::Parameters<S, n>> {
    using type = const S;
};
template <class S, int n>
struct std::tuple_size<cunewton::SeededParameters<S, n>> : std::integral_constant<std::size_t, n> {
};
template <std::size_t j, class S, int n>
struct std::tuple_element<j, cunewton::SeededParameters<S, n>> {
    using type = const cunewton::Jet<S, cunewton::JetSet{1} << j>;
};
