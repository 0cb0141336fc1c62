// The functions of packs, in every family of lanes, within the bounds that the headers promise.
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
#include "tests/support/pack_families.h"

namespace cunewton::test {
namespace {

#ifdef __SANITIZE_ADDRESS__  // which is no judge of accuracy
constexpr int many = 20'000;
#else
constexpr int many = 200'000;
#endif

#define CUNEWTON_TESTED_FUNCTIONS(X) \
    X(exp) X(expm1) X(log) X(log1p) X(sqrt) X(sin) X(cos) X(tanh) X(atan) X(abs) X(softplus)

// Out of the table's scope, where its members would hide the functions.
#define CUNEWTON_TEST_FUNCTION(name)     \
    struct Call_##name {                 \
        template <class P>               \
        P operator()(const P& p) const { \
            using namespace math;        \
            return name(p);              \
        }                                \
    };
CUNEWTON_TESTED_FUNCTIONS(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION

template <class T>
struct PackFunctions {
    /// y[i] = function(x[i]), and the same of two, for whole packs.
    using Map = void (*)(const T* x, std::size_t count, T* y);
    using Map2 = void (*)(const T* x, const T* y, std::size_t count, T* z);

    std::size_t lanes;
#define CUNEWTON_TEST_FUNCTION(name) Map name;
    CUNEWTON_TESTED_FUNCTIONS(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
    Map2 power;
    void (*power_to)(const T* x, double y, std::size_t count, T* z);
    void (*power_of)(double x, const T* y, std::size_t count, T* z);

    template <class Lanes, int V>
    static PackFunctions of() {
        using P = typename Lanes::template Pack<T, V>;
        PackFunctions packs{};
        packs.lanes = P::lanes;
#define CUNEWTON_TEST_FUNCTION(name) packs.name = map<Lanes, P, Call_##name>;
        CUNEWTON_TESTED_FUNCTIONS(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
        packs.power = [](const T* x, const T* y, std::size_t count, T* z) {
            cpu::run_in<Lanes>([&]<class>() {
                for (std::size_t i = 0; i < count; i += P::lanes)
                    pow(P::load(x + i), P::load(y + i)).store(z + i);
            });
        };
        packs.power_to = [](const T* x, double y, std::size_t count, T* z) {
            cpu::run_in<Lanes>([&]<class>() {
                for (std::size_t i = 0; i < count; i += P::lanes)
                    pow(P::load(x + i), y).store(z + i);
            });
        };
        packs.power_of = [](double x, const T* y, std::size_t count, T* z) {
            cpu::run_in<Lanes>([&]<class>() {
                for (std::size_t i = 0; i < count; i += P::lanes)
                    pow(P(x), P::load(y + i)).store(z + i);
            });
        };
        return packs;
    }
    template <class Lanes, class P, class Function>
    static void map(const T* x, std::size_t count, T* y) {
        cpu::run_in<Lanes>([&]<class>() {
            for (std::size_t i = 0; i < count; i += P::lanes)
                Function()(P::load(x + i)).store(y + i);
        });
    }

    /// The numbers, and ones up to whole packs.
    std::vector<T> padded(std::vector<T> x) const {
        x.resize((x.size() + lanes - 1) / lanes * lanes, T(1));
        return x;
    }
    std::vector<T> apply(Map function, const std::vector<T>& x) const {
        const std::vector<T> all = padded(x);
        std::vector<T> y(all.size());
        function(all.data(), all.size(), y.data());
        y.resize(x.size());
        return y;
    }
    std::vector<T> power_of_all(const std::vector<T>& x, const std::vector<T>& y) const {
        const std::vector<T> bases = padded(x), exponents = padded(y);
        std::vector<T> z(bases.size());
        power(bases.data(), exponents.data(), bases.size(), z.data());
        z.resize(x.size());
        return z;
    }
    std::vector<T> power_to_one(const std::vector<T>& x, double y) const {
        const std::vector<T> bases = padded(x);
        std::vector<T> z(bases.size());
        power_to(bases.data(), y, bases.size(), z.data());
        z.resize(x.size());
        return z;
    }
    std::vector<T> power_of_one(double x, const std::vector<T>& y) const {
        const std::vector<T> exponents = padded(y);
        std::vector<T> z(exponents.size());
        power_of(x, exponents.data(), exponents.size(), z.data());
        z.resize(y.size());
        return z;
    }
};

class PackFunctionsTest : public PackFamilyTest<PackFunctions> {};
INSTANTIATE_TEST_SUITE_P(Lanes, PackFunctionsTest,
                         ::testing::ValuesIn(pack_families<PackFunctions>()),
                         PackFunctionsTest::name_of);

template <class T>
std::vector<T> uniform(std::uint64_t seed, int count, double low, double high) {
    Random random(seed);
    std::vector<T> x(count);
    for (T& value : x) value = static_cast<T>(low + (high - low) * random.uniform());
    return x;
}
/// Numbers of both signs from the smallest to 2^high.
template <class T>
std::vector<T> all_sizes(std::uint64_t seed, int count, double high) {
    Random random(seed);
    const double low = std::numeric_limits<T>::min_exponent;
    std::vector<T> x(count);
    for (int i = 0; i < count; ++i) {
        const double size = std::exp2(low + (high - low) * random.uniform());
        x[i] = static_cast<T>(i % 2 == 0 ? size : -size);
    }
    return x;
}
/// Positive numbers of every exponent, subnormal ones too.
template <class T>
std::vector<T> all_exponents(std::uint64_t seed, int count) {
    using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    const Bits infinity = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
    Random random(seed);
    std::vector<T> x;
    for (int i = 0; i < count; ++i)
        x.push_back(std::bit_cast<T>(static_cast<Bits>(random.bits() % infinity)));
    return x;
}

/// Distance in units in the last place of the exact result; 0 where neither is a finite number
/// and both are the same.
template <class T>
double ulps(T computed, long double exact) {
    const T nearest = static_cast<T>(exact);
    if (std::isnan(nearest)) return std::isnan(computed) ? 0 : INFINITY;
    if (std::isinf(nearest)) return computed == nearest ? 0 : INFINITY;
    const T above = std::nextafter(std::abs(nearest), std::numeric_limits<T>::infinity());
    const long double unit = static_cast<long double>(above) - std::abs(nearest);
    return static_cast<double>(std::abs(computed - exact) / unit);
}

/// function(x) against the exact function.
template <class T>
void expect_within(double units, const std::vector<T>& x, const PackFunctions<T>& packs,
                   typename PackFunctions<T>::Map function, long double (*exact)(long double)) {
    const std::vector<T> y = packs.apply(function, x);
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

TEST_P(PackFunctionsTest, ExpIsWithinTwoUnits) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        // What the header documents: below this exp is zero.
        const double low = sizeof(T) == 8 ? -707.0 : -86.5;
        const double high = sizeof(T) == 8 ? 709.782712893384 : 88.72283;
        Random random(11);
        std::vector<T> x;
        for (int i = 0; i < many; ++i)
            x.push_back(static_cast<T>(low + (high - low) * random.uniform()));
        for (int i = 0; i < many; ++i) x.push_back(static_cast<T>(3 * random.uniform() - 1.5));
        for (const T tiny : all_exponents<T>(12, many / 8)) {
            if (tiny > T(high)) continue;
            x.push_back(tiny);
            if (-tiny >= T(low)) x.push_back(-tiny);
        }
        for (const double edge :
             {low, high, 0.0, -0.0, 0.34657359027997264, -0.34657359027997264, 1.0})
            x.push_back(static_cast<T>(edge));
        std::erase_if(x, [&](T v) { return v < T(low); });
        expect_within(2, x, packs, packs.exp, std::exp);
    });
}

TEST_P(PackFunctionsTest, ExpAtTheEnds) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        constexpr T inf = std::numeric_limits<T>::infinity(), max = std::numeric_limits<T>::max();
        const T below = std::nextafter(sizeof(T) == 8 ? T(-707.0) : T(-86.5), -inf);
        const T above = sizeof(T) == 8 ? T(709.79) : T(88.73);
        const std::vector<T> y =
            packs.apply(packs.exp, {inf, max, above, -inf, -max, below,
                                    std::numeric_limits<T>::quiet_NaN(), T(0), T(-0.0)});
        for (const int i : {0, 1, 2}) EXPECT_EQ(y[i], inf) << i;
        for (const int i : {3, 4, 5}) EXPECT_EQ(y[i], T(0)) << i;
        EXPECT_TRUE(std::isnan(y[6]));
        EXPECT_EQ(y[7], T(1));
        EXPECT_EQ(y[8], T(1));
    });
}

