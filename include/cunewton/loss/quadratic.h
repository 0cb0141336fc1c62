// The quadratic form 1/2 x'Ax - b'x.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/std.h"
#if !defined(__CUDACC_RTC__)
#include "cunewton/problem.h"
#endif

namespace cunewton {

/// One term of 1/2 x'Ax - b'x = sum_i x_i (1/2 a_i'x - b_i): row a_i of the symmetric A is the
/// sample's features, b_i its target.
struct QuadraticRow {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const auto [row, own] = products(x, s);
        using R = std::remove_const_t<decltype(row)>;
        return own * (R(0.5) * row - R(s.target()));
    }
    template <class X, class S, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, const S& s, G& g) const {
        using namespace math;
        const auto [row, own] = products(x, s);
        using R = std::remove_const_t<decltype(row)>;
        const R own_derivative = R(0.5) * row - R(s.target());
        for (int j = 0; j < x.size(); ++j)
            g[j] += R(0.5) * own * s[j] + select(is_row(s, j), own_derivative, R(0.0));
    }
    template <class X, class S, class H>
    CUNEWTON_HOST_DEVICE void hessian(const X& x, const S& s, H& h) const {
        using namespace math;
        using R = std::remove_cvref_t<decltype(x[0] * s[0])>;
        for (int c = 0; c < x.size(); ++c)
            for (int r = c; r < x.size(); ++r)
                h(r, c) += R(0.5) * (select(is_row(s, r), R(s[c]), R(0.0)) +
                                     select(is_row(s, c), R(s[r]), R(0.0)));
    }

  private:
    template <class R>
    struct Products {
        R row;  // a_i'x
        R own;  // x_i
    };
    /// Whether the sample is row j: a mask where samples are in lanes.
    template <class S>
    CUNEWTON_HOST_DEVICE static auto is_row(const S& s, int j) {
        using I = std::remove_cvref_t<decltype(s.index())>;
        return s.index() == I(j);
    }
    template <class X, class S>
    CUNEWTON_HOST_DEVICE static auto products(const X& x, const S& s) {
        using namespace math;
        using R = std::remove_cvref_t<decltype(x[0] * s[0])>;
        Products<R> p{R(0.0), R(0.0)};
        for (int j = 0; j < x.size(); ++j) {
            p.row += x[j] * s[j];
            p.own = select(is_row(s, j), R(x[j]), p.own);
        }
        return p;
    }
};

CUNEWTON_DECLARE_BUILTIN(Sample, QuadraticRow)

#if !defined(__CUDACC_RTC__)
inline namespace CUNEWTON_CPU_CODE {

/// f(x) = 1/2 x'Ax - b'x with symmetric A (n x n, in the caller's memory, as is b). Gradient Ax -
/// b, Hessian A; unbounded below if A is not positive semidefinite.
template <class T>
Problem<T> make_quadratic(const T* a, const T* b, int n) {
    return make_sample_sum<T>(QuadraticRow{}, Samples<T>{a, n, n, n, b, nullptr}, n,
                              {.reduction = Reduction::sum});
}

}  // namespace CUNEWTON_CPU_CODE
#endif

}  // namespace cunewton
