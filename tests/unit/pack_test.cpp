#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "tests/support/datasets.h"
#include "tests/support/lane_values.h"

namespace cunewton::test {
namespace {

template <class L, class S, int V>
struct Family {
    using Lanes = L;
    using Scalar = S;
    static constexpr int vectors = V;
};

template <class F>
class PackTest : public ::testing::Test {
  protected:
    using Scalar = typename F::Scalar;
    using Lanes = typename F::Lanes;
    using Pack = typename Lanes::template Pack<Scalar, F::vectors>;
    static constexpr int width = Pack::lanes;

    void SetUp() override {
        if (!supported<Lanes>()) GTEST_SKIP() << "the processor does not have these instructions";
    }

    /// y[i] = function(x[i]), whole packs at a time.
    template <class Function>
    static std::vector<Scalar> apply(std::vector<Scalar> x, const Function& function) {
        const std::size_t count = x.size();
        x.resize((count + width - 1) / width * width, Scalar(1));
        std::vector<Scalar> y(x.size());
        cpu::run_in<Lanes>([&]<class>() {
            for (std::size_t i = 0; i < x.size(); i += width)
                function(Pack::load(x.data() + i)).store(y.data() + i);
        });
        y.resize(count);
        return y;
    }

    static std::vector<Scalar> numbers(std::uint64_t seed) {
        Random random(seed);
        std::vector<Scalar> x(width);
        for (Scalar& value : x) value = static_cast<Scalar>(4 * random.uniform() - 2);
        return x;
    }

    /// Distance in units in the last place of the exact result; 0 where neither is a finite number
    /// and both are the same.
    static double ulps(Scalar computed, long double exact) {
        const Scalar nearest = static_cast<Scalar>(exact);
        if (std::isnan(nearest)) return std::isnan(computed) ? 0 : INFINITY;
        if (std::isinf(nearest)) return computed == nearest ? 0 : INFINITY;
        const Scalar above =
            std::nextafter(std::abs(nearest), std::numeric_limits<Scalar>::infinity());
        const long double unit = static_cast<long double>(above) - std::abs(nearest);
        return static_cast<double>(std::abs(computed - exact) / unit);
    }

    template <class Function, class Exact>
    static void expect_within_two_ulps(const std::vector<Scalar>& x, const Function& function,
                                       const Exact& exact) {
        expect_within(2.0, x, function, exact);
    }
    template <class Function, class Exact>
    static void expect_within(double units, const std::vector<Scalar>& x, const Function& function,
                              const Exact& exact) {
        const std::vector<Scalar> y = apply(x, function);
        double worst = 0;
        std::size_t at = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double error = ulps(y[i], exact(static_cast<long double>(x[i])));
            if (error > worst || std::isnan(error)) {
                worst = error;
                at = i;
            }
        }
        EXPECT_LE(worst, units) << "at x[" << at << "] = " << x[at] << ": " << y[at];
    }

    static std::vector<Scalar> uniform(std::uint64_t seed, int count, double low, double high) {
        Random random(seed);
        std::vector<Scalar> x(count);
        for (Scalar& value : x) value = static_cast<Scalar>(low + (high - low) * random.uniform());
        return x;
    }
    /// Numbers of both signs from the smallest to 2^high.
    static std::vector<Scalar> all_sizes(std::uint64_t seed, int count, double high) {
        Random random(seed);
        const double low = std::numeric_limits<Scalar>::min_exponent;
        std::vector<Scalar> x(count);
        for (int i = 0; i < count; ++i) {
            const double size = std::exp2(low + (high - low) * random.uniform());
            x[i] = static_cast<Scalar>(i % 2 == 0 ? size : -size);
        }
        return x;
    }

