// Functions at points where a derivative is infinite or a formula reads 0 times infinity: Dual,
// HyperDual and Jet, numbers and lanes, say the same and the truth.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/jet.h"
#include "cunewton/scalar/pack.h"
#include "tests/support/lane_values.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Compiled once, as is all text: what is compiled for each function and scalar is the call.
void expect_all(std::span<const double> computed, double exact, const std::string& what,
                const char* which) {
    for (std::size_t l = 0; l < computed.size(); ++l)
        EXPECT_EQ(computed[l], exact) << what << which << ", lane " << l;
}

template <class S>
class FunctionEdgesTest : public ::testing::Test {
  protected:
    /// The same number, or both infinite with one sign, in every lane.
    __attribute__((noinline)) static void expect_equal(const S& computed, double exact,
                                                       const std::string& what,
                                                       const char* which = "") {
        double lanes[lanes_of<S>];
        for (int l = 0; l < lanes_of<S>; ++l) lanes[l] = static_cast<double>(lane_of(computed, l));
        expect_all(lanes, exact, what, which);
    }

    /// A function in all three kinds of numbers.
    struct Expanded {
        Dual<S> dual;
        HyperDual<S> hyper;
        Jet<S, 1> jet;
    };
    static void expect_expanded(const Expanded& y, double f, double f1, double f2,
                                const std::string& what) {
        expect_equal(y.dual.v, f, what, ", Dual");
        expect_equal(y.dual.d, f1, what, ", Dual's derivative");
        expect_equal(y.hyper.v, f, what, ", HyperDual");
        expect_equal(y.hyper.d1, f1, what, ", first derivative");
        expect_equal(y.hyper.d2, f1, what, ", first derivative again");
        expect_equal(y.hyper.d12, f2, what, ", second derivative");
        expect_equal(y.jet.v, f, what, ", Jet");
        expect_equal(y.jet.d[0], f1, what, ", Jet's derivative");
    }
    /// function(x) with the derivatives 1, f' and f'' along x.
    template <class Function>
    static void expect_expansion(double x, const Function& function, double f, double f1, double f2,
                                 const std::string& what) {
        Jet<S, 1> jet(S{static_cast<real_t<S>>(x)});
        jet.d[0] = S(1.0);
        expect_expanded({function(Dual<S>(S(x), S(1.0))),
                         function(HyperDual<S>(S(x), S(1.0), S(1.0), S(0.0))), function(jet)},
                        f, f1, f2, what);
    }
    /// p and q, the parameters of a model, in numbers of all kinds: function(p, q) is 0, and so are
    /// its derivatives by both, first and second.
    template <class Function>
    static void expect_zero(double p, double q, const Function& function, const std::string& what) {
        for (const auto& [dp, dq] : {std::pair{1.0, 0.0}, {0.0, 1.0}}) {
            const Dual<S> y = function(Dual<S>(S(p), S(dp)), Dual<S>(S(q), S(dq)));
            expect_equal(y.v, 0, what);
            expect_equal(y.d, 0, what, ", Dual");
            for (const auto& [ep, eq] : {std::pair{1.0, 0.0}, {0.0, 1.0}}) {
                const HyperDual<S> h = function(HyperDual<S>(S(p), S(dp), S(ep), S(0.0)),
                                                HyperDual<S>(S(q), S(dq), S(eq), S(0.0)));
                expect_equal(h.v, 0, what);
                expect_equal(h.d1, 0, what, ", HyperDual");
                expect_equal(h.d2, 0, what, ", HyperDual");
                expect_equal(h.d12, 0, what, ", HyperDual, second");
            }
        }
        Jet<S, 1> jp(S{static_cast<real_t<S>>(p)});
        Jet<S, 2> jq(S{static_cast<real_t<S>>(q)});
        jp.d[0] = jq.d[0] = S(1.0);
        const Jet<S, 3> y = function(jp, jq);
        expect_equal(y.v, 0, what);
        expect_equal(y.d[0], 0, what, ", Jet by the first");
        expect_equal(y.d[1], 0, what, ", Jet by the second");
    }
};

using Scalars = ::testing::Types<double, float, lanes::base::Pack<double, 1>,
                                 lanes::base::Pack<double, 2>, lanes::base::Pack<float, 2>>;
struct ScalarName {
    template <class S>
    static std::string GetName(int) {
        const std::string plain = std::is_same_v<real_t<S>, double> ? "Double" : "Float";
        return (lanes_of<S> == 1  ? plain
                : sizeof(S) == 16 ? "Pack" + plain + "1"
                                  : "Pack" + plain + "2");
    }
};
TYPED_TEST_SUITE(FunctionEdgesTest, Scalars, ScalarName);

TYPED_TEST(FunctionEdgesTest, PowersOfZeroHaveTheDerivativesThatExist) {
    using S = TypeParam;
    struct Case {
        double exponent, f, f1, f2;
    };
    for (const Case& c :
         {Case{0, 1, 0, 0}, Case{0.25, 0, infinity, -infinity}, Case{1, 0, 1, 0},
          Case{1.5, 0, 0, infinity}, Case{2, 0, 0, 2}, Case{2.5, 0, 0, 0}, Case{3, 0, 0, 0}}) {
        const std::string what = "0^" + std::to_string(c.exponent);
        TestFixture::expect_expansion(
            0, [&](const auto& x) { return math::pow(x, c.exponent); }, c.f, c.f1, c.f2, what);
        TestFixture::expect_expansion(
            0, [&](const auto& x) { return math::pow(x, S(c.exponent)); }, c.f, c.f1, c.f2,
            what + " as its scalar");
        // Along a direction that leaves the exponent as it is.
        TestFixture::expect_expansion(
            0,
            [&](const auto& x) {
                return math::pow(x, std::remove_cvref_t<decltype(x)>(c.exponent));
            },
            c.f, c.f1, c.f2, what + " as a dual number");
    }
}

