#include "cunewton/scalar/jet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/scalar/parameters.h"
#include "tests/support/lane_values.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using Real = long double;

constexpr JetSet x0 = 1, x2 = 4, x5 = 32;  // sets of one
constexpr int seen = 6;                    // derivatives that are looked at

/// A function's value and derivatives by the parameters 0 to 5, one lane, wide.
struct Expansion {
    Real v = 0;
    Real d[seen] = {};
};
/// f and its derivatives by a and b, where a and b are expansions themselves.
Expansion chain(Real f, Real by_a, const Expansion& a, Real by_b = 0, const Expansion& b = {}) {
    Expansion r;
    r.v = f;
    for (int j = 0; j < seen; ++j) r.d[j] = by_a * a.d[j] + by_b * b.d[j];
    return r;
}
template <class S, JetSet Set>
Expansion expansion(const Jet<S, Set>& x, int lane) {
    Expansion r;
    r.v = lane_of(x.v, lane);
    r.d[0] = lane_of(x.template by<1>(), lane);
    r.d[1] = lane_of(x.template by<2>(), lane);
    r.d[2] = lane_of(x.template by<4>(), lane);
    r.d[3] = lane_of(x.template by<8>(), lane);
    r.d[4] = lane_of(x.template by<16>(), lane);
    r.d[5] = lane_of(x.template by<32>(), lane);
    return r;
}
using Expansions = std::vector<Expansion>;  // of all lanes
template <class S, JetSet Set>
__attribute__((noinline)) void expand(const Jet<S, Set>& x, Expansions& all) {
    all.clear();
    for (int l = 0; l < lanes_of<S>; ++l) all.push_back(expansion(x, l));
}

/// A jet of a value, a little different in every lane, as are its derivatives.
template <class S, JetSet Set>
__attribute__((noinline)) Jet<S, Set> seeded_jet(double value) {
    Jet<S, Set> x;
    x.v = seeded<S>(value);
    for (int k = 0; k < x.count; ++k) x.d[k] = seeded<S>(0.75 - 0.5 * k);
    return x;
}

// Compiled for every function, set and scalar is what calls the function. What judges it is
// compiled once: there are hundreds of such combinations.

void expect_near(Real computed, Real exact, double unit, const std::string& what) {
    // A handful of roundings and of library functions; relative to the larger of the result and
    // of the terms that it is summed from, all of which are of size 1 to 100 here.
    const Real scale = std::max(Real(1), std::abs(exact));
    EXPECT_LE(std::abs(computed - exact), 64 * unit * scale)
        << what << ": " << double(computed) << " against " << double(exact);
}
void expect_expansions(const Expansions& computed, const Expansions& exact, double unit,
                       const std::string& what) {
    ASSERT_EQ(computed.size(), exact.size());
    for (std::size_t l = 0; l < computed.size(); ++l) {
        const std::string where = what + ", lane " + std::to_string(l);
        expect_near(computed[l].v, exact[l].v, unit, where + ", value");
        for (int j = 0; j < seen; ++j)
            expect_near(computed[l].d[j], exact[l].d[j], unit, where + ", by " + std::to_string(j));
    }
}

/// y = function(x), x made of a value.
using Evaluate = void (*)(const void* function, double value, Expansions& x, Expansions& y);
template <class S, JetSet Set, class Function>
void evaluate(const void* function, double value, Expansions& x, Expansions& y) {
    const Jet<S, Set> at = seeded_jet<S, Set>(value);
    const auto result = (*static_cast<const Function*>(function))(at);
    static_assert(std::is_same_v<decltype(result), const Jet<S, Set>>);
    expand(at, x);
    expand(result, y);
}
using Exact = Real (*)(Real);
template <class F, class F1>
void expect_chain(const char* name, const void* function,
                  std::initializer_list<Evaluate> evaluations, const F& f, const F1& f1,
                  std::initializer_list<double> points, double unit) {
    for (const double point : points)
        for (const Evaluate evaluated : evaluations) {
            Expansions x, y, exact;
            evaluated(function, point, x, y);
            for (const Expansion& at : x) exact.push_back(chain(f(at.v), f1(at.v), at));
            expect_expansions(y, exact, unit, std::string(name) + " at " + std::to_string(point));
        }
}

/// y = function(a, b), likewise.
using EvaluateTwo = void (*)(const void* function, double a_value, double b_value, Expansions& a,
                             Expansions& b, Expansions& y);
