// Ordinal regression: proportional odds.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"
#if !defined(__CUDACC_RTC__)
#include <string>
#include <vector>

#include "cunewton/problem.h"
#endif

namespace cunewton {

/// The loss of a sample whose target is one of the ordered classes 0 .. C - 1: P(y <= k) = 1 / (1 +
/// e^(w's - t_k)) (McCullagh 1980). x = (w, t_0, log(t_1 - t_0), ..., log(t_{C-2} - t_{C-3})), so
/// that the thresholds t are in order whatever x is; C = n - d + 1.
///
/// The probability of a class between thresholds a < b is the product of 1 / (1 + e^(w's - b)), 1 /
/// (1 + e^(a - w's)) and 1 - e^(a - b), of which each logarithm is taken by itself: nothing
/// cancels.
struct OrdinalLogistic {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace math;
        using R = std::remove_cvref_t<decltype(x[0] * s.target())>;
        const int d = s.size(), thresholds = x.size() - d;
        const auto y = s.target();
        using Y = std::remove_cvref_t<decltype(y)>;
        const R z = predictor<R>(x, s);
        R t = x[d], loss(0.0);
        for (int k = 0; k < thresholds; ++k) {
            if (k > 0) {
                const R gap = exp(x[d + k]);
                t += gap;
                loss += select(y == Y(double(k)), -log(-expm1(-gap)), R(0.0));
            }
            const R from = t - z;
            loss += select(y == Y(double(k)), softplus(R(-from)), R(0.0)) +
                    select(y == Y(double(k + 1)), softplus(from), R(0.0));
        }
        return loss;
    }
    template <class X, class S, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, const S& s, G& g) const {
        using namespace math;
        using R = std::remove_cvref_t<decltype(x[0] * s.target())>;
        const int d = s.size(), thresholds = x.size() - d;
        const R y = R(s.target()), z = predictor<R>(x, s);
        const Sides<R> sides = sides_of(x, d, thresholds, y, z);
        for (int j = 0; j < d; ++j) g[j] -= sides.slope() * s[j];
        g[d] += sides.slope();
        for (int k = 1; k < thresholds; ++k) {
            const R gap = exp(x[d + k]);
            g[d + k] += gap * sides.slope_from(k) - select(y == R(double(k)), ratio(gap), R(0.0));
        }
    }
    template <class X, class S, class H>
    CUNEWTON_HOST_DEVICE void hessian(const X& x, const S& s, H& h) const {
        using namespace math;
        using R = std::remove_cvref_t<decltype(x[0] * s.target())>;
        const int d = s.size(), thresholds = x.size() - d;
        const R y = R(s.target()), z = predictor<R>(x, s);
        const Sides<R> sides = sides_of(x, d, thresholds, y, z);
        for (int c = 0; c < d; ++c)
            for (int r = c; r < d; ++r) h(r, c) += sides.curvature() * (s[r] * s[c]);
        for (int k = 0; k < thresholds; ++k) {
            // Parameter k moves all thresholds from k on by `gap`.
            const R gap = k > 0 ? R(exp(x[d + k])) : R(1.0);
            const R curvature = gap * sides.curvature_from(k);
            for (int c = 0; c < d; ++c) h(d + k, c) -= curvature * s[c];
            for (int l = 0; l <= k; ++l)
                h(d + k, d + l) += curvature * (l > 0 ? R(exp(x[d + l])) : R(1.0));
            if (k == 0) continue;
            const R q = ratio(gap);
            h(d + k, d + k) += gap * sides.slope_from(k) +
                               select(y == R(double(k)), q * (gap + (q - R(1.0))), R(0.0));
        }
    }

  private:
    /// Derivatives of a sample's loss by the thresholds above and below its class, `upper` being
    /// the number of the first, y; 0 where there is none.
    template <class R>
    struct Sides {
        R upper, first_upper, first_lower, second_upper, second_lower;
        CUNEWTON_HOST_DEVICE R slope() const { return first_upper + first_lower; }
        CUNEWTON_HOST_DEVICE R curvature() const { return second_upper + second_lower; }
        /// Of the thresholds from number k on.
        CUNEWTON_HOST_DEVICE R slope_from(int k) const { return from(k, first_upper, first_lower); }
        CUNEWTON_HOST_DEVICE R curvature_from(int k) const {
            return from(k, second_upper, second_lower);
        }

      private:
        CUNEWTON_HOST_DEVICE R from(int k, const R& above, const R& below) const {
            using namespace math;
            return select(upper >= R(double(k)), above, R(0.0)) +
                   select(upper > R(double(k)), below, R(0.0));
        }
    };
    template <class R, class X, class S>
    CUNEWTON_HOST_DEVICE static R predictor(const X& x, const S& s) {
        R z(0.0);
        for (int j = 0; j < s.size(); ++j) z += x[j] * s[j];
        return z;
    }
    template <class R, class X>
    CUNEWTON_HOST_DEVICE static Sides<R> sides_of(const X& x, int d, int thresholds, const R& y,
                                                  const R& z) {
        using namespace math;
        R t = x[d], above(0.0), below(0.0);
        for (int k = 0; k < thresholds; ++k) {
            if (k > 0) t += exp(x[d + k]);
            above = select(y == R(double(k)), t, above);
            below = select(y == R(double(k + 1)), t, below);
        }
        const R eu = exp(-abs(R(above - z))), el = exp(-abs(R(below - z)));
        const R upper = select(above > z, eu, R(1.0)) / (R(1.0) + eu);
        const R lower = select(below > z, R(1.0), el) / (R(1.0) + el);
        const auto has_upper = y < R(double(thresholds));
        const auto has_lower = y > R(0.0);
        return {y, select(has_upper, -upper, R(0.0)), select(has_lower, lower, R(0.0)),
                select(has_upper, eu / square(R(1.0) + eu), R(0.0)),
                select(has_lower, el / square(R(1.0) + el), R(0.0))};
    }
    /// u / (e^u - 1), 1 at 0.
    template <class R>
    CUNEWTON_HOST_DEVICE static R ratio(const R& u) {
        using namespace math;
        const R some = minimum(maximum(u, R(1e-30)), R(1e6));
        return some / expm1(some);
    }
};

