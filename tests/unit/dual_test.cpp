#include "cunewton/scalar/dual.h"

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/loss/huber.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/poisson.h"
#include "cunewton/loss/softmax.h"
#include "cunewton/math/perturbed_views.h"
#include "cunewton/scalar/views.h"
#include "tests/support/datasets.h"
#include "tests/support/lane_values.h"
#include "tests/support/oracle.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using Real = long double;

/// A function's value and first two derivatives at a point.
struct Jet {
    Real f, f1, f2;
};

/// One lane of a HyperDual, wide.
struct Parts {
    Real v, d1, d2, d12;
};
template <class S>
Parts parts(const HyperDual<S>& x, int lane) {
    return {lane_of(x.v, lane), lane_of(x.d1, lane), lane_of(x.d2, lane), lane_of(x.d12, lane)};
}

// Compiled for every function and scalar is what calls the function. What judges it is compiled
// once: there are hundreds of such combinations.

void expect_near(Real computed, Real exact, double unit, int lane, const std::string& what) {
    // A handful of roundings and of library functions; relative to the larger of the result and
    // of the terms that it is summed from, all of which are of size 1 to 100 here.
    const Real scale = std::max(Real(1), std::abs(exact));
    EXPECT_LE(std::abs(computed - exact), 64 * unit * scale)
        << what << ", lane " << lane << ": " << double(computed) << " against " << double(exact);
}
void expect_near(const Parts& computed, const Parts& exact, double unit, int lane,
                 const std::string& what) {
    expect_near(computed.v, exact.v, unit, lane, what + " v");
    expect_near(computed.d1, exact.d1, unit, lane, what + " d1");
    expect_near(computed.d2, exact.d2, unit, lane, what + " d2");
    expect_near(computed.d12, exact.d12, unit, lane, what + " d12");
}

/// A function of one variable at a point, in every lane: the variable, and the function of it in
/// both kinds of numbers.
struct Evaluated {
    std::vector<Parts> x, hyper, dual;  // dual: v and d1
};
template <class S>
__attribute__((noinline)) void set_parts(const HyperDual<S>& x, std::vector<Parts>& all) {
    all.clear();
    for (int l = 0; l < lanes_of<S>; ++l) all.push_back(parts(x, l));
}
template <class S>
__attribute__((noinline)) HyperDual<S> seeded_variable(double value) {
    return {seeded<S>(value), seeded<S>(0.75), seeded<S>(-1.25), seeded<S>(0.5)};
}
using Evaluate = void (*)(const void* function, double point, Evaluated& to);
template <class S, class Function>
void evaluate(const void* function, double point, Evaluated& to) {
    const Function& f = *static_cast<const Function*>(function);
    const HyperDual<S> x = seeded_variable<S>(point);
    set_parts(x, to.x);
    set_parts<S>(f(x), to.hyper);
    const Dual<S> first = f(Dual<S>(x.v, x.d1));
    set_parts(HyperDual<S>(first.v, first.d, S(0.0), S(0.0)), to.dual);
}

template <class Exact>
void expect_chain_rule(const char* name, const void* function, Evaluate evaluated,
                       const Exact& exact, std::initializer_list<double> points, double unit) {
    for (const double point : points) {
        const std::string what = std::string(name) + " at " + std::to_string(point);
        Evaluated y;
        evaluated(function, point, y);
        for (std::size_t l = 0; l < y.x.size(); ++l) {
            const Parts& x = y.x[l];
            const int lane = static_cast<int>(l);
            const Jet jet = exact(x.v);
            expect_near(
                y.hyper[l],
                {jet.f, jet.f1 * x.d1, jet.f1 * x.d2, jet.f2 * x.d1 * x.d2 + jet.f1 * x.d12}, unit,
                lane, what);
            expect_near(y.dual[l].v, jet.f, unit, lane, what + " (first order)");
            expect_near(y.dual[l].d1, jet.f1 * x.d1, unit, lane, what + " (first order)");
        }
    }
}

template <class S>
class DualTest : public ::testing::Test {
  protected:
    static constexpr double unit = epsilon<real_t<S>>;

    static void expect_near(const S& computed, int lane, Real exact, const std::string& what) {
        test::expect_near(lane_of(computed, lane), exact, unit, lane, what);
    }
    static HyperDual<S> variable(double value) { return seeded_variable<S>(value); }

