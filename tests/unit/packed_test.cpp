#include "cunewton/math/packed.h"

#include <gtest/gtest.h>

namespace cunewton {
namespace {

void expect_inverse(long index, int n) {
    const PackedEntry entry = packed_entry(index, n);
    ASSERT_TRUE(0 <= entry.column && entry.column <= entry.row && entry.row < n)
        << "n = " << n << ", index " << index << ": " << entry.row << ", " << entry.column;
    ASSERT_EQ(packed_index(entry.row, entry.column, n), index) << "n = " << n;
}

TEST(Packed, IndexCountsColumnByColumn) {
    for (const int n : {1, 2, 3, 7, 64}) {
        long next = 0;
        for (int column = 0; column < n; ++column)
            for (int row = column; row < n; ++row) EXPECT_EQ(packed_index(row, column, n), next++);
        EXPECT_EQ(packed_size(n), next);
    }
}

TEST(Packed, EntryIsTheInverseOfIndex) {
    for (int n = 1; n <= 150; ++n)
        for (long index = 0; index < packed_size(n); ++index) expect_inverse(index, n);
}

// The root is taken in double: near the ends of columns of large matrices it may miss.
TEST(Packed, EntryIsRightAtTheEndsOfLongColumns) {
    for (const int n : {4097, 46'341, 100'000, 1'000'000})
        for (int column = 0; column < n; column += 1 + n / 5000) {
            const long first = packed_index(column, column, n);
            expect_inverse(first, n);
            if (first > 0) expect_inverse(first - 1, n);
        }
    expect_inverse(packed_size(1'000'000) - 1, 1'000'000);
    expect_inverse(packed_size(1'000'000) - 2, 1'000'000);
}

}  // namespace
}  // namespace cunewton