CUNEWTON_DECLARE_BUILTIN(Sample, OrdinalLogistic)

#if !defined(__CUDACC_RTC__)
inline namespace CUNEWTON_CPU_CODE {

/// Proportional odds regression on targets 0 .. classes - 1: n = d + classes - 1 parameters, see
/// OrdinalLogistic. An intercept would be the same as all thresholds together; a penalty would hold
/// the thresholds too: InvalidArgument for either, and for other targets.
template <class T>
Problem<T> make_ordinal_logistic(const Samples<T>& samples, int classes,
                                 ProblemOptions options = {}) {
    if (classes < 2)
        throw InvalidArgument("classes are too few (" + std::to_string(classes) +
                              ") pass at least 2");
    if (options.intercept)
        throw InvalidArgument(
            "an intercept was asked for (the thresholds stand for it) leave it out");
    if (options.l2 != 0)
        throw InvalidArgument(
            "a penalty was asked for (l2 would hold the thresholds too) leave it out");
    detail::check_together(options.communicator.get(),
                           [&] { detail::require_targets(samples.targets); });
    const Problem<T> problem = make_sample_sum<T>(
        OrdinalLogistic{}, samples, static_cast<long>(samples.dimension) + classes - 1, options);
    detail::check_together(options.communicator.get(), [&] {
        detail::check_targets<T>(samples, [&](T y) {
            const bool valid = y >= 0 && y < classes && y == static_cast<T>(static_cast<int>(y));
            return valid ? nullptr : "ordinal regression needs whole targets 0 .. classes - 1";
        });
    });
    return problem;
}

/// The thresholds t_0 < t_1 < ... of parameters x, of which the first `features` are coefficients.
template <class T>
std::vector<T> ordinal_thresholds(const std::vector<T>& x, int features) {
    std::vector<T> thresholds;
    for (std::size_t k = static_cast<std::size_t>(features); k < x.size(); ++k)
        thresholds.push_back(thresholds.empty() ? x[k] : thresholds.back() + math::exp(x[k]));
    return thresholds;
}

}  // namespace CUNEWTON_CPU_CODE
#endif

}  // namespace cunewton