TEST_P(PackFunctionsTest, LogIsWithinTwoUnits) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        std::vector<T> x = all_exponents<T>(21, many);
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
        expect_within(2, x, packs, packs.log, std::log);
    });
}

TEST_P(PackFunctionsTest, LogAtTheEnds) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        constexpr T inf = std::numeric_limits<T>::infinity();
        const std::vector<T> y = packs.apply(packs.log, {T(0), T(-0.0), inf, T(1), T(-1), -inf,
                                                         -std::numeric_limits<T>::denorm_min(),
                                                         std::numeric_limits<T>::quiet_NaN()});
        EXPECT_EQ(y[0], -inf);
        EXPECT_EQ(y[1], -inf);
        EXPECT_EQ(y[2], inf);
        EXPECT_EQ(y[3], T(0));
        for (const int i : {4, 5, 6, 7}) EXPECT_TRUE(std::isnan(y[i])) << i;
    });
}

TEST_P(PackFunctionsTest, Log1pIsWithinTwoUnits) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        std::vector<T> x = all_exponents<T>(31, many);
        Random random(32);
        for (int i = 0; i < many; ++i) x.push_back(static_cast<T>(3 * random.uniform() - 1));
        for (const T tiny : all_exponents<T>(33, many / 8))
            if (tiny < T(1)) x.push_back(-tiny);
        x.push_back(std::nextafter(T(-1), T(0)));
        std::erase(x, T(-1));
        expect_within(2, x, packs, packs.log1p, std::log1p);
    });
}

