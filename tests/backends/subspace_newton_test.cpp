// Newton's method in random subspaces, and gradient descent by products.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"

namespace cunewton::test {
namespace {

class SubspaceNewtonTest : public BackendTest {
  protected:
    SubspaceNewtonTest() {
        model_options.problem = {.l2 = 0.1, .intercept = true, .penalize_intercept = true};
    }
    ModelOptions model_options{.samples = 300, .features = 20};
};

TEST_F(SubspaceNewtonTest, AnySketchEndsAtTheMinimum) {
    for (const ModelKind kind : all_models()) {
        const Model<double> model(kind, model_options);
        const std::vector<double> x0(model.theta().size(), 0.0);
        const Result<double> dense = minimize(model.problem(), x0, with(Method::newton));
        for (const int s : {1, 2, 10, 1000}) {
            SCOPED_TRACE(name_of(kind) + ", " + std::to_string(s));
            Options options = with(Method::subspace_newton);
            options.subspace_dimension = s;
            options.max_iterations = 5000;
            options.gradient_tolerance = 1e-7;
            const Result<double> result = minimize(model.problem(), x0, options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_LE(norm(model.gradient(result.x)), 1.001e-7);
            for (std::size_t j = 0; j < x0.size(); ++j)
                EXPECT_NEAR(result.x[j], dense.x[j], 2e-6) << j;
            EXPECT_EQ(result.counts.factorizations, 0);
        }
    }
}

TEST_F(SubspaceNewtonTest, AllCoordinatesAreNewtonsMethod) {
    const Model<double> model(ModelKind::logistic, model_options);
    const std::vector<double> x0(model.theta().size(), 0.0);
    Options options = with(Method::newton);
    options.gradient_tolerance = 1e-9;
    const Result<double> newton = minimize(model.problem(), x0, options);
    options.method = Method::subspace_newton;
    const Result<double> subspace = minimize(model.problem(), x0, options);
    EXPECT_EQ(subspace.iterations, newton.iterations);
    for (std::size_t j = 0; j < x0.size(); ++j) EXPECT_NEAR(subspace.x[j], newton.x[j], 1e-9);
    // A larger sketch takes fewer steps.
    int last = 1000;
    for (const int s : {2, 8, 21}) {
        options.subspace_dimension = s;
        const Result<double> result = minimize(model.problem(), x0, options);
        EXPECT_LT(result.iterations, last);
        last = result.iterations;
    }
}

TEST_F(SubspaceNewtonTest, TheSameSeedGivesTheSameBits) {
    const Model<double> model(ModelKind::softmax3, model_options);
    const std::vector<double> x0(model.theta().size(), 0.0);
    Options options = with(Method::subspace_newton);
    options.subspace_dimension = 7;
    std::vector<Result<double>> results;
    for (const std::uint64_t seed : {3, 3, 4}) {
        options.seed = seed;
        results.push_back(minimize(model.problem(), x0, options));
        EXPECT_EQ(results.back().seed, seed);
    }
    EXPECT_EQ(results[0].x, results[1].x);
    EXPECT_EQ(results[0].iterations, results[1].iterations);
    EXPECT_NE(results[0].x, results[2].x);
}

TEST_F(SubspaceNewtonTest, DimensionsOutOfRangeAreRefused) {
    Options options = with(Method::subspace_newton);
    options.subspace_dimension = 0;
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  minimize(make_objective<double>(ExtendedRosenbrock{}, 2), {-1.2, 1.0}, options);
              }).find("subspace_dimension"),
              std::string::npos);
}

class GradientDescentTest : public BackendTest {};

TEST_F(GradientDescentTest, ItTakesTheProductsThatAreSaid) {
    // A quadratic: 1 / lambda_max from the first step, whatever the gradient.
    const int n = 40;
    std::vector<double> A(n * n, 0.0), b(n, 1.0);
    for (int j = 0; j < n; ++j) A[j * (n + 1)] = 1 + j % 4;
    A[0] = 50;
    const auto problem = make_quadratic(A.data(), b.data(), n);
    for (const DescentStep step : {DescentStep::exact_quadratic, DescentStep::inverse_lambda_max}) {
        Options options = with(Method::gradient_descent);
        options.descent_step = step;
        options.max_iterations = 10;
        options.keep_trace = true;
        const Result<double> result = minimize(problem, std::vector<double>(n, 0.0), options);
        EXPECT_EQ(result.status, Status::max_iterations) << result.message;
        const long each = step == DescentStep::exact_quadratic ? 1 : 3;
        EXPECT_EQ(result.counts.products, each == 1 ? 10 : 30 + 9 * each);
        EXPECT_EQ(result.counts.factorizations, 0);
        if (each == 1) continue;
        // Slightly shorter than 1 / 50, from where the power method ends.
        for (std::size_t i = 1; i < result.trace.size(); ++i)
            EXPECT_NEAR(result.trace[i].step_length, 1 / (1.02 * 50), 1e-6);
    }
}

TEST_F(GradientDescentTest, AHundredThousandParametersHoldNoMatrix) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    const int n = 100'000;
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int size, double* g) {
        double f = 0;
        for (int j = 0; j < size; ++j) {
            const double h = 1 + j % 3;
            f += h * x[j] * x[j] / 2 - x[j];
            g[j] = h * x[j] - 1;
        }
        return f;
    };
    const auto problem = make_black_box<double>(box, n);
    for (const Method method : {Method::gradient_descent, Method::subspace_newton}) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.gradient_tolerance = 1e-6;
        options.subspace_dimension = 3;
        const Result<double> result = minimize(problem, std::vector<double>(n, 0.0), options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (int j = 0; j < n; ++j) EXPECT_NEAR(result.x[j], 1.0 / (1 + j % 3), 1e-5);
        EXPECT_LE(memory_needed(problem, options).host, 48 * sizeof(double) * n);
    }
}

}  // namespace
}  // namespace cunewton::test
