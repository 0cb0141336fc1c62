// (Compiled in the user's file.) Difference stencils and their steps. Host and device; written once
// for both.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// Relative steps that balance truncation and rounding (Dennis and Schnabel 1983, sections 5.4
/// and 5.6; Nocedal and Wright 2006, section 8.1).
template <class T>
T forward_step() {
    return std::sqrt(std::numeric_limits<T>::epsilon());
}
template <class T>
T central_step() {
    return std::cbrt(std::numeric_limits<T>::epsilon());
}
template <class T>
T second_difference_step() {
    return std::sqrt(std::sqrt(std::numeric_limits<T>::epsilon()));
}

/// The step of a parameter: about relative * max(|x|, typical), and x + h - x is exactly h
/// (Dennis and Schnabel 1983, algorithm A5.6.3).
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T difference_step(T x, T typical, T relative) {
    const T size = x < T(0) ? -x : x;
    const T moved = x + relative * (size > typical ? size : typical);
    return moved - x;
}

/// The typical size of a small problem's parameter, for steps on its way through zero: a hundredth
/// of its start; 1 if that is zero.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T typical_size(T start) {
    const T size = start < T(0) ? -start : start;
    return size > T(0) ? T(0.01) * size : T(1);
}

/// Where a parameter moves to for its first derivative: see points_within().
template <class T>
struct FirstPoints {
    T up, down;
};
/// x + h and x - h where both are in [low, high]; near a bound x + h and x + 2h, or x - h and
/// x - 2h; with a smaller h where there is no room for that. Both x where low = high. x is within.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE FirstPoints<T> first_points(T x, T h, T low, T high) {
    const T above = high - x, below = x - low;
    if (above >= h && below >= h) return {x + h, x - h};
    const bool rises = above > below;
    const T room = rises ? above : below;
    if (T(2) * h > room) h = T(0.5) * room;
    // Sums that are rounded may be a bit beyond.
    const T first = rises ? x + h : x - h, second = rises ? x + T(2) * h : x - T(2) * h;
    const auto kept = [&](T at) { return at > high ? high : at < low ? low : at; };
    return {kept(first), kept(second)};
}

/// The derivative by a parameter at x from the values at x and at two others, `a` and `b` from it,
/// of second order; 0 if there is nowhere to move to (a = 0).
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S first_difference(const S& at_x, const S& at_a,
                                                               const S& at_b, const S& a,
                                                               const S& b) {
    using math::select;
    const auto moves = a < S(0.0) || a > S(0.0);
    const S first = select(moves, a, S(1.0)), second = select(moves, b, S(-1.0));
    const S central = (at_a - at_b) / (first - second);
    // Newton's interpolation: the slopes of both chords, extrapolated to x.
    const S to_a = (at_a - at_x) / first, to_b = (at_b - at_x) / second;
    const S one_sided = (second * to_a - first * to_b) / (second - first);
    const auto around = first * second < S(0.0);
    return select(moves, select(around, central, one_sided), S(0.0));
}

/// Where a parameter moves to for second derivatives: around a centre that is x but near a bound,
/// where it is as far inside as the step is long. All x where low = high.
template <class T>
struct SecondPoints {
    T centre, up, down;
};
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE SecondPoints<T> second_points(T x, T h, T low, T high) {
    if (high - x >= h && x - low >= h) return {x, x + h, x - h};
    if (T(2) * h > high - low) h = T(0.5) * (high - low);
    T centre = x - low < h ? low + h : high - x < h ? high - h : x;
    const auto kept = [&](T at) { return at > high ? high : at < low ? low : at; };
    centre = kept(centre);
    return {centre, kept(centre + h), kept(centre - h)};
}

/// (f(+h) - f(0)) / h
template <class T, class H>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T forward_difference(const T& plus, const T& centre,
                                                                 const H& h) {
    return (plus - centre) / h;
}
/// (f(+h) - f(-h)) / 2h
template <class T, class H>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T central_difference(const T& plus, const T& minus,
                                                                 const H& h) {
    return (plus - minus) / (h + h);
}
/// (f(+h) - 2 f(0) + f(-h)) / h^2
template <class T, class H>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T second_difference(const T& plus, const T& centre,
                                                                const T& minus, const H& h) {
    return ((plus - centre) - (centre - minus)) / (h * h);
}
/// (f(+h,+k) - f(+h,-k) - f(-h,+k) + f(-h,-k)) / 4hk
template <class T, class H>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T four_point_difference(const T& plus_plus,
                                                                    const T& plus_minus,
                                                                    const T& minus_plus,
                                                                    const T& minus_minus,
                                                                    const H& h, const H& k) {
    const H hk = h * k;
    return ((plus_plus - plus_minus) - (minus_plus - minus_minus)) / (hk + hk + hk + hk);
}

/// The shift of point e, 0 or 1, of a first derivative along an axis: +h, and -h or (not `central`)
/// 0. f(0) - f(1) is what central_difference() and forward_difference() divide.
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE T first_shift(int e, bool central, const T& h) {
    return e == 0 ? h : central ? -h : T(0);
}

/// Shifts along the axes i and k of a second derivative.
template <class T>
struct Shifts {
    T i, k;
};
/// Those of point e of four: ++, +-, -+, -- of the steps h and k; on the diagonal, where both axes
/// are one, +h, 0, 0, -h along i. (f(0) - f(1)) - (f(2) - f(3)) over second_width() is
/// four_point_difference() or second_difference().
template <class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Shifts<T> second_shifts(int e, bool diagonal,
                                                                    const T& h, const T& k) {
    if (diagonal) return {e == 0 ? h : e == 3 ? -h : T(0), T(0)};
    return {e < 2 ? h : -h, e % 2 == 0 ? k : -k};
}
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE double second_width(bool diagonal, double h, double k) {
    return diagonal ? h * h : 4 * h * k;
}

}  // namespace cunewton
