// What a minimum says of the data: against statsmodels 0.15 (GLM, OLS, WLS; numbers printed with 15
// digits), and properties that need no reference.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/distributions.h"
#include "cunewton/inference.h"
#include "cunewton/model/decay.h"
#include "tests/inference/table.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

template <class Loss>
Problem<double> problem_of(const Loss& loss, const Table& table, ProblemOptions options = {}) {
    options.intercept = true;
    return make_linear_predictor<double>(loss, table.samples(), options);
}

Result<double> fit(const Problem<double>& problem, const Options& given = {}) {
    Options options = given;
    options.backend = tested_choice();
    return minimize(
        problem, std::vector<double>(static_cast<std::size_t>(problem.dimension()), 0.0), options);
}

InferenceOptions on_backend(InferenceOptions options = {}) {
    options.backend = tested_choice();
    return options;
}

template <class Loss>
Inference infer(const Loss& loss, const Table& table, InferenceOptions options = {},
                ProblemOptions of = {}) {
    const Problem<double> problem = problem_of(loss, table, of);
    return inference(problem, fit(problem), on_backend(std::move(options)));
}

void expect_same(const std::vector<double>& found, const std::vector<double>& expected,
                 double accuracy = 1e-10) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], accuracy * std::abs(expected[i])) << i;
}
void expect_same(double found, double expected, double accuracy = 1e-10) {
    EXPECT_NEAR(found, expected, accuracy * std::abs(expected));
}

class InferenceTest : public BackendTest {};

TEST_F(InferenceTest, PoissonWithOffsetsAgreesWithStatsmodels) {
    Table table(counts);
    for (const double exposure : exposures) table.offsets.push_back(std::log(exposure));
    const Inference found = infer(Poisson{}, table);
    expect_same(found.estimates, {0.201611386193073, 0.290432810422048, 0.14909745610401});
    expect_same(found.standard_errors, {0.15362503102803, 0.176581633945569, 0.469190209297165});
    expect_same(found.statistics, {1.31236026345399, 1.6447509513451, 0.317776145259625});
    expect_same(found.p_values, {0.189398607622717, 0.100021180817316, 0.75065474681223});
    expect_same(found.low, {-0.09948814174571347, -0.05566083244250336, -0.7704984560172442});
    expect_same(found.high, {0.5027109141318602, 0.6365264532865988, 1.0686933682252642});
    expect_same(found.log_likelihood, -20.3875458865317);
    expect_same(found.null_log_likelihood, -22.8611272820593);
    expect_same(found.deviance, 5.08700224879508);
    expect_same(found.null_deviance, 10.0341650398503);
    expect_same(found.pearson, 4.59833976216574);
    expect_same(found.aic, 46.7750917730635);
    expect_same(found.bic, 48.2298117224275);
    expect_same(found.pseudo_r2, 0.337850267053057);
    EXPECT_EQ(found.degrees_of_freedom, 9);
    EXPECT_FALSE(found.student);

    InferenceOptions options;
    options.covariance = CovarianceBy::sandwich;
    expect_same(infer(Poisson{}, table, options).standard_errors,
                {0.0893726476344871, 0.0994951991610822, 0.311567203013534});
    options.covariance = CovarianceBy::expected;
    expect_same(infer(Poisson{}, table, options).standard_errors, found.standard_errors);

    const std::vector<double> row = {1, 2}, offset = {0.5};
    const Prediction at = predict<double>(found, row, offset);
    expect_same(at.mean, {4.185283581858445});
    expect_same(at.mean_error, {0.9785740489925425});
    expect_same(at.mean_low, {2.6466885248932726});
    expect_same(at.mean_high, {6.61830755520437});
    EXPECT_TRUE(std::isnan(at.observation_low[0]));
}

TEST_F(InferenceTest, LogisticAgreesWithStatsmodels) {
    const Inference found = infer(Logistic{}, Table(labels));
    expect_same(found.estimates, {2.62419207311997, -1.83403315318774, -1.65011651375865});
    expect_same(found.standard_errors, {1.43647185918388, 1.4713341316813, 1.99767182117347});
    expect_same(found.p_values, {0.0677251047790257, 0.212577109364461, 0.408792849959949});
    expect_same(found.log_likelihood, -4.15494677714813);
    expect_same(found.null_deviance, 16.6355323334387);
    expect_same(found.pearson, 8.82543519651429);
    expect_same(found.pseudo_r2, 0.500327917940415);

    InferenceOptions options;
    options.weights = WeightsAre::frequencies;
    const Inference counted = infer(Logistic{}, Table(labels, numbers), options);
    expect_same(counted.estimates, {3.35924226012986, -2.44714766810151, -1.60573682231767});
    expect_same(counted.standard_errors, {1.46190425246851, 1.65223399681006, 1.39965767508963});
    expect_same(counted.aic, 17.1069829990658);
    expect_same(counted.bic, 20.0941798197277);
    EXPECT_EQ(counted.degrees_of_freedom, 17);
}

