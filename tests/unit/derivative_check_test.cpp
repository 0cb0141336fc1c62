#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/scalar/macros.h"

namespace cunewton {
namespace {

/// f(x) = sum_j exp(x_j) + x_0 x_2, with derivatives of which one entry may be wrong.
struct Checked {
    int wrong_gradient = -1;
    int wrong_row = -1, wrong_column = -1;
    double error = 0;

    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        T f = T(x[0]) * T(x[2]);
        for (int j = 0; j < x.size(); ++j) f += exp(T(x[j]));
        return f;
    }
    template <class X, class G>
    void gradient(const X& x, G& g) const {
        using namespace math;
        using T = scalar_t<X>;
        for (int j = 0; j < x.size(); ++j)
            g[j] += exp(T(x[j])) + T(j == wrong_gradient ? error : 0.0);
        g[0] += T(x[2]);
        g[2] += T(x[0]);
    }
    template <class X, class H>
    void hessian(const X& x, H& h) const {
        using namespace math;
        using T = scalar_t<X>;
        for (int j = 0; j < x.size(); ++j) h(j, j) += exp(T(x[j]));
        h(2, 0) += T(1.0);
        if (wrong_row >= 0) h(wrong_row, wrong_column) += T(error);
    }
};

template <class T>
class DerivativeCheckTest : public ::testing::Test {
  protected:
    static DerivativeCheck gradient_of(const Checked& loss, const EvaluationOptions& options = {}) {
        return check_gradient(make_objective<T>(loss, 4), x(), options);
    }
    static DerivativeCheck hessian_of(const Checked& loss, const EvaluationOptions& options = {}) {
        return check_hessian(make_objective<T>(loss, 4), x(), options);
    }
    static std::vector<T> x() { return {T(0.5), T(-0.25), T(1.0), T(0.125)}; }
    /// Ten times what the checker can tell.
    static double visible() { return 10 * gradient_of({}).tolerance * std::exp(1.0); }
};
using Reals = ::testing::Types<double, float>;
TYPED_TEST_SUITE(DerivativeCheckTest, Reals);

TYPED_TEST(DerivativeCheckTest, CorrectDerivativesPass) {
    const DerivativeCheck gradient = this->gradient_of({}), hessian = this->hessian_of({});
    EXPECT_TRUE(gradient.agrees) << gradient.message;
    EXPECT_TRUE(hessian.agrees) << hessian.message;
    EXPECT_LE(gradient.worst_error, gradient.tolerance);
    EXPECT_NE(gradient.message.find("agrees"), std::string::npos);
    EXPECT_LT(gradient.tolerance, 0.1);
}

TYPED_TEST(DerivativeCheckTest, AWrongGradientIsCaughtAndTheEntryNamed) {
    for (int wrong = 0; wrong < 4; ++wrong) {
        const DerivativeCheck check =
            this->gradient_of({.wrong_gradient = wrong, .error = this->visible()});
        EXPECT_FALSE(check.agrees);
        EXPECT_EQ(check.row, wrong);
        EXPECT_GT(check.worst_error, check.tolerance);
        EXPECT_NEAR(check.supplied - check.difference, this->visible(), 0.2 * this->visible());
        EXPECT_NE(check.message.find("entry " + std::to_string(wrong)), std::string::npos)
            << check.message;
        EXPECT_NE(check.message.find("disagrees"), std::string::npos) << check.message;
    }
}

TYPED_TEST(DerivativeCheckTest, AWrongHessianIsCaughtAndTheEntryNamed) {
    for (const auto& [row, column] : {std::pair{0, 0}, {3, 3}, {2, 0}, {3, 1}}) {
        const DerivativeCheck check =
            this->hessian_of({.wrong_row = row, .wrong_column = column, .error = this->visible()});
        EXPECT_FALSE(check.agrees);
        EXPECT_EQ(std::max(check.row, check.column), row);
        EXPECT_EQ(std::min(check.row, check.column), column);
        const std::string entry =
            "entry (" + std::to_string(check.row) + ", " + std::to_string(check.column) + ")";
        EXPECT_NE(check.message.find(entry), std::string::npos) << check.message;
    }
}

/// f(x) = sum_j x_j^4 + x_0 x_1 (exact in few digits), where the analytic derivatives may be wrong
/// by a factor, so that differences of the gradient are wrong too.
struct Quartic {
    double gradient_factor = 1, hessian_factor = 1;
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        T f = T(x[0]) * T(x[1]);
        for (int j = 0; j < x.size(); ++j) f += square(square(T(x[j])));
        return f;
    }
    template <class X, class G>
    void gradient(const X& x, G& g) const {
        using T = scalar_t<X>;
        for (int j = 0; j < x.size(); ++j)
            g[j] += T(j == 2 ? gradient_factor : 1) * T(4.0) * T(x[j]) * T(x[j]) * T(x[j]);
        g[0] += T(x[1]);
        g[1] += T(x[0]);
    }
    template <class X, class H>
    void hessian(const X& x, H& h) const {
        using T = scalar_t<X>;
        for (int j = 0; j < x.size(); ++j)
            h(j, j) += T(j == 1 ? hessian_factor : 1) * T(12.0) * T(x[j]) * T(x[j]);
        h(1, 0) += T(1.0);
    }
};

