// Every method arrives at a minimum, and says so; elsewhere it says what is there.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/device_code.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

// ---- Convex problems: the oracle's minimiser.

/// The oracle's minimiser, by Newton's method in long double with naive elimination.
std::vector<long double> oracle_minimiser(const OracleModel& model, const OracleData& data,
                                          std::vector<long double> x) {
    const std::size_t n = x.size();
    for (int iteration = 0; iteration < 100; ++iteration) {
        std::vector<long double> g = oracle_gradient(model, data, x);
        std::vector<long double> H = oracle_hessian(model, data, x);
        if (norm(g) < 1e-15) return x;
        for (std::size_t k = 0; k < n; ++k)
            for (std::size_t i = k + 1; i < n; ++i) {
                const long double factor = H[i * n + k] / H[k * n + k];
                for (std::size_t j = k; j < n; ++j) H[i * n + j] -= factor * H[k * n + j];
                g[i] -= factor * g[k];
            }
        std::vector<long double> step(n);
        for (std::size_t i = n; i-- > 0;) {
            step[i] = g[i];
            for (std::size_t j = i + 1; j < n; ++j) step[i] -= H[i * n + j] * step[j];
            step[i] /= H[i * n + i];
        }
        long double length = 1;
        const long double f = oracle_value(model, data, x);
        for (;;) {
            std::vector<long double> trial = x;
            for (std::size_t j = 0; j < n; ++j) trial[j] -= length * step[j];
            // The slack is the rounding of a sum of a few hundred terms in long double.
            if (oracle_value(model, data, trial) <= f + 1e-16L * std::abs(f) || length < 1e-6L) {
                x = trial;
                break;
            }
            length /= 2;
        }
    }
    ADD_FAILURE() << "the oracle did not converge";
    return x;
}

template <class T>
class ConvexTest : public BackendTest {};
TYPED_TEST_SUITE(ConvexTest, Reals, RealName);

TYPED_TEST(ConvexTest, EveryMethodReachesTheOraclesMinimiser) {
    using T = TypeParam;
    for (const ModelKind kind : all_models()) {
        constexpr double l2 = 0.125;
        ModelOptions model_options{.samples = 120, .features = 4, .weights = true};
        model_options.problem = {.l2 = l2, .intercept = true, .penalize_intercept = true};
        const Model<T> model(kind, model_options);
        const std::vector<T> x0(model.theta().size(), T(0));
        const std::vector<long double> exact =
            oracle_minimiser(model.model(), model.oracle(), Model<T>::wide(x0));
        for (const Method method : all_methods) {
            SCOPED_TRACE(name_of(kind) + ", " + to_string(method));
            Options options = with(method);
            options.gradient_tolerance = sizeof(T) == 8 ? 1e-9 : 1e-4;
            const Result<T> result = minimize(model.problem(), x0, options);
            expect_coherent(result, options, x0.size());
            EXPECT_EQ(result.status, Status::converged) << result.message;
            // The penalty is the least curvature there is. Rounding of the gradient comes on top.
            const double gradient_error = *options.gradient_tolerance +
                                          sum_tolerance<T>(120) * largest(model.hessian(result.x));
            EXPECT_LE(largest_error(result.x, exact), minimiser_tolerance(gradient_error, l2));
            EXPECT_LE(norm(model.gradient(result.x)), 2 * gradient_error);
            if (method == Method::newton || method == Method::trust_region) {
                EXPECT_LE(result.iterations, 15);
            }
        }
    }
}

