// Every function of scalar/functions.h against references of 30 digits: values on plain numbers and
// on the lanes of every instruction set, derivatives on Dual, HyperDual and Jet.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/jet.h"
#include "tests/support/function_references.h"
#include "tests/support/lane_values.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using Real = long double;

/// What the headers promise for values on lanes, in units in the last place.
double promised_units(const std::string& name) {
    static const std::map<std::string, double> units{
        {"abs", 0},    {"acos", 4},  {"asin", 4},  {"atan", 2},  {"atan2", 4}, {"cbrt", 2},
        {"ceil", 0},   {"cos", 2},   {"cosh", 4},  {"erf", 3},   {"erfc", 6},  {"erfinv", 8},
        {"exp", 2},    {"exp2", 2},  {"expm1", 2}, {"floor", 0}, {"hypot", 2}, {"log", 2},
        {"log10", 4},  {"log1p", 2}, {"log2", 4},  {"round", 0}, {"sin", 2},   {"sinh", 4},
        {"sqrt", 0.5}, {"tan", 4},   {"tanh", 3},  {"trunc", 0}, {"xlogy", 3}};
    // pow: 2, and one for every 12 of |b log a|, here at most 63. The C library's lgamma and
    // digamma are judged by the larger of the result and 1.
    return units.contains(name) ? units.at(name) : 8;
}

template <class T>
constexpr Real smallest = std::numeric_limits<T>::min();

template <class T>
bool holds(double x) {
    return static_cast<double>(static_cast<T>(x)) == x;
}

/// The error in units in the last place. Where exp(-707) (float: exp(-86.5)) is, lanes become zero.
template <class T>
double units_of_error(T computed, Real exact, bool from_one) {
    const T nearest = static_cast<T>(exact);
    if (std::isinf(nearest)) return computed == nearest ? 0 : INFINITY;
    if (std::abs(exact) < 16 * smallest<T>)
        return std::abs(computed - exact) < 16 * smallest<T> ? 0 : INFINITY;
    Real size = std::abs(exact);
    if (from_one) size = std::max(size, Real(1));
    const Real unit = std::exp2(static_cast<Real>(std::ilogb(size))) * epsilon<T>;
    return static_cast<double>(std::abs(computed - exact) / unit);
}
bool judged_from_one(const std::string& name) {
    return name == "lgamma" || name == "digamma";
}

// One type a function, so that each is compiled once.
#define CUNEWTON_TEST_FUNCTION(name, ...)      \
    struct Call_##name {                       \
        template <class... X>                  \
        auto operator()(const X&... x) const { \
            using namespace math;              \
            return name(x...);                 \
        }                                      \
    };
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION

// ---- Values.

struct Plain {};

template <class L, class T>
struct Family {
    using Lanes = L;
    using Scalar = T;
};

template <class F>
class FunctionValuesTest : public ::testing::Test {
  protected:
    using L = typename F::Lanes;
    using Scalar = typename F::Scalar;
    static constexpr bool plain = std::is_same_v<L, Plain>;

    void SetUp() override {
        if (!supported<L>()) GTEST_SKIP() << "the processor does not have these instructions";
    }

    /// function(x), or function(x, y), of each number.
    template <class Function, class... X>
    static std::vector<Scalar> apply(const Function& function, const std::vector<Scalar>& x,
                                     const X&... other) {
        std::vector<Scalar> y(x.size());
        if constexpr (plain) {
            for (std::size_t i = 0; i < x.size(); ++i) y[i] = function(x[i], other[i]...);
        } else {
            using P = typename L::template Pack<Scalar, 1>;
            cpu::run_in<L>([&]<class>() {
                for (std::size_t i = 0; i < x.size(); i += P::lanes) {
                    // The last numbers again, where the count is not a multiple of the lanes.
                    const std::size_t at = std::min(i, x.size() - P::lanes);
                    function(P::load(&x[at]), P::load(&other[at])...).store(&y[at]);
                }
            });
        }
        return y;
    }