template <class S, JetSet A, JetSet B, class Function>
void evaluate_two(const void* function, double a_value, double b_value, Expansions& a,
                  Expansions& b, Expansions& y) {
    const Jet<S, A> first = seeded_jet<S, A>(a_value);
    const Jet<S, B> second = seeded_jet<S, B>(b_value);
    const auto result = (*static_cast<const Function*>(function))(first, second);
    static_assert(std::is_same_v<decltype(result), const Jet<S, A | B>>);
    expand(first, a);
    expand(second, b);
    expand(result, y);
}
using ExactOfTwo = Expansion (*)(const Expansion& a, const Expansion& b);
struct OfSets {
    JetSet a, b;
    EvaluateTwo evaluate;
};
void expect_of_two(const char* name, const void* function, std::initializer_list<OfSets> sets,
                   ExactOfTwo exact_of, double a_value, double b_value, double unit) {
    for (const OfSets& of : sets) {
        Expansions a, b, y, exact;
        of.evaluate(function, a_value, b_value, a, b, y);
        for (std::size_t l = 0; l < y.size(); ++l) exact.push_back(exact_of(a[l], b[l]));
        expect_expansions(y, exact, unit,
                          std::string(name) + " at " + std::to_string(a_value) + " and " +
                              std::to_string(b_value) + ", of sets " + std::to_string(of.a) +
                              " and " + std::to_string(of.b));
    }
}

template <class S>
class JetTest : public ::testing::Test {
  protected:
    static constexpr double unit = epsilon<real_t<S>>;

    template <JetSet Set, class ExactOfLane>
    static void expect_expansion(const Jet<S, Set>& y, const ExactOfLane& exact,
                                 const std::string& what) {
        Expansions computed, wanted;
        expand(y, computed);
        for (int l = 0; l < lanes_of<S>; ++l) wanted.push_back(exact(l));
        expect_expansions(computed, wanted, unit, what);
    }

    template <JetSet Set>
    static Jet<S, Set> jet(double value) {
        return seeded_jet<S, Set>(value);
    }

    /// function(x) against f and f' at the points, for a sparse and a dense set.
    template <class Function, class F, class F1>
    static void expect_function(const char* name, const Function& function, const F& f,
                                const F1& f1, std::initializer_list<double> points) {
        expect_chain(name, &function,
                     {evaluate<S, x2, Function>, evaluate<S, (x0 | 2 | x5), Function>}, f, f1,
                     points, unit);
    }

    /// function(a, b) for pairs of sets: one each, disjoint, overlapping, equal, one within the
    /// other.
    template <class Function>
    static void expect_binary(const char* name, const Function& function, ExactOfTwo exact,
                              double a_value, double b_value) {
        expect_of_two(
            name, &function,
            {of_sets<x0, x5, Function>(), of_sets<x5, x0, Function>(),
             of_sets<(x0 | x2), (x2 | x5), Function>(), of_sets<(x2 | x5), (x2 | x5), Function>(),
             of_sets<(x0 | x2 | x5), x2, Function>(), of_sets<x2, 63, Function>()},
            exact, a_value, b_value, unit);
    }
    template <JetSet A, JetSet B, class Function>
    static OfSets of_sets() {
        return {A, B, evaluate_two<S, A, B, Function>};
    }
};

using Scalars =
    ::testing::Types<double, float, lanes::base::Pack<double, 1>, lanes::base::Pack<float, 2>>;
struct ScalarName {
    template <class S>
    static std::string GetName(int) {
        const std::string plain = std::is_same_v<real_t<S>, double> ? "Double" : "Float";
        return (std::is_arithmetic_v<S> ? "" : "Pack") + plain;
    }
};
TYPED_TEST_SUITE(JetTest, Scalars, ScalarName);

