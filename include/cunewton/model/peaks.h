// Spectral lines on a constant background. The width w is half of the full width at half maximum.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/functor/guesses.h"
#include "cunewton/functor/residual.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// a / (1 + ((x - c) / w)^2) + b with p = (a, c, w, b).
struct Lorentzian {
    static constexpr int parameters = 4;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [amplitude, center, width, offset] = p;
        return amplitude / (1.0 + square((x[0] - center) / width)) + offset;
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        detail::guess_line(points, 0.168, p);
    }
};

/// a (eta / (1 + u^2) + (1 - eta) exp(-u^2 log 2)) + b, u = (x - c) / w, with p = (a, c, w, eta,
/// b): a Lorentzian and a Gaussian of the same width.
struct PseudoVoigt {
    static constexpr int parameters = 5;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        constexpr double log_2 = 0.69314718055994530942;
        const auto& [amplitude, center, width, lorentzian, offset] = p;
        const auto u2 = square((x[0] - center) / width);
        const auto gauss = exp(-log_2 * u2);
        return amplitude * (gauss + lorentzian * (1.0 / (1.0 + u2) - gauss)) + offset;
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        detail::guess_line(points, 0.175, p);
        p[4] = p[3];
        p[3] = typename Points::value_type(0.5);
    }
};

CUNEWTON_DECLARE_BUILTIN(Fit, Lorentzian)
CUNEWTON_DECLARE_BUILTIN(Fit, PseudoVoigt)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<Lorentzian>)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<PseudoVoigt>)

}  // namespace cunewton
