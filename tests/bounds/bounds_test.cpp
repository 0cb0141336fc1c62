// What bounds promise: nothing is evaluated outside, the result says where it ended, and units,
// starts and kinds of derivatives do not matter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/bounds/problems.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

class Bounds : public BackendTest {};
/// Black boxes and functors of the tests run on the CPU.
class BoundsOnCpu : public ::testing::Test {};

Options within(std::vector<double> lower, std::vector<double> upper,
               Method method = Method::newton) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = 2;
    options.lower = std::move(lower);
    options.upper = std::move(upper);
    return options;
}
Options on_cpu(std::vector<double> lower, std::vector<double> upper,
               Method method = Method::newton) {
    Options options = within(std::move(lower), std::move(upper), method);
    options.backend = BackendChoice::cpu;
    return options;
}

/// f = sum_j w_j (x_j - c_j)^2 / 2 + coupling sum x_j x_{j+1} + sum x_j^4 / 4, that counts points
/// outside of its box.
struct Watched {
    std::vector<double> lower, upper, centre;
    long outside = 0, evaluations = 0;

    void look(const double* x) {
        ++evaluations;
        for (std::size_t j = 0; j < lower.size(); ++j)
            if (!(x[j] >= lower[j] && x[j] <= upper[j])) ++outside;
    }
    double value(const double* x) {
        look(x);
        double f = 0;
        const std::size_t n = lower.size();
        for (std::size_t j = 0; j < n; ++j) {
            const double u = x[j] - centre[j];
            f += 0.5 * static_cast<double>(j + 1) * u * u + 0.25 * x[j] * x[j] * x[j] * x[j];
            if (j + 1 < n) f += 0.3 * x[j] * x[j + 1];
        }
        return f;
    }
    void gradient(const double* x, double* g) const {
        const std::size_t n = lower.size();
        for (std::size_t j = 0; j < n; ++j) {
            g[j] = static_cast<double>(j + 1) * (x[j] - centre[j]) + x[j] * x[j] * x[j];
            if (j + 1 < n) g[j] += 0.3 * x[j + 1];
            if (j > 0) g[j] += 0.3 * x[j - 1];
        }
    }
};

std::shared_ptr<Watched> watched() {
    return std::make_shared<Watched>(Watched{
        {0.5, -infinity, -1, 0.25, -2}, {2, 0.125, 1, 0.25, -1.9999999}, {-1, 3, 0.2, 5, 1}});
}

BlackBox<double> values_of(const std::shared_ptr<Watched>& f) {
    BlackBox<double> own;
    own.values = [f](const double* points, int n, int count, double* losses) {
        for (int p = 0; p < count; ++p) losses[p] = f->value(points + p * n);
    };
    return own;
}
BlackBox<double> gradients_of(const std::shared_ptr<Watched>& f) {
    BlackBox<double> own = values_of(f);
    own.value_and_gradient = [f](const double* x, int, double* g) {
        f->gradient(x, g);
        return f->value(x);
    };
    return own;
}

void expect_watched(const Watched& f, const Result<double>& result, double accuracy) {
    EXPECT_EQ(f.outside, 0);
    EXPECT_GT(f.evaluations, 0);
    EXPECT_EQ(result.at_bound, (std::vector<AtBound>{AtBound::lower, AtBound::upper, AtBound::free,
                                                     AtBound::fixed, AtBound::upper}));
    std::vector<double> g(5);
    f.gradient(result.x.data(), g.data());
    EXPECT_NEAR(g[2], 0, accuracy);
    EXPECT_NEAR(result.multipliers[0], g[0], accuracy);
    EXPECT_NEAR(result.multipliers[1], g[1], accuracy);
    EXPECT_NEAR(result.multipliers[4], g[4], 1e-3 * std::abs(g[4]));
}

