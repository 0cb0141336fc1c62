// What losses say of their distributions: each member follows from the loss itself, and densities
// have a sum of 1.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/functor/statistics.h"

namespace cunewton::test {
namespace {

template <class Loss>
double loss_at(const Loss& loss, double z, double y) {
    return loss(VectorView<const double>{&z, 1}, y);
}

/// The mean that a z of the loss's has is `y` at z = link.
template <class Loss>
void expect_consistent(const Loss& loss, const std::vector<double>& targets,
                       const std::vector<double>& predictors, bool has_dispersion) {
    const LossStatistics s = statistics_of(loss);
    EXPECT_EQ(s.has_dispersion, has_dispersion);
    ASSERT_TRUE(s.deviance && s.log_density && s.mean && s.mean_slope && s.variance);
    for (const double y : targets) {
        for (std::size_t i = 0; i + 1 < predictors.size(); ++i) {
            const double a = predictors[i], b = predictors[i + 1];
            const double losses = (loss_at(loss, a, y) - loss_at(loss, b, y)) / s.likelihood_factor;
            const double size =
                1e-12 * (std::abs(loss_at(loss, a, y)) + std::abs(loss_at(loss, b, y)) +
                         s.deviance(&a, y) + s.deviance(&b, y) + 1);
            EXPECT_GE(s.deviance(&a, y), 0) << "y = " << y << ", z = " << a;
            EXPECT_NEAR((s.deviance(&a, y) - s.deviance(&b, y)) / 2, losses, size)
                << "y = " << y << ", z = " << a;
            const double weight = 3, dispersion = has_dispersion ? 0.5 : 1;
            EXPECT_NEAR(
                s.log_density(&b, y, weight, dispersion) - s.log_density(&a, y, weight, dispersion),
                losses * weight / dispersion, size * 10 * weight / dispersion)
                << "y = " << y << ", z = " << a;
        }
    }
    for (const double z : predictors) {
        const double h = 1e-5;
        EXPECT_NEAR((s.mean(z + h) - s.mean(z - h)) / (2 * h), s.mean_slope(z),
                    1e-8 * (1 + std::abs(s.mean(z))))
            << "z = " << z;
        // The expected curvature of the log likelihood is slope^2 / variance, at y = mean too.
        EXPECT_GE(s.variance(s.mean(z)), 0);
    }
}

/// The sum of the density over the targets, times their distance, and their mean and variance.
template <class Loss>
void expect_density(const Loss& loss, double z, double dispersion,
                    const std::vector<double>& targets, double distance) {
    const LossStatistics s = statistics_of(loss);
    double sum = 0, mean = 0, square = 0;
    for (const double y : targets) {
        const double p = std::exp(s.log_density(&z, y, 1, dispersion)) * distance;
        sum += p;
        mean += p * y;
        square += p * y * y;
    }
    EXPECT_NEAR(sum, 1, 1e-9);
    EXPECT_NEAR(mean, s.mean(z), 1e-8 * (1 + std::abs(s.mean(z))));
    EXPECT_NEAR(square - mean * mean, dispersion * s.variance(s.mean(z)),
                1e-7 * (1 + dispersion * s.variance(s.mean(z))));
}

std::vector<double> grid(double from, double to, double distance) {
    std::vector<double> points;
    for (long i = 0; from + static_cast<double>(i) * distance <= to; ++i)
        points.push_back(from + static_cast<double>(i) * distance);
    return points;
}

TEST(LossStatistics, OfLinearRegressionAreNormal) {
    expect_consistent(LinearRegression{}, {-2, 0, 3.5}, {-5, -1, 0, 0.3, 7}, true);
    expect_density(LinearRegression{}, 0.7, 2.5, grid(-30, 30, 0.01), 0.01);
}
TEST(LossStatistics, OfLogisticRegressionAreBernoulli) {
    expect_consistent(Logistic{}, {0, 1}, {-30, -1, 0, 0.3, 7, 40}, false);
    expect_density(Logistic{}, 0.7, 1, {0, 1}, 1);
}
TEST(LossStatistics, OfPoissonRegression) {
    expect_consistent(Poisson{}, {0, 1, 2, 40}, {-5, -1, 0, 0.3, 4}, false);
    expect_density(Poisson{}, 1.3, 1, grid(0, 60, 1), 1);
    const double z = std::log(40.0);
    EXPECT_NEAR(statistics_of(Poisson{}).deviance(&z, 40), 0, 1e-12);
}
TEST(LossStatistics, OfSoftmaxAreCategorical) {
    const LossStatistics s = statistics_of(Softmax{3});
    const double z[] = {0.5, -1, 2};
    double sum = 0;
    for (int y = 0; y < 3; ++y) {
        sum += std::exp(s.log_density(z, y, 1, 1));
        EXPECT_NEAR(s.deviance(z, y), -2 * s.log_density(z, y, 1, 1), 1e-15);
    }
    EXPECT_NEAR(sum, 1, 1e-14);
    EXPECT_FALSE(s.mean || s.variance || s.has_dispersion);
}
TEST(LossStatistics, OfGammaRegression) {
    expect_consistent(Gamma{}, {0.01, 1, 40}, {-3, -1, 0, 0.3, 4}, true);
    expect_density(Gamma{}, 0.4, 0.25, grid(5e-4, 40, 1e-3), 1e-3);
}
TEST(LossStatistics, OfInverseGaussianRegression) {
    expect_consistent(InverseGaussian{}, {0.01, 1, 40}, {-3, -1, 0, 0.3, 4}, true);
    expect_density(InverseGaussian{}, 0.4, 0.2, grid(5e-4, 80, 1e-3), 1e-3);
}
TEST(LossStatistics, OfProbitRegressionAreBernoulli) {
    expect_consistent(Probit{}, {0, 1}, {-30, -1, 0, 0.3, 7, 36}, false);
    expect_density(Probit{}, 0.7, 1, {0, 1}, 1);
}
TEST(LossStatistics, OfComplementaryLogLogRegressionAreBernoulli) {
    expect_consistent(ComplementaryLogLog{}, {0, 1}, {-30, -1, 0, 0.3, 4}, false);
    expect_density(ComplementaryLogLog{}, -0.7, 1, {0, 1}, 1);
}
TEST(LossStatistics, OfNegativeBinomialRegression) {
    for (const double alpha : {1e-7, 0.02, 0.7}) {
        expect_consistent(NegativeBinomial{alpha}, {0, 1, 2, 40}, {-5, -1, 0, 0.3, 4}, false);
        expect_density(NegativeBinomial{alpha}, 0.8, 1, grid(0, 150, 1), 1);
    }
    const double z = std::log(40.0);
    EXPECT_NEAR(statistics_of(NegativeBinomial{0.7}).deviance(&z, 40), 0, 1e-12);
}
TEST(LossStatistics, OfHuberRegressionAreMeansAlone) {
    const LossStatistics s = statistics_of(Huber{});
    EXPECT_FALSE(s.deviance || s.log_density || s.variance);
    EXPECT_EQ(s.mean(1.5), 1.5);
    EXPECT_EQ(s.mean_slope(1.5), 1);
}

}  // namespace
}  // namespace cunewton::test
