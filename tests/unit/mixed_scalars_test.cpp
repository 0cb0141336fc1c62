// What a loss may write with plain numbers in it: comparisons, selections and powers of all kinds
// of scalars with numbers of all types.
#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <type_traits>

#include "cunewton/functor/check.h"
#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/jet.h"
#include "cunewton/scalar/pack.h"
#include "cunewton/scalar/single.h"
#include "tests/support/lane_values.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

/// The value in a lane.
template <class S>
double value_of(const S& x, int lane) {
    if constexpr (std::is_same_v<S, Single>)
        return static_cast<double>(x.v);
    else if constexpr (requires { x.lane(lane); })
        return static_cast<double>(x.lane(lane));
    else if constexpr (requires { typename S::Underlying; })
        return value_of(x.v, lane);
    else
        return static_cast<double>(x);
}
template <class S>
constexpr int lane_count() {
    if constexpr (requires { typename S::Underlying; })
        return lanes_of<typename S::Underlying>;
    else
        return lanes_of<S>;
}
/// One variable.
template <class S>
S variable(double value) {
    S x(static_cast<real_t<S>>(value));
    if constexpr (requires { x.d12; })
        x.d1 = x.d2 = typename S::Underlying(1.0);
    else if constexpr (requires { x.d[0]; })
        x.d[0] = typename S::Underlying(1.0);
    else if constexpr (requires { x.d; })
        x.d = typename S::Underlying(1.0);
    return x;
}

/// Compiled once: what is compiled for each scalar and number is the operation.
void expect_all(std::span<const double> y, double wanted, double tolerance, const char* what,
                const char* which) {
    for (std::size_t l = 0; l < y.size(); ++l)
        EXPECT_NEAR(y[l], wanted, tolerance) << what << which << ", lane " << l;
}

template <class S>
class MixedScalarsTest : public ::testing::Test {
  protected:
    /// A condition as 1 or 0, in every lane.
    template <class Condition>
    static void expect_condition(const Condition& condition, bool wanted, const char* what,
                                 const char* which) {
        using namespace math;
        double y[lane_count<S>()];
        put(select(condition, variable<S>(1), variable<S>(0)), y);
        expect_all(y, wanted, 0, what, which);
    }
    template <class Number>
    static void expect_comparisons(Number number, const char* what) {
        for (const double value : {1.0, 2.0, 3.0}) {
            const S x = variable<S>(value);
            const double n = static_cast<double>(number);
            expect_condition(x < number, value < n, what, " <");
            expect_condition(x > number, value > n, what, " >");
            expect_condition(x <= number, value <= n, what, " <=");
            expect_condition(x >= number, value >= n, what, " >=");
            expect_condition(x == number, value == n, what, " ==");
            expect_condition(x != number, value != n, what, " !=");
            expect_condition(number < x, n < value, what, " <, left");
            expect_condition(number > x, n > value, what, " >, left");
            expect_condition(number <= x, n <= value, what, " <=, left");
            expect_condition(number >= x, n >= value, what, " >=, left");
            expect_condition(number == x, n == value, what, " ==, left");
            expect_condition(number != x, n != value, what, " !=, left");
            const S y = variable<S>(n);
            expect_condition(x == y, value == n, what, " ==, of two");
            expect_condition(x != y, value != n, what, " !=, of two");
        }
    }
    template <class Result>
    static void expect_value(const Result& result, double wanted, const char* what) {
        double y[lane_count<S>()];
        put(result, y);
        expect_all(y, wanted, 8 * epsilon<float> * wanted, what, "");
    }
    template <class Result>
    __attribute__((noinline)) static void put(const Result& result, double* y) {
        for (int l = 0; l < lane_count<S>(); ++l) y[l] = value_of(result, l);
    }
};

