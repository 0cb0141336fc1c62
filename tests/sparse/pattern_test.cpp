// Sparsity patterns, their colourings, and the way back from compressed products.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/sparse/compression.h"
#include "tests/sparse/components.h"
#include "tests/sparse/functions.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

using Entries = std::vector<std::pair<int, int>>;

/// A random graph with about so many neighbours each; some parameters have none.
Entries random_entries(int n, double neighbours, std::uint64_t seed) {
    Random random(seed);
    Entries entries;
    const long count = static_cast<long>(n * neighbours / 2);
    for (long k = 0; k < count; ++k)
        entries.push_back(
            {static_cast<int>(random.uniform() * n), static_cast<int>(random.uniform() * n)});
    return entries;
}

TEST(SparsityPattern, OrderTriangleAndDuplicatesDoNotMatter) {
    const SparsityPattern expected = sparsity_pattern(4, {{1, 0}, {3, 0}, {3, 2}});
    EXPECT_EQ(expected.column_starts, (std::vector<long>{0, 3, 4, 6, 7}));
    EXPECT_EQ(expected.rows, (std::vector<int>{0, 1, 3, 1, 2, 3, 3}));
    const SparsityPattern same =
        sparsity_pattern(4, {{2, 3}, {0, 3}, {3, 0}, {1, 1}, {0, 1}, {1, 0}, {3, 3}, {2, 3}});
    EXPECT_EQ(same.column_starts, expected.column_starts);
    EXPECT_EQ(same.rows, expected.rows);
}

TEST(SparsityPattern, OneParameterAndEmptyRowsHaveTheirDiagonal) {
    EXPECT_EQ(sparsity_pattern(1, {}).rows, std::vector<int>{0});
    const SparsityPattern pattern = sparsity_pattern(5, {{4, 1}});
    EXPECT_EQ(pattern.rows, (std::vector<int>{0, 1, 4, 2, 3, 4}));
    EXPECT_EQ(pattern.size(), 6);
}

TEST(SparsityPattern, NamesWhatIsNotInTheMatrix) {
    EXPECT_NE(message_of<InvalidArgument>([] {
                  sparsity_pattern(3, {{0, 0}, {1, 3}});
              }).find("number 1 is in row 1 and column 3 of 3"),
              std::string::npos);
    EXPECT_FALSE(message_of<InvalidArgument>([] { sparsity_pattern(3, {{-1, 0}}); }).empty());
    EXPECT_FALSE(message_of<InvalidArgument>([] { sparsity_pattern(0, {}); }).empty());
}

TEST(SparsityPattern, ProblemsRefuseWhatIsNone) {
    const auto problem = make_objective<double>(ChainWithGradient{}, 3);
    const SparsityPattern good = sparsity_pattern(3, band(3, 2));
    EXPECT_EQ(with_sparsity(problem, good).parts().sparsity->rows, good.rows);
    EXPECT_FALSE(problem.parts().sparsity);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  with_sparsity(problem, sparsity_pattern(4, {}));
              }).find("of 4"),
              std::string::npos);
    SparsityPattern unsorted = good;
    std::swap(unsorted.rows[0], unsorted.rows[1]);
    EXPECT_NE(
        message_of<InvalidArgument>([&] { with_sparsity(problem, unsorted); }).find("column 0"),
        std::string::npos);
    SparsityPattern beyond = good;
    beyond.rows[3] = 3;
    EXPECT_NE(message_of<InvalidArgument>([&] { with_sparsity(problem, beyond); }).find("column 1"),
              std::string::npos);
    SparsityPattern cut = good;
    cut.column_starts.pop_back();
    EXPECT_FALSE(message_of<InvalidArgument>([&] { with_sparsity(problem, cut); }).empty());
    SparsityPattern backwards = good;
    std::swap(backwards.column_starts[1], backwards.column_starts[2]);
    EXPECT_FALSE(message_of<InvalidArgument>([&] { with_sparsity(problem, backwards); }).empty());
    const std::vector<double> X(6, 1.0), y{0, 1};
    const auto dense = make_linear_predictor<double>(
        Logistic{},
        Samples<double>{
            .features = X.data(), .count = 2, .dimension = 3, .ld = 3, .targets = y.data()});
    EXPECT_NE(message_of<InvalidArgument>([&] { with_sparsity(dense, good); }).find("dense"),
              std::string::npos);
}

