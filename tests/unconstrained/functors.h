#pragma once

#include <cmath>

#include "cunewton/scalar/macros.h"

// Classical unconstrained test problems, each one a trivially copyable functor that runs on host
// and device:
//
//   T f = functor(x);  // X::value_type is T; x[j], j = 0 .. x.size()-1, converts to const T&
//
// T is float, double, long double, a dual number or a pack of lanes. It needs + - * /, T(double),
// and exp, sin, cos, which are found beside T or in std. Nothing branches on a T.
//
// MGHnn: J. J. More, B. S. Garbow, K. E. Hillstrom, "Testing unconstrained optimization software",
// ACM TOMS 7 (1981) 17-41, problem nn. f is their sum of squared residuals, without a factor 1/2.
// Lnn: known from CUTEst (N. I. M. Gould, D. Orban, Ph. L. Toint, Comput. Optim. Appl. 60 (2015)
// 545-557) under the name in the comment, or textbook functions. Formulas count from 1, code from
// 0. Weights such as sqrt(10) are squared on paper, so that no root is taken.
namespace cunewton::test {

namespace detail {

template <class T>
CUNEWTON_HOST_DEVICE T squared(const T& v) {
    return v * v;
}

template <class T>
CUNEWTON_HOST_DEVICE T cubed(const T& v) {
    return v * v * v;
}

template <class T>
CUNEWTON_HOST_DEVICE T negative(const T& v) {
    return T(0.0) - v;
}

// Wood's function of one block of four; MGH14 is one block, L07 a sum of them.
template <class T>
CUNEWTON_HOST_DEVICE T wood(const T& a, const T& b, const T& c, const T& d) {
    return T(100.0) * detail::squared(T(b - a * a)) + detail::squared(T(T(1.0) - a)) +
           T(90.0) * detail::squared(T(d - c * c)) + detail::squared(T(T(1.0) - c)) +
           T(10.0) * detail::squared(T(b + d - T(2.0))) + T(0.1) * detail::squared(T(b - d));
}

// Powell's singular function of one block of four; MGH13 is one block, MGH22 a sum of them.
template <class T>
CUNEWTON_HOST_DEVICE T powell_singular(const T& a, const T& b, const T& c, const T& d) {
    return detail::squared(T(a + T(10.0) * b)) + T(5.0) * detail::squared(T(c - d)) +
           detail::squared(detail::squared(T(b - T(2.0) * c))) +
           T(10.0) * detail::squared(detail::squared(T(a - d)));
}

}  // namespace detail

/// MGH01. r1 = 10 (x2 - x1^2); r2 = 1 - x1
struct Rosenbrock {
    static constexpr const char* id = "MGH01";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const T u = x[0];
        const T v = x[1];
        return T(T(100.0) * detail::squared(T(v - u * u)) + detail::squared(T(T(1.0) - u)));
    }
};

/// MGH03. r1 = 1e4 x1 x2 - 1; r2 = exp(-x1) + exp(-x2) - 1.0001
struct PowellBadlyScaled {
    static constexpr const char* id = "MGH03";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::exp;
        const T u = x[0];
        const T v = x[1];
        const T r1 = T(1.0e4) * u * v - T(1.0);
        const T r2 = exp(detail::negative(u)) + exp(detail::negative(v)) - T(1.0001);
        return T(r1 * r1 + r2 * r2);
    }
};

/// MGH04. r1 = x1 - 1e6; r2 = x2 - 2e-6; r3 = x1 x2 - 2
struct BrownBadlyScaled {
    static constexpr const char* id = "MGH04";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const T u = x[0];
        const T v = x[1];
        return T(detail::squared(T(u - T(1.0e6))) + detail::squared(T(v - T(2.0e-6))) +
                 detail::squared(T(u * v - T(2.0))));
    }
};

