// Sums of exponential decays.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/functor/guesses.h"
#include "cunewton/functor/residual.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// a1 exp(-k1 x) + a2 exp(-k2 x) + ... + b with p = (a1, k1, a2, k2, ..., b). The rates k are in
/// the inverse of x's unit.
template <int terms>
struct ExponentialDecay {
    static_assert(terms >= 1);
    static constexpr int parameters = 2 * terms + 1;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        return sum(p, x[0], std::make_integer_sequence<int, terms>());
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        const auto g = detail::guess_exponential(points);
        // One of the rates is that of a single decay, which the slow terms decide. The others are a
        // factor of 12 apart, with which most fits of noisy curves found the best minimum; of 2
        // where squares of amplitudes, which are those at x = 0, would overflow.
        constexpr int faster = terms / 2;
        constexpr double fastest[] = {1, 12, 144, 1728};
        static_assert(terms <= 7);
        constexpr double largest_log = sizeof(real_t<S>) == sizeof(float) ? 40 : 300;
        const auto overflow = abs(g.rate * g.from) * S(fastest[faster]) > S(largest_log);
        const S apart = select(overflow, S(2.0), S(12.0));
        S rate = g.rate;
        for (int k = 0; k < faster; ++k) rate = rate * apart;
        for (int k = 0; k < terms; ++k) {
            p[2 * k] = g.height * S(1.0 / terms) * exp(rate * g.from);
            p[2 * k + 1] = rate;
            rate = rate / apart;
        }
        p[2 * terms] = g.offset;
    }

  private:
    template <class P, class S, int... k>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE auto sum(const P& p, const S& x,
                                                                std::integer_sequence<int, k...>) {
        using namespace math;
        return ((p.template get<2 * k>() * exp(-x * p.template get<2 * k + 1>())) + ... +
                p.template get<2 * terms>());
    }
};

CUNEWTON_DECLARE_BUILTIN(Fit, ExponentialDecay<1>)
CUNEWTON_DECLARE_BUILTIN(Fit, ExponentialDecay<2>)
CUNEWTON_DECLARE_BUILTIN(Fit, ExponentialDecay<3>)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<ExponentialDecay<1>>)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<ExponentialDecay<2>>)

}  // namespace cunewton
