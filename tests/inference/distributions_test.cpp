// Distribution functions against values of 40 digits by mpmath 1.3 (betainc, gammainc, erfc, and
// the power series of 2F1).
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "cunewton/distributions.h"

namespace cunewton::test {
namespace {

constexpr double accuracy = 1e-12;

void expect_same(double found, double expected) {
    EXPECT_NEAR(found, expected, accuracy * std::abs(expected));
}

TEST(Distributions, NormalTailsHaveAllTheirDigits) {
    const double values[][3] = {
        {-8.0, 6.2209605742717841235e-16, 0.9999999999999993779},
        {-1.0, 0.15865525393145705141, 0.84134474606854294859},
        {0.3, 0.61791142218895263731, 0.38208857781104736269},
        {1.96, 0.97500210485177956586, 0.024997895148220434137},
        {6.0, 0.99999999901341235496, 9.865876450376981407e-10},
        {20.0, 1.0, 2.7536241186062336951e-89},
    };
    for (const auto& [z, below, above] : values) {
        expect_same(normal_cdf(z), below);
        expect_same(normal_upper(z), above);
        expect_same(normal_two_sided(z), 2 * std::fmin(below, above));
    }
    expect_same(normal_quantile(0.975), 1.9599639845400542355);
    EXPECT_NEAR(normal_quantile(0.5), 0, 1e-15);
    EXPECT_EQ(normal_quantile(0), -std::numeric_limits<double>::infinity());
}

TEST(Distributions, StudentTailsHaveAllTheirDigits) {
    const double values[][3] = {
        {1.0, 0.5, 0.70483276469913345165},
        {2.0, 3.0, 0.09546596626670913206},
        {5.0, 2.5, 0.054490099342376241116},
        {30.0, 1.96, 0.059342312896050471972},
        {437.0, 4.2, 0.00003236590973093913341},
        {20180.0, 2.0, 0.045513641556698505918},
        {1000000.0, 30.0, 1.2020094233663437883e-197},
        {3.0, 0.001, 0.99926489496946093801},
        {7.0, 200.0, 2.0621905991936545739e-14},
    };
    for (const auto& [freedom, t, p] : values) {
        expect_same(student_two_sided(t, freedom), p);
        expect_same(student_two_sided(-t, freedom), p);
        expect_same(student_cdf(-t, freedom), p / 2);
        expect_same(student_two_sided_quantile(p, freedom), t);
    }
    // The first one is Cauchy's.
    expect_same(student_quantile(0.9, 1), std::tan(M_PI * 0.4));
    expect_same(student_two_sided(1.96, std::numeric_limits<double>::infinity()),
                normal_two_sided(1.96));
    EXPECT_TRUE(std::isnan(student_two_sided(1, 0)));
}

TEST(Distributions, ChiSquareTailsHaveAllTheirDigits) {
    const double values[][4] = {
        {1.0, 3.84, 0.050043521248705098948, 0.94995647875129490105},
        {2.0, 0.1, 0.95122942450071400909, 0.048770575499285990909},
        {3.0, 50.0, 7.9891792449514711391e-11, 0.99999999992010820755},
        {10.0, 9.0, 0.53210357637471547756, 0.46789642362528452244},
        {100.0, 130.0, 0.02351239780980867575, 0.97648760219019132425},
        {1000.0, 900.0, 0.98928276190871025844, 0.010717238091289741557},
        {20180.0, 20500.0, 0.056163531429159115858, 0.94383646857084088414},
        {0.5, 0.01, 0.70691910527898041576, 0.29308089472101958424},
    };
    for (const auto& [freedom, x, above, below] : values) {
        expect_same(chi_square_upper(x, freedom), above);
        expect_same(chi_square_cdf(x, freedom), below);
        if (below < 0.99) expect_same(chi_square_quantile(below, freedom), x);
    }
    expect_same(chi_square_quantile(0.95, 1), 3.8414588206941236426);
    EXPECT_EQ(chi_square_quantile(0, 3), 0);
    EXPECT_TRUE(std::isnan(chi_square_upper(1, -1)));
}

TEST(Distributions, IncompleteBetaHasAllItsDigits) {
    const double values[][4] = {
        {2.5, 0.5, 0.3, 0.018927124071945653504},
        {100, 3, 0.95, 0.11026985672872122462},
        {0.5, 0.5, 0.999, 0.97986495836662250903},
        {1000, 2000, 0.34, 0.78121509116064189302},
    };
    for (const auto& [a, b, x, value] : values) {
        expect_same(incomplete_beta(a, b, x), value);
        expect_same(incomplete_beta(b, a, 1 - x), 1 - value);
    }
    EXPECT_EQ(incomplete_beta(2, 3, 0), 0);
    EXPECT_EQ(incomplete_beta(2, 3, 1), 1);
}

}  // namespace
}  // namespace cunewton::test
