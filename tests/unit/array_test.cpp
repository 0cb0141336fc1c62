// Views of numbers: shapes, strides, what may be viewed as what, and who keeps it alive.
#include "cunewton/array.h"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <span>
#include <vector>

namespace cunewton {
namespace {

TEST(ArrayTest, AVectorIsOneRow) {
    const std::vector<float> numbers{1, 2, 3};
    const Array<const float> row = numbers;
    EXPECT_EQ(row.rows, 1);
    EXPECT_EQ(row.columns, 3);
    EXPECT_TRUE(row.contiguous());
    EXPECT_TRUE(row.on_host());
    EXPECT_EQ(row(0, 2), 3);
    EXPECT_EQ(Array<const float>(std::span<const float>(numbers)).data, numbers.data());
    EXPECT_TRUE(Array<const float>().empty());
}

TEST(ArrayTest, WhatMayNotBeChangedIsNotViewedAsWhatMay) {
    static_assert(std::convertible_to<std::vector<float>&, Array<float>>);
    static_assert(std::convertible_to<Array<float>, Array<const float>>);
    static_assert(!std::convertible_to<const std::vector<float>&, Array<float>>);
    static_assert(!std::convertible_to<Array<const float>, Array<float>>);
    static_assert(!std::convertible_to<std::vector<double>&, Array<const float>>);
    static_assert(!std::convertible_to<std::vector<float>, Array<const float>>);  // a temporary
    static_assert(std::convertible_to<std::span<float>, Array<const float>>);
}

TEST(ArrayTest, ImagesAreRowsOfPixelsByExchangingRowsAndColumns) {
    // Two images of three pixels: each pixel's numbers are three apart.
    const std::vector<int> images{0, 1, 2, 10, 11, 12};
    const Array<const int> pixels = Array<const int>(images.data(), 2, 3).transposed();
    EXPECT_EQ(pixels.rows, 3);
    EXPECT_EQ(pixels.columns, 2);
    EXPECT_FALSE(pixels.contiguous());
    for (long i = 0; i < 3; ++i)
        for (long k = 0; k < 2; ++k) EXPECT_EQ(pixels(i, k), 10 * k + i);
}

TEST(ArrayTest, StridesSkipAndRepeat) {
    std::vector<int> numbers(12);
    std::iota(numbers.begin(), numbers.end(), 0);
    const Array<int> every_other = Array<int>(numbers.data(), 2, 3).strided(6, 2);
    EXPECT_EQ(every_other(1, 2), 10);
    const Array<int> one_row_for_all = Array<int>(numbers.data(), 5, 2).strided(0, 1);
    EXPECT_EQ(one_row_for_all(4, 1), 1);
    EXPECT_FALSE(one_row_for_all.contiguous());
}

TEST(ArrayTest, KeepsItsOwnerAlive) {
    auto owner = std::make_shared<std::vector<double>>(4, 1.0);
    const std::weak_ptr<std::vector<double>> watched = owner;
    Array<const double> view = Array<const double>(owner->data(), 2, 2).kept_by(owner);
    owner.reset();
    EXPECT_FALSE(watched.expired());
    const Array<const double> copy = view;
    view = {};
    EXPECT_FALSE(watched.expired());
    EXPECT_EQ(copy(1, 1), 1.0);
}

TEST(ArrayTest, SaysWhereItIs) {
    float* const somewhere = nullptr;
    const Array<float> view = Array<float>(somewhere, 10, 2).on_device(3);
    EXPECT_FALSE(view.on_host());
    EXPECT_EQ(view.device, 3);
    EXPECT_EQ(view.size(), 20);
}

}  // namespace
}  // namespace cunewton
