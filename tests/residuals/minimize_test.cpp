// Minimisation of sums of residuals: every method that takes their matrix, and the edges.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cunewton/curvature.h"
#include "cunewton/differentiate.h"
#include "tests/residuals/functors.h"

namespace cunewton::test {
namespace {

class Residuals : public BackendTest {};

Options by(Method method) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

constexpr Method methods[] = {Method::levenberg_marquardt, Method::dogleg, Method::trust_region,
                              Method::newton, Method::newton_cg};

TEST_F(Residuals, AllMethodsAndBothMatricesFindTheSameMinimum) {
    const Wave<double> data(2000, true);
    const Problem<double> problem = wave_problem(data);
    const Result<double> first = minimize(problem, {1.0, 0.5, 3.0}, by(methods[0]));
    for (const Method method : methods)
        for (const HessianBy matrix : {HessianBy::gauss_newton, HessianBy::autodiff}) {
            SCOPED_TRACE(std::string(to_string(method)) + ", " + to_string(matrix));
            Options options = by(method);
            options.derivatives.hessian = matrix;
            const Result<double> result = minimize(problem, {1.0, 0.5, 3.0}, options);
            EXPECT_TRUE(result.converged()) << to_string(result.status);
            for (int j = 0; j < 3; ++j) EXPECT_NEAR(result.x[j], first.x[j], 1e-8);
            EXPECT_NEAR(result.f, first.f, 1e-12 * first.f);
        }
}

TEST_F(Residuals, BitsDoNotDependOnThreads) {
    const Wave<double> data(40'000);
    const Problem<double> problem = wave_problem(data);
    Options options = by(Method::levenberg_marquardt);
    const Result<double> two = minimize(problem, {1.0, 0.5, 3.0}, options);
    options.threads = 1;
    const Result<double> one = minimize(problem, {1.0, 0.5, 3.0}, options);
    EXPECT_EQ(one.x, two.x);
    EXPECT_EQ(one.f, two.f);
}

TEST_F(Residuals, AMeanIsTheSumByTheWeights) {
    const Wave<double> data(300, true);
    ProblemOptions options;
    options.reduction = Reduction::mean;
    double weight = 0;
    for (const double w : data.weights) weight += w;
    EvaluationOptions evaluation;
    evaluation.backend = tested_choice();
    const std::vector<double> p{1.25, 0.5, 3};
    const double sum = evaluate(wave_problem(data), p, evaluation);
    EXPECT_NEAR(evaluate(wave_problem(data, options), p, evaluation), sum / weight, 1e-14 * sum);
}

/// Of many parameters J'WJ is made of tiles times themselves: the same as the products give, and
/// as differences of gradients for the full Hessian.
TEST_F(Residuals, ManyParametersAndSeveralResiduals) {
    for (const int n : {1, 7, 60}) {
        SCOPED_TRACE(n);
        const Wave<double> data(testing_cuda() ? 70 : 700, true);
        ProblemOptions robust;
        robust.estimator = Estimator::soft_l1;
        robust.l2 = 0.5;
        const Problem<double> problem = long_problem(data, n, robust);
        EvaluationOptions options;
        options.backend = tested_choice();
        std::vector<double> x(static_cast<std::size_t>(n));
        for (int j = 0; j < n; ++j) x[j] = 0.25 * std::sin(j + 1.0);
        EXPECT_LE(check_gradient(problem, x, options).worst_error, 1e-5);
        for (const HessianBy matrix : {HessianBy::gauss_newton, HessianBy::autodiff}) {
            options.derivatives.hessian = matrix;
            const std::vector<double> H = hessian(problem, x, options);
            const std::vector<double> v(x), Hv = hessian_product(problem, x, v, options);
            for (int i = 0; i < n; ++i) {
                double sum = 0, size = 0;
                for (int j = 0; j < n; ++j) {
                    sum += H[j * n + i] * v[j];
                    size += std::abs(H[j * n + i] * v[j]);
                }
                EXPECT_NEAR(Hv[i], sum, 1e-12 * size + 1e-12);
            }
        }
        const std::vector<double> full = hessian(problem, x, options);
        for (int j = 0; j < std::min(n, 3); ++j) {
            const double h = 1e-5;
            std::vector<double> above(x), below(x);
            above[j] += h;
            below[j] -= h;
            const auto up = gradient(problem, above, options),
                       down = gradient(problem, below, options);
            for (int i = 0; i < n; ++i)
                EXPECT_NEAR(full[j * n + i], (up[i] - down[i]) / (2 * h),
                            1e-6 * (1 + std::abs(full[j * n + j])));
        }
    }
}

TEST_F(Residuals, DifferencesOfValues) {
    const Wave<double> data(500, true);
    EvaluationOptions options;
    options.backend = tested_choice();
    const std::vector<double> p{1.25, 0.5, 3};
    const std::vector<double> exact = hessian(wave_problem(data), p, options);
    options.derivatives.gradient = GradientBy::central_differences;
    const std::vector<double> by_values = hessian(wave_problem(data), p, options);
    for (int e = 0; e < 9; ++e) EXPECT_NEAR(by_values[e], exact[e], 1e-7 * exact[0] * 10);
}

/// Fewer residuals than parameters: a minimum that is not the only one. At t = 0 the model is 0.
TEST_F(Residuals, FewerThanParametersAreSingular) {
    Wave<double> data(2);
    const Result<double> result =
        minimize(wave_problem(data), {1.0, 0.5, 3.0}, by(Method::levenberg_marquardt));
    EXPECT_NEAR(result.f, data.y[0] * data.y[0], 1e-14);
    EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
}

TEST_F(Residuals, OutliersAreOutvoted) {
    Wave<double> data(1000);
    for (std::size_t i = 0; i < data.y.size(); i += 10) data.y[i] += 50;
    for (const Estimator estimator : {Estimator::huber, Estimator::cauchy, Estimator::soft_l1,
                                      Estimator::arctan, Estimator::tukey}) {
        SCOPED_TRACE(to_string(estimator));
        ProblemOptions options;
        options.estimator = estimator;
        options.tuning = 1;
        const Result<double> result = minimize(wave_problem(data, options), {1.4, 0.55, 2.75},
                                               by(Method::levenberg_marquardt));
        EXPECT_TRUE(result.converged()) << to_string(result.status);
        const bool bounded = estimator == Estimator::tukey || estimator == Estimator::arctan;
        EXPECT_NEAR(result.x[2], 2.8, bounded ? 0.1 : 0.3);
    }
}

/// Where the model is not a number a step is not taken.
struct Root {
    static constexpr int parameters = 1;
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        using namespace math;
        const auto& [a] = x;
        return sqrt(a) * s[0] - s.target();
    }
};
TEST_F(Residuals, NoNumbersInPartOfTheSpace) {
    if (testing_cuda()) GTEST_SKIP() << "a functor without GPU code";
    const std::vector<double> t{1, 2, 3}, y{0.1, 0.2, 0.3};
    const Samples<double> samples = Samples<double>::of(Array<const double>(t.data(), 3, 1),
                                                        Array<const double>(y.data(), 3, 1));
    for (const Method method : methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result =
            minimize(make_residuals<double>(Root{}, samples, 1), {4.0}, by(method));
        EXPECT_TRUE(result.converged()) << to_string(result.status);
        EXPECT_NEAR(result.x[0], 0.01, 1e-9);
    }
}

/// Polynomials in the sample's number, whose J is known.
template <int n>
struct ByNumber {
    static constexpr int parameters = n;
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        auto sum = x[n - 1] * (0.001 * s.index());
        for (int j = n - 2; j >= 0; --j) sum = (sum + x[j]) * (0.001 * s.index());
        return sum - s.target();
    }
};
template <int n>
void expect_exact_squares() {
    SCOPED_TRACE(n);
    std::vector<double> t, y;
    for (int i = 0; i < 1003; ++i) {
        t.push_back(i);
        y.push_back(std::sin(0.01 * i));
    }
    const long count = static_cast<long>(t.size());
    const Samples<double> samples = Samples<double>::of(Array<const double>(t.data(), count, 1),
                                                        Array<const double>(y.data(), count, 1));
    std::vector<double> x;
    for (int j = 0; j < n; ++j) x.push_back(std::cos(j + 1.0));
    long double f = 0, g[n] = {}, H[n * n] = {};
    for (int i = 0; i < count; ++i) {
        long double row[n], r = -static_cast<long double>(y[static_cast<std::size_t>(i)]);
        for (int j = 0; j < n; ++j) {
            row[j] = std::pow(0.001L * i, j + 1.0L);
            r += x[static_cast<std::size_t>(j)] * row[j];
        }
        f += r * r;
        for (int j = 0; j < n; ++j) {
            g[j] += 2 * r * row[j];
            for (int l = 0; l < n; ++l) H[j * n + l] += 2 * row[j] * row[l];
        }
    }
    EvaluationOptions options;
    options.backend = tested_choice();
    const Problem<double> problem = make_residuals<double>(ByNumber<n>{}, samples, n);
    EXPECT_NEAR(evaluate(problem, x, options), static_cast<double>(f), 1e-12 * (1 + double(f)));
    const std::vector<double> slope = gradient(problem, x, options),
                              matrix = hessian(problem, x, options);
    for (int j = 0; j < n; ++j) {
        EXPECT_NEAR(slope[j], static_cast<double>(g[j]), 1e-11 * (1 + std::abs(double(g[j]))));
        for (int l = 0; l < n; ++l)
            EXPECT_NEAR(matrix[j * n + l], static_cast<double>(H[j * n + l]),
                        1e-11 * static_cast<double>(H[j * n + l]));
    }
}
TEST_F(Residuals, SumsOfEveryNumberOfParameters) {
    if (testing_cuda()) GTEST_SKIP() << "functors without GPU code";
    [&]<int... n>(std::integer_sequence<int, n...>) {
        (expect_exact_squares<n + 1>(), ...);
    }
    (std::make_integer_sequence<int, 11>());
}

TEST_F(Residuals, WhatIsNotForThemIsRefused) {
    Wave<double> data(10, true);
    ProblemOptions options;
    options.estimator = Estimator::poisson;
    EXPECT_THROW(wave_problem(data, options), InvalidArgument);
    options = {};
    options.tuning = -1;
    EXPECT_THROW(wave_problem(data, options), InvalidArgument);
    options = {};
    EXPECT_THROW(make_residuals<double>(WaveResidual{}, data.samples(), 4, options),
                 InvalidArgument);
    options.estimator = Estimator::huber;
    EXPECT_THROW(make_sample_sum<double>(WaveResidual{}, data.samples(), 3, options),
                 InvalidArgument);
    std::fill(data.weights.begin(), data.weights.end(), 0.0);
    EXPECT_THROW(wave_problem(data), InvalidArgument);
    EvaluationOptions evaluation;
    evaluation.derivatives.hessian = HessianBy::value_differences;
    EXPECT_THROW(hessian(wave_problem(Wave<double>(10)), {1, 1, 1}, evaluation), InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
