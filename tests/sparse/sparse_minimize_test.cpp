// Newton's method and the trust region on sparse Hessians end as they do on dense ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/sparse/components.h"
#include "tests/sparse/problems.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/tolerances.h"
#include "tests/unconstrained/problems.h"

namespace cunewton::test {
namespace {

Options options_for(Method method) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = 1;
    options.max_iterations = 1000;
    return options;
}

/// Dense Hessians of more take seconds. CUNEWTON_TEST_LARGEST=100 includes them.
int largest_dimension() {
    return test::largest_dimension(50);
}

SparsityPattern all_entries(int n) {
    return sparsity_pattern(n, band(n, n));
}

/// Where the exact Hessian is not zero, at some random points.
SparsityPattern true_pattern(const Problem<double>& problem, const std::vector<double>& x0) {
    const int n = problem.dimension();
    Random random(7);
    std::vector<std::pair<int, int>> entries;
    for (int times = 0; times < 3; ++times) {
        std::vector<double> x = x0;
        for (double& value : x) value += 0.1 * random.near_normal();
        EvaluationOptions options;
        options.backend = BackendChoice::cpu;
        const std::vector<double> H = hessian(problem, x, options);
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i)
                if (H[static_cast<std::size_t>(j) * n + i] != 0) entries.push_back({i, j});
    }
    return sparsity_pattern(n, entries);
}

class SparseMinimizeTest : public SparseFactorTest, public ::testing::WithParamInterface<Method> {};

TEST_P(SparseMinimizeTest, EndsAsOnDenseHessians) {
    const Method method = GetParam();
    int cases = 0, sparse_ones = 0;
    for (const UnconstrainedCase& of : unconstrained_cases()) {
        if (of.n > largest_dimension()) continue;
        SCOPED_TRACE(of.label());
        const Problem<double> problem = unconstrained_problem(of);
        const Options options = options_for(method);
        const Result<double> dense = minimize(problem, of.x0, options);
        const SparsityPattern truly = true_pattern(problem, of.x0);
        ++cases;
        sparse_ones += truly.size() < static_cast<long>(of.n) * (of.n + 1) / 2;
        for (const bool full : {true, false}) {
            if (full && testing_little()) continue;
            SCOPED_TRACE(full ? "all entries" : "true pattern");
            const Result<double> sparse =
                minimize(with_sparsity(problem, full ? all_entries(of.n) : truly), of.x0, options);
            EXPECT_EQ(sparse.status, dense.status)
                << to_string(sparse.status) << " against " << to_string(dense.status) << ", f "
                << sparse.f << " against " << dense.f << ", iterations " << sparse.iterations
                << " against " << dense.iterations;
            EXPECT_EQ(accepts(of, sparse.f), accepts(of, dense.f))
                << sparse.f << " against " << dense.f;
            EXPECT_EQ(sparse.undetermined, dense.undetermined);
            EXPECT_EQ(sparse.method, method);
        }
    }
    if (largest_dimension() >= 50) {
        EXPECT_GE(cases, 30);
        EXPECT_GE(sparse_ones, 10);
    }
}

TEST_P(SparseMinimizeTest, ByGradientsOfTheFunctor) {
    const int n = 200, side = 12;
    Options options = options_for(GetParam());
    const auto chain = with_sparsity(chain_problem<double>(n), sparsity_pattern(n, band(n, 2)));
    const Result<double> valley = minimize(chain, std::vector<double>(n, 0.5), options);
    EXPECT_TRUE(valley.converged()) << valley.message;
    for (const double x : valley.x) EXPECT_NEAR(x, 1, 1e-9);
    const auto broyden = with_sparsity(broyden_problem<double>(n), sparsity_pattern(n, band(n, 3)));
    const Result<double> root = minimize(broyden, std::vector<double>(n, -1.0), options);
    EXPECT_TRUE(root.converged()) << root.message;
    EXPECT_LE(root.f, 1e-20);
    const auto surface = with_sparsity(surface_problem<double>(side),
                                       sparsity_pattern(side * side, surface_entries(side)));
    const std::vector<double> flat(static_cast<std::size_t>(side * side), 0.0);
    const Result<double> soap = minimize(surface, flat, options);
    EXPECT_TRUE(soap.converged()) << soap.message;
    const Result<double> dense = minimize(surface_problem<double>(side), flat, options);
    EXPECT_NEAR(soap.f, dense.f, 1e-13 * dense.f);
    // In float too.
    const auto single = with_sparsity(surface_problem<float>(side),
                                      sparsity_pattern(side * side, surface_entries(side)));
    const Result<float> rough = minimize(single, std::vector<float>(flat.size(), 0.0f), options);
    EXPECT_NEAR(rough.f, dense.f, 1e-5 * dense.f) << rough.message;
}

