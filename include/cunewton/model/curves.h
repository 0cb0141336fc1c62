// Polynomials, powers and waves.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/functor/guesses.h"
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
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using S = typename Points::value_type;
        // The mean: from anywhere it is one step.
        const auto sums = points.template sum<2>([](const auto&, const S& y, S* numbers) {
            numbers[0] = y;
            numbers[1] = S(1.0);
        });
        p[0] = sums[0] / sums[1];
        for (int k = 1; k < parameters; ++k) p[k] = S(0.0);
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
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        // An exponential function of log(x).
        const auto g = detail::guess_exponential(points, [](const auto& x) {
            const auto at = x[0];
            using X = std::remove_const_t<decltype(at)>;
            const auto some = at > X(0.0);
            return detail::Place{log(select(some, at, X(1.0))), some};
        });
        p[0] = g.height * exp(g.rate * g.first);
        p[1] = -g.rate;
        p[2] = g.offset;
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
    /// The best of the frequencies of half a period to 16 periods within the range of x, in steps
    /// of half a period, by six passes over the points. Higher ones need a start.
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        constexpr int together = 8, blocks = 4;
        const S zero(0.0), one(1.0), step(3.14159265358979323846);
        const auto ends = points.template largest<2>([](const auto& x, const S&, S* terms) {
            terms[0] = x[0];
            terms[1] = -x[0];
        });
        const auto means = points.template sum<2>([](const auto&, const S& y, S* terms) {
            terms[0] = y;
            terms[1] = S(1.0);
        });
        const S first = -ends[1], mean = means[0] / means[1];
        const S range = select(ends[0] + ends[1] > zero, ends[0] + ends[1], one);
        S most(0.0), number(1.0), best_cosine(0.0), best_sine(0.0);
        for (int block = 0; block < blocks; ++block) {
            const auto sums =
                points.template sum<2 * together>([&](const auto& x, const S& y, S* terms) {
                    const S u = (x[0] - first) / range * step, value = y - mean;
                    const S c = cos(u), s = sin(u);
                    const S before = u * S(1.0 * together * block);
                    S cosine = cos(before), sine = sin(before);
                    for (int k = 0; k < together; ++k) {
                        const S next = cosine * c - sine * s;
                        sine = sine * c + cosine * s;
                        cosine = next;
                        terms[2 * k] = value * cosine;
                        terms[2 * k + 1] = value * sine;
                    }
                });
            for (int k = 0; k < together; ++k) {
                const S power = square(sums[2 * k]) + square(sums[2 * k + 1]);
                const auto better = power > most;
                most = select(better, power, most);
                number = select(better, S(1.0 * (together * block + k + 1)), number);
                best_cosine = select(better, sums[2 * k], best_cosine);
                best_sine = select(better, sums[2 * k + 1], best_sine);
            }
        }
        // a cos(phi) is the part of the sine, a sin(phi) that of the cosine.
        const S frequency = number * step / range;
        p[0] = S(2.0) * sqrt(most) / means[1];
        p[1] = frequency;
        p[2] = atan2(best_cosine, best_sine) - frequency * first;
        p[3] = mean;
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
