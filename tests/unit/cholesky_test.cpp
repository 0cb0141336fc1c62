// Vectors, numbers and dense matrices on the CPU, behind their interfaces.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cunewton/math/curvature_scale.h"
#include "host/cpu/dense_matrices.h"
#include "tests/support/datasets.h"
#include "tests/support/tolerances.h"

namespace cunewton::cpu {
namespace {

using test::Random;

std::size_t at(int i, int j, int n) {
    return static_cast<std::size_t>(j) * n + i;
}

/// A machine, and numbers for what it finds.
template <class T>
struct Machine {
    explicit Machine(int threads) : vectors(threads), matrices(vectors) {}
    CpuVectors<T> vectors;
    CpuDenseMatrices<T> matrices;
    Number info = vectors.number(), least_pivot = vectors.number(), norm = vectors.number(),
           low = vectors.number();
    double read(Scalar number) { return vectors.read(number); }
};

template <class T>
class CholeskyTest : public ::testing::Test {
  protected:
    static constexpr T nan = std::numeric_limits<T>::quiet_NaN();

    static std::vector<T> random_vector(int n, std::uint64_t seed) {
        Random random(seed);
        std::vector<T> v(n);
        for (T& value : v) value = static_cast<T>(2 * random.uniform() - 1);
        return v;
    }

    /// Symmetric, entries of size 1, made definite by its diagonal; the upper triangle is NaN,
    /// which nothing may read.
    static std::vector<T> definite(int n, std::uint64_t seed) {
        std::vector<T> A = random_vector(n * n, seed);
        for (int j = 0; j < n; ++j) {
            A[at(j, j, n)] = static_cast<T>(n + 1);
            for (int i = 0; i < j; ++i) A[at(i, j, n)] = nan;
        }
        return A;
    }

    static long double symmetric(const std::vector<T>& A, int i, int j, int n) {
        return i >= j ? A[at(i, j, n)] : A[at(j, i, n)];
    }

    static std::vector<T> ones(int n) { return std::vector<T>(n, T(1)); }

    /// Powers of two, which change no digits.
    static std::vector<T> scales(int n) {
        std::vector<T> S(n);
        for (int j = 0; j < n; ++j) S[j] = std::ldexp(T(1), (j * 7) % 11 - 5);
        return S;
    }

    /// S A S
    static std::vector<T> scaled(std::vector<T> A, const std::vector<T>& S, int n) {
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i) A[at(i, j, n)] *= S[i] * S[j];
        return A;
    }

    static std::vector<T> factorize(Machine<T>& machine, const std::vector<T>& A, T shift, int n) {
        return factorize(machine, A, shift, ones(n), n);
    }
    static std::vector<T> factorize(Machine<T>& machine, const std::vector<T>& A, T shift,
                                    const std::vector<T>& S, int n) {
        std::vector<T> L(A.size(), nan);
        const std::vector<T> before = A;
        machine.matrices.factorize(A.data(), shift, S.data(), L.data(), n, machine.info,
                                   machine.least_pivot);
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i) {
                const T a = A[at(i, j, n)], b = before[at(i, j, n)];
                EXPECT_TRUE(a == b || (std::isnan(a) && std::isnan(b))) << "A is not kept";
            }
        return L;
    }
};
using Reals = ::testing::Types<double, float>;
TYPED_TEST_SUITE(CholeskyTest, Reals);

const std::vector<int> sizes{1, 2, 95, 96, 97, 200};

TYPED_TEST(CholeskyTest, FactorsMultiplyToTheShiftedMatrix) {
    using T = TypeParam;
    for (const int n : sizes)
        for (const T shift : {T(0), T(3.5)}) {
            SCOPED_TRACE(n);
            Machine<T> machine(2);
            const std::vector<T> A = this->definite(n, 7 + n);
            const std::vector<T> L = this->factorize(machine, A, shift, n);
            ASSERT_EQ(machine.read(machine.info), 0);
            // Higham 2002, theorem 10.3: |L L' - A| <= gamma_{n+1} |L| |L'|, whose rows are bounded
            // by those of the diagonal.
            const double bound = test::sum_tolerance<T>(n + 1) * (n + 1 + shift);
            for (int j = 0; j < n; ++j)
                for (int i = j; i < n; ++i) {
                    long double sum = 0;
                    for (int k = 0; k <= j; ++k)
                        sum += static_cast<long double>(L[at(i, k, n)]) * L[at(j, k, n)];
                    const long double a =
                        A[at(i, j, n)] + (i == j ? static_cast<long double>(shift) : 0);
                    ASSERT_LE(std::abs(sum - a), bound) << i << ", " << j;
                }
        }
}

