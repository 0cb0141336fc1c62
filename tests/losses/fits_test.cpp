// Minima of the losses on a small table against statsmodels, and derivatives of those that are no
// losses of predictors against differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/losses/table.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

class LossFits : public BackendTest {
  protected:
    static Options options() {
        Options options;
        options.backend = tested_choice();
        options.gradient_tolerance = 1e-11;
        return options;
    }
    static EvaluationOptions evaluation() {
        EvaluationOptions options;
        options.backend = tested_choice();
        return options;
    }
    static void expect_minimum(const Problem<double>& problem, const std::vector<double>& expected,
                               double tolerance = 1e-8, std::vector<double> start = {}) {
        start.resize(static_cast<std::size_t>(problem.dimension()));
        const Result<double> result = minimize(problem, start, options());
        EXPECT_TRUE(result.converged() || result.status == Status::precision_limit)
            << result.message;
        ASSERT_EQ(result.x.size(), expected.size());
        for (std::size_t j = 0; j < expected.size(); ++j)
            EXPECT_NEAR(result.x[j], expected[j], tolerance) << "parameter " << j;
    }
    template <class Loss>
    static void expect_fits(const Loss& loss, std::span<const double> targets,
                            const std::vector<double>& without, const std::vector<double>& with,
                            double tolerance = 1e-8) {
        const table::Table<double> data(targets);
        const ProblemOptions intercept{.intercept = true};
        expect_minimum(make_linear_predictor<double>(loss, data.samples(), intercept), without,
                       tolerance);
        expect_minimum(make_linear_predictor<double>(loss, data.with_offsets(), intercept), with,
                       tolerance);
    }
    /// Analytic derivatives against automatic ones, and these of float against those of double.
    static void expect_derivatives(const Problem<double>& problem, const std::vector<double>& x) {
        EvaluationOptions automatic = evaluation();
        automatic.derivatives.gradient = GradientBy::autodiff;
        automatic.derivatives.hessian = HessianBy::autodiff;
        const std::vector<double> g = gradient(problem, x, evaluation()),
                                  h = hessian(problem, x, evaluation()),
                                  ga = gradient(problem, x, automatic),
                                  ha = hessian(problem, x, automatic);
        for (std::size_t j = 0; j < g.size(); ++j)
            EXPECT_NEAR(g[j], ga[j], 1e-12 * (1 + std::abs(g[j]))) << j;
        for (std::size_t j = 0; j < h.size(); ++j)
            EXPECT_NEAR(h[j], ha[j], 1e-12 * (1 + std::abs(h[j]))) << j;
    }
};

TEST_F(LossFits, Gamma) {
    expect_fits(Gamma{}, table::positive,
                {0.42086235394396876, -0.38464968631078184, 0.6027414217210549},
                {0.5716964340364737, -0.33936779205947964, 0.6353400999518756});
}
TEST_F(LossFits, InverseGaussian) {
    expect_fits(InverseGaussian{}, table::positive,
                {0.3950678180414424, -0.41963012136386535, 0.5897313623770277},
                {0.6113961014197806, -0.4372637891105061, 0.7024098202539037}, 1e-7);
}
TEST_F(LossFits, Probit) {
    expect_fits(Probit{}, table::binary,
                {-0.015084377274668784, -0.5448035178763447, -0.270722065036226},
                {0.10047548755446768, -0.48917721289161464, -0.27784963441447724});
}
TEST_F(LossFits, ComplementaryLogLog) {
    expect_fits(ComplementaryLogLog{}, table::binary,
                {-0.02968374424314677, -0.5839365907999031, -0.6993993322661423},
                {0.08638796272923963, -0.5620667768304028, -0.7639603103252524});
}
TEST_F(LossFits, NegativeBinomial) {
    expect_fits(NegativeBinomial{0.7}, table::counts,
                {0.39615098148147154, -0.08303024707299203, 1.1148970732977823},
                {0.5409875702442462, -0.06815364037516569, 1.1266882238971037});
}
TEST_F(LossFits, Poisson) {
    expect_fits(Poisson{}, table::counts,
                {0.400195818813716, -0.05049952010132075, 1.1245421848157975},
                {0.4716555247024591, 0.022236043639415254, 1.086439449997758});
}

