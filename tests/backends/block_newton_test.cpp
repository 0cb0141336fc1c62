// Newton's method with the Hessian's diagonal blocks.
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

class BlockNewtonTest : public BackendTest {
  protected:
    BlockNewtonTest() {
        model_options.problem = {.l2 = 0.1, .intercept = true, .penalize_intercept = true};
    }
    ModelOptions model_options{.samples = 300, .features = 8};
};

TEST_F(BlockNewtonTest, AnyBlocksEndAtTheMinimum) {
    for (const ModelKind kind : all_models()) {
        const Model<double> model(kind, model_options);
        const int n = static_cast<int>(model.theta().size());
        const std::vector<double> x0(n, 0.0);
        const Result<double> dense = minimize(model.problem(), x0, with(Method::newton));
        const std::vector<std::vector<IndexRange>> cases{
            {}, {{0, n}}, {{0, 1}, {1, 5}, {5, n}}, {{0, n / 2}, {n / 2, n}}};
        for (std::size_t i = 0; i < cases.size(); ++i) {
            SCOPED_TRACE(name_of(kind) + ", " + std::to_string(i));
            Options options = with(Method::block_newton);
            options.blocks = cases[i];
            options.gradient_tolerance = 1e-7;
            const Result<double> result = minimize(model.problem(), x0, options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_LE(norm(model.gradient(result.x)), 1.001e-7);
            for (int j = 0; j < n; ++j) EXPECT_NEAR(result.x[j], dense.x[j], 2e-6) << j;
        }
    }
}

TEST_F(BlockNewtonTest, OneBlockIsNewtonsMethod) {
    const Model<double> model(ModelKind::logistic, model_options);
    const std::vector<double> x0(model.theta().size(), 0.0);
    Options options = with(Method::newton);
    options.gradient_tolerance = 1e-9;
    const Result<double> newton = minimize(model.problem(), x0, options);
    options.method = Method::block_newton;
    const Result<double> block = minimize(model.problem(), x0, options);
    EXPECT_EQ(block.iterations, newton.iterations);
    for (std::size_t j = 0; j < x0.size(); ++j) EXPECT_NEAR(block.x[j], newton.x[j], 1e-9);
}

TEST_F(BlockNewtonTest, ABlockDiagonalHessianIsSolvedInOneStep) {
    // Two blocks that do not know each other, one of them of far larger curvature.
    const std::vector<double> A{2, 1, 0, 0, 1, 3, 0, 0, 0, 0, 5e6, 1e6, 0, 0, 1e6, 4e6},
        b{1, 2, 3, 4};
    const auto problem = make_quadratic(A.data(), b.data(), 4);
    Options options = with(Method::block_newton);
    options.blocks = {{0, 2}, {2, 4}};
    options.gradient_tolerance = 1e-8;
    const Result<double> result = minimize(problem, std::vector<double>(4, 1.0), options);
    EXPECT_EQ(result.status, Status::converged) << result.message;
    EXPECT_LE(result.iterations, 2);
    EXPECT_NEAR(result.x[0], 0.2, 1e-9);
    EXPECT_NEAR(result.x[1], 0.6, 1e-9);
    EXPECT_NEAR(result.x[2], 8e6 / 19e12, 1e-15);
    EXPECT_NEAR(result.x[3], 17e6 / 19e12, 1e-15);
}

TEST_F(BlockNewtonTest, ManyBlocksOfSeveralSizesAreEachShiftedIfTheyHaveTo) {
    // Pairs of parameters that do not know each other; three of them where they curve downwards.
    constexpr int n = 60;
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, n);
    std::vector<double> x0;
    for (int j = 0; j < n; j += 2) {
        const bool indefinite = j == 8 || j == 30 || j == 32;
        x0.push_back(indefinite ? 0.0 : -1.2);
        x0.push_back(1.0);
    }
    Options options = with(Method::block_newton);
    options.gradient_tolerance = 1e-8;
    std::vector<IndexRange> mixed{{0, 4}, {4, 6}, {6, 12}, {12, 14}};
    for (int j = 14; j < n; j += 2) mixed.push_back({j, j + 2});
    std::vector<IndexRange> pairs;
    for (int j = 0; j < n; j += 2) pairs.push_back({j, j + 2});
    for (const std::vector<IndexRange>& blocks : {pairs, mixed}) {
        SCOPED_TRACE(blocks.size());
        options.blocks = blocks;
        const Result<double> result = minimize(problem, x0, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (int j = 0; j < n; ++j) EXPECT_NEAR(result.x[j], 1, 1e-6) << j;
    }
    // The first step is one downhill although blocks had to be shifted.
    options.max_iterations = 1;
    const Result<double> first = minimize(problem, x0, options);
    EXPECT_EQ(first.iterations, 1);
    EXPECT_LT(first.f, evaluate(problem, x0));
}

TEST_F(BlockNewtonTest, ABlockThatIsNotFiniteEndsIt) {
    if (testing_cuda()) GTEST_SKIP() << "the problem is the host's";
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int n, double* g) {
        double f = 0;
        for (int j = 0; j < n; ++j) {
            g[j] = x[j];
            f += 0.5 * x[j] * x[j];
        }
        return f;
    };
    box.products = [](const double*, int n, const double* V, int columns, double* HV) {
        std::copy_n(V, n * columns, HV);
        for (int c = 0; c < columns; ++c)
            if (V[c * n + 4] != 0) HV[c * n + 4] = NAN;
    };
    Options options = with(Method::block_newton);
    for (int j = 0; j < 6; ++j) options.blocks.push_back({j, j + 1});
    const Result<double> result =
        minimize(make_black_box<double>(box, 6), std::vector<double>(6, 1.0), options);
    EXPECT_EQ(result.status, Status::not_finite);
}

TEST_F(BlockNewtonTest, BlocksOutOfPlaceAreRefused) {
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 4);
    const std::vector<double> x0{-1.2, 1, -1.2, 1};
    const auto message = [&](const std::vector<IndexRange>& blocks) {
        Options options = with(Method::block_newton);
        options.blocks = blocks;
        return message_of<InvalidArgument>([&] { minimize(problem, x0, options); });
    };
    EXPECT_NE(message({{1, 4}}).find("blocks are invalid"), std::string::npos);
    EXPECT_NE(message({{0, 2}, {3, 4}}).find("blocks are invalid"), std::string::npos);
    EXPECT_NE(message({{0, 2}, {2, 2}, {2, 4}}).find("blocks are invalid"), std::string::npos);
    EXPECT_NE(message({{0, 5}}).find("blocks are invalid"), std::string::npos);
    EXPECT_NE(message({{0, 2}}).find("end at 2 of 4"), std::string::npos);
    if (testing_cuda()) return;
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int n, double* g) {
        std::copy_n(x, n, g);
        return x[0];
    };
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  minimize(make_black_box<double>(box, 6000), std::vector<double>(6000, 1.0),
                           with(Method::block_newton));
              }).find("perceptron_blocks"),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
