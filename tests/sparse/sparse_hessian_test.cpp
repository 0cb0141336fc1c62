// Sparse Hessians: the entries of dense ones, however they are obtained.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/sparse/components.h"
#include "tests/sparse/problems.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
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
std::vector<T> random_point(int n, std::uint64_t seed) {
    Random random(seed);
    std::vector<T> x(static_cast<std::size_t>(n));
    for (T& value : x) value = static_cast<T>(0.5 * random.near_normal());
    return x;
}

/// d2f of the chain, in long double: its entries (i, j) with i - j <= 1.
long double chain_entry(const std::vector<long double>& x, int i, int j) {
    const int n = static_cast<int>(x.size());
    if (i != j) return -400 * x[j];
    long double h = 0;
    if (i + 1 < n) h += 1200 * x[i] * x[i] - 400 * x[i + 1] + 2;
    if (i > 0) h += 200;
    return h;
}

template <class T>
class SparseHessianTest : public SparseTest {
  protected:
    static void expect_chain(const Problem<T>& chain, const std::vector<T>& x, double tolerance,
                             const EvaluationOptions& options, ColouringKind kind, double l2 = 0) {
        const int n = static_cast<int>(x.size());
        const std::vector<long double> wide(x.begin(), x.end());
        const auto H =
            sparse_hessian(with_sparsity(chain, sparsity_pattern(n, band(n, 2))), x, options, kind);
        ASSERT_EQ(H.values.size(), H.pattern.rows.size());
        long double largest = 0;
        for (int j = 0; j < n; ++j) largest = std::max(largest, std::abs(chain_entry(wide, j, j)));
        for (int j = 0; j < n; ++j)
            for (long e = H.pattern.column_starts[j]; e < H.pattern.column_starts[j + 1]; ++e) {
                const int i = H.pattern.rows[e];
                const double exact =
                    static_cast<double>(chain_entry(wide, i, j)) + (i == j ? l2 : 0);
                EXPECT_NEAR(H.values[e], exact, tolerance * static_cast<double>(largest))
                    << i << ", " << j;
            }
    }
};
TYPED_TEST_SUITE(SparseHessianTest, Reals, RealName);

TYPED_TEST(SparseHessianTest, FromGradientsOfAFunctor) {
    using T = TypeParam;
    for (const int n : {2, 3, 4, 50}) {
        SCOPED_TRACE(n);
        const std::vector<T> x = random_point<T>(n, 3);
        const double by_gradients = std::pow(epsilon<T>, 2.0 / 3) * 64;
        const auto chain = chain_problem<T>(n);
        this->expect_chain(chain, x, by_gradients, there(), ColouringKind::star);
        // Substitution adds the errors of the entries before.
        this->expect_chain(chain, x, n * by_gradients, there(), ColouringKind::acyclic);
        this->expect_chain(chain_problem<T>(n, {.l2 = 50}), x, by_gradients, there(),
                           ColouringKind::star, 50);
        EvaluationOptions exact = there();
        exact.derivatives.hessian = HessianBy::autodiff;
        this->expect_chain(chain, x, 64 * epsilon<T>, exact, ColouringKind::star);
        EvaluationOptions large = there();
        large.derivatives.typical_x.assign(static_cast<std::size_t>(n), 4.0);
        this->expect_chain(chain, x, 16 * by_gradients, large, ColouringKind::star);
    }
}

TYPED_TEST(SparseHessianTest, OfOneParameterAndOfSeparateOnes) {
    using T = TypeParam;
    const auto one = with_sparsity(broyden_problem<T>(1), sparsity_pattern(1, {}));
    // f = (3x - 2x^2 + 1)^2, f'' = 2 (3 - 4x)^2 - 8 (3x - 2x^2 + 1)
    const auto H = sparse_hessian(one, {T(0.5)}, there());
    ASSERT_EQ(H.values.size(), 1u);
    EXPECT_NEAR(H.values[0], 2.0 - 8 * 2.0, 64 * std::pow(epsilon<T>, 2.0 / 3) * 14);
}