TEST_F(InferenceTest, SquaresAgreeWithStatsmodels) {
    const Inference found = infer(LinearRegression{}, Table(amounts));
    expect_same(found.estimates, {3.02896846521756, 3.63822102667638, -3.45144854368287});
    expect_same(found.standard_errors, {1.83926304716795, 2.39501094182813, 4.42104022649902});
    expect_same(found.p_values, {0.133997006697599, 0.163059107280469, 0.45502915046918});
    expect_same(found.low, {-1.1317336112034617, -1.779670130360191, -13.452536359076634});
    expect_same(found.log_likelihood, -37.9025866237335);
    expect_same(found.dispersion, 43.2459149400875);
    expect_same(found.explained, 0.410262128771036);
    EXPECT_TRUE(found.student);
    // One parameter more than statsmodels counts: the variance.
    expect_same(found.aic, 81.805173247467 + 2);

    InferenceOptions options;
    options.covariance = CovarianceBy::sandwich;
    options.small_sample = true;
    const Inference robust = infer(LinearRegression{}, Table(amounts), options);
    expect_same(robust.standard_errors, {1.65445274399293, 2.10463634587319, 3.35270226817244});
    expect_same(robust.p_values, {0.0671307269231958, 0.0838682318344328, 0.303266975866551});

    InferenceOptions precisions;
    precisions.weights = WeightsAre::precisions;
    const Inference weighted = infer(LinearRegression{}, Table(amounts, numbers), precisions);
    expect_same(weighted.standard_errors, {1.88230767896111, 2.26536761409035, 3.81422587644103});
    expect_same(weighted.log_likelihood, -38.8940695927216);
    expect_same(weighted.explained, 0.498738236473541);
    InferenceOptions frequencies;
    frequencies.weights = WeightsAre::frequencies;
    const Inference counted = infer(LinearRegression{}, Table(amounts, numbers), frequencies);
    expect_same(counted.standard_errors, {1.36958000828256, 1.64829705066141, 2.77525697091714});
    expect_same(counted.log_likelihood, -63.5188165764326);
    // Each at its own dispersion, which makes this R^2 of squares.
    expect_same(counted.pseudo_r2, counted.explained, 1e-12);

    const std::vector<double> row = {1, 2};
    const Prediction at = predict<double>(found, row);
    expect_same(at.mean, {6.853961974887444});
    expect_same(at.mean_error, {2.7615743481320303});
    expect_same(at.mean_low, {0.6068467826607877});
    expect_same(at.observation_low, {-9.280818734373149});
    expect_same(at.observation_high, {22.988742684148036});
}

/// The gamma distribution with a logarithmic link, as a user would write it.
struct OwnGamma {
    constexpr int outputs() const { return 1; }
    template <class Z, class Y>
    auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        return y * exp(-z[0]) + z[0];
    }
    static constexpr bool has_dispersion = true;
    double deviance(const double* z, double y) const {
        const double ratio = y * std::exp(-z[0]);
        return 2 * (ratio - 1 - std::log(ratio));
    }
    double log_density(const double* z, double y, double weight, double dispersion) const {
        const double a = weight / dispersion;
        return a * (std::log(a * y) - z[0] - y * std::exp(-z[0])) - std::log(y) - std::lgamma(a);
    }
    double mean(double z) const { return std::exp(z); }
    double mean_slope(double z) const { return std::exp(z); }
    double variance(double m) const { return m * m; }
};

TEST_F(InferenceTest, LossesOfTheUserHaveExpectedInformation) {
    if (testing_cuda()) GTEST_SKIP() << "the loss has no code for the device";
    InferenceOptions options;
    options.covariance = CovarianceBy::expected;
    options.student = false;
    const Inference found = infer(OwnGamma{}, Table(amounts), options);
    expect_same(found.estimates, {0.577038911083325, 0.621901147225595, -0.26392970035718}, 1e-9);
    expect_same(found.standard_errors, {0.134373693907267, 0.174975769614525, 0.322994313979194});
    expect_same(found.p_values, {1.75257383181967e-05, 0.000379112102383557, 0.413851740408103},
                1e-8);
    expect_same(found.dispersion, 0.230826629878644);
    expect_same(found.deviance, 1.83003608879063);
    expect_same(found.null_deviance, 9.98078336572405);
}

