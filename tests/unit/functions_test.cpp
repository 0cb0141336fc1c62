// Every function of scalar/functions.h against references of 30 digits: values on plain numbers and
// on the lanes of every instruction set, derivatives on Dual, HyperDual and Jet.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
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

// A function is compiled for every kind of number and set of lanes, 40 functions times 8 and more:
// that part calls it and does nothing else. What judges the results knows the number alone, and
// calls the functions through tables.
#define CUNEWTON_TEST_FUNCTION(name, count)     \
    struct Call_##name {                        \
        static constexpr int arguments = count; \
        template <class... X>                   \
        auto operator()(const X&... x) const {  \
            using namespace math;               \
            return name(x...);                  \
        }                                       \
    };
#define CUNEWTON_TEST_FUNCTION_OF_ONE(name, chain) CUNEWTON_TEST_FUNCTION(name, 1)
#define CUNEWTON_TEST_FUNCTION_OF_TWO(name) CUNEWTON_TEST_FUNCTION(name, 2)
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION_OF_ONE)
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION_OF_TWO)
#undef CUNEWTON_TEST_FUNCTION_OF_TWO
#undef CUNEWTON_TEST_FUNCTION_OF_ONE
#undef CUNEWTON_TEST_FUNCTION

// ---- Values.

struct Plain {};

/// y[i] = function(a[i]), or function(a[i], b[i]), in the lanes L.
template <class Function, class L, class T>
void evaluate(const T* a, const T* b, std::size_t count, T* y) {
    const auto call = [](const auto* first, const auto* second) {
        if constexpr (Function::arguments == 1)
            return Function()(*first);
        else
            return Function()(*first, *second);
    };
    if constexpr (std::is_same_v<L, Plain>) {
        for (std::size_t i = 0; i < count; ++i) y[i] = call(a + i, b + i);
    } else {
        using P = typename L::template Pack<T, 1>;
        cpu::run_in<L>([&]<class>() {
            for (std::size_t i = 0; i < count; i += P::lanes) {
                // The last numbers again, where the count is not a multiple of the lanes.
                const std::size_t at = std::min(i, count - P::lanes);
                P first = P::load(a + at), second = first;
                if constexpr (Function::arguments == 2) second = P::load(b + at);
                call(&first, &second).store(y + at);
            }
        });
    }
}

template <class T>
struct FunctionOfOne {
    const char* name;
    std::span<const references::Of1> table;
    void (*evaluate)(const T* a, const T* b, std::size_t count, T* y);
};
template <class T>
struct FunctionOfTwo {
    const char* name;
    std::span<const references::Of2> table;
    void (*evaluate)(const T* a, const T* b, std::size_t count, T* y);
};
#define CUNEWTON_TEST_FUNCTION(name, ...) {#name, references::name, evaluate<Call_##name, L, T>},
template <class L, class T>
constexpr FunctionOfOne<T> functions_of_one[] = {CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)};
template <class L, class T>
constexpr FunctionOfTwo<T> functions_of_two[] = {CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION)};
#undef CUNEWTON_TEST_FUNCTION

template <class T>
void expect_references(const FunctionOfOne<T>& function) {
    std::vector<T> x;
    std::vector<Real> exact;
    for (const references::Of1& r : function.table) {
        if (!holds<T>(r.x)) continue;
        x.push_back(static_cast<T>(r.x));
        exact.push_back(r.f);
    }
    std::vector<T> y(x.size());
    function.evaluate(x.data(), nullptr, x.size(), y.data());
    for (std::size_t i = 0; i < x.size(); ++i)
        EXPECT_LE(units_of_error(y[i], exact[i], judged_from_one(function.name)),
                  promised_units(function.name))
            << function.name << "(" << x[i] << ") = " << y[i];
}
template <class T>
void expect_references(const FunctionOfTwo<T>& function) {
    std::vector<T> a, b;
    std::vector<Real> exact;
    for (const references::Of2& r : function.table) {
        if (!holds<T>(r.a) || !holds<T>(r.b)) continue;
        a.push_back(static_cast<T>(r.a));
        b.push_back(static_cast<T>(r.b));
        exact.push_back(r.f);
    }
    std::vector<T> y(a.size());
    function.evaluate(a.data(), b.data(), a.size(), y.data());
    for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_LE(units_of_error(y[i], exact[i], false), promised_units(function.name))
            << function.name << "(" << a[i] << ", " << b[i] << ") = " << y[i];
}