TEST_F(BoundsOnCpu, DifferencesStayInside) {
    for (const Method method : all_methods)
        for (const bool gradients : {false, true}) {
            if (method == Method::kfac || method == Method::subsampled_newton) continue;
            SCOPED_TRACE(std::string(to_string(method)) + (gradients ? ", gradients" : ", values"));
            const std::shared_ptr<Watched> f = watched();
            const Problem<double> problem =
                make_black_box<double>(gradients ? gradients_of(f) : values_of(f), 5);
            Options options = on_cpu(f->lower, f->upper, method);
            options.max_iterations = 3000;
            options.gradient_tolerance = gradients ? 1e-7 : 1e-5;
            const Result<double> result = minimize(problem, {-1, 1, 0, 0, 0}, options);
            EXPECT_TRUE(result.converged()) << result.message;
            expect_watched(*f, result, gradients ? 1e-6 : 1e-4);
        }
}

TEST_F(BoundsOnCpu, ForwardDifferencesStayInside) {
    const std::shared_ptr<Watched> f = watched();
    Options options = on_cpu(f->lower, f->upper);
    options.derivatives.gradient = GradientBy::forward_differences;
    const Result<double> result =
        minimize(make_black_box<double>(values_of(f), 5), {1, 0, 0, 0, -2}, options);
    expect_watched(*f, result, 1e-4);
    EXPECT_TRUE(std::isnan(result.multipliers[3]));  // along a fixed parameter nobody looked
}

/// Not a number outside of the box; sums over samples, and objectives.
struct OnlyInside {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        const T a = x[0] - T(1.0), b = T(2.0) - x[1];
        return sqrt(a) * T(2.0) - log(T(T(1.0) + sqrt(b))) + x[0] * x[1] * x[2] + x[2] * x[2];
    }
};
struct RowInside {
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        using namespace math;
        using T = scalar_t<X>;
        const T a = x[0] - T(1.0), r = T(s[0]) * x[0] + x[1] * x[1] - T(s[1]);
        return r * r + sqrt(a);
    }
};

TEST_F(BoundsOnCpu, FunctorsAreDifferencedInside) {
    for (const HessianBy by : {HessianBy::value_differences, HessianBy::gradient_differences}) {
        Options options = on_cpu({1, -1, -3}, {4, 2, infinity});
        options.derivatives.gradient = by == HessianBy::value_differences
                                           ? GradientBy::central_differences
                                           : GradientBy::automatic;
        options.derivatives.hessian = by;
        const Result<double> result =
            minimize(make_objective<double>(OnlyInside{}, 3), {3, 1, 1}, options);
        EXPECT_TRUE(std::isfinite(result.f)) << result.message;
        EXPECT_NE(result.status, Status::not_finite);
    }
    const std::vector<double> rows{1, 3, 2, 5, 1, 4};
    Options options = on_cpu({1, 0}, {1.5, infinity});
    options.derivatives.gradient = GradientBy::central_differences;
    options.derivatives.hessian = HessianBy::value_differences;
    const Result<double> result =
        minimize(make_sample_sum<double>(RowInside{}, Samples<double>{rows.data(), 3, 2}, 2),
                 {1.4, 2}, options);
    EXPECT_TRUE(std::isfinite(result.f)) << result.message;
    EXPECT_EQ(result.at_bound[0], AtBound::lower);
}

