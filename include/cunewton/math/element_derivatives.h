// (Compiled in the user's file.) Derivatives of one element of a sum by its own parameters. Host
// and device; S is a number, or a Pack with an element in each lane.
//
// An element has `parameters`, k, and what cpu::ElementCodeOf describes; p are its k numbers.
// Hessians are lower triangles, packed column by column (math/packed.h).
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/perturbed_views.h"
#include "cunewton/math/stencil.h"
#include "cunewton/math/unroll.h"
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

/// The numbers p, and views of them.
template <class S>
using Point = VectorView<const S>;
template <class Element, class View, class Data>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto at(const Element& element, const View& view,
                                                    const Data& s) {
    return element(FixedView<View, Element::parameters>{view}, s);
}

template <class S, class Element, class Data>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S value(const Element& element, const S* p,
                                                    const Data& s) {
    return S(element(Parameters<S, Element::parameters>{p}, s));
}

/// Returns the value, and calls write(j, derivative by j) for all j < k, unless `by` is automatic.
/// By differences, where `by` is central_differences, they are of step(j) to both sides, or, if not
/// `central`, to one.
template <GradientBy by, class S, class Element, class Data, class Step, class Write>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S value_and_gradient(const Element& element, const S* p,
                                                                 const Data& s, const Step& step,
                                                                 bool central, const Write& write) {
    constexpr int k = Element::parameters;
    if constexpr (by == GradientBy::autodiff) {
        // An element may return a Jet with fewer derivatives, or none.
        const typename SeededParameters<S, k>::value_type f(element(SeededParameters<S, k>{p}, s));
        for (int j = 0; j < k; ++j) write(j, f.d[j]);
        return f.v;
    } else {
        const S f = value(element, p, s);
        if constexpr (by == GradientBy::analytic) {
            S g[k];
            for (int j = 0; j < k; ++j) g[j] = S(0.0);
            VectorView<S> out{g, k};
            element.gradient(Parameters<S, k>{p}, s, out);
            for (int j = 0; j < k; ++j) write(j, g[j]);
        } else if constexpr (by == GradientBy::central_differences) {
            batch::loop<0>(0, k, [&](int j) {
                const S h = step(j);
                const auto moved = [&](const S& a) {
                    return S(at(element, ShiftedView<Point<S>>{{p, k}, j, -1, a, a}, s));
                };
                write(j, central ? central_difference(moved(h), moved(-h), h)
                                 : forward_difference(moved(h), f, h));
            });
        }
        return f;
    }
}

/// Calls write(e, entry e) for the entries of the packed Hessian. own_gradient: what differences of
/// gradients are taken of; else of derivatives by automatic differentiation.
template <HessianBy by, bool own_gradient, class S, class Element, class Data, class Step,
          class Write>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void hessian(const Element& element, const S* p,
                                                         const Data& s, const Step& step,
                                                         const Write& write) {
    constexpr int k = Element::parameters;
    const Point<S> point{p, k};
    if constexpr (by == HessianBy::analytic) {
        S h[hessian_size<Element> + 1];
        for (int e = 0; e < hessian_size<Element>; ++e) h[e] = S(0.0);
        PackedTriangle<S, k> out{h};
        element.hessian(Parameters<S, k>{p}, s, out);
        for (int e = 0; e < hessian_size<Element>; ++e) write(e, h[e]);
    } else if constexpr (by == HessianBy::gradient_differences && own_gradient) {
        int e = 0;
        batch::loop<0>(0, k, [&](int j) {
            const S h = step(j);
            S above[k], below[k];
            for (int i = 0; i < k; ++i) above[i] = below[i] = S(0.0);
            VectorView<S> to_above{above, k}, to_below{below, k};
            const auto moved = [&](const S& a) {
                return FixedView<ShiftedView<Point<S>>, k>{{point, j, -1, a, a}};
            };
            element.gradient(moved(h), s, to_above);
            element.gradient(moved(-h), s, to_below);
            for (int i = 0; i < k; ++i)
                if (i >= j) write(e++, central_difference(above[i], below[i], h));
        });
    } else {
        int e = 0;
        batch::loop<0>(0, k, [&](int j) {
            batch::loop<0>(j, k, [&](int i) {
                if constexpr (by == HessianBy::autodiff) {
                    using H = HyperDual<S>;
                    write(e, H(at(element, HyperDualView<Point<S>>{point, i, j}, s)).d12);
                } else if constexpr (by == HessianBy::gradient_differences) {
                    const S h = step(j);
                    const auto slope = [&](const S& a) {
                        using V = ShiftedView<Point<S>>;
                        return Dual<S>(at(element, DualView<V>{{point, j, -1, a, a}, i}, s)).d;
                    };
                    write(e, central_difference(slope(h), slope(-h), h));
                } else {
                    const S hi = step(i), hj = step(j);
                    const auto moved = [&](int corner) {
                        const Shifts<S> to = second_shifts(corner, i == j, hi, hj);
                        return S(at(element, ShiftedView<Point<S>>{point, i, j, to.i, to.k}, s));
                    };
                    const S difference = (moved(0) - moved(1)) - (moved(2) - moved(3));
                    write(e, difference / (i == j ? hi * hi : S(4.0) * hi * hj));
                }
                ++e;
            });
        });
    }
}

}  // namespace cunewton::element
