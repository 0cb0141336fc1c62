#include "tests/support/datasets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace cunewton::test {
namespace {

// The generator's own reference: splitmix64(0) seeds xoshiro256**; pinned so that a change of the
// stream, which would change every dataset, is seen.
TEST(Datasets, StreamIsPinned) {
    Random random(0);
    EXPECT_EQ(random.bits(), 0x99ec5f36cb75f2b4u);
    EXPECT_EQ(random.bits(), 0xbf6e1f784956452au);
}

TEST(Datasets, NearNormalHasMeanZeroAndVarianceOne) {
    Random random(3);
    const int count = 20000;
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < count; ++i) {
        const double v = random.near_normal();
        EXPECT_EQ(static_cast<double>(static_cast<float>(v)), v);
        sum += v;
        squares += v * v;
    }
    // Five standard deviations of the two estimates.
    EXPECT_LT(std::fabs(sum / count), 5.0 / std::sqrt(count));
    EXPECT_LT(std::fabs(squares / count - 1.0), 5.0 * std::sqrt(2.0 / count));
}

TEST(Datasets, SameSeedSameData) {
    DatasetOptions options;
    options.weights = true;
    const Dataset a = make_multiclass(50, 4, 3, 9, options);
    const Dataset b = make_multiclass(50, 4, 3, 9, options);
    const Dataset c = make_multiclass(50, 4, 3, 10, options);
    EXPECT_EQ(a.X, b.X);
    EXPECT_EQ(a.y, b.y);
    EXPECT_EQ(a.w, b.w);
    EXPECT_NE(a.X, c.X);
    EXPECT_EQ(a.truth.size(), 15u);
    EXPECT_EQ(a.X.size(), 200u);
    for (const double w : a.w) {
        EXPECT_GE(w, 0.25);
        EXPECT_LT(w, 2.25);
    }
    EXPECT_TRUE(make_binary(50, 4, 9).w.empty());
}

TEST(Datasets, RegressionWithoutNoiseFitsItsTruth) {
    DatasetOptions options;
    options.noise = 0.0;
    const Dataset set = make_regression(20, 3, 5, options);
    for (std::size_t i = 0; i < 20; ++i) {
        // Summed backwards: exact all the same.
        double z = 0.0;
        for (std::size_t j = 3; j-- > 0;) z += set.X[3 * i + j] * set.truth[j];
        EXPECT_EQ(z + set.truth[3], set.y[i]);
    }
}

TEST(Datasets, LabelsAreOfTheirKind) {
    const Dataset binary = make_binary(400, 5, 1);
    const auto ones = std::count(binary.y.begin(), binary.y.end(), 1.0);
    EXPECT_EQ(ones + std::count(binary.y.begin(), binary.y.end(), 0.0), 400);
    EXPECT_GT(ones, 40);
    EXPECT_LT(ones, 360);

    const Dataset classes = make_multiclass(400, 5, 4, 2);
    for (const double k : {0.0, 1.0, 2.0, 3.0}) {
        EXPECT_GT(std::count(classes.y.begin(), classes.y.end(), k), 10) << k;
    }

    const Dataset counts = make_counts(400, 5, 3);
    double sum = 0.0;
    for (const double y : counts.y) {
        EXPECT_EQ(y, std::floor(y));
        EXPECT_GE(y, 0.0);
        EXPECT_LE(y, 64.0);
        sum += y;
    }
    EXPECT_GT(sum, 100.0);
}

TEST(Datasets, EmptyAndImpossibleSizes) {
    EXPECT_TRUE(make_regression(0, 3, 1).X.empty());
    EXPECT_EQ(make_regression(3, 0, 1).truth.size(), 1u);
    EXPECT_THROW(make_binary(-1, 3, 1), std::invalid_argument);
    EXPECT_THROW(make_multiclass(3, 3, 0, 1), std::invalid_argument);
}

}  // namespace
}  // namespace cunewton::test