/// a exp(-k t) + c + d sin(3 t) - y, not a number where a < 1, c > 1/4, or k is not 7/8.
struct ResidualInside {
    static constexpr int parameters = 4;
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        using namespace math;
        const auto& [a, k, c, d] = x;
        const auto over = sqrt(a - 1.0), under = sqrt(0.25 - c),
                   off = sqrt(-((k - 0.875) * (k - 0.875)));
        return (1.0 + over * over) * exp(-(k * s[0])) + 0.25 - under * under + off +
               d * sin(3.0 * s[0]) - s.target();
    }
};
TEST_F(BoundsOnCpu, ResidualsAreDifferencedInside) {
    std::vector<double> t, y;
    for (int i = 0; i < 40; ++i) {
        t.push_back(0.1 * i);
        y.push_back(0.2 * std::exp(-0.875 * t.back()) + 0.55 + 0.1 * std::sin(3 * t.back()) +
                    0.01 * (i % 3));
    }
    const Samples<double> samples{t.data(), 40, 1, 0, y.data()};
    // With all bounds active the rest is one linear fit.
    double over = 0, under = 0, of_a = 0, of_c = 0;
    const auto rest = [&](std::size_t i) { return y[i] - std::exp(-0.875 * t[i]) - 0.25; };
    for (std::size_t i = 0; i < t.size(); ++i) {
        over += std::sin(3 * t[i]) * rest(i);
        under += std::sin(3 * t[i]) * std::sin(3 * t[i]);
    }
    const double d = over / under;
    for (std::size_t i = 0; i < t.size(); ++i) {
        of_a += 2 * (d * std::sin(3 * t[i]) - rest(i)) * std::exp(-0.875 * t[i]);
        of_c += 2 * (d * std::sin(3 * t[i]) - rest(i));
    }
    ASSERT_GT(of_a, 0);
    ASSERT_LT(of_c, 0);
    const Problem<double> problem = make_residuals<double>(ResidualInside{}, samples, 4);
    for (const Method method :
         {Method::newton, Method::levenberg_marquardt, Method::dogleg, Method::trust_region,
          Method::newton_cg, Method::hessian_free, Method::bfgs, Method::lbfgs})
        for (const GradientBy by :
             {GradientBy::central_differences, GradientBy::forward_differences}) {
            SCOPED_TRACE(std::string(to_string(method)) + ", " + to_string(by));
            Options options = on_cpu({1, 0, -5, -1}, {3, 2, 0.25, 1}, method);
            options.fixed = {false, true, false, false};
            options.derivatives.gradient = by;
            options.gradient_tolerance = 1e-4;
            const Result<double> result = minimize(problem, {2, 0.875, 0, 0}, options);
            EXPECT_TRUE(result.converged()) << result.message;
            EXPECT_EQ(result.at_bound, (std::vector<AtBound>{AtBound::lower, AtBound::fixed,
                                                             AtBound::upper, AtBound::free}));
            ASSERT_TRUE(std::isfinite(result.f));
            EXPECT_NEAR(result.x[3], d, 1e-5);
            EXPECT_NEAR(result.multipliers[0], of_a, 1e-3);
            EXPECT_NEAR(result.multipliers[2], of_c, 1e-3);
            EXPECT_TRUE(std::isnan(result.multipliers[1]));
        }
}

TEST_F(Bounds, StartsOutsideAreMoved) {
    const BoundedProblem p = bounded_quadratic(4, 0.5, 10, false, 5);
    const std::vector<double> far{100, -100, 100, -100};
    const Result<double> result = minimize(p.problem, far, within(p.lower, p.upper));
    EXPECT_TRUE(result.converged()) << result.message;
    ASSERT_FALSE(result.moved.empty());
    EXPECT_TRUE(std::ranges::is_sorted(result.moved));
    EXPECT_NE(result.message.find("moved"), std::string::npos) << result.message;
    for (int j = 0; j < 4; ++j) {
        const std::size_t i = static_cast<std::size_t>(j);
        const bool outside = far[i] < p.lower[i] || far[i] > p.upper[i];
        EXPECT_EQ(std::ranges::count(result.moved, j), outside ? 1 : 0);
    }
    // From every corner.
    for (const bool low : {false, true}) {
        std::vector<double> corner(4);
        for (std::size_t j = 0; j < 4; ++j) {
            const double bound = low ? p.lower[j] : p.upper[j];
            corner[j] = std::isfinite(bound) ? bound : 0;
        }
        const Result<double> from = minimize(p.problem, corner, within(p.lower, p.upper));
        EXPECT_TRUE(from.converged());
        EXPECT_EQ(from.at_bound, result.at_bound);
        EXPECT_TRUE(from.moved.empty());
    }
}

TEST_F(Bounds, InfiniteBoundsAreNone) {
    const BoundedProblem p = bounded_quadratic(7, 0, 30, false, 8);
    const std::vector<double> low(7, -infinity), high(7, infinity);
    Options free = within({}, {});
    const Result<double> without = minimize(p.problem, p.x0, free);
    const Result<double> with = minimize(p.problem, p.x0, within(low, high));
    EXPECT_TRUE(with.converged());
    EXPECT_TRUE(without.at_bound.empty());
    for (std::size_t j = 0; j < 7; ++j) EXPECT_NEAR(with.x[j], without.x[j], 1e-10);
    EXPECT_EQ(with.at_bound, std::vector<AtBound>(7, AtBound::free));
}

