// Sparse Hessians of many parameters, in float, and of functions with rounding of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/math/random_sign.h"
#include "host/sparse/countable.h"
#include "tests/sparse/components.h"
#include "tests/sparse/functions.h"
#include "tests/support/message_of.h"
#include "tests/unconstrained/elements.h"
#include "tests/unconstrained/problems.h"

namespace cunewton::test {
namespace {

Options on_cpu(Method method) {
    Options options;
    options.method = method;
    options.backend = BackendChoice::cpu;
    options.threads = 1;
    return options;
}

/// A valley around (1, 1) whose second pivot is a twentieth of its diagonal.
struct Valley {
    static constexpr int parameters = 2;
    template <class X>
    auto operator()(const X& x) const {
        const auto a = x[0] - 1.0, b = x[1] - 1.0;
        return 0.5 * (a * a + b * b) - 0.97 * a * b;
    }
};
/// (a - b)^2 / 2 + (b - 1)^2 / 2
struct Spoke {
    static constexpr int parameters = 2;
    template <class X>
    auto operator()(const X& x) const {
        return 0.5 * (math::square(x[0] - x[1]) + math::square(x[1] - 1.0));
    }
};

class SparseLimitsTest : public SparseFactorTest {
  protected:
    void SetUp() override {
        SparseFactorTest::SetUp();
        if (!IsSkipped() && testing_cuda()) GTEST_SKIP() << "the functions have no GPU code";
    }
};

TEST_F(SparseLimitsTest, AnArrowOfManyParametersIsFactorised) {
    // In the order as it is the factor has n^2 / 2 entries.
    const int n = 60000;
    std::vector<int> indices;
    for (int j = 1; j < n; ++j) {
        indices.push_back(0);
        indices.push_back(j);
    }
    const auto problem = make_element_sum<double>(Spoke{}, indices, n);
    const Result<double> result =
        minimize(problem, std::vector<double>(n, 0.0), on_cpu(Method::newton));
    EXPECT_TRUE(result.converged()) << result.message;
    EXPECT_LE(result.iterations, 2);
    for (const double x : result.x) ASSERT_NEAR(x, 1, 1e-12);
}

TEST_F(SparseLimitsTest, ManyParametersInFloatAreNotSingular) {
    const int n = 100000;
    std::vector<int> indices(n);
    for (int j = 0; j < n; ++j) indices[static_cast<std::size_t>(j)] = j;
    const auto problem = make_element_sum<float>(Valley{}, indices, n);
    for (const Method method : {Method::newton, Method::trust_region}) {
        const Result<float> result = minimize(problem, std::vector<float>(n, 0.0f), on_cpu(method));
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (const float x : result.x) ASSERT_NEAR(x, 1, 1e-5);
    }
    const int links = 20000;
    indices.clear();
    for (int j = 0; j + 1 < links; ++j) {
        indices.push_back(j);
        indices.push_back(j + 1);
    }
    const auto chain = make_element_sum<float>(RosenbrockLink{}, indices, links);
    const Result<float> result =
        minimize(chain, std::vector<float>(links, 0.9f), on_cpu(Method::newton));
    EXPECT_EQ(result.status, Status::converged) << result.message;
}

TEST_F(SparseLimitsTest, MemoryOfElementsIsThatOfMethodsWithoutMatrices) {
    const std::vector<int> indices{0, 1};
    const auto problem = make_element_sum<double>(Spoke{}, indices, 2);
    const std::string message =
        message_of<InvalidArgument>([&] { memory_needed(problem, on_cpu(Method::newton)); });
    EXPECT_NE(message.find("newton_cg"), std::string::npos) << message;
    EXPECT_EQ(message.find("without the pattern"), std::string::npos) << message;
    EXPECT_GT(memory_needed(problem, on_cpu(Method::newton_cg)).host, 0u);
}

TEST_F(SparseLimitsTest, EntriesAreCountedByInts) {
    const std::size_t most = static_cast<std::size_t>(std::numeric_limits<int>::max());
    EXPECT_NO_THROW(require_countable(most));
    EXPECT_NE(message_of<InvalidArgument>([&] { require_countable(most + 1); }).find("2147483648"),
              std::string::npos);
}

/// A loss of values alone.
template <class T, class Function>
Problem<T> by_values(const Function& function, int n) {
    return make_black_box<T>(
        [function](const T* points, int size, int count, T* losses) {
            for (int p = 0; p < count; ++p) losses[p] = function(points + p * size, size);
        },
        n);
}

TEST_F(SparseLimitsTest, ConstantsDoNotMakePatternsIncomplete) {
    const int n = 20;
    std::vector<double> x;
    for (int j = 0; j < n; ++j) x.push_back(0.5 + 0.3 * std::sin(j));
    EvaluationOptions options;
    options.backend = BackendChoice::cpu;
    const auto with = [&](double constant, double entry) {
        const auto f = [=](const double* at, int size) {
            double sum = entry * at[3] * at[7];
            for (int j = 0; j < size; ++j) sum += at[j] * at[j] / 2;
            return sum + constant;
        };
        return with_sparsity(by_values<double>(f, n), sparsity_pattern(n, {}));
    };
    for (const double constant : {0.0, 1e4, -1e4, 1e5, 1e6, 1e7}) {
        SCOPED_TRACE(constant);
        const SparsityCheck check = check_sparsity(with(constant, 0), x, options);
        EXPECT_TRUE(check.complete) << check.message;
        EXPECT_NO_THROW(minimize(with(constant, 0), x, on_cpu(Method::newton)));
        EXPECT_EQ(probe_sparsity(with(constant, 0), x, options).size(), n);
    }
    // Nor do they hide what is more than their noise.
    const auto wrong = with(1e4, 50);
    const SparsityCheck check = check_sparsity(wrong, x, options);
    EXPECT_FALSE(check.complete);
    EXPECT_EQ(std::min(check.row, check.column), 3);
    EXPECT_EQ(std::max(check.row, check.column), 7);
}

TEST_F(SparseLimitsTest, MissingEntriesOfOneSizeDoNotCancel) {
    // A cycle of entries of which random signs see nothing.
    const double s[] = {random_sign(1, 0) * 1.0, random_sign(1, 1) * 1.0, random_sign(1, 2) * 1.0,
                        random_sign(1, 3) * 1.0};
    const double signs[] = {1, -s[0] * s[2], s[0] * s[1] * s[2] * s[3], -s[1] * s[3]};
    const auto problem =
        with_sparsity(by_values<double>(
                          [&](const double* at, int) {
                              double f = 0;
                              for (int j = 0; j < 4; ++j)
                                  f += 2 * at[j] * at[j] + signs[j] * at[j] * at[(j + 1) % 4];
                              return f;
                          },
                          4),
                      sparsity_pattern(4, {}));
    EvaluationOptions options;
    options.backend = BackendChoice::cpu;
    EXPECT_FALSE(check_sparsity(problem, {0.1, 0.2, 0.3, 0.4}, options).complete);
}

TEST_F(SparseLimitsTest, ProbesSayWhereTheHessianIsNotFinite) {
    const auto problem = by_values<double>(
        [](const double* at, int) { return std::sqrt(at[0]) + at[1] * at[1]; }, 2);
    EvaluationOptions options;
    options.backend = BackendChoice::cpu;
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  probe_sparsity(problem, {-1.0, 1.0}, options);
              }).find("not finite"),
              std::string::npos);
}