TEST_F(InferenceTest, FrequenciesAreRepeatedRows) {
    InferenceOptions options;
    options.weights = WeightsAre::frequencies;
    for (const CovarianceBy by : {CovarianceBy::inverse_hessian, CovarianceBy::sandwich}) {
        options.covariance = by;
        const Table table(amounts, numbers);
        const Inference a = infer(LinearRegression{}, table, options),
                        b = infer(LinearRegression{}, table.repeated(), options);
        expect_same(a.standard_errors, b.standard_errors, 1e-11);
        expect_same(a.correlation, b.correlation, 1e-9);
        expect_same(a.log_likelihood, b.log_likelihood, 1e-12);
        expect_same(a.bic, b.bic, 1e-12);
        expect_same(a.null_deviance, b.null_deviance, 1e-12);
        EXPECT_EQ(a.observations, b.observations);
    }
}

TEST_F(InferenceTest, PrecisionsOnlyMatterBesideEachOther) {
    InferenceOptions options;
    options.weights = WeightsAre::precisions;
    Table table(amounts, numbers);
    const Inference a = infer(LinearRegression{}, table, options);
    for (double& w : table.weights) w *= 7;
    const Inference b = infer(LinearRegression{}, table, options);
    expect_same(b.standard_errors, a.standard_errors, 1e-12);
    expect_same(b.log_likelihood, a.log_likelihood, 1e-12);
    expect_same(b.dispersion, 7 * a.dispersion, 1e-12);
    // Known: they then say how large errors are.
    options.dispersion = 1;
    const Inference c = infer(LinearRegression{}, table, options);
    expect_same(c.standard_errors[0] * std::sqrt(b.dispersion), b.standard_errors[0], 1e-12);
    EXPECT_FALSE(c.student);
}

TEST_F(InferenceTest, SumsAndMeansHaveTheSameErrors) {
    InferenceOptions options;
    options.weights = WeightsAre::frequencies;
    for (const CovarianceBy by :
         {CovarianceBy::inverse_hessian, CovarianceBy::expected, CovarianceBy::sandwich}) {
        options.covariance = by;
        const Table table(labels, numbers);
        const Inference mean = infer(Logistic{}, table, options, {.reduction = Reduction::mean}),
                        sum = infer(Logistic{}, table, options, {.reduction = Reduction::sum});
        expect_same(sum.standard_errors, mean.standard_errors);
        expect_same(sum.log_likelihood, mean.log_likelihood);
    }
}

TEST_F(InferenceTest, StatisticsDoNotDependOnUnits) {
    Table table(counts);
    const Inference a = infer(Poisson{}, table);
    for (std::size_t i = 0; i < table.features.size(); i += 2) {
        table.features[i] *= 1e6;
        table.features[i + 1] *= 1e-5;
    }
    const Inference b = infer(Poisson{}, table);
    expect_same(b.statistics, a.statistics, 1e-8);
    expect_same(b.p_values, a.p_values, 1e-7);
    expect_same(b.correlation, a.correlation, 1e-8);
    expect_same(b.scaled_condition_number, a.scaled_condition_number, 1e-7);
    EXPECT_GT(b.condition_number, 1e6 * a.condition_number);
}

TEST_F(InferenceTest, WeightsOfNoSaidKindAreRefused) {
    const Table table(counts, numbers);
    const Problem<double> problem = problem_of(Poisson{}, table);
    const Result<double> result = fit(problem);
    try {
        inference(problem, result, on_backend());
        FAIL() << "weights were guessed";
    } catch (const InvalidArgument& error) {
        EXPECT_NE(std::string(error.what()).find("WeightsAre::precisions"), std::string::npos);
    }
    InferenceOptions options = on_backend();
    options.weights = WeightsAre::precisions;
    EXPECT_NO_THROW(inference(problem, result, options));
    options.level = 1;
    EXPECT_THROW(inference(problem, result, options), InvalidArgument);
    Result<double> other = result;
    other.x.push_back(1);
    EXPECT_THROW(inference(problem, other, on_backend()), InvalidArgument);
}