TYPED_TEST(CholeskyTest, UnitsChangeNoDigitsOfTheFactor) {
    using T = TypeParam;
    for (const int n : sizes)
        for (const T shift : {T(0), T(3.5)}) {
            SCOPED_TRACE(n);
            Machine<T> machine(2);
            const std::vector<T> A = this->definite(n, 7 + n), S = this->scales(n);
            const std::vector<T> L = this->factorize(machine, A, shift, n);
            const double least = machine.read(machine.least_pivot);
            const std::vector<T> other =
                this->factorize(machine, this->scaled(A, S, n), shift, S, n);
            ASSERT_EQ(machine.read(machine.info), 0);
            EXPECT_EQ(machine.read(machine.least_pivot), least);
            for (int j = 0; j < n; ++j)
                for (int i = j; i < n; ++i)
                    ASSERT_EQ(other[at(i, j, n)], S[i] * L[at(i, j, n)]) << i << ", " << j;
        }
}

TYPED_TEST(CholeskyTest, TheLeastPivotTellsHowNearAColumnIsToDependingOnOthers) {
    using T = TypeParam;
    Machine<T> machine(1);
    for (const int n : {2, 97}) {
        SCOPED_TRACE(n);
        std::vector<T> A(n * n, T(0));
        for (int j = 0; j < n; ++j) A[at(j, j, n)] = T(4);
        this->factorize(machine, A, T(0), n);
        EXPECT_EQ(machine.read(machine.least_pivot), 1);
        // (4 2; 2 4) leaves 3 of 4.
        A[at(n - 1, 0, n)] = T(2);
        this->factorize(machine, A, T(0), n);
        EXPECT_NEAR(machine.read(machine.least_pivot), 0.75, 4 * test::epsilon<T>);
        // Parallel columns: what is left is rounding, or nothing.
        A[at(n - 1, 0, n)] = T(4) * (1 - std::numeric_limits<T>::epsilon());
        this->factorize(machine, A, T(0), n);
        ASSERT_EQ(machine.read(machine.info), 0);
        EXPECT_LE(machine.read(machine.least_pivot), 8 * test::epsilon<T>);
        // A shift is a part of the entry: 8 - 16 / 8 of 8.
        A[at(n - 1, 0, n)] = T(4);
        this->factorize(machine, A, T(4), n);
        EXPECT_NEAR(machine.read(machine.least_pivot), 0.75, 4 * test::epsilon<T>);
    }
}

TYPED_TEST(CholeskyTest, SolvesWithTheFactor) {
    using T = TypeParam;
    for (const int n : sizes) {
        SCOPED_TRACE(n);
        Machine<T> machine(2);
        const std::vector<T> A = this->definite(n, 70 + n), b = this->random_vector(n, n);
        const std::vector<T> L = this->factorize(machine, A, T(0), n);
        std::vector<T> x = b, y = b;
        machine.matrices.solve(L.data(), x.data(), n);
        machine.matrices.solve_lower(L.data(), y.data(), n);
        // Diagonally dominant: condition below 4 or so, and |x| <= |b| / 1.
        const double bound = 4 * test::sum_tolerance<T>(3 * n) * (n + 1);
        for (int i = 0; i < n; ++i) {
            long double ax = 0, ly = 0;
            for (int j = 0; j < n; ++j) ax += this->symmetric(A, i, j, n) * x[j];
            for (int j = 0; j <= i; ++j) ly += static_cast<long double>(L[at(i, j, n)]) * y[j];
            EXPECT_LE(std::abs(ax - b[i]), bound) << i;
            EXPECT_LE(std::abs(ly - b[i]), bound) << i;
        }
    }
}