    template <class Function, std::size_t count>
    static void expect_references(const std::string& name, const Function& function,
                                  const references::Of1 (&table)[count]) {
        std::vector<Scalar> x;
        std::vector<Real> exact;
        for (const references::Of1& r : table) {
            if (!holds<Scalar>(r.x)) continue;
            x.push_back(static_cast<Scalar>(r.x));
            exact.push_back(r.f);
        }
        const std::vector<Scalar> y = apply(function, x);
        for (std::size_t i = 0; i < x.size(); ++i)
            EXPECT_LE(units_of_error(y[i], exact[i], judged_from_one(name)), promised_units(name))
                << name << "(" << x[i] << ") = " << y[i];
    }
    template <class Function, std::size_t count>
    static void expect_references(const std::string& name, const Function& function,
                                  const references::Of2 (&table)[count]) {
        std::vector<Scalar> a, b;
        std::vector<Real> exact;
        for (const references::Of2& r : table) {
            if (!holds<Scalar>(r.a) || !holds<Scalar>(r.b)) continue;
            a.push_back(static_cast<Scalar>(r.a));
            b.push_back(static_cast<Scalar>(r.b));
            exact.push_back(r.f);
        }
        const std::vector<Scalar> y = apply(function, a, b);
        for (std::size_t i = 0; i < a.size(); ++i)
            EXPECT_LE(units_of_error(y[i], exact[i], false), promised_units(name))
                << name << "(" << a[i] << ", " << b[i] << ") = " << y[i];
    }

    /// The same numbers as the C++ library's: what is infinite, zero or not a number is so exactly.
    template <class Function, class... X>
    static void expect_plain(const std::string& name, const Function& function,
                             const std::vector<Scalar>& x, const X&... other) {
        const std::vector<Scalar> y = apply(function, x, other...);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const Scalar wanted = function(x[i], other[i]...);
            std::string what = name + "(" + std::to_string(x[i]);
            ((what += ", " + std::to_string(other[i])), ...);
            what += "): " + std::to_string(y[i]) + ", plain " + std::to_string(wanted);
            if (std::isnan(wanted)) {
                EXPECT_TRUE(std::isnan(y[i])) << what;
            } else if (std::isinf(wanted)) {
                EXPECT_EQ(y[i], wanted) << what;
            } else if (wanted == 0) {
                EXPECT_EQ(y[i], wanted) << what;
            } else {
                EXPECT_LE(units_of_error<Scalar>(y[i], wanted, judged_from_one(name)), 10) << what;
            }
        }
    }
};

using Families = ::testing::Types<Family<Plain, double>, Family<Plain, float>,
#if CUNEWTON_CHOOSES_LANES
                                  Family<cpu::Avx2Lanes, double>, Family<cpu::Avx2Lanes, float>,
                                  Family<cpu::Avx512Lanes, double>, Family<cpu::Avx512Lanes, float>,
#endif
                                  Family<cpu::BaseLanes, double>, Family<cpu::BaseLanes, float>>;
struct FamilyName {
    template <class F>
    static std::string GetName(int) {
        std::string name = std::is_same_v<typename F::Lanes, Plain> ? "Plain" : "Base";
#if CUNEWTON_CHOOSES_LANES
        if (std::is_same_v<typename F::Lanes, cpu::Avx2Lanes>) name = "Avx2";
        if (std::is_same_v<typename F::Lanes, cpu::Avx512Lanes>) name = "Avx512";
#endif
        return name + (sizeof(typename F::Scalar) == 8 ? "Double" : "Float");
    }
};
TYPED_TEST_SUITE(FunctionValuesTest, Families, FamilyName);

