// Errors of each loss that is a likelihood, and of fits with bounds and equations. Numbers are of
// statsmodels 0.15.0: GLM (its coefficients, then polished by Newton steps with its own score and
// hessian(observed=True), as it stops at nine digits), OrderedModel, NegativeBinomial and PHReg.
// HC0 is H^-1 S H^-1 with its score_factor, where a frequency is so many rows.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/inference.h"
#include "tests/inference/table.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

template <class Loss>
Problem<double> problem_of(const Loss& loss, const Table& table, bool intercept = true) {
    return make_linear_predictor<double>(loss, table.samples(), {.intercept = intercept});
}
Inference infer(const Problem<double>& problem, InferenceOptions how = {}, Options options = {}) {
    options.backend = how.backend = tested_choice();
    const Result<double> result = minimize(
        problem, std::vector<double>(static_cast<std::size_t>(problem.dimension()), 0.0), options);
    return inference(problem, result, how);
}

void expect_same(const std::vector<double>& found, const std::vector<double>& expected,
                 double accuracy = 1e-9) {
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], accuracy * std::abs(expected[i])) << i;
}
void expect_same(double found, double expected, double accuracy = 1e-9) {
    EXPECT_NEAR(found, expected, accuracy * std::abs(expected));
}

/// What statsmodels has of a fit.
struct Known {
    std::vector<double> estimates, observed, expected, robust;
    double deviance, null_deviance, pearson, log_likelihood;
};

template <class Loss>
void expect_known(const Loss& loss, const Table& table, WeightsAre weights, const Known& known) {
    const Problem<double> problem = problem_of(loss, table);
    InferenceOptions how;
    how.weights = weights;
    const Inference found = infer(problem, how);
    expect_same(found.estimates, known.estimates);
    expect_same(found.standard_errors, known.observed);
    expect_same(found.deviance, known.deviance);
    expect_same(found.null_deviance, known.null_deviance);
    expect_same(found.pearson, known.pearson, 1e-8);
    expect_same(found.log_likelihood, known.log_likelihood);
    const double k = found.dispersion_estimated ? 4 : 3;
    expect_same(found.aic, 2 * k - 2 * known.log_likelihood);
    how.covariance = CovarianceBy::expected;
    // Those of statsmodels are at its own estimates.
    expect_same(infer(problem, how).standard_errors, known.expected, 1e-8);
    how.covariance = CovarianceBy::sandwich;
    const Inference robust = infer(problem, how);
    expect_same(robust.standard_errors, known.robust);
    EXPECT_FALSE(robust.student);
    how.small_sample = true;
    const Inference adjusted = infer(problem, how);
    const double N = adjusted.observations;
    expect_same(adjusted.standard_errors[1], known.robust[1] * std::sqrt(N / (N - 3)));
}

class LossErrors : public BackendTest {};

// The likelihood is that at deviance / N, R's.
TEST_F(LossErrors, OfGamma) {
    expect_known(Gamma{}, Table(amounts), WeightsAre::not_said,
                 {{0.5770389110833253, 0.621901147225594, -0.2639297003571798},
                  {0.1415860265504019, 0.17515432986628712, 0.3225990999693984},
                  {0.13437369390726686, 0.1749757696145248, 0.3229943139791942},
                  {0.1171310165151103, 0.13389350485706408, 0.2273875766396877},
                  1.8300360887906324,
                  9.98078336572405,
                  2.0774396689078007,
                  -23.336647870940972});
    expect_known(Gamma{}, Table(amounts).weighted(numbers), WeightsAre::frequencies,
                 {{0.6413280066965963, 0.6767893748489092, -0.3497929219515297},
                  {0.08339471116125964, 0.09576553665830875, 0.16123601633944523},
                  {0.07963971286148493, 0.09584683116813167, 0.16137842765230845},
                  {0.09177743995289557, 0.07577897655268022, 0.11382261010700143},
                  2.4808124214972054,
                  22.257180528013574,
                  2.271053441987513,
                  -33.42806095566006});
    expect_known(Gamma{}, Table(amounts).weighted(numbers), WeightsAre::precisions,
                 {{0.6413280066965963, 0.6767893748489092, -0.3497929219515297},
                  {0.11461506757858318, 0.1316171409787224, 0.22159770867378253},
                  {0.10945431604058788, 0.13172886959564994, 0.22179343430218854},
                  {0.11083827027202674, 0.09230995291050607, 0.15272586075855918},
                  2.4808124214972054,
                  22.257180528013574,
                  2.271053441987513,
                  -22.883896868006516});
    expect_known(Gamma{}, Table(amounts).exposed(), WeightsAre::not_said,
                 {{0.20009123592890893, 0.46031307238827607, 0.2543883595933257},
                  {0.11423353198074884, 0.15162276570321168, 0.2738017792060394},
                  {0.11177337165623598, 0.14554658102542886, 0.26866987465688075},
                  {0.08719873082014182, 0.13003258246072905, 0.2159608636389004},
                  1.4894854439880953,
                  3.8477909330805202,
                  1.4373965945379983,
                  -22.0728928376393});
}

