// (Compiled in the library.) 2-norms that neither overflow nor underflow while the result does not.
#pragma once

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/std.h"

namespace cunewton {

/// The sum of squares of a vector's entries, in three parts of which each is scaled so that its
/// squares are normal numbers: large, ordinary and tiny entries. One pass, and partial sums can be
/// added up. Blue, "A portable Fortran program to find the Euclidean norm of a vector", ACM TOMS 4
/// (1978), with the thresholds of Anderson, "Algorithm 978: safe scaling in the level 1 BLAS", ACM
/// TOMS 44 (2017); good for 2^52 entries.
class NormSum {
  public:
    CUNEWTON_HOST_DEVICE void add(double x) {
        const double a = std::fabs(x);
        if (a > 0x1p486) {
            large_ += (a * large_scale) * (a * large_scale);
        } else if (a < 0x1p-511) {
            tiny_ += (a * tiny_scale) * (a * tiny_scale);
        } else {
            ordinary_ += a * a;  // a NaN also
        }
    }

    CUNEWTON_HOST_DEVICE friend NormSum operator+(NormSum a, const NormSum& b) {
        a.large_ += b.large_;
        a.ordinary_ += b.ordinary_;
        a.tiny_ += b.tiny_;
        return a;
    }

    /// Infinite if an entry or the norm itself is; NaN if an entry is.
    CUNEWTON_HOST_DEVICE double norm() const {
        // Tiny entries are below rounding beside large ones.
        if (large_ > 0)
            return std::sqrt(large_ + (ordinary_ * large_scale) * large_scale) / large_scale;
        if (tiny_ == 0) return std::sqrt(ordinary_);
        if (ordinary_ == 0) return std::sqrt(tiny_) / tiny_scale;
        const double ordinary = std::sqrt(ordinary_), tiny = std::sqrt(tiny_) / tiny_scale;
        // Many tiny entries may outweigh an ordinary one.
        return tiny > ordinary ? tiny * std::sqrt(1 + (ordinary / tiny) * (ordinary / tiny))
                               : ordinary * std::sqrt(1 + (tiny / ordinary) * (tiny / ordinary));
    }

  private:
    static constexpr double large_scale = 0x1p-538, tiny_scale = 0x1p537;
    double large_ = 0, ordinary_ = 0, tiny_ = 0;
};

}  // namespace cunewton