    /// Positive numbers of every exponent, subnormal ones too.
    static std::vector<Scalar> all_exponents(std::uint64_t seed, int count) {
        using Bits = std::conditional_t<sizeof(Scalar) == 8, std::uint64_t, std::uint32_t>;
        const Bits infinity = std::bit_cast<Bits>(std::numeric_limits<Scalar>::infinity());
        Random random(seed);
        std::vector<Scalar> x;
        for (int i = 0; i < count; ++i)
            x.push_back(std::bit_cast<Scalar>(static_cast<Bits>(random.bits() % infinity)));
        return x;
    }
};

using Families = ::testing::Types<
#if CUNEWTON_CHOOSES_LANES
    Family<cpu::Avx2Lanes, double, 1>, Family<cpu::Avx2Lanes, float, 2>,
    Family<cpu::Avx2Lanes, double, 3>, Family<cpu::Avx512Lanes, double, 1>,
    Family<cpu::Avx512Lanes, double, 2>, Family<cpu::Avx512Lanes, float, 1>,
    Family<cpu::Avx512Lanes, float, 4>,
#endif
    Family<cpu::BaseLanes, double, 1>, Family<cpu::BaseLanes, float, 3>>;

struct FamilyName {
    template <class F>
    static std::string GetName(int) {
        std::string name = "Base";
#if CUNEWTON_CHOOSES_LANES
        if (std::is_same_v<typename F::Lanes, cpu::Avx2Lanes>) name = "Avx2";
        if (std::is_same_v<typename F::Lanes, cpu::Avx512Lanes>) name = "Avx512";
#endif
        return name + (std::is_same_v<typename F::Scalar, double> ? "Double" : "Float") +
               std::to_string(F::vectors);
    }
};
TYPED_TEST_SUITE(PackTest, Families, FamilyName);

constexpr int many = 200'000;

TYPED_TEST(PackTest, WidthIsThatOfTheInstructionSet) {
    using T = typename TestFixture::Scalar;
    int bytes = 16;
#if CUNEWTON_CHOOSES_LANES
    if (std::is_same_v<typename TestFixture::Lanes, cpu::Avx2Lanes>) bytes = 32;
    if (std::is_same_v<typename TestFixture::Lanes, cpu::Avx512Lanes>) bytes = 64;
#endif
    EXPECT_EQ(TestFixture::width, TypeParam::vectors * bytes / static_cast<int>(sizeof(T)));
    EXPECT_EQ(sizeof(typename TestFixture::Pack),
              TypeParam::vectors * static_cast<std::size_t>(bytes));
    static_assert(std::is_same_v<real_t<typename TestFixture::Pack>, T>);
}

TYPED_TEST(PackTest, LoadsAndStoresUnalignedMemoryAndNothingBeside) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr int lanes = TestFixture::width;
    std::vector<T> from(lanes + 2), to(lanes + 2, T(-1));
    for (int i = 0; i < lanes + 2; ++i) from[i] = static_cast<T>(i);
    cpu::run_in<typename TestFixture::Lanes>([&]<class>() {
        P p = P::load(from.data() + 1);
        p.set_lane(lanes - 1, T(77));
        p.store(to.data() + 1);
    });
    EXPECT_EQ(to[0], T(-1));
    EXPECT_EQ(to[lanes + 1], T(-1));
    for (int i = 0; i < lanes - 1; ++i) EXPECT_EQ(to[i + 1], T(i + 1));
    EXPECT_EQ(to[lanes], T(77));
}

TYPED_TEST(PackTest, ArithmeticIsThatOfItsScalar) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr int lanes = TestFixture::width;
    const std::vector<T> a = TestFixture::numbers(1), b = TestFixture::numbers(2);
    std::vector<T> y(7 * lanes);
    cpu::run_in<typename TestFixture::Lanes>([&]<class>() {
        const P pa = P::load(a.data()), pb = P::load(b.data());
        T* out = y.data();
        for (const P& result : {pa + pb, pa - pb, pa * pb, pa / pb, -pa, abs(pa), P(1.5)}) {
            result.store(out);
            out += lanes;
        }
    });
    for (int i = 0; i < lanes; ++i) {
        EXPECT_EQ(y[i], a[i] + b[i]);
        EXPECT_EQ(y[lanes + i], a[i] - b[i]);
        EXPECT_EQ(y[2 * lanes + i], a[i] * b[i]);
        EXPECT_EQ(y[3 * lanes + i], a[i] / b[i]);
        EXPECT_EQ(y[4 * lanes + i], -a[i]);
        EXPECT_EQ(y[5 * lanes + i], std::abs(a[i]));
        EXPECT_EQ(y[6 * lanes + i], T(1.5));
    }
    cpu::run_in<typename TestFixture::Lanes>([&]<class>() {
        P p = P::load(a.data());
        p += P::load(b.data());
        p *= P(3.0);
        p -= P(0.25f);
        p /= P(2.0);
        p.store(y.data());
    });
    for (int i = 0; i < lanes; ++i) {
        // A multiplication and a subtraction may be fused.
        const long double exact = ((static_cast<long double>(a[i] + b[i])) * 3 - 0.25L) / 2;
        EXPECT_LE(std::abs(y[i] - exact), 8 * std::numeric_limits<T>::epsilon());
    }
}

