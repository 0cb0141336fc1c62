// Samples in random order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/backend/random.h"

namespace cunewton {

/// All samples in random order, again and again.
class SampleOrder {
  public:
    SampleOrder(long samples, std::uint64_t seed);
    /// The next ones, 1 <= count <= samples. They are different from each other: what is left of an
    /// order and too little is left out.
    std::span<const long> next(long count);
    /// Some, different from each other and independent of those before; next() begins anew.
    std::span<const long> draw(long count);

    /// Writes or reads where it is, by a State.
    template <class S>
    void pass(S& state) {
        state(order_, used_, generator_);
    }

  private:
    std::vector<long> order_;
    std::size_t used_;
    Generator generator_;
};

}  // namespace cunewton