    static void expect_hyper_dual(const HyperDual<S>& y, int lane, Real f, Real d1, Real d2,
                                  Real d12, const std::string& what) {
        test::expect_near(parts(y, lane), {f, d1, d2, d12}, unit, lane, what);
    }

    /// function(x) against the chain rule with the exact derivatives, in both kinds of numbers.
    template <class Function, class Exact>
    static void expect_chain_rule(const char* name, const Function& function, const Exact& exact,
                                  std::initializer_list<double> points) {
        test::expect_chain_rule(name, &function, evaluate<S, Function>, exact, points, unit);
    }
};

using Scalars = ::testing::Types<double, float, long double, lanes::base::Pack<double, 2>,
                                 lanes::base::Pack<float, 2>>;
struct ScalarName {
    template <class S>
    static std::string GetName(int) {
        const std::string plain = std::is_same_v<real_t<S>, double>  ? "Double"
                                  : std::is_same_v<real_t<S>, float> ? "Float"
                                                                     : "LongDouble";
        return (lanes_of<S> > 1 ? "Pack" : "") + plain;
    }
};
TYPED_TEST_SUITE(DualTest, Scalars, ScalarName);

TYPED_TEST(DualTest, ElementaryFunctions) {
    using namespace math;
    const std::initializer_list<double> anywhere{-1.75, -0.5, 0.0, 0.25, 2.0},
        positive{0.125, 1.0, 3.5};
    const auto check = [](const char* name, const auto& function, Jet (*exact)(Real),
                          std::initializer_list<double> points) {
        TestFixture::expect_chain_rule(name, function, exact, points);
    };
    check(
        "exp", [](const auto& x) { return exp(x); },
        [](Real x) {
            return Jet{std::exp(x), std::exp(x), std::exp(x)};
        },
        anywhere);
    check(
        "expm1", [](const auto& x) { return expm1(x); },
        [](Real x) {
            return Jet{std::expm1(x), std::exp(x), std::exp(x)};
        },
        anywhere);
    check(
        "log", [](const auto& x) { return log(x); },
        [](Real x) {
            return Jet{std::log(x), 1 / x, -1 / (x * x)};
        },
        positive);
    check(
        "log1p", [](const auto& x) { return log1p(x); },
        [](Real x) {
            return Jet{std::log1p(x), 1 / (1 + x), -1 / ((1 + x) * (1 + x))};
        },
        {-0.5, 0.0, 0.25, 4.0});
    check(
        "sqrt", [](const auto& x) { return sqrt(x); },
        [](Real x) {
            return Jet{std::sqrt(x), 0.5L / std::sqrt(x), -0.25L / (x * std::sqrt(x))};
        },
        positive);
    check(
        "sin", [](const auto& x) { return sin(x); },
        [](Real x) {
            return Jet{std::sin(x), std::cos(x), -std::sin(x)};
        },
        anywhere);
    check(
        "cos", [](const auto& x) { return cos(x); },
        [](Real x) {
            return Jet{std::cos(x), -std::sin(x), -std::cos(x)};
        },
        anywhere);
    check(
        "tanh", [](const auto& x) { return tanh(x); },
        [](Real x) {
            const Real t = std::tanh(x), slope = 1 - t * t;
            return Jet{t, slope, -2 * t * slope};
        },
        anywhere);
    check(
        "atan", [](const auto& x) { return atan(x); },
        [](Real x) {
            const Real slope = 1 / (1 + x * x);
            return Jet{std::atan(x), slope, -2 * x * slope * slope};
        },
        anywhere);
    check(
        "abs", [](const auto& x) { return abs(x); },
        [](Real x) {
            return Jet{std::abs(x), x < 0 ? -1.0L : 1.0L, 0};
        },
        {-1.75, -0.5, 2.0});
    check(
        "square", [](const auto& x) { return square(x); },
        [](Real x) {
            return Jet{x * x, 2 * x, 2};
        },
        anywhere);
    check(
        "reciprocal", [](const auto& x) { return reciprocal(x); },
        [](Real x) {
            return Jet{1 / x, -1 / (x * x), 2 / (x * x * x)};
        },
        {-1.75, 0.5, 2.0});
    check(
        "softplus", [](const auto& x) { return softplus(x); },
        [](Real x) {
            const Real p = 1 / (1 + std::exp(-x));
            return Jet{std::log1p(std::exp(x)), p, p * (1 - p)};
        },
        {-30.0, -1.75, -0.5, 0.25, 2.0, 30.0});
}

