// (Compiled in the user's file.) Residuals of a sample, as a functor gives them: one that is
// returned, or several that are written. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/jet.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/parameters.h"
#include "cunewton/scalar/std.h"
#include "cunewton/scalar/views.h"

namespace cunewton {

namespace detail {
/// Residuals of one sample: `residuals` of the functor, or 1.
template <class Functor>
CUNEWTON_HOST_DEVICE constexpr int residuals_of() {
    if constexpr (requires { Functor::residuals; })
        return Functor::residuals;
    else
        return 1;
}
/// Parameters that the functor states; 0: it does not.
template <class Functor>
CUNEWTON_HOST_DEVICE constexpr int stated_parameters() {
    if constexpr (StatesItsParameters<Functor>)
        return Functor::parameters;
    else
        return 0;
}
}  // namespace detail

/// The residual of a model y ~ m(p; x) at a sample whose features are x and whose target is y.
template <class Model>
struct CurveResidual {
    static constexpr int parameters = Model::parameters;
    Model model;

    template <class P, class S>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const S& s) const {
        return model(p, s) - s.target();
    }
    template <class P, class S>
    requires requires(const Model& m, const P& p, const S& s, scalar_t<P>* gradient) {
        m.value_and_gradient(p, s, gradient);
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE scalar_t<P> value_and_gradient(
        const P& p, const S& s, scalar_t<P>* gradient) const {
        return model.value_and_gradient(p, s, gradient) - s.target();
    }
};

namespace residual {

/// r[c], 0 <= c < residuals, whether they are returned or written.
template <class Functor, class X, class S, class R>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void evaluate(const Functor& functor, const X& x,
                                                          const S& s, R* r) {
    if constexpr (requires { Functor::residuals; })
        functor(x, s, r);
    else
        r[0] = R(functor(x, s));
}

/// Parameters [first, first + width) carry a derivative each.
template <class S, class X, int width>
struct SeededWindow {
    using value_type = Jet<S, (JetSet{1} << width) - 1>;
    X x;
    int first;
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE value_type operator[](int j) const {
        value_type v{S(x[j])};
        const int k = j - first;
        for (int l = 0; l < width; ++l)
            if (l == k) v.d[l] = S(1.0);
        return v;
    }
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE int size() const { return x.size(); }
};

/// Up to so many parameters are differentiated by in one evaluation, where the functor states their
/// number; others in windows.
inline constexpr int most_seeded = 12;
inline constexpr int window = 8;

/// Whether the functor is called with SeededParameters.
template <class Functor>
CUNEWTON_HOST_DEVICE constexpr bool is_seeded() {
    if constexpr (StatesItsParameters<Functor>)
        return Functor::parameters <= most_seeded;
    else
        return false;
}

/// Whether it has derivatives of its own: of one residual, and of parameters whose number it
/// states.
template <class Functor>
CUNEWTON_HOST_DEVICE constexpr bool has_gradient() {
    if constexpr (StatesItsParameters<Functor> && detail::residuals_of<Functor>() == 1)
        return requires(const Functor& f, const Parameters<double, Functor::parameters> p,
                        const SampleView<double> s, double* gradient) {
            f.value_and_gradient(p, s, gradient);
        };
    else
        return false;
}

template <class V, JetSet Set, class Put, int... J>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void put_row(int c, const Jet<V, Set>& value,
                                                         const Put& put,
                                                         std::integer_sequence<int, J...>) {
    (put(c, J, value.template by<JetSet{1} << J>()), ...);
}
/// Not by a loop, which GCC leaves one: the row would go through memory, by a call for each number.
template <class V, class Put, int... J>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void put_row(int c, const V* row, const Put& put,
                                                         std::integer_sequence<int, J...>) {
    (put(c, J, row[J]), ...);
}

/// Residuals and their exact derivatives: value(c, r_c) and derivative(c, j, dr_c/dx_j). The point
/// x is a view of numbers or packs S.
template <class S, bool analytic, class Functor, class X, class Sample, class Value,
          class Derivative>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void derivatives(const Functor& functor, const X& x,
                                                             int n, const Sample& s,
                                                             const Value& value,
                                                             const Derivative& derivative) {
    constexpr int k = detail::residuals_of<Functor>();
    if constexpr (is_seeded<Functor>() || analytic) {
        constexpr int m = Functor::parameters;
        S p[m];
        for (int j = 0; j < m; ++j) p[j] = S(x[j]);
        if constexpr (analytic) {
            S row[m];
            value(0, functor.value_and_gradient(Parameters<S, m>{p}, s, row));
            put_row(0, row, derivative, std::make_integer_sequence<int, m>());
        } else if constexpr (requires { Functor::residuals; }) {
            const SeededParameters<S, m> seeded{p};
            scalar_t<SeededParameters<S, m>> r[k];
            functor(seeded, s, r);
            for (int c = 0; c < k; ++c) {
                value(c, r[c].v);
                put_row(c, r[c].d, derivative, std::make_integer_sequence<int, m>());
            }
        } else {
            const auto r = functor(SeededParameters<S, m>{p}, s);
            value(0, r.v);
            put_row(0, r, derivative, std::make_integer_sequence<int, m>());
        }
    } else {
        using View = SeededWindow<S, X, window>;
        for (int first = 0; first < n; first += window) {
            scalar_t<View> r[k];
            evaluate(functor, view_parameters<Functor>(View{x, first}), s, r);
            const int width = n - first < window ? n - first : window;
            for (int c = 0; c < k; ++c) {
                if (first == 0) value(c, r[c].v);
                for (int l = 0; l < width; ++l) derivative(c, first + l, r[c].d[l]);
            }
        }
    }
}

}  // namespace residual
}  // namespace cunewton
