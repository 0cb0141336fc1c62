// Factorisations of many blocks at once.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/datasets.h"
#include "tests/support/open_session.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

/// Blocks of these sizes, symmetric and diagonally dominant, and a vector. What is above a block's
/// diagonal is NaN, which nothing may read.
template <class T>
struct Blocks {
    explicit Blocks(const std::vector<int>& orders) : sizes(orders) {
        Random random(5);
        for (const int n : sizes) {
            entries.push_back(A.size());
            rows.push_back(static_cast<int>(b.size()));
            for (int j = 0; j < n; ++j) {
                b.push_back(static_cast<T>(2 * random.uniform() - 1));
                for (int i = 0; i < n; ++i)
                    A.push_back(i < j    ? std::numeric_limits<T>::quiet_NaN()
                                : i == j ? static_cast<T>(n + 1)
                                         : static_cast<T>(2 * random.uniform() - 1));
            }
        }
    }
    T& at(int block, int i, int j) { return A[place(block, i, j)]; }
    std::size_t place(int block, int i, int j) const {
        return entries[block] + static_cast<std::size_t>(j) * sizes[block] + i;
    }
    long double symmetric(int block, int i, int j) const {
        return i >= j ? A[place(block, i, j)] : A[place(block, j, i)];
    }
    std::vector<int> sizes, rows;
    std::vector<std::size_t> entries;
    std::vector<T> A, b;
};

template <class T>
class BlockCholeskyTest : public BackendTest {
  protected:
    void SetUp() override {
        BackendTest::SetUp();
        if (this->IsSkipped() || this->HasFatalFailure()) return;
        session_ = open(make_objective<T>(ExtendedRosenbrock{}, 2));
    }
    Vectors<T>& vectors() { return *session_.vectors; }
    Buffer<T> there(const std::vector<T>& values) {
        Buffer<T> buffer = vectors().allocate(values.size());
        vectors().upload(buffer.get(), values.data(), values.size());
        return buffer;
    }
    std::vector<T> here(const Buffer<T>& buffer) {
        std::vector<T> values(buffer.size());
        vectors().download(values.data(), buffer.get(), values.size());
        return values;
    }
    std::unique_ptr<BlockCholesky<T>> of(const std::vector<int>& sizes) {
        return session_.matrices->blocks(sizes);
    }

    /// |(A + shift S^2) x - b| of one block, as rounding of a well-conditioned one leaves it.
    static void expect_solved(const Blocks<T>& blocks, int k, const std::vector<T>& x, double shift,
                              double scale = 1) {
        const int n = blocks.sizes[k], row = blocks.rows[k];
        for (int i = 0; i < n; ++i) {
            long double sum = shift * scale * scale * x[row + i];
            for (int j = 0; j < n; ++j) sum += blocks.symmetric(k, i, j) * x[row + j];
            EXPECT_NEAR(static_cast<double>(sum), blocks.b[row + i],
                        4 * sum_tolerance<T>(3 * n) * (n + 1))
                << "block " << k << ", row " << i;
        }
    }

    /// All blocks at once, from another matrix and in place.
    void expect_all_solved(const std::vector<int>& sizes) {
        const Blocks<T> blocks(sizes);
        const auto cholesky = of(sizes);
        const Buffer<T> A = there(blocks.A), L = vectors().allocate(blocks.A.size());
        for (const bool in_place : {false, true}) {
            SCOPED_TRACE(in_place ? "in place" : "elsewhere");
            const Buffer<T> x = there(blocks.b);
            T* const factor = in_place ? A.get() : L.get();
            cholesky->factorize(A.get(), nullptr, factor);
            cholesky->solve(factor, x.get());
            const auto facts = cholesky->facts();
            ASSERT_EQ(facts.size(), sizes.size());
            const std::vector<T> found = here(x);
            for (int k = 0; k < static_cast<int>(sizes.size()); ++k) {
                EXPECT_EQ(facts[k].info, 0) << k;
                EXPECT_GT(facts[k].least_pivot, sizes[k] > 1 ? 0.3 : 0.999) << k;
                EXPECT_LE(facts[k].least_pivot, 1 + 4 * epsilon<T>) << k;
                expect_solved(blocks, k, found, 0);
            }
        }
    }

    Session<T> session_;
};
TYPED_TEST_SUITE(BlockCholeskyTest, Reals, RealName);

TYPED_TEST(BlockCholeskyTest, ManyEqualBlocks) {
    this->expect_all_solved(std::vector<int>(40, 5));
}
TYPED_TEST(BlockCholeskyTest, MixedSizes) {
    this->expect_all_solved({3, 1, 100, 7, 1, 3, 97, 1, 3, 2, 96});
}
TYPED_TEST(BlockCholeskyTest, SingleNumbers) {
    this->expect_all_solved(std::vector<int>(300, 1));
}
TYPED_TEST(BlockCholeskyTest, OneBlock) {
    this->expect_all_solved({110});
}
TYPED_TEST(BlockCholeskyTest, LargeOnes) {
    this->expect_all_solved({2, 514, 514, 2});
}