TYPED_TEST(DualTest, FunctionsWithConstants) {
    using S = TypeParam;
    const std::initializer_list<double> points{-1.75, 0.5, 2.0};
    const auto check = [&](const char* name, const auto& function, Jet (*exact)(Real)) {
        TestFixture::expect_chain_rule(name, function, exact, points);
    };
    check(
        "x + 2", [](const auto& x) { return x + 2; },
        [](Real x) {
            return Jet{x + 2, 1, 0};
        });
    check(
        "2 + x", [](const auto& x) { return 2.0 + x; },
        [](Real x) {
            return Jet{x + 2, 1, 0};
        });
    check(
        "x - 2", [](const auto& x) { return x - 2.0f; },
        [](Real x) {
            return Jet{x - 2, 1, 0};
        });
    check(
        "2 - x", [](const auto& x) { return 2 - x; },
        [](Real x) {
            return Jet{2 - x, -1, 0};
        });
    check(
        "3x", [](const auto& x) { return x * 3; },
        [](Real x) {
            return Jet{3 * x, 3, 0};
        });
    check(
        "3x", [](const auto& x) { return S(3.0) * x; },
        [](Real x) {
            return Jet{3 * x, 3, 0};
        });
    check(
        "x/4", [](const auto& x) { return x / 4.0; },
        [](Real x) {
            return Jet{x / 4, 0.25L, 0};
        });
    check(
        "3/x", [](const auto& x) { return 3 / x; },
        [](Real x) {
            return Jet{3 / x, -3 / (x * x), 6 / (x * x * x)};
        });
    check(
        "-x", [](const auto& x) { return -x; },
        [](Real x) {
            return Jet{-x, -1, 0};
        });
    check(
        "compound",
        [](auto x) {
            auto y = x;
            y += 1.0;
            y *= x;
            y -= x;
            y /= 2.0;
            return y;
        },
        [](Real x) {
            return Jet{x * x / 2, x, 1};
        });
}

/// x^c and its derivatives, those which exist at x == 0 too.
Jet power(Real x, Real c) {
    return {std::pow(x, c), c == 0 ? 0 : c * std::pow(x, c - 1),
            c == 0 || c == 1 ? 0 : c * (c - 1) * std::pow(x, c - 2)};
}

TYPED_TEST(DualTest, PowersWithConstantExponents) {
    using S = TypeParam;
    const std::initializer_list<double> positive{0.25, 1.0, 2.5},
        anywhere{-1.75, -1.0, 0.0, 0.5, 2.0};
    for (const double c : {-1.5, 0.5, 2.75})
        TestFixture::expect_chain_rule(("x^" + std::to_string(c)).c_str(),
                                       [c](const auto& x) { return math::pow(x, c); },
                                       [c](Real x) { return power(x, c); }, positive);
    for (const double c : {0.0, 1.0, 2.0, 3.0}) {
        const std::string named = "x^" + std::to_string(c);
        const char* name = named.c_str();
        const auto exact = [c](Real x) { return power(x, c); };
        TestFixture::expect_chain_rule(
            name, [c](const auto& x) { return math::pow(x, static_cast<int>(c)); }, exact,
            anywhere);
        TestFixture::expect_chain_rule(
            name, [c](const auto& x) { return math::pow(x, S(c)); }, exact, anywhere);
        // A dual number without derivatives is a constant too.
        TestFixture::expect_chain_rule(
            name,
            [c](const auto& x) {
                using D = std::remove_cvref_t<decltype(x)>;
                return math::pow(x, D(S(c)));
            },
            exact, anywhere);
    }
    // 0^2.5 has two derivatives at 0.
    TestFixture::expect_chain_rule(
        "x^2.5 at 0", [](const auto& x) { return math::pow(x, 2.5); }, [](Real) { return Jet{}; },
        {0.0});
}

TYPED_TEST(DualTest, PowersOfConstants) {
    for (const double base : {0.5, 1.0, 2.5})
        TestFixture::expect_chain_rule((std::to_string(base) + "^x").c_str(),
                                       [base](const auto& x) { return math::pow(base, x); },
                                       [base](Real x) {
                                           const Real f = std::pow(Real(base), x),
                                                      l = std::log(Real(base));
                                           return Jet{f, f * l, f * l * l};
                                       },
                                       {-1.75, 0.0, 0.5, 2.0});
    TestFixture::expect_chain_rule(
        "0^x", [](const auto& x) { return math::pow(0.0, x); }, [](Real) { return Jet{}; },
        {0.5, 2.0});
}

