// Parts of a Hessian: the same entries as the whole has.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

EvaluationOptions there() {
    EvaluationOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

template <class T>
class HessianBlockTest : public BackendTest {
  protected:
    /// Against H, the whole one.
    static void expect_parts(const Problem<T>& problem, const std::vector<T>& x,
                             const std::vector<long double>& H, double tolerance) {
        const int n = problem.dimension();
        double scale = 0;
        for (const long double h : H) scale = std::max(scale, std::abs(static_cast<double>(h)));
        const std::vector<int> few{n - 1, 0}, many{n - 1, 1, 0, 1, n / 2};
        for (const auto& [rows, columns] : {std::pair{few, many}, {many, few}, {many, many}}) {
            for (const std::size_t budget : {std::size_t{1} << 16, std::size_t{256} << 20}) {
                EvaluationOptions options = there();
                options.derivatives.memory_budget = budget;
                const std::vector<T> block = hessian_block(problem, x, rows, columns, options);
                ASSERT_EQ(block.size(), rows.size() * columns.size());
                for (std::size_t j = 0; j < columns.size(); ++j)
                    for (std::size_t i = 0; i < rows.size(); ++i)
                        EXPECT_NEAR(block[j * rows.size() + i],
                                    static_cast<double>(
                                        H[static_cast<std::size_t>(columns[j]) * n + rows[i]]),
                                    tolerance * scale)
                            << rows[i] << ", " << columns[j];
            }
        }
        const std::vector<IndexRange> ranges{{0, 2}, {1, n}, {n - 1, n}};
        const auto blocks = hessian_blocks(problem, x, ranges, there());
        ASSERT_EQ(blocks.size(), ranges.size());
        for (std::size_t b = 0; b < ranges.size(); ++b) {
            const int size = ranges[b].size();
            ASSERT_EQ(blocks[b].size(), static_cast<std::size_t>(size) * size);
            for (int j = 0; j < size; ++j)
                for (int i = 0; i < size; ++i) {
                    EXPECT_NEAR(
                        blocks[b][j * size + i],
                        static_cast<double>(H[static_cast<std::size_t>(ranges[b].begin + j) * n +
                                              ranges[b].begin + i]),
                        tolerance * scale);
                    EXPECT_EQ(blocks[b][j * size + i], blocks[b][i * size + j]);
                }
        }
    }
};
TYPED_TEST_SUITE(HessianBlockTest, Reals, RealName);

TYPED_TEST(HessianBlockTest, OfLinearPredictors) {
    using T = TypeParam;
    for (const ModelKind kind : all_models()) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions options{.samples = 300, .weights = true};
        options.problem = {.l2 = 0.3, .intercept = true};
        const Model<T> model(kind, options);
        this->expect_parts(model.problem(), model.theta(), model.hessian(model.theta()),
                           16 * sum_tolerance<T>(304));
    }
}

TYPED_TEST(HessianBlockTest, OfObjectivesAndPerceptrons) {
    using T = TypeParam;
    const auto whole = [](const Problem<T>& problem, const std::vector<T>& x) {
        const std::vector<T> H = hessian(problem, x, there());
        return std::vector<long double>(H.begin(), H.end());
    };
    const auto objective = make_objective<T>(ExtendedRosenbrock{}, 8);
    const std::vector<T> x{T(-1.2), 1, T(0.5), 2, 1, 1, T(-0.3), T(0.7)};
    this->expect_parts(objective, x, whole(objective, x), 100 * epsilon<T>);

    const Perceptron network{{3, 4, 3}, Activation::tanh};
    Random random(3);
    std::vector<T> X, y;
    for (int i = 0; i < 30; ++i) {
        for (int j = 0; j < 3; ++j) X.push_back(static_cast<T>(random.near_normal()));
        y.push_back(static_cast<T>(i % 3));
    }
    const auto perceptron =
        make_perceptron(network, Samples<T>{X.data(), 30, 3, 0, y.data(), nullptr}, {.l2 = 1e-2});
    const std::vector<T> start = random_start<T>(network, 7);
    this->expect_parts(perceptron, start, whole(perceptron, start), 1000 * epsilon<T>);
    const std::vector<IndexRange> layers = perceptron_blocks(network);
    ASSERT_EQ(layers.size(), 2u);
    EXPECT_EQ(layers[0].begin, 0);
    EXPECT_EQ(layers[0].end, 16);
    EXPECT_EQ(layers[1].begin, 16);
    EXPECT_EQ(layers[1].end, parameter_count(network));
    const auto blocks = hessian_blocks(perceptron, start, layers, there());
    const std::vector<long double> H = whole(perceptron, start);
    for (int i = 0; i < 15; ++i)
        EXPECT_NEAR(blocks[1][i], static_cast<double>(H[16 * 31 + 16 + i]), 1000 * epsilon<T>);
}

class HessianPartsTest : public BackendTest {};

TEST_F(HessianPartsTest, OfAFunctionWithProductsTakeNoMoreThanTheyNeed) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    // Far more parameters than a matrix has room for.
    const int n = 100'000;
    long products = 0;
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int size, double* g) {
        double f = 0;
        for (int j = 0; j < size; ++j) {
            f += (j + 1) * x[j] * x[j] / 2;
            g[j] = (j + 1) * x[j];
        }
        return f;
    };
    box.products = [&](const double*, int size, const double* V, int columns, double* HV) {
        products += columns;
        for (long c = 0; c < columns; ++c)
            for (int j = 0; j < size; ++j) HV[c * size + j] = (j + 1) * V[c * size + j];
    };
    const auto problem = make_black_box<double>(box, n);
    const std::vector<double> x(n, 1.0);
    EXPECT_EQ(hessian_block(problem, x, {0, 99'999, 7}, {99'999}, there()),
              (std::vector<double>{0, 100'000, 0}));
    EXPECT_EQ(products, 1);
    EXPECT_EQ(hessian_block(problem, x, {5}, {4, 5, 6}, there()), (std::vector<double>{0, 6, 0}));
    EXPECT_EQ(products, 2);
    // By differences of gradients.
    box.products = nullptr;
    const auto differences = make_black_box<double>(box, n);
    EXPECT_NEAR(hessian_block(differences, x, {9}, {9}, there())[0], 10, 1e-3);
}

TEST_F(HessianPartsTest, MisuseIsNamed) {
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 4);
    const std::vector<double> x(4, 1.0);
    const auto block = [&](const std::vector<int>& rows, const std::vector<int>& columns) {
        return message_of<InvalidArgument>(
            [&] { hessian_block(problem, x, rows, columns, there()); });
    };
    EXPECT_NE(block({}, {1}).find("rows are empty"), std::string::npos);
    EXPECT_NE(block({1}, {}).find("columns are empty"), std::string::npos);
    EXPECT_NE(block({4}, {1}).find("4 of 4"), std::string::npos);
    EXPECT_NE(block({1}, {-1}).find("-1 of 4"), std::string::npos);
    for (const IndexRange& range : {IndexRange{-1, 2}, IndexRange{2, 2}, IndexRange{3, 5}})
        EXPECT_NE(message_of<InvalidArgument>([&] {
                      hessian_blocks(problem, x, {range}, there());
                  }).find("a range is invalid"),
                  std::string::npos);
    EXPECT_TRUE(hessian_blocks(problem, x, {}, there()).empty());
}

}  // namespace
}  // namespace cunewton::test
