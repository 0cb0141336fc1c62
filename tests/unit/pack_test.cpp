// Packs: arithmetic, comparisons and access, in every family of lanes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "tests/support/datasets.h"
#include "tests/support/pack_families.h"

#if defined(__clang__)
#define UNOPTIMISED __attribute__((noinline, optnone))
#else
#define UNOPTIMISED __attribute__((noinline, optimize(0)))
#endif

namespace cunewton::test {
namespace {

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
    /// As in a program that is compiled without optimisation: what a call returns first lies in an
    /// object of the compiler's, which must be aligned as the callee's instructions ask, not only
    /// as this function's do.
    template <class P>
    UNOPTIMISED P assigned(const P& a, const P& b) const {
        P least = a, largest = a;
        least = select(b < least, b, least);
        largest = select(largest < b, b, largest);
        largest = least + largest;
        return largest;
    }
};

/// One pack's operations, the results of which follow each other at y.
template <class T>
struct PackOperations {
    int lanes, vectors;
    std::size_t bytes, vector_bytes;
    void (*copy)(const T* a, T* y);
    void (*arithmetic)(const T* a, const T* b, T* y);
    void (*compare)(const T* a, const T* b, T* y);
    void (*replace_nan)(const T* a, T* y);
    void (*limit)(const T* a, T* y);
    void (*out_of_line)(const T* a, const T* b, T* y);
    int (*any_and_all)(const T* a);

    template <class Lanes, int V>
    static PackOperations of() {
        using P = typename Lanes::template Pack<T, V>;
        static_assert(std::is_same_v<real_t<P>, T>);
        static_assert(!std::is_trivially_copyable_v<P>);
        static_assert(!std::is_trivially_copyable_v<decltype(P() < P())>);
        PackOperations packs{};
        packs.lanes = P::lanes;
        packs.vectors = V;
        packs.bytes = sizeof(P);
        packs.vector_bytes = 16;
#if CUNEWTON_CHOOSES_LANES
        if (std::is_same_v<Lanes, cpu::Avx2Lanes>) packs.vector_bytes = 32;
        if (std::is_same_v<Lanes, cpu::Avx512Lanes>) packs.vector_bytes = 64;
#endif
        packs.copy = [](const T* a, T* y) {
            cpu::run_in<Lanes>([&]<class>() {
                P p = P::load(a);
                p.set_lane(P::lanes - 1, T(77));
                p.store(y);
            });
        };
        packs.arithmetic = [](const T* a, const T* b, T* y) {
            cpu::run_in<Lanes>([&]<class>() {
                const P pa = P::load(a), pb = P::load(b);
                P compound = pa;
                compound += pb;
                compound *= P(3.0);
                compound -= P(0.25f);
                compound /= P(2.0);
                T* out = y;
                for (const P& result :
                     {pa + pb, pa - pb, pa * pb, pa / pb, -pa, abs(pa), P(1.5), compound}) {
                    result.store(out);
                    out += P::lanes;
                }
            });
        };
        packs.compare = [](const T* a, const T* b, T* y) {
            cpu::run_in<Lanes>([&]<class>() {
                const P pa = P::load(a), pb = P::load(b), one(1.0), zero(0.0);
                T* out = y;
                const auto put = [&](const auto& mask) {
                    select(mask, one, zero).store(out);
                    out += P::lanes;
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
        };
        packs.replace_nan = [](const T* a, T* y) {
            cpu::run_in<Lanes>([&]<class>() {
                const P p = P::load(a);
                select(p == p, p, P(7.0)).store(y);
            });
        };
        packs.limit = [](const T* a, T* y) {
            cpu::run_in<Lanes>([&]<class>() {
                const P p = P::load(a);
                math::minimum(p, P(0.5)).store(y);
                math::maximum(p, P(0.5)).store(y + P::lanes);
            });
        };
        packs.out_of_line = [](const T* a, const T* b, T* y) {
            cpu::run_in<Lanes>([&]<class>() {
                const OutOfLine functor;
                const P pa = P::load(a), pb = P::load(b);
                functor(pa, pb).store(y);
                select(functor.opposite(functor.less(pa, pb)), pa, pb).store(y + P::lanes);
                functor.by_value(pa, pb).store(y + 2 * P::lanes);
                functor.assigned(pa, pb).store(y + 3 * P::lanes);
            });
        };
        packs.any_and_all = [](const T* a) {
            int result = 0;
            cpu::run_in<Lanes>([&]<class>() {
                const P p = P::load(a);
                result = (any(p > P(0.0)) ? 1 : 0) + (all(p > P(0.0)) ? 2 : 0);
            });
            return result;
        };
        return packs;
    }

    std::vector<T> numbers(std::uint64_t seed) const {
        Random random(seed);
        std::vector<T> x(static_cast<std::size_t>(lanes));
        for (T& value : x) value = static_cast<T>(4 * random.uniform() - 2);
        return x;
    }
};

class PackTest : public PackFamilyTest<PackOperations> {};
INSTANTIATE_TEST_SUITE_P(Lanes, PackTest, ::testing::ValuesIn(pack_families<PackOperations>()),
                         PackTest::name_of);

TEST_P(PackTest, WidthIsThatOfTheInstructionSet) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        EXPECT_EQ(packs.bytes, packs.vectors * packs.vector_bytes);
        EXPECT_EQ(packs.lanes * sizeof(T), packs.bytes);
    });
}

TEST_P(PackTest, LoadsAndStoresUnalignedMemoryAndNothingBeside) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        const int lanes = packs.lanes;
        std::vector<T> from(lanes + 2), to(lanes + 2, T(-1));
        for (int i = 0; i < lanes + 2; ++i) from[i] = static_cast<T>(i);
        packs.copy(from.data() + 1, to.data() + 1);
        EXPECT_EQ(to[0], T(-1));
        EXPECT_EQ(to[lanes + 1], T(-1));
        for (int i = 0; i < lanes - 1; ++i) EXPECT_EQ(to[i + 1], T(i + 1));
        EXPECT_EQ(to[lanes], T(77));
    });
}