/// MGH05. r_i = y_i - x1 (1 - x2^i), i = 1..3
struct Beale {
    static constexpr const char* id = "MGH05";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        constexpr double y[] = {1.5, 2.25, 2.625};
        const T scale = x[0];
        const T base = x[1];
        T power = T(1.0);
        T f = T(0.0);
        for (int i = 0; i < 3; ++i) {
            power = power * base;
            f = f + detail::squared(T(T(y[i]) - scale * (T(1.0) - power)));
        }
        return f;
    }
};

/// MGH06. r_i = 2 + 2i - (exp(i x1) + exp(i x2)), i = 1..10
struct JennrichSampson {
    static constexpr const char* id = "MGH06";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::exp;
        const T u = x[0];
        const T v = x[1];
        T f = T(0.0);
        for (int i = 1; i <= 10; ++i) {
            const T growth = exp(T(T(i) * u)) + exp(T(T(i) * v));
            f = f + detail::squared(T(T(2 + 2 * i) - growth));
        }
        return f;
    }
};

/// MGH08. v_i = 16 - i, w_i = min(i, v_i); r_i = y_i - (x1 + i / (v_i x2 + w_i x3)), i = 1..15
struct Bard {
    static constexpr const char* id = "MGH08";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        constexpr double y[] = {0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39,
                                0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39};
        const T x1 = x[0];
        const T x2 = x[1];
        const T x3 = x[2];
        T f = T(0.0);
        for (int i = 1; i <= 15; ++i) {
            const int v = 16 - i;
            const int w = i < v ? i : v;
            f = f + detail::squared(T(T(y[i - 1]) - (x1 + T(i) / (T(v) * x2 + T(w) * x3))));
        }
        return f;
    }
};

/// MGH09. t_i = (8 - i)/2; r_i = x1 exp(-x2 (t_i - x3)^2 / 2) - y_i, i = 1..15
struct Gaussian {
    static constexpr const char* id = "MGH09";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::exp;
        constexpr double y[] = {0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
                                0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009};
        const T height = x[0];
        const T rate = T(-0.5) * x[1];
        const T centre = x[2];
        T f = T(0.0);
        for (int i = 1; i <= 15; ++i) {
            const T distance = T(0.5 * (8 - i)) - centre;
            f = f + detail::squared(T(height * exp(T(rate * distance * distance)) - T(y[i - 1])));
        }
        return f;
    }
};

/// MGH10. t_i = 45 + 5i; r_i = x1 exp(x2 / (t_i + x3)) - y_i, i = 1..16
struct Meyer {
    static constexpr const char* id = "MGH10";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::exp;
        constexpr double y[] = {34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0,
                                11540.0, 9744.0,  8261.0,  7030.0,  6005.0,  5147.0,
                                4427.0,  3820.0,  3307.0,  2872.0};
        const T x1 = x[0];
        const T x2 = x[1];
        const T x3 = x[2];
        T f = T(0.0);
        for (int i = 1; i <= 16; ++i) {
            f = f + detail::squared(T(x1 * exp(T(x2 / (T(45 + 5 * i) + x3))) - T(y[i - 1])));
        }
        return f;
    }
};

/// MGH12. t_i = i/10; r_i = exp(-t_i x1) - exp(-t_i x2) - x3 (exp(-t_i) - exp(-10 t_i)), i = 1..10
struct Box3d {
    static constexpr const char* id = "MGH12";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::exp;
        const T x1 = x[0];
        const T x2 = x[1];
        const T x3 = x[2];
        T f = T(0.0);
        for (int i = 1; i <= 10; ++i) {
            const double t = i / 10.0;
            const double known = exp(-t) - exp(-10.0 * t);
            f = f + detail::squared(T(exp(T(T(-t) * x1)) - exp(T(T(-t) * x2)) - T(known) * x3));
        }
        return f;
    }
};

/// MGH13. r1 = x1 + 10 x2; r2 = sqrt(5) (x3 - x4); r3 = (x2 - 2 x3)^2; r4 = sqrt(10) (x1 - x4)^2
struct PowellSingular {
    static constexpr const char* id = "MGH13";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        return detail::powell_singular<T>(x[0], x[1], x[2], x[3]);
    }
};

