// Learning rates from the Hessian, and gradient descent and SGD by them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

RateOptions rate_options() {
    RateOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}
Options descent_options(DescentStep step) {
    Options options;
    options.backend = tested_choice();
    options.threads = 2;
    options.method = Method::gradient_descent;
    options.descent_step = step;
    options.max_iterations = 20000;
    // Thousands of iterations are for the CPU.
    if (testing_cuda()) options.gradient_tolerance = 0.08;
    return options;
}

/// X = [[1, 2], [3, 4]], y = [2, 4]: the mean squared error has the Hessian [[10, 14], [14, 20]]
/// and its minimum at [0, 1].
template <class T>
Problem<T> regression(double factor = 1) {
    static const std::vector<T> X{1, 2, 3, 4}, y{2, 4};
    static const std::vector<T> weights(2, T(1));
    static const std::vector<T> scaled(2, T(8));
    Samples<T> samples;
    samples.features = X.data();
    samples.count = 2;
    samples.dimension = 2;
    samples.targets = y.data();
    samples.weights = factor == 8 ? scaled.data() : weights.data();
    return make_linear_predictor<T>(LinearRegression{}, samples,
                                    {.reduction = factor == 1 ? Reduction::mean : Reduction::sum});
}

/// 1/2 sum a_j x_j^2 - sum b_j x_j
template <class T>
Problem<T> diagonal(const std::vector<T>& a, const std::vector<T>& b) {
    static std::vector<std::vector<T>> kept;
    const std::size_t n = a.size();
    std::vector<T> A(n * n, T(0));
    for (std::size_t j = 0; j < n; ++j) A[j * n + j] = a[j];
    kept.push_back(A);
    const T* const matrix = kept.back().data();
    kept.push_back(b);
    return make_quadratic<T>(matrix, kept.back().data(), static_cast<int>(n));
}

template <class T>
class LearningRatesTest : public BackendTest {};
TYPED_TEST_SUITE(LearningRatesTest, Reals, RealName);

TYPED_TEST(LearningRatesTest, OfTheTwoByTwoRegressionAreItsClosedForms) {
    using T = TypeParam;
    const double tolerance = 100 * epsilon<T>;
    const auto rates = learning_rates(regression<T>(), {T(1), T(1)}, rate_options());
    const long double root = std::sqrt(221.0L), high = 15 + root, low = 15 - root;
    const double size = static_cast<double>(high);
    EXPECT_TRUE(rates.converged);
    EXPECT_NEAR(rates.largest.value, static_cast<double>(high), tolerance * size);
    EXPECT_NEAR(rates.smallest.value, static_cast<double>(low), tolerance * size);
    EXPECT_LE(std::abs(rates.smallest.value - static_cast<double>(low)),
              rates.smallest.error + tolerance * size);
    EXPECT_NEAR(rates.inverse_lambda_max, static_cast<double>(1 / high), tolerance / size);
    EXPECT_NEAR(rates.extreme_eigenvalues, 2.0 / 30, tolerance);
    // g = (10, 14), Hg = (296, 420).
    EXPECT_NEAR(rates.gradient_norm, std::sqrt(296.0), tolerance * 20);
    EXPECT_NEAR(rates.curvature_along, (10 * 296 + 14 * 420) / 296.0, tolerance * size);
    EXPECT_NEAR(rates.exact_along, 296.0 / (10 * 296 + 14 * 420), tolerance);
    ASSERT_EQ(rates.inverse_diagonal.size(), 2u);
    EXPECT_TRUE(rates.diagonal_is_exact);
    EXPECT_NEAR(rates.inverse_diagonal[0], 0.1, tolerance);
    EXPECT_NEAR(rates.inverse_diagonal[1], 0.05, tolerance);
    // p = (1, 0.7): p'Hp / g'p = (10 + 2 * 14 * 0.7 + 20 * 0.49) / (10 + 9.8).
    EXPECT_NEAR(rates.diagonal_excess, 39.4 / 19.8, tolerance * 2);
    EXPECT_EQ(rates.notes, "");
    EXPECT_GT(rates.products, 0);
}

