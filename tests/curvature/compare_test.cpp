// Comparing fitted models: criteria and evidence against closed forms that share no code.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using Reals = std::vector<long double>;

class CompareTest : public BackendTest {};

CompareOptions compare_options(int folds = 0) {
    CompareOptions options;
    options.folds = folds;
    options.minimize.backend = tested_choice();
    options.minimize.threads = 2;
    return options;
}
std::vector<double> minimiser(const Problem<double>& problem) {
    Options options;
    options.backend = tested_choice();
    const auto result = minimize(
        problem, std::vector<double>(static_cast<std::size_t>(problem.dimension()), 0.0), options);
    EXPECT_TRUE(result.converged() || result.status == Status::singular) << result.message;
    return result.x;
}

/// log det and the solution of A x = b, by Cholesky's factorisation of a full matrix.
struct Solved {
    long double log_det = 0;
    Reals x;
};
Solved solve(Reals A, Reals b) {
    const std::size_t n = b.size();
    Solved solved;
    for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < j; ++k) A[j * n + j] -= A[j * n + k] * A[j * n + k];
        A[j * n + j] = std::sqrt(A[j * n + j]);
        solved.log_det += 2 * std::log(A[j * n + j]);
        for (std::size_t i = j + 1; i < n; ++i) {
            for (std::size_t k = 0; k < j; ++k) A[i * n + j] -= A[i * n + k] * A[j * n + k];
            A[i * n + j] /= A[j * n + j];
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < i; ++k) b[i] -= A[i * n + k] * b[k];
        b[i] /= A[i * n + i];
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t k = i + 1; k < n; ++k) b[i] -= A[k * n + i] * b[k];
        b[i] /= A[i * n + i];
    }
    solved.x = b;
    return solved;
}

/// What the problem's data say of a penalised linear regression.
struct Regression {
    std::size_t N, d;
    Reals X, y;
    explicit Regression(const OracleData& data)
        : N(static_cast<std::size_t>(data.samples)),
          d(static_cast<std::size_t>(data.features)),
          X(data.X.begin(), data.X.end()),
          y(data.y.begin(), data.y.end()) {}
    long double squares(const std::vector<double>& w) const {
        long double sum = 0;
        for (std::size_t i = 0; i < N; ++i) {
            long double r = -y[i];
            for (std::size_t j = 0; j < d; ++j) r += X[i * d + j] * w[j];
            sum += r * r;
        }
        return sum;
    }
    /// log p(y) for w ~ N(0, I / precision) and noise N(0, variance): y ~ N(0, variance I + X X' /
    /// precision).
    long double log_evidence(long double precision, long double variance) const {
        Reals C(N * N);
        for (std::size_t i = 0; i < N; ++i)
            for (std::size_t k = 0; k < N; ++k) {
                for (std::size_t j = 0; j < d; ++j)
                    C[i * N + k] += X[i * d + j] * X[k * d + j] / precision;
                if (i == k) C[i * N + k] += variance;
            }
        const Solved solved = solve(C, y);
        long double square = 0;
        for (std::size_t i = 0; i < N; ++i) square += y[i] * solved.x[i];
        return -0.5L *
               (square + solved.log_det +
                static_cast<long double>(N) * std::log(2 * std::numbers::pi_v<long double>));
    }
};

