// (Compiled in the user's file.) Guesses that several of the library's models share. Points may
// come in any order. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/guess.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton::detail {

/// a / b, or `otherwise` where b is not above 0. The inverse is of b's type, which may be a plain
/// number.
template <class S, class B>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S ratio_or(const S& a, const B& b, const S& otherwise) {
    using math::select;
    const auto some = b > B(0.0);
    return select(some, S(a * (B(1.0) / select(some, b, B(1.0)))), otherwise);
}

/// A peak, or a dip, whose height is negative. The variances are of the place weighted by how far y
/// is beyond half of the height, which for a known shape tell the width.
template <class S>
struct PeakGuess {
    S height, center_x, center_y, xx, xy, yy, offset;
};

/// In `dimensions` coordinates; `round`: the same variance along both, of which only the sum is
/// looked at. What is beyond the middle between the extremes of y, above or below, is the peak
/// where it keeps closer together than the rest does.
template <int dimensions, bool round, class Points>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto guess_peak(const Points& points) {
    using namespace math;
    using S = typename Points::value_type;
    using X = typename Points::place_type;
    // (zero - y: GCC 12 calls a function for -y here, once a point.)
    const S half(0.5), zero(0.0);
    const auto ends = points.template largest<2 * dimensions, 2>(
        [&](const auto& x, const S& y, X* of_x, S* terms) {
            for (int c = 0; c < dimensions; ++c) {
                of_x[2 * c] = x[c];
                of_x[2 * c + 1] = -x[c];
            }
            terms[0] = y;
            terms[1] = zero - y;
        });
    const S high = ends.of_y[0], low = -ends.of_y[1], middle = half * high + half * low;
    const X origin_x = X(0.5) * (ends.of_x[0] - ends.of_x[1]);
    X origin_y(0.0), range = ends.of_x[0] + ends.of_x[1];
    if constexpr (dimensions == 2) {
        origin_y = X(0.5) * (ends.of_x[2] - ends.of_x[3]);
        range = maximum(range, ends.of_x[2] + ends.of_x[3]);
    }
    range = select(range > X(0.0), range, X(1.0));
    const X scale = X(1.0) / range;
    // Moments of what is above: 1, x, xx (y, xy, yy); of what is below; the number of points.
    constexpr int moments = dimensions == 1 ? 3 : round ? 4 : 6;
    const auto sums =
        points.template sum<1, 2 * moments>([&](const auto& x, const S& y, X* of_x, S* terms) {
            const S difference = y - middle;
            const S above = maximum(difference, S(0.0)), below = above - difference;
            const X u = (x[0] - origin_x) * scale;
            const auto put = [&](const S& weight, S* to) {
                to[0] = weight;
                to[1] = weight * u;
                if constexpr (dimensions == 1) {
                    to[2] = to[1] * u;
                } else {
                    const X v = (x[1] - origin_y) * scale;
                    to[2] = weight * v;
                    if constexpr (round) {
                        to[3] = weight * (u * u + v * v);
                    } else {
                        to[3] = to[1] * u;
                        to[4] = to[1] * v;
                        to[5] = to[2] * v;
                    }
                }
            };
            put(above, terms);
            put(below, terms + moments);
            of_x[0] = X(1.0);
        });
    const auto shape = [&](int from) {
        const auto all = sums.of_y[from];
        const S inverse = ratio_or(S(1.0), all, S(0.0));
        const auto mean = [&](int k) { return sums.of_y[from + k] * inverse; };
        PeakGuess<S> g{};
        g.center_x = mean(1);
        if constexpr (dimensions == 1) {
            g.xx = mean(2) - g.center_x * g.center_x;
        } else {
            g.center_y = mean(2);
            if constexpr (round) {
                g.xx = S(0.5) * (mean(3) - g.center_x * g.center_x - g.center_y * g.center_y);
            } else {
                g.xx = mean(3) - g.center_x * g.center_x;
                g.xy = mean(4) - g.center_x * g.center_y;
                g.yy = mean(5) - g.center_y * g.center_y;
            }
        }
        return g;
    };
    const PeakGuess<S> peak = shape(0), dip = shape(moments);
    // Of what an end of the range cuts off the variance is that of a part: five times the variance
    // is the square of half of a parabola's width.
    const auto extent = [&](const PeakGuess<S>& g) {
        if constexpr (dimensions == 2) {
            return g.xx + g.yy;
        } else {
            const S inside = half - abs(g.center_x);
            return g.xx + maximum(S(5.0) * g.xx - inside * inside, zero);
        }
    };
    const auto dips = extent(dip) < extent(peak);
    const auto choose = [&](const S& of_dip, const S& of_peak) {
        return select(dips, of_dip, of_peak);
    };
    // Not narrower than half of the distance between points.
    const X count = maximum(sums.of_x[0], X(1.0));
    const S least(X(0.25) / (dimensions == 1 ? count * count : count));
    const X square = range * range;
    return PeakGuess<S>{choose(low - high, high - low),
                        origin_x + range * choose(dip.center_x, peak.center_x),
                        origin_y + range * choose(dip.center_y, peak.center_y),
                        square * maximum(choose(dip.xx, peak.xx), least),
                        square * choose(dip.xy, peak.xy),
                        square * maximum(choose(dip.yy, peak.yy), least),
                        choose(high, low)};
}

