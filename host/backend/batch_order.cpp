#include <algorithm>
#include <limits>
#include <numeric>

#include "host/backend/batch_engine.h"

namespace cunewton {

std::vector<int> order_by_size(const long* offsets, long problems) {
    if (!offsets || problems < 2 || problems > std::numeric_limits<int>::max()) return {};
    const auto size = [&](int i) { return offsets[i + 1] - offsets[i]; };
    const int count = static_cast<int>(problems);
    long least = size(0), most = least;
    for (int i = 1; i < count; ++i) {
        least = std::min(least, size(i));
        most = std::max(most, size(i));
    }
    if (least == most) return {};
    std::vector<int> order(static_cast<std::size_t>(problems));
    if (most - least > 4 * problems) {
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int a, int b) { return size(a) > size(b); });
        return order;
    }
    // Where those of each size begin: a chunk is ordered by one thread while others have nothing to
    // do.
    std::vector<int> begin(static_cast<std::size_t>(most - least + 2));
    const auto place = [&](int i) { return static_cast<std::size_t>(most - size(i)); };
    for (int i = 0; i < count; ++i) ++begin[place(i) + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    for (int i = 0; i < count; ++i) order[static_cast<std::size_t>(begin[place(i)]++)] = i;
    return order;
}

}  // namespace cunewton