/// A by naive loops: B = A h_c, then A again from B alone.
void expect_recovered(int n, const Entries& entries, ColouringKind kind, int most_colours) {
    const SparsityPattern pattern = sparsity_pattern(n, entries);
    const Colouring colouring = colour(pattern, kind);
    EXPECT_LE(colouring.colours, most_colours);
    ASSERT_EQ(colouring.colour_of.size(), static_cast<std::size_t>(n));
    std::set<int> used(colouring.colour_of.begin(), colouring.colour_of.end());
    EXPECT_EQ(static_cast<int>(used.size()), colouring.colours);
    EXPECT_EQ(*used.begin(), 0);
    Random random(5);
    std::vector<double> A(pattern.rows.size()), h(static_cast<std::size_t>(n));
    // Small whole numbers and powers of two: substitution makes no error.
    for (double& a : A) a = std::floor(random.uniform() * 19) - 9;
    for (double& step : h) step = random.uniform() < 0.5 ? 0.5 : 2;
    std::vector<double> B(static_cast<std::size_t>(n) * colouring.colours, 0.0);
    const auto add = [&](int i, int j, double a) {
        B[static_cast<std::size_t>(colouring.colour_of[j]) * n + i] += a * h[j];
    };
    for (int j = 0; j < n; ++j)
        for (long e = pattern.column_starts[j]; e < pattern.column_starts[j + 1]; ++e) {
            add(pattern.rows[e], j, A[e]);
            if (pattern.rows[e] != j) add(j, pattern.rows[e], A[e]);
        }
    const Compression how = compression_of(pattern, colouring, kind);
    EXPECT_EQ(how.direct(), kind == ColouringKind::star);
    std::vector<double> found(A.size(), 1e300);
    if (how.direct()) {
        for (std::size_t e = 0; e < A.size(); ++e) found[e] = B[how.place[e]] / h[how.column[e]];
    } else {
        ASSERT_EQ(how.level_starts.front(), 0);
        ASSERT_EQ(how.level_starts.back(), pattern.size());
        for (std::size_t level = 0; level + 1 < how.level_starts.size(); ++level) {
            std::vector<double> before = found;  // nothing of the same level is used
            for (long k = how.level_starts[level]; k < how.level_starts[level + 1]; ++k) {
                const int e = how.order[k];
                double rest = B[how.place[e]];
                for (long s = how.known_starts[e]; s < how.known_starts[e + 1]; ++s)
                    rest -= before[how.known[s]] * h[how.known_column[s]];
                found[e] = rest / h[how.column[e]];
            }
        }
    }
    EXPECT_EQ(found, A);
}

TEST(Compression, RecoversMatricesFromFewProducts) {
    if (const std::string why = why_no_colouring(); !why.empty()) GTEST_SKIP() << why;
    for (const ColouringKind kind : {ColouringKind::star, ColouringKind::acyclic}) {
        const bool star = kind == ColouringKind::star;
        SCOPED_TRACE(star ? "star" : "acyclic");
        expect_recovered(1, {}, kind, 1);
        expect_recovered(7, {}, kind, 1);
        expect_recovered(5, {{4, 1}}, kind, 2);
        expect_recovered(100, band(100, 2), kind, star ? 3 : 2);
        expect_recovered(100, band(100, 3), kind, star ? 5 : 3);
        expect_recovered(8, band(8, 8), kind, 8);
        Entries arrow;
        for (int j = 0; j < 50; ++j) arrow.push_back({49, j});
        expect_recovered(50, arrow, kind, 2);
        expect_recovered(144, surface_entries(12), kind, star ? 10 : 5);
        for (const std::uint64_t seed : {1, 2, 3})
            expect_recovered(120, random_entries(120, 4, seed), kind, 120);
    }
}

TEST(Compression, ColouringsOfAnotherKindAreRefused) {
    const SparsityPattern chain = sparsity_pattern(4, band(4, 2));
    const Colouring two{2, {0, 1, 0, 1}}, same{1, {0, 0, 0, 0}};
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  compression_of(chain, two, ColouringKind::star);
              }).find("star"),
              std::string::npos);
    compression_of(chain, two, ColouringKind::acyclic);
    EXPECT_FALSE(message_of<InvalidArgument>([&] {
                     compression_of(chain, same, ColouringKind::acyclic);
                 }).empty());
    const SparsityPattern ring = sparsity_pattern(4, {{1, 0}, {2, 1}, {3, 2}, {3, 0}});
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  compression_of(ring, two, ColouringKind::acyclic);
              }).find("acyclic"),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
