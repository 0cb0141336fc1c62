// Options::check: derivatives that are wrong are found before the first step.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/support/message_of.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"

namespace cunewton::test {
namespace {

/// sum_j (j + 1) (x_j - 1)^2 + x_0 x_1 with derivatives that may be wrong by a factor in one entry;
/// the points that it is asked for are noted.
template <class T>
struct Counted {
    T gradient_factor = 1, hessian_factor = 1;
    std::size_t wrong = 1;
    std::vector<T> lowest, highest;

    T value(const T* x, std::size_t n) {
        lowest.resize(n, T(HUGE_VAL));
        highest.resize(n, -T(HUGE_VAL));
        T f = x[0] * x[1];
        for (std::size_t j = 0; j < n; ++j) {
            lowest[j] = std::min(lowest[j], x[j]);
            highest[j] = std::max(highest[j], x[j]);
            f += T(j + 1) * (x[j] - 1) * (x[j] - 1);
        }
        return f;
    }
    BlackBox<T> box(bool gradient, bool hessian) {
        BlackBox<T> own;
        own.values = [this](const T* points, int n, int count, T* losses) {
            const std::size_t size = static_cast<std::size_t>(n);
            for (std::size_t p = 0; p < static_cast<std::size_t>(count); ++p)
                losses[p] = value(points + p * size, size);
        };
        if (gradient)
            own.value_and_gradient = [this](const T* x, int n, T* g) {
                const std::size_t size = static_cast<std::size_t>(n);
                for (std::size_t j = 0; j < size; ++j) g[j] = 2 * T(j + 1) * (x[j] - 1);
                g[0] += x[1];
                g[1] += x[0];
                g[wrong] *= gradient_factor;
                return value(x, size);
            };
        if (hessian)
            own.hessian = [this](const T*, int n, T* H) {
                const std::size_t size = static_cast<std::size_t>(n);
                std::fill_n(H, size * size, T(0));
                for (std::size_t j = 0; j < size; ++j) H[j * (size + 1)] = 2 * T(j + 1);
                H[1] = H[size] = 1;
                H[wrong * (size + 1)] *= hessian_factor;
            };
        return own;
    }
};

template <class T>
class CheckTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (testing_cuda()) GTEST_SKIP() << "functions of the host";
    }
    static Options checked(Method method = Method::newton) {
        Options options;
        options.method = method;
        options.backend = BackendChoice::cpu;
        options.threads = 1;
        options.check = true;
        return options;
    }
    static std::vector<T> start(std::size_t n) {
        std::vector<T> x;
        for (std::size_t j = 0; j < n; ++j) x.push_back(T(0.5) * T(j % 3) - T(0.75));
        return x;
    }
    static std::string refusal(const Problem<T>& problem, const Options& options) {
        return message_of<InvalidArgument>([&] {
            minimize(problem, start(static_cast<std::size_t>(problem.dimension())), options);
        });
    }
};
TYPED_TEST_SUITE(CheckTest, Reals, RealName);

TYPED_TEST(CheckTest, RightDerivativesPass) {
    using T = TypeParam;
    for (const bool gradient : {false, true})
        for (const bool hessian : {false, true}) {
            Counted<T> counted;
            const Result<T> result = minimize(make_black_box<T>(counted.box(gradient, hessian), 4),
                                              this->start(4), this->checked());
            EXPECT_NEAR(result.x[2], 1, 1e-2);
        }
}

TYPED_TEST(CheckTest, AWrongEntryIsNamedWithBothValues) {
    using T = TypeParam;
    Counted<T> counted;
    counted.gradient_factor = T(1.5);
    counted.wrong = 2;
    std::string text =
        this->refusal(make_black_box<T>(counted.box(true, true), 4), this->checked());
    // 6 (x - 1) at x = 1/4, and half more.
    for (const char* part : {"own gradient is wrong", "entry 2", "-6.75 against -4.5",
                             "GradientBy::central_differences"})
        EXPECT_NE(text.find(part), std::string::npos) << text;

    Counted<T> bent;
    bent.hessian_factor = T(0.5);
    bent.wrong = 3;
    text = this->refusal(make_black_box<T>(bent.box(true, true), 4), this->checked());
    for (const char* part :
         {"own Hessian is wrong", "entry (3, 3)", "4 against 8", "HessianBy::gradient_differences"})
        EXPECT_NE(text.find(part), std::string::npos) << text;
    // What the options do not use is not looked at.
    Options options = this->checked();
    options.derivatives.hessian = HessianBy::gradient_differences;
    EXPECT_NO_THROW(minimize(make_black_box<T>(bent.box(true, true), 4), this->start(4), options));
    options = this->checked();
    options.check = false;
    EXPECT_NO_THROW(minimize(make_black_box<T>(bent.box(true, true), 4), this->start(4), options));
}

