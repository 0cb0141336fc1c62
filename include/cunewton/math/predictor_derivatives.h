// (Compiled in the user's file.) Derivatives of a predictor loss l(z, y) by its predictors, by
// automatic differentiation or by differences. Host and device; z and y may be plain numbers or
// packs of lanes.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/perturbed_views.h"
#include "cunewton/math/stencil.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// A step of about relative * max(1, |z|) for which z + h - z is exactly h.
template <class P, class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P predictor_step(const P& z, T relative) {
    using namespace math;
    const P size = maximum(P(abs(z)), P(1.0));
    const P moved = z + size * P(relative);
    return moved - z;
}

/// dl/dz_k by any method but the analytic one.
template <class Loss, class Z, class Y, class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Y predictor_partial(const Loss& loss, const Z& z,
                                                                const Y& y, int k, GradientBy by,
                                                                T step) {
    if (by == GradientBy::autodiff) return loss(DualView<Z>{z, k}, y).d;
    const Y h = predictor_step(Y(z[k]), step);
    const bool forward = by == GradientBy::forward_differences;
    const auto at = [&](const Y& a) { return Y(loss(ShiftedView<Z>{z, k, -1, a, a}, y)); };
    const Y difference = at(h) - at(forward ? Y(0.0) : Y(-h));
    return difference / (forward ? h : h + h);
}

/// d2l/dz_k dz_l by any method but the analytic one.
template <class Loss, class Z, class Y, class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Y predictor_second_partial(const Loss& loss, const Z& z,
                                                                       const Y& y, int k, int l,
                                                                       HessianBy by, T step) {
    if (by == HessianBy::autodiff) return loss(HyperDualView<Z>{z, k, l}, y).d12;
    const Y hk = predictor_step(Y(z[k]), step);
    if (by == HessianBy::gradient_differences) {
        const auto gradient_at = [&](const Y& a) {
            return Y(loss(DualView<ShiftedView<Z>>{{z, k, -1, a, a}, l}, y).d);
        };
        return central_difference(gradient_at(hk), gradient_at(-hk), hk);
    }
    const Y hl = predictor_step(Y(z[l]), step);
    const auto at = [&](const Y& a, const Y& b) {
        return Y(loss(ShiftedView<Z>{z, k, l, a, b}, y));
    };
    if (k == l) {
        const Y none(0.0);
        return second_difference(at(hk, none), at(none, none), at(-hk, none), hk);
    }
    return four_point_difference(at(hk, hl), at(hk, -hl), at(-hk, hl), at(-hk, -hl), hk, hl);
}

}  // namespace cunewton
