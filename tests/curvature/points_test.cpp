// What kind of point it is, the way down from a saddle, and convexity.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/curvature/known_spectrum.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/thread_ranks.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

template <class T>
class PointsTest : public BackendTest {
  protected:
    static PointClass classify(const KnownSpectrum<T>& known, const std::vector<T>& x) {
        return classify_point(known.problem(), x, there<PointOptions>());
    }
    static Region<T> box(int n, double low, double high) {
        return Region<T>::box(std::vector<T>(static_cast<std::size_t>(n), static_cast<T>(low)),
                              std::vector<T>(static_cast<std::size_t>(n), static_cast<T>(high)));
    }
};
TYPED_TEST_SUITE(PointsTest, Reals, RealName);

TYPED_TEST(PointsTest, AreOfTheirKind) {
    using T = TypeParam;
    const auto kind = [&](std::vector<long double> values) {
        const KnownSpectrum<T> known(std::move(values));
        return this->classify(known, known.origin()).kind;
    };
    EXPECT_EQ(kind({1, 2, 3}), PointKind::minimum);
    EXPECT_EQ(kind({-1, -2, -3}), PointKind::maximum);
    EXPECT_EQ(kind({-1, 2, 3}), PointKind::saddle);
    EXPECT_EQ(kind({-1, 0, 3}), PointKind::saddle);
    EXPECT_EQ(kind({0, 2, 3}), PointKind::degenerate);
    EXPECT_EQ(kind({0, -2, 0}), PointKind::degenerate);
    EXPECT_EQ(kind({0, 0}), PointKind::degenerate);
    EXPECT_EQ(kind({4}), PointKind::minimum);
}

TYPED_TEST(PointsTest, NextToOneAreNotStationary) {
    using T = TypeParam;
    KnownSpectrum<T> known({1, -2, 3, 5});
    // Away from zero: x = A^-1 b.
    const std::vector<T> x{1, -2, T(0.5), 3};
    for (std::size_t i = 0; i < 4; ++i) {
        long double sum = 0;
        for (std::size_t j = 0; j < 4; ++j)
            sum += static_cast<long double>(known.A[j * 4 + i]) * x[j];
        known.b[i] = static_cast<T>(sum);
    }
    const PointClass there_is = this->classify(known, x);
    EXPECT_EQ(there_is.kind, PointKind::saddle);
    EXPECT_EQ(there_is.positive, 3);
    EXPECT_EQ(there_is.negative, 1);
    EXPECT_NE(there_is.message.find("saddle"), std::string::npos);
    std::vector<T> off = x;
    off[1] += T(0.01);
    const PointClass not_there = this->classify(known, off);
    EXPECT_EQ(not_there.kind, PointKind::not_stationary);
    double size = 0;
    for (const T entry : off) size += std::pow(std::max(std::abs(double(entry)), 1.0), 2);
    EXPECT_NEAR(not_there.distance, 0.01 / std::sqrt(size), 1e-4);
    // Unless the caller says what is small.
    auto options = there<PointOptions>();
    options.gradient_tolerance = 1;
    EXPECT_EQ(classify_point(known.problem(), off, options).kind, PointKind::saddle);
}

TYPED_TEST(PointsTest, KindsDoNotDependOnTheUnitOfTheLoss) {
    using T = TypeParam;
    for (const int exponent : {-60, 0, 60}) {
        KnownSpectrum<T> known({1, -2, 3});
        for (T& entry : known.A) entry = std::ldexp(entry, exponent);
        EXPECT_EQ(this->classify(known, known.origin()).kind, PointKind::saddle);
        EXPECT_EQ(this->classify(known, std::vector<T>(3, T(0.01))).kind,
                  PointKind::not_stationary);
    }
}

TYPED_TEST(PointsTest, ByDifferencesAreToldToTheirAccuracy) {
    using T = TypeParam;
    const auto problem = make_objective<T>(ExtendedRosenbrock{}, 4);
    auto options = there<PointOptions>();
    options.derivatives.gradient = GradientBy::central_differences;
    options.derivatives.hessian = HessianBy::value_differences;
    EXPECT_EQ(classify_point(problem, std::vector<T>(4, T(1)), options).kind, PointKind::minimum);
    EXPECT_EQ(classify_point(problem, std::vector<T>{-1, 1, -1, 1}, options).kind,
              PointKind::not_stationary);
    options.derivatives.gradient = GradientBy::forward_differences;
    EXPECT_EQ(classify_point(problem, std::vector<T>(4, T(1)), options).kind, PointKind::minimum);
}

