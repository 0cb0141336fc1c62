// (Compiled in the user's file.) The lower triangle of an n x n matrix, packed column by column:
// (0,0), (1,0), ..., (n-1,0), (1,1), (2,1), ... Host and device.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// Number of entries, n (n + 1) / 2.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE long packed_size(int n) {
    return static_cast<long>(n) * (n + 1L) / 2;
}

/// Position of (row, column), row >= column.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE long packed_index(int row, int column, int n) {
    return static_cast<long>(column) * (2L * n - column - 1) / 2 + row;
}

struct PackedEntry {
    int row, column;
};

/// The entry at a position: the inverse of packed_index.
CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE PackedEntry packed_entry(long index, int n) {
    // The column is the root of packed_index(c, c) = index; rounding may miss it by one.
    const double b = 2.0 * n + 1.0;
    int column = static_cast<int>((b - std::sqrt(b * b - 8.0 * static_cast<double>(index))) / 2.0);
    column = column < 0 ? 0 : column >= n ? n - 1 : column;
    if (packed_index(column, column, n) > index) --column;
    if (column + 1 < n && packed_index(column + 1, column + 1, n) <= index) ++column;
    return {static_cast<int>(index - packed_index(0, column, n)), column};
}

}  // namespace cunewton