/// p = (height, centre, width, offset) of a peak in one dimension. variance: that of PeakGuess
/// where the width of its shape is 1.
template <class Points>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void guess_line(const Points& points, double variance,
                                                            typename Points::value_type* p) {
    using namespace math;
    using S = typename Points::value_type;
    const auto g = guess_peak<1, false>(points);
    p[0] = g.height;
    p[1] = g.center_x;
    p[2] = sqrt(g.xx * S(1 / variance));
    p[3] = g.offset;
}

/// y ~ height exp(-rate (x - from)) + offset, where `from` is the end of the range of x at which
/// that changes most: the first of what decays, the last of what grows.
template <class S>
struct ExponentialGuess {
    S height, rate, from, offset;
};

/// By the means of y in the quarters of the range of x, whose differences fall by a constant
/// factor; where that is small, by the mean life of what is in the first quarter. Growth is decay
/// in a mirror. Never negative where no y is.
template <class Points>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto guess_exponential(const Points& points) {
    using namespace math;
    using S = typename Points::value_type;
    using X = typename Points::place_type;
    const S zero(0.0), one(1.0);
    // (zero - y as in guess_peak().)
    const auto ends =
        points.template largest<2, 1>([&](const auto& x, const S& y, X* of_x, S* terms) {
            of_x[0] = x[0];
            of_x[1] = -x[0];
            terms[0] = zero - y;
        });
    const auto any_range = ends.of_x[0] + ends.of_x[1] > X(0.0);
    const X first = -ends.of_x[1];
    const X range = select(any_range, ends.of_x[0] + ends.of_x[1], X(1.0));
    const X scale = X(1.0) / range;
    // Counts, and sums of y, up to the end of each quarter; in the first and in the last one of the
    // distance from the end of the range, too; of u.
    const auto sums = points.template sum<7, 6>([&](const auto& x, const S& y, X* of_x, S* terms) {
        const X u = (x[0] - first) * scale, none_here(0.0);
        const auto in_first = u < X(0.25), before_last = u < X(0.75);
        of_x[0] = select(in_first, X(1.0), none_here);
        of_x[1] = select(u < X(0.5), X(1.0), none_here);
        of_x[2] = select(before_last, X(1.0), none_here);
        of_x[3] = X(1.0);
        of_x[4] = select(in_first, u, none_here);
        of_x[5] = select(before_last, none_here, X(1.0) - u);
        of_x[6] = u;
        for (int k = 0; k < 6; ++k) terms[k] = of_x[k] * y;
    });
    const auto& n = sums.of_x;
    const auto& y = sums.of_y;
    const X count2 = n[1] - n[0], count3 = n[2] - n[1], count4 = n[3] - n[2];
    // A quarter without points has the mean of its neighbour.
    const S y1 = ratio_or(y[0], n[0], zero);
    const S y2 = ratio_or(S(y[1] - y[0]), count2, y1);
    const S y3 = ratio_or(S(y[2] - y[1]), count3, y2);
    const S y4 = ratio_or(S(y[3] - y[2]), count4, y3);
    const auto full = n[0] > X(0.0) && count2 > X(0.0) && count3 > X(0.0) && count4 > X(0.0);
    const S middle = S(0.5) * (y2 + y3);
    const auto grows = select(full, abs(middle - y4), zero) > abs(y1 - middle);
    const auto seen = [&](const S& from_first, const S& from_last) {
        return select(grows, from_last, from_first);
    };
    const S m1 = seen(y1, y4), m2 = seen(y2, y3), m3 = seen(y3, y2), m4 = seen(y4, y1);
    const S d1 = m1 - m2, d2 = m2 - m3, d3 = m3 - m4;
    // At most 1, as d3 is not larger than d1.
    const S factor = maximum(ratio_or(S(d2 * (d1 + d3)), S(d1 * d1 + d2 * d2), one), S(0.01));
    S rate = S(-4.0) * log(factor);
    const S end = S(0.5) * (m3 + m4);
    const S rest = seen(y[0], y[3] - y[2]) - end * seen(S(n[0]), S(count4));
    const S life_sum = seen(y[4], y[5]) - end * seen(S(n[4]), S(n[5]));
    const auto falls = rest > zero;
    const S loss = select(falls, rest, -rest), life = select(falls, life_sum, -life_sum);
    // The mean life, life / loss, is above 0 and below 0.12.
    const auto is_fast = factor < S(0.08) && life > zero && life < S(0.12) * loss;
    const X least_life = X(0.25) / maximum(n[3], X(1.0));
    rate = select(is_fast, loss / select(is_fast, maximum(life, S(least_life * loss)), one), rate);
    const X spread = maximum(ratio_or(n[6], n[3], X(0.5)), X(0.05));
    rate = maximum(select(full, rate, S(X(1.0) / spread)), S(0.2));
    // The means of exp(-rate u) in the first and in the last quarter, where it is from decay^0 to
    // decay^1 and from decay^3 to decay^4, are (1 - decay) / quarter and that times decay^3.
    const S quarter = S(0.25) * rate, decay = exp(-quarter), decay3 = decay * decay * decay;
    const S first_part = (m1 - m4) / (one - decay3);
    S height = first_part * quarter / (one - decay);
    S offset = m1 - first_part;
    const auto positive = -ends.of_y[0] >= zero;
    offset = select(positive && offset < zero, zero, offset);
    height = select(positive && height < -offset, -offset, height);
    return ExponentialGuess<S>{height, seen(rate, -rate) * scale, seen(S(first), S(first + range)),
                               offset};
}

