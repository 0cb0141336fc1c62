// Covariances, standard errors, condition numbers and undetermined parameters, from matrices whose
// spectrum is known.
#include "cunewton/small/hessian_statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace cunewton::batch {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

struct Outcome {
    std::vector<double> covariance, errors;
    double condition = 0;
    std::uint64_t undetermined = 0;
};

Outcome statistics_of(const std::vector<double>& packed, int n, double scale = 1,
                      std::uint64_t at_bound = 0) {
    Outcome out{std::vector<double>(static_cast<std::size_t>(n * n), -7),
                std::vector<double>(static_cast<std::size_t>(n), -7)};
    std::vector<double> work(static_cast<std::size_t>(statistics_workspace(n)),
                             std::numeric_limits<double>::quiet_NaN());
    hessian_statistics(packed.data(), n, scale, epsilon, at_bound,
                       StatisticsOut<double>{out.covariance.data(), out.errors.data(),
                                             &out.condition, &out.undetermined},
                       work.data());
    return out;
}

/// Q diag(spectrum) Q' with a random orthogonal Q: a product of reflections.
std::vector<double> matrix_with(const std::vector<double>& spectrum, std::mt19937_64& random) {
    const int n = static_cast<int>(spectrum.size());
    std::normal_distribution<double> normal;
    std::vector<double> a(static_cast<std::size_t>(n * n), 0.0);
    for (int j = 0; j < n; ++j) a[j * n + j] = spectrum[j];
    for (int reflection = 0; reflection < 3; ++reflection) {
        std::vector<double> v(static_cast<std::size_t>(n));
        double square = 0;
        for (double& x : v) {
            x = normal(random);
            square += x * x;
        }
        const auto reflect = [&](int stride, int other) {
            for (int k = 0; k < n; ++k) {
                double along = 0;
                for (int i = 0; i < n; ++i) along += v[i] * a[i * stride + k * other];
                for (int i = 0; i < n; ++i) a[i * stride + k * other] -= 2 * along / square * v[i];
            }
        };
        reflect(1, n);
        reflect(n, 1);
    }
    std::vector<double> packed(static_cast<std::size_t>(packed_size(n)));
    for (int j = 0; j < n; ++j)
        for (int i = j; i < n; ++i)
            packed[packed_index(i, j, n)] = 0.5 * (a[j * n + i] + a[i * n + j]);
    return packed;
}

double entry(const std::vector<double>& packed, int n, int i, int j) {
    return packed[packed_index(std::max(i, j), std::min(i, j), n)];
}

TEST(HessianStatistics, OfDefiniteMatricesOfEverySize) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> unit(0, 1);
    for (int n = 1; n <= batch_max_parameters; n += n < 12 ? 1 : 13) {
        std::vector<double> spectrum;
        for (int j = 0; j < n; ++j) spectrum.push_back(std::exp2(10 * unit(random)));
        const std::vector<double> h = matrix_with(spectrum, random);
        const double scale = 3;
        const Outcome out = statistics_of(h, n, scale);
        const double largest = *std::max_element(spectrum.begin(), spectrum.end());
        const double least = *std::min_element(spectrum.begin(), spectrum.end());
        const double condition = largest / least;
        EXPECT_NEAR(out.condition, condition, 100 * n * epsilon * condition * condition) << n;
        EXPECT_EQ(out.undetermined, 0u);
        for (int i = 0; i < n; ++i) {
            for (int j = 0; j < n; ++j) {
                double product = 0;
                for (int k = 0; k < n; ++k)
                    product += entry(h, n, i, k) * out.covariance[k * n + j];
                EXPECT_NEAR(product, i == j ? scale : 0, 100 * n * epsilon * condition) << n;
                EXPECT_EQ(out.covariance[i * n + j], out.covariance[j * n + i]);
            }
            EXPECT_NEAR(out.errors[i], std::sqrt(out.covariance[i * n + i]),
                        4 * epsilon * out.errors[i]);
        }
    }
}

TEST(HessianStatistics, ConditionOfIndefiniteMatrices) {
    std::mt19937_64 random(2);
    for (const std::vector<double>& spectrum : {std::vector<double>{-3, 1, 2},
                                                {-1, -2, -8},
                                                {4, -0.5, 1, 7, -2},
                                                {1, -1},
                                                {-5},
                                                {1e-3, 1, 2, 3, 4, 5, -6, 7, 8, -9}}) {
        double least = 1e300, most = 0;
        for (const double value : spectrum) {
            least = std::min(least, std::abs(value));
            most = std::max(most, std::abs(value));
        }
        const int n = static_cast<int>(spectrum.size());
        const Outcome out = statistics_of(matrix_with(spectrum, random), n);
        EXPECT_NEAR(out.condition, most / least, 1e4 * epsilon * (most / least) * (most / least));
        const bool definite = *std::min_element(spectrum.begin(), spectrum.end()) > 0;
        EXPECT_EQ(std::isnan(out.errors[0]), !definite);
    }
}