TYPED_TEST(PointsTest, OfLargeProblemsByTheirEnds) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 1500, .features = 150};
    model_options.problem = {.l2 = 0.5};
    const Model<T> model(ModelKind::squared, model_options);
    auto options = there<PointOptions>();
    options.derivatives.memory_budget = 150 * 150 * sizeof(T) - 1;
    options.gradient_tolerance = 1e3;
    const PointClass ends = classify_point(model.problem(), model.theta(), options);
    EXPECT_EQ(ends.kind, PointKind::minimum);
    EXPECT_EQ(ends.positive, -1);
    EXPECT_GT(ends.products, 0);
    options.derivatives.memory_budget = std::size_t{256} << 20;
    const PointClass all = classify_point(model.problem(), model.theta(), options);
    EXPECT_EQ(all.kind, PointKind::minimum);
    EXPECT_EQ(all.positive, 150);
    EXPECT_NEAR(ends.largest, all.largest, 1e-4 * all.largest);
    EXPECT_NEAR(ends.smallest, all.smallest, 1e-4 * all.largest);
}

TYPED_TEST(PointsTest, SaddlesHaveAWayDown) {
    using T = TypeParam;
    const KnownSpectrum<T> known({4, 2, -0.5L, 3});
    const NegativeCurvature<T> way =
        negative_curvature(known.problem(), known.origin(), there<EigenvalueOptions>());
    ASSERT_TRUE(way.found);
    EXPECT_NEAR(way.curvature, -0.5, known.tolerance());
    long double along = 0, length = 0;
    for (std::size_t j = 0; j < 4; ++j) {
        along += known.Q[2 * 4 + j] * way.direction[j];
        length += static_cast<long double>(way.direction[j]) * way.direction[j];
    }
    EXPECT_NEAR(static_cast<double>(std::abs(along)), 1, 100 * epsilon<T>);
    EXPECT_NEAR(static_cast<double>(length), 1, 100 * epsilon<T>);
    ASSERT_EQ(way.escape.size(), 4u);
    EXPECT_LT(way.escape_f, way.f);
    EXPECT_NEAR(way.escape_f, -0.25 * way.step * way.step, 1e-5 * way.step * way.step);
    EXPECT_EQ(way.escape_f, evaluate(known.problem(), way.escape, there<EvaluationOptions>()));
    const KnownSpectrum<T> convex({4, 2, 0, 3});
    const NegativeCurvature<T> none =
        negative_curvature(convex.problem(), convex.origin(), there<EigenvalueOptions>());
    EXPECT_FALSE(none.found);
    EXPECT_TRUE(none.escape.empty());
    EXPECT_NEAR(none.curvature, 0, convex.tolerance());
}

TYPED_TEST(PointsTest, NoneOfConvexLossesIsDenied) {
    using T = TypeParam;
    for (const ModelKind kind : all_models()) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions model_options{.samples = 50, .weights = true};
        model_options.problem = {.l2 = kind == ModelKind::logistic ? 0.1 : 0, .intercept = true};
        const Model<T> model(kind, model_options);
        const Problem<T> problem = model.problem();
        auto options = there<ConvexityOptions>();
        options.triples = testing_cuda() ? 50 : 2000;
        options.curvatures = 3;
        for (const double size : {1e-3, 3.0}) {
            const int n = problem.dimension();
            for (const Region<T>& region :
                 {this->box(n, -size, size), Region<T>::ball(model.theta(), size)}) {
                const ConvexityCheck<T> check = check_convexity(problem, region, options);
                EXPECT_FALSE(check.counter_example) << check.message;
                EXPECT_EQ(check.triples, options.triples);
                EXPECT_EQ(check.curvatures, 3);
                const double tried = static_cast<double>(check.triples);
                EXPECT_NEAR(check.missed_at_most, 3 / tried, 0.2 / tried);
            }
        }
        const ConvexityCertificate certificate =
            convexity_certificate(problem, there<EvaluationOptions>());
        EXPECT_TRUE(certificate.convex);
        // The intercept is spared by the penalty.
        EXPECT_EQ(certificate.strong_convexity, 0);
        EXPECT_FALSE(certificate.reason.empty());
    }
}

