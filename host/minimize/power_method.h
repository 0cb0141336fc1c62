// The largest eigenvalue, by the power method.
#pragma once

#include <cmath>

#include "host/backend/state.h"

namespace cunewton::solver {

/// The eigenvalue of the largest magnitude of a symmetric matrix (Golub and Van Loan 2013, section
/// 7.3.1), a product an iteration, which goes on from the last eigenvector.
template <class T>
class PowerMethod {
  public:
    PowerMethod(Vectors<T>& vectors, int n)
        : vectors_(vectors),
          n_(n),
          v_(vectors.allocate(n)),
          Hv_(vectors.allocate(n)),
          vHv_(vectors.number()),
          length_(vectors.number()) {}

    /// From x / |x|, where |x| > 0 is known.
    void begin(const T* x, double length) {
        vectors_.scale(v_.get(), static_cast<T>(length > 0 ? 1 / length : 0), x, n_);
    }
    /// v'Hv at v, by a product.
    template <class Apply>
    double quotient(const Apply& apply) {
        apply(v_.get(), Hv_.get());
        vectors_.dot(v_.get(), Hv_.get(), n_, vHv_);
        return vectors_.read(vHv_);
    }
    struct Estimate {
        double quotient = 0;  ///< v'Hv of the last v: approaches the eigenvalue from inside
        double length = 0;    ///< |Hv|: the same of its magnitude; 0 or not finite: v is of no use
        bool usable() const { return length > 0 && std::isfinite(length); }
    };
    /// By so many products, apply(v, Hv), or fewer where the vector is lost.
    template <class Apply>
    Estimate run(int products, const Apply& apply) {
        Estimate now;
        for (int i = 0; i < products; ++i) {
            now.quotient = quotient(apply);
            vectors_.norms({{Hv_.get(), length_}}, n_);
            now.length = vectors_.read(length_);
            if (!now.usable()) break;
            vectors_.scale(v_.get(), static_cast<T>(1 / now.length), Hv_.get(), n_);
        }
        return now;
    }

    /// Writes or reads the vector that it goes on from.
    void pass(State<T>& state) { state(v_); }

  private:
    Vectors<T>& vectors_;
    const int n_;
    const Buffer<T> v_, Hv_;
    const Number vHv_, length_;
};

}  // namespace cunewton::solver