TEST_P(PackFunctionsTest, Log1pAtTheEnds) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        constexpr T inf = std::numeric_limits<T>::infinity();
        const std::vector<T> y = packs.apply(packs.log1p, {T(-1), inf, T(0), T(-0.0), T(-2), -inf,
                                                           std::numeric_limits<T>::quiet_NaN()});
        EXPECT_EQ(y[0], -inf);
        EXPECT_EQ(y[1], inf);
        EXPECT_EQ(y[2], T(0));
        EXPECT_EQ(y[3], T(0));
        for (const int i : {4, 5, 6}) EXPECT_TRUE(std::isnan(y[i])) << i;
    });
}

TEST_P(PackFunctionsTest, SquareRootsAreRoundedCorrectly) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        constexpr T inf = std::numeric_limits<T>::infinity();
        std::vector<T> x = all_exponents<T>(41, many);
        for (const T edge : {T(0), T(2), inf, std::numeric_limits<T>::max(), T(-1), -inf,
                             std::numeric_limits<T>::quiet_NaN()})
            x.push_back(edge);
        const std::vector<T> y = packs.apply(packs.sqrt, x);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const T exact = std::sqrt(x[i]);
            EXPECT_TRUE(y[i] == exact || (std::isnan(y[i]) && std::isnan(exact))) << x[i];
        }
    });
}