/// What is reported fails the inequality, as the loss itself says.
template <class T>
void expect_counter_example(const Problem<T>& problem, const Region<T>& region,
                            const ConvexityCheck<T>& check) {
    ASSERT_TRUE(check.counter_example) << check.message;
    EXPECT_GT(check.gap, check.rounding);
    EXPECT_GT(check.l, 0);
    EXPECT_LT(check.l, 1);
    std::vector<T> middle;
    for (std::size_t j = 0; j < check.x.size(); ++j) {
        middle.push_back(static_cast<T>(check.l * check.x[j] + (1 - check.l) * check.y[j]));
        if (region.lower.empty()) continue;
        EXPECT_GE(check.x[j], region.lower[j]);
        EXPECT_LE(check.y[j], region.upper[j]);
    }
    const auto f = [&](const std::vector<T>& x) {
        return static_cast<double>(evaluate(problem, x, there<EvaluationOptions>()));
    };
    const double gap = f(middle) - (check.l * f(check.x) + (1 - check.l) * f(check.y));
    EXPECT_GT(gap, 0);
    EXPECT_NEAR(gap, check.gap, check.rounding);
    EXPECT_EQ(check.missed_at_most, 1);
}

TYPED_TEST(PointsTest, CounterExamplesAreFoundWhereThereAreSome) {
    using T = TypeParam;
    auto options = there<ConvexityOptions>();
    options.triples = 500;
    const KnownSpectrum<T> known({4, 2, -3, 1});
    const Region<T> ball = Region<T>::ball(known.origin(), 2);
    for (const Region<T>& region : {this->box(4, -1, 2), ball})
        expect_counter_example(known.problem(), region,
                               check_convexity(known.problem(), region, options));
    const auto rosenbrock = make_objective<T>(ExtendedRosenbrock{}, 2);
    const Region<T> region = this->box(2, -2, 2);
    expect_counter_example(rosenbrock, region, check_convexity(rosenbrock, region, options));
    const Perceptron network{{2, 4, 2}, Activation::tanh};
    Random random(3);
    std::vector<T> X, y;
    for (int i = 0; i < 20; ++i) {
        for (int j = 0; j < 2; ++j) X.push_back(static_cast<T>(random.near_normal()));
        y.push_back(static_cast<T>(i % 2));
    }
    const auto perceptron =
        make_perceptron(network, Samples<T>{X.data(), 20, 2, 0, y.data(), nullptr}, {.l2 = 1e-3});
    const Region<T> weights = this->box(perceptron.dimension(), -2, 2);
    expect_counter_example(perceptron, weights, check_convexity(perceptron, weights, options));
    EXPECT_FALSE(convexity_certificate(perceptron, there<EvaluationOptions>()).convex);
}

/// One small negative eigenvalue among large positive ones: chords rarely follow it.
TYPED_TEST(PointsTest, CurvatureFindsWhatChordsMiss) {
    using T = TypeParam;
    std::vector<long double> values(30, 1.0L);
    values[4] = -0.01L;
    const KnownSpectrum<T> known(values);
    const Region<T> region = Region<T>::ball(known.origin(), 1);
    auto options = there<ConvexityOptions>();
    options.triples = 200;
    const ConvexityCheck<T> both = check_convexity(known.problem(), region, options);
    expect_counter_example(known.problem(), region, both);
    EXPECT_TRUE(both.by_curvature);
    EXPECT_NEAR(both.least_curvature, -0.01, 1e-3);
    options.curvatures = 0;
    const ConvexityCheck<T> chords = check_convexity(known.problem(), region, options);
    EXPECT_FALSE(chords.counter_example);
    EXPECT_NE(chords.message.find("no proof"), std::string::npos);
    // And what is concave nowhere has none, however flat.
    values[4] = 0;
    const KnownSpectrum<T> flat(values);
    options.curvatures = 8;
    EXPECT_FALSE(check_convexity(flat.problem(), region, options).counter_example);
}

