// (Compiled in the user's file.) What a loss sees: views of parameters, samples and predictors.
// Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// n parameters, one after the other. x[j] is parameter j; the vector does not own them.
template <class T>
struct VectorView {
    using value_type = std::remove_const_t<T>;
    T* data;
    int count;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T& operator[](int j) const { return data[j]; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return count; }
};

/// As VectorView with element j at data[j * stride].
template <class T>
struct StridedView {
    using value_type = std::remove_const_t<T>;
    T* data;
    int count;
    std::ptrdiff_t stride;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T& operator[](int j) const {
        return data[j * stride];
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return count; }
};

/// A view whose size is part of its type, for structured bindings: const auto& [a, b] = x;
template <class V, int n>
struct FixedView {
    using value_type = typename V::value_type;
    V base;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE decltype(auto) operator[](int j) const {
        return base[j];
    }
    CUNEWTON_HOST_DEVICE static constexpr int size() { return n; }
    template <std::size_t j>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type get() const {
        return base[j];
    }
};

/// A loss of x that states how many parameters it has: static constexpr int parameters.
template <class Loss>
concept StatesItsParameters = requires {
    Loss::parameters;
};

namespace detail {
template <class Loss, class V>
struct ParametersView {
    using type = V;
    static CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE const V& of(const V& x) { return x; }
};
template <StatesItsParameters Loss, class V>
struct ParametersView<Loss, V> {
    using type = FixedView<V, Loss::parameters>;
    static CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE type of(const V& x) { return {x}; }
};
}  // namespace detail

/// What such a loss sees of the parameters x, and any other.
template <class Loss, class V>
using ParametersView = typename detail::ParametersView<Loss, V>::type;
template <class Loss, class V>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE decltype(auto) view_parameters(const V& x) {
    return detail::ParametersView<Loss, V>::of(x);
}

/// One sample: s[j] is feature j of size(), target() its target (0 where the data has none) and
/// index() its number.
template <class T>
struct SampleView {
    using value_type = T;
    const T* features;
    int count;
    std::ptrdiff_t stride;
    T target_value;
    long number;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T operator[](int j) const {
        return features[j * stride];
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return count; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T target() const { return target_value; }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE long index() const { return number; }
};

}  // namespace cunewton

template <class V, int n>
struct std::tuple_size<cunewton::FixedView<V, n>> : std::integral_constant<std::size_t, n> {};
template <std::size_t j, class V, int n>
struct std::tuple_element<j, cunewton::FixedView<V, n>> {
    using type = const typename V::value_type;
};
