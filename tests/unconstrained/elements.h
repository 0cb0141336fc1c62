#pragma once

#include <vector>

#include "cunewton/problem.h"

// Large classical problems as sums of elements, compiled once for the tests and for the benchmark.
// Formulas count from 1, code from 0.
namespace cunewton::test {

/// A term of the chained Rosenbrock function: 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2
struct RosenbrockLink {
    static constexpr int parameters = 2;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto& [a, b] = x;
        return 100.0 * math::square(b - a * a) + math::square(1.0 - a);
    }
};

/// A squared residual of Broyden's tridiagonal equations, of x_{i-1}, x_i, x_{i+1}:
/// r_i = (3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + 1 with x_0 = x_{n+1} = 0
struct BroydenInner {
    static constexpr int parameters = 3;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto& [before, at, after] = x;
        return math::square((3.0 - 2.0 * at) * at + 1.0 - before - 2.0 * after);
    }
};
/// The first, of x_1 and x_2.
struct BroydenFirst {
    static constexpr int parameters = 2;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto& [at, after] = x;
        return math::square((3.0 - 2.0 * at) * at + 1.0 - 2.0 * after);
    }
};
/// The last, of x_{n-1} and x_n.
struct BroydenLast {
    static constexpr int parameters = 2;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto& [before, at] = x;
        return math::square((3.0 - 2.0 * at) * at + 1.0 - before);
    }
};

/// The area of a plane over half of a square cell of side h, of its heights at the right angle's
/// corner and at both others.
struct SurfaceTriangle {
    static constexpr int parameters = 3;
    double h;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        const auto& [corner, a, b] = x;
        return T(0.5 * h * h) *
               sqrt(T(1.0) + T(1 / (h * h)) * (square(a - corner) + square(b - corner)));
    }
};
/// The same with some corners at given heights: `free` parameters, and s tells both slopes of the
/// plane, each as a constant and what it takes of the parameters.
template <int free>
struct SurfaceEdge {
    static constexpr int parameters = free;
    double h;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace math;
        using T = scalar_t<X>;
        T a(s[0]), b(s[free + 1]);
        for (int j = 0; j < free; ++j) {
            a += s[1 + j] * x[j];
            b += s[free + 2 + j] * x[j];
        }
        return T(0.5 * h * h) * sqrt(T(1.0) + a * a + b * b);
    }
};

#define CUNEWTON_TEST_LARGE_ELEMENTS(X) \
    X(RosenbrockLink)                   \
    X(BroydenInner)                     \
    X(BroydenFirst)                     \
    X(BroydenLast)                      \
    X(SurfaceTriangle)                  \
    X(SurfaceEdge<1>)                   \
    X(SurfaceEdge<2>)

// add_device_code() gives elements their GPU code, which a .cu file holds. Does nothing without
// CUDA.
#if CUNEWTON_WITH_CUDA
#define CUNEWTON_TEST_DECLARE(Element)                                        \
    void add_device_code(Elements<double>& elements, const Element& element); \
    void add_device_code(Elements<float>& elements, const Element& element);
CUNEWTON_TEST_LARGE_ELEMENTS(CUNEWTON_TEST_DECLARE)
#undef CUNEWTON_TEST_DECLARE
#else
template <class T, class Element>
void add_device_code(Elements<T>&, const Element&) {}
#endif

// The functions of tests/sparse/functions.h. T: double or float.

/// n >= 2
template <class T>
Problem<T> chain_sum(int n, const ProblemOptions& options = {});
/// n >= 2
template <class T>
Problem<T> broyden_sum(int n, const ProblemOptions& options = {});
/// n = side^2
template <class T>
Problem<T> surface_sum(int side, const ProblemOptions& options = {});

}  // namespace cunewton::test