TYPED_TEST(PointsTest, CertificatesOfQuadratics) {
    using T = TypeParam;
    const auto certify = [](const KnownSpectrum<T>& known) {
        return convexity_certificate(known.problem(), there<EvaluationOptions>());
    };
    const KnownSpectrum<T> strong({2, 3, 7});
    EXPECT_TRUE(certify(strong).convex);
    EXPECT_NEAR(certify(strong).strong_convexity, 2, 10 * strong.tolerance());
    EXPECT_LE(certify(strong).strong_convexity, 2 + strong.tolerance());
    EXPECT_FALSE(certify(strong).within_rounding);
    // One that rounding may have made of a negative one is not certified.
    for (const long double least : {0.0L, -3.0L * epsilon<T>}) {
        const ConvexityCertificate weak = certify(KnownSpectrum<T>({least, 3, 7}));
        EXPECT_FALSE(weak.convex);
        EXPECT_TRUE(weak.within_rounding);
        EXPECT_EQ(weak.strong_convexity, 0);
        EXPECT_NE(weak.reason.find("may hide a negative one"), std::string::npos);
    }
    EXPECT_TRUE(certify(KnownSpectrum<T>({0, 0})).convex);
    EXPECT_FALSE(certify(KnownSpectrum<T>({-1, 3, 7})).convex);
    EXPECT_FALSE(certify(KnownSpectrum<T>({-1, 3, 7})).within_rounding);
    // With the penalty on all coefficients.
    ModelOptions model_options{.samples = 50};
    model_options.problem = {.l2 = 0.25};
    const Model<T> model(ModelKind::logistic, model_options);
    EXPECT_EQ(convexity_certificate(model.problem(), there<EvaluationOptions>()).strong_convexity,
              0.25);
}

TYPED_TEST(PointsTest, ManyStartsOfAConvexProblemEndAtOneMinimum) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 300, .features = 5};
    model_options.problem = {.l2 = 1e-2};
    const Model<T> model(ModelKind::logistic, model_options);
    const Problem<T> problem = model.problem();
    ASSERT_TRUE(convexity_certificate(problem, there<EvaluationOptions>()).convex);
    Random random(11);
    std::vector<T> first;
    for (int start = 0; start < (testing_cuda() ? 3 : 20); ++start) {
        std::vector<T> x0;
        for (int j = 0; j < problem.dimension(); ++j)
            x0.push_back(static_cast<T>(10 * random.near_normal()));
        const Result<T> result = minimize(problem, x0, there<Options>());
        ASSERT_TRUE(result.converged()) << result.message;
        EXPECT_EQ(classify_point(problem, result.x, there<PointOptions>()).kind,
                  PointKind::minimum);
        if (first.empty()) first = result.x;
        for (std::size_t j = 0; j < first.size(); ++j)
            EXPECT_NEAR(result.x[j], first[j], 1e3 * std::sqrt(epsilon<T>));
    }
}

class RegionTest : public BackendTest {};

TEST_F(RegionTest, MisuseIsNamed) {
    const KnownSpectrum<double> known({1, 2, 3});
    using R = Region<double>;
    const auto message = [&](const R& region, ConvexityOptions options = {}) {
        return message_of<InvalidArgument>(
            [&] { check_convexity(known.problem(), region, there(options)); });
    };
    EXPECT_NE(message(R::box({0, 0}, {1, 1, 1})).find("2 for 3 parameters"), std::string::npos);
    EXPECT_NE(message(R::box({0, 0, 0}, {1, -1, 1})).find("the region is empty"),
              std::string::npos);
    EXPECT_NE(message(R::box({0, 0, NAN}, {1, 1, 1})).find("not finite"), std::string::npos);
    EXPECT_NE(message(R::box({1, 1, 1}, {1, 1, 1})).find("single point"), std::string::npos);
    EXPECT_NE(message(R::ball({0, 0, 0}, 0)).find("radius"), std::string::npos);
    EXPECT_NE(message(R::ball({0, 0}, 1)).find("the centre"), std::string::npos);
    ConvexityOptions negative;
    negative.triples = -1;
    EXPECT_NE(message(R::ball({0, 0, 0}, 1), negative).find("triples"), std::string::npos);
    // A box without extent in one direction is one.
    auto options = there<ConvexityOptions>();
    options.triples = 10;
    EXPECT_FALSE(
        check_convexity(known.problem(), R::box({0, 1, 0}, {1, 1, 1}), options).counter_example);
}

