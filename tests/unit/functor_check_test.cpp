#include "cunewton/functor/check.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cunewton/cunewton.h"
#include "cunewton/scalar/single.h"

// What the check of functors must let through; what it must not, tests/checks/messages.py compiles.
namespace cunewton {
namespace {

/// Every operation and function of a scalar, with numbers of other types on both sides.
struct Operations {
    template <class X>
    scalar_t<X> operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        T f(0.0), zero = 0;
        f += x[0] + 1 - 2.0f * x[0] / 3.0 - (1 / (2.0 + x[0] * x[0])) + -x[0];
        f += 1.0;
        f -= 2;
        f *= 0.5f;
        f /= T(2);
        f = select((x[0] > 0.0 && !(1 < x[0])) || x[0] == 2.0, f, zero);
        f = select(x[0] != 3.0, f, 0.0) + select(x[0] >= f, 1.0, f) + select(true, f, f);
        f += pow(x[0], 2) + pow(2.0, x[0]) + pow(x[0], x[0]) + square(x[0]) + softplus(x[0]);
        f += maximum(x[0], T(0.0)) + minimum(x[0], T(0.0)) + abs(x[0]) + exp(x[0]);
#define FUNCTION_OF_ONE(name, chain) f += name(x[0]) + name(0.5 * x[0]);
#define FUNCTION_OF_TWO(name) f += name(x[0], x[1]) + name(x[0], x[1] + 1.0);
        CUNEWTON_FUNCTIONS_OF_ONE(FUNCTION_OF_ONE)
        CUNEWTON_FUNCTIONS_OF_TWO(FUNCTION_OF_TWO)
#undef FUNCTION_OF_ONE
#undef FUNCTION_OF_TWO
        const real_t<T> number = 3.0;
        return f * number;
    }
    template <class X, class G>
    void gradient(const X& x, G& g) const {
        g[0] += 2.0 * x[0];
        g[1] = x[1];
    }
    template <class X, class H>
    void hessian(const X&, H& h) const {
        h(0, 0) += 2.0;
    }
};

/// Functions that are found by std's names for numbers, and by the argument for others.
struct StandardNames {
    template <class X>
    auto operator()(const X& x) const {
        using std::exp, std::log, std::sqrt;
        return exp(x[0]) + log(x[0]) + sqrt(x[0]);
    }
};

struct NamedParameters {
    static constexpr int parameters = 2;
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        using namespace math;
        const auto& [a, b] = x;
        using I = std::remove_cvref_t<decltype(s.index())>;
        return select(s.index() == I(1), a * s[0] - s.target(), b);
    }
};

struct Predictor {
    int outputs() const { return 2; }
    template <class Z, class Y>
    auto operator()(const Z& z, const Y& y) const {
        return math::square(z[0] - y) + z[1];
    }
    template <class Z, class Y, class G>
    void gradient(const Z& z, const Y& y, G& g) const {
        g[0] = 2.0 * (z[0] - y);
        g[1] = Y(1.0);
    }
};

struct OwnDerivatives {
    static constexpr int parameters = 1, coordinates = 1;
    template <class P, class X>
    auto operator()(const P& p, const X& x) const {
        return p[0] * x[0];
    }
    template <class P, class X>
    scalar_t<P> value_and_gradient(const P& p, const X& x, scalar_t<P>* gradient) const {
        gradient[0] = x[0];
        return p[0] * x[0];
    }
    template <class P, class X>
    scalar_t<P> value_gradient_hessian(const P& p, const X& x, scalar_t<P>* gradient,
                                       scalar_t<P>* hessian) const {
        gradient[0] = x[0];
        hessian[0] = 0.0;
        return p[0] * x[0];
    }
};

static_assert(probe::objective<Operations>());
static_assert(probe::objective<StandardNames>());
static_assert(probe::sample_loss<NamedParameters>());
static_assert(probe::predictor_loss<Predictor>());
static_assert(probe::small_model<OwnDerivatives>());

TEST(FunctorCheck, LetsFunctorsThroughThatWorkWithEveryScalar) {
    const auto problem = make_objective<double>(StandardNames{}, 1);
    EXPECT_EQ(problem.dimension(), 1);
    EXPECT_TRUE(problem.runs_on_cpu());
    const auto model = make_fit_model(OwnDerivatives{});
    EXPECT_EQ(model.parameters(), 1);
}

// A functor that says what it returns is let through unread: here its body is compiled.
TEST(FunctorCheck, EveryOperationExistsForScalarsOfEachKind) {
    const double x[] = {0.25, 0.5};
    const double value = Operations{}(Parameters<double, 2>{x});
    EXPECT_TRUE(std::isfinite(value));
    const auto with = [&]<class S>(S) {
        const S values[] = {S(x[0]), S(x[1])};
        return Operations{}(Parameters<S, 2>{values});
    };
    EXPECT_DOUBLE_EQ(with(Dual<double>()).v, value);
    EXPECT_DOUBLE_EQ(with(HyperDual<double>()).v, value);
    const Jet<double, 3> jet = with(Jet<double, 3>());
    EXPECT_DOUBLE_EQ(jet.v, value);
    using Pack = lanes::base::Pack<double, 1>;
    double lane[Pack::lanes];
    with(Pack()).store(lane);
    EXPECT_NEAR(lane[0], value, 1e-13 * std::abs(value));
    EXPECT_NEAR(float(with(Single())), value, 1e-5 * std::abs(value));
}

}  // namespace
}  // namespace cunewton