TYPED_TEST(PackTest, ComparisonsSelectLaneByLane) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr int lanes = TestFixture::width;
    std::vector<T> a = TestFixture::numbers(3), b = TestFixture::numbers(4);
    b[0] = a[0];
    a[1] = std::numeric_limits<T>::quiet_NaN();
    std::vector<T> y(8 * lanes);
    cpu::run_in<typename TestFixture::Lanes>([&]<class>() {
        const P pa = P::load(a.data()), pb = P::load(b.data()), one(1.0), zero(0.0);
        T* out = y.data();
        const auto put = [&](const auto& mask) {
            select(mask, one, zero).store(out);
            out += lanes;
        };
        put(pa < pb);
        put(pa > pb);
        put(pa <= pb);
        put(pa >= pb);
        put(pa == pb);
        put(pa < pb && pa > P(0.0));
        put(pa < pb || pa > P(0.0));
        put(!(pa < pb));
    });
    for (int i = 0; i < lanes; ++i) {
        const bool expected[] = {a[i]<b[i], a[i]> b[i],
                                 a[i] <= b[i],
                                 a[i] >= b[i],
                                 a[i] == b[i],
                                 a[i] < b[i] && a[i] > T(0),
                                 a[i] < b[i] || a[i] > T(0),
                                 !(a[i] < b[i])};
        for (int c = 0; c < 8; ++c)
            EXPECT_EQ(y[c * lanes + i], T(expected[c])) << c << ", lane " << i;
    }
}

TYPED_TEST(PackTest, SelectKeepsANotANumberOutOfTheOtherLanes) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    std::vector<T> x = TestFixture::numbers(5);
    for (std::size_t i = 0; i < x.size(); i += 2) x[i] = std::numeric_limits<T>::quiet_NaN();
    const std::vector<T> y =
        TestFixture::apply(x, [](const P& p) { return select(p == p, p, P(7.0)); });
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], i % 2 == 0 ? T(7) : x[i]);
}

TYPED_TEST(PackTest, ExpIsWithinTwoUnits) {
    using T = typename TestFixture::Scalar;
    // What the header documents: below this exp is zero.
    const double low = sizeof(T) == 8 ? -707.0 : -86.5;
    const double high = sizeof(T) == 8 ? 709.782712893384 : 88.72283;
    Random random(11);
    std::vector<T> x;
    for (int i = 0; i < many; ++i)
        x.push_back(static_cast<T>(low + (high - low) * random.uniform()));
    for (int i = 0; i < many; ++i) x.push_back(static_cast<T>(3 * random.uniform() - 1.5));
    for (const T tiny : TestFixture::all_exponents(12, many / 8)) {
        if (tiny > T(high)) continue;
        x.push_back(tiny);
        if (-tiny >= T(low)) x.push_back(-tiny);
    }
    for (const double edge : {low, high, 0.0, -0.0, 0.34657359027997264, -0.34657359027997264, 1.0})
        x.push_back(static_cast<T>(edge));
    std::erase_if(x, [&](T v) { return v < T(low); });
    TestFixture::expect_within_two_ulps(
        x, [](const auto& p) { return exp(p); }, [](long double v) { return std::exp(v); });
}