TEST_P(PackTest, ArithmeticIsThatOfItsScalar) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        const int lanes = packs.lanes;
        const std::vector<T> a = packs.numbers(1), b = packs.numbers(2);
        std::vector<T> y(8 * lanes);
        packs.arithmetic(a.data(), b.data(), y.data());
        for (int i = 0; i < lanes; ++i) {
            EXPECT_EQ(y[i], a[i] + b[i]);
            EXPECT_EQ(y[lanes + i], a[i] - b[i]);
            EXPECT_EQ(y[2 * lanes + i], a[i] * b[i]);
            EXPECT_EQ(y[3 * lanes + i], a[i] / b[i]);
            EXPECT_EQ(y[4 * lanes + i], -a[i]);
            EXPECT_EQ(y[5 * lanes + i], std::abs(a[i]));
            EXPECT_EQ(y[6 * lanes + i], T(1.5));
            // A multiplication and a subtraction may be fused.
            const long double exact = ((static_cast<long double>(a[i] + b[i])) * 3 - 0.25L) / 2;
            EXPECT_LE(std::abs(y[7 * lanes + i] - exact), 8 * std::numeric_limits<T>::epsilon());
        }
    });
}

TEST_P(PackTest, ComparisonsSelectLaneByLane) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        const int lanes = packs.lanes;
        std::vector<T> a = packs.numbers(3), b = packs.numbers(4);
        b[0] = a[0];
        a[1] = std::numeric_limits<T>::quiet_NaN();
        std::vector<T> y(8 * lanes);
        packs.compare(a.data(), b.data(), y.data());
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
    });
}

TEST_P(PackTest, SelectKeepsANotANumberOutOfTheOtherLanes) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        std::vector<T> x = packs.numbers(5), y(x.size());
        for (std::size_t i = 0; i < x.size(); i += 2) x[i] = std::numeric_limits<T>::quiet_NaN();
        packs.replace_nan(x.data(), y.data());
        for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(y[i], i % 2 == 0 ? T(7) : x[i]);
    });
}

TEST_P(PackTest, AnyAndAllLanes) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        const int lanes = packs.lanes;
        const auto of = [&](const std::vector<T>& values) {
            return packs.any_and_all(values.data());
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
    });
}

TEST(PlainNumbers, AnyAndAllAreTheirTruth) {
    EXPECT_TRUE(math::any(true) && math::all(true));
    EXPECT_FALSE(math::any(false) || math::all(false));
}

TEST_P(PackTest, MinimumAndMaximum) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        const int lanes = packs.lanes;
        const std::vector<T> x = packs.numbers(54);
        std::vector<T> y(2 * lanes);
        packs.limit(x.data(), y.data());
        for (int i = 0; i < lanes; ++i) {
            EXPECT_EQ(y[i], std::min(x[i], T(0.5)));
            EXPECT_EQ(y[lanes + i], std::max(x[i], T(0.5)));
            EXPECT_EQ(math::minimum(x[i], T(0.5)), y[i]);
            EXPECT_EQ(math::maximum(x[i], T(0.5)), y[lanes + i]);
        }
    });
}

// Also with one vector, which code for wide registers would pass in one of them.
TEST_P(PackTest, AFunctorThatIsNotInlinedIsRight) {
    with_table([]<class T>(const PackOperations<T>& packs) {
        const int lanes = packs.lanes;
        const std::vector<T> a = packs.numbers(55), b = packs.numbers(56);
        std::vector<T> y(4 * lanes);
        packs.out_of_line(a.data(), b.data(), y.data());
        for (int i = 0; i < lanes; ++i) {
            EXPECT_NEAR(y[i], a[i] * b[i] + T(1), 8 * std::numeric_limits<T>::epsilon());
            EXPECT_EQ(y[lanes + i], a[i] < b[i] ? b[i] : a[i]);
            EXPECT_EQ(y[2 * lanes + i], a[i] - b[i]);
            EXPECT_EQ(y[3 * lanes + i], a[i] + b[i]);
        }
    });
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
