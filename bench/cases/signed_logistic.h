// A loss as a user of the library would write it, for fd_hessian.
#pragma once

#include "cunewton/scalar/scalar.h"

namespace cunewton::bench {

/// l(w, s) = log(1 + exp(-y x'w)) with the target y = +-1. Two sums, because the next addition to a
/// single one would have to wait for the last.
struct SignedLogistic {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        return math::softplus(predictor(x, s));
    }
    template <class X, class S, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, const S& s, G& g) const {
        using namespace math;
        using T = scalar_t<X>;
        const T z = predictor(x, s);
        const T e = exp(-abs(z));
        const T r = -s.target() * (select(z < T(0.0), e, T(1.0)) / (T(1.0) + e));
        for (int j = 0; j < x.size(); ++j) g[j] += r * s[j];
    }

  private:
    /// -y x'w
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto predictor(const X& x, const S& s) const {
        using T = scalar_t<X>;
        T a(0.0), b(0.0);
        int j = 0;
        for (; j + 1 < x.size(); j += 2) {
            a += x[j] * s[j];
            b += x[j + 1] * s[j + 1];
        }
        if (j < x.size()) a += x[j] * s[j];
        return T((a + b) * -s.target());
    }
};

}  // namespace cunewton::bench