TYPED_TEST(CholeskyTest, ReportsTheFirstMinorThatIsNotPositive) {
    using T = TypeParam;
    for (const int n : sizes)
        for (const int bad : {0, 1, 94, 95, 96, 97, n - 1}) {
            if (bad >= n) continue;
            Machine<T> machine(2);
            std::vector<T> A = this->definite(n, n);
            A[at(bad, bad, n)] = T(-1);
            this->factorize(machine, A, T(0), n);
            EXPECT_EQ(machine.read(machine.info), bad + 1) << "n = " << n;
            // A shift mends it, and the next outcome does not remember the last one.
            this->factorize(machine, A, T(n + 2), n);
            EXPECT_EQ(machine.read(machine.info), 0) << "n = " << n;
        }
}

TYPED_TEST(CholeskyTest, ZeroAndSemidefiniteMatricesAreNotFactorised) {
    using T = TypeParam;
    Machine<T> machine(1);
    const int n = 97;
    this->factorize(machine, std::vector<T>(n * n, T(0)), T(0), n);
    EXPECT_EQ(machine.read(machine.info), 1);
    // Ones everywhere: rank one, exact in every step.
    this->factorize(machine, std::vector<T>(n * n, T(1)), T(0), n);
    EXPECT_EQ(machine.read(machine.info), 2);
}

TYPED_TEST(CholeskyTest, NumbersThatAreNotFiniteAreNotFactorised) {
    using T = TypeParam;
    for (const int n : {1, 96, 200})
        for (const T bad :
             {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()})
            for (const int row : {0, n / 2, n - 1})
                for (const int column : {0, row}) {
                    Machine<T> machine(2);
                    std::vector<T> A = this->definite(n, n);
                    A[at(row, column, n)] = bad;
                    this->factorize(machine, A, T(0), n);
                    EXPECT_GT(machine.read(machine.info), 0)
                        << bad << " at " << row << ", " << column << " of " << n;
                }
}

TYPED_TEST(CholeskyTest, BitsDoNotDependOnTheNumberOfThreads) {
    using T = TypeParam;
    const int n = 200;
    const std::vector<T> A = this->definite(n, 3);
    std::vector<std::vector<T>> factors;
    for (const int threads : {1, 2, 3}) {
        Machine<T> machine(threads);
        factors.push_back(this->factorize(machine, A, T(0), n));
    }
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n; ++i)
            for (const std::vector<T>& other : factors)
                ASSERT_EQ(factors[0][at(i, j, n)], other[at(i, j, n)]) << i << ", " << j;
}

TYPED_TEST(CholeskyTest, BlocksHaveTheBitsOfEachAloneForAnyNumberOfThreads) {
    using T = TypeParam;
    // Small ones enough for several threads, and a few that all threads work on.
    std::vector<int> orders{120, 1};
    orders.insert(orders.end(), 14, 90);
    orders.push_back(97);
    std::vector<T> A, b, alone, solved;
    Machine<T> one(1);
    for (const int n : orders) {
        const std::vector<T> block = this->definite(n, 11 + A.size());
        const std::vector<T> factor = this->factorize(one, block, T(0), n);
        std::vector<T> x = this->random_vector(n, n);
        b.insert(b.end(), x.begin(), x.end());
        one.matrices.solve(factor.data(), x.data(), n);
        A.insert(A.end(), block.begin(), block.end());
        alone.insert(alone.end(), factor.begin(), factor.end());
        solved.insert(solved.end(), x.begin(), x.end());
    }
    for (const int threads : {1, 2, 3})
        for (const bool in_place : {false, true}) {
            SCOPED_TRACE(threads);
            Machine<T> machine(threads);
            const auto cholesky = machine.matrices.blocks(orders);
            std::vector<T> from = A, to(in_place ? 0 : A.size()), x = b;
            T* const L = in_place ? from.data() : to.data();
            cholesky->factorize(from.data(), nullptr, L);
            for (const BlockFacts& facts : cholesky->facts()) EXPECT_EQ(facts.info, 0);
            cholesky->solve(L, x.data());
            EXPECT_EQ(x, solved);
            for (std::size_t i = 0; i < A.size(); ++i)
                if (!std::isnan(alone[i])) {
                    ASSERT_EQ(L[i], alone[i]) << i;
                }
        }
}