/// The same numbers as the C++ library's: what is infinite, zero or not a number is so exactly.
/// Without `b` for a function of one.
template <class Function, class T>
void expect_plain(const Function& function, const Function& plain, const std::vector<T>& a,
                  const std::vector<T>& b = {}) {
    std::vector<T> y(a.size()), exact(a.size());
    function.evaluate(a.data(), b.data(), a.size(), y.data());
    plain.evaluate(a.data(), b.data(), a.size(), exact.data());
    for (std::size_t i = 0; i < a.size(); ++i) {
        const T wanted = exact[i];
        std::string what = function.name;
        what += "(" + std::to_string(a[i]);
        if (!b.empty()) what += ", " + std::to_string(b[i]);
        what += "): " + std::to_string(y[i]) + ", plain " + std::to_string(wanted);
        if (std::isnan(wanted)) {
            EXPECT_TRUE(std::isnan(y[i])) << what;
        } else if (std::isinf(wanted)) {
            EXPECT_EQ(y[i], wanted) << what;
        } else if (wanted == 0) {
            EXPECT_EQ(y[i], wanted) << what;
        } else {
            EXPECT_LE(units_of_error<T>(y[i], wanted, judged_from_one(function.name)), 10) << what;
        }
    }
}

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

    void SetUp() override {
        if (!supported<L>()) GTEST_SKIP() << "the processor does not have these instructions";
    }
    static constexpr std::span<const FunctionOfOne<Scalar>> of_one = functions_of_one<L, Scalar>,
                                                            plain_of_one =
                                                                functions_of_one<Plain, Scalar>;
    static constexpr std::span<const FunctionOfTwo<Scalar>> of_two = functions_of_two<L, Scalar>,
                                                            plain_of_two =
                                                                functions_of_two<Plain, Scalar>;
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
    for (const auto& function : TestFixture::of_one) expect_references(function);
    for (const auto& function : TestFixture::of_two) expect_references(function);
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
    for (std::size_t f = 0; f < TestFixture::of_one.size(); ++f)
        expect_plain(TestFixture::of_one[f], TestFixture::plain_of_one[f], ends);
    std::vector<T> a, b;
    for (const T x : {T(0), T(-0.0), T(1), T(-2), inf, -inf})
        for (const T y : {T(0), T(-0.0), T(1), T(-2), inf, -inf}) {
            a.push_back(x);
            b.push_back(y);
        }
    for (std::size_t f = 0; f < TestFixture::of_two.size(); ++f)
        expect_plain(TestFixture::of_two[f], TestFixture::plain_of_two[f], a, b);
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
void expect_near(const S& computed, Real exact, Real size, double scale, const std::string& what) {
    using T = real_t<S>;
    // What is too large or too small for the type is only asked not to be of ordinary size.
    if (std::abs(exact) > std::numeric_limits<T>::max() / 64) return;
    for (int l = 0; l < lanes_of<S>; ++l)
        EXPECT_LE(std::abs(lane_of(computed, l) - exact),
                  64 * scale * epsilon<T> * size + 64 * smallest<T>)
            << what << ", lane " << l << ": " << double(lane_of(computed, l)) << " against "
            << double(exact);
}

/// Not inlined: compiled once for each kind of arguments, however often it is called.
template <class Function, class... X>
__attribute__((noinline)) auto apply(const X&... x) {
    return Function()(x...);
}

// Directions of both signs, one of second order.
constexpr double d1 = 0.75, d2 = -1.25, d12 = 0.5;

/// A function of one in all kinds of numbers.
template <class S>
struct Expanded {
    S value;
    Dual<S> dual;
    HyperDual<S> hyper, pure;  ///< in the directions above; along x
    Jet<S, 5> jet;
};
template <class Function, class S>
void expand(real_t<S> at, Expanded<S>& y) {
    const S x(at);
    y.value = apply<Function>(x);
    y.dual = apply<Function>(Dual<S>(x, S(d1)));
    y.hyper = apply<Function>(HyperDual<S>(x, S(d1), S(d2), S(d12)));
    y.pure = apply<Function>(HyperDual<S>(x, S(1.0), S(1.0), S(0.0)));
    Jet<S, 5> jet(x);
    jet.d[0] = S(d1);
    jet.d[1] = S(d2);
    y.jet = apply<Function>(jet);
}

