#include "host/backend/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cunewton {
namespace {

TEST(RandomNumbers, UniformOnesAreSplitmix64s) {
    // The first two of the reference implementation for this seed.
    Generator generator(1234567);
    EXPECT_EQ(generator.uniform(), static_cast<double>(6457827717110365317u >> 11) * 0x1p-53);
    EXPECT_EQ(generator.uniform(), static_cast<double>(3203168211198807973u >> 11) * 0x1p-53);
}

TEST(RandomNumbers, NormalOnesHaveTheMomentsOfANormalDistribution) {
    Generator generator(5);
    const int count = 200'000;
    double sums[5] = {};
    int beyond_two = 0;
    for (int i = 0; i < count; ++i) {
        const double x = generator.normal();
        double power = 1;
        for (double& sum : sums) {
            sum += power;
            power *= x;
        }
        beyond_two += std::abs(x) > 2;
    }
    // Within four standard errors: the variances of the powers are 1, 2, 15 and 96.
    const double root = std::sqrt(static_cast<double>(count));
    EXPECT_NEAR(sums[1] / count, 0, 4 / root);
    EXPECT_NEAR(sums[2] / count, 1, 4 * std::sqrt(2) / root);
    EXPECT_NEAR(sums[3] / count, 0, 4 * std::sqrt(15) / root);
    EXPECT_NEAR(sums[4] / count, 3, 4 * std::sqrt(96) / root);
    EXPECT_NEAR(beyond_two / double(count), std::erfc(std::sqrt(2)), 4 * 0.21 / root);
}

}  // namespace
}  // namespace cunewton