TYPED_TEST(ConvexTest, NewtonSolvesAQuadraticInOneStep) {
    using T = TypeParam;
    const int n = 12;
    std::vector<T> A(n * n, T(0)), b(n);
    Random random(4);
    for (int i = 0; i < n; ++i) {
        b[i] = static_cast<T>(random.near_normal());
        A[i * n + i] = static_cast<T>(2 + i);
        if (i > 0) A[i * n + i - 1] = A[(i - 1) * n + i] = T(0.5);
    }
    const auto problem = make_quadratic(A.data(), b.data(), n);
    for (const Method method : {Method::newton, Method::trust_region})
        for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
            SCOPED_TRACE(to_string(method));
            Options options = with(method);
            options.line_search = search;
            options.initial_radius = 1e6;
            options.gradient_tolerance = 100 * n * epsilon<T>;
            const Result<T> result = minimize(problem, std::vector<T>(n, T(1)), options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            // One more where rounding leaves the gradient just above the tolerance.
            EXPECT_LE(result.iterations, 2);
            for (int i = 0; i < n; ++i) {
                double Ax = 0;
                for (int j = 0; j < n; ++j) Ax += double(A[i * n + j]) * result.x[j];
                EXPECT_NEAR(Ax, b[i], 200 * n * epsilon<T>);
            }
        }
}

TYPED_TEST(ConvexTest, DescentStepsAndLineSearchesAllConverge) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 120, .features = 4};
    model_options.problem = {.l2 = 0.125, .intercept = true};
    const Model<T> model(ModelKind::logistic, model_options);
    const std::vector<T> x0(model.theta().size(), T(0));
    for (const DescentStep step : {DescentStep::exact_quadratic, DescentStep::inverse_lambda_max})
        for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking})
            for (const Method method : all_methods) {
                SCOPED_TRACE(to_string(method));
                Options options = with(method);
                options.descent_step = step;
                options.line_search = search;
                options.gradient_tolerance = sizeof(T) == 8 ? 1e-8 : 1e-4;
                const Result<T> result = minimize(model.problem(), x0, options);
                EXPECT_EQ(result.status, Status::converged) << result.message;
                EXPECT_LE(norm(model.gradient(result.x)), 2 * *options.gradient_tolerance);
            }
}

class SinglePrecisionHessianTest : public BackendTest {};

