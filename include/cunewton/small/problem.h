// (Compiled in the user's file.) What one small problem's points contribute to its objective,
// gradient and Hessian. Host and device; S is a number or a Pack of lanes with a problem each.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/choices.h"
#include "cunewton/math/packed.h"
#include "cunewton/math/stencil.h"
#include "cunewton/math/unroll.h"
#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/parameters.h"
#include "cunewton/scalar/std.h"

namespace cunewton::batch {

using namespace math;  // select, sqrt, ... of plain numbers; a Pack's are found by their argument

/// A functor y ~ m(p; x) with `parameters` and `coordinates`: see make_fit_model().
template <class Model>
concept HasOwnGradient = requires(const Model& m, const Parameters<double, Model::parameters> p,
                                  const double* x, double* gradient) {
    m.value_and_gradient(p, x, gradient);
};
/// An objective with all of its own derivatives: see make_small_objective().
template <class Model>
concept HasOwnHessian = requires(const Model& m, const Parameters<double, Model::parameters> p,
                                 const double* x, double* gradient, double* hessian) {
    m.value_gradient_hessian(p, x, gradient, hessian);
};

namespace detail {

/// Row and column of entry k of a packed lower triangle (math/packed.h), for the compiler.
struct Place {
    int row, column;
};
CUNEWTON_HOST_DEVICE constexpr Place packed_place(int k, int n) {
    int column = 0;
    for (; k >= n - column; ++column) k -= n - column;
    return {column + k, column};
}

}  // namespace detail

/// The triangles of up to this many parameters are unrolled, so that sums stay in registers.
inline constexpr int unrolled_parameters = 8;

/// f(0), ..., f(n - 1), unrolled if n is small.
template <int n, class F>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void for_parameters(const F& f) {
    if constexpr (n <= unrolled_parameters)
        call_each(f, std::make_integer_sequence<int, n>());
    else
        for (int j = 0; j < n; ++j) f(j);
}

/// f(k, row, column) for each entry k of the packed lower triangle, column by column.
template <int n, class F>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void for_triangle(const F& f) {
    if constexpr (n <= unrolled_parameters) {
        call_each(
            [&](auto k) {
                constexpr detail::Place at = detail::packed_place(decltype(k)::value, n);
                f(decltype(k)::value, at.row, at.column);
            },
            std::make_integer_sequence<int, n*(n + 1) / 2>());
    } else {
        int k = 0;
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i, ++k) f(k, i, j);
    }
}

/// Sums over a problem's points at one trial point. For fits f is the objective (twice the solver's
/// f) and h is J'WJ with the estimator's curvature.
template <class S, int n>
struct Sums {
    S f;
    S g[n];
    S h[n * (n + 1) / 2];

    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void clear() {
        f = S(0.0);
        for_parameters<n>([&](int j) { g[j] = S(0.0); });
        for_triangle<n>([&](int k, int, int) { h[k] = S(0.0); });
    }
};

/// An estimator's loss rho(u), its slope by the model, and the positive curvature that stands for
/// its second derivative.
template <class S>
struct Loss {
    S rho, slope, curvature;
};