TEST_F(LossErrors, OfInverseGaussian) {
    expect_known(InverseGaussian{}, Table(amounts), WeightsAre::not_said,
                 {{0.6847543150994386, 0.5885313572028623, -0.34720973720869835},
                  {0.11398353535808896, 0.11254665721429565, 0.15650450432769275},
                  {0.09846390001433106, 0.12353864285135792, 0.1487831984205988},
                  {0.10970579647864948, 0.09121907534977028, 0.12169780520871581},
                  0.2600104307170962,
                  2.2016354669823017,
                  0.22360080563828555,
                  -20.196259856797397});
    expect_known(InverseGaussian{}, Table(amounts).weighted(numbers), WeightsAre::frequencies,
                 {{0.7546382897097073, 0.6530369342941987, -0.4164203437932749},
                  {0.06459645275425976, 0.056580932359624816, 0.0642065394725926},
                  {0.05771714327028634, 0.06072597768401113, 0.061919220724450996},
                  {0.07118773396932182, 0.042527688878394365, 0.04093229566167991},
                  0.32101008356193966,
                  5.426361300132496,
                  0.20866291301712578,
                  -25.62980539533748});
    expect_known(InverseGaussian{}, Table(amounts).weighted(numbers), WeightsAre::precisions,
                 {{0.7546382897097073, 0.6530369342941986, -0.4164203437932749},
                  {0.08877933258201136, 0.07776305350488719, 0.0882434480336297},
                  {0.07932462603743276, 0.08345987340335966, 0.08509982910094857},
                  {0.0829921433795213, 0.06144451289307106, 0.0520026351190699},
                  0.3210100835619397,
                  5.426361300132496,
                  0.20866291301712614,
                  -19.178590484555613});
}

TEST_F(LossErrors, OfBinaryLinks) {
    expect_known(Probit{}, Table(labels), WeightsAre::not_said,
                 {{1.5463684336207841, -1.059509421059954, -1.050699613513453},
                  {0.7958577879567676, 0.8171183282981416, 1.171661562918676},
                  {0.7781645803889735, 0.790131043273457, 1.1253100986497626},
                  {0.6326943204599617, 0.6130597786288104, 0.8732941816878459},
                  8.233709470461466,
                  16.635532333438686,
                  8.297642078216803,
                  -4.116854735230734});
    expect_known(ComplementaryLogLog{}, Table(labels), WeightsAre::not_said,
                 {{1.6291921570398675, -0.9869951137842679, -1.787909039137875},
                  {0.936476502601308, 0.8708632903767998, 1.619290598583415},
                  {0.955562579613661, 0.8608201404911812, 1.4609005224371434},
                  {0.7050207672390394, 0.6252796893595827, 1.4137036737460347},
                  8.832132671862823,
                  16.635532333438686,
                  8.064053306038325,
                  -4.416066335931411});
}

