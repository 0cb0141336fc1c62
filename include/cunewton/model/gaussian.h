// Gaussian peaks on a constant background, in one and two dimensions.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/functor/guesses.h"
#include "cunewton/functor/residual.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

namespace detail {
/// w^2 of a Gaussian in the plane over the variance along an axis of what is above half of its
/// height, see guess_peak(): with L = log 2 that variance is (1 - L - L^2 / 2) / (1 - L) w^2.
inline constexpr double plane_gaussian =
    (1 - 0.69314718055994531) / (1 - 0.69314718055994531 - 0.24022650695910071);
}  // namespace detail

/// a exp(-(x - c)^2 / (2 w^2)) + b with p = (a, c, w, b).
struct Gaussian1D {
    static constexpr int parameters = 4;
    static constexpr int coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [amplitude, center, width, offset] = p;
        const auto u = (x[0] - center) / width;
        return amplitude * exp(-0.5 * square(u)) + offset;
    }
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE scalar_t<P> value_and_gradient(
        const P& p, const X& x, scalar_t<P>* gradient) const {
        using namespace math;
        using S = scalar_t<P>;
        const S inverse_width = 1.0 / p[2];
        const S u = (x[0] - p[1]) * inverse_width;
        const S shape = exp(-0.5 * square(u));
        const S peak = p[0] * shape, slope = peak * u * inverse_width;
        gradient[0] = shape;
        gradient[1] = slope;
        gradient[2] = slope * u;
        gradient[3] = S(1.0);
        return peak + p[3];
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        detail::guess_line(points, 0.2547, p);
    }
};

/// a exp(-((x - cx)^2 + (y - cy)^2) / (2 w^2)) + b with p = (a, cx, cy, w, b).
struct Gaussian2D {
    static constexpr int parameters = 5;
    static constexpr int coordinates = 2;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [amplitude, center_x, center_y, width, offset] = p;
        const auto dx = x[0] - center_x;
        const auto dy = x[1] - center_y;
        return amplitude * exp((square(dx) + square(dy)) * (-0.5 / square(width))) + offset;
    }
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE scalar_t<P> value_and_gradient(
        const P& p, const X& x, scalar_t<P>* gradient) const {
        using namespace math;
        using S = scalar_t<P>;
        const S inverse_width = 1.0 / p[3], inverse_square = square(inverse_width);
        const S dx = x[0] - p[1], dy = x[1] - p[2];
        const S distance = square(dx) + square(dy);
        const S shape = exp(distance * (-0.5 * inverse_square));
        const S peak = p[0] * shape, slope = peak * inverse_square;
        gradient[0] = shape;
        gradient[1] = slope * dx;
        gradient[2] = slope * dy;
        gradient[3] = slope * distance * inverse_width;
        gradient[4] = S(1.0);
        return peak + p[4];
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        const auto g = detail::guess_peak<2, true>(points);
        p[0] = g.height;
        p[1] = g.center_x;
        p[2] = g.center_y;
        p[3] = sqrt(g.xx * S(detail::plane_gaussian));
        p[4] = g.offset;
    }
};

/// a exp(-(x - cx)^2 / (2 wx^2) - (y - cy)^2 / (2 wy^2)) + b with p = (a, cx, cy, wx, wy, b).
struct Gaussian2DElliptic {
    static constexpr int parameters = 6;
    static constexpr int coordinates = 2;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [amplitude, center_x, center_y, width_x, width_y, offset] = p;
        const auto u = (x[0] - center_x) / width_x;
        const auto v = (x[1] - center_y) / width_y;
        return amplitude * exp(-0.5 * (square(u) + square(v))) + offset;
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        const auto g = detail::guess_peak<2, false>(points);
        p[0] = g.height;
        p[1] = g.center_x;
        p[2] = g.center_y;
        p[3] = sqrt(g.xx * S(detail::plane_gaussian));
        p[4] = sqrt(g.yy * S(detail::plane_gaussian));
        p[5] = g.offset;
    }
};

/// a exp(-u^2 / (2 wu^2) - v^2 / (2 wv^2)) + b with p = (a, cx, cy, wu, wv, t, b), where u and v
/// are the coordinates along the ellipse's axes: u = (x - cx) cos t + (y - cy) sin t and v = (y -
/// cy) cos t - (x - cx) sin t. The angle t is in radians, from the x axis to that of wu.
struct Gaussian2DRotated {
    static constexpr int parameters = 7;
    static constexpr int coordinates = 2;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [amplitude, center_x, center_y, width_u, width_v, angle, offset] = p;
        const auto dx = x[0] - center_x;
        const auto dy = x[1] - center_y;
        const auto c = cos(angle), s = sin(angle);
        const auto u = (dx * c + dy * s) / width_u;
        const auto v = (dy * c - dx * s) / width_v;
        return amplitude * exp(-0.5 * (square(u) + square(v))) + offset;
    }
    template <class Points>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess(const Points& points,
                                                           typename Points::value_type* p) const {
        using namespace math;
        using S = typename Points::value_type;
        const auto g = detail::guess_peak<2, false>(points);
        // The axes of the ellipse; a circle has none, and a fit of one no slope along the angle.
        const S half = S(0.5) * (g.xx + g.yy), difference = S(0.5) * (g.xx - g.yy);
        const S part = minimum(hypot(difference, g.xy), S(0.96) * half);
        p[0] = g.height;
        p[1] = g.center_x;
        p[2] = g.center_y;
        p[3] = S(1.05) * sqrt((half + part) * S(detail::plane_gaussian));
        p[4] = S(0.95) * sqrt((half - part) * S(detail::plane_gaussian));
        p[5] = S(0.5) * atan2(g.xy, difference);
        p[6] = g.offset;
    }
};

CUNEWTON_DECLARE_BUILTIN(Fit, Gaussian1D)
CUNEWTON_DECLARE_BUILTIN(Fit, Gaussian2D)
CUNEWTON_DECLARE_BUILTIN(Fit, Gaussian2DElliptic)
CUNEWTON_DECLARE_BUILTIN(Fit, Gaussian2DRotated)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<Gaussian1D>)
CUNEWTON_DECLARE_BUILTIN(Residual, CurveResidual<Gaussian2D>)

}  // namespace cunewton