/// The loss of one point; `c` is the tuning constant.
template <class S, class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE Loss<S> point_loss(Estimator estimator, T tuning,
                                                               const S& model, const S& y,
                                                               const S& weight) {
    if (estimator == Estimator::least_squares) {
        const S r = model - y;
        const S slope = weight * r;
        return {S(0.5) * slope * r, slope, weight};
    }
    if (estimator == Estimator::poisson) {
        // Fisher scoring: the expected curvature 1/m, which is never negative. A mean may be 0, and
        // underflow to 0, as a peak's far from it. Where nothing was counted the loss is m, down to
        // m = 0, and tells nothing of larger means: there the curvature is kept to what a mean
        // would have that nobody could tell from 0. Else a mean of 0 counts as one that can be
        // divided by.
        using R = real_t<S>;
        const auto counted = y > S(0.0);
        const S least(R(sizeof(R) == 4 ? 1e-30 : 1e-150)), dark(R(1e-6));
        const S mean = select(model > least, model, least);
        const S inverse = S(1.0) / mean;
        const S excess_mean = mean - y;
        // m - y + y log(y/m), whose rounding errors are those of m - y, not of y; never negative
        // but for them.
        const S excess = select(counted, -excess_mean * inverse, S(0.0));
        const S deviance = excess_mean + y * log1p(excess);
        const S rho = select(counted, select(deviance < S(0.0), S(0.0), deviance), model);
        const S slope = select(counted, excess_mean * inverse, S(1.0));
        const S curvature = select(counted || mean > dark, inverse, S(R(1e6)));
        return {weight * select(model < S(0.0), S(R(limits::infinity<R>)), rho), weight * slope,
                weight * curvature};
    }
    // Robust losses of u = sqrt(w) r. Curvature: the second derivative, kept above a tenth of
    // slope/u, which majorises the loss (iteratively reweighted least squares).
    const S root = sqrt(weight);
    const S u = root * (model - y);
    const S c = S(tuning);
    S rho, psi, second, majorant;
    if (estimator == Estimator::huber) {
        const S size = abs(u);
        const auto inside = size <= c;
        majorant = select(inside, S(1.0), c / select(inside, S(1.0), size));
        rho = select(inside, S(0.5) * u * u, c * size - S(0.5) * c * c);
        psi = majorant * u;
        second = select(inside, S(1.0), S(0.0));
    } else if (estimator == Estimator::cauchy) {
        const S v = (u / c) * (u / c);
        majorant = S(1.0) / (S(1.0) + v);
        rho = S(0.5) * c * c * log1p(v);
        psi = majorant * u;
        second = (S(1.0) - v) * majorant * majorant;
    } else if (estimator == Estimator::soft_l1) {
        const S v = (u / c) * (u / c);
        const S root_of = sqrt(S(1.0) + v);
        majorant = S(1.0) / root_of;
        rho = u * u / (S(1.0) + root_of);  // c^2 (root_of - 1) without its cancellation
        psi = majorant * u;
        second = majorant * majorant * majorant;
    } else if (estimator == Estimator::arctan) {
        const S v = (u / c) * (u / c);
        majorant = S(1.0) / (S(1.0) + v * v);
        rho = S(0.5) * c * c * atan(v);
        psi = majorant * u;
        second = (S(1.0) - S(3.0) * v * v) * majorant * majorant;
    } else {
        const S v = (u / c) * (u / c);
        const auto inside = v < S(1.0);
        const S left = select(inside, S(1.0) - v, S(0.0));
        majorant = left * left;
        rho = c * c / S(6.0) * (S(1.0) - left * left * left);
        psi = majorant * u;
        second = left * (S(1.0) - S(5.0) * v);
    }
    return {rho, root * psi, weight * maximum(second, S(real_t<S>(0.1)) * majorant)};
}

/// row[j] = the derivative by parameter j.
template <class T, JetSet Set, int... J>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void fill_row(const Jet<T, Set>& value, T* row,
                                                          std::integer_sequence<int, J...>) {
    ((row[J] = value.template by<JetSet{1} << J>()), ...);
}

/// The model and its derivatives by the parameters at one point, by the method `by` (not
/// automatic). points: of differences, see LaneBlock.
template <BatchDerivatives by, class S, class Model, class X>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S model_row(const Model& model, const S* p, const X& x,
                                                        const S* points, S* row) {
    constexpr int n = Model::parameters;
    if constexpr (by == BatchDerivatives::analytic) {
        return model.value_and_gradient(Parameters<S, n>{p}, x, row);
    } else if constexpr (by == BatchDerivatives::autodiff) {
        const auto value = model(SeededParameters<S, n>{p}, x);
        fill_row(value, row, std::make_integer_sequence<int, n>());
        return value.v;
    } else {
        S moved[n];
        for (int j = 0; j < n; ++j) moved[j] = p[j];
        const Parameters<S, n> at{moved};
        const S value = model(at, x);
        for (int j = 0; j < n; ++j) {
            moved[j] = points[j];
            const S above = model(at, x);
            moved[j] = points[n + j];
            const S below = model(at, x);
            moved[j] = p[j];
            row[j] =
                first_difference<S>(value, above, below, points[j] - p[j], points[n + j] - p[j]);
        }
        return value;
    }
}
/// Adds one point of a fit to the sums: of unweighted least squares with the residual r, or of
/// any loss.
template <int n, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void add_residual(const S& r, const S* row,
                                                              Sums<S, n>& sums) {
    sums.f += r * r;
    for_parameters<n>([&](int j) { sums.g[j] += row[j] * r; });
    for_triangle<n>([&](int k, int i, int j) { sums.h[k] += row[j] * row[i]; });
}
template <int n, class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void add_loss(const Loss<S>& loss, const S* row,
                                                          Sums<S, n>& sums) {
    sums.f += S(2.0) * loss.rho;
    S scaled[n];
    for_parameters<n>([&](int j) {
        sums.g[j] += row[j] * loss.slope;
        scaled[j] = row[j] * loss.curvature;
    });
    for_triangle<n>([&](int k, int i, int j) { sums.h[k] += scaled[j] * row[i]; });
}

