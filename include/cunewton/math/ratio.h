// (Compiled in the user's file.) What vectors are multiplied by in recurrences such as those of
// conjugate gradients.
#pragma once

#include "cunewton/scalar/macros.h"

namespace cunewton {

/// sign * over / under; 0 where nothing is divided, as at the end of a recurrence.
CUNEWTON_HOST_DEVICE inline double ratio_of(double sign, double over, double under) {
    return over == 0 ? 0.0 : sign * over / under;
}

}  // namespace cunewton