TYPED_TEST(FunctionEdgesTest, ByItsExponentAPowerOfZeroIsConstant) {
    for (const double exponent : {0.25, 1.0, 1.5, 2.0, 3.0}) {
        TestFixture::expect_expansion(
            exponent, [](const auto& b) { return math::pow(0, b); }, 0, 0, 0, "0^b");
        TestFixture::expect_expansion(
            exponent,
            [](const auto& b) { return math::pow(std::remove_cvref_t<decltype(b)>(0.0), b); }, 0, 0,
            0, "0^b of two dual numbers");
    }
}

TYPED_TEST(FunctionEdgesTest, APowerOfAQuotientThatIsZeroForAllParametersIsConstant) {
    using S = TypeParam;
    for (const double exponent : {0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0})
        for (const double tau : {0.5, 2.0}) {
            TestFixture::expect_zero(
                tau, exponent, [](const auto& t, const auto& b) { return math::pow(0.0 / t, b); },
                "(0/tau)^" + std::to_string(exponent));
            TestFixture::expect_zero(
                tau, exponent,
                [](const auto& t, const auto& b) { return math::pow(S(0.0) * t, b) * t; },
                "(0 k)^" + std::to_string(exponent));
        }
}

TYPED_TEST(FunctionEdgesTest, RootsOfAQuotientThatIsZeroForAllParametersAreConstant) {
    TestFixture::expect_zero(
        2, 3, [](const auto& a, const auto& b) { return b * math::sqrt(0.0 * a); }, "sqrt");
    TestFixture::expect_zero(
        2, 3, [](const auto& a, const auto& b) { return b * math::pow(0.0 / a, 0.5); }, "x^0.5");
}

TYPED_TEST(FunctionEdgesTest, MixedSecondDerivativesOfAPowerAtZero) {
    using S = TypeParam;
    // d/da d/db a^b = a^(b-1) (1 + b log a): 0 at a = 0 where b > 1, else minus infinity.
    for (const auto& [exponent, mixed] :
         {std::pair{1.5, 0.0}, {2.0, 0.0}, {1.0, -infinity}, {0.5, -infinity}}) {
        const HyperDual<S> a(S(0.0), S(1.0), S(0.0), S(0.0));
        const HyperDual<S> b(S(exponent), S(0.0), S(1.0), S(0.0));
        TestFixture::expect_equal(math::pow(a, b).d12, mixed, "a^" + std::to_string(exponent));
    }
}

// A model's lanes are its points: the one at t = 0 must not spoil the others, nor they it.
TYPED_TEST(FunctionEdgesTest, EveryLaneHasItsOwnDerivatives) {
    using S = TypeParam;
    using T = real_t<S>;
    if constexpr (lanes_of < S >> 1) {
        S t(0.0);
        for (int l = 1; l < lanes_of<S>; ++l) t.set_lane(l, static_cast<T>(l));
        Jet<S, 1> tau(S(2.0));
        Jet<S, 2> beta(S(0.75));
        tau.d[0] = beta.d[0] = S(1.0);
        const Jet<S, 3> y = math::pow(t / tau, beta);
        for (int l = 0; l < lanes_of<S>; ++l) {
            const long double u = l / 2.0L, f = std::pow(u, 0.75L);
            const long double by_tau = -0.375L * f, by_beta = l ? f * std::log(u) : 0;
            EXPECT_NEAR(y.v.lane(l), static_cast<double>(f), 8 * epsilon<T> * f);
            EXPECT_NEAR(y.d[0].lane(l), static_cast<double>(by_tau), 8 * epsilon<T> * f);
            EXPECT_NEAR(y.d[1].lane(l), static_cast<double>(by_beta), 8 * epsilon<T> * f);
        }
    }
}

TYPED_TEST(FunctionEdgesTest, ANegativeBaseHasNoDerivativeByItsExponent) {
    using S = TypeParam;
    Jet<S, 1> base(S(-2.0));
    Jet<S, 2> exponent(S(3.0));
    base.d[0] = exponent.d[0] = S(1.0);
    const Jet<S, 3> y = math::pow(base, exponent);
    TestFixture::expect_equal(y.v, -8, "(-2)^3");
    TestFixture::expect_equal(y.d[0], 12, "by the base");
    const Dual<S> by_base = math::pow(Dual<S>(S(-2.0), S(1.0)), Dual<S>(S(3.0)));
    TestFixture::expect_equal(by_base.d, 12, "Dual, by the base");
    const Dual<S> by_exponent = math::pow(Dual<S>(S(-2.0)), Dual<S>(S(3.0), S(1.0)));
    for (int l = 0; l < lanes_of<S>; ++l) {
        EXPECT_TRUE(std::isnan(lane_of(y.d[1], l)));
        EXPECT_TRUE(std::isnan(lane_of(by_exponent.d, l)));
    }
}

}  // namespace
}  // namespace cunewton::test