TEST_P(PackFunctionsTest, Expm1IsWithinTwoUnits) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        const double high = sizeof(T) == 8 ? 709.782712893384 : 88.72283;
        std::vector<T> x = uniform<T>(42, many, -60, high);
        for (const T value : uniform<T>(43, many, -1.5, 1.5)) x.push_back(value);
        for (const T value : all_sizes<T>(44, many, 0)) x.push_back(value);
        for (const double edge :
             {high, 0.0, -0.0, 0.34657359027997264, -0.34657359027997264, -1e30})
            x.push_back(static_cast<T>(edge));
        expect_within(2, x, packs, packs.expm1, std::expm1);
    });
}

TEST_P(PackFunctionsTest, TanhIsWithinThreeUnits) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        std::vector<T> x = uniform<T>(45, many, -2, 2);
        for (const T value : uniform<T>(46, many, -25, 25)) x.push_back(value);
        for (const T value : all_sizes<T>(47, many, 100)) x.push_back(value);
        x.push_back(T(0));
        expect_within(3, x, packs, packs.tanh, std::tanh);
    });
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

TEST_P(PackFunctionsTest, SinAndCosAreWithinTwoUnits) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        const std::vector<T> x = angles<T>();
        expect_within(2, x, packs, packs.sin, std::sin);
        expect_within(2, x, packs, packs.cos, std::cos);
    });
}

// The lanes that go through the C library leave the others as they were.
TEST_P(PackFunctionsTest, SinAndCosOfOneLargeNumberInAPack) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        const std::vector<T> x = uniform<T>(49, static_cast<int>(packs.lanes), -2, 2);
        const std::vector<T> s = packs.apply(packs.sin, x), c = packs.apply(packs.cos, x);
        for (std::size_t large = 0; large < x.size(); ++large) {
            std::vector<T> with = x;
            with[large] = T(1e30f);
            const std::vector<T> s2 = packs.apply(packs.sin, with);
            const std::vector<T> c2 = packs.apply(packs.cos, with);
            for (std::size_t i = 0; i < x.size(); ++i) {
                EXPECT_EQ(s2[i], i == large ? std::sin(with[i]) : s[i]) << i;
                EXPECT_EQ(c2[i], i == large ? std::cos(with[i]) : c[i]) << i;
            }
        }
    });
}

TEST_P(PackFunctionsTest, AtanIsWithinTwoUnits) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        std::vector<T> x = uniform<T>(50, many, -3, 3);
        for (const T value : uniform<T>(51, many, -0.5, 0.5)) x.push_back(value);
        for (const T value : all_sizes<T>(52, many, 100)) x.push_back(value);
        for (const double edge : {0.0, 0.41421356237309503, 0.41421356237309515, 2.4142135623730949,
                                  2.4142135623730954, 1.0, -1.0})
            x.push_back(static_cast<T>(edge));
        expect_within(2, x, packs, packs.atan, std::atan);
    });
}

TEST_P(PackFunctionsTest, FunctionsOfWhatIsNotFinite) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        constexpr T inf = std::numeric_limits<T>::infinity();
        const std::vector<T> x{inf, -inf, std::numeric_limits<T>::quiet_NaN()};
        const auto same = [&](const std::string& name, const std::vector<T>& y,
                              const auto& scalar_function) {
            for (std::size_t i = 0; i < x.size(); ++i)
                EXPECT_LE(ulps<T>(y[i], scalar_function(x[i])), 1)
                    << name << " of " << x[i] << ": " << y[i];
        };
        same("sin", packs.apply(packs.sin, x), [](T v) { return std::sin(v); });
        same("cos", packs.apply(packs.cos, x), [](T v) { return std::cos(v); });
        same("tanh", packs.apply(packs.tanh, x), [](T v) { return std::tanh(v); });
        same("expm1", packs.apply(packs.expm1, x), [](T v) { return std::expm1(v); });
        same("atan", packs.apply(packs.atan, x), [](T v) { return std::atan(v); });
        same("abs", packs.apply(packs.abs, x), [](T v) { return std::abs(v); });
        for (const double c : {2.0, 0.0, -1.5})
            same("the power " + std::to_string(c), packs.power_to_one(x, c),
                 [c](T v) { return std::pow(v, T(c)); });
        for (const double c : {1.0, 0.5})
            same("the power of " + std::to_string(c), packs.power_of_one(c, x),
                 [c](T v) { return std::pow(T(c), v); });
        EXPECT_FALSE(std::signbit(packs.apply(packs.abs, {T(-0.0)})[0]));
    });
}