TEST_F(CompareTest, OfALinearRegressionTheEvidenceIsTheExactOne) {
    for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
        ModelOptions model_options{.samples = 25, .features = 3};
        model_options.problem = {.reduction = reduction, .l2 = 0.7};
        const Model<double> model(ModelKind::squared, model_options);
        const Problem<double> problem = model.problem();
        const std::vector<double> x = minimiser(problem);
        const Regression data(model.oracle());
        const double N = 25, variance = 0.3;
        // f = c sum r^2 + 0.35 |w|^2 is 2 c s^2 times -log p(y, w) with precision 0.7 / (2 c s^2).
        const double c = reduction == Reduction::mean ? 1 / N : 1;
        const auto scores = compare<double>(
            {{.name = "known", .problem = problem, .x = x, .noise_variance = variance},
             {.name = "estimated", .problem = problem, .x = x}},
            compare_options());
        ASSERT_EQ(scores.size(), 2u);
        EXPECT_NEAR(scores[0].log_evidence,
                    static_cast<double>(data.log_evidence(0.7 / (2 * c * variance), variance)),
                    1e-9);
        const double squares = static_cast<double>(data.squares(x)), estimate = squares / N;
        EXPECT_NEAR(scores[1].noise_variance, estimate, 1e-12);
        EXPECT_NEAR(scores[1].log_evidence,
                    static_cast<double>(data.log_evidence(0.7 / (2 * c * estimate), estimate)),
                    1e-9);
        const double L = -N / 2 * (std::log(2 * std::numbers::pi * estimate) + 1);
        EXPECT_NEAR(scores[1].log_likelihood, L, 1e-10);
        EXPECT_EQ(scores[0].counted, 3);
        EXPECT_EQ(scores[1].counted, 4);
        EXPECT_NEAR(scores[1].aic, 8 - 2 * L, 1e-9);
        EXPECT_NEAR(scores[1].aicc, 8 - 2 * L + 2.0 * 4 * 5 / (25 - 4 - 1), 1e-9);
        EXPECT_NEAR(scores[1].bic, 4 * std::log(N) - 2 * L, 1e-9);
        EXPECT_EQ(scores[1].samples, 25);
        EXPECT_EQ(scores[1].name, "estimated");
    }
}

TEST_F(CompareTest, LeavingOneOutIsTheClosedFormOfRidgeRegression) {
    ModelOptions model_options{.samples = 20, .features = 3};
    model_options.problem = {.reduction = Reduction::sum, .l2 = 0.8};
    const Model<double> model(ModelKind::squared, model_options);
    const Problem<double> problem = model.problem();
    const std::vector<double> x = minimiser(problem);
    const auto score =
        compare<double>({{.name = "ridge", .problem = problem, .x = x}}, compare_options(20))[0];
    // The residual without sample i is r_i / (1 - h_ii), h = X (X'X + l2/2)^-1 X'.
    const Regression data(model.oracle());
    const std::size_t d = data.d, N = data.N;
    Reals A(d * d);
    for (std::size_t j = 0; j < d; ++j)
        for (std::size_t k = 0; k < d; ++k) {
            for (std::size_t i = 0; i < N; ++i)
                A[j * d + k] += data.X[i * d + j] * data.X[i * d + k];
            if (j == k) A[j * d + k] += 0.4L;
        }
    long double sum = 0, of_squares = 0;
    for (std::size_t i = 0; i < N; ++i) {
        const Reals row(data.X.begin() + static_cast<long>(i * d),
                        data.X.begin() + static_cast<long>((i + 1) * d));
        const Solved solved = solve(A, row);
        long double h = 0, r = -data.y[i];
        for (std::size_t j = 0; j < d; ++j) {
            h += row[j] * solved.x[j];
            r += row[j] * x[j];
        }
        const long double loss = r / (1 - h) * r / (1 - h);
        sum += loss;
        of_squares += loss * loss;
    }
    const long double mean = sum / N;
    EXPECT_NEAR(score.held_out_loss, static_cast<double>(mean), 1e-9);
    EXPECT_NEAR(score.held_out_error,
                static_cast<double>(std::sqrt((of_squares / N - mean * mean) / (N - 1))), 1e-9);
    EXPECT_EQ(score.folds_converged, 20);
}

