// (Compiled in the user's file.) The L2 penalty: the one place that knows which coefficients it
// covers.
#pragma once

#include "cunewton/scalar/macros.h"

namespace cunewton {

/// l2/2 sum_j x_j^2 over the coefficients that are not spared.
struct Penalty {
    double l2 = 0;
    int spared_period = 0;  ///< every j with j % period == period - 1 is spared; 0: none
    /// And so is every j with begin <= j < end, for the first `ranges` of these.
    struct Range {
        int begin, end;
    };
    static constexpr int most_ranges = 32;
    int ranges = 0;
    Range spared[most_ranges] = {};
    /// What multiplies x_j in the gradient, and stands on the Hessian's diagonal.
    CUNEWTON_HOST_DEVICE double at(int j) const {
        if (spared_period > 0 && j % spared_period == spared_period - 1) return 0.0;
        for (int r = 0; r < ranges; ++r)
            if (j >= spared[r].begin && j < spared[r].end) return 0.0;
        return l2;
    }
};

}  // namespace cunewton
