// The objective of residuals and its derivatives, against sums in long double.
#include <cmath>
#include <limits>
#include <random>

#include "cunewton/differentiate.h"
#include "tests/residuals/functors.h"

namespace cunewton::test {
namespace {

/// rho, psi = rho' and rho'' of u, as Estimator says: its objective is 2 rho.
struct Rho {
    long double rho, psi, second;
};
Rho rho_of(Estimator estimator, long double u, long double c) {
    const long double v = u / c * (u / c);
    switch (estimator) {
        case Estimator::huber:
            if (std::abs(u) <= c) return {u * u / 2, u, 1};
            return {c * std::abs(u) - c * c / 2, u > 0 ? c : -c, 0};
        case Estimator::cauchy:
            return {c * c / 2 * std::log(1 + v), u / (1 + v), (1 - v) / ((1 + v) * (1 + v))};
        case Estimator::tukey:
            if (v >= 1) return {c * c / 6, 0, 0};
            return {c * c / 6 * (1 - (1 - v) * (1 - v) * (1 - v)), u * (1 - v) * (1 - v),
                    (1 - v) * (1 - 5 * v)};
        case Estimator::soft_l1:
            return {c * c * (std::sqrt(1 + v) - 1), u / std::sqrt(1 + v),
                    1 / ((1 + v) * std::sqrt(1 + v))};
        case Estimator::arctan:
            return {c * c / 2 * std::atan(v), u / (1 + v * v),
                    (1 - 3 * v * v) / ((1 + v * v) * (1 + v * v))};
        default:
            return {u * u / 2, u, 1};
    }
}

/// Value, gradient, and full or Gauss-Newton Hessian of the decaying wave, by hand.
struct Expected {
    long double f = 0, g[3] = {}, full[3][3] = {}, gauss_newton[3][3] = {};
};
template <class T>
Expected expected(const Wave<T>& data, const std::vector<T>& p, Estimator estimator, double c) {
    Expected e;
    for (std::size_t i = 0; i < data.y.size(); ++i) {
        const long double w = data.weights.empty() ? 1 : data.weights[i];
        if (w == 0) continue;
        const long double t = data.t[i], a = p[0], k = p[1], q = p[2], decay = std::exp(-k * t),
                          sine = std::sin(q * t), cosine = std::cos(q * t);
        const long double r = a * decay * sine - data.y[i];
        const long double d[3] = {decay * sine, -t * a * decay * sine, t * a * decay * cosine};
        const long double dd[3][3] = {
            {0, -t * decay * sine, t * decay * cosine},
            {-t * decay * sine, t * t * a * decay * sine, -t * t * a * decay * cosine},
            {t * decay * cosine, -t * t * a * decay * cosine, -t * t * a * decay * sine}};
        const long double u = std::sqrt(w) * r;
        const Rho rho = rho_of(estimator, u, c);
        e.f += 2 * rho.rho;
        const long double curvature = std::max(rho.second, 0.1L * (u == 0 ? 1 : rho.psi / u));
        for (int j = 0; j < 3; ++j) {
            e.g[j] += 2 * std::sqrt(w) * rho.psi * d[j];
            for (int i2 = 0; i2 < 3; ++i2) {
                e.gauss_newton[j][i2] += 2 * w * curvature * d[j] * d[i2];
                e.full[j][i2] +=
                    2 * (w * rho.second * d[j] * d[i2] + std::sqrt(w) * rho.psi * dd[j][i2]);
            }
        }
    }
    return e;
}

constexpr Estimator all_estimators[] = {Estimator::least_squares, Estimator::huber,
                                        Estimator::cauchy,        Estimator::tukey,
                                        Estimator::soft_l1,       Estimator::arctan};

template <class T>
class ResidualDerivatives : public BackendTest {};
using Types = ::testing::Types<double, float>;
TYPED_TEST_SUITE(ResidualDerivatives, Types);

TYPED_TEST(ResidualDerivatives, AreThoseOfTheFormulas) {
    using T = TypeParam;
    const double tolerance = 400 * std::numeric_limits<T>::epsilon();
    for (const bool weighted : {false, true})
        for (const Estimator estimator : all_estimators) {
            SCOPED_TRACE(std::string(to_string(estimator)) + (weighted ? ", weighted" : ""));
            const Wave<T> data(777, weighted);
            ProblemOptions options;
            options.estimator = estimator;
            options.tuning = 0.75;
            const Problem<T> problem = wave_problem(data, options);
            const std::vector<T> p{T(1.25), T(0.5), T(3)};
            const Expected e = expected(data, p, estimator, 0.75);
            EvaluationOptions evaluation;
            evaluation.backend = tested_choice();
            EXPECT_NEAR(evaluate(problem, p, evaluation), static_cast<double>(e.f),
                        tolerance * e.f);
            const std::vector<T> g = gradient(problem, p, evaluation);
            for (int j = 0; j < 3; ++j)
                EXPECT_NEAR(g[j], static_cast<double>(e.g[j]), tolerance * 500);
            for (const HessianBy by : {HessianBy::gauss_newton, HessianBy::autodiff}) {
                evaluation.derivatives.hessian = by;
                const auto matrix = hessian(problem, p, evaluation);
                for (int j = 0; j < 3; ++j)
                    for (int i = j; i < 3; ++i) {
                        const long double wanted =
                            by == HessianBy::autodiff ? e.full[i][j] : e.gauss_newton[i][j];
                        EXPECT_NEAR(matrix[j * 3 + i], static_cast<double>(wanted),
                                    tolerance * 3000)
                            << to_string(by) << i << j;
                    }
            }
        }
}

}  // namespace
}  // namespace cunewton::test