TEST_F(LossErrors, OfNegativeBinomialWithAGivenAlpha) {
    expect_known(NegativeBinomial{0.7}, Table(spread), WeightsAre::not_said,
                 {{0.8278282158554917, -0.3193421733175461, 0.36841960940224505},
                  {0.2750940174015375, 0.41851988309618626, 0.7467239079374527},
                  {0.29209475084122694, 0.3842350194697167, 0.7289513464861664},
                  {0.20934330582272317, 0.4116425908134514, 0.971374211624556},
                  13.723829820439757,
                  23.85365350572042,
                  11.100996361945576,
                  -28.976122829729437});
    expect_known(NegativeBinomial{0.7}, Table(spread).weighted(numbers).exposed(),
                 WeightsAre::frequencies,
                 {{0.4442251393126339, -0.24051547615795796, 0.6214602454320535},
                  {0.21399193107546466, 0.3085469465547471, 0.5362734737784043},
                  {0.22821327342468023, 0.2809436187436766, 0.5079344550125781},
                  {0.1626571649587123, 0.3298525928650728, 0.7367045271826513},
                  29.508417026801798,
                  34.44854872787548,
                  23.327384663753726,
                  -45.59463817450764});
}

// Its parameter is log alpha, statsmodels' alpha: errors by the delta method.
TEST_F(LossErrors, OfNegativeBinomialWithItsAlpha) {
    const Table table(spread);
    const Inference found =
        infer(make_negative_binomial<double>(table.samples(), {.intercept = true}));
    expect_same({found.estimates.begin(), found.estimates.end() - 1},
                {0.8300825571767727, -0.3220653966892363, 0.3674588957251263}, 1e-7);
    const double alpha = std::exp(found.estimates[3]);
    expect_same(alpha, 0.6401619806855219, 1e-7);
    expect_same({found.standard_errors.begin(), found.standard_errors.end() - 1},
                {0.2679872938332993, 0.40719437084667104, 0.7256241533040451}, 1e-7);
    expect_same(alpha * found.standard_errors[3], 0.4638684847974782, 1e-7);
    // With the factorials of the counts, which the loss leaves out.
    expect_same(found.log_likelihood, -28.968396462361063);
    expect_same(found.aic, 65.93679292472213);
}

// To sixteen digits by Newton's method with forty, statsmodels' to eight.
TEST_F(LossErrors, OfOrdinalLogistic) {
    const Table table(grades);
    const Inference found = infer(make_ordinal_logistic<double>(table.samples(), 3));
    expect_same(found.estimates,
                {0.8191109792145275, 1.003701984515151, 1.870395912743787, 0.6722080546895001});
    expect_same(found.standard_errors,
                {0.6071123665747991, 0.7794500141981041, 1.42159307208018, 0.4662297152772009});
    expect_same(found.log_likelihood, -10.75306857027612);
    expect_same(found.aic, 29.50613714055224);
    EXPECT_EQ(found.degrees_of_freedom, 8);
}

TEST_F(LossErrors, OfCoxRegression) {
    if (testing_cuda()) GTEST_SKIP() << "a black box of the host";
    const std::vector<double> times = {5, 3, 3, 8, 1, 4, 1, 6, 7, 1, 9, 3},
                              events = {1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 0};
    const Table table(counts);
    const Inference efron = infer(make_cox_regression<double>(table.samples(), times, events)),
                    breslow = infer(make_cox_regression<double>(table.samples(), times, events,
                                                                CoxTies::breslow));
    expect_same(efron.estimates, {1.8489723872379413, -0.9014644079796758});
    expect_same(efron.standard_errors, {0.709413227766651, 0.5206352613881243});
    expect_same(efron.log_likelihood, -10.738612231003984);
    expect_same(breslow.standard_errors, {0.7064729844306569, 0.516295830066176});
    expect_same(breslow.log_likelihood, -12.141067806983038);
    // Of a partial likelihood AIC counts parameters; how many observations it has nobody knows.
    expect_same(efron.aic, 4 + 2 * 10.738612231003984);
    EXPECT_TRUE(std::isnan(efron.bic));
    EXPECT_TRUE(std::isnan(efron.degrees_of_freedom));
    InferenceOptions how;
    how.covariance = CovarianceBy::sandwich;
    EXPECT_THROW(infer(make_cox_regression<double>(table.samples(), times, events), how),
                 InvalidArgument);
}

