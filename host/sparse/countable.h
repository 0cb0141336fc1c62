// How many entries a pattern may have.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "cunewton/error.h"

namespace cunewton {

/// Throws InvalidArgument for more entries than an int counts, which libraries for sparse factors
/// take.
inline void require_countable(std::size_t entries) {
    if (entries > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw InvalidArgument("a pattern has too many entries (" + std::to_string(entries) +
                              ", 2^31 or more) use Method::newton_cg, which holds no matrix");
}

}  // namespace cunewton
