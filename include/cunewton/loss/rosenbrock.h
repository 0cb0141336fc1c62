// The extended Rosenbrock function, a classical test objective.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/as_sample.h"
#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"

namespace cunewton {

/// f(x) = sum_{k=1}^{n/2} 100 (x_{2k} - x_{2k-1}^2)^2 + (1 - x_{2k-1})^2, n even; minimum 0 at
/// (1, ..., 1) (More, Garbow and Hillstrom 1981, problem 21).
struct ExtendedRosenbrock {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        T f(0.0);
        for (int j = 0; j + 1 < x.size(); j += 2) {
            const T a = x[j];
            const T u = x[j + 1] - a * a;
            const T v = T(1.0) - a;
            f += T(100.0) * u * u + v * v;
        }
        return f;
    }
};

CUNEWTON_DECLARE_BUILTIN(Sample, cpu::ObjectiveAsSample<ExtendedRosenbrock>)

}  // namespace cunewton
