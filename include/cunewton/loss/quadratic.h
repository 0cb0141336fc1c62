// The quadratic form 1/2 x'Ax - b'x.
#pragma once

#include "cunewton/loss/device_code.h"
#include "cunewton/math/scalar.h"
#include "cunewton/problem.h"

namespace cunewton {

/// One term of 1/2 x'Ax - b'x = sum_i x_i (1/2 a_i'x - b_i): row a_i of the symmetric A is the
/// sample's features, b_i its target.
struct QuadraticRow {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using R = decltype(x[0] * s[0]);
        R row(0.0), own(0.0);
        for (int j = 0; j < x.size(); ++j) {
            row += x[j] * s[j];
            own = math::select(s.index() == decltype(s.index())(double(j)), R(x[j]), own);
        }
        return own * (R(0.5) * row - R(s.target()));
    }
};

CUNEWTON_DECLARE_SAMPLE_DEVICE_CODE(QuadraticRow)

/// f(x) = 1/2 x'Ax - b'x with symmetric A (n x n, in the caller's memory, as is b). Gradient Ax - b,
/// Hessian A; unbounded below if A is not positive semidefinite.
template <class T>
Problem<T> make_quadratic(const T* a, const T* b, int n) {
    return make_sample_sum<T>(QuadraticRow{}, Samples<T>{a, n, n, n, b, nullptr}, n,
                              {.reduction = Reduction::sum});
}

}  // namespace cunewton
