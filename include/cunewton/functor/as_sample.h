// (Compiled in the user's file.) Losses of other forms, seen as the loss of one sample. Host and
// device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"
#include "cunewton/scalar/views.h"

namespace cunewton::cpu {

/// An objective f(x) seen as a sum over one sample.
template <class Loss>
struct ObjectiveAsSample {
    Loss loss;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S&) const {
        return loss(view_parameters<Loss>(x));
    }
    template <class X, class S, class G>
    requires requires(const Loss& l, const ParametersView<Loss, X>& x, G& g) { l.gradient(x, g); }
    CUNEWTON_HOST_DEVICE void gradient(const X& x, const S&, G& g) const {
        loss.gradient(view_parameters<Loss>(x), g);
    }
    template <class X, class S, class H>
    requires requires(const Loss& l, const ParametersView<Loss, X>& x, H& h) { l.hessian(x, h); }
    CUNEWTON_HOST_DEVICE void hessian(const X& x, const S&, H& h) const {
        loss.hessian(view_parameters<Loss>(x), h);
    }
};

/// The loss of a sample, for a loss that states its number of parameters.
template <class Loss>
struct FixedSampleLoss {
    Loss loss;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        return loss(view_parameters<Loss>(x), s);
    }
    template <class X, class S, class G>
    requires requires(const Loss& l, const ParametersView<Loss, X>& x, const S& s, G& g) {
        l.gradient(x, s, g);
    }
    CUNEWTON_HOST_DEVICE void gradient(const X& x, const S& s, G& g) const {
        loss.gradient(view_parameters<Loss>(x), s, g);
    }
    template <class X, class S, class H>
    requires requires(const Loss& l, const ParametersView<Loss, X>& x, const S& s, H& h) {
        l.hessian(x, s, h);
    }
    CUNEWTON_HOST_DEVICE void hessian(const X& x, const S& s, H& h) const {
        loss.hessian(view_parameters<Loss>(x), s, h);
    }
};
/// What SampleCodeOf is made of for a loss of samples.
template <class Loss>
using SampleLoss = std::conditional_t<StatesItsParameters<Loss>, FixedSampleLoss<Loss>, Loss>;

/// An element of a sum that reads no data, seen as one that does.
template <class Element>
struct FreeElement {
    static constexpr int parameters = Element::parameters;
    Element element;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S&) const {
        return element(x);
    }
    template <class X, class S, class G>
    requires requires(const Element& e, const X& x, G& g) { e.gradient(x, g); }
    CUNEWTON_HOST_DEVICE void gradient(const X& x, const S&, G& g) const { element.gradient(x, g); }
    template <class X, class S, class H>
    requires requires(const Element& e, const X& x, H& h) { e.hessian(x, h); }
    CUNEWTON_HOST_DEVICE void hessian(const X& x, const S&, H& h) const { element.hessian(x, h); }
};

}  // namespace cunewton::cpu