using base_pack = lanes::base::Pack<double, 2>;
using Scalars = ::testing::Types<double, float, Single, base_pack, lanes::base::Pack<float, 1>,
                                 Dual<double>, Dual<float>, Dual<base_pack>, HyperDual<double>,
                                 HyperDual<base_pack>, Dual<Single>, Jet<double, 1>, Jet<float, 6>,
                                 Jet<base_pack, 2>, Jet<Single, 3>>;
TYPED_TEST_SUITE(MixedScalarsTest, Scalars);

TYPED_TEST(MixedScalarsTest, CompareWithNumbersOnBothSides) {
    TestFixture::expect_comparisons(2.0, "double");
    TestFixture::expect_comparisons(2.0f, "float");
    TestFixture::expect_comparisons(2, "int");
}

TYPED_TEST(MixedScalarsTest, SelectBetweenAScalarAndANumber) {
    using namespace math;
    using S = TypeParam;
    const S x = variable<S>(3.0);
    TestFixture::expect_value(select(x > 2.0, x, 0.5), 3, "yes");
    TestFixture::expect_value(select(x < 2.0, x, 0.5), 0.5, "no");
    TestFixture::expect_value(select(x > 2.0, 0.5f, x), 0.5, "yes, number first");
    TestFixture::expect_value(select(x < 2.0, 7, x), 3, "no, number first");
    TestFixture::expect_value(maximum(x, 0.5), 3, "maximum");
    TestFixture::expect_value(maximum(4, x), 4, "maximum, number first");
    TestFixture::expect_value(minimum(x, 0.5), 0.5, "minimum");
    TestFixture::expect_value(minimum(4.0f, x), 3, "minimum, number first");
}

TYPED_TEST(MixedScalarsTest, PowersWithNumbersOnBothSides) {
    using namespace math;
    using S = TypeParam;
    const S x = variable<S>(2.5);
    const double half = std::pow(2.5, 0.5), cube = 2.5 * 2.5 * 2.5;
    TestFixture::expect_value(pow(x, 0.5), half, "x^0.5");
    TestFixture::expect_value(pow(x, 0.5f), half, "x^0.5f");
    TestFixture::expect_value(pow(x, 3), cube, "x^3");
    TestFixture::expect_value(pow(2.0, x), std::pow(2.0, 2.5), "2.0^x");
    TestFixture::expect_value(pow(2.0f, x), std::pow(2.0, 2.5), "2.0f^x");
    TestFixture::expect_value(pow(2, x), std::pow(2.0, 2.5), "2^x");
    TestFixture::expect_value(pow(x, x), std::pow(2.5, 2.5), "x^x");
}

// The check of a user's functor knows every function, also with a number in it.
TEST(MixedScalars, TheCheckOfFunctorsHasAllFunctions) {
    using namespace math;
    using probe::Probe;
#define CUNEWTON_TEST_FUNCTION(name, ...) \
    static_assert(std::is_same_v<decltype(name(Probe())), Probe>);
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
#define CUNEWTON_TEST_FUNCTION(name)                                        \
    static_assert(std::is_same_v<decltype(name(Probe(), Probe())), Probe>); \
    static_assert(std::is_same_v<decltype(name(Probe(), 2.0)), Probe>);     \
    static_assert(std::is_same_v<decltype(name(2, Probe())), Probe>);
    CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
}

// A condition on a dual number may be one on its scalar's lanes.
TEST(MixedScalars, AJetComparesAndSelectsWithAnotherSet) {
    const Jet<double, 1> a = variable<Jet<double, 1>>(1.5);
    const Jet<double, 4> b = variable<Jet<double, 4>>(2.5);
    EXPECT_FALSE(a == b);
    EXPECT_TRUE(a != b);
    const Jet<double, 5> larger = math::maximum(a, b);
    EXPECT_EQ(larger.v, 2.5);
    EXPECT_EQ(larger.d[0], 0);
    EXPECT_EQ(larger.d[1], 1);
}

}  // namespace
}  // namespace cunewton::test
