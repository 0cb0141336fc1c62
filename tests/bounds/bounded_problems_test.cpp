// Bounds on problems whose solutions are known, or whose first-order conditions can be checked.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/bounds/problems.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

class BoundedProblems : public BackendTest {};

Options bounded(const BoundedProblem& p, Method method = Method::newton) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = 2;
    options.lower = p.lower;
    options.upper = p.upper;
    return options;
}

bool runs_here(const BoundedProblem& p) {
    return !testing_cuda() || (p.on_cuda && p.problem.dimension() <= 20);
}

/// The 2-norm of the gradient of what may move at x, by evaluate(), beside that at the start.
struct Slope {
    double projected, first;
    std::vector<double> gradient;
};
Slope slope_at(const BoundedProblem& p, const std::vector<double>& x) {
    EvaluationOptions options;
    options.backend = tested_choice();
    const auto norm_at = [&](const std::vector<double>& at, std::vector<double>& g) {
        g = gradient(p.problem, at, options);
        double square = 0;
        for (std::size_t j = 0; j < at.size(); ++j) {
            const bool held =
                (at[j] == p.lower[j] && g[j] > 0) || (at[j] == p.upper[j] && g[j] < 0);
            if (!held) square += g[j] * g[j];
        }
        return std::sqrt(square);
    };
    std::vector<double> start = p.x0, ignored;
    for (std::size_t j = 0; j < start.size(); ++j)
        start[j] = std::clamp(start[j], p.lower[j], p.upper[j]);
    Slope slope{};
    slope.first = norm_at(start, ignored);
    slope.projected = norm_at(x, slope.gradient);
    return slope;
}

void expect_solved(const BoundedProblem& p, const Result<double>& result) {
    SCOPED_TRACE(p.name);
    EXPECT_EQ(result.status, Status::converged) << result.message;
    const std::size_t n = p.x0.size();
    ASSERT_EQ(result.at_bound.size(), n);
    ASSERT_EQ(result.multipliers.size(), n);
    double largest = 1;
    for (const double s : p.solution) largest = std::max(largest, std::abs(s));
    for (std::size_t j = 0; j < n; ++j) {
        EXPECT_GE(result.x[j], p.lower[j]) << j;
        EXPECT_LE(result.x[j], p.upper[j]) << j;
        if (!p.solution.empty()) {
            EXPECT_NEAR(result.x[j], p.solution[j], p.accuracy * largest) << j;
        }
        if (p.multipliers.empty()) continue;
        const double multiplier = p.multipliers[j];
        if (multiplier > 0) {
            EXPECT_EQ(result.at_bound[j], AtBound::lower) << j;
        }
        if (multiplier < 0) {
            EXPECT_EQ(result.at_bound[j], AtBound::upper) << j;
        }
        EXPECT_NEAR(result.multipliers[j], multiplier, 1e3 * p.accuracy) << j;
    }
    const Slope slope = slope_at(p, result.x);
    EXPECT_LE(slope.projected, 1e-8 * std::max(slope.first, 1e-3));
    for (std::size_t j = 0; j < n; ++j) {
        const bool low = result.at_bound[j] == AtBound::lower,
                   high = result.at_bound[j] == AtBound::upper;
        if (low) {
            EXPECT_EQ(result.x[j], p.lower[j]);
            EXPECT_GE(result.multipliers[j], 0);
        } else if (high) {
            EXPECT_EQ(result.x[j], p.upper[j]);
            EXPECT_LE(result.multipliers[j], 0);
        } else {
            EXPECT_EQ(result.multipliers[j], 0);
        }
    }
}

TEST_F(BoundedProblems, AllAreSolved) {
    const std::vector<BoundedProblem> list = bounded_problems();
    EXPECT_GE(list.size(), 60u);
    for (const BoundedProblem& p : list) {
        if (!runs_here(p)) continue;
        const Result<double> result = minimize(p.problem, p.x0, bounded(p));
        expect_solved(p, result);
        Options free = bounded(p);
        free.lower = free.upper = {};
        const Result<double> without = minimize(p.problem, p.x0, free);
        // Where that has a minimum near, too. The last step is only there to square the error.
        const bool near =
            std::ranges::all_of(without.x, [](double x) { return std::abs(x) < 1e3; });
        if (without.converged() && near) {
            EXPECT_LE(result.iterations, 1 + without.iterations * 3 / 2) << p.name;
        }
    }
}

/// Faces are left once most of what they have to give is taken, or each bound costs a factor or two
/// many times over.
TEST_F(BoundedProblems, IllConditionedOnesTakeFewFactors) {
    for (const int n : {12, 50, 200})
        for (const bool degenerate : {false, true}) {
            const BoundedProblem p = bounded_quadratic(n, 0.9, 1e8, degenerate, 9089);
            if (!runs_here(p)) continue;
            const Result<double> result = minimize(p.problem, p.x0, bounded(p));
            expect_solved(p, result);
            EXPECT_LE(result.iterations, 3) << p.name;
            EXPECT_LE(result.counts.factorizations, 20 + n) << p.name;
        }
}