TYPED_TEST(LearningRatesTest, AlongADirectionTheModelIsLowestThere) {
    using T = TypeParam;
    const std::vector<T> x{1, 1}, d{-3, 1};
    const auto rates = learning_rates(regression<T>(), x, rate_options(), d);
    // -g'd / d'Hd = (30 - 14) / (90 - 84 + 20)
    EXPECT_NEAR(rates.exact_along, 16.0 / 26, 1e3 * epsilon<T>);
    const auto reversed = learning_rates(regression<T>(), x, rate_options(), {T(3), T(-1)});
    EXPECT_NEAR(reversed.exact_along, -16.0 / 26, 1e3 * epsilon<T>);
    const auto longer = learning_rates(regression<T>(), x, rate_options(), {T(-12), T(4)});
    EXPECT_NEAR(longer.exact_along, 4.0 / 26, 1e3 * epsilon<T>);
    EXPECT_NEAR(longer.curvature_along, rates.curvature_along, 1e3 * epsilon<T>);
    // No loss on the line is lower.
    EvaluationOptions options;
    options.backend = tested_choice();
    const auto loss = [&](double a) {
        return static_cast<double>(
            evaluate(regression<T>(), {static_cast<T>(1 - 3 * a), static_cast<T>(1 + a)}, options));
    };
    EXPECT_LT(loss(rates.exact_along), loss(rates.exact_along + 0.05));
    EXPECT_LT(loss(rates.exact_along), loss(rates.exact_along - 0.05));
}

TYPED_TEST(LearningRatesTest, ALossEightTimesAsLargeHasAnEighthOfTheRates) {
    using T = TypeParam;
    const std::vector<T> x{1, 1};
    // The sum with weights of 8 is 16 times the mean.
    const auto one = learning_rates(regression<T>(), x, rate_options());
    const auto more = learning_rates(regression<T>(8), x, rate_options());
    const double tolerance = 200 * epsilon<T>;
    EXPECT_NEAR(16 * more.inverse_lambda_max / one.inverse_lambda_max, 1, tolerance);
    EXPECT_NEAR(16 * more.extreme_eigenvalues / one.extreme_eigenvalues, 1, tolerance);
    EXPECT_NEAR(16 * more.exact_along / one.exact_along, 1, tolerance);
    EXPECT_NEAR(16 * more.inverse_diagonal[0] / one.inverse_diagonal[0], 1, tolerance);
    EXPECT_NEAR(more.diagonal_excess, one.diagonal_excess, tolerance);
}

TYPED_TEST(LearningRatesTest, WhatCurvatureDoesNotGiveIsNotANumber) {
    using T = TypeParam;
    {
        const auto rates =
            learning_rates(diagonal<T>({-1, 3, 2}, {1, 1, 1}), {T(0), T(0), T(0)}, rate_options());
        EXPECT_NEAR(rates.smallest.value, -1, 1e3 * epsilon<T>);
        EXPECT_TRUE(std::isnan(rates.extreme_eigenvalues));
        EXPECT_NE(rates.notes.find("negative"), std::string::npos) << rates.notes;
        EXPECT_NEAR(rates.inverse_lambda_max, 1.0 / 3, 1e3 * epsilon<T>);
    }
    {
        // The largest magnitude is that of the negative one, and -g goes along its axis.
        const auto rates =
            learning_rates(diagonal<T>({-4, 2}, {1, 0}), {T(0), T(0)}, rate_options());
        EXPECT_NEAR(rates.inverse_lambda_max, 0.25, 1e3 * epsilon<T>);
        EXPECT_NEAR(rates.curvature_along, -4, 1e3 * epsilon<T>);
        EXPECT_TRUE(std::isnan(rates.exact_along));
    }
    {
        const auto rates =
            learning_rates(diagonal<T>({0, 2}, {1, 1}), {T(0), T(0)}, rate_options());
        EXPECT_TRUE(std::isnan(rates.extreme_eigenvalues));
        EXPECT_NE(rates.notes.find("zero as far as"), std::string::npos) << rates.notes;
    }
    {
        const auto rates =
            learning_rates(diagonal<T>({0, 0}, {1, 1}), {T(0), T(0)}, rate_options());
        EXPECT_TRUE(std::isnan(rates.inverse_lambda_max));
        EXPECT_TRUE(std::isnan(rates.exact_along));
        EXPECT_TRUE(rates.inverse_diagonal.empty());
        EXPECT_TRUE(std::isnan(rates.diagonal_excess));
    }
    {
        const auto rates =
            learning_rates(diagonal<T>({1, 2}, {0, 0}), {T(0), T(0)}, rate_options());
        EXPECT_NE(rates.notes.find("gradient is zero"), std::string::npos) << rates.notes;
        EXPECT_NEAR(rates.extreme_eigenvalues, 2.0 / 3, 1e3 * epsilon<T>);
    }
}