TEST_F(LossFits, NegativeBinomialWithItsAlpha) {
    const table::Table<double> data(table::counts);
    const Problem<double> problem =
        make_negative_binomial<double>(data.samples(), {.intercept = true});
    // statsmodels stops where its gradient is about 1e-6.
    expect_minimum(problem,
                   {0.3987641244680856, -0.07059997183237131, 1.1184517584896927,
                    std::log(0.26492510668663555)},
                   2e-5);
    expect_derivatives(problem, {0.3, -0.2, 0.5, -0.4});
    expect_derivatives(problem, {0.3, -0.2, 0.5, -6});  // by Stirling's series
    // The value is that of the loss with this alpha, but for what alpha alone determines.
    const std::vector<double> at{0.3, -0.2, 0.5}, other{0.1, 0.4, 0.2};
    const Problem<double> given = make_linear_predictor<double>(
        NegativeBinomial{std::exp(-0.4)}, data.samples(), {.intercept = true});
    EXPECT_NEAR(evaluate(problem, {0.3, -0.2, 0.5, -0.4}, evaluation()) -
                    evaluate(problem, {0.1, 0.4, 0.2, -0.4}, evaluation()),
                evaluate(given, at, evaluation()) - evaluate(given, other, evaluation()), 1e-12);
}
TEST_F(LossFits, NegativeBinomialRefusesAPenalty) {
    const table::Table<double> data(table::counts);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  make_negative_binomial<double>(data.samples(), {.l2 = 1});
              }).find("log alpha"),
              std::string::npos);
}

TEST_F(LossFits, OrdinalLogistic) {
    const table::Table<double> data(table::ordered);
    const Problem<double> problem = make_ordinal_logistic<double>(data.samples(), 4);
    expect_minimum(problem,
                   {0.6961698813227186, -0.17561246261590527, -0.040450498881016234,
                    -0.4823611425470808, -0.6517778876740156},
                   2e-5);
    expect_derivatives(problem, {0.3, -0.2, -0.5, 0.4, -1});
    const std::vector<double> thresholds =
        ordinal_thresholds(std::vector<double>{0.3, -0.2, -0.5, 0.0, -1}, 2);
    EXPECT_EQ(thresholds.size(), 3u);
    EXPECT_NEAR(thresholds[2], 0.5 + std::exp(-1.0), 1e-15);
}
TEST_F(LossFits, OrdinalLogisticOfTwoClassesIsLogistic) {
    const table::Table<double> data(table::binary);
    const Problem<double> ordinal = make_ordinal_logistic<double>(data.samples(), 2),
                          logistic = make_linear_predictor<double>(Logistic{}, data.samples(),
                                                                   {.intercept = true});
    EXPECT_NEAR(evaluate(ordinal, {0.3, -0.2, 0.7}, evaluation()),
                evaluate(logistic, {0.3, -0.2, -0.7}, evaluation()), 1e-14);
}
TEST_F(LossFits, OrdinalLogisticIsFiniteFarOut) {
    const table::Table<double> data(table::ordered);
    const Problem<double> problem = make_ordinal_logistic<double>(data.samples(), 4);
    const std::vector<double> far{300, -300, 0, 0, 0};
    EXPECT_TRUE(std::isfinite(evaluate(problem, far, evaluation())));
    for (const double e : gradient(problem, far, evaluation())) EXPECT_TRUE(std::isfinite(e));
    for (const double e : hessian(problem, far, evaluation())) EXPECT_TRUE(std::isfinite(e));
}

/// Runs on the CPU whatever is tested.
class CoxFits : public ::testing::Test {
  protected:
    const table::Table<double> data{table::times};
    std::vector<double> events{std::begin(table::events), std::end(table::events)};