TEST_F(SparseLimitsTest, BlackBoxesEndAsOnDenseHessians) {
    // Nearly singular: regular beside the error of second differences, not of others.
    const auto valley = by_values<double>(
        [](const double* at, int) {
            const double a = at[0] - 1, b = at[1] - 1;
            return (a * a + b * b) / 2 + (1 - 1e-5) * a * b;
        },
        2);
    const auto full = [](int n) { return sparsity_pattern(n, band(n, n)); };
    for (const Method method : {Method::newton, Method::trust_region}) {
        const Options options = on_cpu(method);
        const std::vector<double> x0{0.5, 0.25};
        const auto dense = minimize(valley, x0, options),
                   sparse = minimize(with_sparsity(valley, full(2)), x0, options);
        EXPECT_EQ(sparse.status, dense.status) << sparse.message << " against " << dense.message;
        EXPECT_TRUE(dense.converged()) << dense.message;
        for (const UnconstrainedCase& of : unconstrained_cases()) {
            if (of.n > 4) continue;
            SCOPED_TRACE(of.label());
            const Problem<double> exact = unconstrained_problem(of);
            const auto box = by_values<double>(
                [&](const double* at, int size) {
                    if (!std::all_of(at, at + size, [](double a) { return std::isfinite(a); }))
                        return std::numeric_limits<double>::quiet_NaN();
                    EvaluationOptions there;
                    there.backend = BackendChoice::cpu;
                    return evaluate(exact, std::vector<double>(at, at + size), there);
                },
                of.n);
            Options few = options;
            few.max_iterations = 20;
            EXPECT_EQ(minimize(with_sparsity(box, full(of.n)), of.x0, few).status,
                      minimize(box, of.x0, few).status);
        }
    }
}

}  // namespace
}  // namespace cunewton::test