TYPED_TEST(DualTest, PowersOfTwoVariables) {
    using S = TypeParam;
    for (const double base : {0.5, 1.5, 0.0}) {
        const HyperDual<S> a = TestFixture::variable(base);
        const HyperDual<S> b(seeded<S>(2.25), seeded<S>(0.5), seeded<S>(2.0), seeded<S>(-0.75));
        const HyperDual<S> y = math::pow(a, b);
        const Dual<S> first = math::pow(Dual<S>(a.v, a.d1), Dual<S>(b.v, b.d1));
        for (int l = 0; l < lanes_of<S>; ++l) {
            const auto x = [&](const S& s) { return static_cast<Real>(lane_of(s, l)); };
            const Real u = x(a.v), c = x(b.v);
            const Jet along = power(u, c);
            // u^c log u and u^c log^2 u, which are zero in the limit of u to 0.
            const Real lg = u > 0 ? std::log(u) : 0;
            const Real fb = along.f * lg, fbb = fb * lg;
            const Real fab = u > 0 ? along.f / u + along.f1 * lg : 0;
            TestFixture::expect_hyper_dual(
                y, l, along.f, along.f1 * x(a.d1) + fb * x(b.d1), along.f1 * x(a.d2) + fb * x(b.d2),
                along.f2 * x(a.d1) * x(a.d2) + fab * (x(a.d1) * x(b.d2) + x(a.d2) * x(b.d1)) +
                    fbb * x(b.d1) * x(b.d2) + along.f1 * x(a.d12) + fb * x(b.d12),
                "a^b");
            TestFixture::expect_near(first.d, l, along.f1 * x(a.d1) + fb * x(b.d1), "Dual a^b");
        }
    }
}

TEST(Dual, APowerOfANegativeBaseHasNoDerivativeByItsExponent) {
    const HyperDual<double> y =
        math::pow(HyperDual<double>(-2, 1, 0, 0), HyperDual<double>(3, 0, 1, 0));
    EXPECT_EQ(y.v, -8);
    EXPECT_TRUE(std::isnan(y.d2));
    EXPECT_TRUE(std::isnan(y.d12));
}

TYPED_TEST(DualTest, OperatorsOfTwoVariables) {
    using S = TypeParam;
    const HyperDual<S> a = TestFixture::variable(1.5);
    const HyperDual<S> b(seeded<S>(-2.25), seeded<S>(0.5), seeded<S>(2.0), seeded<S>(-0.75));
    const HyperDual<S> sum = a + b, difference = a - b, product = a * b, quotient = a / b;
    const Dual<S> da(a.v, a.d1), db(b.v, b.d1);
    for (int l = 0; l < lanes_of<S>; ++l) {
        const auto x = [&](const S& s) { return static_cast<Real>(lane_of(s, l)); };
        const Real av = x(a.v), a1 = x(a.d1), a2 = x(a.d2), a12 = x(a.d12);
        const Real bv = x(b.v), b1 = x(b.d1), b2 = x(b.d2), b12 = x(b.d12);
        TestFixture::expect_hyper_dual(sum, l, av + bv, a1 + b1, a2 + b2, a12 + b12, "a + b");
        TestFixture::expect_hyper_dual(difference, l, av - bv, a1 - b1, a2 - b2, a12 - b12,
                                       "a - b");
        TestFixture::expect_hyper_dual(product, l, av * bv, a1 * bv + av * b1, a2 * bv + av * b2,
                                       a12 * bv + a1 * b2 + a2 * b1 + av * b12, "a * b");
        TestFixture::expect_hyper_dual(quotient, l, av / bv, a1 / bv - av * b1 / (bv * bv),
                                       a2 / bv - av * b2 / (bv * bv),
                                       a12 / bv - (a1 * b2 + a2 * b1 + av * b12) / (bv * bv) +
                                           2 * av * b1 * b2 / (bv * bv * bv),
                                       "a / b");
        TestFixture::expect_near((da * db).d, l, a1 * bv + av * b1, "Dual a * b");
        TestFixture::expect_near((da / db).d, l, a1 / bv - av * b1 / (bv * bv), "Dual a / b");
        TestFixture::expect_near((da + db).d, l, a1 + b1, "Dual a + b");
        TestFixture::expect_near((da - db).d, l, a1 - b1, "Dual a - b");
    }
}