    Problem<double> problem(CoxTies ties) const {
        return make_cox_regression<double>(data.samples(), data.y, events, ties);
    }
};
TEST_F(CoxFits, HaveTheMinimaOfBothWaysToTreatTies) {
    const std::vector<std::vector<double>> expected{{0.4432066303727345, -0.356740967236779},
                                                    {0.38985329952448977, -0.3223300000302212}};
    const double likelihoods[] = {-55.75993334639724, -59.501327981280596};
    for (const CoxTies ties : {CoxTies::efron, CoxTies::breslow}) {
        const Result<double> result = minimize(problem(ties), {0.0, 0.0});
        const std::size_t i = static_cast<std::size_t>(ties);
        EXPECT_TRUE(result.converged()) << result.message;
        EXPECT_NEAR(result.x[0], expected[i][0], 1e-7);
        EXPECT_NEAR(result.x[1], expected[i][1], 1e-7);
        EXPECT_NEAR(result.f, -likelihoods[i], 1e-8);
    }
}
TEST_F(CoxFits, HaveTheDerivativesThatDifferencesHave) {
    for (const CoxTies ties : {CoxTies::efron, CoxTies::breslow}) {
        const Problem<double> cox = problem(ties);
        const std::vector<double> x{0.4, -0.9};
        EvaluationOptions differences;
        differences.derivatives.gradient = GradientBy::central_differences;
        differences.derivatives.hessian = HessianBy::gradient_differences;
        const std::vector<double> g = gradient(cox, x), h = hessian(cox, x),
                                  gd = gradient(cox, x, differences),
                                  hd = hessian(cox, x, differences);
        for (std::size_t j = 0; j < 2; ++j) EXPECT_NEAR(g[j], gd[j], 1e-7);
        for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(h[j], hd[j], 1e-6);
        const std::vector<double> v{0.3, -2}, product = hessian_product(cox, x, v);
        for (std::size_t j = 0; j < 2; ++j)
            EXPECT_NEAR(product[j], h[2 * j] * v[0] + h[2 * j + 1] * v[1], 1e-12);
    }
}
TEST_F(CoxFits, DoNotDependOnOrderAndUnitsOfTimeOrShiftsOfOffsets) {
    const std::vector<double> x{0.4, -0.9};
    const double f = evaluate(problem(CoxTies::efron), x);
    table::Table<double> other = data;
    std::vector<double> fell = events, shift(table::rows, 700.0);
    for (double& time : other.y) time = 365 * time + 1;
    std::swap(other.y[2], other.y[20]);
    std::swap(fell[2], fell[20]);
    for (std::size_t j = 0; j < 2; ++j) std::swap(other.x[4 + j], other.x[40 + j]);
    const Samples<double> samples =
        other.samples().with_offsets(Array<const double>(shift.data(), 1, table::rows));
    EXPECT_NEAR(evaluate(make_cox_regression<double>(samples, other.y, fell), x), f, 1e-10 * f);
}
TEST_F(CoxFits, BreslowCountsDuplicatesAsWeights) {
    const std::vector<double> x{0.4, -0.9}, weights(table::rows, 2.0);
    table::Table<double> twice = data;
    twice.x.insert(twice.x.end(), data.x.begin(), data.x.end());
    std::vector<double> times = data.y, fell = events;
    times.insert(times.end(), data.y.begin(), data.y.end());
    fell.insert(fell.end(), events.begin(), events.end());
    Samples<double> weighted = data.samples();
    weighted.weights = weights.data();
    const Samples<double> repeated =
        Samples<double>::of(Array<const double>(twice.x.data(), 2 * table::rows, table::columns));
    EXPECT_NEAR(
        evaluate(make_cox_regression<double>(weighted, data.y, events, CoxTies::breslow), x),
        evaluate(make_cox_regression<double>(repeated, times, fell, CoxTies::breslow), x), 1e-11);
}
TEST_F(CoxFits, AreRefusedWhereNothingCanBeFitted) {
    const auto message = [&](const std::vector<double>& times, const std::vector<double>& fell) {
        return message_of<InvalidArgument>(
            [&] { make_cox_regression<double>(data.samples(), times, fell); });
    };
    EXPECT_NE(message({1, 2}, events).find("wrong size"), std::string::npos);
    EXPECT_NE(message(data.y, std::vector<double>(table::rows, 0.0)).find("no sample fails"),
              std::string::npos);
    events[3] = 2;
    EXPECT_NE(message(data.y, events).find("event of sample 3"), std::string::npos);
}

