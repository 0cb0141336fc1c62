// The blocks of Newton's method by blocks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cunewton/options.h"

namespace cunewton::solver {

/// Parameters of a block, at most, that has not been asked for.
inline constexpr int largest_block = 5000;
/// Unit vectors that products are taken with at a time.
inline constexpr int block_columns = 16;

/// The blocks of the options; else `known` equal ones; else one of everything.
inline std::vector<IndexRange> blocks_of(const Options& options, int n, int known) {
    if (!options.blocks.empty()) return options.blocks;
    std::vector<IndexRange> blocks;
    const int count = std::max(known, 1), size = n / count;
    for (int k = 0; k < count; ++k) blocks.push_back({k * size, (k + 1) * size});
    return blocks;
}
inline std::vector<int> sizes_of(const std::vector<IndexRange>& blocks) {
    std::vector<int> sizes;
    for (const IndexRange& block : blocks) sizes.push_back(block.size());
    return sizes;
}
inline std::size_t entries_of(const std::vector<IndexRange>& blocks) {
    std::size_t entries = 0;
    for (const IndexRange& block : blocks)
        entries += static_cast<std::size_t>(block.size()) * static_cast<std::size_t>(block.size());
    return entries;
}
/// Numbers of a machine that the method takes besides.
inline std::size_t block_numbers(const std::vector<IndexRange>& blocks, std::size_t n) {
    return 2 * entries_of(blocks) + (2 + 2 * block_columns) * n;
}

}  // namespace cunewton::solver