TYPED_TEST(DualTest, SelectTakesAllParts) {
    using S = TypeParam;
    const HyperDual<S> a = TestFixture::variable(1.5), b = TestFixture::variable(-2.25);
    const HyperDual<S> larger = math::maximum(a, b), smaller = math::select(a > b, b, a);
    for (int l = 0; l < lanes_of<S>; ++l) {
        EXPECT_EQ(lane_of(larger.v, l), lane_of(a.v, l));
        EXPECT_EQ(lane_of(larger.d12, l), lane_of(a.d12, l));
        EXPECT_EQ(lane_of(smaller.v, l), lane_of(b.v, l));
        EXPECT_EQ(lane_of(smaller.d1, l), lane_of(b.d1, l));
    }
}

TEST(Dual, ComparesValuesAlone) {
    const Dual<double> small(1.0, 9.0), large(2.0, -9.0);
    EXPECT_TRUE(small < large);
    EXPECT_TRUE(large > small);
    EXPECT_TRUE(small <= large && small <= small);
    EXPECT_TRUE(large >= small && large >= large);
    EXPECT_FALSE(large < small);
}

TEST(Dual, AConstantHasNoDerivative) {
    const HyperDual<double> c(3.0);
    EXPECT_EQ(c.v, 3.0);
    EXPECT_EQ(c.d1, 0.0);
    EXPECT_EQ(c.d2, 0.0);
    EXPECT_EQ(c.d12, 0.0);
    EXPECT_EQ(Dual<float>(2.5f).d, 0.0f);
}

// Where a formula of two branches is exact but would overflow if differentiated naively.
TEST(Dual, SoftplusHasItsDerivativesFarFromZero) {
    for (const double z : {-700.0, -40.0, 40.0, 700.0, 1e10}) {
        const HyperDual<double> y = math::softplus(HyperDual<double>(z, 1, 1, 0));
        const Real e = std::exp(-std::abs(static_cast<Real>(z)));
        const Real p = (z < 0 ? e : 1) / (1 + e), slope = e / ((1 + e) * (1 + e));
        EXPECT_LE(std::abs(y.d1 - p), 8 * epsilon<double> * p) << z;
        EXPECT_LE(std::abs(y.d12 - slope), 8 * epsilon<double> * (p < 0.5L ? slope : 1)) << z;
    }
}

/// Autodiff of a loss by its predictors, against the oracle's derivatives of one sample whose only
/// coefficients are the intercepts: there theta is z.
template <class Loss>
void expect_oracle_derivatives(const Loss& loss, const OracleModel& model, double target,
                               const std::vector<double>& z) {
    OracleData data;
    data.samples = 1;
    data.y = {target};
    const std::vector<Real> theta(z.begin(), z.end());
    const std::vector<Real> g = oracle_gradient(model, data, theta);
    const std::vector<Real> H = oracle_hessian(model, data, theta);
    const int n = static_cast<int>(z.size());
    const VectorView<const double> view{z.data(), n};
    const Real f = oracle_value(model, data, theta);
    const double tolerance = 32 * epsilon<double> * (1 + std::abs(double(f)));
    EXPECT_NEAR(loss(view, target), double(f), tolerance);
    for (int i = 0; i < n; ++i) {
        EXPECT_NEAR(loss(DualView<VectorView<const double>>{view, i}, target).d, double(g[i]),
                    tolerance);
        for (int k = 0; k < n; ++k)
            EXPECT_NEAR(loss(HyperDualView<VectorView<const double>>{view, i, k}, target).d12,
                        double(H[i * n + k]), tolerance)
                << i << ", " << k;
    }
}

TEST(Dual, LossesAgreeWithTheOracle) {
    for (const double z : {-3.0, -0.25, 0.5, 4.0}) {
        SCOPED_TRACE(z);
        expect_oracle_derivatives(LinearRegression{}, {OracleLoss::squared}, 0.75, {z});
        expect_oracle_derivatives(Logistic{}, {OracleLoss::logistic}, 1.0, {z});
        expect_oracle_derivatives(Poisson{}, {OracleLoss::poisson}, 3.0, {z});
        expect_oracle_derivatives(Huber{1.25}, {OracleLoss::huber, 1, 1.25L}, 0.125, {z});
        expect_oracle_derivatives(Softmax{4}, {OracleLoss::softmax, 4}, 2.0, {z, 0.5, -1.0, 1.25});
        expect_oracle_derivatives(Softmax{2}, {OracleLoss::softmax, 2}, 0.0, {z, z});
    }
}

}  // namespace
}  // namespace cunewton::test