TEST_F(Bounds, OneSideMayBeMissing) {
    const BoundedProblem p = bounded_quadratic(5, 0.4, 10, false, 9);
    const Result<double> lower = minimize(p.problem, p.x0, within(p.lower, {}));
    EXPECT_TRUE(lower.converged());
    for (const AtBound where : lower.at_bound) EXPECT_NE(where, AtBound::upper);
}

TEST_F(Bounds, FixedParametersStay) {
    const BoundedProblem p = bounded_quadratic(6, 0, 10, false, 10);
    Options options = within({}, {});
    options.fixed = {true, false, false, true, false, false};
    const Result<double> result = minimize(p.problem, p.x0, options);
    EXPECT_TRUE(result.converged());
    EXPECT_EQ(result.x[0], p.x0[0]);
    EXPECT_EQ(result.x[3], p.x0[3]);
    EXPECT_EQ(result.at_bound[0], AtBound::fixed);
    EXPECT_NE(result.multipliers[0], 0);
    // The same by bounds that are one number.
    std::vector<double> low(6, -infinity), high(6, infinity);
    for (const std::size_t j : {0, 3}) low[j] = high[j] = p.x0[j];
    const Result<double> same = minimize(p.problem, p.x0, within(low, high));
    EXPECT_EQ(same.x, result.x);
    EXPECT_EQ(same.at_bound, result.at_bound);
}

TEST_F(Bounds, AllFixedIsOneEvaluation) {
    const BoundedProblem p = bounded_quadratic(3, 0, 10, false, 11);
    for (const Method method : all_methods) {
        if (method == Method::subsampled_newton || method == Method::kfac) continue;
        Options options = within({}, {}, method);
        options.fixed.assign(3, true);
        const Result<double> result = minimize(p.problem, p.x0, options);
        EXPECT_EQ(result.status, Status::converged) << to_string(method);
        EXPECT_EQ(result.counts.evaluations, 1);
        EXPECT_EQ(result.iterations, 0);
        EXPECT_EQ(result.x, p.x0);
        EXPECT_EQ(result.gradient_norm, 0);
    }
}

TEST_F(Bounds, SingleParameter) {
    const double A[] = {2}, b[] = {6};  // x^2 - 6x, the minimum at 3
    const Problem<double> problem = make_quadratic<double>(A, b, 1);
    const Result<double> upper = minimize(problem, {0.0}, within({-1}, {2}));
    EXPECT_TRUE(upper.converged());
    EXPECT_EQ(upper.x[0], 2);
    EXPECT_EQ(upper.at_bound[0], AtBound::upper);
    EXPECT_DOUBLE_EQ(upper.multipliers[0], -2);
    EXPECT_EQ(upper.gradient_norm, 0);
    const Result<double> inside = minimize(problem, {0.0}, within({-1}, {4}));
    EXPECT_NEAR(inside.x[0], 3, 1e-12);
    EXPECT_EQ(inside.at_bound[0], AtBound::free);
    // At the bound with no slope across it.
    const Result<double> degenerate = minimize(problem, {0.0}, within({-1}, {3}));
    EXPECT_TRUE(degenerate.converged());
    EXPECT_NEAR(degenerate.x[0], 3, 1e-12);
}

