#pragma once

#include <type_traits>

#include "cunewton/scalar/scalar.h"

// Models and objectives of a user, for tests of batches on every backend.
namespace cunewton::test {

/// p^3 / 3 - p: a minimum at 1, a maximum at -1, unbounded below.
struct Cubic {
    static constexpr int parameters = 1, coordinates = 0;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const D&) const {
        using S = scalar_t<P>;
        const S u = p[0];
        return u * u * u * S(1.0 / 3.0) - u;
    }
};

/// p0^2 - p1^2 + p1^4: a saddle at 0, minima of -1/4 at p1 = +-sqrt(1/2).
struct Saddle {
    static constexpr int parameters = 2, coordinates = 0;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const D&) const {
        using S = scalar_t<P>;
        const S u = p[0], v = p[1];
        return u * u - v * v + v * v * v * v;
    }
};

/// p0 - log p0 + (p1 - p0)^2: not a number for p0 < 0, minimum at (1, 1).
struct Barrier {
    static constexpr int parameters = 2, coordinates = 0;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const D&) const {
        using namespace math;
        using S = scalar_t<P>;
        const S u = p[0], v = p[1] - p[0];
        return u - log(u) + v * v;
    }
};

/// (p0 + p1 - d)^2 and a term of fourth order that vanishes at every minimum: the Hessian is
/// singular everywhere on p0 + p1 = d.
struct Valley {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const D& d) const {
        using S = scalar_t<P>;
        const S u = p[0] + p[1] - d[0];
        return u * u + u * u * u * u;
    }
};

/// A term of a penalised logistic regression: log(1 + exp(-s (p0 + p1 x))) + (p0^2 + p1^2) / 64
/// with the data (x, s).
struct LogisticTerm {
    static constexpr int parameters = 2, coordinates = 2;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const D& d) const {
        using namespace math;
        using S = scalar_t<P>;
        const S z = p[0] + p[1] * d[0];
        return softplus(S(-(z * d[1]))) + (p[0] * p[0] + p[1] * p[1]) * S(1.0 / 64);
    }
};

/// Sum of p_j^4 / 4 + p_j^2 / 2 - d_j p_j + (p_j+1 - p_j)^2 / 2: strictly convex, all parameters
/// are coupled.
template <int n>
struct Chain {
    static constexpr int parameters = n, coordinates = n;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const D& d) const {
        using S = scalar_t<P>;
        S f(0.0);
        for (int j = 0; j < n; ++j) {
            const S u = p[j];
            const S square = u * u;
            f += square * square * S(0.25) + square * S(0.5) - u * d[j];
            if (j + 1 < n) {
                const S step = p[j + 1] - u;
                f += step * step * S(0.5);
            }
        }
        return f;
    }
};

/// a exp(-x / t)
struct DecayTime {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [a, t] = p;
        return a * exp(-x[0] / t);
    }
};

/// a exp(b x + c): a and c are one parameter.
struct ScaledGrowth {
    static constexpr int parameters = 3, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [a, b, c] = p;
        return a * exp(b * x[0] + c);
    }
};

/// q b x / (1 + b x), which is the constant q where b is infinite.
struct Saturation {
    static constexpr int parameters = 2, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        const auto& [q, b] = p;
        const auto u = b * x[0];
        return q * u / (1.0 + u);
    }
};

/// Sum of p_j cos(j x): linear in many parameters.
template <int n>
struct CosineSeries {
    static constexpr int parameters = n, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        // Chebyshev's recurrence: cos((j + 1) x) = 2 cos x cos(j x) - cos((j - 1) x).
        using S = std::remove_cvref_t<decltype(x[0])>;
        const S first = cos(x[0]);
        S before = first, now(1.0);
        auto m = p[0] * now;
        for (int j = 1; j < n; ++j) {
            const S next = S(2.0) * first * now - before;
            before = now;
            now = next;
            m += p[j] * now;
        }
        return m;
    }
};

}  // namespace cunewton::test

/// Calls the macros with each of the above: models of fits, and objectives.
#define CUNEWTON_TEST_SMALL_FUNCTORS(Fit, Objective)                                        \
    Fit(CosineSeries<64>) Fit(DecayTime) Fit(ScaledGrowth) Fit(Saturation) Objective(Cubic) \
        Objective(Saddle) Objective(Barrier) Objective(Valley) Objective(LogisticTerm)      \
            Objective(Chain<1>) Objective(Chain<7>) Objective(Chain<12>) Objective(Chain<32>)