TEST_F(LossErrors, OfRobustOnesAreTheSandwich) {
    for (const Inference& found : {infer(problem_of(SmoothQuantile{0.5, 1}, Table(amounts))),
                                   infer(problem_of(PseudoHuber{2}, Table(amounts))),
                                   infer(problem_of(Huber{2}, Table(amounts)))}) {
        SCOPED_TRACE(found.loss);
        EXPECT_EQ(found.covariance_by, CovarianceBy::sandwich);
        EXPECT_TRUE(std::isnan(found.log_likelihood) && std::isnan(found.aic));
        EXPECT_FALSE(found.without_likelihood.empty());
        EXPECT_GT(found.standard_errors[0], 0);
    }
}

TEST_F(LossErrors, DoNotCountRowsWithoutWeight) {
    Table some(amounts), all(amounts);
    all.weights.assign(12, 1);
    for (const std::size_t i : {std::size_t{0}, std::size_t{5}, std::size_t{11}})
        all.weights[i] = 0;
    some.features.clear();
    some.targets.clear();
    for (std::size_t i = 0; i < 12; ++i) {
        if (all.weights[i] == 0) continue;
        some.features.push_back(x1[i]);
        some.features.push_back(x2[i]);
        some.targets.push_back(amounts[i]);
    }
    for (const WeightsAre weights : {WeightsAre::frequencies, WeightsAre::precisions})
        for (const CovarianceBy by : {CovarianceBy::expected, CovarianceBy::sandwich}) {
            InferenceOptions how;
            how.weights = weights;
            how.covariance = by;
            const Inference a = infer(problem_of(Gamma{}, all), how),
                            b = infer(problem_of(Gamma{}, some), how);
            EXPECT_EQ(a.observations, 9);
            expect_same(a.standard_errors, b.standard_errors);
            expect_same(a.log_likelihood, b.log_likelihood);
            expect_same(a.bic, b.bic);
        }
}

// A bound or a fixed value takes a parameter out: what is left is the smaller model.
TEST_F(LossErrors, AtBoundsAreThoseOfTheModelWithoutTheParameter) {
    Table small(counts);
    small.dimension = 1;
    small.features = x2;
    const Inference reduced = infer(problem_of(Poisson{}, small));
    const Table table(counts);
    const Problem<double> problem = problem_of(Poisson{}, table);
    Options bounded, fixed;
    bounded.upper = {0, 10, 10};
    fixed.fixed = {true, false, false};
    const Inference at_bound = infer(problem, {}, bounded), known = infer(problem, {}, fixed);
    ASSERT_TRUE(at_bound.reason.empty() && known.reason.empty()) << at_bound.reason << known.reason;
    EXPECT_EQ(at_bound.without[0], WithoutError::at_bound);
    EXPECT_EQ(known.without[0], WithoutError::fixed);
    for (const Inference* const found : {&at_bound, &known}) {
        EXPECT_TRUE(std::isnan(found->standard_errors[0]) && std::isnan(found->p_values[0]));
        expect_same({found->standard_errors.begin() + 1, found->standard_errors.end()},
                    reduced.standard_errors, 1e-7);
        expect_same(found->aic, reduced.aic);
        EXPECT_EQ(found->degrees_of_freedom, 10);
    }
    EXPECT_NE(summary(at_bound).find("at a bound"), std::string::npos);
}

