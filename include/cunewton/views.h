// What a loss sees: views of parameters, samples and predictors. Host and device.
#pragma once

#include <cstddef>
#include <type_traits>

#include "cunewton/math/macros.h"

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