/// A function of the host's that has a gradient and no Hessian.
template <class T, class Function>
Problem<T> with_gradient_only(int n, const Function& function) {
    BlackBox<T> box;
    box.value_and_gradient = [function](const T* x, int, T* g) { return function(x, g); };
    return make_black_box<T>(box, n);
}

TYPED_TEST(LearningRatesTest, WhatDifferencesErrByIsNoCurvature) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    {
        const auto rates = learning_rates(with_gradient_only<T>(1,
                                                                [](const T* x, T* g) {
                                                                    g[0] = 4 * x[0] * x[0] * x[0];
                                                                    return x[0] * g[0] / 4;
                                                                }),
                                          {T(0)}, rate_options());
        EXPECT_GT(rates.largest.value, 0);
        EXPECT_GT(rates.largest.error, rates.largest.value);
        EXPECT_TRUE(std::isnan(rates.inverse_lambda_max)) << rates.inverse_lambda_max;
        EXPECT_TRUE(std::isnan(rates.extreme_eigenvalues));
        EXPECT_NE(rates.notes.find("zero as far as differences"), std::string::npos) << rates.notes;
    }
    // (a'x - b)^2 / 2 has the eigenvalues |a|^2 and 0.
    Random random(11);
    for (int trial = 0; trial < 1000; ++trial) {
        const T a0 = static_cast<T>(random.near_normal()),
                a1 = static_cast<T>(random.near_normal()), b = static_cast<T>(random.near_normal());
        const auto problem = with_gradient_only<T>(2, [=](const T* at, T* g) {
            const T r = a0 * at[0] + a1 * at[1] - b;
            g[0] = a0 * r;
            g[1] = a1 * r;
            return r * r / 2;
        });
        const std::vector<T> x{static_cast<T>(random.near_normal()),
                               static_cast<T>(random.near_normal())};
        const auto rates = learning_rates(problem, x, rate_options());
        const double top = static_cast<double>(a0) * a0 + static_cast<double>(a1) * a1;
        EXPECT_LE(std::abs(rates.smallest.value), rates.smallest.error) << trial;
        EXPECT_LE(std::abs(rates.largest.value - top), rates.largest.error) << trial;
        EXPECT_NE(rates.notes.find("zero as far as its error"), std::string::npos) << rates.notes;
        EXPECT_TRUE(std::isnan(learning_rates(problem, x, rate_options(), {-a1, a0}).exact_along));
        EXPECT_NEAR(rates.inverse_lambda_max * top, 1, 300 * std::pow(epsilon<T>, 2.0 / 3));
    }
}

TYPED_TEST(LearningRatesTest, OfOneParameterAllAgree) {
    using T = TypeParam;
    const auto rates = learning_rates(diagonal<T>({4}, {2}), {T(1)}, rate_options());
    for (const double rate : {rates.inverse_lambda_max, rates.extreme_eigenvalues,
                              rates.exact_along, static_cast<double>(rates.inverse_diagonal[0])})
        EXPECT_NEAR(rate, 0.25, 100 * epsilon<T>);
}

TYPED_TEST(LearningRatesTest, SomeSamplesTellAboutAllOfThem) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 300};
    const Model<T> model(ModelKind::logistic, model_options);
    const Problem<T> problem = model.problem();
    auto options = rate_options();
    const auto all = learning_rates(problem, model.theta(), options);
    options.samples = 1000;
    EXPECT_EQ(learning_rates(problem, model.theta(), options).largest.value, all.largest.value);
    options.samples = 100;
    const auto some = learning_rates(problem, model.theta(), options);
    EXPECT_NE(some.largest.value, all.largest.value);
    EXPECT_NEAR(some.largest.value / all.largest.value, 1, 0.5);
    EXPECT_EQ(some.gradient_norm, all.gradient_norm);
    EXPECT_EQ(learning_rates(problem, model.theta(), options).largest.value, some.largest.value);
    options.seed = 2;
    EXPECT_NE(learning_rates(problem, model.theta(), options).largest.value, some.largest.value);
}