/// A point of any loss. One without weight does not count, whatever the model gives there.
template <int n, class S, class T>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void add_point(Estimator estimator, T tuning,
                                                           const S& model, const S& y,
                                                           const S& weight, S* row,
                                                           Sums<S, n>& sums) {
    const auto counts = weight > S(0.0);
    for_parameters<n>([&](int j) { row[j] = select(counts, row[j], S(0.0)); });
    add_loss(point_loss<S>(estimator, tuning, select(counts, model, S(1.0)), y, weight), row, sums);
}

/// 1 / width, or 0 if that is 0.
template <class S>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE S inverse_or_zero(const S& width) {
    const auto some = width < S(0.0) || width > S(0.0);
    return select(some, S(1.0) / select(some, width, S(1.0)), S(0.0));
}

/// Adds weight times one term of an objective and its derivatives to the sums.
template <BatchDerivatives by, class S, class Model, class X>
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE void add_term(const Model& model, const S* p,
                                                          const X& x, const S* gradient_points,
                                                          const S* hessian_points, const S& weight,
                                                          Sums<S, Model::parameters>& sums) {
    constexpr int n = Model::parameters;
    // A term without weight does not count, whatever it is.
    const auto counts = weight > S(0.0);
    const auto weighted = [&](const S& value) { return select(counts, weight * value, S(0.0)); };
    if constexpr (by == BatchDerivatives::analytic) {
        S g[n], h[n * (n + 1) / 2];
        sums.f += weighted(model.value_gradient_hessian(Parameters<S, n>{p}, x, g, h));
        for_parameters<n>([&](int j) { sums.g[j] += weighted(g[j]); });
        for_triangle<n>([&](int k, int, int) { sums.h[k] += weighted(h[k]); });
    } else if constexpr (by == BatchDerivatives::autodiff) {
        using H = HyperDual<S>;
        H q[n];
        for (int j = 0; j < n; ++j) q[j] = H(p[j]);
        const Parameters<H, n> at{q};
        int k = 0;
        for (int j = 0; j < n; ++j) {
            q[j].d1 = S(1.0);
            for (int i = j; i < n; ++i, ++k) {
                q[i].d2 = S(1.0);
                const H value = model(at, x);
                sums.h[k] += weighted(value.d12);
                if (i == j) sums.g[j] += weighted(value.d1);
                if (k == 0) sums.f += weighted(value.v);
                q[i].d2 = S(0.0);
            }
            q[j].d1 = S(0.0);
        }
    } else {
        S q[n];
        for (int j = 0; j < n; ++j) q[j] = p[j];
        const Parameters<S, n> at{q};
        const S value = model(at, x);
        sums.f += weighted(value);
        int k = 0;
        for (int j = 0; j < n; ++j) {
            const S up = gradient_points[j], down = gradient_points[n + j];
            q[j] = up;
            const S above = model(at, x);
            q[j] = down;
            const S below = model(at, x);
            sums.g[j] += weighted(first_difference<S>(value, above, below, up - p[j], down - p[j]));
            const S centre = hessian_points[j];
            const S jp = hessian_points[n + j], jm = hessian_points[2 * n + j];
            // 0 where the parameter has nowhere to move to, as its width is.
            const S by_width = inverse_or_zero<S>(jp - jm);
            for (int i = j; i < n; ++i, ++k) {
                if (i == j) {
                    q[j] = jp;
                    const S plus = model(at, x);
                    q[j] = jm;
                    const S minus = model(at, x);
                    S middle = value;
                    const auto shifted = centre < p[j] || centre > p[j];
                    if (any(shifted)) {
                        q[j] = centre;
                        middle = select(shifted, model(at, x), value);
                    }
                    const S inverse = S(2.0) * by_width;
                    sums.h[k] += weighted((plus - S(2.0) * middle + minus) * (inverse * inverse));
                } else {
                    const S ip = hessian_points[n + i], im = hessian_points[2 * n + i];
                    q[j] = jp;
                    q[i] = ip;
                    S mixed = model(at, x);
                    q[i] = im;
                    mixed -= model(at, x);
                    q[j] = jm;
                    mixed += model(at, x);
                    q[i] = ip;
                    mixed -= model(at, x);
                    sums.h[k] += weighted(mixed * (by_width * inverse_or_zero<S>(ip - im)));
                    q[i] = p[i];
                }
            }
            q[j] = p[j];
        }
    }
}

}  // namespace cunewton::batch