/// The line z ~ intercept + slope u by weighted least squares, from the sums of w, wu, wuu, wz and
/// wuz. `known`: they determine one.
template <class S>
struct LineGuess {
    using Mask = decltype(S() < S());
    S intercept, slope;
    Mask known;
};
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE LineGuess<S> straight_line(
    const PointNumbers<S, 5>& sums) {
    using namespace math;
    const S determinant = sums[0] * sums[2] - sums[1] * sums[1];
    const auto known = determinant > S(1e-6) * sums[0] * sums[2];
    const S divisor = select(known, determinant, S(1.0));
    const S slope = select(known, sums[0] * sums[4] - sums[1] * sums[3], S(0.0)) / divisor;
    return {ratio_or(sums[3] - slope * sums[1], sums[0], S(0.0)), slope, known};
}

/// A place on the axis of a curve; points that are not valid have none.
template <class S>
struct Place {
    using Mask = decltype(S() < S());
    S at;
    Mask valid;
};

/// The line of log(y / (top - y)) over places u, which a logistic function of u is; every point
/// counts by the inverse of that logarithm's variance.
template <class Points, class F>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto guess_logistic(
    const Points& points, const typename Points::value_type& top, const F& place) {
    using namespace math;
    using S = typename Points::value_type;
    const S inverse = S(1.0) / select(top < S(0.0) || top > S(0.0), top, S(1.0));
    return straight_line(points.template sum<5>([&](const auto& x, const S& y, S* terms) {
        const Place<S> u = place(x);
        const S share = y * inverse;
        const auto counts = u.valid && share > S(0.02) && share < S(0.98);
        const S t = select(counts, share, S(0.5)), spread = t * (S(1.0) - t);
        const S weight = select(counts, spread * spread, S(0.0));
        const S z = log(t / (S(1.0) - t));
        terms[0] = weight;
        terms[1] = weight * u.at;
        terms[2] = terms[1] * u.at;
        terms[3] = weight * z;
        terms[4] = terms[1] * z;
    }));
}

/// Of the extremes of y the one that is farther from 0, and a twentieth more.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S beyond_extreme(const S& high, const S& low) {
    using namespace math;
    return S(1.05) * select(abs(low) > abs(high), low, high);
}

}  // namespace cunewton::detail