/// MGH14. r1 = 10 (x2 - x1^2); r2 = 1 - x1; r3 = sqrt(90) (x4 - x3^2); r4 = 1 - x3;
/// r5 = sqrt(10) (x2 + x4 - 2); r6 = (x2 - x4)/sqrt(10)
struct Wood {
    static constexpr const char* id = "MGH14";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        return detail::wood<T>(x[0], x[1], x[2], x[3]);
    }
};

/// MGH15. r_i = y_i - x1 (u_i^2 + u_i x2) / (u_i^2 + u_i x3 + x4), i = 1..11
struct KowalikOsborne {
    static constexpr const char* id = "MGH15";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        constexpr double y[] = {0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627,
                                0.0456, 0.0342, 0.0323, 0.0235, 0.0246};
        constexpr double u[] = {4.0,   2.0, 1.0,    0.5,    0.25,  0.167,
                                0.125, 0.1, 0.0833, 0.0714, 0.0625};
        const T x1 = x[0];
        const T x2 = x[1];
        const T x3 = x[2];
        const T x4 = x[3];
        T f = T(0.0);
        for (int i = 0; i < 11; ++i) {
            const T ui = T(u[i]);
            const T rational = ui * (ui + x2) / (ui * (ui + x3) + x4);
            f = f + detail::squared(T(T(y[i]) - x1 * rational));
        }
        return f;
    }
};

/// MGH17. t_i = 10 (i-1); r_i = y_i - (x1 + x2 exp(-t_i x4) + x3 exp(-t_i x5)), i = 1..33
struct Osborne1 {
    static constexpr const char* id = "MGH17";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::exp;
        constexpr double y[] = {0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818,
                                0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558,
                                0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438,
                                0.431, 0.424, 0.420, 0.414, 0.411, 0.406};
        const T x1 = x[0];
        const T x2 = x[1];
        const T x3 = x[2];
        const T x4 = x[3];
        const T x5 = x[4];
        T f = T(0.0);
        for (int i = 0; i < 33; ++i) {
            const T minus_t = T(-10.0 * i);
            const T model = x1 + x2 * exp(T(minus_t * x4)) + x3 * exp(T(minus_t * x5));
            f = f + detail::squared(T(T(y[i]) - model));
        }
        return f;
    }
};

/// MGH19. t_i = (i-1)/10; r_i = y_i - (x1 exp(-t_i x5) + x2 exp(-(t_i-x9)^2 x6)
///   + x3 exp(-(t_i-x10)^2 x7) + x4 exp(-(t_i-x11)^2 x8)), i = 1..65
struct Osborne2 {
    static constexpr const char* id = "MGH19";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::exp;
        constexpr double y[] = {
            1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746,
            0.679, 0.608, 0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649,
            0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395,
            0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653,
            0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739,
            0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054};
        const T x1 = x[0];
        const T x2 = x[1];
        const T x3 = x[2];
        const T x4 = x[3];
        const T x5 = x[4];
        const T rate2 = detail::negative(T(x[5]));
        const T rate3 = detail::negative(T(x[6]));
        const T rate4 = detail::negative(T(x[7]));
        const T x9 = x[8];
        const T x10 = x[9];
        const T x11 = x[10];
        T f = T(0.0);
        for (int i = 0; i < 65; ++i) {
            const double t = i / 10.0;
            const T d2 = T(t) - x9;
            const T d3 = T(t) - x10;
            const T d4 = T(t) - x11;
            const T model = x1 * exp(T(T(-t) * x5)) + x2 * exp(T(d2 * d2 * rate2)) +
                            x3 * exp(T(d3 * d3 * rate3)) + x4 * exp(T(d4 * d4 * rate4));
            f = f + detail::squared(T(T(y[i]) - model));
        }
        return f;
    }
};

