// The losses of one predictor against formulas in long double, which share nothing with them: near
// 0, far out in both tails, in double and in float, and their automatic derivatives.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"

namespace cunewton::test {
namespace {

using Real = long double;

/// A loss, its first two derivatives by z, and how large the terms are that they are sums of.
struct Exact {
    Real value, slope, curvature;
    Real value_terms = 0, slope_terms = 0, curvature_terms = 0;
};
using Formula = std::function<Exact(Real z, Real y)>;

Exact exact_gamma(Real z, Real y) {
    const Real q = y / std::exp(z);
    return {z + q, 1 - q, q, std::abs(z) + q, 1 + q};
}
Exact exact_inverse_gaussian(Real z, Real y) {
    const Real m = std::exp(z), q = y / m;
    return {(y - m) * (y - m) / (2 * y * m * m), (1 - q) / m, (2 * q - 1) / m,
            (q + 1) * (q + 1) / (2 * y),         (1 + q) / m, (2 * q + 1) / m};
}
/// phi(m) / Phi(m) and log Phi(m).
std::pair<Real, Real> normal(Real m) {
    const Real root_two_pi = std::sqrt(2 * std::acos(Real(-1)));
    if (m > -40) {
        const Real below = std::erfc(-m / std::sqrt(Real(2))) / 2;
        const Real above = std::erfc(m / std::sqrt(Real(2))) / 2;
        return {std::exp(-m * m / 2) / root_two_pi / below,
                m > 0 ? std::log1p(-above) : std::log(below)};
    }
    const Real v = 1 / (m * m);
    const Real series = 1 - v * (1 - v * (3 - v * (15 - v * (105 - v * (945 - v * 10395)))));
    return {-m / series, -m * m / 2 - std::log(-m * root_two_pi) + std::log(series)};
}
Exact exact_probit(Real z, Real y) {
    const Real side = 2 * y - 1, m = side * z;
    const auto [ratio, logarithm] = normal(m);
    // ratio + m of the tail, without its cancellation.
    const Real v = 1 / (m * m);
    const Real series = 1 - v * (1 - v * (3 - v * (15 - v * (105 - v * (945 - v * 10395)))));
    const Real sum =
        m > -40 ? ratio + m
                : -m * (v * (1 - v * (3 - v * (15 - v * (105 - v * (945 - v * 10395))))) / series);
    return {-logarithm, -side * ratio, ratio * sum};
}
Exact exact_complementary_log_log(Real z, Real y) {
    const Real u = std::exp(z);
    if (y == 0) return {u, u, u};
    if (u > 11000) return {0, 0, 0};  // exp(-u) is 0
    const Real p = -std::expm1(-u), q = u / std::expm1(u);
    const Real less = u < Real(1e-3) ? u / 2 * (1 + u / 6 * (1 - u * u / 60)) : u + q - 1;
    return {u < 1 ? -std::log(p) : -std::log1p(-std::exp(-u)), -q, q * less};
}
Formula exact_negative_binomial(Real alpha) {
    return [alpha](Real z, Real y) {
        const Real r = 1 / alpha, m = std::exp(z), logarithm = std::log1p(alpha * m);
        return Exact{(y + r) * logarithm - y * z, (m - y) / (1 + alpha * m),
                     (1 + alpha * y) * m / ((1 + alpha * m) * (1 + alpha * m)),
                     (y + r) * logarithm + std::abs(y * z), (m + y) / (1 + alpha * m)};
    };
}
Formula exact_quantile(Real tau, Real s) {
    return [tau, s](Real z, Real y) {
        const Real r = y - z, e = std::exp(-std::abs(r) / s), over = e / (1 + e);
        const Real check = r > 0 ? tau * r : (tau - 1) * r;
        // What the difference of z and y loses, or the scale's rounding.
        const Real lost = (std::abs(z) + std::abs(y)) / s * over;
        return Exact{check + s * std::log1p(e),
                     r > 0 ? over - tau : 1 - tau - over,
                     over / (1 + e) / s,
                     std::abs(z) + std::abs(y),
                     lost + 1,
                     lost / s};
    };
}
Formula exact_pseudo_huber(Real delta) {
    return [delta](Real z, Real y) {
        const Real v = (z - y) / delta, root = std::hypot(Real(1), v);
        const Real lost = std::abs(z) + std::abs(y);
        return Exact{delta * delta * (v * v / (1 + root)),
                     delta * v / root,
                     1 / (root * root * root),
                     lost,
                     lost,
                     lost};
    };
}

template <class T>
void expect_close(T computed, Real exact, Real terms, const std::string& what) {
    if (std::abs(exact) > std::numeric_limits<T>::max() / 4) return;  // infinite is right too
    const Real allowed = 64 * std::numeric_limits<T>::epsilon() * (std::abs(exact) + terms) +
                         64 * std::numeric_limits<T>::min();
    EXPECT_LE(std::abs(computed - exact), allowed)
        << what << ": " << computed << " against " << static_cast<double>(exact);
}

template <class T, class Loss>
void expect_formula(const Loss& loss, const Formula& formula, const std::vector<double>& targets) {
    const T reach = sizeof(T) == 8 ? T(1) : T(0.125);
    for (const double y : targets)
        for (const double at :
             {0.0, 1e-9, 0.1, 0.5, 1.0, 2.5, 6.0, 20.0, 45.0, 130.0, 350.0, 700.0})
            for (const double side : {1.0, -1.0}) {
                const T z = static_cast<T>(side * at) * reach, target = static_cast<T>(y);
                const Exact exact = formula(z, target);
                const std::string what =
                    " at z = " + std::to_string(z) + ", y = " + std::to_string(y);
                const VectorView<const T> view{&z, 1};
                T g = 0, h = 0;
                struct Gradient {
                    T& to;
                    T& operator[](int) const { return to; }
                } into{g};
                struct Hessian {
                    T& to;
                    T& operator()(int, int) const { return to; }
                } matrix{h};
                expect_close<T>(loss(view, target), exact.value, exact.value_terms, "value" + what);
                loss.gradient(view, target, into);
                expect_close<T>(g, exact.slope, exact.slope_terms, "slope" + what);
                loss.hessian(view, target, matrix);
                expect_close<T>(h, exact.curvature, exact.curvature_terms, "curvature" + what);
                // Automatic derivatives, where the formula's own terms are of ordinary size.
                if (at > 20) continue;
                const T slope = loss(DualView<VectorView<const T>>{view, 0}, target).d;
                const Real scale = 4 * (std::abs(exact.slope) + std::abs(exact.value) + 1);
                expect_close<T>(slope, exact.slope, exact.slope_terms + scale,
                                "automatic slope" + what);
                const T curvature =
                    loss(HyperDualView<VectorView<const T>>{view, 0, 0}, target).d12;
                expect_close<T>(curvature, exact.curvature,
                                exact.curvature_terms + 4 * exact.slope_terms + scale,
                                "automatic curvature" + what);
            }
}
template <class Loss>
void expect_formula(const Loss& loss, const Formula& formula, const std::vector<double>& targets) {
    expect_formula<double>(loss, formula, targets);
    expect_formula<float>(loss, formula, targets);
}

TEST(LossFormulas, Gamma) {
    expect_formula(Gamma{}, exact_gamma, {1e-3, 1, 7.5});
}
TEST(LossFormulas, InverseGaussian) {
    expect_formula(InverseGaussian{}, exact_inverse_gaussian, {1e-3, 1, 7.5});
}
TEST(LossFormulas, Probit) {
    expect_formula(Probit{}, exact_probit, {0, 1});
}
TEST(LossFormulas, ComplementaryLogLog) {
    expect_formula(ComplementaryLogLog{}, exact_complementary_log_log, {0, 1});
}
TEST(LossFormulas, NegativeBinomial) {
    for (const double alpha : {0.0625, 1.0, 8.0})
        expect_formula(NegativeBinomial{alpha}, exact_negative_binomial(alpha), {0, 1, 40});
}
TEST(LossFormulas, SmoothQuantile) {
    expect_formula(SmoothQuantile{0.25, 0.125}, exact_quantile(0.25L, 0.125L), {0, 1, -7.5});
}
TEST(LossFormulas, PseudoHuber) {
    expect_formula(PseudoHuber{1.5}, exact_pseudo_huber(1.5L), {0, 1, -7.5});
}

TEST(LossFormulas, NegativeBinomialTendsToPoisson) {
    const double z = 1.25, y = 3;
    const VectorView<const double> view{&z, 1};
    EXPECT_NEAR(NegativeBinomial{1e-12}(view, y), Poisson{}(view, y), 1e-10);
}
TEST(LossFormulas, SmoothQuantileIsAboveTheCheckLossByAtMostItsScale) {
    const SmoothQuantile loss{0.3, 0.01};
    for (const double z : {-2.0, -0.02, 0.0, 0.02, 2.0}) {
        const double check = z < 0 ? -0.3 * z : 0.7 * z;
        const double above = loss(VectorView<const double>{&z, 1}, 0.0) - check;
        EXPECT_GE(above, 0);
        EXPECT_LE(above, 0.01 * std::log(2.0) * (1 + 1e-12));
    }
}
TEST(LossFormulas, PseudoHuberDoesNotOverflow) {
    const double z = 1e200;
    EXPECT_NEAR(PseudoHuber{}(VectorView<const double>{&z, 1}, 0.0) / (1.345e200), 1, 1e-12);
}

}  // namespace
}  // namespace cunewton::test
