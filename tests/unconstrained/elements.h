#pragma once

#include <vector>

#include "cunewton/problem.h"
#include "tests/unconstrained/functors.h"

// Large classical problems as sums of elements, compiled once for the tests and for the benchmark.
// Formulas count from 1, code from 0.
namespace cunewton::test {

/// A term of functors.h's ChainedRosenbrock: 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2
struct RosenbrockLink {
    static constexpr int parameters = 2;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto& [a, b] = x;
        return 100.0 * math::square(b - a * a) + math::square(1.0 - a);
    }
};

/// A squared residual of functors.h's BroydenTridiagonal, of x_{i-1}, x_i, x_{i+1}:
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

/// The area of a surface over a square cell of side h, in the mean of both ways to cut it in two
/// triangles: h^2 sqrt(1 + ((a - c)^2 + (b - d)^2) / 2h^2) for the heights a, b, c, d of the
/// corners in their order (MINSURF of CUTEst).
template <class A, class B, class C, class D>
CUNEWTON_HOST_DEVICE auto surface_of_cell(double h, const A& a, const B& b, const C& c,
                                          const D& d) {
    using namespace math;
    return h * h * sqrt(1.0 + (square(a - c) + square(b - d)) * (0.5 / (h * h)));
}
/// Of four free corners.
struct SurfaceCell {
    static constexpr int parameters = 4;
    double h;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto& [a, b, c, d] = x;
        return surface_of_cell(h, a, b, c, d);
    }
};
/// Of two free corners, neighbours; s: the heights of the others, in their order.
struct SurfaceEdge {
    static constexpr int parameters = 2;
    double h;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const auto& [a, b] = x;
        return surface_of_cell(h, a, b, s[0], s[1]);
    }
};
/// Of one free corner.
struct SurfaceCorner {
    static constexpr int parameters = 1;
    double h;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const auto& [a] = x;
        return surface_of_cell(h, a, s[0], s[1], s[2]);
    }
};

#define CUNEWTON_TEST_LARGE_ELEMENTS(X) \
    X(RosenbrockLink)                   \
    X(BroydenInner)                     \
    X(BroydenFirst)                     \
    X(BroydenLast)                      \
    X(SurfaceCell)                      \
    X(SurfaceEdge)                      \
    X(SurfaceCorner)

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

/// functors.h's ChainedRosenbrock, n >= 2. T: double or float.
template <class T>
Problem<T> chained_rosenbrock_sum(long n);
/// functors.h's BroydenTridiagonal, n >= 2.
template <class T>
Problem<T> broyden_tridiagonal_sum(long n);

/// The smallest surface over the unit square whose heights on its edges are edge_height(s, t): on a
/// grid of side x side free points, one row (of equal t) after the other.
template <class T>
Problem<T> minimal_surface_sum(int side);
double edge_height(double s, double t);

}  // namespace cunewton::test