TEST_F(LossFits, SmoothedQuantilesTendToTheOnesOfTheData) {
    // Of 30 targets without features the quantile 1/4 lies between the 7th and the 8th.
    std::vector<double> y(std::begin(table::positive), std::end(table::positive));
    Samples<double> samples;
    samples.count = table::rows;
    samples.targets = y.data();
    const Result<double> result = minimize(
        make_linear_predictor<double>(SmoothQuantile{0.25, 0.002}, samples, {.intercept = true}),
        {1.0}, options());
    std::sort(y.begin(), y.end());
    EXPECT_GT(result.x[0], y[6] - 0.01);
    EXPECT_LT(result.x[0], y[8] + 0.01);
}
TEST_F(LossFits, PseudoHuberIsBetweenTheMeanAndTheMedian) {
    std::vector<double> y(std::begin(table::positive), std::end(table::positive));
    y[0] = 1000;
    Samples<double> samples;
    samples.count = table::rows;
    samples.targets = y.data();
    const auto minimum = [&](double delta) {
        return minimize(
                   make_linear_predictor<double>(PseudoHuber{delta}, samples, {.intercept = true}),
                   {1.0}, options())
            .x[0];
    };
    double mean = 0;
    for (const double value : y) mean += value / table::rows;
    EXPECT_NEAR(minimum(1e7), mean, 1e-4 * mean);
    EXPECT_LT(minimum(1), 3);
}

TEST_F(LossFits, RefuseWrongTargetsAndMembers) {
    const table::Table<double> data(table::counts);
    const auto message = [&](const auto& loss) {
        return message_of<InvalidArgument>(
            [&] { make_linear_predictor<double>(loss, data.samples()); });
    };
    EXPECT_NE(message(Gamma{}).find("gamma regression needs targets > 0"), std::string::npos);
    EXPECT_NE(message(InverseGaussian{}).find("needs targets > 0"), std::string::npos);
    EXPECT_NE(message(Probit{}).find("probit regression needs targets 0 or 1"), std::string::npos);
    EXPECT_NE(message(ComplementaryLogLog{}).find("needs targets 0 or 1"), std::string::npos);
    EXPECT_NE(message(NegativeBinomial{0}).find("alpha is not above 0"), std::string::npos);
    EXPECT_NE(message(SmoothQuantile{1}).find("tau is not between 0 and 1"), std::string::npos);
    EXPECT_NE(message(SmoothQuantile{0.5, 0}).find("scale is not above 0"), std::string::npos);
    EXPECT_NE(message(PseudoHuber{-1}).find("delta is not above 0"), std::string::npos);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  make_ordinal_logistic<double>(data.samples(), 3);
              }).find("whole targets"),
              std::string::npos);
}

TEST_F(LossFits, CertifyTheConvexOnes) {
    const auto is_convex = [](const auto& loss, std::span<const double> targets) {
        const table::Table<double> data(targets);
        return convexity_certificate(make_linear_predictor<double>(loss, data.with_offsets()))
            .convex;
    };
    EXPECT_TRUE(is_convex(Gamma{}, table::positive));
    EXPECT_TRUE(is_convex(Probit{}, table::binary));
    EXPECT_TRUE(is_convex(ComplementaryLogLog{}, table::binary));
    EXPECT_TRUE(is_convex(NegativeBinomial{}, table::counts));
    EXPECT_TRUE(is_convex(SmoothQuantile{}, table::counts));
    EXPECT_TRUE(is_convex(PseudoHuber{}, table::counts));
    EXPECT_FALSE(is_convex(InverseGaussian{}, table::positive));
}

}  // namespace
}  // namespace cunewton::test
