// Parameters that follow each other.
#pragma once

#include "cunewton/scalar/cpp20.h"

namespace cunewton {

/// Those of number begin, begin + 1, ..., end - 1.
struct IndexRange {
    int begin, end;
    int size() const { return end - begin; }
};

}  // namespace cunewton
