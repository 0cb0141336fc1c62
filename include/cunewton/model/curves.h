// Polynomials, powers and waves.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/functor/residual.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// p0 + p1 x + p2 x^2 + ...: linear in its parameters, so that a fit takes one step.
template <int degree>
struct Polynomial {
    static_assert(degree >= 1);
    static constexpr int parameters = degree + 1;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        return p.template get<0>() + terms<1>(p, x[0], x[0]);
    }

  private:
    /// The terms from p_k x^k on; `power` is x^k. Each derivative stays a single power.
    template <int k, class P, class S>
    CUNEWTON_HOST_DEVICE static CUNEWTON_ALWAYS_INLINE auto terms(const P& p, const S& x,
                                                                  const S& power) {
        const auto term = p.template get<k>() * power;
        if constexpr (k == degree)
            return term;
        else
            return term + terms<k + 1>(p, x, S(power * x));
    }
};

/// a x^b + c with p = (a, b, c), for x >= 0. At x = 0 the power counts as 0.
struct PowerLaw {
    static constexpr int parameters = 3;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [factor, exponent, offset] = p;
        auto base = x[0];
        using S = decltype(base);
        const auto zero = base == S(0.0);
        base = select(zero, S(1.0), base);
        return factor * select(zero, S(0.0), pow(base, exponent)) + offset;
    }
};

/// a sin(omega x + phi) + b with p = (a, omega, phi, b); omega in radians per unit of x, phi in
/// radians.
struct Sine {
    static constexpr int parameters = 4;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [amplitude, frequency, phase, offset] = p;
        return amplitude * sin(frequency * x[0] + phase) + offset;
    }
};

CUNEWTON_DECLARE_BUILTIN(Fit, Polynomial<1>)
CUNEWTON_DECLARE_BUILTIN(Fit, Polynomial<2>)
CUNEWTON_DECLARE_BUILTIN(Fit, Polynomial<3>)
CUNEWTON_DECLARE_BUILTIN(Fit, Polynomial<4>)
CUNEWTON_DECLARE_BUILTIN(Fit, PowerLaw)
CUNEWTON_DECLARE_BUILTIN(Fit, Sine)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<Sine>)

}  // namespace cunewton