TYPED_TEST(PackTest, ExpAtTheEnds) {
    using T = typename TestFixture::Scalar;
    constexpr T inf = std::numeric_limits<T>::infinity(), max = std::numeric_limits<T>::max();
    const T below = std::nextafter(sizeof(T) == 8 ? T(-707.0) : T(-86.5), -inf);
    const T above = sizeof(T) == 8 ? T(709.79) : T(88.73);
    const std::vector<T> y = TestFixture::apply(
        {inf, max, above, -inf, -max, below, std::numeric_limits<T>::quiet_NaN(), T(0), T(-0.0)},
        [](const auto& p) { return exp(p); });
    for (const int i : {0, 1, 2}) EXPECT_EQ(y[i], inf) << i;
    for (const int i : {3, 4, 5}) EXPECT_EQ(y[i], T(0)) << i;
    EXPECT_TRUE(std::isnan(y[6]));
    EXPECT_EQ(y[7], T(1));
    EXPECT_EQ(y[8], T(1));
}

TYPED_TEST(PackTest, LogIsWithinTwoUnits) {
    using T = typename TestFixture::Scalar;
    std::vector<T> x = TestFixture::all_exponents(21, many);
    Random random(22);
    for (int i = 0; i < many; ++i) x.push_back(static_cast<T>(0.5 + 1.5 * random.uniform()));
    T near_one = 1;
    for (int i = 0; i < 100; ++i) x.push_back(near_one = std::nextafter(near_one, T(2)));
    near_one = 1;
    for (int i = 0; i < 100; ++i) x.push_back(near_one = std::nextafter(near_one, T(0)));
    for (const T edge : {std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::min(),
                         std::numeric_limits<T>::max(), T(0.70710678118654752440L)})
        x.push_back(edge);
    std::erase(x, T(0));
    TestFixture::expect_within_two_ulps(
        x, [](const auto& p) { return log(p); }, [](long double v) { return std::log(v); });
}

TYPED_TEST(PackTest, LogAtTheEnds) {
    using T = typename TestFixture::Scalar;
    constexpr T inf = std::numeric_limits<T>::infinity();
    const std::vector<T> y = TestFixture::apply(
        {T(0), T(-0.0), inf, T(1), T(-1), -inf, -std::numeric_limits<T>::denorm_min(),
         std::numeric_limits<T>::quiet_NaN()},
        [](const auto& p) { return log(p); });
    EXPECT_EQ(y[0], -inf);
    EXPECT_EQ(y[1], -inf);
    EXPECT_EQ(y[2], inf);
    EXPECT_EQ(y[3], T(0));
    for (const int i : {4, 5, 6, 7}) EXPECT_TRUE(std::isnan(y[i])) << i;
}

TYPED_TEST(PackTest, Log1pIsWithinTwoUnits) {
    using T = typename TestFixture::Scalar;
    std::vector<T> x = TestFixture::all_exponents(31, many);
    Random random(32);
    for (int i = 0; i < many; ++i) x.push_back(static_cast<T>(3 * random.uniform() - 1));
    for (const T tiny : TestFixture::all_exponents(33, many / 8))
        if (tiny < T(1)) x.push_back(-tiny);
    x.push_back(std::nextafter(T(-1), T(0)));
    std::erase(x, T(-1));
    TestFixture::expect_within_two_ulps(
        x, [](const auto& p) { return log1p(p); }, [](long double v) { return std::log1p(v); });
}

TYPED_TEST(PackTest, Log1pAtTheEnds) {
    using T = typename TestFixture::Scalar;
    constexpr T inf = std::numeric_limits<T>::infinity();
    const std::vector<T> y = TestFixture::apply(
        {T(-1), inf, T(0), T(-0.0), T(-2), -inf, std::numeric_limits<T>::quiet_NaN()},
        [](const auto& p) { return log1p(p); });
    EXPECT_EQ(y[0], -inf);
    EXPECT_EQ(y[1], inf);
    EXPECT_EQ(y[2], T(0));
    EXPECT_EQ(y[3], T(0));
    for (const int i : {4, 5, 6}) EXPECT_TRUE(std::isnan(y[i])) << i;
}