TEST_P(PackFunctionsTest, PowerIsWithinItsBound) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        // The largest |y log x| with a result that is not rounded to zero.
        const double range = sizeof(T) == 8 ? 707 : 86.5;
        for (const double size : {1.0, 30.0, range}) {
            Random random(53);
            std::vector<T> x, y;
            for (int i = 0; i < many; ++i) {
                const double u = random.uniform();
                const double base = i % 3 == 0   ? 0.7 + 0.72 * u
                                    : i % 3 == 1 ? std::exp2(40 * u - 20)
                                                 : std::exp(0.2 * u - 0.1);
                x.push_back(static_cast<T>(base));
                y.push_back(
                    static_cast<T>(size * (2 * random.uniform() - 1) / std::log(double(x.back()))));
            }
            const std::vector<T> z = packs.power_of_all(x, y);
            double worst = 0;
            std::size_t at = 0;
            for (std::size_t i = 0; i < x.size(); ++i) {
                const long double exponent = y[i] * std::log(static_cast<long double>(x[i]));
                if (!(std::abs(exponent) < range)) continue;
                const double error = ulps(
                    z[i], std::pow(static_cast<long double>(x[i]), static_cast<long double>(y[i])));
                const double part = error / (2 + static_cast<double>(std::abs(exponent)) / 12);
                if (part > worst || std::isnan(part)) {
                    worst = part;
                    at = i;
                }
            }
            EXPECT_LE(worst, 1.0) << x[at] << "^" << y[at] << ": " << z[at];
        }
    });
}

TEST_P(PackFunctionsTest, PowersOfAllBases) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        constexpr T least = std::numeric_limits<T>::denorm_min();
        constexpr T largest = std::numeric_limits<T>::max();
        const std::vector<T> x{T(0),  T(1),    T(4),  T(0.25), T(2),     T(-1),   T(-2),
                               T(-3), T(-0.5), least, largest, T(1e-30), T(1e30), -largest};
        for (const double y :
             {0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5, 1.5, 0.1, 1e-3, 1e30, -1e30}) {
            const std::vector<T> z = packs.power_to_one(x, y);
            for (std::size_t i = 0; i < x.size(); ++i) {
                const T exact = std::pow(x[i], static_cast<T>(y));
                // Zero where exp is.
                if (exact != 0 && std::abs(exact) < 8 * std::numeric_limits<T>::min()) continue;
                EXPECT_LE(ulps(z[i], exact), x[i] < 0 ? 0 : 64) << x[i] << "^" << y << ": " << z[i];
                if (y == 0) {
                    EXPECT_EQ(z[i], T(1)) << x[i];
                }
            }
        }
    });
}

TEST_P(PackFunctionsTest, SoftplusNeitherOverflowsNorLosesItsTail) {
    with_table([]<class T>(const PackFunctions<T>& packs) {
        std::vector<T> x;
        for (int i = -700; i <= 700; ++i)
            x.push_back(static_cast<T>(i / (sizeof(T) == 8 ? 1.0 : 8.2)));
        x.push_back(T(1e30f));
        const std::vector<T> y = packs.apply(packs.softplus, x);
        for (std::size_t i = 0; i < x.size(); ++i) {
            const long double z = x[i];
            const long double exact = std::max(z, 0.0L) + std::log1p(std::exp(-std::abs(z)));
            // exp, log1p and a sum: two units each for the functions, half a unit for the sum.
            EXPECT_LE(ulps(y[i], exact), 4.5) << "softplus(" << x[i] << ")";
        }
    });
}

}  // namespace
}  // namespace cunewton::test
