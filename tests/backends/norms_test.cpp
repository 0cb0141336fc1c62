// Norms over the whole range of numbers, against sums in a wider type.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/loss/rosenbrock.h"
#include "host/backend/choice.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"

namespace cunewton::test {
namespace {

template <class T>
Session<T> any_session(int threads) {
    const Problem<T> problem = make_objective<T>(ExtendedRosenbrock{}, 2);
    SessionOptions options;
    options.threads = threads;
    const Candidates candidates = choose_backends(problem, tested_choice());
    return candidates.entries[0]->template code<T>().open(problem, options);
}

template <class T>
class NormsTest : public BackendTest {
  protected:
    static double norm_of(const std::vector<T>& x, int threads = 2) {
        const Session<T> session = any_session<T>(threads);
        Vectors<T>& vectors = *session.vectors;
        const Buffer<T> there = vectors.allocate(x.size());
        vectors.upload(there.get(), x.data(), x.size());
        const Number norm = vectors.number();
        vectors.norms({{there.get(), norm}}, static_cast<long>(x.size()));
        return vectors.read(norm);
    }

    static void expect_norm(const std::vector<T>& x, const std::string& what) {
        long double sum = 0, largest = 0;
        for (const T value : x) largest = std::max(largest, std::abs((long double)value));
        for (const T value : x) {
            const long double scaled = largest == 0 ? 0 : value / largest;
            sum += scaled * scaled;
        }
        const double expected = static_cast<double>(largest * std::sqrt(sum));
        // The worst case of adding up n numbers one after the other.
        const double relative = (4 + 0.5 * x.size()) * std::numeric_limits<double>::epsilon();
        EXPECT_NEAR(norm_of(x), expected,
                    relative * expected + std::numeric_limits<double>::denorm_min())
            << what;
    }

    /// Entries of random sign whose binary exponents lie between two bounds.
    static std::vector<T> random_entries(std::size_t n, int low, int high, std::uint64_t seed) {
        Random random(seed);
        std::vector<T> x(n);
        for (T& value : x) {
            const int exponent = low + static_cast<int>(random.uniform() * (high - low));
            const double mantissa = 1 + random.uniform();
            value =
                static_cast<T>(std::ldexp(random.uniform() < 0.5 ? -mantissa : mantissa, exponent));
        }
        return x;
    }
};
using Types = ::testing::Types<double, float>;
TYPED_TEST_SUITE(NormsTest, Types);

TYPED_TEST(NormsTest, EntriesOfEverySize) {
    using T = TypeParam;
    using Limits = std::numeric_limits<T>;
    const int low = Limits::min_exponent - Limits::digits, high = Limits::max_exponent - 12;
    std::uint64_t seed = 1;
    for (const std::size_t n : {1, 2, 3, 31, 257, 4097})
        for (int from = low; from < high; from += (high - low) / 12) {
            this->expect_norm(this->random_entries(n, from, from + 3, seed++),
                              std::to_string(n) + " near 2^" + std::to_string(from));
            this->expect_norm(this->random_entries(n, from, high, seed++),
                              std::to_string(n) + " from 2^" + std::to_string(from));
        }
}

TYPED_TEST(NormsTest, LongVectors) {
    using T = TypeParam;
    using Limits = std::numeric_limits<T>;
    // On a GPU from 8192 entries on in several blocks.
    for (const std::size_t n : {8191, 8192, 100003})
        this->expect_norm(
            this->random_entries(n, Limits::min_exponent, Limits::max_exponent - 18, n),
            std::to_string(n));
    // Entries of one kind decide alone: squares that underflow, ordinary ones, and such as
    // overflow.
    for (const double size : {1e-300, 1e-155, 1.0, 1e200}) {
        if (static_cast<T>(size) == 0 || std::isinf(static_cast<T>(size))) continue;
        this->expect_norm(std::vector<T>(100003, static_cast<T>(size)), std::to_string(size));
    }
}

TYPED_TEST(NormsTest, ManyTinyEntriesBesideAnOrdinaryOne) {
    using T = TypeParam;
    if (sizeof(T) == 4) return;  // every float is ordinary here
    std::vector<T> x(20000, static_cast<T>(0x1.8p-512));
    x[777] = static_cast<T>(0x1p-508);
    this->expect_norm(x, "tiny entries outweigh");
    x[777] = static_cast<T>(0x1p-500);
    this->expect_norm(x, "the ordinary one outweighs");
}

TYPED_TEST(NormsTest, SpecialNumbers) {
    using T = TypeParam;
    using Limits = std::numeric_limits<T>;
    const T inf = Limits::infinity(), nan = Limits::quiet_NaN();
    EXPECT_EQ(this->norm_of({}), 0);
    EXPECT_EQ(this->norm_of({T(0)}), 0);
    EXPECT_EQ(this->norm_of({T(-0.0), T(0)}), 0);
    EXPECT_EQ(this->norm_of({T(-7)}), 7);
    EXPECT_EQ(this->norm_of({Limits::denorm_min()}), static_cast<double>(Limits::denorm_min()));
    EXPECT_EQ(this->norm_of({Limits::lowest()}), static_cast<double>(Limits::max()));
    EXPECT_EQ(this->norm_of({T(1), -inf, T(0)}), std::numeric_limits<double>::infinity());
    for (const T beside : {T(0), T(1), Limits::denorm_min(), Limits::max(), inf})
        for (std::size_t at : {0, 1, 9000}) {
            std::vector<T> x(9001, beside);
            x[at] = nan;
            EXPECT_TRUE(std::isnan(this->norm_of(x))) << "beside " << beside << " at " << at;
        }
    const double overflow = this->norm_of({Limits::max(), Limits::max()});
    if (sizeof(T) == 8) {
        EXPECT_EQ(overflow, std::numeric_limits<double>::infinity());
    } else {
        EXPECT_DOUBLE_EQ(overflow, std::sqrt(2.0) * static_cast<double>(Limits::max()));
    }
}

TYPED_TEST(NormsTest, SeveralAtOnceAndTheSameBits) {
    using T = TypeParam;
    using Limits = std::numeric_limits<T>;
    constexpr int n = 30011;
    const auto a = this->random_entries(n, Limits::min_exponent, Limits::max_exponent - 16, 1),
               b = this->random_entries(n, -3, 3, 2), c = std::vector<T>(n, T(0));
    const double expected[] = {this->norm_of(a, 1), this->norm_of(b, 1), 0};
    for (const int threads : {1, 2, 5}) {
        const Session<T> session = any_session<T>(threads);
        Vectors<T>& vectors = *session.vectors;
        const Number first = vectors.number(), second = vectors.number(), third = vectors.number(),
                     other = vectors.number();
        Buffer<T> there[3];
        const std::vector<T>* here[] = {&a, &b, &c};
        for (int v = 0; v < 3; ++v) {
            there[v] = vectors.allocate(n);
            vectors.upload(there[v].get(), here[v]->data(), n);
        }
        vectors.norms({{there[1].get(), other}}, n);  // a number that stays
        vectors.norms({{there[0].get(), first}, {there[1].get(), second}, {there[2].get(), third}},
                      n);
        const auto [x, y, z, stays] = read(vectors, first, second, third, other);
        EXPECT_EQ(x, expected[0]);
        EXPECT_EQ(y, expected[1]);
        EXPECT_EQ(z, expected[2]);
        EXPECT_EQ(stays, expected[1]);
    }
}

}  // namespace
}  // namespace cunewton::test