/// sum over pairs (x_j + x_{j+1} - 1)^2 + what ties single parameters: of odd ones (x_j - 2)^2.
struct Pairs {
    bool tied;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        T f(1.0);
        for (int j = 0; j + 1 < x.size(); j += 2) {
            const T sum = T(x[j]) + T(x[j + 1]) - T(1.0), odd = T(x[j + 1]) - T(2.0);
            f += sum * sum;
            if (tied || j > 0) f += odd * odd;
        }
        return f;
    }
};

TEST_P(SparseMinimizeTest, NamesWhatIsNotDetermined) {
    if (testing_cuda()) GTEST_SKIP() << "the function has no GPU code";
    const int n = 8;
    std::vector<std::pair<int, int>> entries;
    for (int j = 0; j < n; j += 2) entries.push_back({j + 1, j});
    const std::vector<double> x0(n, 0.25);
    for (const bool tied : {true, false}) {
        const auto problem =
            with_sparsity(make_objective<double>(Pairs{tied}, n), sparsity_pattern(n, entries));
        const Result<double> result = minimize(problem, x0, options_for(GetParam()));
        EXPECT_EQ(result.status, tied ? Status::converged : Status::singular) << result.message;
        EXPECT_EQ(result.undetermined, tied ? std::vector<int>{} : (std::vector<int>{0, 1}));
    }
    // A parameter that the loss does not know.
    const auto odd =
        with_sparsity(make_objective<double>(Pairs{true}, n + 1), sparsity_pattern(n + 1, entries));
    const Result<double> result =
        minimize(odd, std::vector<double>(n + 1, 0.25), options_for(GetParam()));
    EXPECT_EQ(result.status, Status::singular) << result.message;
    EXPECT_EQ(result.undetermined, std::vector<int>{n});
}

TEST_P(SparseMinimizeTest, OneParameter) {
    const auto problem = with_sparsity(broyden_problem<double>(1), sparsity_pattern(1, {}));
    const Result<double> result = minimize(problem, {-1.0}, options_for(GetParam()));
    EXPECT_TRUE(result.converged()) << result.message;
    EXPECT_NEAR(result.x[0], (3 - std::sqrt(17.0)) / 4, 1e-12);
}

TEST_P(SparseMinimizeTest, WhatNeedsAMatrixIsRefused) {
    const auto problem = with_sparsity(chain_problem<double>(4), sparsity_pattern(4, band(4, 2)));
    Options options = options_for(GetParam());
    const std::vector<double> x0(4, 0.0);
    EXPECT_NE(
        message_of<InvalidArgument>([&] { memory_needed(problem, options); }).find("analysed"),
        std::string::npos);
    options.keep_hessian_factor = true;
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  minimize(problem, x0, options);
              }).find("keep_hessian_factor"),
              std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Methods, SparseMinimizeTest,
                         ::testing::Values(Method::newton, Method::trust_region,
                                           Method::levenberg_marquardt, Method::dogleg),
                         [](const auto& of) { return std::string(to_string(of.param)); });

using SparseMethodTest = SparseFactorTest;

TEST_F(SparseMethodTest, AutomaticIsNewtonAndOthersDoWithoutThePattern) {
    const int n = 1000;
    const auto problem = with_sparsity(chain_problem<double>(n), sparsity_pattern(n, band(n, 2)));
    Options options = options_for(Method::automatic);
    const Result<double> newton = minimize(problem, std::vector<double>(n, 0.9), options);
    EXPECT_EQ(newton.method, Method::newton);
    EXPECT_TRUE(newton.converged()) << newton.message;
    options.method = Method::lbfgs;
    EXPECT_EQ(minimize(problem, std::vector<double>(n, 0.9), options).method, Method::lbfgs);
}

}  // namespace
}  // namespace cunewton::test
