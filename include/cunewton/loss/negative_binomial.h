// Negative binomial regression with the logarithm as link.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/views.h"
#if !defined(__CUDACC_RTC__)
#include "cunewton/problem.h"
#endif
#include "cunewton/scalar/special.h"

namespace cunewton {

namespace detail {

/// y log r - log(Gamma(r + y) / Gamma(r)) for r > 0, y >= 0, and its derivatives by log r. From 30
/// on by Stirling's series (Abramowitz and Stegun 6.1.41), so that nothing cancels for large r,
/// where it tends to 0.
template <class T>
CUNEWTON_HOST_DEVICE T scaled_rising(const T& r, const T& y) {
    using namespace math;
    const auto is_large = r > T(30.0);
    const T few = select(is_large, T(1.0), r), many = select(is_large, r, T(30.0));
    const auto rest = [](const T& x) {
        const T i = T(1.0) / x, v = i * i;
        return i * (T(1.0 / 12) - v * (T(1.0 / 360) - v * (T(1.0 / 1260) - v * T(1.0 / 1680))));
    };
    return select(is_large,
                  y - (many + y - T(0.5)) * log1p(y / many) - (rest(T(many + y)) - rest(many)),
                  y * log(few) - (lgamma(T(few + y)) - lgamma(few)));
}
template <class T>
struct RisingDerivatives {
    T first, second;
};
template <class T>
CUNEWTON_HOST_DEVICE RisingDerivatives<T> scaled_rising_derivatives(const T& r, const T& y) {
    using namespace math;
    const auto is_large = r > T(30.0);
    const T few = select(is_large, T(1.0), r), many = select(is_large, r, T(30.0));
    // digamma(x) - log x, and trigamma(x) - 1/x.
    const auto rest1 = [](const T& x) {
        const T i = T(1.0) / x, v = i * i;
        return -(T(0.5) * i + v * (T(1.0 / 12) - v * (T(1.0 / 120) - v * T(1.0 / 252))));
    };
    const auto rest2 = [](const T& x) {
        const T i = T(1.0) / x, v = i * i;
        return v * (T(0.5) + i * (T(1.0 / 6) - v * (T(1.0 / 30) - v * T(1.0 / 42))));
    };
    const T end = many + y, top = few + y;
    const T digammas = select(is_large, log1p(y / many) + (rest1(end) - rest1(many)),
                              polygamma<0>(top) - polygamma<0>(few));
    const T trigammas = select(is_large, -y / (many * end) + (rest2(end) - rest2(many)),
                               polygamma<1>(top) - polygamma<1>(few));
    return {y - r * digammas, -(r * digammas + r * r * trigammas)};
}
/// scaled_rising() at r = exp(-a).
template <class T>
CUNEWTON_HOST_DEVICE T scaled_rising_at(const T& a, const T& y) {
    using namespace math;
    return scaled_rising(T(exp(-a)), y);
}
/// The same for an a that carries derivatives and a constant y: in few registers.
template <class D>
requires requires {
    typename D::Underlying;
}
CUNEWTON_HOST_DEVICE D scaled_rising_at(const D& a, const D& y) {
    using namespace math;
    using T = typename D::Underlying;
    const T r = exp(-a.v), value = scaled_rising(r, y.v);
    const RisingDerivatives<T> by_log = scaled_rising_derivatives(r, y.v);
    return a.chain({value, -by_log.first, by_log.second});
}

}  // namespace detail

/// Counts y >= 0 with mean m = e^z and variance m + alpha m^2 (NB2; Cameron and Trivedi 2013, 3.3):
/// l(z, y) = (y + 1/alpha) log(1 + alpha m) - y z is the negative log-likelihood without what does
/// not depend on z. Convex. For an alpha that is estimated see make_negative_binomial().
struct NegativeBinomial {
    double alpha = 1;  ///< > 0; towards 0 it becomes Poisson's

    CUNEWTON_HOST_DEVICE constexpr int outputs() const { return 1; }

    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T z0 = z[0];
        return (T(1.0 / alpha) + y) * softplus(T(z0 + T(log(alpha)))) - y * z0;
    }
    template <class Z, class Y, class G>
    CUNEWTON_HOST_DEVICE void gradient(const Z& z, const Y& y, G& g) const {
        using namespace math;
        using T = scalar_t<Z>;
        // (m - y) / (1 + alpha m), divided by m where that is large.
        const T z0 = z[0], e = exp(-abs(z0));
        const auto positive = z0 > T(0.0);
        g[0] = select(positive, T(1.0) - y * e, e - y) /
               select(positive, e + T(alpha), T(1.0) + T(alpha) * e);
    }
    template <class Z, class Y, class H>
    CUNEWTON_HOST_DEVICE void hessian(const Z& z, const Y& y, H& h) const {
        using namespace math;
        using T = scalar_t<Z>;
        // (1 + alpha y) m / (1 + alpha m)^2
        const T z0 = z[0], e = exp(-abs(z0));
        const T under = select(z0 > T(0.0), e + T(alpha), T(1.0) + T(alpha) * e);
        h(0, 0) = (T(1.0) + T(alpha) * y) * e / square(under);
    }
    const char* check() const {
        return alpha > 0 && alpha < limits::infinity<double> ? nullptr : "alpha is not above 0";
    }
    const char* check_target(double y) const {
        return y >= 0 ? nullptr : "negative binomial regression needs targets >= 0";
    }

