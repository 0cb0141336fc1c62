// (Compiled in the user's file.) Guesses that several of the library's models share. Points may
// come in any order. Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/guess.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton::detail {

/// a / b, or `otherwise` where b is not above 0.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S ratio_or(const S& a, const S& b, const S& otherwise) {
    using math::select;
    const auto some = b > S(0.0);
    return select(some, a / select(some, b, S(1.0)), otherwise);
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
    const S zero(0.0), one(1.0), half(0.5);
    const auto ends =
        points.template largest<2 + 2 * dimensions>([](const auto& x, const S& y, S* terms) {
            terms[0] = y;
            terms[1] = -y;
            for (int c = 0; c < dimensions; ++c) {
                terms[2 + 2 * c] = x[c];
                terms[3 + 2 * c] = -x[c];
            }
        });
    const S high = ends[0], low = -ends[1], middle = half * high + half * low;
    const S origin_x = half * (ends[2] - ends[3]);
    S origin_y(0.0), range = ends[2] + ends[3];
    if constexpr (dimensions == 2) {
        origin_y = half * (ends[4] - ends[5]);
        range = maximum(range, ends[4] + ends[5]);
    }
    range = select(range > zero, range, one);
    const S scale = one / range;
    // Moments of what is above: 1, x, xx (y, xy, yy); of what is below; the number of points.
    constexpr int moments = dimensions == 1 ? 3 : round ? 4 : 6;
    const auto sums =
        points.template sum<2 * moments + 1>([&](const auto& x, const S& y, S* terms) {
            const S difference = y - middle;
            const S above = maximum(difference, S(0.0)), below = above - difference;
            const S u = (x[0] - origin_x) * scale;
            const auto put = [&](const S& weight, S* to) {
                to[0] = weight;
                to[1] = weight * u;
                if constexpr (dimensions == 1) {
                    to[2] = to[1] * u;
                } else {
                    const S v = (x[1] - origin_y) * scale;
                    to[2] = weight * v;
                    if constexpr (round) {
                        to[3] = to[1] * u + to[2] * v;
                    } else {
                        to[3] = to[1] * u;
                        to[4] = to[1] * v;
                        to[5] = to[2] * v;
                    }
                }
            };
            put(above, terms);
            put(below, terms + moments);
            terms[2 * moments] = S(1.0);
        });
    const auto shape = [&](int from) {
        const S all = sums[from];
        const auto mean = [&](int k) { return ratio_or(sums[from + k], all, S(0.0)); };
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
    const auto dips = dip.xx + dip.yy < peak.xx + peak.yy;
    const auto choose = [&](const S& of_dip, const S& of_peak) {
        return select(dips, of_dip, of_peak);
    };
    // Not narrower than half of the distance between points.
    const S count = maximum(sums[2 * moments], one);
    const S least = S(0.25) / (dimensions == 1 ? count * count : count);
    const S square = range * range;
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

/// y ~ height exp(-rate (x - first)) + offset.
template <class S>
struct ExponentialGuess {
    S height, rate, first, offset;
};

/// By the means of y in the quarters of the range of x, whose differences fall by a constant
/// factor; where that is small, by the mean life of what is in the first quarter. Never negative
/// where no y is.
template <class Points>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE auto guess_exponential(const Points& points) {
    using namespace math;
    using S = typename Points::value_type;
    const S zero(0.0), one(1.0);
    const auto ends = points.template largest<3>([](const auto& x, const S& y, S* terms) {
        terms[0] = x[0];
        terms[1] = -x[0];
        terms[2] = -y;
    });
    const auto any_range = ends[0] + ends[1] > zero;
    const S first = -ends[1], range = select(any_range, ends[0] + ends[1], one);
    const S scale = one / range;
    const auto sums = points.template sum<11>([&](const auto& x, const S& y, S* terms) {
        const S u = (x[0] - first) * scale, none_here(0.0);
        // Up to the end of each quarter: fewer operations for a point than by quarters.
        const auto put = [&](int k, const auto& where) {
            terms[k] = select(where, S(1.0), none_here);
            terms[4 + k] = select(where, y, none_here);
        };
        const auto in_first = u < S(0.25);
        put(0, in_first);
        put(1, u < S(0.5));
        put(2, u < S(0.75));
        terms[3] = S(1.0);
        terms[7] = y;
        terms[8] = select(in_first, u, none_here);
        terms[9] = select(in_first, u * y, none_here);
        terms[10] = u;
    });
    const S all = sums[3], mean = ratio_or(sums[7], all, zero);
    const S count2 = sums[1] - sums[0], count3 = sums[2] - sums[1], count4 = sums[3] - sums[2];
    // A quarter without points has the mean of its neighbour.
    const S y1 = ratio_or(sums[4], sums[0], mean);
    const S y2 = ratio_or(sums[5] - sums[4], count2, mean);
    const S y3 = ratio_or(sums[6] - sums[5], count3, mean);
    const S y4 = ratio_or(sums[7] - sums[6], count4, y3);
    const auto full = sums[0] > zero && count2 > zero && count3 > zero && count4 > zero;
    const S d1 = y1 - y2, d2 = y2 - y3, d3 = y3 - y4;
    S factor = ratio_or(d1 * d2 + d2 * d3, d1 * d1 + d2 * d2, one);
    factor = select(factor > S(0.01), factor, S(0.01));
    factor = select(factor < S(20.0), factor, S(20.0));
    S rate = S(-4.0) * log(factor);
    const S end = S(0.5) * (y3 + y4), rest = sums[4] - end * sums[0];
    const S life_sum = sums[9] - end * sums[8];
    const auto falls = rest > zero;
    const S life = ratio_or(select(falls, life_sum, -life_sum), select(falls, rest, -rest), zero);
    const auto is_fast = factor < S(0.08) && life > zero && life < S(0.12);
    rate = select(is_fast, one / maximum(life, S(0.25) / maximum(all, one)), rate);
    const S spread = maximum(ratio_or(sums[10], all, S(0.5)), S(0.05));
    rate = select(full, rate, one / spread);
    rate = select(abs(rate) < S(0.2), select(rate < zero, S(-0.2), S(0.2)), rate);
    // The means of exp(-rate u) in the first and the last quarter.
    const S quarter = S(0.25) * rate;
    const S mean1 = (one - exp(-quarter)) / quarter, mean4 = mean1 * exp(S(-3.0) * quarter);
    S height = (y1 - y4) / (mean1 - mean4);
    S offset = y1 - height * mean1;
    const auto positive = -ends[2] >= zero;
    offset = select(positive && offset < zero, zero, offset);
    const S deepest = -offset * select(rate > zero, one, exp(rate));
    height = select(positive && height < deepest, deepest, height);
    return ExponentialGuess<S>{height, rate * scale, first, offset};
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
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE LineGuess<S> guess_line(
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
    return guess_line(points.template sum<5>([&](const auto& x, const S& y, S* terms) {
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
