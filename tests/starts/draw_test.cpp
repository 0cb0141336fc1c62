#include "host/draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "cunewton/error.h"
#include "tests/support/message_of.h"

namespace cunewton {
namespace {

TEST(Draw, NamesOfTheWays) {
    EXPECT_STREQ(to_string(StartsBy::given), "given");
    EXPECT_STREQ(to_string(StartsBy::sobol), "sobol");
    EXPECT_STREQ(to_string(StartsBy::latin_hypercube), "latin_hypercube");
    EXPECT_STREQ(to_string(static_cast<StartsBy>(99)), "unknown");
}

// Joe and Kuo's own table of the first points, in the order of Gray's code.
TEST(Draw, FirstSobolPoints) {
    const std::vector<double> expected{0,     0,     0,     0.5,   0.5,   0.5,   0.75,  0.25,
                                       0.25,  0.25,  0.75,  0.75,  0.375, 0.375, 0.625, 0.875,
                                       0.875, 0.125, 0.625, 0.125, 0.875, 0.125, 0.625, 0.375};
    EXPECT_EQ(draw_points(StartsBy::sobol, 8, 3, 0), expected);
}

TEST(Draw, SobolPointsAreInEachPartOfEveryRangeOnce) {
    constexpr int n = 64;
    constexpr long count = 256;
    for (const std::uint64_t seed : {0ull, 1ull, 77ull}) {
        const std::vector<double> x = draw_points(StartsBy::sobol, count, n, seed);
        for (int j = 0; j < n; ++j) {
            std::set<long> parts;
            for (long i = 0; i < count; ++i) {
                ASSERT_GE(x[i * n + j], 0);
                ASSERT_LT(x[i * n + j], 1);
                parts.insert(static_cast<long>(x[i * n + j] * count));
            }
            EXPECT_EQ(parts.size(), std::size_t(count)) << "dimension " << j << " seed " << seed;
        }
    }
}

// The first two dimensions are a (0, 2)-sequence: each elementary interval has one of 2^m points.
TEST(Draw, SobolPointsFillElementaryIntervals) {
    for (const std::uint64_t seed : {0ull, 5ull}) {
        const std::vector<double> x = draw_points(StartsBy::sobol, 64, 2, seed);
        for (int k = 0; k <= 6; ++k) {
            std::set<std::pair<int, int>> cells;
            for (int i = 0; i < 64; ++i)
                cells.insert({int(x[2 * i] * (1 << k)), int(x[2 * i + 1] * (1 << (6 - k)))});
            EXPECT_EQ(cells.size(), 64u) << k;
        }
    }
}

TEST(Draw, LatinHypercubesHaveOnePointInEachPart) {
    constexpr int n = 100;
    constexpr long count = 37;
    const std::vector<double> x = draw_points(StartsBy::latin_hypercube, count, n, 3);
    bool differ = false;
    for (int j = 0; j < n; ++j) {
        std::set<long> parts;
        for (long i = 0; i < count; ++i) {
            parts.insert(static_cast<long>(x[i * n + j] * count));
            differ = differ ||
                     static_cast<long>(x[i * n + j] * count) != static_cast<long>(x[i * n] * count);
        }
        EXPECT_EQ(parts.size(), std::size_t(count)) << j;
    }
    EXPECT_TRUE(differ);
}

// L2 star discrepancy (Warnock 1972).
double discrepancy(const std::vector<double>& x, int n) {
    const long count = static_cast<long>(x.size()) / n;
    double first = std::pow(3.0, -n), second = 0, third = 0;
    for (long i = 0; i < count; ++i) {
        double product = 1;
        for (int j = 0; j < n; ++j) product *= (1 - x[i * n + j] * x[i * n + j]) / 2;
        second += product;
        for (long k = 0; k < count; ++k) {
            double both = 1;
            for (int j = 0; j < n; ++j) both *= 1 - std::max(x[i * n + j], x[k * n + j]);
            third += both;
        }
    }
    return std::sqrt(first - 2 * second / double(count) + third / double(count * count));
}

TEST(Draw, SobolPointsAreMoreEvenThanRandomOnes) {
    constexpr int n = 5;
    constexpr long count = 256;
    // Of independent uniform points the expected square is (2^-n - 3^-n) / count.
    const double random = std::sqrt((std::pow(2.0, -n) - std::pow(3.0, -n)) / count);
    for (const std::uint64_t seed : {0ull, 1ull, 2ull})
        EXPECT_LT(discrepancy(draw_points(StartsBy::sobol, count, n, seed), n), 0.5 * random);
    EXPECT_LT(discrepancy(draw_points(StartsBy::latin_hypercube, count, n, 1), n), random);
}

TEST(Draw, TheSeedDecides) {
    for (const StartsBy by : {StartsBy::sobol, StartsBy::latin_hypercube}) {
        EXPECT_EQ(draw_points(by, 20, 7, 9), draw_points(by, 20, 7, 9));
        EXPECT_NE(draw_points(by, 20, 7, 9), draw_points(by, 20, 7, 10));
    }
}

TEST(Draw, TooManyDimensions) {
    EXPECT_EQ(draw_points(StartsBy::sobol, 1, sobol_max_dimension, 1).size(), 64u);
    EXPECT_NE(test::message_of<InvalidArgument>([] {
                  draw_points(StartsBy::sobol, 1, 65, 1);
              }).find("latin_hypercube"),
              std::string::npos);
    EXPECT_EQ(draw_points(StartsBy::latin_hypercube, 2, 1000, 1).size(), 2000u);
}

}  // namespace
}  // namespace cunewton
