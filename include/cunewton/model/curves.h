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
    /// The best of eight exponents, by which x^b changes over the range of x by factors of 1.6 to
    /// 7e5 up and down, with the a and c that are best for it. By three passes over the points.
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        constexpr int together = 4;
        const S zero(0.0), one(1.0), half(0.5), none(-limits::largest<real_t<S>>);
        const auto place = [](const auto& x) {
            const S at = x[0];
            const auto some = at > S(0.0);
            return detail::Place<S>{log(select(some, at, S(1.0))), some};
        };
        const auto ends = points.template largest<5>([&](const auto& x, const S& y, S* terms) {
            const detail::Place<S> u = place(x);
            terms[0] = select(u.valid, u.at, none);
            terms[1] = select(u.valid, -u.at, none);
            terms[2] = select(u.valid, S(0.0), S(1.0));
            terms[3] = y;
            terms[4] = zero - y;  // as in guess_peak()
        });
        const S range = select(ends[0] + ends[1] > zero, ends[0] + ends[1], one);
        const S middle = half * (ends[3] - ends[4]);
        const auto positive = -ends[4] >= zero;
        const auto has_zero = ends[2] > zero;
        S least(limits::largest<real_t<S>>), factor(0.0), exponent(1.0), offset = middle;
        for (const double sign : {-1.0, 1.0}) {
            // Of e = (x / end)^b, which is at most 1: e, e^2 and e y for each of the b; 1, y, y^2.
            const S end = sign < 0 ? S(-ends[1]) : ends[0];
            const S first = S(half * S(sign)) / range;
            const auto sums =
                points.template sum<3 * together + 3>([&](const auto& x, const S& y, S* terms) {
                    const detail::Place<S> u = place(x);
                    const S value = y - middle;
                    S e = select(u.valid, exp(first * (u.at - end)), S(0.0));
                    for (int k = 0; k < together; ++k) {
                        terms[3 * k] = e;
                        terms[3 * k + 1] = e * e;
                        terms[3 * k + 2] = e * value;
                        e = e * e * e;
                    }
                    terms[3 * together] = S(1.0);
                    terms[3 * together + 1] = value;
                    terms[3 * together + 2] = value * value;
                });
            const S n = sums[3 * together], sy = sums[3 * together + 1];
            const S syy = sums[3 * together + 2], mean = sy / n;
            S b = first, lowest_e = exp(-half);
            for (int k = 0; k < together; ++k) {
                const S se = sums[3 * k], see = sums[3 * k + 1], sey = sums[3 * k + 2];
                S a = detail::ratio_or(S(sey - se * mean), S(see - se * se / n), zero);
                S c = mean - a * se / n;
                S squares = syy - sy * mean - a * (sey - se * mean);
                c = c + middle;
                // Without an offset where it would make the curve of what is positive negative.
                const S lowest = minimum(a, a * select(has_zero, zero, lowest_e)) + c;
                const auto through_zero = positive && lowest < zero;
                const S raw = sey + middle * se;
                const S slope = detail::ratio_or(raw, see, zero);
                const S raw_squares = syy + middle * (S(2.0) * sy + n * middle) - slope * raw;
                squares = select(through_zero, raw_squares, squares);
                a = select(through_zero, slope, a);
                c = select(through_zero, zero, c);
                const auto better = squares < least;
                least = select(better, squares, least);
                factor = select(better, a * exp(-b * end), factor);
                exponent = select(better, b, exponent);
                offset = select(better, c, offset);
                b = b * S(3.0);
                lowest_e = lowest_e * lowest_e * lowest_e;
            }
        }
        p[0] = factor;
        p[1] = exponent;
        p[2] = offset;
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
    /// of half a period, but fewer half periods than there are intervals between points; by six
    /// passes over the points. Higher ones need a start.
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        using X = typename Points::place_type;
        constexpr int together = 8, blocks = 4;
        const S zero(0.0), one(1.0);
        const X step(3.14159265358979323846);
        const auto ends = points.template largest<2, 0>([](const auto& x, const S&, X* of_x, S*) {
            of_x[0] = x[0];
            of_x[1] = -x[0];
        });
        const auto means = points.template sum<2>([](const auto&, const S& y, S* terms) {
            terms[0] = y;
            terms[1] = S(1.0);
        });
        const S mean = means[0] / means[1];
        const X first = -ends.of_x[1], width = ends.of_x[0] + ends.of_x[1];
        const X range = select(width > X(0.0), width, X(1.0));
        S most(0.0), number(1.0), best_cosine(0.0), best_sine(0.0);
        for (int block = 0; block < blocks; ++block) {
            const auto sums =
                points
                    .template sum<0, 2 * together>([&](const auto& x, const S& y, X*, S* terms) {
                        const S value = y - mean;
                        const X u = (x[0] - first) / range * step;
                        const X c = cos(u), s = sin(u), before = u * X(1.0 * together * block);
                        X cosine = cos(before), sine = sin(before);
                        for (int k = 0; k < together; ++k) {
                            const X next = cosine * c - sine * s;
                            sine = sine * c + cosine * s;
                            cosine = next;
                            terms[2 * k] = value * cosine;
                            terms[2 * k + 1] = value * sine;
                        }
                    })
                    .of_y;
            for (int k = 0; k < together; ++k) {
                const S halves(1.0 * (together * block + k + 1));
                // Of n evenly spaced points n - 1 half periods and more have the sums of fewer, to
                // rounding.
                const S power = square(sums[2 * k]) + square(sums[2 * k + 1]);
                const auto better = halves < means[1] - one && power > S(1.001) * most;
                most = select(better, power, most);
                number = select(better, halves, number);
                best_cosine = select(better, sums[2 * k], best_cosine);
                best_sine = select(better, sums[2 * k + 1], best_sine);
            }
        }
        // a cos(phi) is the part of the sine, a sin(phi) that of the cosine.
        const S frequency = number * (step / range);
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