TEST_F(InferenceTest, WhatIsNotDeterminedSaysSoAndTheOthersHold) {
    // The third feature is twice the first.
    Table table(counts), wide(counts);
    wide.dimension = 3;
    wide.features.clear();
    for (std::size_t i = 0; i < x1.size(); ++i)
        for (const double value : {x1[i], x2[i], 2 * x1[i]}) wide.features.push_back(value);
    const Inference whole = infer(Poisson{}, table), found = infer(Poisson{}, wide);
    EXPECT_EQ(found.without[0], WithoutError::undetermined);
    EXPECT_EQ(found.without[1], WithoutError::none);
    EXPECT_EQ(found.without[2], WithoutError::undetermined);
    EXPECT_TRUE(std::isnan(found.standard_errors[0]) && std::isnan(found.p_values[2]));
    // As if the repeated column were not there.
    expect_same(found.standard_errors[1], whole.standard_errors[1], 1e-6);
    expect_same(found.standard_errors[3], whole.standard_errors[2], 1e-6);
    EXPECT_EQ(found.parameters, 3);
    EXPECT_TRUE(std::isinf(found.condition_number));
    EXPECT_NE(summary(found).find("not determined"), std::string::npos);
    EXPECT_THROW((predict<double>(found, wide.features)), InvalidArgument);
}

TEST_F(InferenceTest, AFitThatHasNotConvergedHasNoErrors) {
    Options short_run;
    short_run.max_iterations = 1;
    const Table table(counts);
    const Problem<double> problem = problem_of(Poisson{}, table);
    const Inference found = inference(problem, fit(problem, short_run), on_backend());
    for (const double error : found.standard_errors) EXPECT_TRUE(std::isnan(error));
    EXPECT_EQ(found.without[0], WithoutError::no_minimum);
    EXPECT_NE(found.reason.find("max_iterations"), std::string::npos);
    EXPECT_TRUE(std::isnan(found.aic));
    EXPECT_NE(summary(found).find("max_iterations"), std::string::npos);
    // Separable data have no maximum.
    const Inference apart = infer(Logistic{}, Table({0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1}));
    EXPECT_FALSE(apart.reason.empty());
}

TEST_F(InferenceTest, AnExactFitHasNoErrors) {
    std::vector<double> line;
    for (std::size_t i = 0; i < x1.size(); ++i) line.push_back(1 + 2 * x1[i] - 3 * x2[i]);
    const Inference found = infer(LinearRegression{}, Table(line));
    EXPECT_EQ(found.without[0], WithoutError::no_likelihood);
    EXPECT_NE(found.reason.find("exact"), std::string::npos);
    EXPECT_TRUE(std::isnan(found.aic));
}

// With two classes softmax is logistic regression.
TEST_F(InferenceTest, SoftmaxHasErrorsOfDifferences) {
    const Inference two = infer(Softmax{2}, Table(labels)), one = infer(Logistic{}, Table(labels));
    expect_same(two.estimates, one.estimates, 1e-7);
    expect_same(two.standard_errors, one.standard_errors, 1e-7);
    expect_same(two.log_likelihood, one.log_likelihood);
    expect_same(two.null_deviance, one.null_deviance);
    expect_same(two.aic, one.aic);
    EXPECT_EQ(two.parameters, 3);
}

TEST_F(InferenceTest, NestedFitsAreComparedByTheirLikelihoods) {
    Table smaller(counts);
    smaller.dimension = 1;
    smaller.features = x1;
    const Inference a = infer(Poisson{}, smaller), b = infer(Poisson{}, Table(counts));
    const LikelihoodRatio ratio = compare_nested(a, b);
    expect_same(ratio.statistic, a.deviance - b.deviance, 1e-9);
    EXPECT_EQ(ratio.degrees_of_freedom, 1);
    expect_same(ratio.p, std::erfc(std::sqrt(ratio.statistic / 2)), 1e-12);
    EXPECT_THROW(compare_nested(b, a), InvalidArgument);
    EXPECT_THROW(compare_nested(a, infer(LinearRegression{}, Table(counts))), InvalidArgument);
    std::vector<double> others = counts;
    others[0] += 1;
    EXPECT_THROW(compare_nested(a, infer(Poisson{}, Table(others))), InvalidArgument);
    InferenceOptions options;
    options.weights = WeightsAre::frequencies;
    EXPECT_THROW(compare_nested(a, infer(Poisson{}, Table(counts, numbers), options)),
                 InvalidArgument);
    EXPECT_THROW(compare_nested(a, infer(Poisson{}, Table(counts), {}, {.l2 = 0.1})),
                 InvalidArgument);
}