TYPED_TEST(DerivativeCheckTest, TheHessianIsNotBlamedForTheGradient) {
    using T = TypeParam;
    const std::vector<T> at{T(0.5), T(-0.75), T(1), T(0.25)};
    for (const double of_gradient : {1.0, -1.0, 1.5, 0.0})
        for (const double of_hessian : {1.0, -1.0, 3.0}) {
            const auto problem = make_objective<T>(Quartic{of_gradient, of_hessian}, 4);
            EvaluationOptions options;
            DerivativeCheck check = check_hessian(problem, at, options);
            EXPECT_EQ(check.agrees, of_hessian == 1) << check.message;
            EXPECT_EQ(check.gradient_agrees, of_gradient == 1) << check.message;
            if (of_hessian != 1) {
                EXPECT_EQ(check.row, 1) << check.message;
                EXPECT_EQ(check.column, 1) << check.message;
            }
            const bool says = check.message.find("the gradient is wrong") != std::string::npos;
            EXPECT_EQ(says, of_gradient != 1) << check.message;
            if (says) {
                EXPECT_NE(check.message.find("entry 2"), std::string::npos) << check.message;
            }
            // Where the gradient is not the analytic one it does not matter.
            options.derivatives.gradient = GradientBy::autodiff;
            check = check_hessian(problem, at, options);
            EXPECT_EQ(check.agrees, of_hessian == 1) << check.message;
            EXPECT_TRUE(check.gradient_agrees);
            options.derivatives.gradient = GradientBy::central_differences;
            check = check_hessian(problem, at, options);
            EXPECT_EQ(check.agrees, of_hessian == 1) << check.message;
            EXPECT_TRUE(check.gradient_agrees);
        }
}

TYPED_TEST(DerivativeCheckTest, ADerivativeThatIsNotANumberIsTheWorst) {
    const DerivativeCheck check = this->gradient_of({.wrong_gradient = 2, .error = std::nan("")});
    EXPECT_FALSE(check.agrees);
    EXPECT_EQ(check.row, 2);
}

TYPED_TEST(DerivativeCheckTest, AutodiffIsCheckedWhereItIsAskedFor) {
    EvaluationOptions options;
    options.derivatives.gradient = GradientBy::autodiff;
    options.derivatives.hessian = HessianBy::autodiff;
    const Checked wrong{.wrong_gradient = 1, .wrong_row = 1, .wrong_column = 1, .error = 5};
    EXPECT_TRUE(this->gradient_of(wrong, options).agrees);
    EXPECT_TRUE(this->hessian_of(wrong, options).agrees);
}

// Numbers of all magnitudes, and a loss that is a sum over samples.
TYPED_TEST(DerivativeCheckTest, BuiltInLossesPass) {
    using T = TypeParam;
    const std::vector<T> features{T(0.5), T(-1), T(2), T(0.25), T(-0.75), T(1.5)};
    const std::vector<T> targets{T(1), T(0), T(1)};
    const Samples<T> samples{features.data(), 3, 2, 2, targets.data(), nullptr};
    const auto check = [&](const auto& loss, std::vector<T> at) {
        const auto problem = make_linear_predictor(loss, samples, {.l2 = 0.125, .intercept = true});
        const DerivativeCheck gradient = check_gradient(problem, at);
        const DerivativeCheck hessian = check_hessian(problem, at);
        EXPECT_TRUE(gradient.agrees) << gradient.message;
        EXPECT_TRUE(hessian.agrees) << hessian.message;
    };
    const std::vector<T> at{T(0.5), T(-0.25), T(0.125)};
    check(LinearRegression{}, at);
    check(Logistic{}, at);
    check(Poisson{}, at);
    check(Huber{0.3}, at);
    check(Softmax{2}, {T(0.5), T(-0.25), T(0.125), T(-0.5), T(1), T(0)});
}

}  // namespace
}  // namespace cunewton