TYPED_TEST(CholeskyTest, VectorOperations) {
    using T = TypeParam;
    Machine<T> machine(2);
    for (const int n : {1, 7, 200}) {
        const std::vector<T> A = this->definite(n, 5), x = this->random_vector(n, 1),
                             p = this->random_vector(n, 2);
        std::vector<T> y(n);
        machine.vectors.scale(y.data(), T(-2), x.data(), n);
        for (int i = 0; i < n; ++i) EXPECT_EQ(y[i], T(-2) * x[i]);
        machine.vectors.add_scaled(y.data(), x.data(), T(0.5), p.data(), n);
        for (int i = 0; i < n; ++i) EXPECT_NEAR(y[i], x[i] + T(0.5) * p[i], test::epsilon<T>);
        machine.vectors.copy(y.data(), x.data(), n);
        EXPECT_EQ(y, x);
        long double product = 0;
        for (int i = 0; i < n; ++i) product += static_cast<long double>(x[i]) * p[i];
        machine.vectors.dot(x.data(), p.data(), n, machine.norm);
        // Summed in double whatever T is.
        EXPECT_NEAR(machine.read(machine.norm), product, test::sum_tolerance<double>(n) * n);

        machine.matrices.symv(A.data(), x.data(), y.data(), n);
        for (int i = 0; i < n; ++i) {
            long double sum = 0;
            for (int j = 0; j < n; ++j) sum += this->symmetric(A, i, j, n) * x[j];
            EXPECT_LE(std::abs(y[i] - sum), test::sum_tolerance<T>(n) * 2 * (n + 1));
        }
        std::vector<T> B = A;
        machine.matrices.rank_two_update(B.data(), T(-0.5), x.data(), p.data(), T(2), n);
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i) {
                const long double exact = A[at(i, j, n)] +
                                          -0.5L * (static_cast<long double>(x[i]) * p[j] +
                                                   static_cast<long double>(p[i]) * x[j]) +
                                          2 * static_cast<long double>(x[i]) * x[j];
                EXPECT_LE(std::abs(B[at(i, j, n)] - exact), test::sum_tolerance<T>(4) * (n + 5));
            }
        machine.matrices.set_identity(B.data(), n, T(2.5), nullptr);
        for (int j = 0; j < n; ++j)
            for (int i = j; i < n; ++i) EXPECT_EQ(B[at(i, j, n)], i == j ? T(2.5) : T(0));
    }
}

TYPED_TEST(CholeskyTest, ScaledVectorOperations) {
    using T = TypeParam;
    Machine<T> machine(2);
    for (const int n : {1, 7, 200}) {
        const std::vector<T> S = this->scales(n), x = this->random_vector(n, 1);
        std::vector<T> y(n), z(n), B(n * n, this->nan);
        machine.vectors.unscale(y.data(), S.data(), x.data(), n);
        machine.vectors.scale_twice(z.data(), S.data(), x.data(), n);
        machine.matrices.set_identity(B.data(), n, T(2.5), S.data());
        double size = 0, inverse = 0;
        for (int j = 0; j < n; ++j) {
            EXPECT_EQ(y[j], x[j] / S[j]);
            EXPECT_EQ(z[j], S[j] * S[j] * x[j]);
            for (int i = j; i < n; ++i)
                EXPECT_EQ(B[at(i, j, n)], i == j ? T(2.5) / (S[j] * S[j]) : T(0));
            size += std::pow(static_cast<double>(S[j]) * x[j], 2);
            inverse += std::pow(static_cast<double>(x[j]) / S[j], 2);
        }
        machine.vectors.norms(
            {{x.data(), machine.norm, S.data()}, {x.data(), machine.low, S.data(), true}}, n);
        const double tolerance = test::sum_tolerance<double>(n);
        EXPECT_NEAR(machine.read(machine.norm), std::sqrt(size), tolerance * std::sqrt(size));
        EXPECT_NEAR(machine.read(machine.low), std::sqrt(inverse), tolerance * std::sqrt(inverse));
    }
}

TYPED_TEST(CholeskyTest, CommonShiftsBecomeDeterminedAndNothingElseChanges) {
    using T = TypeParam;
    Machine<T> machine(2);
    const int outputs = 3, block = 4, n = outputs * block;
    const std::vector<T> A = this->definite(n, 6);
    std::vector<T> B = A;
    machine.matrices.determine_common_shifts(B.data(), outputs, n);
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n; ++i) {
            // B - A is a multiple of the projection onto the common change of place j % block.
            T mean(0);
            for (int k = 0; k < outputs; ++k) {
                const int place = k * block + j % block;
                mean += A[at(place, place, n)] / T(outputs);
            }
            const T expected = i % block == j % block ? A[at(i, j, n)] + mean : A[at(i, j, n)];
            EXPECT_NEAR(B[at(i, j, n)], expected, test::sum_tolerance<T>(outputs) * (n + 1))
                << i << ", " << j;
        }
}

