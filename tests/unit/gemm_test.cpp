// Matrix products of one thread, against sums in long double.
#include "host/cpu/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/datasets.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::cpu {
namespace {

template <class T>
class GemmTest : public ::testing::Test {
  protected:
    /// op(A) op(B) into the middle of a larger C, whose other numbers stay.
    static void expect_product(Gemm<T>& gemm, int m, int n, int k, bool a_transposed,
                               bool b_transposed, bool add) {
        SCOPED_TRACE(std::to_string(m) + " x " + std::to_string(n) + ", " + std::to_string(k) +
                     (a_transposed ? ", A'" : "") + (b_transposed ? ", B'" : "") +
                     (add ? ", added" : ""));
        test::Random random(static_cast<std::uint64_t>(m + n + k));
        const auto numbers = [&](long count) {
            std::vector<T> list(static_cast<std::size_t>(count));
            for (T& value : list) value = static_cast<T>(random.near_normal());
            return list;
        };
        constexpr int padding = 3;
        const int lda = (a_transposed ? k : m) + padding, ldb = (b_transposed ? n : k) + padding,
                  ldc = m + padding;
        const std::vector<T> A = numbers(static_cast<long>(lda) * (a_transposed ? m : k)),
                             B = numbers(static_cast<long>(ldb) * (b_transposed ? k : n)),
                             before = numbers(static_cast<long>(ldc) * n);
        std::vector<T> C = before;
        Operand<T> a{A.data(), 1, lda}, b{B.data(), 1, ldb};
        if (a_transposed) a = a.transposed();
        if (b_transposed) b = b.transposed();
        gemm.multiply(m, n, k, a, b, add, C.data(), ldc);
        double worst = 0;
        for (int j = 0; j < n; ++j)
            for (int i = 0; i < ldc; ++i) {
                const std::size_t at = static_cast<std::size_t>(j) * ldc + i;
                if (i >= m) {
                    ASSERT_EQ(C[at], before[at]) << i << ", " << j;
                    continue;
                }
                long double exact = add ? before[at] : T(0);
                for (int p = 0; p < k; ++p)
                    exact += static_cast<long double>(a.at[i * a.row + p * a.column]) *
                             b.at[p * b.row + j * b.column];
                worst = std::max(worst, std::abs(static_cast<double>(C[at] - exact)));
            }
        EXPECT_LE(worst, 8 * std::sqrt(k) * test::sum_tolerance<T>(16));
    }
};
TYPED_TEST_SUITE(GemmTest, test::Reals, test::RealName);

TYPED_TEST(GemmTest, EveryShapeAndOrder) {
    Gemm<TypeParam> gemm;  // one for all: what is left of a product does not matter to the next
    struct Shape {
        int m, n, k;
    };
    // Below, at and beyond a vector, a tile and a block of each.
    for (const Shape& s : {Shape{1, 1, 1},
                           {48, 8, 8},
                           {47, 9, 7},
                           {3, 5, 300},
                           {200, 17, 20},
                           {33, 1030, 5},
                           {16, 4, 256},
                           {193, 11, 257},
                           {100, 1, 9}})
        for (const bool a : {false, true})
            for (const bool b : {false, true})
                for (const bool add : {false, true})
                    this->expect_product(gemm, s.m, s.n, s.k, a, b, add);
}

}  // namespace
}  // namespace cunewton::cpu
