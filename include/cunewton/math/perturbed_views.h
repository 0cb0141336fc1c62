// (Compiled in the user's file.) Views of a point next to another one: shifted along one or two
// axes, or seeded for automatic differentiation. Elements are computed when they are read; nothing
// is stored. Host and device.
//
// A base view V has value_type, operator[] and size(), as those of views.h.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// base + a e_i + b e_k. No element has the index -1.
template <class V>
struct ShiftedView {
    using value_type = scalar_t<V>;
    V base;
    int i, k;
    value_type a, b;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        value_type value = base[j];
        if (j == i) value += a;
        if (j == k) value += b;
        return value;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return base.size(); }
};

/// base, differentiated along axis i.
template <class V>
struct DualView {
    using value_type = Dual<scalar_t<V>>;
    V base;
    int i;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        using T = scalar_t<V>;
        return value_type(base[j], T(j == i ? 1.0 : 0.0));
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return base.size(); }
};

/// base, differentiated along axes i and k.
template <class V>
struct HyperDualView {
    using value_type = HyperDual<scalar_t<V>>;
    V base;
    int i, k;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        using T = scalar_t<V>;
        return value_type(base[j], T(j == i ? 1.0 : 0.0), T(j == k ? 1.0 : 0.0), T(0.0));
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return base.size(); }
};

/// base, differentiated along axis i and along the direction v, numbers one after the other.
template <class V>
struct DirectedView {
    using value_type = HyperDual<scalar_t<V>>;
    V base;
    int i;
    const scalar_t<V>* v;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        using T = scalar_t<V>;
        return value_type(base[j], T(j == i ? 1.0 : 0.0), v[j], T(0.0));
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return base.size(); }
};

}  // namespace cunewton
