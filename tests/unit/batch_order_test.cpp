// The order in which problems of different sizes are begun.
#include <gtest/gtest.h>

#include <vector>

#include "host/backend/batch_engine.h"

namespace cunewton {
namespace {

using Numbers = std::vector<int>;

Numbers order_of(const std::vector<long>& sizes, long first = 0) {
    std::vector<long> offsets{first};
    for (const long size : sizes) offsets.push_back(offsets.back() + size);
    return order_by_size(offsets.data(), static_cast<long>(sizes.size()));
}

TEST(BatchOrderTest, LargeOnesComeFirstAndEqualOnesKeepTheirOrder) {
    EXPECT_EQ(order_of({3, 7, 0, 7, 3, 8}), (Numbers{5, 1, 3, 0, 4, 2}));
    EXPECT_EQ(order_of({1, 2}, 1000), (Numbers{1, 0}));
    // Sizes that are far apart.
    EXPECT_EQ(order_of({5, 1000000, 5, 2000000}), (Numbers{3, 1, 0, 2}));
}

TEST(BatchOrderTest, ThereIsNoneWhereItWouldNotMatter) {
    EXPECT_TRUE(order_of({4, 4, 4}).empty());
    EXPECT_TRUE(order_of({4}).empty());
    EXPECT_TRUE(order_of({}).empty());
    EXPECT_TRUE(order_by_size(nullptr, 5).empty());
}

}  // namespace
}  // namespace cunewton
