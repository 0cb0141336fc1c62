// Distribution functions and quantiles that inference rests on. Each is right to about 1e-13 of
// itself, tails too (they are not formed as 1 - p), for up to 1e6 degrees of freedom.
#pragma once

#include "cunewton/scalar/cpp20.h"

namespace cunewton {

/// P(Z <= z) and P(Z > z) of the standard normal distribution.
double normal_cdf(double z);
double normal_upper(double z);
/// P(|Z| > |z|).
double normal_two_sided(double z);
/// z with P(Z <= z) = p, 0 < p < 1; infinite at 0 and 1.
double normal_quantile(double p);

/// P(T <= t) of Student's distribution; infinite degrees of freedom: the normal one. NaN unless
/// they are positive.
double student_cdf(double t, double degrees_of_freedom);
/// P(|T| > |t|).
double student_two_sided(double t, double degrees_of_freedom);
/// t with P(T <= t) = p.
double student_quantile(double p, double degrees_of_freedom);
/// t >= 0 with P(|T| > t) = p.
double student_two_sided_quantile(double p, double degrees_of_freedom);

/// P(X <= x) and P(X > x) of the chi-square distribution; NaN unless degrees of freedom are > 0.
double chi_square_cdf(double x, double degrees_of_freedom);
double chi_square_upper(double x, double degrees_of_freedom);
/// x with P(X <= x) = p.
double chi_square_quantile(double p, double degrees_of_freedom);

/// The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P, a > 0, x >= 0
/// (Abramowitz and Stegun 1964, 6.5).
double gamma_p(double a, double x);
double gamma_q(double a, double x);
/// The regularised incomplete beta function I_x(a, b), a and b > 0, 0 <= x <= 1 (6.6).
double incomplete_beta(double a, double b, double x);

}  // namespace cunewton
