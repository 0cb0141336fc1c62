// A model of a user's own: see scripts/compile-times.
#pragma once

#include <cunewton/fit.h>

/// a exp(-((x - x0)^2 + (y - y0)^2) / (2 s^2)) + b
struct Peak {
#if defined(ONE_ARITHMETIC)
    using arithmetic = float;
#endif
    static constexpr int parameters = 5;
    static constexpr int coordinates = 2;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace cunewton::math;
        const auto& [a, x0, y0, s, b] = p;
        const auto r2 = square(x[0] - x0) + square(x[1] - y0);
        return a * exp(-r2 / (2.0 * square(s))) + b;
    }
};
