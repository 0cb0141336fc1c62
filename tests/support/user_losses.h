#pragma once

#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"

// Losses as a user would write them. The oracle has them as one of its models, or they are simple
// enough for a closed form in the test.
namespace cunewton::test {

/// Logistic regression as a black box: x holds d coefficients and an intercept, the sample d
/// features and its class. Supplies no derivatives, its gradient, or both, as `supplied` says.
template <int supplied>
struct BlackBoxLogistic {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE static auto predictor(const X& x, const S& s) {
        using R = decltype(x[0] * s[0]);
        R z = R(x[s.size()]);
        for (int j = 0; j < s.size(); ++j) z += x[j] * s[j];
        return z;
    }
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const auto z = predictor(x, s);
        return math::softplus(z) - z * s.target();
    }
    template <class X, class S, class G>
    requires(supplied >= 1) CUNEWTON_HOST_DEVICE void gradient(const X& x, const S& s, G& g) const {
        const auto z = predictor(x, s);
        const auto slope = probability(z) - s.target();
        for (int j = 0; j < s.size(); ++j) g[j] += slope * s[j];
        g[s.size()] += slope;
    }
    template <class X, class S, class H>
    requires(supplied >= 2) CUNEWTON_HOST_DEVICE void hessian(const X& x, const S& s, H& h) const {
        const auto z = predictor(x, s);
        using R = decltype(probability(z));
        const R p = probability(z);
        const R curvature = p * (R(1.0) - p);
        const int d = s.size();
        for (int i = 0; i < d; ++i)
            for (int j = 0; j <= i; ++j) h(i, j) += curvature * s[i] * s[j];
        for (int j = 0; j < d; ++j) h(d, j) += curvature * s[j];
        h(d, d) += curvature;
    }

  private:
    template <class R>
    CUNEWTON_HOST_DEVICE static R probability(const R& z) {
        using namespace math;
        const R e = exp(-abs(z));
        return select(z < R(0.0), e, R(1.0)) / (R(1.0) + e);
    }
};

/// Squared error of a linear predictor, without derivatives of its own.
struct UserSquaredError {
    CUNEWTON_HOST_DEVICE int outputs() const { return 1; }
    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        return math::square(z[0] - y);
    }
};

/// sum_j (x_j^4 / 4 + a_j x_j^2 / 2 + b_j x_j), a = (-2, 1, 1, ...), b = (0, 1, 1, ...). At x = 0
/// the gradient is orthogonal to the only direction of negative curvature: the hard case of a trust
/// region. Minimisers have x_0 = +-sqrt 2 and x_j = r, the real root of r^3 + r + 1.
struct HardCase {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T first = x[0] * x[0];
        T f = T(0.25) * first * first - first;
        for (int j = 1; j < x.size(); ++j) {
            const T square = x[j] * x[j];
            f += T(0.25) * square * square + T(0.5) * square + x[j];
        }
        return f;
    }
};

/// sum_j x_j - log x_j, minimum n at (1, ..., 1); not a number where an x_j is negative.
struct LogBarrier {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        T f(0.0);
        for (int j = 0; j < x.size(); ++j) f += x[j] - log(T(x[j]));
        return f;
    }
};

/// (x_0 + ... + x_{n-1} - 1)^2: a Hessian of rank one everywhere.
struct RankOne {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        T sum(-1.0);
        for (int j = 0; j < x.size(); ++j) sum += x[j];
        return sum * sum;
    }
};

/// x_0 x_1 + x_{n-1}^2, whatever n: the cheapest loss of many parameters.
struct FewTerms {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T last = x[x.size() - 1];
        return T(x[0] * x[1] + last * last);
    }
};

/// sum_j (x_j - j)^4: a Hessian that vanishes at the minimum.
struct Quartic {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        T f(0.0);
        for (int j = 0; j < x.size(); ++j) {
            const T square = math::square(T(x[j] - T(double(j))));
            f += square * square;
        }
        return f;
    }
};

/// x_0^2 - x_1^2 + x_1^4 / 2 + (x_2^2 + ...): a saddle at 0, minima at x_1 = +-1 with f = -1/2.
struct Saddle {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T second = x[1] * x[1];
        T f = T(0.5) * second * second - second;
        for (int j = 0; j < x.size(); ++j)
            if (j != 1) f += x[j] * x[j];
        return f;
    }
};

/// 1 / (1 + exp x_0) + x_1^2: falls towards 0 for ever along x_0.
struct FallsForEver {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        return T(1.0) / (T(1.0) + exp(T(x[0]))) + x[1] * x[1];
    }
};

}  // namespace cunewton::test

/// Calls the macro X with each of the losses above that has device code in the tests.
#define CUNEWTON_TEST_USER_LOSSES(X) \
    X(BlackBoxLogistic<0>)           \
    X(BlackBoxLogistic<1>)           \
    X(BlackBoxLogistic<2>)           \
    X(UserSquaredError)              \
    X(HardCase)                      \
    X(LogBarrier)                    \
    X(RankOne)                       \
    X(FewTerms)                      \
    X(Quartic)                       \
    X(Saddle)                        \
    X(FallsForEver)