TYPED_TEST(PackTest, SquareRootsAreRoundedCorrectly) {
    using T = typename TestFixture::Scalar;
    constexpr T inf = std::numeric_limits<T>::infinity();
    std::vector<T> x = TestFixture::all_exponents(41, many);
    for (const T edge : {T(0), T(2), inf, std::numeric_limits<T>::max(), T(-1), -inf,
                         std::numeric_limits<T>::quiet_NaN()})
        x.push_back(edge);
    const std::vector<T> y = TestFixture::apply(x, [](const auto& p) { return sqrt(p); });
    for (std::size_t i = 0; i < x.size(); ++i) {
        const T exact = std::sqrt(x[i]);
        EXPECT_TRUE(y[i] == exact || (std::isnan(y[i]) && std::isnan(exact))) << x[i];
    }
}

TYPED_TEST(PackTest, Expm1IsWithinTwoUnits) {
    using T = typename TestFixture::Scalar;
    const double high = sizeof(T) == 8 ? 709.782712893384 : 88.72283;
    std::vector<T> x = TestFixture::uniform(42, many, -60, high);
    for (const T value : TestFixture::uniform(43, many, -1.5, 1.5)) x.push_back(value);
    for (const T value : TestFixture::all_sizes(44, many, 0)) x.push_back(value);
    for (const double edge : {high, 0.0, -0.0, 0.34657359027997264, -0.34657359027997264, -1e30})
        x.push_back(static_cast<T>(edge));
    TestFixture::expect_within_two_ulps(
        x, [](const auto& p) { return expm1(p); }, [](long double v) { return std::expm1(v); });
}

TYPED_TEST(PackTest, TanhIsWithinThreeUnits) {
    using T = typename TestFixture::Scalar;
    std::vector<T> x = TestFixture::uniform(45, many, -2, 2);
    for (const T value : TestFixture::uniform(46, many, -25, 25)) x.push_back(value);
    for (const T value : TestFixture::all_sizes(47, many, 100)) x.push_back(value);
    x.push_back(T(0));
    TestFixture::expect_within(
        3.0, x, [](const auto& p) { return tanh(p); }, [](long double v) { return std::tanh(v); });
}

/// Numbers to reduce by multiples of pi/2: everywhere and next to the multiples.
template <class T>
std::vector<T> angles() {
    const double limit = sizeof(T) == 8 ? 1e5 : 1e3;
    std::vector<T> x;
    Random random(48);
    for (int i = 0; i < many; ++i) {
        x.push_back(static_cast<T>(8 * random.uniform() - 4));
        x.push_back(static_cast<T>(limit * (2 * random.uniform() - 1)));
        x.push_back(static_cast<T>(100 * limit * (2 * random.uniform() - 1)));
        x.push_back(static_cast<T>(std::exp2(-120 * random.uniform())));
    }
    constexpr long double half_pi = 1.57079632679489661923132169163975144L;
    for (int k = 1; k * half_pi <= limit; ++k) {
        const T multiple = static_cast<T>(k * half_pi);
        const T quarter = static_cast<T>((k - 0.5L) * half_pi);
        for (const T value : {std::nextafter(multiple, T(0)), multiple, -multiple,
                              std::nextafter(multiple, T(1e9f)), quarter, -quarter})
            x.push_back(value);
    }
    for (const T edge : {T(0), T(limit), std::nextafter(T(limit), T(1e9f))}) x.push_back(edge);
    return x;
}

TYPED_TEST(PackTest, SinAndCosAreWithinTwoUnits) {
    using T = typename TestFixture::Scalar;
    const std::vector<T> x = angles<T>();
    TestFixture::expect_within_two_ulps(
        x, [](const auto& p) { return sin(p); }, [](long double v) { return std::sin(v); });
    TestFixture::expect_within_two_ulps(
        x, [](const auto& p) { return cos(p); }, [](long double v) { return std::cos(v); });
}

