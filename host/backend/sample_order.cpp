#include "host/backend/sample_order.h"

#include <numeric>
#include <utility>

namespace cunewton {

SampleOrder::SampleOrder(long samples, std::uint64_t seed)
    : order_(static_cast<std::size_t>(samples)), used_(order_.size()), generator_(seed) {
    std::iota(order_.begin(), order_.end(), 0L);
}

std::span<const long> SampleOrder::draw(long count) {
    const std::size_t wanted = static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < wanted; ++i)
        std::swap(order_[i], order_[i + generator_.bits() % (order_.size() - i)]);
    used_ = order_.size();
    return {order_.data(), wanted};
}

std::span<const long> SampleOrder::next(long count) {
    const std::size_t wanted = static_cast<std::size_t>(count);
    if (used_ + wanted > order_.size()) {
        // Fisher and Yates 1938.
        for (std::size_t i = order_.size(); i-- > 1;)
            std::swap(order_[i], order_[generator_.bits() % (i + 1)]);
        used_ = 0;
    }
    used_ += wanted;
    return {order_.data() + used_ - wanted, wanted};
}

}  // namespace cunewton