// What one matrix at a time gives, to the bit where it is computed by the same functions.
TYPED_TEST(BlockCholeskyTest, EachIsAsAlone) {
    using T = TypeParam;
    const std::vector<int> sizes{4, 130, 4, 1, 4, 60};
    const Blocks<T> blocks(sizes);
    Vectors<T>& vectors = this->vectors();
    DenseMatrices<T>& matrices = *this->session_.matrices;
    const auto cholesky = this->of(sizes);
    const std::size_t rows = blocks.b.size();
    std::vector<T> scales;
    for (std::size_t i = 0; i < rows; ++i)
        scales.push_back(std::ldexp(T(1), static_cast<int>(i * 7 % 11) - 5));
    const Buffer<T> A = this->there(blocks.A), L = this->there(blocks.A),
                    other = this->there(blocks.A), S = vectors.allocate(rows),
                    S_other = vectors.allocate(rows), g = this->there(blocks.b),
                    largest = this->there(std::vector<T>(rows, T(0))),
                    largest_other = this->there(std::vector<T>(rows, T(0)));
    cholesky->raise_scales(A.get(), g.get(), 3.0, 0, largest.get(), S.get());
    cholesky->bounds(A.get(), S.get());
    cholesky->factorize(A.get(), S.get(), L.get());
    const std::vector<BlockFacts> facts(cholesky->facts().begin(), cholesky->facts().end());
    const std::vector<T> factors = this->here(L);
    const Number norm = vectors.number(), least = vectors.number(), info = vectors.number(),
                 pivot = vectors.number();
    for (std::size_t k = 0; k < sizes.size(); ++k) {
        SCOPED_TRACE(k);
        const T* const block = A.get() + blocks.entries[k];
        const int row = blocks.rows[k], n = sizes[k];
        matrices.raise_scales(block, g.get() + row, 3.0, 0, largest_other.get() + row,
                              S_other.get() + row, n);
        matrices.bounds(block, S_other.get() + row, n, norm, least);
        matrices.factorize(block, T(0), S_other.get() + row, other.get() + blocks.entries[k], n,
                           info, pivot);
        const auto [a, b, c, d] = read(vectors, norm, least, info, pivot);
        EXPECT_EQ(facts[k].norm, a);
        EXPECT_EQ(facts[k].least_diagonal, b);
        EXPECT_EQ(facts[k].info, c);
        EXPECT_NEAR(facts[k].least_pivot, d, testing_cuda() ? 64 * epsilon<T> : 0);
    }
    EXPECT_EQ(this->here(S), this->here(S_other));
    EXPECT_EQ(this->here(largest), this->here(largest_other));
    const std::vector<T> alone = this->here(other);
    for (std::size_t k = 0; k < sizes.size(); ++k)
        for (int j = 0; j < sizes[k]; ++j)
            for (int i = j; i < sizes[k]; ++i) {
                const std::size_t at = blocks.place(static_cast<int>(k), i, j);
                EXPECT_NEAR(factors[at], alone[at],
                            testing_cuda() ? sizes[k] * epsilon<T> * std::sqrt(sizes[k] + 1.0) : 0);
            }
}

TYPED_TEST(BlockCholeskyTest, OneIndefiniteBlockAmongManyIsFactorisedAgainByItself) {
    using T = TypeParam;
    const std::vector<int> sizes(30, 4);
    Blocks<T> blocks(sizes);
    constexpr int bad = 17;
    blocks.at(bad, 2, 2) = T(-1);
    const auto cholesky = this->of(sizes);
    const Buffer<T> A = this->there(blocks.A), L = this->vectors().allocate(blocks.A.size()),
                    S = this->there(std::vector<T>(blocks.b.size(), T(2)));
    cholesky->bounds(A.get(), S.get());
    cholesky->factorize(A.get(), S.get(), L.get());
    std::vector<double> pivots;
    for (int k = 0; const BlockFacts& facts : cholesky->facts()) {
        EXPECT_EQ(facts.info, k == bad ? 3 : 0) << k;
        EXPECT_EQ(facts.least_diagonal, k == bad ? -0.25 : 1.25) << k;
        pivots.push_back(facts.least_pivot);
        ++k;
    }
    // Too little, and then enough.
    const ShiftedBlock little{bad, 0.01}, enough{bad, 2};
    cholesky->factorize(A.get(), std::span(&little, 1), S.get(), L.get());
    EXPECT_EQ(cholesky->facts()[bad].info, 3);
    cholesky->factorize(A.get(), std::span(&enough, 1), S.get(), L.get());
    for (int k = 0; const BlockFacts& facts : cholesky->facts()) {
        EXPECT_EQ(facts.info, 0) << k;
        if (k != bad) {
            EXPECT_EQ(facts.least_pivot, pivots[k]) << k;
        }
        ++k;
    }
    const Buffer<T> x = this->there(blocks.b);
    cholesky->solve(L.get(), x.get());
    const std::vector<T> found = this->here(x);
    for (int k = 0; k < 30; ++k) this->expect_solved(blocks, k, found, k == bad ? 2 : 0, 2);
}