TEST_F(CompareTest, OfALogisticRegressionTheEvidenceIsNearTheIntegral) {
    ModelOptions model_options{.samples = 200, .features = 1};
    model_options.problem = {.reduction = Reduction::sum, .l2 = 2};
    const Model<double> model(ModelKind::logistic, model_options);
    const std::vector<double> x = minimiser(model.problem());
    const auto score = compare<double>({{.name = "logistic", .problem = model.problem(), .x = x}},
                                       compare_options())[0];
    const OracleData& data = model.oracle();
    const auto log_joint = [&](long double w) {
        long double sum = 0.5L * std::log(2 / (2 * std::numbers::pi_v<long double>)) - w * w;
        for (std::size_t i = 0; i < 200; ++i) {
            const long double z = data.X[i] * w;
            sum += data.y[i] * z - std::log1p(std::exp(z));
        }
        return sum;
    };
    // Simpson's rule, relative to the top.
    const long double top = log_joint(x[0]), h = 0.002L;
    long double integral = 0;
    for (int k = -1500; k <= 1500; ++k) {
        const long double weight = k == -1500 || k == 1500 ? 1 : k % 2 == 0 ? 2 : 4;
        integral += weight * std::exp(log_joint(x[0] + k * h) - top);
    }
    const double exact = static_cast<double>(top + std::log(integral * h / 3));
    // Laplace's approximation has an error of order 1/N.
    EXPECT_NEAR(score.log_evidence, exact, 0.02);
    EXPECT_NEAR(score.log_likelihood,
                static_cast<double>(top - 0.5L * std::log(1 / std::numbers::pi_v<long double>) +
                                    x[0] * static_cast<long double>(x[0])),
                1e-9);
    EXPECT_EQ(score.notes.find("Newton"), std::string::npos) << score.notes;
}

TEST_F(CompareTest, PoissonHasAllItsConstants) {
    ModelOptions model_options{.samples = 40, .features = 2};
    const Model<double> model(ModelKind::poisson, model_options);
    const std::vector<double> x = minimiser(model.problem());
    const auto score =
        compare<double>({{.name = "p", .problem = model.problem(), .x = x}}, compare_options())[0];
    const OracleData& data = model.oracle();
    long double L = 0;
    for (std::size_t i = 0; i < 40; ++i) {
        const long double z = data.X[2 * i] * x[0] + data.X[2 * i + 1] * x[1];
        L += data.y[i] * z - std::exp(z);
        for (int k = 2; k <= static_cast<int>(data.y[i]); ++k) L -= std::log(1.0L * k);
    }
    EXPECT_NEAR(score.log_likelihood, static_cast<double>(L), 1e-9);
    EXPECT_NEAR(score.aic, static_cast<double>(4 - 2 * L), 1e-9);
    EXPECT_TRUE(std::isnan(score.log_evidence));
    EXPECT_NE(score.notes.find("flat prior"), std::string::npos) << score.notes;
}

TEST_F(CompareTest, SamplesWithWeightsCountAsThatMany) {
    ModelOptions options{.samples = 30, .features = 2};
    options.problem = {.reduction = Reduction::sum, .l2 = 0.5};
    const Model<double> model(ModelKind::poisson, options);
    const Samples<double> once = model.samples();
    std::vector<double> X, y, weights(30, 2.0);
    for (int times = 0; times < 2; ++times)
        for (int i = 0; i < 30; ++i) {
            X.insert(X.end(), {once.features[2 * i], once.features[2 * i + 1]});
            y.push_back(once.targets[i]);
        }
    Samples<double> twice = once, heavy = once;
    twice.features = X.data();
    twice.targets = y.data();
    twice.count = 60;
    heavy.weights = weights.data();
    const auto make = [&](const Samples<double>& samples) {
        return make_linear_predictor<double>(Poisson{}, samples, options.problem);
    };
    const std::vector<double> x = minimiser(make(twice));
    const auto scores = compare<double>({{.name = "twice", .problem = make(twice), .x = x},
                                         {.name = "heavy", .problem = make(heavy), .x = x}},
                                        compare_options());
    EXPECT_EQ(scores[1].samples, 60);
    for (double ModelScore::*value : {&ModelScore::log_likelihood, &ModelScore::aic,
                                      &ModelScore::bic, &ModelScore::log_evidence})
        EXPECT_NEAR(scores[0].*value, scores[1].*value, 1e-9);
}

