// Patterns that are found, and entries that given ones lack.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/sparsity_of.h"
#include "tests/sparse/components.h"
#include "tests/sparse/problems.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/reals.h"
#include "tests/unconstrained/functors.h"
#include "tests/unconstrained/problems.h"

namespace cunewton::test {
namespace {

using Entries = std::vector<std::pair<int, int>>;

std::vector<double> random_point(int n, std::uint64_t seed) {
    Random random(seed);
    std::vector<double> x(static_cast<std::size_t>(n));
    for (double& value : x) value = 0.5 + 0.3 * random.near_normal();
    return x;
}

bool has(const SparsityPattern& pattern, int i, int j) {
    const auto begin = pattern.rows.begin() + pattern.column_starts[std::min(i, j)],
               end = pattern.rows.begin() + pattern.column_starts[std::min(i, j) + 1];
    return std::binary_search(begin, end, std::max(i, j));
}

TEST(SparsityOf, FunctorsSayTheirPattern) {
    const auto same = [](const SparsityPattern& a, const Entries& entries) {
        const SparsityPattern b = sparsity_pattern(a.n, entries);
        EXPECT_EQ(a.column_starts, b.column_starts);
        EXPECT_EQ(a.rows, b.rows);
    };
    same(sparsity_of(ChainWithGradient{}, random_point(40, 1)), band(40, 2));
    same(sparsity_of(BroydenWithGradient{}, random_point(40, 1)), band(40, 3));
    same(sparsity_of(SurfaceWithGradient{6}, random_point(36, 1)), surface_entries(6));
    same(sparsity_of(ChainWithGradient{}, {0.5}), {});
}

/// Every operation once, on parameters of its own: x_0 / x_1, x_2^x_3, maximum of x_4 and x_5
/// squared, 3 x_6 - x_7 / 2, sin x_8 + hypot(x_9, x_10).
struct Operations {
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = typename X::value_type;
        using namespace math;
        T f = T(x[0]) / T(x[1]);
        f += pow(T(x[2]), T(x[3]));
        f += square(select(T(x[4]) > T(x[5]), T(x[4]), T(x[5])));
        f -= T(x[7]) / 2.0 - 3.0 * T(x[6]);
        f += sin(T(x[8])) + hypot(T(x[9]), T(x[10]));
        f *= 2.0;
        return f;
    }
};

TEST(SparsityOf, EveryOperation) {
    const SparsityPattern found = sparsity_of(Operations{}, random_point(11, 3));
    // The diagonal is always there.
    const SparsityPattern expected = sparsity_pattern(11, {{1, 0}, {3, 2}, {5, 4}, {10, 9}});
    EXPECT_EQ(found.rows, expected.rows);
    EXPECT_EQ(found.column_starts, expected.column_starts);
}

template <class Functor>
void expect_covered(const UnconstrainedCase& of, int& exact, int& all) {
    SCOPED_TRACE(of.label());
    const SparsityPattern found = sparsity_of(Functor{}, of.x0);
    EvaluationOptions options;
    options.backend = BackendChoice::cpu;
    const Problem<double> problem = unconstrained_problem(of);
    std::vector<double> x = of.x0;
    Random random(4);
    for (double& value : x) value += 0.1 * random.near_normal();
    const std::vector<double> H = hessian(problem, x, options);
    long there = 0;
    for (int j = 0; j < of.n; ++j)
        for (int i = j; i < of.n; ++i) {
            const bool entry = H[static_cast<std::size_t>(j) * of.n + i] != 0;
            there += entry || i == j;
            EXPECT_TRUE(!entry || has(found, i, j)) << i << ", " << j;
        }
    ++all;
    exact += there == found.size();
}

TEST(SparsityOf, CoversTheTestFunctions) {
    int exact = 0, all = 0;
#define CUNEWTON_TEST_COVER(Functor)                                     \
    for (const UnconstrainedCase& of : unconstrained_cases(Functor::id)) \
        if (of.n <= 30) expect_covered<Functor>(of, exact, all);
    CUNEWTON_TEST_UNCONSTRAINED(CUNEWTON_TEST_COVER)
#undef CUNEWTON_TEST_COVER
    EXPECT_GE(all, 30);
    EXPECT_GE(exact, all - 3) << "patterns that are larger than need be";
}

template <class T>
class DetectionTest : public SparseFactorTest {
  protected:
    static EvaluationOptions there() {
        EvaluationOptions options;
        options.backend = tested_choice();
        options.threads = 2;
        return options;
    }
    static std::vector<T> point(int n) {
        const std::vector<double> x = random_point(n, 6);
        return {x.begin(), x.end()};
    }
};
TYPED_TEST_SUITE(DetectionTest, Reals, RealName);

TYPED_TEST(DetectionTest, ProbesFindWhatFunctorsSay) {
    using T = TypeParam;
    const auto found = probe_sparsity(broyden_problem<T>(30), this->point(30), this->there());
    const auto expected = sparsity_pattern(30, band(30, 3));
    EXPECT_EQ(found.rows, expected.rows);
    EXPECT_EQ(found.column_starts, expected.column_starts);
    EXPECT_FALSE(message_of<InvalidArgument>([&] {
                     probe_sparsity(broyden_problem<T>(2), this->point(2), this->there(), 0);
                 }).empty());
}

TYPED_TEST(DetectionTest, AMissingEntryIsNamed) {
    using T = TypeParam;
    const int side = 6, n = side * side;
    for (const bool surface : {true, false}) {
        const Entries all = surface ? surface_entries(side) : band(n, 3);
        const auto problem = surface ? surface_problem<T>(side) : broyden_problem<T>(n);
        const std::vector<T> x = this->point(n);
        const auto good =
            check_sparsity(with_sparsity(problem, sparsity_pattern(n, all)), x, this->there());
        EXPECT_TRUE(good.complete) << good.message;
        EXPECT_EQ(good.products, 1);
        // Without any one entry.
        for (std::size_t k = 1; k < all.size(); k += 7) {
            const auto [i, j] = all[k];
            if (i == j) continue;
            Entries rest = all;
            rest.erase(rest.begin() + static_cast<long>(k));
            const auto wrong = with_sparsity(problem, sparsity_pattern(n, rest));
            const SparsityCheck check = check_sparsity(wrong, x, this->there());
            EXPECT_FALSE(check.complete) << i << ", " << j;
            EXPECT_EQ(std::minmax(check.row, check.column), std::minmax(j, i)) << check.message;
            EXPECT_LE(check.products, 9);
            const std::string name =
                "entry (" + std::to_string(check.row) + ", " + std::to_string(check.column) + ")";
            EXPECT_NE(check.message.find(name), std::string::npos) << check.message;
            EXPECT_NE(message_of<InvalidArgument>([&] {
                          sparse_hessian(wrong, x, this->there());
                      }).find(name),
                      std::string::npos);
            Options options;
            options.backend = tested_choice();
            EXPECT_NE(message_of<InvalidArgument>([&] {
                          minimize(wrong, x, options);
                      }).find("the sparsity pattern lacks an entry"),
                      std::string::npos);
        }
    }
}

TYPED_TEST(DetectionTest, EntriesOneByOneAreCheckedToo) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "the device takes products";
    const int n = 12;
    EvaluationOptions exact = this->there();
    exact.derivatives.hessian = HessianBy::autodiff;
    const auto wrong = with_sparsity(chain_problem<T>(n), sparsity_pattern(n, {{1, 0}}));
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  sparse_hessian(wrong, this->point(n), exact);
              }).find("entry ("),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