TEST_F(InferenceTest, APenaltyCountsAsAPrior) {
    const double l2 = 0.3;
    InferenceOptions known;
    known.dispersion = 2;
    const Inference found =
        infer(LinearRegression{}, Table(amounts), known, {.reduction = Reduction::sum, .l2 = l2});
    // The normal prior of precision l2 / (2 dispersion): the loss is RSS, twice the log likelihood.
    std::vector<double> H(9, 0.0);
    for (std::size_t i = 0; i < x1.size(); ++i) {
        const double row[] = {x1[i], x2[i], 1};
        for (std::size_t a = 0; a < 3; ++a)
            for (std::size_t b = 0; b < 3; ++b) H[3 * b + a] += row[a] * row[b];
    }
    H[0] += l2 / 2;
    H[4] += l2 / 2;
    // V H = dispersion.
    for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t b = 0; b < 3; ++b) {
            double entry = 0;
            for (std::size_t k = 0; k < 3; ++k) entry += found.covariance[3 * k + a] * H[3 * b + k];
            EXPECT_NEAR(entry, a == b ? 2 : 0, 1e-10);
        }
    EXPECT_TRUE(std::isnan(found.aic));
    EXPECT_NE(found.errors.find("prior"), std::string::npos);
}

TEST_F(InferenceTest, HubersLossHasTheSandwich) {
    const Inference found = infer(Huber{2}, Table(amounts));
    EXPECT_EQ(found.covariance_by, CovarianceBy::sandwich);
    EXPECT_FALSE(found.student);
    EXPECT_TRUE(std::isnan(found.aic));
    EXPECT_NE(found.without_likelihood.find("no likelihood"), std::string::npos);
    // With all residuals inside, the sandwich of squares.
    InferenceOptions options;
    options.covariance = CovarianceBy::sandwich;
    expect_same(infer(Huber{1e6}, Table(amounts)).standard_errors,
                infer(LinearRegression{}, Table(amounts), options).standard_errors);
}

TEST_F(InferenceTest, FloatsAndThreadsAgree) {
    Table table(counts);
    std::vector<float> features(table.features.begin(), table.features.end()),
        targets(counts.begin(), counts.end());
    Samples<float> samples;
    samples.features = features.data();
    samples.count = 12;
    samples.dimension = 2;
    samples.targets = targets.data();
    const Problem<float> problem =
        make_linear_predictor<float>(Poisson{}, samples, {.intercept = true});
    Options options;
    options.backend = tested_choice();
    const Result<float> result = minimize(problem, std::vector<float>(3, 0.0f), options);
    InferenceOptions one = on_backend(), two = on_backend();
    one.threads = 1;
    two.threads = 3;
    const Inference found = inference(problem, result, one);
    expect_same(found.standard_errors, infer(Poisson{}, table).standard_errors, 1e-4);
    EXPECT_EQ(inference(problem, result, two).deviance, found.deviance);
}

