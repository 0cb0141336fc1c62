#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/vector_view.h"
#include "tests/unconstrained/cases.h"
#include "tests/unconstrained/functors.h"

namespace cunewton::test {
namespace {

/// Calls visit(const UnconstrainedCase&, functor) for each case. The functor's type differs from
/// one problem to the next, so `visit` takes it as auto.
template <class Visitor>
void for_each_unconstrained(const Visitor& visit) {
#define CUNEWTON_TEST_VISIT(Functor)                                          \
    for (const UnconstrainedCase& problem : unconstrained_cases(Functor::id)) \
        visit(problem, Functor{});
    CUNEWTON_TEST_UNCONSTRAINED(CUNEWTON_TEST_VISIT)
#undef CUNEWTON_TEST_VISIT
}

std::vector<long double> widened(const std::vector<double>& x) {
    return {x.begin(), x.end()};
}

template <class Functor>
long double evaluate(const Functor& functor, const std::vector<double>& x) {
    const std::vector<long double> wide = widened(x);
    return functor(VectorView<long double>(wide));
}

#define CUNEWTON_TEST_TRIVIAL(Functor)                    \
    static_assert(std::is_trivially_copyable_v<Functor>); \
    static_assert(std::is_same_v<float, decltype(Functor{}(VectorView<float>(nullptr, 0)))>);
CUNEWTON_TEST_UNCONSTRAINED(CUNEWTON_TEST_TRIVIAL)
#undef CUNEWTON_TEST_TRIVIAL

// f_x0 carries 17 to 20 digits and is stored in double: error 1.1e-16. x0 and the data, rounded to
// double as well, move f by at most about 1e-13 of itself (MGH28 with n = 100, where residuals are
// second differences 1e4 times smaller than x).
constexpr long double value_tolerance = 1.0e-12L;

TEST(Unconstrained, ValueAtStartIsTheKnownOne) {
    for_each_unconstrained([](const UnconstrainedCase& problem, const auto& functor) {
        SCOPED_TRACE(problem.label());
        ASSERT_EQ(problem.x0.size(), static_cast<std::size_t>(problem.n));
        const long double f = evaluate(functor, problem.x0);
        const long double known = problem.f_x0;
        EXPECT_LE(std::fabs(f - known), value_tolerance * std::fabs(known)) << double(f);
    });
}

// f_min carries 18 to 20 digits. A minimiser rounded to double is off by 1.1e-16 |x_j|, which costs
// half the curvature times the square: below 1e-25 for all of these. Data rounded to double do as
// little where f_min = 0 and stay within value_tolerance where it is not.
TEST(Unconstrained, ValueAtMinimisersIsTheKnownOne) {
    for_each_unconstrained([](const UnconstrainedCase& problem, const auto& functor) {
        SCOPED_TRACE(problem.label());
        for (const std::vector<double>& x : problem.minimisers) {
            ASSERT_EQ(x.size(), static_cast<std::size_t>(problem.n));
            const long double f = evaluate(functor, x);
            const long double known = problem.f_min;
            EXPECT_LE(std::fabs(f - known), value_tolerance * std::fabs(known) + 1.0e-25L)
                << double(f);
            EXPECT_TRUE(accepts(problem, static_cast<double>(f)));
            const double in_double = functor(VectorView<double>(x));
            EXPECT_TRUE(accepts(problem, in_double)) << in_double;
        }
    });
}

TEST(Unconstrained, TrigonometricLocalMinimum) {
    const std::vector<double> x = {0.055150903980691292949, 0.056840616794738563055,
                                   0.058764001762695083579, 0.060990608656760804834,
                                   0.063626213695854510229, 0.066843179452758789321,
                                   0.20816151856988116288,  0.16436309588564773769,
                                   0.085006895688507444846, 0.091431450714707944319};
    const UnconstrainedCase problem = unconstrained_cases("MGH26").front();
    const long double known = problem.other_minima_f.front();
    const long double f = evaluate(Trigonometric{}, x);
    EXPECT_LE(std::fabs(f - known), value_tolerance * known);
    EXPECT_TRUE(accepts(problem, static_cast<double>(f)));
}

TEST(Unconstrained, CasesAreDistinctAndStartUnsolved) {
    std::set<std::string> labels;
    for_each_unconstrained([&](const UnconstrainedCase& problem, const auto&) {
        SCOPED_TRACE(problem.label());
        EXPECT_TRUE(labels.insert(problem.label()).second);
        EXPECT_FALSE(accepts(problem, problem.f_x0));
        EXPECT_FALSE(accepts(problem, std::nan("")));
        EXPECT_FALSE(accepts(problem, -INFINITY));
        EXPECT_FALSE(accepts(problem, problem.f_min - 1.0));
        EXPECT_TRUE(accepts(problem, problem.f_min));
        for (const double f : problem.other_minima_f) EXPECT_TRUE(accepts(problem, f));
    });
    EXPECT_EQ(labels.size(), 53u);
    EXPECT_THROW(unconstrained_cases("MGH02"), std::invalid_argument);
}

TEST(Unconstrained, AcceptRules) {
    const auto first = [](const char* id) { return unconstrained_cases(id).front(); };
    EXPECT_TRUE(accepts(first("MGH01"), 0.9e-12));
    EXPECT_FALSE(accepts(first("MGH01"), 1.1e-12));
    // Value above 1e-3 but below 1: absolute 1e-8.
    EXPECT_TRUE(accepts(first("MGH08"), first("MGH08").f_min + 0.9e-8));
    EXPECT_FALSE(accepts(first("MGH08"), first("MGH08").f_min + 1.1e-8));
    // Above 1: relative 1e-8.
    EXPECT_TRUE(accepts(first("MGH10"), first("MGH10").f_min * (1.0 + 0.9e-8)));
    EXPECT_FALSE(accepts(first("MGH10"), first("MGH10").f_min * (1.0 + 1.1e-8)));
    EXPECT_FALSE(accepts(first("MGH10"), 4408.8));
    // Tiny: relative 1e-6.
    EXPECT_TRUE(accepts(first("MGH09"), first("MGH09").f_min * (1.0 + 0.9e-6)));
    EXPECT_FALSE(accepts(first("MGH09"), first("MGH09").f_min * (1.0 + 1.1e-6)));
    EXPECT_FALSE(accepts(first("MGH15"), 1.02734e-3));
    // Rules of their own.
    EXPECT_FALSE(accepts(first("MGH12"), 1.0e-16));
    EXPECT_TRUE(accepts(first("MGH12"), 0.9e-16));
    EXPECT_FALSE(accepts(first("MGH13"), 1.0e-12));
    EXPECT_TRUE(accepts(first("MGH22"), 0.9e-10));
    EXPECT_FALSE(accepts(first("MGH22"), 1.0e-10));
    EXPECT_TRUE(accepts(first("MGH26"), 1.0e-5));
    EXPECT_FALSE(accepts(first("MGH26"), 2.9e-5));
    EXPECT_TRUE(accepts(first("L02"), -1.05e-12));
    EXPECT_FALSE(accepts(first("L02"), -1.2e-12));
    EXPECT_TRUE(accepts(first("L01"), 3.9866238543));
    EXPECT_FALSE(accepts(first("L10"), 0.0));
    EXPECT_FALSE(accepts(first("L11"), -24.0751299326));
    EXPECT_TRUE(accepts(unconstrained_cases("L11").back(), -24.0751299326));
}

// Starts and minimisers with equal entries hide a wrong index. These are the formulas of the
// header's comments in exact rational arithmetic, written out apart from the functors, to 21
// digits, at a point of multiples of 1/8 without symmetry.
TEST(Unconstrained, ValueWhereNoTwoNeighboursAreEqual) {
    std::vector<double> x;
    for (int j = 1; j <= 12; ++j) x.push_back((7 * j) % 11 / 8.0 - 0.5);
    const auto check = [&](const auto& functor, long double expected) {
        SCOPED_TRACE(functor.id);
        const long double f = evaluate(functor, x);
        EXPECT_LE(std::fabs(f - expected), value_tolerance * std::fabs(expected)) << double(f);
    };
    check(ExtendedRosenbrock{}, 76.814453125L);
    check(ExtendedPowellSingular{}, 51.34375L);
    check(Penalty1{}, 3.172956875L);
    check(VariablyDimensioned{}, 25060672.03515625L);
    check(BrownAlmostLinear{}, 1364.140625L);
    check(DiscreteBoundaryValue{}, 15.8391468669918879289L);
    check(DiscreteIntegralEquation{}, 3.53426485850205712460L);
    check(BroydenTridiagonal{}, 38.201171875L);
    check(BroydenBanded{}, 54.96327972412109375L);
    check(LinearFullRank{}, 25.53125L);
    check(LinearRank1{}, 147829.375L);
    check(LinearRank1ZeroEdges{}, 11103.828125L);
    check(ChainedRosenbrock{}, 190.3408203125L);
    check(Arwhead{}, 28.89111328125L);
    check(Bdqrtic{}, 108.43505859375L);
    check(Edensch{}, 212.990234375L);
    check(Liarwhd{}, 13.833984375L);
    check(DixmaanB{}, 3.04516053199768066406L);
    check(ExtendedWood{}, 166.47138671875L);
    check(Tquartic{}, 0.71826171875L);
    check(CoupledDoubleWells{}, 1.5560302734375L);
}

}  // namespace
}  // namespace cunewton::test