/// Powell's singular function where the loss falls to 0 in a corner: without an end in sight, for
/// the loss falls by the same factor at each step.
struct Singular {
    template <class X>
    auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T a = x[0] + T(10.0) * x[1], b = x[2] - x[3], c = x[1] - T(2.0) * x[2],
                d = x[0] - x[3];
        return a * a + T(5.0) * b * b + c * c * c * c + T(10.0) * d * d * d * d;
    }
};
TEST_F(BoundedProblems, SingularCornersComeToAnEnd) {
    if (testing_cuda()) GTEST_SKIP() << "a functor without GPU code";
    for (const double x0 : {1.0, 3.0, 5.0})
        for (const Method method : {Method::newton, Method::trust_region, Method::newton_cg}) {
            Options options;
            options.method = method;
            options.backend = BackendChoice::cpu;
            options.lower.assign(4, 0);
            options.upper.assign(4, 5);
            const Result<double> result = minimize(make_objective<double>(Singular{}, 4),
                                                   std::vector<double>(4, x0), options);
            EXPECT_TRUE(result.converged() || result.status == Status::singular)
                << to_string(method) << ": " << result.message;
            EXPECT_LE(result.iterations, 120) << to_string(method);
            for (const double x : result.x) EXPECT_NEAR(x, 0, 1e-4) << to_string(method);
        }
}

TEST_F(BoundedProblems, EveryMethodSolvesSome) {
    std::vector<BoundedProblem> list;
    list.push_back(bounded_quadratic(6, 0.5, 20, false, 71));
    list.push_back(bounded_logistic(200, 4, 0.01, 72));
    for (const BoundedProblem& p : list)
        for (const Method method : all_methods) {
            if (method == Method::automatic) continue;
            SCOPED_TRACE(to_string(method));
            Options options = bounded(p, method);
            options.gradient_tolerance = 1e-7;
            options.max_iterations = 5000;
            const Result<double> result = minimize(p.problem, p.x0, options);
            EXPECT_EQ(result.status, Status::converged) << p.name << ": " << result.message;
            EXPECT_LE(result.gradient_norm, 1e-7);
            const Result<double> exact = minimize(p.problem, p.x0, bounded(p));
            EXPECT_EQ(result.at_bound, exact.at_bound);
        }
}

/// First-order conditions of a logistic regression with signs, in long double.
TEST_F(BoundedProblems, LogisticSignsSatisfyTheirConditions) {
    const int n = 6;
    const long count = 300;
    std::vector<double> features, targets;
    unsigned state = 3;
    const auto next = [&] {
        state = state * 1664525u + 1013904223u;
        return static_cast<double>(state >> 8) / (1 << 24);
    };
    for (long i = 0; i < count; ++i) {
        double z = -0.3;
        for (int j = 0; j < n; ++j) {
            features.push_back(2 * next() - 1);
            z += (j % 2 ? 1.5 : -1.0) * features.back();
        }
        targets.push_back(next() < 1 / (1 + std::exp(-z)) ? 1 : 0);
    }
    ProblemOptions sum;
    sum.reduction = Reduction::sum;
    const auto problem = make_linear_predictor<double>(
        Logistic{}, Samples<double>{features.data(), count, n, 0, targets.data()}, sum);
    Options options;
    options.backend = tested_choice();
    options.lower.assign(n, 0);
    const Result<double> result = minimize(problem, std::vector<double>(n, 0.5), options);
    ASSERT_EQ(result.status, Status::converged) << result.message;
    std::vector<long double> g(n, 0);
    long double scale = 0;
    for (long i = 0; i < count; ++i) {
        long double z = 0;
        for (int j = 0; j < n; ++j)
            z += static_cast<long double>(features[static_cast<std::size_t>(i * n + j)]) *
                 result.x[static_cast<std::size_t>(j)];
        const long double error = 1 / (1 + std::exp(-z)) - targets[static_cast<std::size_t>(i)];
        for (int j = 0; j < n; ++j)
            g[static_cast<std::size_t>(j)] += error * features[static_cast<std::size_t>(i * n + j)];
        scale += std::abs(error);
    }
    int held = 0;
    for (std::size_t j = 0; j < g.size(); ++j) {
        EXPECT_GE(result.x[j], 0);
        if (result.at_bound[j] == AtBound::lower) {
            ++held;
            EXPECT_GT(g[j], 0);
            EXPECT_NEAR(result.multipliers[j], static_cast<double>(g[j]), 1e-10 * scale);
        } else {
            EXPECT_EQ(result.at_bound[j], AtBound::free);
            EXPECT_NEAR(static_cast<double>(g[j]), 0, 1e-8 * scale);
        }
    }
    EXPECT_EQ(held, 3);
}

}  // namespace
}  // namespace cunewton::test
