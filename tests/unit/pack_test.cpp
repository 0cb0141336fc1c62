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

namespace cunewton::test {
namespace {

template <class L, class S, int V>
struct Family {
    using Lanes = L;
    using Scalar = S;
    static constexpr int vectors = V;
};

template <class Lanes>
bool supported() {
#if CUNEWTON_CHOOSES_LANES
    if constexpr (std::is_same_v<Lanes, cpu::Avx512Lanes>)
        return cpu::instruction_set() == cpu::InstructionSet::avx512;
    if constexpr (std::is_same_v<Lanes, cpu::Avx2Lanes>)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return true;
}

/// Runs the body as cpu::with_lanes() would if the processor had these lanes at best.
template <class Lanes, class Body>
void run_in(const Body& body) {
#if CUNEWTON_CHOOSES_LANES
    if constexpr (std::is_same_v<Lanes, cpu::Avx512Lanes>) return cpu::detail::run_avx512(body);
    if constexpr (std::is_same_v<Lanes, cpu::Avx2Lanes>) return cpu::detail::run_avx2(body);
#endif
    cpu::detail::run<cpu::BaseLanes>(body);
}

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
        run_in<Lanes>([&]<class>() {
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
        EXPECT_LE(worst, 2.0) << "at x[" << at << "] = " << x[at] << ": " << y[at];
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
    Family<cpu::Avx2Lanes, double, 2>, Family<cpu::Avx2Lanes, float, 2>,
    Family<cpu::Avx2Lanes, double, 3>, Family<cpu::Avx512Lanes, double, 2>,
    Family<cpu::Avx512Lanes, float, 2>, Family<cpu::Avx512Lanes, float, 4>,
#endif
    Family<cpu::BaseLanes, double, 2>, Family<cpu::BaseLanes, float, 2>,
    Family<cpu::BaseLanes, float, 3>>;

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
    run_in<typename TestFixture::Lanes>([&]<class>() {
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
    run_in<typename TestFixture::Lanes>([&]<class>() {
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
    run_in<typename TestFixture::Lanes>([&]<class>() {
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
    run_in<typename TestFixture::Lanes>([&]<class>() {
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

TYPED_TEST(PackTest, OtherFunctionsAreTheCLibrarys) {
    using T = typename TestFixture::Scalar;
    using P = typename TestFixture::Pack;
    const std::vector<T> x = TestFixture::numbers(41);
    const auto same = [&](const auto& pack_function, const auto& scalar_function) {
        const std::vector<T> y = TestFixture::apply(x, pack_function);
        for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], scalar_function(x[i])) << x[i];
    };
    same([](const P& p) { return sin(p); }, [](T v) { return std::sin(v); });
    same([](const P& p) { return cos(p); }, [](T v) { return std::cos(v); });
    same([](const P& p) { return tanh(p); }, [](T v) { return std::tanh(v); });
    same([](const P& p) { return expm1(p); }, [](T v) { return std::expm1(v); });
    same([](const P& p) { return sqrt(p * p + P(1.0)) - sqrt(p * p + P(1.0)); },
         [](T) { return T(0); });
    const std::vector<T> roots =
        TestFixture::apply({T(0), T(2), T(-1)}, [](const P& p) { return sqrt(p); });
    EXPECT_EQ(roots[0], T(0));
    EXPECT_EQ(roots[1], std::sqrt(T(2)));
    EXPECT_TRUE(std::isnan(roots[2]));
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