TYPED_TEST(JetTest, ElementaryFunctions) {
    using namespace math;
    const std::initializer_list<double> anywhere{-1.75, -0.5, 0.0, 0.25, 2.0},
        positive{0.125, 1.0, 3.5};
    const auto check = [](const char* name, const auto& function, Exact f, Exact f1,
                          std::initializer_list<double> points) {
        TestFixture::expect_function(name, function, f, f1, points);
    };
    const auto exponential = [](Real x) { return std::exp(x); };
    check(
        "exp", [](const auto& x) { return exp(x); }, exponential, exponential, anywhere);
    check(
        "expm1", [](const auto& x) { return expm1(x); }, [](Real x) { return std::expm1(x); },
        exponential, anywhere);
    check(
        "log", [](const auto& x) { return log(x); }, [](Real x) { return std::log(x); },
        [](Real x) { return 1 / x; }, positive);
    check(
        "log1p", [](const auto& x) { return log1p(x); }, [](Real x) { return std::log1p(x); },
        [](Real x) { return 1 / (1 + x); }, {-0.5, 0.0, 0.25, 4.0});
    check(
        "sqrt", [](const auto& x) { return sqrt(x); }, [](Real x) { return std::sqrt(x); },
        [](Real x) { return 0.5L / std::sqrt(x); }, positive);
    check(
        "sin", [](const auto& x) { return sin(x); }, [](Real x) { return std::sin(x); },
        [](Real x) { return std::cos(x); }, anywhere);
    check(
        "cos", [](const auto& x) { return cos(x); }, [](Real x) { return std::cos(x); },
        [](Real x) { return -std::sin(x); }, anywhere);
    check(
        "tanh", [](const auto& x) { return tanh(x); }, [](Real x) { return std::tanh(x); },
        [](Real x) { return 1 / (std::cosh(x) * std::cosh(x)); }, anywhere);
    check(
        "atan", [](const auto& x) { return atan(x); }, [](Real x) { return std::atan(x); },
        [](Real x) { return 1 / (1 + x * x); }, anywhere);
    check(
        "abs", [](const auto& x) { return abs(x); }, [](Real x) { return std::abs(x); },
        [](Real x) { return x < 0 ? -1.0L : 1.0L; }, {-1.75, -0.5, 2.0});
    check(
        "square", [](const auto& x) { return square(x); }, [](Real x) { return x * x; },
        [](Real x) { return 2 * x; }, anywhere);
    check(
        "reciprocal", [](const auto& x) { return reciprocal(x); }, [](Real x) { return 1 / x; },
        [](Real x) { return -1 / (x * x); }, {-1.75, 0.5, 2.0});
    check(
        "minus", [](const auto& x) { return -x; }, [](Real x) { return -x; },
        [](Real) { return -1.0L; }, anywhere);
    check(
        "softplus", [](const auto& x) { return softplus(x); },
        [](Real x) { return std::log1p(std::exp(x)); },
        [](Real x) { return 1 / (1 + std::exp(-x)); }, {-30.0, -0.5, 0.25, 2.0, 30.0});
}

TYPED_TEST(JetTest, OperationsWithConstants) {
    using S = TypeParam;
    const auto check = [](const char* name, const auto& function, Exact f, Exact f1) {
        TestFixture::expect_function(name, function, f, f1, {-1.75, 0.5, 2.0});
    };
    const auto one = [](Real) { return 1.0L; };
    const auto minus_one = [](Real) { return -1.0L; };
    const auto three = [](Real) { return 3.0L; };
    const auto plus_2 = [](Real x) { return x + 2; };
    const auto minus_2 = [](Real x) { return x - 2; };
    const auto from_2 = [](Real x) { return 2 - x; };
    const auto times_3 = [](Real x) { return 3 * x; };
    check(
        "x + 2", [](const auto& x) { return x + 2; }, plus_2, one);
    check(
        "2 + x", [](const auto& x) { return 2.0 + x; }, plus_2, one);
    check(
        "x + S", [](const auto& x) { return x + S(2.0); }, plus_2, one);
    check(
        "x - 2", [](const auto& x) { return x - 2.0f; }, minus_2, one);
    check(
        "2 - x", [](const auto& x) { return 2 - x; }, from_2, minus_one);
    check(
        "S - x", [](const auto& x) { return S(2.0) - x; }, from_2, minus_one);
    check(
        "3x", [](const auto& x) { return 3.0 * x; }, times_3, three);
    check(
        "x3", [](const auto& x) { return x * S(3.0); }, times_3, three);
    check(
        "x / 4", [](const auto& x) { return x / 4.0; }, [](Real x) { return x / 4; },
        [](Real) { return 0.25L; });
    check(
        "3 / x", [](const auto& x) { return 3.0 / x; }, [](Real x) { return 3 / x; },
        [](Real x) { return -3 / (x * x); });
    check(
        "compound",
        [](auto x) {
            x += 2;
            x *= 3.0;
            x -= 1.0f;
            x /= 2.0;
            return x;
        },
        [](Real x) { return ((x + 2) * 3 - 1) / 2; }, [](Real) { return 1.5L; });
}