TEST_F(Bounds, UnitsDoNotMatter) {
    BoundedProblem p = bounded_quadratic(6, 0.5, 40, false, 12);
    const Result<double> plain = minimize(p.problem, p.x0, within(p.lower, p.upper));
    // x_j in units of 2^k_j.
    const double units[] = {0x1p-40, 0x1p30, 1, 0x1p-8, 0x1p12, 0x1p60};
    const auto& given = std::get<SampleSum<double>>(p.problem.parts().form).samples;
    std::vector<double> A(36), b(6);
    for (std::size_t i = 0; i < 6; ++i) {
        b[i] = given.targets[i] * units[i];
        for (std::size_t j = 0; j < 6; ++j)
            A[i * 6 + j] = given.features[i * 6 + j] * units[i] * units[j];
        p.x0[i] /= units[i];
        p.lower[i] /= units[i];
        p.upper[i] /= units[i];
    }
    const Result<double> scaled =
        minimize(make_quadratic<double>(A.data(), b.data(), 6), p.x0, within(p.lower, p.upper));
    EXPECT_EQ(scaled.iterations, plain.iterations);
    EXPECT_EQ(scaled.at_bound, plain.at_bound);
    for (std::size_t j = 0; j < 6; ++j)
        EXPECT_NEAR(scaled.x[j] * units[j], plain.x[j], 1e-12 * (1 + std::abs(plain.x[j])));
}

TEST_F(Bounds, Float) {
    const float A[] = {4, 1, 1, 3}, b[] = {-1, 6};
    const Problem<float> problem = make_quadratic<float>(A, b, 2);
    for (const Method method : {Method::newton, Method::newton_cg, Method::bfgs, Method::lbfgs}) {
        const Result<float> result =
            minimize(problem, std::vector<float>{1, 1}, within({0.1, 0}, {5, 5}, method));
        EXPECT_TRUE(result.converged()) << to_string(method) << ": " << result.message;
        // The bound is a number of float that is not below 0.1.
        EXPECT_GE(static_cast<double>(result.x[0]), 0.1);
        EXPECT_NEAR(result.x[0], 0.1f, 1e-7f);
        EXPECT_NEAR(result.x[1], (6 - 0.1f) / 3, 1e-5f);
        EXPECT_EQ(result.at_bound[0], AtBound::lower);
        EXPECT_EQ(result.at_bound[1], AtBound::free);
    }
}

TEST_F(Bounds, TraceAndLimits) {
    const BoundedProblem p = bounded_logistic(100, 5, 0.01, 13);
    Options options = within(p.lower, p.upper);
    options.keep_trace = true;
    const Result<double> result = minimize(p.problem, p.x0, options);
    ASSERT_FALSE(result.trace.empty());
    EXPECT_EQ(result.trace.back().gradient_norm, result.gradient_norm);
    options.max_iterations = 1;
    EXPECT_EQ(minimize(p.problem, p.x0, options).status, Status::max_iterations);
    options.max_iterations = 100;
    options.max_evaluations = 2;
    EXPECT_EQ(minimize(p.problem, p.x0, options).status, Status::max_evaluations);
    options.max_evaluations = 1000;
    options.callback = [](const IterationRecord& record) { return record.iteration < 1; };
    EXPECT_EQ(minimize(p.problem, p.x0, options).status, Status::cancelled);
}

struct Saddle {
    template <class X>
    auto operator()(const X& x) const {
        return x[0] * x[0] - x[1] * x[1] + x[2];
    }
};
TEST_F(BoundsOnCpu, SaddlesAreLeft) {
    const Problem<double> problem = make_objective<double>(Saddle{}, 3);
    const std::vector<double> low{-1, -1, 0.5}, high{1, 2, 3};
    for (const Method method :
         {Method::newton, Method::trust_region, Method::newton_cg, Method::bfgs, Method::lbfgs}) {
        const Result<double> result = minimize(problem, {0, 0, 0.5}, on_cpu(low, high, method));
        EXPECT_TRUE(result.converged()) << to_string(method) << ": " << result.message;
        EXPECT_EQ(std::abs(result.at_bound[1] == AtBound::lower ? -1.0 : 2.0),
                  std::abs(result.x[1]));
        EXPECT_NEAR(result.x[0], 0, 1e-9);
        EXPECT_EQ(result.at_bound[2], AtBound::lower);
        // Nothing to go on with where the saddle's way is fixed.
        Options fixed = on_cpu(low, high, method);
        fixed.fixed = {false, true, false};
        EXPECT_TRUE(minimize(problem, {0.5, 0, 1}, fixed).converged());
    }
}