TYPED_TEST(FunctionValuesTest, AreThoseOfTheReferences) {
#define CUNEWTON_TEST_FUNCTION(name, ...) \
    TestFixture::expect_references(#name, Call_##name(), references::name);
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
    CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
}

TYPED_TEST(FunctionValuesTest, AtTheEndsOfTheirDomainsAreThoseOfPlainNumbers) {
    using T = typename TestFixture::Scalar;
    constexpr T inf = std::numeric_limits<T>::infinity(), most = std::numeric_limits<T>::max(),
                least = std::numeric_limits<T>::denorm_min(),
                none = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> ends;
    for (const T x :
         {T(0), least, std::numeric_limits<T>::min(), T(0.5), T(1), T(2), T(3), most, inf, none})
        for (const T sign : {T(1), T(-1)}) ends.push_back(sign * x);
#define CUNEWTON_TEST_FUNCTION(name, ...) TestFixture::expect_plain(#name, Call_##name(), ends);
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
    std::vector<T> a, b;
    for (const T x : {T(0), T(-0.0), T(1), T(-2), inf, -inf})
        for (const T y : {T(0), T(-0.0), T(1), T(-2), inf, -inf}) {
            a.push_back(x);
            b.push_back(y);
        }
#define CUNEWTON_TEST_FUNCTION(name) TestFixture::expect_plain(#name, Call_##name(), a, b);
    CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
}

// ---- Derivatives.

/// A derivative's error in epsilon, of which 64 are allowed, is relative to its size or, where the
/// formula subtracts from a constant, to 1. The derivatives of the error functions are exp of a
/// large number, and those of digamma are sums.
double derivative_scale(const std::string& name, double x, double f) {
    if (name == "erf" || name == "erfc") return 1 + x * x;
    if (name == "erfinv") return 8 + 8 * f * f;
    if (name == "pow") return 8;
    return 1;
}
Real derivative_size(const std::string& name, Real exact) {
    const bool from_one = name == "tanh" || name == "expm1" || name == "digamma" ||
                          name == "lgamma" || name == "atan2" || name == "pow" || name == "xlogy";
    return from_one ? std::max(Real(1), std::abs(exact)) : std::abs(exact);
}

template <class S>
class FunctionDerivativesTest : public ::testing::Test {
  protected:
    using T = real_t<S>;
    static void expect_near(const S& computed, Real exact, Real size, double scale,
                            const std::string& what) {
        // What is too large or too small for the type is only asked not to be of ordinary size.
        if (std::abs(exact) > std::numeric_limits<T>::max() / 64) return;
        for (int l = 0; l < lanes_of<S>; ++l)
            EXPECT_LE(std::abs(lane_of(computed, l) - exact),
                      64 * scale * epsilon<T> * size + 64 * smallest<T>)
                << what << ", lane " << l << ": " << double(lane_of(computed, l)) << " against "
                << double(exact);
    }

    template <class Function, std::size_t count>
    static void expect_references(const std::string& name, const Function& function,
                                  const references::Of1 (&table)[count]) {
        // Directions of both signs, one of second order.
        const T d1 = T(0.75), d2 = T(-1.25), d12 = T(0.5);
        for (const references::Of1& r : table) {
            // Squares and cubes of such numbers leave the range.
            if (!holds<T>(r.x) || std::abs(r.x) > 1e30 || std::abs(r.x) < 1e-9) continue;
            const std::string what = name + " at " + std::to_string(r.x);
            const double scale = derivative_scale(name, r.x, static_cast<double>(r.f));
            const auto check = [&](const S& computed, Real exact, const std::string& which) {
                const Real size = derivative_size(name, r.f1) + derivative_size(name, r.f2);
                // Each first derivative by itself; a second one mixes the two.
                const bool second = which == "HyperDual d12";
                expect_near(computed, exact, second ? size : derivative_size(name, r.f1), scale,
                            what + ", " + which);
            };
            const Dual<S> dual = function(Dual<S>(S(T(r.x)), S(d1)));
            check(dual.d, d1 * r.f1, "Dual");
            const HyperDual<S> hyper = function(HyperDual<S>(S(T(r.x)), S(d1), S(d2), S(d12)));
            check(hyper.d1, d1 * r.f1, "HyperDual d1");
            check(hyper.d2, d2 * r.f1, "HyperDual d2");
            check(hyper.d12, r.f2 * d1 * d2 + r.f1 * d12, "HyperDual d12");
            const HyperDual<S> pure = function(HyperDual<S>(S(T(r.x)), S(1.0), S(1.0), S(0.0)));
            expect_near(pure.d12, r.f2, derivative_size(name, r.f2), scale, what + ", second");
            Jet<S, 5> jet(S(T(r.x)));
            jet.d[0] = S(d1);
            jet.d[1] = S(d2);
            const Jet<S, 5> y = function(jet);
            check(y.d[0], d1 * r.f1, "Jet");
            check(y.d[1], d2 * r.f1, "Jet's second");
            // The value is that of the plain function, in all three.
            const S value = function(S(T(r.x)));
            for (int l = 0; l < lanes_of<S>; ++l) {
                EXPECT_EQ(lane_of(dual.v, l), lane_of(value, l)) << what;
                EXPECT_EQ(lane_of(hyper.v, l), lane_of(value, l)) << what;
                EXPECT_EQ(lane_of(y.v, l), lane_of(value, l)) << what;
            }
        }
    }

    template <class Function, std::size_t count>
    static void expect_references(const std::string& name, const Function& function,
                                  const references::Of2 (&table)[count]) {
        for (const references::Of2& r : table) {
            if (!holds<T>(r.a) || !holds<T>(r.b)) continue;
            const std::string what =
                name + " at " + std::to_string(r.a) + ", " + std::to_string(r.b);
            const double scale = derivative_scale(name, r.a, static_cast<double>(r.f));
            const S a(T(r.a)), b(T(r.b)), one(1.0), zero(0.0);
            const auto check = [&](const S& computed, Real exact, const std::string& which) {
                expect_near(computed, exact, derivative_size(name, exact), scale, what + which);
            };
            using D = Dual<S>;
            using H = HyperDual<S>;
            check(function(D(a, one), D(b)).d, r.fa, ", Dual by a");
            check(function(D(a), D(b, one)).d, r.fb, ", Dual by b");
            check(function(D(a, one), b).d, r.fa, ", Dual and its scalar");
            check(function(a, D(b, one)).d, r.fb, ", a scalar and its Dual");
            check(function(D(a, one), r.b).d, r.fa, ", Dual and a number");
            check(function(r.a, D(b, one)).d, r.fb, ", a number and a Dual");
            check(function(H(a, one, one, zero), H(b)).d12, r.faa, ", by a twice");
            check(function(H(a), H(b, one, one, zero)).d12, r.fbb, ", by b twice");
            check(function(H(a, one, zero, zero), H(b, zero, one, zero)).d12, r.fab, ", by both");
            check(function(H(a, zero, zero, one), H(b)).d12, r.fa, ", d12 of a");
            check(function(H(a), H(b, zero, zero, one)).d12, r.fb, ", d12 of b");
            check(function(H(a, one, one, zero), r.b).d12, r.faa, ", by a twice, and a number");
            check(function(r.a, H(b, one, one, zero)).d12, r.fbb, ", a number, by b twice");
            Jet<S, 2> ja(a);
            Jet<S, 1> jb(b);
            ja.d[0] = jb.d[0] = one;
            const Jet<S, 3> y = function(ja, jb);
            check(y.d[0], r.fb, ", Jet by b");
            check(y.d[1], r.fa, ", Jet by a");
            check(function(ja, b).d[0], r.fa, ", Jet and its scalar");
            check(function(r.a, jb).d[0], r.fb, ", a number and a Jet");
        }
    }
};

// tests/unit/function_edges_test.cpp has the other scalars.
using Scalars = ::testing::Types<double, lanes::base::Pack<float, 1>>;
struct ScalarName {
    template <class S>
    static std::string GetName(int) {
        return lanes_of<S> > 1 ? "PackFloat" : "Double";
    }
};
TYPED_TEST_SUITE(FunctionDerivativesTest, Scalars, ScalarName);

TYPED_TEST(FunctionDerivativesTest, AreThoseOfTheReferences) {
#define CUNEWTON_TEST_FUNCTION(name, ...) \
    TestFixture::expect_references(#name, Call_##name(), references::name);
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
    CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
}

}  // namespace
}  // namespace cunewton::test