TYPED_TEST(LearningRatesTest, MisuseIsRefused) {
    using T = TypeParam;
    const Problem<T> problem = regression<T>();
    const std::vector<T> x{1, 1};
    const auto expect = [&](const RateOptions& options, const std::vector<T>& d, const char* part) {
        const std::string message =
            message_of<InvalidArgument>([&] { learning_rates(problem, x, options, d); });
        EXPECT_NE(message.find(part), std::string::npos) << message;
    };
    auto options = rate_options();
    expect(options, {T(1)}, "direction has the wrong size (1 for 2");
    expect(options, {T(0), T(0)}, "direction is zero");
    expect(options, {T(1), std::numeric_limits<T>::infinity()}, "direction is not finite");
    options.tolerance = 0;
    expect(options, {}, "tolerance is invalid");
    options = rate_options();
    options.max_products = 0;
    expect(options, {}, "max_products is too small");
    options = rate_options();
    options.samples = -1;
    expect(options, {}, "samples are negative");
    options.samples = 5;
    EXPECT_THROW(learning_rates(make_objective<T>(ExtendedRosenbrock{}, 2), x, options),
                 InvalidArgument);
}

template <class T>
class DescentStepTest : public BackendTest {};
TYPED_TEST_SUITE(DescentStepTest, Reals, RealName);

constexpr DescentStep all_steps[] = {DescentStep::exact_quadratic, DescentStep::inverse_lambda_max,
                                     DescentStep::extreme_eigenvalues,
                                     DescentStep::inverse_diagonal};

TYPED_TEST(DescentStepTest, EachFindsTheMinimumOfTheRegression) {
    using T = TypeParam;
    for (const DescentStep step : all_steps)
        for (const int interval : {1, 50}) {
            SCOPED_TRACE(std::string(to_string(step)) + " for " + std::to_string(interval));
            auto options = descent_options(step);
            options.curvature_interval = interval;
            options.keep_trace = true;
            const auto result = minimize(regression<T>(), {T(1), T(1)}, options);
            // The loss at the minimum is 0: in float a kept step may end where it is rounding.
            EXPECT_TRUE(result.converged() ||
                        (sizeof(T) == 4 && result.status == Status::precision_limit))
                << result.message;
            if (!testing_cuda()) {
                EXPECT_NEAR(result.x[0], 0, 1e4 * epsilon<T>);
                EXPECT_NEAR(result.x[1], 1, 1e4 * epsilon<T>);
            }
            for (std::size_t i = 1; i < result.trace.size(); ++i)
                EXPECT_LE(result.trace[i].f, result.trace[i - 1].f * (1 + 100 * epsilon<T>));
        }
}

TYPED_TEST(DescentStepTest, ExtremeEigenvaluesShrinkTheErrorAsTheyShould) {
    using T = TypeParam;
    auto options = descent_options(DescentStep::extreme_eigenvalues);
    options.curvature_interval = 1000000;
    options.keep_trace = true;
    options.max_iterations = 200;
    options.gradient_tolerance.reset();
    const auto result = minimize(regression<T>(), {T(1), T(1)}, options);
    const double high = 15 + std::sqrt(221.0), low = 15 - std::sqrt(221.0);
    const double shrink = (high - low) / (high + low);
    ASSERT_GE(result.trace.size(), 100u);
    for (std::size_t i = 1; i < 100; ++i) {
        EXPECT_NEAR(result.trace[i].step_length, 2.0 / 30, 1e3 * epsilon<T>);
        EXPECT_LE(result.trace[i].gradient_norm, result.trace[0].gradient_norm *
                                                     std::pow(shrink, static_cast<double>(i)) *
                                                     (1 + 1e4 * epsilon<T>));
    }
    // One estimate, and that of the end.
    EXPECT_LE(result.counts.products, 20);
}

TYPED_TEST(DescentStepTest, AKeptStepTakesFewerProducts) {
    using T = TypeParam;
    const Problem<T> problem = regression<T>();
    const std::vector<T> start{1, 1};
    for (const DescentStep step :
         {DescentStep::inverse_lambda_max, DescentStep::extreme_eigenvalues}) {
        auto options = descent_options(step);
        const auto often = minimize(problem, start, options);
        options.curvature_interval = 20;
        const auto seldom = minimize(problem, start, options);
        EXPECT_TRUE(often.converged() && seldom.converged()) << to_string(step);
        EXPECT_LT(3 * seldom.counts.products, often.counts.products) << to_string(step);
        for (std::size_t j = 0; j < often.x.size() && !testing_cuda(); ++j)
            EXPECT_NEAR(often.x[j], seldom.x[j], 1e4 * epsilon<T>);
    }
}