TYPED_TEST(BlockCholeskyTest, ShiftsAreEachBlocksOwn) {
    using T = TypeParam;
    const std::vector<int> sizes{3, 5, 3, 1, 3, 5};
    const Blocks<T> blocks(sizes);
    const auto cholesky = this->of(sizes);
    const Buffer<T> A = this->there(blocks.A), L = this->vectors().allocate(blocks.A.size());
    cholesky->factorize(A.get(), nullptr, L.get());
    const std::vector<ShiftedBlock> which{{4, 3}, {1, 0.5}, {0, 7}};
    cholesky->factorize(A.get(), which, nullptr, L.get());
    const std::vector<ShiftedBlock> others{{5, 2}, {2, 1}};
    cholesky->factorize(A.get(), others, nullptr, L.get());
    const Buffer<T> x = this->there(blocks.b);
    cholesky->solve(L.get(), x.get());
    const std::vector<T> found = this->here(x);
    const double shifts[] = {7, 0.5, 1, 0, 3, 2};
    for (int k = 0; k < 6; ++k) this->expect_solved(blocks, k, found, shifts[k]);
}

TYPED_TEST(BlockCholeskyTest, NumbersThatAreNotFiniteStayInTheirBlock) {
    using T = TypeParam;
    const std::vector<int> sizes{2, 6, 6, 1, 6, 1};
    for (const T bad : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()})
        for (const int row : {0, 5})
            for (const int column : {0, row}) {
                Blocks<T> blocks(sizes);
                blocks.at(2, row, column) = bad;
                blocks.at(3, 0, 0) = bad;
                const auto cholesky = this->of(sizes);
                const Buffer<T> A = this->there(blocks.A),
                                S = this->there(std::vector<T>(blocks.b.size(), T(1)));
                cholesky->bounds(A.get(), S.get());
                cholesky->factorize(A.get(), S.get(), A.get());
                for (int k = 0; const BlockFacts& facts : cholesky->facts()) {
                    const bool is_bad = k == 2 || k == 3;
                    EXPECT_EQ(facts.info > 0, is_bad) << k;
                    EXPECT_EQ(std::isfinite(facts.norm), !is_bad) << k;
                    ++k;
                }
                const Buffer<T> x = this->there(blocks.b);
                cholesky->solve(A.get(), x.get());
                const std::vector<T> found = this->here(x);
                for (const int k : {0, 1, 4, 5}) this->expect_solved(blocks, k, found, 0);
            }
}

TYPED_TEST(BlockCholeskyTest, WhatVectorsHaveInCommonIsTakenOffAndAdded) {
    using T = TypeParam;
    for (const int count : {1, 3, 10})
        for (const long n : {1L, 300L}) {
            SCOPED_TRACE(std::to_string(count) + " of " + std::to_string(n));
            Random random(9);
            std::vector<T> x(static_cast<std::size_t>(count * n));
            for (T& value : x) value = static_cast<T>(random.near_normal());
            const Buffer<T> z = this->there(x),
                            mean = this->vectors().allocate(static_cast<std::size_t>(n));
            this->vectors().take_off_mean(z.get(), count, mean.get(), n);
            std::vector<T> left = this->here(z);
            const std::vector<T> found = this->here(mean);
            const double bound = 8 * sum_tolerance<T>(count);  // entries are at most 6 and a bit
            for (long j = 0; j < n; ++j) {
                long double sum = 0;
                for (int k = 0; k < count; ++k) sum += x[k * n + j];
                EXPECT_NEAR(found[j], static_cast<double>(sum / count), bound);
                for (int k = 0; k < count; ++k)
                    EXPECT_NEAR(left[k * n + j], static_cast<double>(x[k * n + j] - sum / count),
                                bound);
            }
            this->vectors().add_to_each(z.get(), count, T(2), mean.get(), n);
            left = this->here(z);
            for (long j = 0; j < n; ++j)
                for (int k = 0; k < count; ++k)
                    EXPECT_NEAR(left[k * n + j], x[k * n + j] + double(found[j]), 2 * bound);
        }
}

}  // namespace
}  // namespace cunewton::test
