// Losses of minimize() that name their parameters by structured bindings.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

/// Rosenbrock's function.
struct Named {
    static constexpr int parameters = 2;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        const auto& [a, b] = x;
        return square(1 - a) + 100 * square(b - a * a);
    }
};
/// The same with its gradient.
struct NamedWithGradient : Named {
    template <class X, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, G& g) const {
        const auto& [a, b] = x;
        g[0] += -2 * (1 - a) - 400 * a * (b - a * a);
        g[1] += 200 * (b - a * a);
    }
};
/// (a + b t - y)^2, for both forms of its parameters.
struct NamedLine {
    static constexpr int parameters = 2;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace math;
        const auto& [a, b] = x;
        return square(a + b * s[0] - s.target());
    }
};

template <class T>
void expect_minimum(const Problem<T>& problem, const std::vector<double>& wanted) {
    const std::vector<T> start{T(-1.25), T(1)};
    for (const HessianBy by :
         {HessianBy::autodiff, HessianBy::gradient_differences, HessianBy::value_differences}) {
        Options options;
        options.backend = BackendChoice::cpu;
        options.derivatives.hessian = by;
        const Result<T> result = minimize(problem, start, options);
        EXPECT_EQ(result.status, Status::converged) << to_string(by) << ": " << result.message;
        for (int j = 0; j < 2; ++j)
            EXPECT_NEAR(result.x[j], wanted[j], sizeof(T) == 8 ? 1e-6 : 1e-2) << to_string(by);
    }
    EvaluationOptions options;
    options.backend = BackendChoice::cpu;
    EXPECT_TRUE(check_gradient(problem, start, options).agrees);
    EXPECT_TRUE(check_hessian(problem, start, options).agrees);
}

TEST(NamedParameters, OfAnObjective) {
    expect_minimum(make_objective<double>(Named{}, 2), {1, 1});
    expect_minimum(make_objective<double>(NamedWithGradient{}, 2), {1, 1});
}

TEST(NamedParameters, OfASumOverSamples) {
    const std::vector<double> t{0, 1, 2, 3}, y{1, 3, 5, 7};
    Samples<double> samples;
    samples.features = t.data();
    samples.count = 4;
    samples.dimension = 1;
    samples.targets = y.data();
    expect_minimum(make_sample_sum<double>(NamedLine{}, samples, 2), {1, 2});
}

TEST(NamedParameters, TheirNumberIsTheProblems) {
    const std::string message =
        message_of<InvalidArgument>([] { make_objective<double>(Named{}, 3); });
    EXPECT_NE(message.find("the problem has 3 parameters and its loss 2"), std::string::npos)
        << message;
    EXPECT_THROW(make_sample_sum<double>(NamedLine{}, {}, 1), InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