TEST_F(SinglePrecisionHessianTest, ReachesTheSameMinimiser) {
    for (const ModelKind kind : {ModelKind::logistic, ModelKind::softmax3, ModelKind::poisson}) {
        ModelOptions model_options{.samples = 400, .features = 20};
        model_options.problem = {.l2 = 0.01, .intercept = true, .penalize_intercept = true};
        const Model<double> model(kind, model_options);
        const std::vector<double> x0(model.theta().size(), 0.0);
        const std::vector<long double> exact =
            oracle_minimiser(model.model(), model.oracle(), Model<double>::wide(x0));
        for (const Method method : second_order_methods) {
            SCOPED_TRACE(name_of(kind) + ", " + to_string(method));
            Options options = with(method);
            options.gradient_tolerance = 1e-11;
            options.derivatives.hessian_precision = HessianPrecision::single;
            const Result<double> result = minimize(model.problem(), x0, options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_LE(largest_error(result.x, exact), minimiser_tolerance(2e-11, 0.01));
            EXPECT_LE(result.iterations, 15);
        }
        // It is float that the products are accumulated in: close to, but not, the same Hessian.
        EvaluationOptions working, single;
        working.backend = single.backend = tested_choice();
        single.derivatives.hessian_precision = HessianPrecision::single;
        const std::vector<long double> H = model.hessian(model.theta());
        const double error = largest_error(hessian(model.problem(), model.theta(), single), H);
        EXPECT_LE(error, sum_tolerance<float>(400) * largest(H));
        EXPECT_GT(error, largest_error(hessian(model.problem(), model.theta(), working), H));
    }
}

// ---- Beyond convexity.

class NonconvexTest : public BackendTest {};

TEST_F(NonconvexTest, TrustRegionSolvesTheHardCase) {
    // At 0 the gradient is exactly orthogonal to the direction of negative curvature.
    const long double root = -0.682327803828019327L;
    const int n = 4;
    const long double minimum =
        -1 + (n - 1) * (0.25L * root * root * root * root + 0.5L * root * root + root);
    for (const Method method : second_order_methods)
        for (const double radius : {0.0, 0.5, 2.0, 10.0}) {
            SCOPED_TRACE(std::string(to_string(method)) + ", radius " + std::to_string(radius));
            Options options = with(method);
            options.initial_radius = radius;
            const Result<double> result =
                minimize(objective<double>(HardCase{}, n), std::vector<double>(n, 0.0), options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_NEAR(result.f, double(minimum), 1e-12);
            EXPECT_NEAR(std::abs(result.x[0]), std::sqrt(2.0), 1e-7);
            for (int j = 1; j < n; ++j) EXPECT_NEAR(result.x[j], double(root), 1e-7);
            EXPECT_LE(result.iterations, method == Method::trust_region ? 15 : 40);
        }
}

TEST_F(NonconvexTest, SecondOrderMethodsLeaveASaddle) {
    // On the saddle, on the way to it, and in two dimensions more.
    for (const std::vector<double>& x0 :
         {std::vector<double>{0, 0}, {1, 0}, {0, 0, 0, 0}, {1, 1e-9}, {-2, 0, 1, 1}})
        for (const Method method : second_order_methods) {
            SCOPED_TRACE(to_string(method));
            const Result<double> result = minimize(
                objective<double>(Saddle{}, static_cast<int>(x0.size())), x0, with(method));
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_NEAR(result.f, -0.5, 1e-12);
            EXPECT_NEAR(std::abs(result.x[1]), 1, 1e-7);
        }
}

TEST_F(NonconvexTest, GradientDescentNeverCallsASaddleConverged) {
    const Result<double> result =
        minimize(objective<double>(Saddle{}, 2), {1.0, 0.0}, with(Method::gradient_descent));
    if (result.status == Status::converged)
        EXPECT_NEAR(result.f, -0.5, 1e-12);
    else
        EXPECT_EQ(result.status, Status::saddle_point);
}

TEST_F(NonconvexTest, AHessianOfRankOneIsNoObstacle) {
    for (const int n : {2, 10, 60})
        for (const Method method : all_methods) {
            SCOPED_TRACE(std::string(to_string(method)) + ", n = " + std::to_string(n));
            const Result<double> result = minimize(objective<double>(RankOne{}, n),
                                                   std::vector<double>(n, 3.0), with(method));
            EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
            EXPECT_LE(result.f, 1e-15);
        }
}

TEST_F(NonconvexTest, AHessianThatVanishesAtTheMinimumIsNoObstacle) {
    for (const Method method : second_order_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.gradient_tolerance = 1e-10;
        const Result<double> result =
            minimize(objective<double>(Quartic{}, 5), std::vector<double>(5, 9.0), options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        // |g| = 4 |x - j|^3
        for (int j = 0; j < 5; ++j) EXPECT_NEAR(result.x[j], j, std::cbrt(0.25e-10));
    }
}

TEST_F(NonconvexTest, CollinearColumnsLeaveASetOfMinimisers) {
    // The second feature is twice the first; the third is constant, as is the intercept.
    const int N = 40;
    Random random(8);
    std::vector<double> X, y;
    for (int i = 0; i < N; ++i) {
        const double v = random.near_normal();
        X.insert(X.end(), {v, 2 * v, 1.0});
        y.push_back(v + 0.5 * random.near_normal());
    }
    const auto problem = make_linear_predictor(
        LinearRegression{}, Samples<double>{X.data(), N, 3, 0, y.data(), nullptr},
        {.intercept = true});
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = minimize(problem, {0.0, 0.0, 0.0, 0.0}, with(method));
        EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
        EXPECT_EQ(result.undetermined, (std::vector<int>{0, 1, 2, 3}));
        for (const double v : result.x) EXPECT_LT(std::abs(v), 1e3);
    }
}

TEST_F(NonconvexTest, SoftmaxWithoutPenaltyHasASingularHessianEverywhere) {
    ModelOptions model_options{.samples = 120, .features = 3};
    model_options.problem = {.intercept = true};
    for (const ModelKind kind : {ModelKind::softmax2, ModelKind::softmax3}) {
        const Model<double> model(kind, model_options);
        for (const Method method : second_order_methods) {
            SCOPED_TRACE(name_of(kind) + ", " + to_string(method));
            const Result<double> result = minimize(
                model.problem(), std::vector<double>(model.theta().size(), 0.0), with(method));
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_LE(norm(model.gradient(result.x)), 2 * std::sqrt(epsilon<double>));
            EXPECT_LE(result.iterations, 20);
        }
    }
}

TEST_F(NonconvexTest, SeparableClassesAreUnbounded) {
    const Dataset set = make_binary(50, 2, 6, {.intercept = true, .noise = 0});
    const auto problem = make_linear_predictor(
        Logistic{}, Samples<double>{set.X.data(), 50, 2, 0, set.y.data(), nullptr},
        {.intercept = true});
    for (const Method method : second_order_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = minimize(problem, {0.0, 0.0, 0.0}, with(method));
        EXPECT_EQ(result.status, Status::unbounded) << to_string(result.status);
        EXPECT_LT(result.f, 1e-6);
    }
    // A penalty makes it a problem with a minimiser.
    const auto penalised = make_linear_predictor(
        Logistic{}, Samples<double>{set.X.data(), 50, 2, 0, set.y.data(), nullptr},
        {.l2 = 1e-3, .intercept = true});
    for (const Method method : second_order_methods)
        EXPECT_TRUE(minimize(penalised, {0.0, 0.0, 0.0}, with(method)).converged());
}

TEST_F(NonconvexTest, ALossThatFallsForEverIsUnbounded) {
    for (const Method method : second_order_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result =
            minimize(objective<double>(FallsForEver{}, 2), {0.0, 1.0}, with(method));
        // So far out that e^-x_0 is lost beside what is left of x_1^2, there is a minimum in
        // double, without any curvature by x_0.
        if (result.x[0] > 30 && result.status != Status::unbounded)
            EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
        else
            EXPECT_EQ(result.status, Status::unbounded) << to_string(result.status);
    }
}

TEST_F(NonconvexTest, AnIndefiniteQuadraticIsUnbounded) {
    const std::vector<double> A{1, 0, 0, -1}, b{0, 0.5};
    const auto problem = make_quadratic(A.data(), b.data(), 2);
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = minimize(problem, {1.0, 0.25}, with(method));
        EXPECT_EQ(result.status, Status::unbounded) << to_string(result.status);
        EXPECT_FALSE(result.converged());
    }
}

TEST_F(NonconvexTest, ALinearLossIsUnbounded) {
    const std::vector<double> A{0, 0, 0, 0}, b{1, 2};
    const auto problem = make_quadratic(A.data(), b.data(), 2);
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        if (method == Method::bfgs) options.max_iterations = 20;
        const Result<double> result = minimize(problem, {0.0, 0.0}, options);
        // BFGS meets no curvature to scale its steps by, and only gets as far as
        // its iterations.
        EXPECT_EQ(result.status,
                  method == Method::bfgs ? Status::max_iterations : Status::unbounded)
            << to_string(result.status);
    }
}

