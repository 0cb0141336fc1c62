// Growth and saturation: populations, enzymes, responses to a dose.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/functor/guesses.h"
#include "cunewton/functor/residual.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

namespace detail {
/// 1 / (1 + exp(-z)), without overflow in the value or in its derivatives.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S logistic(const S& z) {
    using namespace math;
    const auto positive = z > 0.0;
    const S e = exp(select(positive, -z, z));
    return select(positive, S(1.0), e) / (1.0 + e);
}
}  // namespace detail

/// c / (1 + exp(-k (x - m))) with p = (c, k, m): the capacity, the rate and the midpoint.
struct LogisticGrowth {
    static constexpr int parameters = 3;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        const auto& [capacity, rate, midpoint] = p;
        return capacity * detail::logistic(rate * (x[0] - midpoint));
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        const auto ends = points.template largest<4>([](const auto& x, const S& y, S* terms) {
            terms[0] = y;
            terms[1] = -y;
            terms[2] = x[0];
            terms[3] = -x[0];
        });
        const S top = detail::beyond_extreme(ends[0], S(-ends[1]));
        const S middle = S(0.5) * (ends[2] - ends[3]);
        const S range = select(ends[2] + ends[3] > S(0.0), ends[2] + ends[3], S(1.0));
        const auto line = detail::guess_logistic(points, top, [&](const auto& x) {
            const S u = (x[0] - middle) / range;
            return detail::Place<S>{u, u <= u};
        });
        const auto rises = line.known && abs(line.slope) > S(1e-3);
        const S slope = select(rises, line.slope, S(4.0));
        p[0] = top;
        p[1] = slope / range;
        p[2] = middle - select(rises, line.intercept, S(0.0)) / slope * range;
    }
};

/// v x / (k + x) with p = (v, k): the largest rate and the concentration of half of it. k > 0 and
/// x >= 0.
struct MichaelisMenten {
    static constexpr int parameters = 2;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        const auto& [largest, half] = p;
        return largest * x[0] / (half + x[0]);
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        // y (k + x) = v x: linear in v and k.
        const auto ends = points.template largest<2>([](const auto& x, const S& y, S* terms) {
            terms[0] = y;
            terms[1] = x[0];
        });
        const S far = select(ends[1] > S(0.0), ends[1], S(1.0));
        const S top = select(ends[0] > S(0.0), ends[0], S(1.0));
        const auto sums = points.template sum<5>([&](const auto& x, const S& y, S* terms) {
            const S u = x[0] / far, v = y / top, uv = u * v;
            terms[0] = u * u;
            terms[1] = uv;
            terms[2] = v * v;
            terms[3] = u * uv;
            terms[4] = v * uv;
        });
        const S determinant = sums[0] * sums[2] - sums[1] * sums[1];
        const auto known = determinant > S(1e-6) * sums[0] * sums[2];
        const S divisor = select(known, determinant, S(1.0));
        const S most = (sums[2] * sums[3] - sums[1] * sums[4]) / divisor;
        const S half = (sums[1] * sums[3] - sums[0] * sums[4]) / divisor;
        const auto possible = known && most > S(0.0) && half > S(0.0);
        p[0] = top * select(possible, most, S(1.2));
        p[1] = far * select(possible, half, S(0.3));
    }
};

/// v x^h / (k^h + x^h) with p = (v, k, h): the largest response, the dose of half of it and the
/// exponent. k > 0, h > 0 and x >= 0.
struct Hill {
    static constexpr int parameters = 3;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [largest, half, exponent] = p;
        auto dose = x[0];
        using S = decltype(dose);
        const auto some = dose > S(0.0);
        dose = select(some, dose, S(1.0));
        const auto response = largest * detail::logistic(exponent * log(dose / half));
        return select(some, response, S(0.0));
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        const auto ends = points.template largest<3>([](const auto& x, const S& y, S* terms) {
            terms[0] = y;
            terms[1] = -y;
            terms[2] = x[0];
        });
        const S top = detail::beyond_extreme(ends[0], S(-ends[1]));
        const S far = select(ends[2] > S(0.0), ends[2], S(1.0));
        const auto line = detail::guess_logistic(points, top, [&](const auto& x) {
            const S u = x[0] / far;
            const auto some = u > S(0.0);
            return detail::Place<S>{log(select(some, u, S(1.0))), some};
        });
        const auto rises = line.known && line.slope > S(0.1) && line.slope < S(50.0);
        const S exponent = select(rises, line.slope, S(1.0));
        const S place = -line.intercept / exponent;
        p[0] = top;
        p[1] = far * exp(select(rises && abs(place) < S(20.0), place, S(-1.0)));
        p[2] = exponent;
    }
};

CUNEWTON_DECLARE_BUILTIN(Fit, LogisticGrowth)
CUNEWTON_DECLARE_BUILTIN(Fit, MichaelisMenten)
CUNEWTON_DECLARE_BUILTIN(Fit, Hill)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<LogisticGrowth>)

}  // namespace cunewton