// w1 = w2 is one coefficient of the sum of both features.
TEST_F(LossErrors, UnderEquationsAreThoseOfTheModelTheyLeave) {
    Table sum(counts);
    sum.dimension = 1;
    sum.features.clear();
    for (std::size_t i = 0; i < 12; ++i) sum.features.push_back(x1[i] + x2[i]);
    Options options;
    options.constraints = {.A = {1, -1, 0}, .b = {0}};
    InferenceOptions how;
    how.constraints = options.constraints;
    how.profile = {0};
    const Table table(counts);
    const Problem<double> problem = problem_of(Poisson{}, table);
    for (const CovarianceBy by :
         {CovarianceBy::inverse_hessian, CovarianceBy::expected, CovarianceBy::sandwich}) {
        InferenceOptions plain;
        plain.covariance = how.covariance = by;
        plain.profile = {0};
        const Inference found = infer(problem, how, options),
                        left = infer(problem_of(Poisson{}, sum), plain);
        ASSERT_TRUE(found.reason.empty()) << found.reason;
        expect_same(found.standard_errors,
                    {left.standard_errors[0], left.standard_errors[0], left.standard_errors[1]},
                    1e-7);
        EXPECT_NEAR(found.correlation[1], 1, 1e-12);
        expect_same(found.correlation[2], left.correlation[1], 1e-7);
        expect_same(found.profile_low[0], left.profile_low[0], 1e-6);
        expect_same(found.aic, left.aic);
        EXPECT_EQ(found.degrees_of_freedom, 10);
    }
    // Not asked for they would be another model's.
    EXPECT_THROW(infer(problem, {}, options), InvalidArgument);
    // What equations leave one value only is known, and the others' errors are as if it were fixed.
    options.constraints = how.constraints = {.A = {2, 0, 0}, .b = {0.5}};
    how.profile.clear();
    how.covariance = CovarianceBy::automatic;
    const Inference one = infer(problem, how, options);
    EXPECT_EQ(one.without[0], WithoutError::fixed);
    EXPECT_TRUE(std::isnan(one.standard_errors[0]));
    EXPECT_EQ(one.degrees_of_freedom, 10);
    how.constraints.A.pop_back();
    EXPECT_THROW(infer(problem, how, options), InvalidArgument);
}

// A probability that is 1 to the last digit has no variance, and its row no part in chi-square.
TEST_F(LossErrors, CountNoRowWhoseMeanIsAtTheEndOfItsRange) {
    Table table(labels);
    table.offsets.assign(12, 0);
    table.offsets[1] = 60;
    EXPECT_GT(infer(problem_of(Logistic{}, table)).pearson, 0);
}

TEST_F(LossErrors, WithMoreParametersThanRowsAreNotDetermined) {
    Table few(amounts);
    few.targets.resize(2);
    const Inference found = infer(problem_of(LinearRegression{}, few));
    for (const double error : found.standard_errors) EXPECT_TRUE(std::isnan(error));
    EXPECT_FALSE(found.reason.empty());
    EXPECT_TRUE(std::isnan(found.aic));
}

struct Pull {
    static constexpr int parameters = 2;
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        return 0.5 * square(x[0] - 1.0) + square(x[1] - x[0]);
    }
};

TEST_F(LossErrors, OfElementsAreOfTheirSum) {
    if (testing_cuda()) GTEST_SKIP() << "the element has no code for the device";
    const std::vector<int> which = {0, 1};
    const Problem<double> problem = make_element_sum<double>(Pull{}, which, 2);
    // H = (3, -2; -2, 2), V = (1, 1; 1, 1.5).
    expect_same(infer(problem).covariance, {1, 1, 1, 1.5}, 1e-8);
}

// Without a hidden layer a perceptron is linear regression.
TEST_F(LossErrors, OfPerceptronsAreOfTheirLoss) {
    const Table table(amounts);
    Perceptron perceptron;
    perceptron.widths = {2, 1};
    perceptron.loss = PerceptronLoss::squared_error;
    const Problem<double> network = make_perceptron<double>(perceptron, table.samples());
    const Inference found = infer(network), line = infer(problem_of(LinearRegression{}, table));
    expect_same(found.standard_errors, line.standard_errors, 1e-8);
    expect_same(found.log_likelihood, line.log_likelihood);
    expect_same(found.aic, line.aic);
    // Weights that are precisions scale what the densities are, here too.
    InferenceOptions how;
    how.weights = WeightsAre::precisions;
    const Table weighted = table.weighted(numbers);
    expect_same(infer(make_perceptron<double>(perceptron, weighted.samples()), how).log_likelihood,
                infer(problem_of(LinearRegression{}, weighted), how).log_likelihood);
    // A label stands for as many numbers as there are outputs.
    perceptron.widths = {2, 3};
    const Table labelled(grades);
    EXPECT_EQ(infer(make_perceptron<double>(perceptron, labelled.samples())).observations, 36);
}

}  // namespace
}  // namespace cunewton::test