TEST_F(RegionTest, RoundingWithinALossIsNoCounterExample) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    // A straight line, of which cancellation leaves six digits.
    const auto problem = make_black_box<double>(
        [](const double* points, int, int count, double* losses) {
            for (int p = 0; p < count; ++p) losses[p] = (1e10 + points[p]) - 1e10;
        },
        1);
    auto options = there<ConvexityOptions>();
    options.curvatures = 0;
    const auto check = check_convexity(problem, Region<double>::box({-1}, {1}), options);
    EXPECT_FALSE(check.counter_example) << check.message;
    // What may be rounding is not taken for agreement.
    EXPECT_GT(check.unconfirmed, 1000);
    EXPECT_GT(check.missed_at_most,
              static_cast<double>(check.unconfirmed) / static_cast<double>(check.triples));
    EXPECT_LT(check.missed_at_most, 1);
    EXPECT_NE(check.message.find("may be rounding"), std::string::npos);
}

/// A plane of which cancellation leaves a staircase: along some chords it is constant for long.
TEST_F(RegionTest, AStaircaseOfRoundingIsNoCounterExample) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    const auto problem = make_black_box<float>(
        [](const float* points, int n, int count, float* losses) {
            for (int p = 0; p < count; ++p) {
                float sum = 0;
                for (int j = 0; j < n; ++j) sum += points[p * n + j];
                losses[p] = (1e4f + sum) - 1e4f;
            }
        },
        3);
    auto options = there<ConvexityOptions>();
    options.curvatures = 0;
    for (options.seed = 1; options.seed <= 20; ++options.seed) {
        const auto check = check_convexity(problem, Region<float>::ball({0, 0, 0}, 1), options);
        EXPECT_FALSE(check.counter_example) << check.message;
    }
}

/// What is flat far away is not taken for a staircase.
TEST_F(RegionTest, LossesThatAreFlatFarAwayAreDenied) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    const auto problem = make_black_box<double>(
        [](const double* points, int, int count, double* losses) {
            for (int p = 0; p < count; ++p) losses[p] = std::exp(-points[p] * points[p]);
        },
        1);
    auto options = there<ConvexityOptions>();
    options.curvatures = 0;
    const auto check = check_convexity(problem, Region<double>::box({-60}, {60}), options);
    EXPECT_TRUE(check.counter_example) << check.message;
}

/// Of n numbers all between `low` and `high`, on which losses are taken: cos(rate x_0).
template <class T>
Problem<T> wave(double rate, int n, double& low, double& high) {
    return make_black_box<T>(
        [=, &low, &high](const T* points, int size, int count, T* losses) {
            for (int p = 0; p < count * size; ++p) {
                low = std::min(low, static_cast<double>(points[p]));
                high = std::max(high, static_cast<double>(points[p]));
            }
            for (int p = 0; p < count; ++p)
                losses[p] = std::cos(static_cast<T>(rate) * points[p * size]);
        },
        n);
}

TYPED_TEST(PointsTest, LossesThatOscillateAreDenied) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    auto options = there<ConvexityOptions>();
    options.triples = 1000;
    options.curvatures = 0;
    // Some hundred waves in the region, of which half of all triples lie above their chord.
    for (const auto& [rate, end] : {std::pair{40.0, 1.0}, {1.0, sizeof(T) == 8 ? 1e4 : 300.0}})
        for (const int n : {1, 2}) {
            double low = 0, high = 0;
            const Problem<T> problem = wave<T>(rate, n, low, high);
            const ConvexityCheck<T> check =
                check_convexity(problem, this->box(n, -end, end), options);
            EXPECT_TRUE(check.counter_example) << check.message;
            EXPECT_EQ(check.unconfirmed, 0);
            EXPECT_EQ(check.missed_at_most, 1);
            EXPECT_GE(low, -static_cast<T>(end));
            EXPECT_LE(high, static_cast<T>(end));
        }
}

/// f = 1e8 x^2 + y has no stationary point, however small its slope is beside its curvature.
TYPED_TEST(PointsTest, ASlopeWithoutCurvatureIsOne) {
    using T = TypeParam;
    const T A[] = {T(2e8), 0, 0, 0}, b[] = {0, T(-1)};
    for (const T unit : {T(1e-6), T(1), T(1e6)}) {
        const T scaled[] = {unit * A[0], 0, 0, 0}, slope[] = {0, unit * b[1]};
        const PointClass point = classify_point(make_quadratic(scaled, slope, 2),
                                                std::vector<T>(2, T(0)), there<PointOptions>());
        // Of float a slope of 1 beside 2e8 is rounding.
        EXPECT_EQ(point.kind, sizeof(T) == 8 ? PointKind::not_stationary : PointKind::degenerate)
            << point.message;
    }
    const T steep[] = {0, T(-1e4)};
    EXPECT_EQ(
        classify_point(make_quadratic(A, steep, 2), std::vector<T>(2, T(0)), there<PointOptions>())
            .kind,
        PointKind::not_stationary);
}