/// MGH21. n even; r_{2k-1} = 10 (x_{2k} - x_{2k-1}^2); r_{2k} = 1 - x_{2k-1}, k = 1..n/2
struct ExtendedRosenbrock {
    static constexpr const char* id = "MGH21";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        for (int i = 0; i + 1 < n; i += 2) {
            const T u = x[i];
            const T v = x[i + 1];
            f = f + T(100.0) * detail::squared(T(v - u * u)) + detail::squared(T(T(1.0) - u));
        }
        return f;
    }
};

/// MGH22. n a multiple of 4; MGH13 in each block of four
struct ExtendedPowellSingular {
    static constexpr const char* id = "MGH22";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        for (int i = 0; i + 3 < n; i += 4) {
            f = f + detail::powell_singular<T>(x[i], x[i + 1], x[i + 2], x[i + 3]);
        }
        return f;
    }
};

/// MGH23. r_i = sqrt(1e-5) (x_i - 1), i = 1..n; r_{n+1} = sum_j x_j^2 - 1/4
struct Penalty1 {
    static constexpr const char* id = "MGH23";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T distance = T(0.0);
        T norm = T(0.0);
        for (int j = 0; j < n; ++j) {
            const T xj = x[j];
            distance = distance + detail::squared(T(xj - T(1.0)));
            norm = norm + xj * xj;
        }
        return T(T(1.0e-5) * distance + detail::squared(T(norm - T(0.25))));
    }
};

/// MGH25. s = sum_j j (x_j - 1); r_i = x_i - 1, i = 1..n; r_{n+1} = s; r_{n+2} = s^2
struct VariablyDimensioned {
    static constexpr const char* id = "MGH25";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        T s = T(0.0);
        for (int j = 0; j < n; ++j) {
            const T d = T(x[j]) - T(1.0);
            f = f + d * d;
            s = s + T(j + 1) * d;
        }
        const T s2 = s * s;
        return T(f + s2 + s2 * s2);
    }
};

/// MGH26. r_i = n - sum_j cos x_j + i (1 - cos x_i) - sin x_i, i = 1..n
struct Trigonometric {
    static constexpr const char* id = "MGH26";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using std::cos;
        using std::sin;
        const int n = x.size();
        T common = T(n);
        for (int j = 0; j < n; ++j) common = common - cos(T(x[j]));
        T f = T(0.0);
        for (int i = 0; i < n; ++i) {
            const T xi = x[i];
            f = f + detail::squared(T(common + T(i + 1) * (T(1.0) - cos(xi)) - sin(xi)));
        }
        return f;
    }
};

/// MGH27. r_i = x_i + sum_j x_j - (n+1), i = 1..n-1; r_n = (prod_j x_j) - 1
struct BrownAlmostLinear {
    static constexpr const char* id = "MGH27";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T offset = T(-(n + 1));
        T product = T(1.0);
        for (int j = 0; j < n; ++j) {
            const T xj = x[j];
            offset = offset + xj;
            product = product * xj;
        }
        T f = detail::squared(T(product - T(1.0)));
        for (int i = 0; i + 1 < n; ++i) f = f + detail::squared(T(T(x[i]) + offset));
        return f;
    }
};

/// MGH28. h = 1/(n+1), t_i = i h, x_0 = x_{n+1} = 0;
/// r_i = 2 x_i - x_{i-1} - x_{i+1} + h^2 (x_i + t_i + 1)^3 / 2
struct DiscreteBoundaryValue {
    static constexpr const char* id = "MGH28";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        const double h = 1.0 / (n + 1);
        const T half_h2 = T(0.5 * h * h);
        T f = T(0.0);
        for (int i = 0; i < n; ++i) {
            const T xi = x[i];
            T r = T(2.0) * xi + half_h2 * detail::cubed(T(xi + T(h * (i + 1) + 1.0)));
            if (i > 0) r = r - T(x[i - 1]);
            if (i + 1 < n) r = r - T(x[i + 1]);
            f = f + r * r;
        }
        return f;
    }
};

