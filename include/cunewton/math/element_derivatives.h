// (Compiled in the user's file.) Derivatives of one element of a sum by its own parameters. Host
// and device; S is a number, or a Pack with an element in each lane.
//
// An element: `parameters`, k, and what cpu::ElementCodeOf describes. p and the steps of
// differences are k numbers; Hessians are lower triangles, packed column by column (math/packed.h).
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/stencil.h"
#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/parameters.h"
#include "cunewton/scalar/std.h"
#include "cunewton/scalar/views.h"

namespace cunewton::element {

/// Entries of a Hessian.
template <class Element>
inline constexpr int hessian_size = Element::parameters*(Element::parameters + 1) / 2;

/// What an element's hessian(x, s, h) adds to. Behind the triangle there is one number more: what
/// is added above the diagonal.
template <class S, int k>
struct PackedTriangle {
    S* data;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S& operator()(int i, int j) const {
        return data[i < j ? k * (k + 1) / 2 : j * (2 * k - j - 1) / 2 + i];
    }
};

template <class S, class Element, class Data>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S value(const Element& element, const S* p,
                                                    const Data& s) {
    return S(element(Parameters<S, Element::parameters>{p}, s));
}

/// Writes g[0] ... and returns the value. `by` central_differences: steps[j] to both sides, or, if
/// not `central`, to one.
template <GradientBy by, class S, class Element, class Data>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S value_and_gradient(const Element& element, const S* p,
                                                                 const Data& s, S* g,
                                                                 const S* steps = nullptr,
                                                                 bool central = true) {
    constexpr int k = Element::parameters;
    if constexpr (by == GradientBy::analytic) {
        for (int j = 0; j < k; ++j) g[j] = S(0.0);
        VectorView<S> out{g, k};
        element.gradient(Parameters<S, k>{p}, s, out);
        return value(element, p, s);
    } else if constexpr (by == GradientBy::autodiff) {
        // An element may return a Jet with fewer derivatives, or none.
        const typename SeededParameters<S, k>::value_type f(element(SeededParameters<S, k>{p}, s));
        for (int j = 0; j < k; ++j) g[j] = f.d[j];
        return f.v;
    } else {
        S moved[k];
        for (int j = 0; j < k; ++j) moved[j] = p[j];
        const S f = value<S>(element, moved, s);
        for (int j = 0; j < k; ++j) {
            const S up = p[j] + steps[j], down = central ? p[j] - steps[j] : p[j];
            moved[j] = up;
            const S above = value<S>(element, moved, s);
            moved[j] = down;
            const S below = central ? value<S>(element, moved, s) : f;
            moved[j] = p[j];
            g[j] = (above - below) / (up - down);
        }
        return f;
    }
}

/// Writes h, which has room for one number more than the triangle's. own_gradient: what differences
/// of gradients are taken of; else of those by automatic differentiation.
template <HessianBy by, bool own_gradient, class S, class Element, class Data>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void hessian(const Element& element, const S* p,
                                                         const Data& s, S* h,
                                                         const S* steps = nullptr) {
    constexpr int k = Element::parameters;
    if constexpr (by == HessianBy::analytic) {
        for (int e = 0; e < hessian_size<Element>; ++e) h[e] = S(0.0);
        PackedTriangle<S, k> out{h};
        element.hessian(Parameters<S, k>{p}, s, out);
    } else if constexpr (by == HessianBy::autodiff) {
        using H = HyperDual<S>;
        H q[k];
        for (int j = 0; j < k; ++j) q[j] = H(p[j]);
        const Parameters<H, k> at{q};
        for (int j = 0; j < k; ++j) {
            q[j].d1 = S(1.0);
            for (int i = j; i < k; ++i, ++h) {
                q[i].d2 = S(1.0);
                *h = H(element(at, s)).d12;
                q[i].d2 = S(0.0);
            }
            q[j].d1 = S(0.0);
        }
    } else if constexpr (by == HessianBy::gradient_differences) {
        constexpr GradientBy gradient_by =
            own_gradient ? GradientBy::analytic : GradientBy::autodiff;
        S moved[k], above[k], below[k];
        for (int j = 0; j < k; ++j) moved[j] = p[j];
        for (int j = 0; j < k; ++j) {
            const S up = p[j] + steps[j], down = p[j] - steps[j];
            moved[j] = up;
            value_and_gradient<gradient_by, S>(element, moved, s, above);
            moved[j] = down;
            value_and_gradient<gradient_by, S>(element, moved, s, below);
            moved[j] = p[j];
            for (int i = j; i < k; ++i, ++h) *h = (above[i] - below[i]) / (up - down);
        }
    } else {
        S moved[k];
        for (int j = 0; j < k; ++j) moved[j] = p[j];
        const auto at = [&](int j, const S& xj, int i, const S& xi) {
            moved[j] = xj;
            moved[i] = xi;
            const S f = value<S>(element, moved, s);
            moved[j] = p[j];
            moved[i] = p[i];
            return f;
        };
        for (int j = 0; j < k; ++j) {
            const S jp = p[j] + steps[j], jm = p[j] - steps[j];
            const S h_j = S(0.5) * (jp - jm);
            *h++ = second_difference(at(j, jp, j, jp), at(j, p[j], j, p[j]), at(j, jm, j, jm), h_j);
            for (int i = j + 1; i < k; ++i, ++h) {
                const S ip = p[i] + steps[i], im = p[i] - steps[i];
                *h = four_point_difference(at(j, jp, i, ip), at(j, jp, i, im), at(j, jm, i, ip),
                                           at(j, jm, i, im), h_j, S(0.5) * (ip - im));
            }
        }
    }
}

}  // namespace cunewton::element