TEST_F(CompareTest, WhatALossDoesNotDetermineIsNotCounted) {
    ModelOptions options{.samples = 60, .features = 3};
    const Model<double> free(ModelKind::softmax3, options);
    options.problem = {.l2 = 0.1};
    const Model<double> held(ModelKind::softmax3, options);
    const auto scores = compare<double>(
        {{.name = "free", .problem = free.problem(), .x = minimiser(free.problem())},
         {.name = "held", .problem = held.problem(), .x = minimiser(held.problem())}},
        compare_options());
    EXPECT_EQ(scores[0].parameters, 9);
    EXPECT_EQ(scores[0].counted, 6);
    EXPECT_EQ(scores[1].counted, 9);
    EXPECT_FALSE(std::isnan(scores[1].log_evidence));
    EXPECT_NE(scores[1].notes.find("count all"), std::string::npos);
}

TEST_F(CompareTest, OfSoftmaxAnOutputIsUndeterminedWhereverThePenaltyDoesNotHoldIt) {
    // A perceptron without hidden layers is a softmax regression, its parameters in another order.
    const Perceptron network{{3, 3}};
    ModelOptions options{.samples = 60, .features = 3};
    struct Case {
        double l2;
        bool penalize_intercept;
        int counted;
    };
    for (const Case& c : {Case{0, false, 8}, Case{0.1, false, 11}, Case{0.1, true, 12}}) {
        options.problem = {
            .l2 = c.l2, .intercept = true, .penalize_intercept = c.penalize_intercept};
        const Model<double> model(ModelKind::softmax3, options);
        const auto perceptron = make_perceptron<double>(
            network, model.samples(), {.l2 = c.l2, .penalize_intercept = c.penalize_intercept});
        const std::vector<double> x = minimiser(model.problem());
        std::vector<double> same(12);
        for (std::size_t k = 0; k < 3; ++k) {
            for (std::size_t j = 0; j < 3; ++j) same[3 * k + j] = x[4 * k + j];
            same[9 + k] = x[4 * k + 3];
        }
        const auto scores =
            compare<double>({{.name = "regression", .problem = model.problem(), .x = x},
                             {.name = "perceptron", .problem = perceptron, .x = same}},
                            compare_options());
        for (const ModelScore& score : scores) EXPECT_EQ(score.counted, c.counted) << score.name;
        EXPECT_NEAR(scores[0].aic, scores[1].aic, 1e-9);
        EXPECT_NEAR(scores[0].bic, scores[1].bic, 1e-9);
    }
}

TEST_F(CompareTest, OfReluUnitsAScaleIsUndetermined) {
    const Perceptron network{{2, 4, 1}, Activation::relu, PerceptronLoss::squared_error};
    const Model<double> model(ModelKind::squared, {.samples = 30, .features = 2});
    const auto free = make_perceptron<double>(network, model.samples());
    const auto held = make_perceptron<double>(network, model.samples(), {.l2 = 0.1});
    const std::vector<double> x = random_start<double>(network, 2);
    const auto scores = compare<double>(
        {{.name = "free", .problem = free, .x = x}, {.name = "held", .problem = held, .x = x}},
        compare_options());
    EXPECT_EQ(scores[0].counted, 17 - 4 + 1);
    EXPECT_EQ(scores[1].counted, 17 + 1);
}