TYPED_TEST(DescentStepTest, TheDiagonalSeesTheUnitsOfParameters) {
    using T = TypeParam;
    // One step by the inverses of its curvatures is all that this takes.
    const auto problem = diagonal<T>({10, 100, 1000}, {1, 1, 1});
    auto options = descent_options(DescentStep::inverse_diagonal);
    options.keep_trace = true;
    const auto result = minimize(problem, {T(3), T(-2), T(1)}, options);
    EXPECT_TRUE(result.converged()) << result.message;
    ASSERT_GE(result.trace.size(), 2u);
    EXPECT_LE(result.trace[1].gradient_norm, 10 * epsilon<T> * result.trace[0].gradient_norm);
    EXPECT_NEAR(result.x[2], 1e-3, 1e3 * epsilon<T>);
}

TYPED_TEST(DescentStepTest, NegativeCurvatureIsLeftDownhill) {
    using T = TypeParam;
    // Between the valley and the crest of Rosenbrock's function the Hessian is indefinite.
    const Problem<T> problem = make_objective<T>(ExtendedRosenbrock{}, 2);
    EvaluationOptions evaluation;
    evaluation.backend = tested_choice();
    for (const DescentStep step : all_steps) {
        auto options = descent_options(step);
        options.max_iterations = 40;
        options.keep_trace = true;
        const auto result = minimize(problem, {T(0.3), T(1)}, options);
        for (std::size_t i = 1; i < result.trace.size(); ++i)
            EXPECT_LE(result.trace[i].f, result.trace[i - 1].f) << to_string(step);
        EXPECT_LT(result.f, evaluate(problem, {T(0.3), T(1)}, evaluation)) << to_string(step);
        EXPECT_GT(result.iterations, 1) << to_string(step) << result.message;
    }
}

TYPED_TEST(DescentStepTest, MisuseIsRefused) {
    using T = TypeParam;
    auto options = descent_options(DescentStep::exact_quadratic);
    options.curvature_interval = 0;
    EXPECT_THROW(minimize(regression<T>(), {T(1), T(1)}, options), InvalidArgument);
    options = descent_options(DescentStep::exact_quadratic);
    options.sampling.rate_interval = -1;
    EXPECT_THROW(minimize(regression<T>(), {T(1), T(1)}, options), InvalidArgument);
    options.sampling.rate_interval = 0;
    options.sampling.rate_samples = 0;
    EXPECT_THROW(minimize(regression<T>(), {T(1), T(1)}, options), InvalidArgument);
}

TYPED_TEST(DescentStepTest, SgdFollowsTheCurvatureAsItChanges) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 400};
    model_options.problem = {.l2 = 0.01};
    const Model<T> model(ModelKind::poisson, model_options);
    Options options;
    options.backend = tested_choice();
    options.threads = 2;
    options.method = Method::sgd;
    options.max_iterations = 6;
    options.keep_trace = true;
    options.sampling.rate_samples = 200;
    // Far out curvature is e^z: much larger than where the run goes.
    std::vector<T> start = model.theta();
    for (T& x : start) x *= T(2);
    const auto rates_of = [&](int interval) {
        options.sampling.rate_interval = interval;
        const auto result = minimize(model.problem(), start, options);
        std::vector<double> rates;
        for (const IterationRecord& record : result.trace) rates.push_back(record.step_length);
        return std::pair(rates, result);
    };
    const auto [fixed, result] = rates_of(0);
    ASSERT_GE(fixed.size(), 5u);
    for (std::size_t i = 2; i < fixed.size(); ++i) EXPECT_LE(fixed[i], fixed[1]);
    const auto [adapted, again] = rates_of(2);
    EXPECT_EQ(adapted[1], fixed[1]);
    EXPECT_EQ(adapted[2], fixed[2]);
    EXPECT_NE(adapted[3], fixed[3]);
    EXPECT_GT(again.counts.sampled_passes, result.counts.sampled_passes);
    const auto repeated = rates_of(2).second;
    EXPECT_EQ(repeated.x, again.x);
    // A rate of the caller's is his.
    options.sampling.learning_rate = 0.001;
    EXPECT_EQ(rates_of(1).first.back(), 0.001);
}

}  // namespace
}  // namespace cunewton::test