    double deviance(const double* z, double y) const {
        const double m = math::exp(z[0]), r = 1 / alpha;
        // (y + r) log((r + m) / (r + y)) + y log(y / m)
        const double first = (y + r) * math::log1p((m - y) / (r + y));
        return 2 * math::maximum(first + (y > 0 ? y * (math::log(y) - z[0]) : 0.0), 0.0);
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        const double r = 1 / alpha;
        return -((*this)(VectorView<const double>{z, 1}, y) + detail::scaled_rising(r, y) +
                 math::lgamma(y + 1)) *
               weight / dispersion;
    }
    double mean(double z) const { return math::exp(z); }
    double mean_slope(double z) const { return math::exp(z); }
    double variance(double mean) const { return mean + alpha * mean * mean; }
};

CUNEWTON_DECLARE_BUILTIN(Predictor, NegativeBinomial)

/// The same of a sample, with its alpha as a parameter: x = (w, b, log alpha), b if `intercept`.
/// All of the negative log-likelihood that depends on x, which is l + y log r - log(Gamma(r + y) /
/// Gamma(r)) with r = 1/alpha (Cameron and Trivedi 2013, 3.3).
struct NegativeBinomialSample {
    bool intercept = false;

    /// log y!
    double likelihood_constant(double y) const { return math::lgamma(y + 1); }
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace math;
        using R = std::remove_cvref_t<decltype(x[0] * s.target())>;
        const R a = x[x.size() - 1], y = R(s.target());
        const R rising = detail::scaled_rising_at(a, y);
        const R z = predictor<R>(x, s);
        return (y + exp(-a)) * softplus(R(z + a)) - y * z + rising;
    }
    template <class X, class S, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, const S& s, G& g) const {
        using R = std::remove_cvref_t<decltype(x[0] * s.target())>;
        const Derivatives<R> d = derivatives<R>(x, s);
        const int features = s.size();
        for (int j = 0; j < features; ++j) g[j] += d.z * s[j];
        if (intercept) g[features] += d.z;
        g[x.size() - 1] += d.a;
    }
    template <class X, class S, class H>
    CUNEWTON_HOST_DEVICE void hessian(const X& x, const S& s, H& h) const {
        using R = std::remove_cvref_t<decltype(x[0] * s.target())>;
        const Derivatives<R> d = derivatives<R>(x, s);
        const int features = s.size(), last = x.size() - 1;
        for (int c = 0; c < features; ++c) {
            for (int r = c; r < features; ++r) h(r, c) += d.zz * (s[r] * s[c]);
            if (intercept) h(features, c) += d.zz * s[c];
            h(last, c) += d.za * s[c];
        }
        if (intercept) {
            h(features, features) += d.zz;
            h(last, features) += d.za;
        }
        h(last, last) += d.aa;
    }

  private:
    /// Of a sample's loss by z and by a = log alpha.
    template <class R>
    struct Derivatives {
        R z, a, zz, za, aa;
    };
    template <class R, class X, class S>
    CUNEWTON_HOST_DEVICE R predictor(const X& x, const S& s) const {
        R z = intercept ? R(x[s.size()]) : R(0.0);
        for (int j = 0; j < s.size(); ++j) z += x[j] * s[j];
        return z;
    }
    template <class R, class X, class S>
    CUNEWTON_HOST_DEVICE Derivatives<R> derivatives(const X& x, const S& s) const {
        using namespace math;
        const R z = predictor<R>(x, s), a = x[x.size() - 1], r = exp(-a), y = R(s.target());
        const R u = z + a, e = exp(-abs(u)), under = R(1.0) + e;
        const R p = select(u < R(0.0), e, R(1.0)) / under, slope = (y + r) * p;
        const R curvature = (y + r) * (e / square(under)), rest = r * softplus(u);
        // By log r these have the other sign.
        const detail::RisingDerivatives<R> rising = detail::scaled_rising_derivatives(r, y);
        return {slope - y, slope - rest - rising.first, curvature, curvature - r * p,
                curvature - R(2.0) * r * p + rest + rising.second};
    }
};

CUNEWTON_DECLARE_BUILTIN(Sample, NegativeBinomialSample)

#if !defined(__CUDACC_RTC__)
inline namespace CUNEWTON_CPU_CODE {

/// Negative binomial regression with an alpha that is estimated: n = d + 1 parameters, one more
/// with options.intercept: the coefficients, the intercept, log alpha. Where the counts vary no
/// more than Poisson's, log alpha falls without end. Throws InvalidArgument for a penalty, which
/// would hold log alpha too, and for targets that are negative.
template <class T>
Problem<T> make_negative_binomial(const Samples<T>& samples, ProblemOptions options = {}) {
    const NegativeBinomialSample loss{options.intercept};
    const long n = static_cast<long>(samples.dimension) + (options.intercept ? 2 : 1);
    if (options.l2 != 0)
        throw InvalidArgument(
            "a penalty was asked for (l2 would hold log alpha too) leave it out, or give "
            "NegativeBinomial an alpha");
    options.intercept = false;
    detail::check_together(options.communicator.get(),
                           [&] { detail::require_targets(samples.targets); });
    const Problem<T> problem = make_sample_sum<T>(loss, samples, n, options);
    detail::check_together(options.communicator.get(), [&] {
        detail::check_targets<T>(samples, [](T y) { return NegativeBinomial{}.check_target(y); });
    });
    return problem;
}

}  // namespace CUNEWTON_CPU_CODE
#endif

}  // namespace cunewton