/// MGH29. h, t as in MGH28; r_i = x_i + (h/2) [(1-t_i) sum_{j<=i} t_j (x_j+t_j+1)^3
///   + t_i sum_{j>i} (1-t_j) (x_j+t_j+1)^3]
struct DiscreteIntegralEquation {
    static constexpr const char* id = "MGH29";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        const double h = 1.0 / (n + 1);
        // Both sums change by one term from i to i+1, which makes f cost O(n) instead of O(n^2).
        T below = T(0.0);
        T above = T(0.0);
        for (int j = 0; j < n; ++j) {
            const double t = h * (j + 1);
            above = above + T(1.0 - t) * detail::cubed(T(T(x[j]) + T(t + 1.0)));
        }
        T f = T(0.0);
        for (int i = 0; i < n; ++i) {
            const double t = h * (i + 1);
            const T xi = x[i];
            const T cube = detail::cubed(T(xi + T(t + 1.0)));
            below = below + T(t) * cube;
            above = above - T(1.0 - t) * cube;
            const T integral = T(0.5 * h * (1.0 - t)) * below + T(0.5 * h * t) * above;
            f = f + detail::squared(T(xi + integral));
        }
        return f;
    }
};

/// MGH30. x_0 = x_{n+1} = 0; r_i = (3 - 2 x_i) x_i - x_{i-1} - 2 x_{i+1} + 1
struct BroydenTridiagonal {
    static constexpr const char* id = "MGH30";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        for (int i = 0; i < n; ++i) {
            const T xi = x[i];
            T r = (T(3.0) - T(2.0) * xi) * xi + T(1.0);
            if (i > 0) r = r - T(x[i - 1]);
            if (i + 1 < n) r = r - T(2.0) * T(x[i + 1]);
            f = f + r * r;
        }
        return f;
    }
};

/// MGH31. r_i = x_i (2 + 5 x_i^2) + 1 - sum of x_j (1 + x_j) over j != i,
/// max(1,i-5) <= j <= min(n,i+1)
struct BroydenBanded {
    static constexpr const char* id = "MGH31";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        for (int i = 0; i < n; ++i) {
            const T xi = x[i];
            T r = xi * (T(2.0) + T(5.0) * xi * xi) + T(1.0);
            const int first = i > 5 ? i - 5 : 0;
            const int last = i + 1 < n ? i + 1 : n - 1;
            for (int j = first; j <= last; ++j) {
                if (j == i) continue;
                const T xj = x[j];
                r = r - xj * (T(1.0) + xj);
            }
            f = f + r * r;
        }
        return f;
    }
};

/// MGH32. m >= n; S = sum_j x_j; r_i = x_i - (2/m) S - 1, i <= n; r_i = -(2/m) S - 1, n < i <= m
struct LinearFullRank {
    static constexpr const char* id = "MGH32";
    int m = 20;

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T sum = T(0.0);
        for (int j = 0; j < n; ++j) sum = sum + T(x[j]);
        const T common = T(2.0 / m) * sum + T(1.0);
        T f = T(m - n) * common * common;
        for (int i = 0; i < n; ++i) f = f + detail::squared(T(T(x[i]) - common));
        return f;
    }
};

/// MGH33. r_i = i (sum_j j x_j) - 1, i = 1..m
struct LinearRank1 {
    static constexpr const char* id = "MGH33";
    int m = 20;

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T sum = T(0.0);
        for (int j = 0; j < n; ++j) sum = sum + T(j + 1) * T(x[j]);
        T f = T(0.0);
        for (int i = 1; i <= m; ++i) f = f + detail::squared(T(T(i) * sum - T(1.0)));
        return f;
    }
};

/// MGH34. r_1 = r_m = -1; r_i = (i-1) (sum_{j=2}^{n-1} j x_j) - 1, 1 < i < m
struct LinearRank1ZeroEdges {
    static constexpr const char* id = "MGH34";
    int m = 20;

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T sum = T(0.0);
        for (int j = 1; j + 1 < n; ++j) sum = sum + T(j + 1) * T(x[j]);
        T f = T(2.0);
        for (int i = 2; i < m; ++i) f = f + detail::squared(T(T(i - 1) * sum - T(1.0)));
        return f;
    }
};

