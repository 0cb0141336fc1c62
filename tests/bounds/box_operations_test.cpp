// What vectors and matrices do with a box of bounds.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/open_session.h"

namespace cunewton::test {
namespace {

template <class T>
class BoxOperations : public BackendTest {};
using Reals = ::testing::Types<double, float>;
TYPED_TEST_SUITE(BoxOperations, Reals);

TYPED_TEST(BoxOperations, AreTheDefinitions) {
    using T = TypeParam;
    constexpr T inf = std::numeric_limits<T>::infinity();
    const T nan = std::numeric_limits<T>::quiet_NaN();
    const T A[] = {2, 0, 0, 2}, b[] = {1, 1};
    const Session<T> session = open(make_quadratic<T>(A, b, 2));
    Vectors<T>& vectors = *session.vectors;
    const auto there = [&](const std::vector<T>& numbers) {
        Buffer<T> buffer = vectors.allocate(numbers.size());
        vectors.upload(buffer.get(), numbers.data(), numbers.size());
        return buffer;
    };
    const auto back = [&](const Buffer<T>& buffer) {
        std::vector<T> numbers(buffer.size());
        vectors.download(numbers.data(), buffer.get(), numbers.size());
        return numbers;
    };
    // Below, at and above bounds; without one; fixed.
    const Buffer<T> x = there({-2, -1, 0, 1, 2, 5, -1, 1, 3}),
                    lower = there({-1, -1, -1, -1, -1, -inf, -1, -1, 3}),
                    upper = there({1, 1, 1, 1, 1, inf, 1, 1, 3}),
                    g = there({1, 1, 1, 1, 1, -4, -1, -1, 1}), y = there(std::vector<T>(9, T(7)));
    vectors.clamp(y.get(), x.get(), lower.get(), upper.get(), 9);
    EXPECT_EQ(back(y), (std::vector<T>{-1, -1, 0, 1, 1, 5, -1, 1, 3}));
    vectors.find_free(y.get(), x.get(), g.get(), lower.get(), upper.get(), 9);
    EXPECT_EQ(back(y), (std::vector<T>{0, 0, 1, 1, 1, 1, 1, 0, 0}));
    const Buffer<T> odd = there({1, nan, 3, inf}), free = there({1, 0, 1, 0}),
                    z = there({9, 9, 9, 9});
    vectors.select(z.get(), free.get(), odd.get(), 4);
    EXPECT_EQ(back(z), (std::vector<T>{1, 0, 3, 0}));
    vectors.select(z.get(), free.get(), odd.get(), 0);
    EXPECT_EQ(back(z), (std::vector<T>{1, 0, 3, 0}));

    // More rows than a block of threads has, so that each place is met.
    const int n = 70;
    std::vector<T> matrix(n * n), mask(n), expected(n * n, T(0));
    for (int j = 0; j < n; ++j) mask[static_cast<std::size_t>(j)] = j % 3 == 1 ? T(0) : T(1);
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n; ++i) {
            const std::size_t e = static_cast<std::size_t>(j * n + i);
            const bool both = i % 3 != 1 && j % 3 != 1;
            matrix[e] = both ? static_cast<T>(e + 1) : nan;
            expected[e] = both ? matrix[e] : i == j ? T(1) : T(0);
        }
    const Buffer<T> H = there(matrix), of = there(mask);
    session.matrices->restrict_to(H.get(), of.get(), H.get(), n);
    EXPECT_EQ(back(H), expected);
}

}  // namespace
}  // namespace cunewton::test