// The lanes that go through the C library leave the others as they were.
TYPED_TEST(PackTest, SinAndCosOfOneLargeNumberInAPack) {
    using T = typename TestFixture::Scalar;
    const auto sine = [](const auto& p) { return sin(p); };
    const auto cosine = [](const auto& p) { return cos(p); };
    const std::vector<T> x = TestFixture::numbers(49);
    const std::vector<T> s = TestFixture::apply(x, sine), c = TestFixture::apply(x, cosine);
    for (std::size_t large = 0; large < x.size(); ++large) {
        std::vector<T> with = x;
        with[large] = T(1e30f);
        const std::vector<T> s2 = TestFixture::apply(with, sine);
        const std::vector<T> c2 = TestFixture::apply(with, cosine);
        for (std::size_t i = 0; i < x.size(); ++i) {
            EXPECT_EQ(s2[i], i == large ? std::sin(with[i]) : s[i]) << i;
            EXPECT_EQ(c2[i], i == large ? std::cos(with[i]) : c[i]) << i;
        }
    }
}

TYPED_TEST(PackTest, AtanIsWithinTwoUnits) {
    using T = typename TestFixture::Scalar;
    std::vector<T> x = TestFixture::uniform(50, many, -3, 3);
    for (const T value : TestFixture::uniform(51, many, -0.5, 0.5)) x.push_back(value);
    for (const T value : TestFixture::all_sizes(52, many, 100)) x.push_back(value);
    for (const double edge : {0.0, 0.41421356237309503, 0.41421356237309515, 2.4142135623730949,
                              2.4142135623730954, 1.0, -1.0})
        x.push_back(static_cast<T>(edge));
    TestFixture::expect_within_two_ulps(
        x, [](const auto& p) { return atan(p); }, [](long double v) { return std::atan(v); });
}

TYPED_TEST(PackTest, FunctionsOfWhatIsNotFinite) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr T inf = std::numeric_limits<T>::infinity();
    const std::vector<T> x{inf, -inf, std::numeric_limits<T>::quiet_NaN()};
    const auto same = [&](const auto& pack_function, const auto& scalar_function) {
        const std::vector<T> y = TestFixture::apply(x, pack_function);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const T exact = scalar_function(x[i]);
            EXPECT_TRUE(TestFixture::ulps(y[i], exact) <= 1) << x[i] << ": " << y[i];
        }
    };
    same([](const P& p) { return sin(p); }, [](T v) { return std::sin(v); });
    same([](const P& p) { return cos(p); }, [](T v) { return std::cos(v); });
    same([](const P& p) { return tanh(p); }, [](T v) { return std::tanh(v); });
    same([](const P& p) { return expm1(p); }, [](T v) { return std::expm1(v); });
    same([](const P& p) { return atan(p); }, [](T v) { return std::atan(v); });
    same([](const P& p) { return abs(p); }, [](T v) { return std::abs(v); });
    for (const double c : {2.0, 0.0, -1.5})
        same([c](const P& p) { return pow(p, c); }, [c](T v) { return std::pow(v, T(c)); });
    for (const double c : {1.0, 0.5})
        same([c](const P& p) { return pow(P(c), p); }, [c](T v) { return std::pow(T(c), v); });
    EXPECT_FALSE(std::signbit(TestFixture::apply({T(-0.0)}, [](const P& p) { return abs(p); })[0]));
}