TYPED_TEST(SparseHessianTest, IsTheDenseOneForWiderPatterns) {
    using T = TypeParam;
    const int side = 5, n = side * side;
    const auto surface = surface_problem<T>(side);
    const auto broyden = broyden_problem<T>(n);
    for (const bool is_surface : {true, false}) {
        const std::vector<T> x = random_point<T>(n, 8);
        const auto& problem = is_surface ? surface : broyden;
        const SparsityPattern pattern =
            sparsity_pattern(n, is_surface ? surface_entries(side) : band(n, 3));
        EvaluationOptions exact = there();
        exact.derivatives.hessian = HessianBy::autodiff;
        const std::vector<T> dense = hessian(problem, x, exact);
        double largest = 0;
        for (const T h : dense) largest = std::max(largest, std::abs(static_cast<double>(h)));
        std::vector<T> covered = dense;
        for (const ColouringKind kind : {ColouringKind::star, ColouringKind::acyclic}) {
            const auto H = sparse_hessian(with_sparsity(problem, pattern), x, there(), kind);
            for (int j = 0; j < n; ++j)
                for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e) {
                    const std::size_t i = static_cast<std::size_t>(pattern.rows[e]);
                    EXPECT_NEAR(H.values[e], dense[static_cast<std::size_t>(j) * n + i],
                                1e3 * std::pow(epsilon<T>, 2.0 / 3) * largest);
                    covered[static_cast<std::size_t>(j) * n + i] = 0;
                    covered[i * n + static_cast<std::size_t>(j)] = 0;
                }
        }
        for (const T rest : covered) EXPECT_EQ(rest, T(0)) << "the pattern is too small";
    }
}

TYPED_TEST(SparseHessianTest, OfBlackBoxes) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "functions of host pointers have no GPU code";
    const int n = 20;
    const std::vector<T> x = random_point<T>(n, 4);
    BlackBox<T> box([](const T* points, int size, int count, T* losses) {
        for (int p = 0; p < count; ++p)
            losses[p] = ChainWithGradient()(VectorView<const T>{points + p * size, size});
    });
    EvaluationOptions options = there();
    this->expect_chain(make_black_box<T>(box, n), x, 2e3 * std::sqrt(epsilon<T>), options,
                       ColouringKind::star);
    box.value_and_gradient = [](const T* at, int size, T* g) {
        const VectorView<const T> point{at, size};
        VectorView<T> out{g, size};
        std::fill(g, g + size, T(0));
        ChainWithGradient().gradient(point, out);
        return ChainWithGradient()(point);
    };
    const double by_gradients = std::pow(epsilon<T>, 2.0 / 3) * 64;
    this->expect_chain(make_black_box<T>(box, n), x, by_gradients, options, ColouringKind::star);
    int calls = 0;
    box.products = [&](const T* at, int size, const T* V, int columns, T* HV) {
        ++calls;
        const std::vector<long double> wide(at, at + size);
        for (int c = 0; c < columns; ++c)
            for (int i = 0; i < size; ++i) {
                const T* v = V + c * size;
                long double sum = chain_entry(wide, i, i) * v[i];
                if (i > 0) sum += chain_entry(wide, i, i - 1) * v[i - 1];
                if (i + 1 < size) sum += chain_entry(wide, i + 1, i) * v[i + 1];
                HV[c * size + i] = static_cast<T>(sum);
            }
    };
    this->expect_chain(make_black_box<T>(box, n), x, 8 * epsilon<T>, options, ColouringKind::star);
    EXPECT_EQ(calls, 2) << "all colours in one call, and the check of the pattern";
    box.products = nullptr;
    box.hessian = [](const T*, int, T*) {};
    options.derivatives.hessian = HessianBy::analytic;
    const auto dense = with_sparsity(make_black_box<T>(box, n), sparsity_pattern(n, band(n, 2)));
    EXPECT_NE(
        message_of<InvalidArgument>([&] { sparse_hessian(dense, x, options); }).find("no products"),
        std::string::npos);
}

TYPED_TEST(SparseHessianTest, AProblemWithoutAPatternIsRefused) {
    using T = TypeParam;
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  sparse_hessian(chain_problem<T>(3), std::vector<T>(3, T(0)), there());
              }).find("with_sparsity"),
              std::string::npos);
}

TYPED_TEST(SparseHessianTest, IsTheSameForAnyNumberOfThreads) {
    using T = TypeParam;
    const int side = 9;
    const auto problem = with_sparsity(surface_problem<T>(side),
                                       sparsity_pattern(side * side, surface_entries(side)));
    const std::vector<T> x = random_point<T>(side * side, 21);
    EvaluationOptions options = there();
    options.threads = 1;
    const auto one = sparse_hessian(problem, x, options);
    options.threads = 3;
    EXPECT_EQ(sparse_hessian(problem, x, options).values, one.values);
}

}  // namespace
}  // namespace cunewton::test
