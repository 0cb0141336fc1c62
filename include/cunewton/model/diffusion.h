// The diffusion tensor of magnetic resonance imaging.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/functor/guesses.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// S0 exp(-b g'Dg) with p = (S0, Dxx, Dxy, Dxz, Dyy, Dyz, Dzz), D symmetric, and the coordinates
/// (b, gx, gy, gz) of a measurement: g is the gradient's direction, of unit length (or zero, where
/// b = 0), and b is in the inverse of D's unit: b in ms/um^2 (s/mm^2 divided by 1000) goes with D
/// in um^2/ms, which keeps all parameters near 1.
struct DiffusionTensor {
    static constexpr int parameters = 7;
    static constexpr int coordinates = 4;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [s0, xx, xy, xz, yy, yz, zz] = p;
        const auto b = x[0], gx = x[1], gy = x[2], gz = x[3];
        const auto bx = b * gx, by = b * gy, bz = b * gz;
        return s0 * exp(-(xx * (bx * gx) + xy * (2.0 * bx * gy) + xz * (2.0 * bx * gz) +
                          yy * (by * gy) + yz * (2.0 * by * gz) + zz * (bz * gz)));
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        // The largest signal, and the mean attenuation in all directions alike.
        const auto ends =
            points.template largest<1>([](const auto&, const S& y, S* terms) { terms[0] = y; });
        const S top = select(ends[0] > S(0.0), ends[0], S(1.0));
        const auto sums = points.template sum<2>([&](const auto& x, const S& y, S* terms) {
            const S b = x[0];
            const auto counts = b > S(0.0) && y > S(0.0);
            terms[0] = log(select(counts, top / select(counts, y, S(1.0)), S(1.0)));
            terms[1] = select(counts, b, S(0.0));
        });
        const S mean = detail::ratio_or(sums[0], sums[1], S(1.0));
        p[0] = top;
        p[1] = p[4] = p[6] = mean;
        p[2] = p[3] = p[5] = S(0.0);
    }
};

CUNEWTON_DECLARE_BUILTIN(Fit, DiffusionTensor)

}  // namespace cunewton
