#include "tool/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

extern "C" {
void dpotrf_(const char*, const int*, double*, const int*, int*);
void dpotri_(const char*, const int*, double*, const int*, int*);
void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*,
             const int*, int*, const int*, int*);
}

namespace cunewton::tool {
namespace {

/// The continued fraction of the incomplete beta function I_x(a, b), x < (a + 1) / (a + b + 2), by
/// Lentz's method (Press, Teukolsky, Vetterling and Flannery 2007, section 6.4).
double beta_fraction(double a, double b, double x) {
    constexpr double tiny = 1e-300;
    const auto safe = [](double value) { return std::abs(value) < tiny ? tiny : value; };
    double c = 1, d = 1 / safe(1 - (a + b) * x / (a + 1)), h = d;
    for (int m = 1; m < 10000; ++m) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / safe(1 + even * d);
        c = safe(1 + even / c);
        h *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / safe(1 + odd * d);
        c = safe(1 + odd / c);
        h *= d * c;
        if (std::abs(d * c - 1) < 1e-15) break;
    }
    return h;
}

double incomplete_beta(double a, double b, double x) {
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    const double front = std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) +
                                  b * std::log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

double log_gamma(double x) {
    int sign;
    return ::lgamma_r(x, &sign);
}

double normal_two_sided(double z) {
    return std::erfc(std::abs(z) / std::sqrt(2.0));
}

double student_two_sided(double t, double degrees_of_freedom) {
    if (std::isnan(t) || !(degrees_of_freedom > 0)) return std::numeric_limits<double>::quiet_NaN();
    if (std::isinf(degrees_of_freedom)) return normal_two_sided(t);
    return incomplete_beta(degrees_of_freedom / 2, 0.5,
                           degrees_of_freedom / (degrees_of_freedom + t * t));
}

double two_sided_quantile(double p, double degrees_of_freedom) {
    if (!(degrees_of_freedom > 0)) return std::numeric_limits<double>::quiet_NaN();
    double low = 0, high = 2;
    while (student_two_sided(high, degrees_of_freedom) > p && high < 1e15) high *= 2;
    for (int i = 0; i < 100; ++i) {
        const double middle = 0.5 * (low + high);
        (student_two_sided(middle, degrees_of_freedom) > p ? low : high) = middle;
    }
    return 0.5 * (low + high);
}

bool invert(std::vector<double>& matrix, int n, double accuracy) {
    if (n == 0) return true;
    std::vector<double> diagonal(static_cast<std::size_t>(n));
    const auto at = [&](long i, long j) -> double& {
        return matrix[static_cast<std::size_t>(j * n + i)];
    };
    for (int j = 0; j < n; ++j) diagonal[static_cast<std::size_t>(j)] = at(j, j);
    int info = 0;
    dpotrf_("L", &n, matrix.data(), &n, &info);
    if (info != 0) return false;
    const double least = n * accuracy;
    for (int j = 0; j < n; ++j)
        if (!(at(j, j) * at(j, j) > least * diagonal[static_cast<std::size_t>(j)])) return false;
    dpotri_("L", &n, matrix.data(), &n, &info);
    if (info != 0) return false;
    for (int j = 0; j < n; ++j)
        for (int i = j + 1; i < n; ++i) at(j, i) = at(i, j);
    return true;
}

std::vector<double> eigenvalues(std::vector<double>& matrix, int n) {
    std::vector<double> values(static_cast<std::size_t>(n));
    int info = 0, whole_size = -1, size = -1, whole = 0;
    double wanted = 0;
    dsyevd_("V", "L", &n, matrix.data(), &n, values.data(), &wanted, &size, &whole, &whole_size,
            &info);
    size = static_cast<int>(wanted);
    whole_size = whole;
    std::vector<double> work(static_cast<std::size_t>(size));
    std::vector<int> whole_work(static_cast<std::size_t>(whole_size));
    dsyevd_("V", "L", &n, matrix.data(), &n, values.data(), work.data(), &size, whole_work.data(),
            &whole_size, &info);
    if (info != 0)
        throw std::runtime_error("the eigenvalues were not found (LAPACK's dsyevd returned " +
                                 std::to_string(info) + ") are all entries finite?");
    return values;
}

}  // namespace cunewton::tool
