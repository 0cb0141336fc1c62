// In long double throughout: of the exponent of a density all digits before the point are lost to
// what is left of it.
#include "cunewton/distributions.h"

#include <cmath>
#include <limits>

#include "cunewton/scalar/special.h"

namespace cunewton {
namespace {

using Real = long double;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr Real accuracy = 1e-18L;
constexpr int most_terms = 1'000'000;

/// log Gamma(a) less its leading part (a - 1/2) log a - a + log(2 pi)/2, by Stirling's series
/// (Abramowitz and Stegun 1964, 6.1.41), a >= 30.
Real stirling_rest(Real a) {
    const Real s = 1 / (a * a);
    return (1 / 12.0L -
            s * (1 / 360.0L - s * (1 / 1260.0L -
                                   s * (1 / 1680.0L -
                                        s * (1 / 1188.0L - s * (691 / 360360.0L - s / 156.0L)))))) /
           a;
}
constexpr Real series_from = 30;

/// x^a e^-x / Gamma(a + 1).
Real gamma_front(Real a, Real x) {
    if (a < series_from) return std::exp(a * std::log(x) - x - math::lgamma(a + 1));
    // a log(x/a) - (x - a), where the two are about the same.
    const Real u = (x - a) / a;
    Real exponent;
    if (std::abs(u) > 0.1L) {
        exponent = a * (std::log1p(u) - u);
    } else {
        // log(1 + u) - u = -u^2/2 + u^3/3 - ...
        Real power = u * u, sum = 0;
        for (int k = 2; k < 60; ++k, power *= -u) sum -= power / k;
        exponent = a * sum;
    }
    constexpr Real two_pi = 6.283185307179586476925286766559005768L;
    return std::exp(exponent - stirling_rest(a)) / std::sqrt(two_pi * a);
}

/// P(a, x) by its series, for x < a + 1 (6.5.29).
Real gamma_series(Real a, Real x) {
    Real term = 1, sum = 1;
    for (int k = 1; k < most_terms; ++k) {
        term *= x / (a + k);
        sum += term;
        if (term < accuracy * sum) break;
    }
    return gamma_front(a, x) * sum;
}

/// Q(a, x) by its continued fraction, for x >= a + 1 (6.5.31, by Lentz's method: Press, Teukolsky,
/// Vetterling and Flannery 2007, section 6.2).
Real gamma_fraction(Real a, Real x) {
    constexpr Real tiny = 1e-3000L;
    Real b = x + 1 - a, c = 1 / tiny, d = 1 / b, h = d;
    for (int k = 1; k < most_terms; ++k) {
        const Real an = -k * (k - a);
        b += 2;
        d = an * d + b;
        if (std::abs(d) < tiny) d = tiny;
        c = b + an / c;
        if (std::abs(c) < tiny) c = tiny;
        d = 1 / d;
        h *= d * c;
        if (std::abs(d * c - 1) < accuracy) break;
    }
    return gamma_front(a, x) * a * h;
}

/// The continued fraction of the incomplete beta function (26.5.8, by Lentz's method), x < (a + 1)
/// / (a + b + 2).
Real beta_fraction(Real a, Real b, Real x) {
    constexpr Real tiny = 1e-3000L;
    const auto safe = [](Real value) { return std::abs(value) < tiny ? tiny : value; };
    Real c = 1, d = 1 / safe(1 - (a + b) * x / (a + 1)), h = d;
    for (int m = 1; m < most_terms; ++m) {
        const Real even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / safe(1 + even * d);
        c = safe(1 + even / c);
        h *= d * c;
        const Real odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / safe(1 + odd * d);
        c = safe(1 + odd / c);
        h *= d * c;
        if (std::abs(d * c - 1) < accuracy) break;
    }
    return h;
}

/// log of Gamma(a + b) / Gamma(a), for b that may be next to nothing beside a.
Real log_gamma_ratio(Real a, Real b) {
    if (a < series_from) return math::lgamma(a + b) - math::lgamma(a);
    return (a + b - 0.5L) * std::log1p(b / a) + b * std::log(a) - b + stirling_rest(a + b) -
           stirling_rest(a);
}

/// I_x(a, b), y = 1 - x.
Real beta(Real a, Real b, Real x, Real y) {
    if (x <= 0) return 0;
    if (y <= 0) return 1;
    const Real ratio =
        a >= b ? log_gamma_ratio(a, b) - math::lgamma(b) : log_gamma_ratio(b, a) - math::lgamma(a);
    // The logarithm of the nearer one to 1 by what it is away.
    const Real log_x = x < 0.5L ? std::log(x) : std::log1p(-y);
    const Real log_y = y < 0.5L ? std::log(y) : std::log1p(-x);
    const Real front = std::exp(ratio + a * log_x + b * log_y);
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

/// Where a function that falls from above `p` at 0 to below it reaches it.
template <class Tail>
double falls_to(double p, double high, const Tail& tail) {
    double low = 0;
    while (tail(high) > p && high < std::numeric_limits<double>::max() / 4) {
        low = high;
        high *= 2;
    }
    for (int i = 0; i < 200; ++i) {
        const double middle = low + 0.5 * (high - low);
        if (middle <= low || middle >= high) break;
        (tail(middle) > p ? low : high) = middle;
    }
    return 0.5 * (low + high);
}

bool is_probability(double p) {
    return p >= 0 && p <= 1;
}
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

double normal_upper(double z) {
    return 0.5 * std::erfc(z / std::sqrt(2.0));
}
double normal_cdf(double z) {
    return normal_upper(-z);
}
double normal_two_sided(double z) {
    return std::erfc(std::abs(z) / std::sqrt(2.0));
}
double normal_quantile(double p) {
    return student_quantile(p, infinity);
}

double student_two_sided(double t, double degrees_of_freedom) {
    if (std::isnan(t) || !(degrees_of_freedom > 0)) return nan;
    if (std::isinf(degrees_of_freedom)) return normal_two_sided(t);
    if (std::isinf(t)) return 0;
    const Real nu = degrees_of_freedom, square = static_cast<Real>(t) * t;
    return static_cast<double>(beta(nu / 2, 0.5L, nu / (nu + square), square / (nu + square)));
}
double student_cdf(double t, double degrees_of_freedom) {
    const double tail = 0.5 * student_two_sided(t, degrees_of_freedom);
    return t > 0 ? 1 - tail : tail;
}
double student_two_sided_quantile(double p, double degrees_of_freedom) {
    if (!(degrees_of_freedom > 0) || !is_probability(p)) return nan;
    if (p == 0) return infinity;
    if (p == 1) return 0;
    return falls_to(p, 2, [&](double t) { return student_two_sided(t, degrees_of_freedom); });
}
double student_quantile(double p, double degrees_of_freedom) {
    if (!is_probability(p)) return nan;
    return p < 0.5 ? -student_two_sided_quantile(2 * p, degrees_of_freedom)
                   : student_two_sided_quantile(2 * (1 - p), degrees_of_freedom);
}

double chi_square_cdf(double x, double degrees_of_freedom) {
    return gamma_p(degrees_of_freedom / 2, x / 2);
}
double chi_square_upper(double x, double degrees_of_freedom) {
    return gamma_q(degrees_of_freedom / 2, x / 2);
}
double chi_square_quantile(double p, double degrees_of_freedom) {
    if (!(degrees_of_freedom > 0) || !is_probability(p)) return nan;
    if (p == 0) return 0;
    if (p == 1) return infinity;
    // By the smaller of the two tails.
    if (p < 0.5)
        return falls_to(-p, degrees_of_freedom,
                        [&](double x) { return -chi_square_cdf(x, degrees_of_freedom); });
    return falls_to(1 - p, degrees_of_freedom,
                    [&](double x) { return chi_square_upper(x, degrees_of_freedom); });
}

double gamma_p(double a, double x) {
    if (!(a > 0) || !(x >= 0)) return nan;
    if (x == 0) return 0;
    if (std::isinf(x)) return 1;
    return static_cast<double>(x < a + 1 ? gamma_series(a, x) : 1 - gamma_fraction(a, x));
}
double gamma_q(double a, double x) {
    if (!(a > 0) || !(x >= 0)) return nan;
    if (x == 0) return 1;
    if (std::isinf(x)) return 0;
    return static_cast<double>(x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x));
}
double incomplete_beta(double a, double b, double x) {
    if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return nan;
    return static_cast<double>(beta(a, b, x, 1 - static_cast<Real>(x)));
}

}  // namespace cunewton