template <class S>
void expect_derivatives(const std::string& name, std::span<const references::Of1> table,
                        void (*expanded)(real_t<S>, Expanded<S>&)) {
    using T = real_t<S>;
    for (const references::Of1& r : table) {
        // Squares and cubes of such numbers leave the range.
        if (!holds<T>(r.x) || std::abs(r.x) > 1e30 || std::abs(r.x) < 1e-9) continue;
        const std::string what = name + " at " + std::to_string(r.x);
        const double scale = derivative_scale(name, r.x, static_cast<double>(r.f));
        Expanded<S> y;
        expanded(static_cast<T>(r.x), y);
        const auto check = [&](const S& computed, Real exact, const std::string& which) {
            const Real size = derivative_size(name, r.f1) + derivative_size(name, r.f2);
            // Each first derivative by itself; a second one mixes the two.
            const bool second = which == "HyperDual d12";
            expect_near(computed, exact, second ? size : derivative_size(name, r.f1), scale,
                        what + ", " + which);
        };
        check(y.dual.d, d1 * r.f1, "Dual");
        check(y.hyper.d1, d1 * r.f1, "HyperDual d1");
        check(y.hyper.d2, d2 * r.f1, "HyperDual d2");
        check(y.hyper.d12, r.f2 * d1 * d2 + r.f1 * d12, "HyperDual d12");
        expect_near(y.pure.d12, r.f2, derivative_size(name, r.f2), scale, what + ", second");
        check(y.jet.d[0], d1 * r.f1, "Jet");
        check(y.jet.d[1], d2 * r.f1, "Jet's second");
        // The value is that of the plain function, in all three.
        for (int l = 0; l < lanes_of<S>; ++l) {
            EXPECT_EQ(lane_of(y.dual.v, l), lane_of(y.value, l)) << what;
            EXPECT_EQ(lane_of(y.hyper.v, l), lane_of(y.value, l)) << what;
            EXPECT_EQ(lane_of(y.jet.v, l), lane_of(y.value, l)) << what;
        }
    }
}

/// One derivative of a function of two.
template <class S>
struct Derivative {
    const char* which;
    S computed;
    Real exact;
};
template <class Function, class S>
void expand(const references::Of2& r, std::vector<Derivative<S>>& found) {
    using T = real_t<S>;
    using D = Dual<S>;
    using H = HyperDual<S>;
    const S a(T(r.a)), b(T(r.b)), one(1.0), zero(0.0);
    const auto add = [&](const char* which, const S& computed, Real exact) {
        found.push_back({which, computed, exact});
    };
    const auto f = [](const auto& x, const auto& y) { return apply<Function>(x, y); };
    add(", Dual by a", f(D(a, one), D(b)).d, r.fa);
    add(", Dual by b", f(D(a), D(b, one)).d, r.fb);
    add(", Dual and its scalar", f(D(a, one), b).d, r.fa);
    add(", a scalar and its Dual", f(a, D(b, one)).d, r.fb);
    add(", Dual and a number", f(D(a, one), r.b).d, r.fa);
    add(", a number and a Dual", f(r.a, D(b, one)).d, r.fb);
    add(", by a twice", f(H(a, one, one, zero), H(b)).d12, r.faa);
    add(", by b twice", f(H(a), H(b, one, one, zero)).d12, r.fbb);
    add(", by both", f(H(a, one, zero, zero), H(b, zero, one, zero)).d12, r.fab);
    add(", d12 of a", f(H(a, zero, zero, one), H(b)).d12, r.fa);
    add(", d12 of b", f(H(a), H(b, zero, zero, one)).d12, r.fb);
    add(", by a twice, and a number", f(H(a, one, one, zero), r.b).d12, r.faa);
    add(", a number, by b twice", f(r.a, H(b, one, one, zero)).d12, r.fbb);
    Jet<S, 2> ja(a);
    Jet<S, 1> jb(b);
    ja.d[0] = jb.d[0] = one;
    const Jet<S, 3> y = f(ja, jb);
    add(", Jet by b", y.d[0], r.fb);
    add(", Jet by a", y.d[1], r.fa);
    add(", Jet and its scalar", f(ja, b).d[0], r.fa);
    add(", a number and a Jet", f(r.a, jb).d[0], r.fb);
}

template <class S>
void expect_derivatives(const std::string& name, std::span<const references::Of2> table,
                        void (*expanded)(const references::Of2&, std::vector<Derivative<S>>&)) {
    for (const references::Of2& r : table) {
        if (!holds<real_t<S>>(r.a) || !holds<real_t<S>>(r.b)) continue;
        const std::string what = name + " at " + std::to_string(r.a) + ", " + std::to_string(r.b);
        const double scale = derivative_scale(name, r.a, static_cast<double>(r.f));
        std::vector<Derivative<S>> found;
        expanded(r, found);
        for (const Derivative<S>& d : found)
            expect_near(d.computed, d.exact, derivative_size(name, d.exact), scale, what + d.which);
    }
}

template <class S>
class FunctionDerivativesTest : public ::testing::Test {};

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
    using S = TypeParam;
#define CUNEWTON_TEST_FUNCTION(name, ...) \
    expect_derivatives<S>(#name, references::name, expand<Call_##name, S>);
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
    CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
}

}  // namespace
}  // namespace cunewton::test
