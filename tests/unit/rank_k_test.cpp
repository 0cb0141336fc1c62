#include "host/cpu/rank_k.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/datasets.h"
#include "tests/support/tolerances.h"

namespace cunewton::cpu {
namespace {

using test::Random;

template <class S, class Compute, class Sum>
struct Types {
    using Data = S;
    using Multiply = Compute;
    using Result = Sum;
};

/// A' diag(w) A + C in long double, with the sum of the magnitudes beside it.
struct Naive {
    std::vector<long double> c, size;
};

template <class P>
class RankKTest : public ::testing::Test {
  protected:
    using S = typename P::Data;
    using Compute = typename P::Multiply;
    using Sum = typename P::Result;
    using Update = RankKUpdate<S, Compute, Sum>;

    struct Case {
        int n, rows;
        bool ones = false, weighted = true;
        int ld_padding = 0, ldc_padding = 0;
        int products = 1;
        std::string text() const {
            return "n = " + std::to_string(n) + ", rows = " + std::to_string(rows) +
                   (ones ? ", ones" : "") + (weighted ? "" : ", no weights");
        }
    };

    static std::vector<S> random_numbers(std::size_t count, Random& random) {
        std::vector<S> v(count);
        for (S& value : v) value = static_cast<S>(2 * random.uniform() - 1);
        return v;
    }

    struct Data {
        int d, ld, ldc;
        std::vector<S> rows;
        std::vector<std::vector<S>> weights;
        std::vector<std::vector<Sum>> start;
    };

    static Data make(const Case& c) {
        Random random(static_cast<std::uint64_t>(1000 * c.n + c.rows));
        Data data;
        data.d = c.n - (c.ones ? 1 : 0);
        data.ld = data.d + c.ld_padding;
        data.ldc = c.n + c.ldc_padding;
        data.rows = random_numbers(static_cast<std::size_t>(c.rows) * data.ld + 1, random);
        // Padding that is read by mistake shows.
        for (int s = 0; s < c.rows; ++s)
            for (int j = data.d; j < data.ld; ++j)
                data.rows[static_cast<std::size_t>(s) * data.ld + j] =
                    std::numeric_limits<S>::quiet_NaN();
        for (int p = 0; p < c.products; ++p) {
            // Of both signs; the last product of several has none.
            data.weights.push_back(c.weighted && (p == 0 || p + 1 < c.products)
                                       ? random_numbers(c.rows, random)
                                       : std::vector<S>{});
            std::vector<Sum> start(static_cast<std::size_t>(data.ldc) * c.n);
            for (Sum& value : start) value = static_cast<Sum>(2 * random.uniform() - 1);
            data.start.push_back(std::move(start));
        }
        return data;
    }

    static constexpr double factor(int product) { return product == 0 ? -0.5 : 0.25 + product; }

    static std::vector<std::vector<Sum>> run(const Case& c, const Data& data, int threads) {
        ThreadPool pool(threads);
        Update update(pool);
        std::vector<std::vector<Sum>> result = data.start;
        std::vector<Product<S, Sum>> products;
        for (int p = 0; p < c.products; ++p)
            products.push_back({data.weights[p].empty() ? nullptr : data.weights[p].data(),
                                static_cast<S>(factor(p)), result[p].data(), data.ldc});
        update.add({data.rows.data(), data.ld, data.d, c.ones, c.rows}, products);
        return result;
    }

    static Naive naive(const Case& c, const Data& data, int p) {
        Naive result;
        result.c.assign(static_cast<std::size_t>(c.n) * c.n, 0);
        result.size = result.c;
        std::vector<double> row(c.n, 1.0);
        for (int s = 0; s < c.rows; ++s) {
            for (int j = 0; j < data.d; ++j)
                row[j] = data.rows[static_cast<std::size_t>(s) * data.ld + j];
            const double w =
                factor(p) * (data.weights[p].empty() ? 1.0 : double(data.weights[p][s]));
            for (int j = 0; j < c.n; ++j)
                for (int i = j; i < c.n; ++i) {
                    // Exact enough: one rounding of a double product a term.
                    const long double term = static_cast<long double>(row[i]) * (row[j] * w);
                    result.c[static_cast<std::size_t>(j) * c.n + i] += term;
                    result.size[static_cast<std::size_t>(j) * c.n + i] += std::abs(term);
                }
        }
        return result;
    }