TEST_F(InferenceTest, TheSummaryIsATable) {
    const Inference found = infer(Poisson{}, Table(counts));
    const std::string text = summary(
        found, {.names = {"dose", "a rather long name of a feature", "const"}, .dependent = "n"});
    for (const char* part :
         {"Dep. Variable:", "No. Observations:", "Log-Likelihood:", "Deviance:", "Pearson chi2:",
          "Pseudo R-squ. (CS):", "P>|z|", "[0.025", "0.975]", "a rather long name of a feature",
          "Poisson", "const", "[1] Standard errors by the inverse Hessian"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    std::size_t widest = 0;
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        if (text[at] != '[') widest = std::max(widest, end - at);
    EXPECT_LE(widest, 98u) << text;
    EXPECT_THROW(summary(found, {.names = {"one"}}), InvalidArgument);
}

/// -log likelihood of a normal sample with mean a and standard deviation e^b.
struct Normal {
    static constexpr int parameters = 2;
    template <class X, class S>
    auto operator()(const X& x, const S& s) const {
        using namespace math;
        const auto& [a, b] = x;
        return 0.5 * square((s.target() - a) * exp(-b)) + b;
    }
};

TEST_F(InferenceTest, OtherFormsAreNegativeLogLikelihoods) {
    if (testing_cuda()) GTEST_SKIP() << "the loss has no code for the device";
    const Table table(amounts);
    const Problem<double> problem = make_sample_sum<double>(Normal{}, table.samples(), 2);
    const Result<double> result = fit(problem);
    const Inference found = inference(problem, result, on_backend());
    double mean = 0, square = 0;
    for (const double y : amounts) mean += y / 12;
    for (const double y : amounts) square += (y - mean) * (y - mean) / 12;
    expect_same(found.standard_errors, {std::sqrt(square / 12), std::sqrt(1.0 / 24)}, 1e-8);
    expect_same(found.log_likelihood, -12 * (0.5 + 0.5 * std::log(square)), 1e-10);
    EXPECT_EQ(found.observations, 12);
    // The sandwich by a gradient for each sample, against its closed form.
    InferenceOptions options = on_backend();
    options.covariance = CovarianceBy::sandwich;
    const Inference robust = inference(problem, result, options);
    expect_same(robust.standard_errors[0], std::sqrt(square / 12), 1e-8);
    double fourth = 0;
    for (const double y : amounts) fourth += std::pow(std::pow(y - mean, 2) / square - 1, 2);
    expect_same(robust.standard_errors[1], std::sqrt(fourth) / 24, 1e-7);
}

/// A decay y = a e^(-k t) + c of eight points.
struct Decay {
    std::vector<double> t = {0, 1, 2, 3, 4, 6, 8, 10},
                        y = {5.1, 3.6, 2.8, 2.1, 1.7, 1.4, 1.1, 1.05};
    Samples<double> samples() const {
        Samples<double> s;
        s.features = t.data();
        s.count = 8;
        s.dimension = 1;
        s.targets = y.data();
        return s;
    }
};

TEST_F(InferenceTest, CurvesArePredictedByTheirGradient) {
    if (testing_cuda()) GTEST_SKIP() << "residuals of the host";
    const Decay decay;
    const Problem<double> problem = make_curve_fit<double>(ExponentialDecay<1>{}, decay.samples());
    Options options;
    options.backend = tested_choice();
    const Result<double> result = minimize(problem, {4.0, 2.0, 1.0}, options);
    ASSERT_TRUE(result.converged()) << result.message;
    const Inference found = inference(problem, result, on_backend());
    EXPECT_EQ(found.covariance_by, CovarianceBy::gauss_newton);
    EXPECT_TRUE(found.student);
    const std::vector<double> at = {2.5};
    const Prediction here = predict<double>(problem, found, at);
    // The model's value and its derivatives by differences of fits' predictions.
    const auto model = [&](const std::vector<double>& p) {
        Inference moved = found;
        moved.estimates = p;
        return predict<double>(problem, moved, at).mean[0];
    };
    std::vector<double> g;
    for (std::size_t j = 0; j < 3; ++j) {
        std::vector<double> up = found.estimates, down = found.estimates;
        up[j] += 1e-5;
        down[j] -= 1e-5;
        g.push_back((model(up) - model(down)) / 2e-5);
    }
    double variance = 0;
    for (std::size_t a = 0; a < 3; ++a)
        for (std::size_t b = 0; b < 3; ++b) variance += g[a] * g[b] * found.covariance[3 * b + a];
    expect_same(here.mean_error[0], std::sqrt(variance), 1e-7);
    EXPECT_NEAR(here.mean[0], 2.4, 0.2);
    EXPECT_GT(here.observation_high[0], here.mean_high[0]);
}

TEST_F(InferenceTest, BatchesAreReported) {
    const Decay decay;
    std::vector<double> y = decay.y, start = {4.0, 2.0, 1.0};
    y.insert(y.end(), decay.y.begin(), decay.y.end());
    y[9] = std::numeric_limits<double>::quiet_NaN();
    BatchData<double> data;
    data.problems = 2;
    data.points = 8;
    data.coordinates = decay.t;
    data.y = y;
    data.start = start;
    BatchOptions options;
    options.backend = tested_choice();
    const FitModel model = make_fit_model(ExponentialDecay<1>{});
    const BatchResult<double> result = fit_batch(model, data, options);
    const std::string text = fit_report(model, data, options, result);
    for (const char* part : {"2 problems of 3 parameters", "converged", "50.00 %", "invalid_data",
                             "problem 1:", "median"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    EXPECT_EQ(fit_report(model, data, options, result, {.worst = 0}).find("problem 1:"),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