TYPED_TEST(PackTest, PowerIsWithinItsBound) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr int lanes = TestFixture::width;
    // The largest |y log x| with a result that is not rounded to zero.
    const double range = sizeof(T) == 8 ? 707 : 86.5;
    for (const double size : {1.0, 30.0, range}) {
        Random random(53);
        std::vector<T> x, y;
        for (int i = 0; i < many / lanes * lanes; ++i) {
            const double u = random.uniform();
            const double base = i % 3 == 0   ? 0.7 + 0.72 * u
                                : i % 3 == 1 ? std::exp2(40 * u - 20)
                                             : std::exp(0.2 * u - 0.1);
            x.push_back(static_cast<T>(base));
            y.push_back(
                static_cast<T>(size * (2 * random.uniform() - 1) / std::log(double(x.back()))));
        }
        std::vector<T> z(x.size());
        cpu::run_in<typename TestFixture::Lanes>([&]<class>() {
            for (std::size_t i = 0; i < x.size(); i += lanes)
                pow(P::load(&x[i]), P::load(&y[i])).store(&z[i]);
        });
        double worst = 0;
        std::size_t at = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const long double exponent = y[i] * std::log(static_cast<long double>(x[i]));
            if (!(std::abs(exponent) < range)) continue;
            const double error = TestFixture::ulps(
                z[i], std::pow(static_cast<long double>(x[i]), static_cast<long double>(y[i])));
            const double part = error / (2 + static_cast<double>(std::abs(exponent)) / 12);
            if (part > worst || std::isnan(part)) {
                worst = part;
                at = i;
            }
        }
        EXPECT_LE(worst, 1.0) << x[at] << "^" << y[at] << ": " << z[at];
    }
}

TYPED_TEST(PackTest, PowersOfAllBases) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr T least = std::numeric_limits<T>::denorm_min();
    constexpr T largest = std::numeric_limits<T>::max();
    const std::vector<T> x{T(0),  T(1),    T(4),  T(0.25), T(2),     T(-1),   T(-2),
                           T(-3), T(-0.5), least, largest, T(1e-30), T(1e30), -largest};
    for (const double y :
         {0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5, 1.5, 0.1, 1e-3, 1e30, -1e30}) {
        const std::vector<T> z = TestFixture::apply(x, [y](const P& p) { return pow(p, y); });
        for (std::size_t i = 0; i < x.size(); ++i) {
            const T exact = std::pow(x[i], static_cast<T>(y));
            // Zero where exp is.
            if (exact != 0 && std::abs(exact) < 8 * std::numeric_limits<T>::min()) continue;
            EXPECT_LE(TestFixture::ulps(z[i], exact), x[i] < 0 ? 0 : 64)
                << x[i] << "^" << y << ": " << z[i];
            if (y == 0) {
                EXPECT_EQ(z[i], T(1)) << x[i];
            }
        }
    }
}

TYPED_TEST(PackTest, AnyAndAllLanes) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr int lanes = TestFixture::width;
    const auto of = [](const std::vector<T>& values) {
        int result = 0;
        cpu::run_in<typename TestFixture::Lanes>([&]<class>() {
            const P p = P::load(values.data());
            result = (any(p > P(0.0)) ? 1 : 0) + (all(p > P(0.0)) ? 2 : 0);
        });
        return result;
    };
    EXPECT_EQ(of(std::vector<T>(lanes, T(-1))), 0);
    EXPECT_EQ(of(std::vector<T>(lanes, T(1))), 3);
    for (int i = 0; i < lanes; ++i) {
        std::vector<T> one(lanes, T(-1)), others(lanes, T(1));
        one[i] = T(1);
        others[i] = std::numeric_limits<T>::quiet_NaN();
        EXPECT_EQ(of(one), 1) << i;
        EXPECT_EQ(of(others), lanes == 1 ? 0 : 1) << i;
    }
    EXPECT_TRUE(math::any(true) && math::all(true));
    EXPECT_FALSE(math::any(false) || math::all(false));
}

TYPED_TEST(PackTest, MinimumAndMaximum) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    const std::vector<T> x = TestFixture::numbers(54);
    const std::vector<T> low =
        TestFixture::apply(x, [](const P& p) { return math::minimum(p, P(0.5)); });
    const std::vector<T> high =
        TestFixture::apply(x, [](const P& p) { return math::maximum(p, P(0.5)); });
    for (std::size_t i = 0; i < x.size(); ++i) {
        EXPECT_EQ(low[i], std::min(x[i], T(0.5)));
        EXPECT_EQ(high[i], std::max(x[i], T(0.5)));
        EXPECT_EQ(math::minimum(x[i], T(0.5)), low[i]);
        EXPECT_EQ(math::maximum(x[i], T(0.5)), high[i]);
    }
}