/// L01. sum_{i=1}^{n-1} [100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2]
struct ChainedRosenbrock {
    static constexpr const char* id = "L01";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        for (int i = 0; i + 1 < n; ++i) {
            const T xi = x[i];
            f = f + T(100.0) * detail::squared(T(T(x[i + 1]) - xi * xi)) +
                detail::squared(T(T(1.0) - xi));
        }
        return f;
    }
};

/// L02 ARWHEAD. sum_{i=1}^{n-1} [(x_i^2 + x_n^2)^2 - 4 x_i + 3]
struct Arwhead {
    static constexpr const char* id = "L02";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        const T last = x[n - 1];
        const T last2 = last * last;
        T f = T(0.0);
        for (int i = 0; i + 1 < n; ++i) {
            const T xi = x[i];
            f = f + (detail::squared(T(xi * xi + last2)) - T(4.0) * xi + T(3.0));
        }
        return f;
    }
};

/// L03 BDQRTIC. sum_{i=1}^{n-4} [(3 - 4 x_i)^2
///   + (x_i^2 + 2 x_{i+1}^2 + 3 x_{i+2}^2 + 4 x_{i+3}^2 + 5 x_n^2)^2]
struct Bdqrtic {
    static constexpr const char* id = "L03";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        const T last = x[n - 1];
        const T last5 = T(5.0) * last * last;
        T f = T(0.0);
        for (int i = 0; i + 4 < n; ++i) {
            const T a = x[i];
            const T b = x[i + 1];
            const T c = x[i + 2];
            const T d = x[i + 3];
            const T quadratic = a * a + T(2.0) * b * b + T(3.0) * c * c + T(4.0) * d * d + last5;
            f = f + detail::squared(T(T(3.0) - T(4.0) * a)) + quadratic * quadratic;
        }
        return f;
    }
};

/// L04 EDENSCH. 16 + sum_{i=1}^{n-1} [(x_i - 2)^4 + (x_i x_{i+1} - 2 x_{i+1})^2 + (x_{i+1} + 1)^2]
struct Edensch {
    static constexpr const char* id = "L04";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(16.0);
        for (int i = 0; i + 1 < n; ++i) {
            const T next = x[i + 1];
            const T d = T(x[i]) - T(2.0);
            const T d2 = d * d;
            f = f + d2 * d2 + d2 * next * next + detail::squared(T(next + T(1.0)));
        }
        return f;
    }
};

/// L05 LIARWHD. sum_{i=1}^n [4 (x_i^2 - x_1)^2 + (x_i - 1)^2]
struct Liarwhd {
    static constexpr const char* id = "L05";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        const T first = x[0];
        T f = T(0.0);
        for (int i = 0; i < n; ++i) {
            const T xi = x[i];
            f = f + T(4.0) * detail::squared(T(xi * xi - first)) + detail::squared(T(xi - T(1.0)));
        }
        return f;
    }
};

/// L06 DIXMAANB. n = 3m, c = 0.0625; 1 + sum_{i=1}^n x_i^2
///   + c sum_{i=1}^{n-1} x_i^2 (x_{i+1} + x_{i+1}^2)^2 + c sum_{i=1}^{2m} x_i^2 x_{i+m}^4
///   + c sum_{i=1}^m x_i x_{i+2m}
struct DixmaanB {
    static constexpr const char* id = "L06";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        const int m = n / 3;
        T norm = T(0.0);
        T coupling = T(0.0);
        for (int i = 0; i < n; ++i) {
            const T xi = x[i];
            const T xi2 = xi * xi;
            norm = norm + xi2;
            if (i + 1 < n) {
                const T next = x[i + 1];
                coupling = coupling + xi2 * detail::squared(T(next + next * next));
            }
            if (i < 2 * m) {
                const T far = x[i + m];
                coupling = coupling + xi2 * detail::squared(T(far * far));
            }
            if (i < m) coupling = coupling + xi * T(x[i + 2 * m]);
        }
        return T(T(1.0) + norm + T(0.0625) * coupling);
    }
};

