// Growth and saturation: populations, enzymes, responses to a dose.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
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
};

CUNEWTON_DECLARE_BUILTIN(Fit, LogisticGrowth)
CUNEWTON_DECLARE_BUILTIN(Fit, MichaelisMenten)
CUNEWTON_DECLARE_BUILTIN(Fit, Hill)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<LogisticGrowth>)

}  // namespace cunewton
