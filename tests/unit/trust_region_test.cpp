#include "cunewton/math/trust_region.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "cunewton/cpu/dispatch.h"
#include "tests/support/datasets.h"

namespace cunewton::test {
namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

/// (H + lambda) p = -g with a diagonal H.
struct Diagonal {
    std::vector<double> h, g;

    double size(double lambda) const {
        double square = 0;
        for (std::size_t i = 0; i < h.size(); ++i)
            square += g[i] / (h[i] + lambda) * (g[i] / (h[i] + lambda));
        return std::sqrt(square);
    }
    double next(double lambda, double radius) const {
        double square_w = 0;
        for (std::size_t i = 0; i < h.size(); ++i) {
            const double p = g[i] / (h[i] + lambda);
            square_w += p * p / (h[i] + lambda);
        }
        const double p = size(lambda);
        return secular_step(lambda, p / radius - 1, p * p, square_w);
    }
};

TEST(SecularStep, NeverPassesTheRootAndReachesItFromBelow) {
    Random random(1);
    for (int trial = 0; trial < 200; ++trial) {
        Diagonal problem;
        for (int i = 0; i < 5; ++i) {
            problem.h.push_back(10 * random.uniform() - 5);
            problem.g.push_back(2 * random.uniform() - 1);
        }
        const double least = *std::min_element(problem.h.begin(), problem.h.end());
        // lambda = -least + distance makes H + lambda positive definite.
        const double root = -least + std::exp(8 * random.uniform() - 4);
        const double radius = problem.size(root);
        const double tolerance = 1e-12 * (std::abs(root) + 10);
        for (const double part : {0.01, 0.3, 0.9, 1.1, 3.0, 100.0}) {
            const double lambda = -least + part * (root + least);
            const double next = problem.next(lambda, radius);
            EXPECT_LE(next, root + tolerance);
            if (part < 1) {
                EXPECT_GE(next, lambda);
            }
        }
        double lambda = -least + 0.01 * (root + least);
        for (int i = 0; i < 20; ++i) lambda = problem.next(lambda, radius);
        EXPECT_NEAR(lambda, root, tolerance);
    }
}

TEST(SecularStep, IsExactInOneDimension) {
    const Diagonal problem{{-3}, {2}};
    const double radius = 0.25, root = 2 / radius + 3;
    for (const double lambda : {3.125, 5.0, 11.0, 20.0, 1000.0})
        EXPECT_NEAR(problem.next(lambda, radius), root, 4 * eps * lambda / radius);
}

TEST(SecularStep, NeedsNoSquareInRange) {
    // |p| and w are 1e200 or 1e-200 and more; their ratio is sqrt(h + lambda).
    for (const double scale : {1e200, 1e-200}) {
        const double h = 4, lambda = 5, p = 2 * scale / (h + lambda), radius = 0.5 * p;
        const double ratio = p / (p / std::sqrt(h + lambda));
        EXPECT_NEAR(secular_step(lambda, (p - radius) / radius, ratio * ratio, 1.0),
                    2 * scale / radius - h, 1e-13);
    }
}

TEST(ToSphere, IsTheRootOfSmallerSize) {
    Random random(2);
    for (int trial = 0; trial < 1000; ++trial) {
        const double radius = std::exp(20 * random.uniform() - 10);
        const double p = radius * random.uniform();
        const double along = p * (2 * random.uniform() - 1);
        const double tau = to_sphere(along, radius * radius - p * p);
        EXPECT_NEAR(p * p + 2 * tau * along + tau * tau, radius * radius,
                    16 * eps * radius * radius);
        // The sum of both roots is -2 along.
        EXPECT_LE(std::abs(tau), std::abs(-2 * along - tau));
    }
}

TEST(ToSphere, OfTwoOfOneSizeIsThePositiveOne) {
    EXPECT_EQ(to_sphere(0.0, 9.0), 3.0);
    EXPECT_EQ(to_sphere(2.0, 0.0), 0.0);
}

TEST(ToSphere, DoesNotCancel) {
    // tau = room / 2 along (1 - room / 4 along^2 + ...)
    for (const double along : {1e8, -1e8})
        EXPECT_NEAR(to_sphere(along, 1e-8) / (0.5e-8 / along), 1, 4 * eps);
}

TEST(ToSphere, ScalesWithLengths) {
    const double tau = to_sphere(-0.3, 0.7);
    for (const int exponent : {-500, 500}) {
        const double unit = std::ldexp(1.0, exponent);
        EXPECT_EQ(to_sphere(-0.3 * unit, 0.7 * unit * unit), tau * unit);
    }
}

TEST(TrustRegionScalars, OfPacksAreThoseOfTheirLanes) {
    using Pack = cpu::BaselineLanes::Pack<double, 2>;
    std::vector<double> along(Pack::lanes), room(Pack::lanes), tau(Pack::lanes), next(Pack::lanes);
    for (int l = 0; l < Pack::lanes; ++l) {
        along[l] = l - 1.5;
        room[l] = 0.1 * l + 0.2;
    }
    cpu::run_in<cpu::BaselineLanes>([&]<class>() {
        const Pack a = Pack::load(along.data()), r = Pack::load(room.data());
        to_sphere(a, r).store(tau.data());
        secular_step(a, r, r, Pack(3.0)).store(next.data());
    });
    for (int l = 0; l < Pack::lanes; ++l) {
        EXPECT_DOUBLE_EQ(tau[l], to_sphere(along[l], room[l]));
        EXPECT_DOUBLE_EQ(next[l], secular_step(along[l], room[l], room[l], 3.0));
    }
}

}  // namespace
}  // namespace cunewton::test