TEST_F(Bounds, WhatFallsWithoutBoundIsSaid) {
    // Separable: the loss falls for ever along a feature, unless a bound ends it.
    const double features[] = {-2, -1, 1, 2, 3}, targets[] = {0, 0, 1, 1, 1};
    const Problem<double> problem =
        make_linear_predictor<double>(Logistic{}, Samples<double>{features, 5, 1, 0, targets});
    for (const Method method : {Method::newton, Method::newton_cg}) {
        const Result<double> open = minimize(problem, {0.5}, within({0}, {}, method));
        EXPECT_EQ(open.status, Status::unbounded) << to_string(method) << ": " << open.message;
        const Result<double> held = minimize(problem, {0.5}, within({0}, {3}, method));
        EXPECT_TRUE(held.converged()) << to_string(method) << ": " << held.message;
        EXPECT_EQ(held.x[0], 3);
        EXPECT_EQ(held.at_bound[0], AtBound::upper);
        EXPECT_LT(held.multipliers[0], 0);
    }
}

struct Flat {
    template <class X>
    auto operator()(const X& x) const {
        using T = scalar_t<X>;
        const T u = x[0] + x[1] - T(1.0);
        return u * u + x[2];
    }
};
TEST_F(BoundsOnCpu, WhatIsNotDeterminedIsSaid) {
    const Problem<double> problem = make_objective<double>(Flat{}, 3);
    for (const Method method : {Method::newton, Method::newton_cg}) {
        const Result<double> result =
            minimize(problem, {0.2, 0.1, 2}, on_cpu({-5, -5, 1}, {5, 5, 9}, method));
        EXPECT_EQ(result.status, Status::singular) << to_string(method);
        EXPECT_EQ(result.undetermined, (std::vector<int>{0, 1}));
        // A bound that holds one of them determines the other.
        Options options = on_cpu({-5, -5, 1}, {5, 5, 9}, method);
        options.fixed = {true, false, false};
        EXPECT_TRUE(minimize(problem, {0.2, 0.1, 2}, options).converged());
    }
}

TEST_F(Bounds, BadInputIsRefused) {
    const BoundedProblem p = bounded_quadratic(3, 0, 10, false, 14);
    const auto message = [&](const Options& options) {
        return message_of<InvalidArgument>([&] { minimize(p.problem, p.x0, options); });
    };
    EXPECT_NE(message(within({0, 0}, {})).find("lower has the wrong size"), std::string::npos);
    EXPECT_NE(message(within({}, {1})).find("upper has the wrong size"), std::string::npos);
    EXPECT_NE(message(within({0, 2, 0}, {1, 1, 1})).find("parameter 1 cross"), std::string::npos);
    EXPECT_NE(message(within({0, 0, std::nan("")}, {})).find("parameter 2 are not numbers"),
              std::string::npos);
    EXPECT_NE(message(within({infinity, 0, 0}, {infinity, 1, 1})).find("no finite number"),
              std::string::npos);
    Options fixed = within({}, {});
    fixed.fixed = {true};
    EXPECT_NE(message(fixed).find("fixed has the wrong size"), std::string::npos);
    EXPECT_NE(message(within({0, 0, 0}, {}, Method::subsampled_newton)).find("knows no bounds"),
              std::string::npos);
}

TEST_F(Bounds, SampledMethodsAreProjected) {
    const BoundedProblem p = bounded_logistic(200, 3, 0.05, 15);
    const Result<double> exact = minimize(p.problem, p.x0, within(p.lower, p.upper));
    for (const Method method : {Method::sgd, Method::adam}) {
        Options options = within(p.lower, p.upper, method);
        options.max_iterations = 60;
        options.sampling.size = 20;
        const Result<double> result = minimize(p.problem, p.x0, options);
        for (std::size_t j = 0; j < 3; ++j) {
            EXPECT_GE(result.x[j], p.lower[j]);
            EXPECT_LE(result.x[j], p.upper[j]);
        }
        EXPECT_LE(result.f, exact.f + 1e-2) << to_string(method);
    }
}

}  // namespace
}  // namespace cunewton::test