TYPED_TEST(CheckTest, OfManyParametersByProducts) {
    using T = TypeParam;
    constexpr long n = 600;
    BlackBox<T> own;
    T factor = 1;
    own.value_and_gradient = [](const T* x, int size, T* g) {
        T f = 0;
        for (int j = 0; j < size; ++j) {
            g[j] = x[j] * x[j] * x[j];
            f += x[j] * g[j] / 4;
        }
        return f;
    };
    own.products = [&](const T* x, int size, const T* V, int columns, T* HV) {
        for (int c = 0; c < columns; ++c)
            for (int j = 0; j < size; ++j)
                HV[c * size + j] = 3 * x[j] * x[j] * V[c * size + j] * (j == 417 ? factor : 1);
    };
    Options options = this->checked(Method::newton_cg);
    options.max_iterations = 1;
    const std::vector<T> x0(n, T(0.5));
    const auto problem = make_black_box<T>(own, n);
    EXPECT_NO_THROW(minimize(problem, x0, options));
    factor = 2;
    const std::string text = message_of<InvalidArgument>([&] { minimize(problem, x0, options); });
    EXPECT_NE(text.find("product of the Hessian disagrees"), std::string::npos) << text;
    EXPECT_NE(text.find("(417, "), std::string::npos) << text;
    const DerivativeCheck found = check_products(problem, x0);
    EXPECT_FALSE(found.agrees);
    EXPECT_EQ(found.row, 417);
    EXPECT_NEAR(found.supplied, 2 * found.difference, 0.02 * std::abs(found.supplied));
}

TYPED_TEST(CheckTest, StaysWithinBounds) {
    using T = TypeParam;
    Counted<T> counted;
    Options options = this->checked();
    options.max_iterations = 0;
    // One start outside, one at a bound, one between bounds that are close, one free.
    const std::vector<T> x0{T(-2), T(1), T(0.5), T(0)};
    const double narrow = std::is_same_v<T, double> ? 1e-5 : 1e-2;
    options.lower = {0, -1, 0.5, -HUGE_VAL};
    options.upper = {1, 1, 0.5 + narrow, HUGE_VAL};
    const auto problem = make_black_box<T>(counted.box(true, true), 4);
    // The run itself, whose bounds others test, is ended before it by what the check throws.
    counted.gradient_factor = 3;
    EXPECT_THROW(minimize(problem, x0, options), InvalidArgument);
    ASSERT_EQ(counted.lowest.size(), 4u);
    for (std::size_t j = 0; j < 3; ++j) {
        EXPECT_GE(counted.lowest[j], T(options.lower[j])) << j;
        EXPECT_LE(counted.highest[j], T(options.upper[j])) << j;
    }
    options.upper[2] = 0.5 + 1e-12;
    const std::string text = message_of<InvalidArgument>([&] { minimize(problem, x0, options); });
    EXPECT_NE(text.find("parameter 2 has no room"), std::string::npos) << text;
}

TYPED_TEST(CheckTest, SaysNothingWhereTheLossIsNotFinite) {
    using T = TypeParam;
    BlackBox<T> own;
    own.value_and_gradient = [](const T*, int n, T* g) {
        std::fill_n(g, n, T(NAN));
        return T(NAN);
    };
    const Result<T> result = minimize(make_black_box<T>(own, 2), this->start(2), this->checked());
    EXPECT_EQ(result.status, Status::not_finite);
}

/// Of the library's own losses, and of one that is penalised.
TEST(CheckOfBuiltIns, Passes) {
    if (!why_not_available().empty()) GTEST_SKIP() << why_not_available();
    for (const ModelKind kind : {ModelKind::logistic, ModelKind::softmax3, ModelKind::huber}) {
        const Model<double> model(kind, {.samples = 40, .features = 3, .problem = {.l2 = 0.1}});
        Options options = with(Method::newton);
        options.check = true;
        EXPECT_TRUE(minimize(model.problem(), model.theta(), options).converged());
        options.max_iterations = 1;
        EXPECT_NO_THROW(
            minimize(with_curvature_penalty(
                         model.problem(),
                         {.kind = CurvaturePenaltyKind::trace, .strength = 0.01, .probes = 2}),
                     model.theta(), options));
    }
}

}  // namespace
}  // namespace cunewton::test
