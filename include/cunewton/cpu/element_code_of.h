// (Compiled in the user's file.) Elements of a partially separable sum, an element in each SIMD
// lane.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/cpu/element_code.h"
#include "cunewton/cpu/sample_code_of.h"
#include "cunewton/functor/as_sample.h"
#include "cunewton/functor/check.h"
#include "cunewton/math/element_derivatives.h"

namespace cunewton::cpu {

/// What ElementCodeOf is made of for an element of the user's.
template <class Element>
using ElementWithData =
    std::conditional_t<probe::element_reads_data<Element>, Element, FreeElement<Element>>;

/// Which derivatives an ElementWithData has of its own.
template <class Element>
struct ElementDerivatives {
    using X = Parameters<double, Element::parameters>;
    static constexpr bool gradient =
        requires(const Element& e, X x, SampleView<double> s, VectorView<double> g) {
        e.gradient(x, s, g);
    };
    static constexpr bool hessian =
        requires(const Element& e, X x, SampleView<double> s,
                 element::PackedTriangle<double, Element::parameters> h) {
        e.hessian(x, s, h);
    };
};

inline namespace CUNEWTON_CPU_CODE {

/// The interface of elements, of k variables:
///   static constexpr int parameters = k;
///   auto operator()(const X& x) const, or (const X& x, const S& s) const for one that reads data
/// and optionally, each *adding* to its output, with s where the element reads data,
///   void gradient(const X& x, [const S& s,] G& g) const     g[j] += df/dx_j
///   void hessian(const X& x, [const S& s,] H& h) const      h(i, j) += d2f/dx_i dx_j, i >= j
/// x[j] is the element's variable j; const auto& [a, b] = x; names them. S is as SampleView.
/// Element: an ElementWithData.
template <class T, class Element>
class ElementCodeOf final : public ElementCode<T> {
  public:
    explicit ElementCodeOf(const Element& element) : element_(element) {}

    Capabilities capabilities() const override { return {Own::gradient, Own::hessian, true}; }

    double value(const T* x, const ElementRange<T>& range) const override {
        double sum = 0;
        with_lanes([&]<class Lanes>() {
            for_elements<Lanes, false>(range, x, nullptr, [&](const auto& at) {
                add_lanes(sum, at.weighted(element::value(element_, at.p, at.data)));
            });
        });
        return sum;
    }

    double value_and_gradients(GradientBy by, const T* x, const T* steps,
                               const ElementRange<T>& range, T* g) const override {
        double sum = 0;
        if (by == GradientBy::analytic) {
            if constexpr (Own::gradient)
                with_lanes([&]<class Lanes>() {
                    sum = add_gradients<Lanes, GradientBy::analytic>(range, x, nullptr, true, g);
                });
        } else if (by == GradientBy::autodiff) {
            with_lanes([&]<class Lanes>() {
                sum = add_gradients<Lanes, GradientBy::autodiff>(range, x, nullptr, true, g);
            });
        } else {
            // Derivatives by differences are for checks: code for the lanes of every instruction
            // set would double the time to compile an element.
            run_in<BaselineLanes>([&]<class Lanes>() {
                const bool central = by == GradientBy::central_differences;
                sum = add_gradients<Lanes, GradientBy::central_differences>(range, x, steps,
                                                                            central, g);
            });
        }
        return sum;
    }

    void hessians(HessianBy by, bool own_gradient, const T* x, const T* steps,
                  const ElementRange<T>& range, T* h) const override {
        if (by == HessianBy::analytic) {
            if constexpr (Own::hessian)
                with_lanes([&]<class Lanes>() {
                    write_hessians<Lanes, HessianBy::analytic, false>(range, x, nullptr, h);
                });
        } else if (by == HessianBy::autodiff) {
            with_lanes([&]<class Lanes>() {
                write_hessians<Lanes, HessianBy::autodiff, false>(range, x, nullptr, h);
            });
        } else {
            run_in<BaselineLanes>([&]<class Lanes>() {
                constexpr HessianBy by_gradients = HessianBy::gradient_differences;
                if (by == HessianBy::value_differences) {
                    write_hessians<Lanes, HessianBy::value_differences, false>(range, x, steps, h);
                } else if (own_gradient) {
                    if constexpr (Own::gradient)
                        write_hessians<Lanes, by_gradients, true>(range, x, steps, h);
                } else {
                    write_hessians<Lanes, by_gradients, false>(range, x, steps, h);
                }
            });
        }
    }

  private:
    static constexpr int k = Element::parameters;
    using Own = ElementDerivatives<Element>;

    /// As many elements as P has lanes.
    template <class P>
    struct LaneElements {
        long first;
        const P* p;
        const P* steps;
        detail::LaneSample<P> data;
        P weight;
        /// Without weight an element is 0, whatever it is.
        CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P weighted(const P& value) const {
            return select(weight == P(0.0), P(0.0), weight * value);
        }
    };
    // What element_derivatives.h calls: no lambdas, which nvcc takes to be the host's alone.
    template <class P>
    struct StepOf {
        const P* steps;
        CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE P operator()(int j) const { return steps[j]; }
    };
    /// Number j of these elements goes into row j.
    template <class P>
    struct ToRows {
        const LaneElements<P>& at;
        T* rows;
        std::ptrdiff_t ld;
        CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void operator()(int j, const P& value) const {
            at.weighted(value).store(rows + j * ld + at.first);
        }
    };

    template <class P>
    static CUNEWTON_ALWAYS_INLINE void add_lanes(double& sum, const P& p) {
        double s = 0;
        for (int l = 0; l < P::lanes; ++l) s += p.lane(l);
        sum += s;
    }

    template <class L, GradientBy by>
    CUNEWTON_ALWAYS_INLINE double add_gradients(const ElementRange<T>& range, const T* x,
                                                const T* steps, bool central, T* g) const {
        double sum = 0;
        for_elements<L, by == GradientBy::central_differences>(
            range, x, steps, [&](const auto& at) {
                using P = std::remove_cvref_t<decltype(at.weight)>;
                const P f =
                    element::value_and_gradient<by, P>(element_, at.p, at.data, StepOf<P>{at.steps},
                                                       central, ToRows<P>{at, g, range.ld});
                add_lanes(sum, at.weighted(f));
            });
        return sum;
    }

    template <class L, HessianBy by, bool own_gradient>
    CUNEWTON_ALWAYS_INLINE void write_hessians(const ElementRange<T>& range, const T* x,
                                               const T* steps, T* h) const {
        constexpr bool differences =
            by == HessianBy::gradient_differences || by == HessianBy::value_differences;
        for_elements<L, differences>(range, x, steps, [&](const auto& at) {
            using P = std::remove_cvref_t<decltype(at.weight)>;
            element::hessian<by, own_gradient, P>(element_, at.p, at.data, StepOf<P>{at.steps},
                                                  ToRows<P>{at, h, range.ld});
        });
    }

    /// Calls visit(LaneElements) over the range. Lanes beyond its end have a weight of 0.
    template <class L, bool with_steps, class Visit>
    CUNEWTON_ALWAYS_INLINE void for_elements(const ElementRange<T>& range, const T* x,
                                             const T* steps, const Visit& visit) const {
        using P = typename L::template Pack<T, 1>;
        const SampleRange<T>& data = range.data;
        const int m = data.dimension;
        const detail::PackBuffer<P> features(m);
        P p[k], own_steps[with_steps ? k : 1];
        for (long first = data.begin; first < data.end; first += P::lanes) {
            for (int j = 0; j < k; ++j) {
                const int* index = range.indices + j * range.ld + first;
                for (int l = 0; l < P::lanes; ++l) p[j].set_lane(l, x[index[l]]);
                if constexpr (with_steps)
                    for (int l = 0; l < P::lanes; ++l) own_steps[j].set_lane(l, steps[index[l]]);
            }
            P target(0.0), weight(1.0), number(0.0);
            const long last = data.end - 1;
            for (int j = 0; j < m; ++j)
                for (int l = 0; l < P::lanes; ++l)
                    features.data()[j].set_lane(
                        l, data.features[std::min(first + l, last) * data.ld + j]);
            for (int l = 0; l < P::lanes; ++l) {
                const long e = std::min(first + l, last);
                if (data.targets) target.set_lane(l, data.targets[e]);
                if (data.weights) weight.set_lane(l, data.weights[e]);
                number.set_lane(l, static_cast<T>(e));
            }
            if (first + P::lanes > data.end)
                for (int l = static_cast<int>(data.end - first); l < P::lanes; ++l)
                    weight.set_lane(l, T(0));
            visit(LaneElements<P>{first, p, own_steps,
                                  detail::LaneSample<P>{features.data(), m, target, number},
                                  weight});
        }
    }

    Element element_;
};

}  // namespace CUNEWTON_CPU_CODE

}  // namespace cunewton::cpu