TEST_F(CompareTest, WhatIsNoSumOverSamplesHasTheirNumberFromTheCaller) {
    // 100 (x_1 - x_0^2)^2 + (1 - x_0)^2 = 101 at (0, 1).
    const auto objective = make_objective<double>(ExtendedRosenbrock{}, 2);
    const FittedModel<double> plain{.name = "plain", .problem = objective, .x = {0, 1}};
    FittedModel<double> log = plain, log_of_30 = plain, normal = plain, normal_of_30 = plain;
    log.likelihood = log_of_30.likelihood = Likelihood::negative_log;
    normal.likelihood = normal_of_30.likelihood = Likelihood::gaussian;
    normal.noise_variance = 2;
    log_of_30.samples = normal_of_30.samples = 30;
    normal_of_30.targets = 2;
    const auto scores = compare<double>({log, log_of_30, normal, normal_of_30}, compare_options());
    EXPECT_EQ(scores[0].aic, 2 * 2 + 2 * 101);
    EXPECT_TRUE(std::isnan(scores[0].samples));
    EXPECT_TRUE(std::isnan(scores[0].bic));
    EXPECT_TRUE(std::isnan(scores[0].aicc));
    EXPECT_NE(scores[0].notes.find("FittedModel::samples"), std::string::npos) << scores[0].notes;
    EXPECT_NEAR(scores[1].bic, 2 * std::log(30.0) + 2 * 101, 1e-12);
    EXPECT_EQ(scores[1].samples, 30);
    EXPECT_TRUE(std::isnan(scores[2].log_likelihood));
    EXPECT_TRUE(std::isnan(scores[2].noise_variance));
    EXPECT_TRUE(std::isnan(scores[2].aic));
    EXPECT_NE(scores[2].notes.find("FittedModel::samples"), std::string::npos) << scores[2].notes;
    const double variance = 101.0 / 60;
    EXPECT_NEAR(scores[3].noise_variance, variance, 1e-12);
    EXPECT_NEAR(scores[3].log_likelihood, -30 * (std::log(2 * std::numbers::pi * variance) + 1),
                1e-10);
    EXPECT_EQ(scores[3].counted, 3);
    EXPECT_EQ(std::ranges::count(to_table({scores[0]}), '*'), 1) << to_table({scores[0]});
}

TEST_F(CompareTest, PerceptronsAndOwnLossesHaveTheLikelihoodTheyAreSaidToHave) {
    // A perceptron without hidden layers is a linear regression with half of its loss.
    ModelOptions options{.samples = 30, .features = 2};
    options.problem = {.l2 = 0.2};
    const Model<double> model(ModelKind::squared, options);
    const std::vector<double> x = minimiser(model.problem());
    std::vector<double> with_bias = x;
    with_bias.push_back(0);
    Perceptron network{{2, 1}, Activation::tanh, PerceptronLoss::squared_error};
    const auto perceptron =
        make_perceptron<double>(network, model.samples(), {.l2 = 0.1, .penalize_intercept = true});
    const Model<double> robust(ModelKind::huber, options);
    const auto scores = compare<double>(
        {{.name = "a", .problem = model.problem(), .x = x, .noise_variance = 0.4},
         {.name = "b", .problem = perceptron, .x = with_bias, .noise_variance = 0.4},
         {.name = "c", .problem = robust.problem(), .x = minimiser(robust.problem())},
         {.name = "d",
          .problem = robust.problem(),
          .x = minimiser(robust.problem()),
          .likelihood = Likelihood::negative_log},
         {.name = "e", .problem = model.problem(), .x = x, .likelihood = Likelihood::none}},
        compare_options());
    EXPECT_NEAR(scores[0].log_likelihood, scores[1].log_likelihood, 1e-9);
    EXPECT_TRUE(std::isnan(scores[2].log_likelihood));
    EXPECT_NE(scores[2].notes.find("not known to be a likelihood"), std::string::npos);
    EXPECT_FALSE(std::isnan(scores[2].loss));
    EXPECT_FALSE(std::isnan(scores[3].log_likelihood));
    EXPECT_TRUE(std::isnan(scores[4].aic));
}