/// sum_j d_j x_j^2 / 2 + b'x with products of its own.
Problem<double> by_products(std::vector<double> d, std::vector<double> b) {
    BlackBox<double> box;
    const int size = static_cast<int>(d.size());
    box.value_and_gradient = [d, b](const double* x, int n, double* g) {
        double f = 0;
        for (int j = 0; j < n; ++j) {
            const std::size_t at = static_cast<std::size_t>(j);
            g[j] = d[at] * x[j] + b[at];
            f += (d[at] * x[j] / 2 + b[at]) * x[j];
        }
        return f;
    };
    box.products = [d](const double*, int n, const double* V, int columns, double* HV) {
        for (int e = 0; e < n * columns; ++e) HV[e] = d[static_cast<std::size_t>(e % n)] * V[e];
    };
    return make_black_box<double>(box, size);
}

TEST_F(RegionTest, PointsByProductsAreAsFarAsTheirModelsSay) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    auto options = there<PointOptions>();
    options.derivatives.memory_budget = 1;
    // |g| / |H| is within sqrt(epsilon), and the minimum is not.
    const PointClass far =
        classify_point(by_products({1, 0.5, 1e-5}, {0, 0, 0}), {0, 0, 1e-3}, options);
    EXPECT_GT(far.products, 0);
    EXPECT_EQ(far.kind, PointKind::not_stationary) << far.message;
    EXPECT_NEAR(far.distance, 1e-3 / std::sqrt(3.0), 1e-6);
    EXPECT_EQ(classify_point(by_products({1, 0.5, 1e-5}, {0, 0, 0}), {0, 0, 1e-12}, options).kind,
              PointKind::minimum);
    EXPECT_EQ(classify_point(by_products({2e8, 0}, {0, 1}), {0, 0}, options).kind,
              PointKind::not_stationary);
    EXPECT_EQ(classify_point(by_products({2e8, 0}, {0, 0}), {0, 0}, options).kind,
              PointKind::degenerate);
}

TEST_F(RegionTest, LossesThatAreNoNumbersHaveNoWayDown) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    const auto problem = by_products({1, -1}, {0, std::numeric_limits<double>::quiet_NaN()});
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  negative_curvature(problem, {1.0, 1.0}, there<EigenvalueOptions>());
              }).find("not finite"),
              std::string::npos);
}

/// sum (x_0 - x_1)^2 over pairs: half of the eigenvalues are 0, and of differences are noise.
struct PairDifference {
    static constexpr int parameters = 2;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto u = x[0] - x[1];
        return u * u;
    }
};

TEST_F(RegionTest, NoiseOfDifferencesIsNoNegativeCurvature) {
    if (testing_cuda()) GTEST_SKIP() << "an element of the host's";
    const int n = 2002;  // from 2001 on there are products alone
    std::vector<int> indices(n);
    std::vector<double> x(n);
    Random random(5);
    for (int j = 0; j < n; ++j) {
        indices[static_cast<std::size_t>(j)] = j;
        x[static_cast<std::size_t>(j)] = random.near_normal();
    }
    const auto problem = make_element_sum<double>(PairDifference{}, indices, n);
    auto options = there<EigenvalueOptions>();
    options.derivatives.hessian = HessianBy::value_differences;
    options.tolerance = 0;
    options.max_products = 60;
    const auto way = negative_curvature(problem, x, options);
    EXPECT_GT(way.products, 0);
    EXPECT_FALSE(way.found) << way.curvature;
}

TEST_F(RegionTest, LossesThatAreNotFiniteAreCounted) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    // -log x is convex where it is a number.
    const auto problem = make_black_box<double>(
        [](const double* points, int, int count, double* losses) {
            for (int p = 0; p < count; ++p) losses[p] = -std::log(points[p]);
        },
        1);
    auto options = there<ConvexityOptions>();
    options.triples = 1000;
    const auto check = check_convexity(problem, Region<double>::box({-1}, {1}), options);
    EXPECT_FALSE(check.counter_example) << check.message;
    EXPECT_EQ(check.triples + check.not_finite, 1000);
    EXPECT_GT(check.triples, 150);
    EXPECT_GT(check.not_finite, 500);
}

}  // namespace
}  // namespace cunewton::test