TYPED_TEST(JetTest, OperationsOfTwo) {
    const auto check = [](const char* name, const auto& function, ExactOfTwo exact) {
        TestFixture::expect_binary(name, function, exact, 1.5, -2.25);
    };
    using E = Expansion;
    check(
        "a + b", [](const auto& a, const auto& b) { return a + b; },
        [](const E& a, const E& b) { return chain(a.v + b.v, 1, a, 1, b); });
    check(
        "a - b", [](const auto& a, const auto& b) { return a - b; },
        [](const E& a, const E& b) { return chain(a.v - b.v, 1, a, -1, b); });
    check(
        "a * b", [](const auto& a, const auto& b) { return a * b; },
        [](const E& a, const E& b) { return chain(a.v * b.v, b.v, a, a.v, b); });
    check(
        "a / b", [](const auto& a, const auto& b) { return a / b; },
        [](const E& a, const E& b) { return chain(a.v / b.v, 1 / b.v, a, -a.v / (b.v * b.v), b); });
    check(
        "max", [](const auto& a, const auto& b) { return math::select(a > b, a, b); },
        [](const E& a, const E& b) { return chain(a.v, 1, a, 0, b); });
    check(
        "min", [](const auto& a, const auto& b) { return math::select(a > b, b, a); },
        [](const E& a, const E& b) { return chain(b.v, 0, a, 1, b); });
}

TYPED_TEST(JetTest, CompoundOperationsWithFewerDerivatives) {
    const Jet<TypeParam, (x0 | x2)> before = TestFixture::template jet<(x0 | x2)>(1.5);
    const Jet<TypeParam, x2> other = TestFixture::template jet<x2>(-2.0);
    Jet<TypeParam, (x0 | x2)> a = before;
    a += other;
    a *= other;
    a -= other;
    a /= other;
    TestFixture::expect_expansion(
        a,
        [&](int l) {
            // ((a + b) b - b) / b = a + b - 1
            const Expansion p = expansion(before, l), q = expansion(other, l);
            return chain(p.v + q.v - 1, 1, p, 1, q);
        },
        "compound");
}

TYPED_TEST(JetTest, PowersOfConstants) {
    for (const double exponent : {-1.0, 0.5, 2.0, 2.5, 3.0})
        TestFixture::expect_function(
            ("x^" + std::to_string(exponent)).c_str(),
            [exponent](const auto& x) { return math::pow(x, exponent); },
            [exponent](Real x) { return std::pow(x, Real(exponent)); },
            [exponent](Real x) { return exponent * std::pow(x, Real(exponent) - 1); },
            {0.125, 1.0, 3.5});
    TestFixture::expect_function(
        "x^2.5 at 0", [](const auto& x) { return math::pow(x, 2.5); }, [](Real) { return 0.0L; },
        [](Real) { return 0.0L; }, {0.0});
    for (const double base : {0.5, 1.0, 2.5})
        TestFixture::expect_function(
            (std::to_string(base) + "^x").c_str(),
            [base](const auto& x) { return math::pow(base, x); },
            [base](Real x) { return std::pow(Real(base), x); },
            [base](Real x) { return std::pow(Real(base), x) * std::log(Real(base)); },
            {-1.75, 0.0, 0.5, 2.0});
    // 0^x = 0 for all x > 0.
    TestFixture::expect_function(
        "0^x", [](const auto& x) { return math::pow(0.0, x); }, [](Real) { return 0.0L; },
        [](Real) { return 0.0L; }, {0.5, 2.0});
}

TYPED_TEST(JetTest, PowersOfTwo) {
    using E = Expansion;
    for (const double base : {0.5, 1.5, 0.0})
        TestFixture::expect_binary(
            "a^b", [](const auto& a, const auto& b) { return math::pow(a, b); },
            [](const E& a, const E& b) {
                const Real f = std::pow(a.v, b.v);
                const Real by_exponent = a.v > 0 ? f * std::log(a.v) : 0;
                return chain(f, b.v * std::pow(a.v, b.v - 1), a, by_exponent, b);
            },
            base, 2.25);
}

TYPED_TEST(JetTest, SelectOfAConstant) {
    using S = TypeParam;
    const Jet<S, (x0 | x2)> a = TestFixture::template jet<(x0 | x2)>(1.5);
    const auto yes = a > 0.0, no = a < 0.0;
    const auto constant = [](int) { return Expansion{.v = 2}; };
    const auto same = [&](int l) { return expansion(a, l); };
    TestFixture::expect_expansion(math::select(yes, a, 2.0), same, "yes, a, 2");
    TestFixture::expect_expansion(math::select(no, a, 2.0), constant, "no, a, 2");
    TestFixture::expect_expansion(math::select(yes, S(2.0), a), constant, "yes, 2, a");
    TestFixture::expect_expansion(math::select(no, S(2.0), a), same, "no, 2, a");
}

