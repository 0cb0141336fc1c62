#pragma once

#include "tests/unconstrained/elements.h"

// Elements of sums as a user would write them; their closed forms are in element_sum_test.cpp.
namespace cunewton::test {

/// s_0 exp(s_1 b) + (a - y)^2 + a b / 4, of data.
struct Growth {
    static constexpr int parameters = 2;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace math;
        const auto& [a, b] = x;
        return s[0] * exp(s[1] * b) + square(a - s.target()) + 0.25 * a * b;
    }
};

/// a^2 b + exp(a) c with what derivatives `supplied` says: none, the gradient, the Hessian too;
/// `right` is 1, or the gradient is wrong.
template <int supplied>
struct Product {
    static constexpr int parameters = 3;
    double right = 1;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        return x[0] * x[0] * x[1] + exp(x[0]) * x[2];
    }
    template <class X, class G>
    requires(supplied >= 1) CUNEWTON_HOST_DEVICE void gradient(const X& x, G& g) const {
        using namespace math;
        using T = scalar_t<X>;
        const T e = exp(x[0]);
        g[0] += T(2.0 * right) * x[0] * x[1] + e * x[2];
        g[1] += x[0] * x[0];
        g[2] += e;
    }
    template <class X, class H>
    requires(supplied >= 2) CUNEWTON_HOST_DEVICE void hessian(const X& x, H& h) const {
        using namespace math;
        using T = scalar_t<X>;
        const T e = exp(x[0]);
        h(0, 0) += T(2.0) * x[1] + e * x[2];
        h(1, 0) += T(2.0) * x[0];
        h(2, 0) += e;
    }
};

/// (a - 2 b + s_0)^2 + a b: whole numbers for whole numbers.
struct WholeNumbers {
    static constexpr int parameters = 2;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const auto& [a, b] = x;
        return math::square(a - 2.0 * b + s[0]) + a * b;
    }
};

/// log a, which is no number for a < 0.
struct Logarithm {
    static constexpr int parameters = 1;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        return log(x[0]);
    }
};

/// A number: of no variable.
struct Constant {
    static constexpr int parameters = 1;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X&) const {
        return scalar_t<X>(3.0);
    }
};

#define CUNEWTON_TEST_ELEMENTS(X) \
    X(Growth)                     \
    X(Product<0>)                 \
    X(Product<1>)                 \
    X(Product<2>)                 \
    X(WholeNumbers)               \
    X(Logarithm)                  \
    X(Constant)

#if CUNEWTON_WITH_CUDA
#define CUNEWTON_TEST_DECLARE(Element)                                        \
    void add_device_code(Elements<double>& elements, const Element& element); \
    void add_device_code(Elements<float>& elements, const Element& element);
CUNEWTON_TEST_ELEMENTS(CUNEWTON_TEST_DECLARE)
#undef CUNEWTON_TEST_DECLARE
#endif

/// make_elements() with GPU code where there is any.
template <class T, class Element>
Elements<T> elements_of(const Element& element, const std::vector<int>& indices,
                        const Samples<T>& data = {}) {
    Elements<T> elements = make_elements<T>(element, indices, data);
    add_device_code(elements, element);
    return elements;
}

}  // namespace cunewton::test