/// Functions that are not inlined and so are compiled for the baseline processor, whichever lanes
/// they are given.
struct OutOfLine {
    template <class P>
    __attribute__((noinline)) P operator()(const P& a, const P& b) const {
        return a * b + P(1.0);
    }
    template <class P>
    __attribute__((noinline)) auto less(const P& a, const P& b) const {
        return a < b;
    }
    template <class M>
    __attribute__((noinline)) M opposite(const M& mask) const {
        return !mask;
    }
    template <class P>
    __attribute__((noinline)) P by_value(P a, P b) const {
        return a - b;
    }
};

// Also with one vector, which code for wide registers would pass in one of them.
TYPED_TEST(PackTest, AFunctorThatIsNotInlinedIsRight) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    constexpr int lanes = TestFixture::width;
    static_assert(std::is_trivially_copyable_v<P> == (TypeParam::vectors > 1));
    static_assert(std::is_trivially_copyable_v<decltype(P() < P())> == (TypeParam::vectors > 1));
    const std::vector<T> a = TestFixture::numbers(55), b = TestFixture::numbers(56);
    std::vector<T> y(3 * lanes);
    cpu::run_in<typename TestFixture::Lanes>([&]<class>() {
        const OutOfLine functor;
        const P pa = P::load(a.data()), pb = P::load(b.data());
        functor(pa, pb).store(y.data());
        select(functor.opposite(functor.less(pa, pb)), pa, pb).store(y.data() + lanes);
        // GCC notes that it passes longer packs differently since version 4.6.
        if constexpr (TypeParam::vectors == 1) functor.by_value(pa, pb).store(y.data() + 2 * lanes);
    });
    for (int i = 0; i < lanes; ++i) {
        EXPECT_NEAR(y[i], a[i] * b[i] + T(1), 8 * std::numeric_limits<T>::epsilon());
        EXPECT_EQ(y[lanes + i], a[i] < b[i] ? b[i] : a[i]);
        if (TypeParam::vectors == 1) {
            EXPECT_EQ(y[2 * lanes + i], a[i] - b[i]);
        }
    }
}

TYPED_TEST(PackTest, SoftplusNeitherOverflowsNorLosesItsTail) {
    using T = typename TestFixture::Scalar;
    std::vector<T> x;
    for (int i = -700; i <= 700; ++i) x.push_back(static_cast<T>(i / (sizeof(T) == 8 ? 1.0 : 8.2)));
    x.push_back(T(1e30f));
    const std::vector<T> y = TestFixture::apply(x, [](const auto& p) { return math::softplus(p); });
    for (std::size_t i = 0; i < x.size(); ++i) {
        const long double z = x[i];
        const long double exact = std::max(z, 0.0L) + std::log1p(std::exp(-std::abs(z)));
        // exp, log1p and a sum: two units each for the functions, half a unit for the sum.
        EXPECT_LE(TestFixture::ulps(y[i], exact), 4.5) << "softplus(" << x[i] << ")";
    }
}

TEST(Dispatch, RunsTheLanesThatItNames) {
    int bytes = 0;
    cpu::with_lanes([&]<class Lanes>() {
        bytes = static_cast<int>(sizeof(typename Lanes::template Pack<double, 2>)) / 2;
    });
    const cpu::InstructionSet set = cpu::instruction_set();
    EXPECT_EQ(bytes, set == cpu::InstructionSet::avx512 ? 64
                     : set == cpu::InstructionSet::avx2 ? 32
                                                        : 16)
        << cpu::to_string(set);
    EXPECT_STREQ(cpu::to_string(cpu::InstructionSet::portable), "portable");
    EXPECT_STREQ(cpu::to_string(cpu::InstructionSet::base), "base");
    EXPECT_STREQ(cpu::to_string(cpu::InstructionSet::avx2), "avx2");
    EXPECT_STREQ(cpu::to_string(cpu::InstructionSet::avx512), "avx512");
}

TEST(Dispatch, PassesExceptionsThrough) {
    EXPECT_THROW(cpu::with_lanes([]<class Lanes>() { throw std::string("from the body"); }),
                 std::string);
}

}  // namespace
}  // namespace cunewton::test
