// The extended Rosenbrock function as a small objective.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/math/packed.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// f(p) = sum_{k=1}^{n/2} 100 (p_{2k} - p_{2k-1}^2)^2 + (1 - p_{2k-1})^2; minimum 0 at (1, ..., 1)
/// (More, Garbow and Hillstrom 1981, problem 21).
template <int n>
struct RosenbrockN {
    static_assert(n >= 2 && n % 2 == 0);
    static constexpr int parameters = n;
    static constexpr int coordinates = 0;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE scalar_t<P> operator()(const P& p, const D&) const {
        using S = scalar_t<P>;
        S f(0.0);
        for (int j = 0; j < n; j += 2) {
            const S a = p[j];
            const S u = p[j + 1] - a * a;
            const S v = 1.0 - a;
            f += 100.0 * u * u + v * v;
        }
        return f;
    }
    template <class P, class D>
    CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE scalar_t<P> value_gradient_hessian(
        const P& p, const D&, scalar_t<P>* gradient, scalar_t<P>* hessian) const {
        using S = scalar_t<P>;
        S f(0.0);
        for (int k = 0; k < n * (n + 1) / 2; ++k) hessian[k] = S(0.0);
        for (int j = 0; j < n; j += 2) {
            const S a = p[j];
            const S u = p[j + 1] - a * a;
            const S v = 1.0 - a;
            f += 100.0 * u * u + v * v;
            gradient[j] = -400.0 * a * u - 2.0 * v;
            gradient[j + 1] = 200.0 * u;
            hessian[packed_index(j, j, n)] = 800.0 * a * a - 400.0 * u + 2.0;
            hessian[packed_index(j + 1, j, n)] = -400.0 * a;
            hessian[packed_index(j + 1, j + 1, n)] = S(200.0);
        }
        return f;
    }
};

CUNEWTON_DECLARE_BUILTIN(Objective, RosenbrockN<2>)
CUNEWTON_DECLARE_BUILTIN(Objective, RosenbrockN<4>)
CUNEWTON_DECLARE_BUILTIN(Objective, RosenbrockN<8>)
CUNEWTON_DECLARE_BUILTIN(Objective, RosenbrockN<16>)

}  // namespace cunewton