/// L07 WOODS. n a multiple of 4; MGH14 in each block of four
struct ExtendedWood {
    static constexpr const char* id = "L07";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        for (int i = 0; i + 3 < n; i += 4) {
            f = f + detail::wood<T>(x[i], x[i + 1], x[i + 2], x[i + 3]);
        }
        return f;
    }
};

/// L08 TQUARTIC. (x_1 - 1)^2 + sum_{i=2}^n (x_1^2 - x_i^2)^2
struct Tquartic {
    static constexpr const char* id = "L08";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        const T first = x[0];
        const T first2 = first * first;
        T f = detail::squared(T(first - T(1.0)));
        for (int i = 1; i < n; ++i) {
            const T xi = x[i];
            f = f + detail::squared(T(first2 - xi * xi));
        }
        return f;
    }
};

/// L09 Himmelblau. (x1^2 + x2 - 11)^2 + (x1 + x2^2 - 7)^2
struct Himmelblau {
    static constexpr const char* id = "L09";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const T u = x[0];
        const T v = x[1];
        return T(detail::squared(T(u * u + v - T(11.0))) + detail::squared(T(u + v * v - T(7.0))));
    }
};

/// L10. x1^4 - x1^2 + x2^2
struct DoubleWell {
    static constexpr const char* id = "L10";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const T u = x[0];
        const T v = x[1];
        const T u2 = u * u;
        return T(u2 * u2 - u2 + v * v);
    }
};

/// L11. sum_{i=1}^n (x_i^4/4 - x_i^2/2) + (1/2) sum_{i=1}^{n-1} (x_{i+1} - x_i)^2
struct CoupledDoubleWells {
    static constexpr const char* id = "L11";

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        const int n = x.size();
        T f = T(0.0);
        for (int i = 0; i < n; ++i) {
            const T xi = x[i];
            const T xi2 = xi * xi;
            f = f + T(0.25) * xi2 * xi2 - T(0.5) * xi2;
            if (i + 1 < n) f = f + T(0.5) * detail::squared(T(T(x[i + 1]) - xi));
        }
        return f;
    }
};

}  // namespace cunewton::test

/// Calls the macro X once with the type of each functor above, in order. To instantiate a template
/// for all of them:
///   #define INSTANTIATE(Functor) template class Solver<cunewton::test::Functor>;
///   CUNEWTON_TEST_UNCONSTRAINED(INSTANTIATE)
#define CUNEWTON_TEST_UNCONSTRAINED(X) \
    X(Rosenbrock)                      \
    X(PowellBadlyScaled)               \
    X(BrownBadlyScaled)                \
    X(Beale)                           \
    X(JennrichSampson)                 \
    X(Bard)                            \
    X(Gaussian)                        \
    X(Meyer)                           \
    X(Box3d)                           \
    X(PowellSingular)                  \
    X(Wood)                            \
    X(KowalikOsborne)                  \
    X(Osborne1)                        \
    X(Osborne2)                        \
    X(ExtendedRosenbrock)              \
    X(ExtendedPowellSingular)          \
    X(Penalty1)                        \
    X(VariablyDimensioned)             \
    X(Trigonometric)                   \
    X(BrownAlmostLinear)               \
    X(DiscreteBoundaryValue)           \
    X(DiscreteIntegralEquation)        \
    X(BroydenTridiagonal)              \
    X(BroydenBanded)                   \
    X(LinearFullRank)                  \
    X(LinearRank1)                     \
    X(LinearRank1ZeroEdges)            \
    X(ChainedRosenbrock)               \
    X(Arwhead)                         \
    X(Bdqrtic)                         \
    X(Edensch)                         \
    X(Liarwhd)                         \
    X(DixmaanB)                        \
    X(ExtendedWood)                    \
    X(Tquartic)                        \
    X(Himmelblau)                      \
    X(DoubleWell)                      \
    X(CoupledDoubleWells)