TYPED_TEST(JetTest, WideningKeepsWhatIsThere) {
    using S = TypeParam;
    const Jet<S, x2> narrow = TestFixture::template jet<x2>(1.25);
    const Jet<S, (x0 | x2 | x5)> wide = narrow;
    TestFixture::expect_expansion(
        wide, [&](int l) { return expansion(narrow, l); }, "wide");
    const Jet<S, (x0 | x2)> constant = 3.0;
    TestFixture::expect_expansion(
        constant, [](int) { return Expansion{.v = 3}; }, "constant");
}

TYPED_TEST(JetTest, ParametersCarryTheirOwnDerivatives) {
    using S = TypeParam;
    S values[3];
    for (int j = 0; j < 3; ++j) values[j] = seeded<S>(j + 1.0);
    const SeededParameters<S, 3> p{values};
    const auto& [a, b, c] = p;
    static_assert(std::is_same_v<std::remove_cvref_t<decltype(b)>, Jet<S, 2>>);
    const auto check = [&](const auto& x, int own, const std::string& what) {
        TestFixture::expect_expansion(
            x,
            [&](int l) {
                Expansion wanted{.v = lane_of(values[own], l)};
                wanted.d[own] = 1;
                return wanted;
            },
            what);
    };
    check(a, 0, "a");
    check(b, 1, "b");
    check(c, 2, "c");
    for (int j = 0; j < 3; ++j) check(p[j], j, "p[" + std::to_string(j) + "]");

    const auto y = a * b + c;
    static_assert(std::is_same_v<decltype(y), const Jet<S, 7>>);
    TestFixture::expect_expansion(
        y,
        [&](int l) {
            const Real u = lane_of(values[0], l), v = lane_of(values[1], l),
                       w = lane_of(values[2], l);
            return Expansion{.v = u * v + w, .d = {v, u, 1}};
        },
        "ab + c");
}

TEST(Jet, SixtyFourDerivatives) {
    double values[64];
    for (int j = 0; j < 64; ++j) values[j] = j + 1;
    const SeededParameters<double, 64> p{values};
    auto sum = 0.0 * p[0];
    for (int j = 0; j < 64; ++j) sum += p[j] * p[j];
    static_assert(std::is_same_v<decltype(sum), Jet<double, ~JetSet{0}>>);
    EXPECT_EQ(sum.v, 64.0 * 65 * 129 / 6);
    for (int j = 0; j < 64; ++j) EXPECT_EQ(sum.d[j], 2.0 * (j + 1)) << j;
    EXPECT_EQ(p.get<63>().by<(JetSet{1} << 63)>(), 1);
    EXPECT_EQ(p.get<63>().by<1>(), 0);
}

TEST(Jet, ComparesValuesAlone) {
    Jet<double, 1> small = 1.0;
    Jet<double, 6> large = 2.0;
    small.d[0] = 9;
    large.d[0] = large.d[1] = -9;
    EXPECT_TRUE(small < large && large > small);
    EXPECT_TRUE(small <= large && small <= small);
    EXPECT_TRUE(large >= small && large >= large);
    EXPECT_FALSE(large < small || small > large || large <= small || small >= large);
    EXPECT_TRUE(small < 1.5 && 1.5 > small && small <= 1 && 1 >= small);
    EXPECT_FALSE(small > 1.5 || 1.5 < small || small >= 2 || 2 <= small);
}

TEST(Jet, APackComparesEachLane) {
    using S = lanes::base::Pack<double, 1>;
    Jet<S, 1> a(S(1.0));
    Jet<S, 2> b(S(2.0));
    a.d[0] = S(5.0);
    a.v.set_lane(0, 3);
    const auto larger = math::select(a > b, a, b);
    EXPECT_EQ(larger.v.lane(0), 3);
    EXPECT_EQ(larger.by<1>().lane(0), 5);
    for (int l = 1; l < S::lanes; ++l) {
        EXPECT_EQ(larger.v.lane(l), 2);
        EXPECT_EQ(larger.by<1>().lane(l), 0);
    }
}

// The logistic function by select: what is not chosen must not spoil the derivative.
TEST(Jet, SoftplusHasItsSlopeFarFromZero) {
    for (const double z : {-700.0, -40.0, 40.0, 700.0, 1e10}) {
        Jet<double, 1> x = z;
        x.d[0] = 1;
        const Real e = std::exp(-std::abs(static_cast<Real>(z)));
        const Real p = (z < 0 ? e : 1) / (1 + e);
        EXPECT_LE(std::abs(math::softplus(x).d[0] - p), 8 * epsilon<double> * p) << z;
    }
}

}  // namespace
}  // namespace cunewton::test