TEST_F(NonconvexTest, UnboundedBelowIsTheCallersToChoose) {
    const std::vector<double> A{-1}, b{0};
    Options options = with(Method::newton);
    options.unbounded_below = -100;
    const Result<double> result = minimize(make_quadratic(A.data(), b.data(), 1), {1.0}, options);
    EXPECT_EQ(result.status, Status::unbounded);
    EXPECT_LT(result.f, -100);
}

TEST_F(NonconvexTest, AStartOutsideOfTheDomainIsNotFinite) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Options options = with(method);
        const Result<double> result =
            minimize(objective<double>(LogBarrier{}, 2), {1.0, -1.0}, options);
        EXPECT_EQ(result.status, Status::not_finite);
        EXPECT_EQ(result.iterations, 0);
        EXPECT_EQ(result.x, (std::vector<double>{1.0, -1.0}));
        EXPECT_EQ(result.counts.evaluations, 1);
    }
}

TEST_F(NonconvexTest, TheEdgeOfTheDomainIsNoObstacle) {
    // From 3 the first Newton step leads to -3, where the loss is not a number.
    for (const Method method : all_methods)
        for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
            SCOPED_TRACE(to_string(method));
            Options options = with(method);
            options.line_search = search;
            const Result<double> result =
                minimize(objective<double>(LogBarrier{}, 3), {3.0, 0.01, 8.0}, options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            for (const double x : result.x) EXPECT_NEAR(x, 1, 1e-7);
        }
}

}  // namespace
}  // namespace cunewton::test