    static void expect_right(const Case& c) {
        SCOPED_TRACE(c.text());
        const Data data = make(c);
        const std::vector<std::vector<Sum>> result = run(c, data, 2);
        // Products are summed in Compute over at most 256 rows, blocks of rows in Sum.
        const double tolerance = test::sum_tolerance<Compute>(std::min(c.rows, 256)) +
                                 test::sum_tolerance<Sum>(c.rows / 256);
        for (int p = 0; p < c.products; ++p) {
            const Naive exact = naive(c, data, p);
            for (int j = 0; j < c.n; ++j)
                for (int i = 0; i < data.ldc; ++i) {
                    const std::size_t at = static_cast<std::size_t>(j) * data.ldc + i;
                    const Sum start = data.start[p][at];
                    if (i < j || i >= c.n) {
                        ASSERT_EQ(result[p][at], start)
                            << "outside of the triangle: " << i << ", " << j;
                        continue;
                    }
                    const std::size_t e = static_cast<std::size_t>(j) * c.n + i;
                    const long double error = std::abs(result[p][at] - (start + exact.c[e]));
                    ASSERT_LE(error, tolerance * (std::abs(start) + exact.size[e]))
                        << "product " << p << ", entry " << i << ", " << j;
                }
        }
    }
};

using AllTypes = ::testing::Types<Types<double, double, double>, Types<double, float, double>,
                                  Types<float, float, float>>;
struct TypeName {
    template <class P>
    static std::string GetName(int) {
        if (std::is_same_v<typename P::Data, float>) return "Float";
        return std::is_same_v<typename P::Multiply, float> ? "Mixed" : "Double";
    }
};
TYPED_TEST_SUITE(RankKTest, AllTypes, TypeName);

TYPED_TEST(RankKTest, AgreesWithTheNaiveSum) {
    for (const int n : {1, 7, 23, 24, 25, 64, 65})
        for (const int rows : {1, 255, 256, 257, 1100}) {
            this->expect_right({.n = n, .rows = rows});
            if (this->HasFatalFailure()) return;
        }
    for (const int rows : {1, 256, 1100}) this->expect_right({.n = 197, .rows = rows});
}

TYPED_TEST(RankKTest, AddsAColumnOfOnes) {
    for (const int n : {1, 2, 24, 25, 49, 65, 197})
        this->expect_right({.n = n, .rows = 257, .ones = true});
}

TYPED_TEST(RankKTest, WithoutWeightsTakesTheFactorAlone) {
    for (const int n : {7, 64, 97}) this->expect_right({.n = n, .rows = 300, .weighted = false});
}

TYPED_TEST(RankKTest, LeavesPaddingAndTheUpperTriangleAlone) {
    for (const int n : {7, 25, 65})
        this->expect_right({.n = n, .rows = 257, .ones = true, .ld_padding = 3, .ldc_padding = 5});
}

TYPED_TEST(RankKTest, SeveralProductsShareTheRows) {
    this->expect_right({.n = 65, .rows = 300, .ones = true, .products = 4});
    this->expect_right({.n = 7, .rows = 1, .products = 3});
}

TYPED_TEST(RankKTest, BitsDoNotDependOnTheNumberOfThreads) {
    for (const int n : {25, 197}) {
        const typename TestFixture::Case c{.n = n, .rows = 1100, .ones = true, .products = 2};
        const auto data = this->make(c);
        const auto one = this->run(c, data, 1);
        EXPECT_EQ(one, this->run(c, data, 2)) << n;
        EXPECT_EQ(one, this->run(c, data, 3)) << n;
        EXPECT_EQ(one, this->run(c, data, 1)) << n;
    }
}

TYPED_TEST(RankKTest, ServesCallsOfGrowingSize) {
    using Number = typename TypeParam::Data;
    using Total = typename TypeParam::Result;
    ThreadPool pool(2);
    typename TestFixture::Update update(pool);
    for (const int n : {3, 70, 9}) {
        const std::vector<Number> rows(static_cast<std::size_t>(n) * 40, Number(0.5));
        std::vector<Total> c(static_cast<std::size_t>(n) * n, Total(0));
        update.add({rows.data(), n, n, false, 40}, {{nullptr, Number(1), c.data(), n}});
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i)
                EXPECT_EQ(c[static_cast<std::size_t>(j) * n + i], Total(10));
    }
}

}  // namespace
}  // namespace cunewton::cpu