TEST(HessianStatistics, UnitsChangeResultsByTheirPowers) {
    std::mt19937_64 random(3);
    const std::vector<double> h = matrix_with({1, 3, 10, 40}, random);
    const double units[4]{0x1p-100, 1, 0x1p60, 0x1p-7};
    std::vector<double> scaled = h;
    for (int j = 0; j < 4; ++j)
        for (int i = j; i < 4; ++i) scaled[packed_index(i, j, 4)] *= units[i] * units[j];
    const Outcome a = statistics_of(h, 4), b = statistics_of(scaled, 4);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(b.errors[i] * units[i], a.errors[i]);
        for (int j = 0; j < 4; ++j)
            EXPECT_EQ(b.covariance[i * 4 + j] * units[i] * units[j], a.covariance[i * 4 + j]);
    }
    // Numbers near the ends of the range.
    for (const double unit : {0x1p-500, 0x1p500}) {
        std::vector<double> extreme = h;
        for (double& value : extreme) value *= unit;
        EXPECT_NEAR(statistics_of(extreme, 4).condition, 40, 1e-10);
    }
}

TEST(HessianStatistics, FixedAreKnownAndThoseAtABoundAreNot) {
    // (2 1 0; 1 2 0; 0 0 4) by the parameters 0, 2 and 4; 1 is fixed, 3 at a bound.
    const int n = 5;
    std::vector<double> h(15, 0.5);
    h[packed_index(0, 0, n)] = h[packed_index(2, 2, n)] = 2;
    h[packed_index(2, 0, n)] = 1;
    h[packed_index(4, 4, n)] = 4;
    h[packed_index(4, 0, n)] = h[packed_index(4, 2, n)] = 0;
    h[packed_index(1, 1, n)] = h[packed_index(3, 3, n)] = not_free<double>;
    const Outcome out = statistics_of(h, n, 1, std::uint64_t{1} << 3);
    EXPECT_NEAR(out.errors[0], std::sqrt(2.0 / 3), 1e-15);
    EXPECT_EQ(out.errors[1], 0);
    EXPECT_NEAR(out.errors[2], std::sqrt(2.0 / 3), 1e-15);
    EXPECT_TRUE(std::isnan(out.errors[3]));
    EXPECT_EQ(out.errors[4], 0.5);
    EXPECT_NEAR(out.condition, 4, 1e-14);
    for (int i = 0; i < n; ++i)
        for (int j = 0; j < n; ++j) {
            const double value = out.covariance[i * n + j];
            if (i == 3 || j == 3)
                EXPECT_TRUE(std::isnan(value));
            else if (i == 1 || j == 1)
                EXPECT_EQ(value, 0);
            else
                EXPECT_NEAR(value,
                            i == j       ? (i == 4 ? 0.25 : 2.0 / 3)
                            : i + j == 2 ? -1.0 / 3
                                         : 0,
                            1e-15);
        }
    // Nothing is free.
    std::vector<double> none(3, not_free<double>);
    const Outcome held = statistics_of(none, 2, 1, 1);
    EXPECT_TRUE(std::isnan(held.errors[0]));
    EXPECT_EQ(held.errors[1], 0);
    EXPECT_TRUE(std::isnan(held.condition));
}

TEST(HessianStatistics, UndeterminedAreThoseThatANullDirectionMoves) {
    const auto mask_of = [](const std::vector<std::vector<double>>& rows) {
        const int n = static_cast<int>(rows[0].size());
        std::vector<double> h(static_cast<std::size_t>(packed_size(n)), 0.0);
        for (const std::vector<double>& row : rows)
            for (int j = 0; j < n; ++j)
                for (int i = j; i < n; ++i) h[packed_index(i, j, n)] += row[i] * row[j];
        const Outcome out = statistics_of(h, n);
        EXPECT_EQ(out.undetermined != 0, std::isnan(out.errors[0]));
        return out.undetermined;
    };
    // Everything is determined.
    EXPECT_EQ(mask_of({{1, 2}, {3, 4}}), 0u);
    // Parameters 0 and 1 only as a product or a sum, in whatever units.
    EXPECT_EQ(mask_of({{1, 1, 0.5}, {2, 2, -3}, {5, 5, 1}}), 0b011u);
    EXPECT_EQ(mask_of({{0x1p-40, 1, 0.5}, {0x1p-39, 2, -3}, {5 * 0x1p-40, 5, 1}}), 0b011u);
    // 2 is idle; 0 and 3 depend on each other; 1 is determined.
    EXPECT_EQ(mask_of({{1, 1, 0, 3}, {2, -1, 0, 6}, {-1, 4, 0, -3}}), 0b1101u);
    // Fewer points than parameters: all of three take part.
    EXPECT_EQ(mask_of({{1, 2, 3}, {4, 5, 6.5}}), 0b111u);
    // One of the first 12, many determined ones beside it: a column that is the sum of two others.
    std::mt19937_64 random(4);
    std::normal_distribution<double> normal;
    std::vector<std::vector<double>> rows;
    for (int r = 0; r < 40; ++r) {
        std::vector<double> row(12);
        for (double& value : row) value = normal(random);
        row[7] = row[2] - 2 * row[9];
        rows.push_back(row);
    }
    EXPECT_EQ(mask_of(rows), (1u << 2) | (1u << 7) | (1u << 9));
    // No influence at all.
    EXPECT_EQ(mask_of({{0, 0}}), 0b11u);
}

TEST(HessianStatistics, OfNoNumbersThereIsNothingToSay) {
    std::vector<double> h(6, std::numeric_limits<double>::quiet_NaN());
    const Outcome out = statistics_of(h, 3);
    EXPECT_TRUE(std::isnan(out.condition));
    EXPECT_EQ(out.undetermined, 0u);
    for (const double value : out.covariance) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace cunewton::batch