TEST_F(CompareTest, CrossValidationChoosesTheModelThatPredicts) {
    // The targets are a cubic's with noise; models are polynomials.
    constexpr int N = 60;
    std::vector<double> y;
    Random random(3);
    std::vector<std::vector<double>> X(9);
    for (int i = 0; i < N; ++i) {
        const double t = -1 + 2.0 * i / (N - 1);
        for (std::size_t degree = 0; degree < X.size(); ++degree)
            for (std::size_t power = 0; power <= degree; ++power)
                X[degree].push_back(std::pow(t, static_cast<double>(power)));
        y.push_back(1 - 2 * t + 3 * t * t * t + 0.2 * random.near_normal());
    }
    std::vector<FittedModel<double>> models;
    for (std::size_t degree : {1, 3, 8}) {
        Samples<double> samples;
        samples.features = X[degree].data();
        samples.count = N;
        samples.dimension = static_cast<int>(degree) + 1;
        samples.targets = y.data();
        const auto problem =
            make_linear_predictor<double>(LinearRegression{}, samples, {.l2 = 1e-4});
        models.push_back({"degree " + std::to_string(degree), problem, minimiser(problem)});
    }
    const auto scores = compare(models, compare_options(5));
    for (std::size_t m : {0, 2}) {
        EXPECT_LT(scores[1].held_out_loss, scores[m].held_out_loss);
        EXPECT_LT(scores[1].bic, scores[m].bic);
        EXPECT_GT(scores[1].log_evidence, scores[m].log_evidence);
    }
    EXPECT_LT(scores[2].loss, scores[1].loss);
    // The same folds for all, whatever their order.
    std::ranges::reverse(models);
    const auto again = compare(models, compare_options(5));
    for (std::size_t m = 0; m < 3; ++m) {
        EXPECT_EQ(again[2 - m].held_out_loss, scores[m].held_out_loss);
        EXPECT_EQ(again[2 - m].log_evidence, scores[m].log_evidence);
    }
    auto options = compare_options(5);
    options.seed = 9;
    EXPECT_NE(compare(models, options)[0].held_out_loss, again[0].held_out_loss);

    const std::string table = to_table(scores);
    EXPECT_EQ(std::ranges::count(table.substr(0, table.find("degree 1:")), '\n'), 4) << table;
    EXPECT_NE(table.find("log evidence"), std::string::npos);
    EXPECT_EQ(std::ranges::count(table, '*'), 5) << table;
}

TEST_F(CompareTest, WhatCannotBeSaidIsNotANumberAndSaysWhy) {
    // X = [[1, 2], [3, 4]], y = [2, 4] is fitted exactly.
    const std::vector<double> X{1, 2, 3, 4}, y{2, 4};
    Samples<double> samples;
    samples.features = X.data();
    samples.count = 2;
    samples.dimension = 2;
    samples.targets = y.data();
    const auto exact = make_linear_predictor<double>(LinearRegression{}, samples);
    const auto quadratic = make_objective<double>(ExtendedRosenbrock{}, 2);
    ModelOptions options{.samples = 30, .features = 2};
    options.problem = {.l2 = 0.3, .intercept = true};
    const Model<double> with_intercept(ModelKind::logistic, options);
    const std::vector<double> x = minimiser(with_intercept.problem());
    std::vector<double> away = x;
    away[0] += 2;
    const Model<double> other(ModelKind::logistic,
                              {.samples = 30, .features = 3, .problem = {.l2 = 0.3}});
    auto how = compare_options(2);
    const auto scores =
        compare<double>({{.name = "exact", .problem = exact, .x = {0, 1}},
                         {.name = "objective", .problem = quadratic, .x = {1, 1}},
                         {.name = "intercept", .problem = with_intercept.problem(), .x = x},
                         {.name = "away", .problem = other.problem(), .x = {2, 2, 2}}},
                        how);
    EXPECT_NE(scores[0].notes.find("exact"), std::string::npos) << scores[0].notes;
    EXPECT_TRUE(std::isnan(scores[0].aic));
    EXPECT_NE(scores[1].notes.find("not a sum over samples"), std::string::npos);
    EXPECT_TRUE(std::isnan(scores[1].held_out_loss));
    EXPECT_NE(scores[2].notes.find("parameter 2 has no penalty"), std::string::npos)
        << scores[2].notes;
    EXPECT_NE(scores[3].notes.find("no minimiser"), std::string::npos) << scores[3].notes;
    how.largest_dense = 2;
    how.folds = 0;
    EXPECT_NE(compare<double>({{.name = "", .problem = other.problem(), .x = {0, 0, 0}}}, how)[0]
                  .notes.find("largest_dense"),
              std::string::npos);
}