TYPED_TEST(CholeskyTest, ScalesFollowTheCurvature) {
    using T = TypeParam;
    Machine<T> machine(1);
    const int n = 5;
    std::vector<T> A(n * n, T(0)), g{0, 0, 0, 8, 0}, largest(n, T(0)), S(n, this->nan);
    A[at(0, 0, n)] = T(1 << 12);
    A[at(1, 1, n)] = T(-1) / (1 << 12);
    A[at(2, 2, n)] = this->nan;
    const double f = 0.25;
    machine.matrices.raise_scales(A.data(), g.data(), f, binary_parity(f), largest.data(), S.data(),
                                  n);
    const std::vector<T> expected{64, T(1) / 64, 1, 16, 1};
    for (int j = 0; j < n; ++j) {
        // The nearest power of two below or above.
        EXPECT_GE(S[j], expected[j] / 2) << j;
        EXPECT_LE(S[j], expected[j] * 2) << j;
        int exponent = 0;
        EXPECT_EQ(std::frexp(S[j], &exponent), T(0.5)) << j;
    }
    // A slope is no curvature, and what is flat stays free.
    EXPECT_EQ(largest, (std::vector<T>{S[0], S[1], 0, 0, 0}));
    // Scales do not fall.
    const std::vector<T> before = S;
    A[at(0, 0, n)] = T(1);
    A[at(1, 1, n)] = T(1);
    machine.matrices.raise_scales(A.data(), g.data(), f, binary_parity(f), largest.data(), S.data(),
                                  n);
    EXPECT_EQ(S[0], before[0]);
    EXPECT_GT(S[1], before[1]);
}

TYPED_TEST(CholeskyTest, MatrixBounds) {
    using T = TypeParam;
    Machine<T> machine(2);
    for (const int n : {1, 7, 97}) {
        std::vector<T> A = this->definite(n, 9);
        A[at(n / 2, n / 2, n)] = T(-0.25);
        long double norm = 0;
        T low = A[0];
        for (int i = 0; i < n; ++i) {
            long double sum = 0;
            for (int j = 0; j < n; ++j) sum += std::abs(this->symmetric(A, i, j, n));
            norm = std::max(norm, sum);
            low = std::min(low, A[at(i, i, n)]);
        }
        const std::vector<T> one = this->ones(n), S = this->scales(n);
        machine.matrices.bounds(A.data(), one.data(), n, machine.norm, machine.low);
        EXPECT_NEAR(machine.read(machine.norm), norm, test::sum_tolerance<double>(n) * norm);
        EXPECT_EQ(machine.read(machine.low), low);
        const double unscaled = machine.read(machine.norm);
        machine.matrices.bounds(this->scaled(A, S, n).data(), S.data(), n, machine.norm,
                                machine.low);
        EXPECT_EQ(machine.read(machine.norm), unscaled);
        EXPECT_EQ(machine.read(machine.low), low);
        A[at(n - 1, 0, n)] = this->nan;
        machine.matrices.bounds(A.data(), one.data(), n, machine.norm, machine.low);
        EXPECT_FALSE(std::isfinite(machine.read(machine.norm)));
    }
}

TYPED_TEST(CholeskyTest, BuffersAreOwnedAndAligned) {
    using T = TypeParam;
    Machine<T> machine(1);
    Buffer<T> buffer = machine.vectors.allocate(5);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer.size(), 5u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 64, 0u);
    T* const memory = buffer.get();
    const Buffer<T> moved = std::move(buffer);
    EXPECT_EQ(moved.get(), memory);
    EXPECT_FALSE(Buffer<T>());
    EXPECT_STREQ(machine.vectors.name(), "cpu");
    EXPECT_TRUE(machine.vectors.scalars_are_local());
    EXPECT_THROW(machine.vectors.allocate(std::size_t{1} << 55), OutOfMemory);
}

}  // namespace
}  // namespace cunewton::cpu
