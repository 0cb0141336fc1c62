#include "cunewton/math/stencil.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/math/predictor_derivatives.h"
#include "tests/support/datasets.h"

namespace cunewton::test {
namespace {

using Real = long double;

Real f(Real x) {
    return std::exp(x);
}
Real f2(Real x, Real y) {
    return std::exp(x) * std::sin(y);
}

constexpr Real x0 = 0.3L, y0 = 0.7L;

/// log2 of the ratio of the errors at h and h/2: the order of the formula.
template <class Difference>
double order(const Difference& difference, Real exact) {
    const Real h = 0x1p-7L;
    return static_cast<double>(
        std::log2(std::abs((difference(h) - exact) / (difference(h / 2) - exact))));
}

// The next term of the error series is at most h times the leading one: a deviation of log2(1 + h).
constexpr double order_tolerance = 0.02;

TEST(Stencil, OrdersOfConvergence) {
    EXPECT_NEAR(order([](Real h) { return forward_difference(f(x0 + h), f(x0), h); }, f(x0)), 1,
                order_tolerance);
    EXPECT_NEAR(order([](Real h) { return central_difference(f(x0 + h), f(x0 - h), h); }, f(x0)), 2,
                order_tolerance);
    EXPECT_NEAR(
        order([](Real h) { return second_difference(f(x0 + h), f(x0), f(x0 - h), h); }, f(x0)), 2,
        order_tolerance);
    const auto mixed = [](Real h) {
        const Real k = 3 * h;
        return four_point_difference(f2(x0 + h, y0 + k), f2(x0 + h, y0 - k), f2(x0 - h, y0 + k),
                                     f2(x0 - h, y0 - k), h, k);
    };
    EXPECT_NEAR(order(mixed, std::exp(x0) * std::cos(y0)), 2, order_tolerance);
}

TEST(Stencil, AreExactForThePolynomialsOfTheirOrder) {
    const double h = 0.125, k = 0.25;
    EXPECT_EQ(forward_difference(5.0 + 3.0 * h, 5.0, h), 3.0);
    const auto square = [](double x) { return 2 * x * x + 3 * x + 1; };
    EXPECT_EQ(central_difference(square(1 + h), square(1 - h), h), 7.0);
    EXPECT_EQ(second_difference(square(1 + h), square(1), square(1 - h), h), 4.0);
    const auto bilinear = [](double x, double y) { return 6 * x * y + x - y; };
    EXPECT_EQ(four_point_difference(bilinear(1 + h, 2 + k), bilinear(1 + h, 2 - k),
                                    bilinear(1 - h, 2 + k), bilinear(1 - h, 2 - k), h, k),
              6.0);
}

TEST(Stencil, ShiftsMakeTheDifferences) {
    const auto along = [](double x) { return 2 * x * x + 3 * x + 1; };
    for (const bool central : {false, true}) {
        const double h = 0.125;
        const double difference =
            along(1 + first_shift(0, central, h)) - along(1 + first_shift(1, central, h));
        EXPECT_EQ(difference, central ? 7 * 2 * h : (7 + 2 * h) * h);
    }
    const auto function = [](double x, double y) { return 2 * x * x + 6 * x * y + x - y; };
    for (const bool diagonal : {false, true}) {
        const double h = 0.125, k = 0.25;
        double f[4];
        for (int e = 0; e < 4; ++e) {
            const Shifts<double> by = second_shifts(e, diagonal, h, k);
            f[e] = function(1 + by.i, 2 + by.k);
        }
        EXPECT_EQ(((f[0] - f[1]) - (f[2] - f[3])) / second_width(diagonal, h, k), diagonal ? 4 : 6);
    }
}

template <class T>
class StepTest : public ::testing::Test {};
using Reals = ::testing::Types<double, float>;
TYPED_TEST_SUITE(StepTest, Reals);

TYPED_TEST(StepTest, RelativeStepsBalanceTruncationAndRounding) {
    using T = TypeParam;
    const double eps = std::numeric_limits<T>::epsilon(), rounding = 4 * eps;
    EXPECT_NEAR(forward_step<T>() / std::pow(eps, 1.0 / 2), 1, rounding);
    EXPECT_NEAR(central_step<T>() / std::pow(eps, 1.0 / 3), 1, rounding);
    EXPECT_NEAR(second_difference_step<T>() / std::pow(eps, 1.0 / 4), 1, rounding);
}

TYPED_TEST(StepTest, XPlusHMinusXIsExactlyH) {
    using T = TypeParam;
    std::vector<T> points{T(0),       T(1),     T(-1),     T(0.1L),  T(1e-30L),
                          T(-1e-30L), T(1e30L), T(-3e20L), T(1) / 3, std::numeric_limits<T>::min()};
    Random random(5);
    for (int i = 0; i < 1000; ++i) points.push_back(static_cast<T>(20 * random.uniform() - 10));
    for (const T x : points)
        for (const T typical : {T(1), T(1e-6), T(1e6)})
            for (const T relative :
                 {forward_step<T>(), central_step<T>(), second_difference_step<T>()}) {
                volatile T step = difference_step(x, typical, relative);
                volatile T moved = x + step;
                EXPECT_EQ(moved - x, step) << x;
                EXPECT_GT(step, T(0)) << x;
                // Rounding x + h to a number of T changes h by half a unit of x at most.
                const double wanted = double(relative) * std::max(std::abs(x), typical);
                const double unit =
                    std::numeric_limits<T>::epsilon() * (std::abs(double(x)) + wanted);
                EXPECT_NEAR(step, wanted, unit) << x;
            }
}

TYPED_TEST(StepTest, PredictorStepsAreExactToo) {
    using T = TypeParam;
    for (const T z : {T(0), T(0.3L), T(-0.9L), T(7.7L), T(-1234.5L)}) {
        volatile T step = predictor_step(z, central_step<T>());
        volatile T moved = z + step;
        EXPECT_EQ(moved - z, step) << z;
        const double wanted = double(central_step<T>()) * std::max(T(1), std::abs(z));
        EXPECT_NEAR(step, wanted, std::numeric_limits<T>::epsilon() * (1 + std::abs(double(z))))
            << z;
    }
}

}  // namespace
}  // namespace cunewton::test