TEST_F(CompareTest, ACallbackEndsTheCrossValidation) {
    const Model<double> model(ModelKind::logistic,
                              {.samples = 60, .features = 3, .problem = {.l2 = 0.1}});
    const FittedModel<double> fitted{.name = "m", .problem = model.problem(), .x = {1, 1, 1}};
    CompareOptions how = compare_options(5);
    const ModelScore whole = compare<double>({fitted}, how)[0];
    EXPECT_EQ(whole.folds, 5);
    // `last` folds are fitted to the end; the fit to the next one ends at its start.
    const auto ended_after = [&](int last) {
        int begun = 0;
        how.minimize.callback = [&, last](const IterationRecord& at) {
            begun += at.iteration == 0;
            return begun <= last;
        };
        return compare<double>({fitted}, how)[0];
    };
    const ModelScore some = ended_after(3);
    EXPECT_EQ(some.folds, 3);
    EXPECT_EQ(some.folds_converged, 3);
    EXPECT_EQ(some.log_likelihood, whole.log_likelihood);
    EXPECT_NE(some.notes.find("cancelled after 3 of 5 folds"), std::string::npos) << some.notes;
    EXPECT_NE(some.held_out_loss, whole.held_out_loss);
    EXPECT_NEAR(some.held_out_loss, whole.held_out_loss, 0.5 * whole.held_out_loss);
    for (const int last : {0, 1}) {
        const ModelScore none = ended_after(last);
        EXPECT_EQ(none.folds, last);
        EXPECT_TRUE(std::isnan(none.held_out_loss));
        EXPECT_NE(none.notes.find("two folds"), std::string::npos) << none.notes;
    }
    EXPECT_EQ(ended_after(5).held_out_loss, whole.held_out_loss);
}

TEST_F(CompareTest, MisuseIsRefused) {
    const Model<double> model(ModelKind::logistic, {.samples = 10, .features = 2});
    const auto expect = [&](const std::vector<FittedModel<double>>& models,
                            const CompareOptions& options, const char* part) {
        const std::string message = message_of<InvalidArgument>([&] { compare(models, options); });
        EXPECT_NE(message.find(part), std::string::npos) << message;
    };
    const FittedModel<double> good{"m", model.problem(), {0, 0}};
    expect({}, compare_options(), "no models");
    expect({good}, compare_options(1), "folds are too few (1)");
    expect({good}, compare_options(11), "folds are too many (11 for 10");
    expect({{"m", model.problem(), {0}}}, compare_options(), "x of the wrong size (1 for 2");
    expect({{"m", model.problem(), {0, std::nan("")}}}, compare_options(), "not finite");
    FittedModel<double> bad = good;
    bad.noise_variance = 0;
    expect({bad}, compare_options(), "noise_variance");
    bad = good;
    bad.squares_factor = -1;
    expect({bad}, compare_options(), "squares_factor");
    bad = good;
    bad.targets = 0;
    expect({bad}, compare_options(), "too few targets (0)");
    bad = good;
    bad.samples = 0;
    expect({bad}, compare_options(), "invalid number of samples");
}

TEST_F(CompareTest, FloatGivesTheSameTable) {
    ModelOptions options{.samples = 50, .features = 2};
    options.problem = {.l2 = 0.1};
    const Model<double> wide(ModelKind::logistic, options);
    const Model<float> narrow(ModelKind::logistic, options);
    const std::vector<double> x = minimiser(wide.problem());
    const auto a =
        compare<double>({{.name = "d", .problem = wide.problem(), .x = x}}, compare_options(5))[0];
    const auto b =
        compare<float>({{.name = "f", .problem = narrow.problem(), .x = {x.begin(), x.end()}}},
                       compare_options(5))[0];
    EXPECT_NEAR(a.bic, b.bic, 1e-3);
    EXPECT_NEAR(a.log_evidence, b.log_evidence, 1e-3);
    EXPECT_NEAR(a.held_out_loss, b.held_out_loss, 1e-4);
}

}  // namespace
}  // namespace cunewton::test
