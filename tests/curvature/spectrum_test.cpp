// All eigenvalues, their density, and what follows from them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "tests/curvature/known_spectrum.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

template <class T>
class SpectrumTest : public BackendTest {};
TYPED_TEST_SUITE(SpectrumTest, Reals, RealName);

std::vector<long double> mixed(int n) {
    std::vector<long double> values;
    for (int i = 0; i < n; ++i) values.push_back(i % 3 == 0 ? -1.0L - i : 2.0L + i);
    return values;
}

double integral_of(const SpectralDensity& density) {
    double integral = 0;
    for (std::size_t i = 1; i < density.points.size(); ++i)
        integral += (density.density[i] + density.density[i - 1]) / 2 *
                    (density.points[i] - density.points[i - 1]);
    return integral;
}

TYPED_TEST(SpectrumTest, IsTheOneThatWasChosen) {
    using T = TypeParam;
    for (const int n : {1, 2, 33}) {
        const KnownSpectrum<T> known(mixed(n));
        auto options = there<SpectrumOptions>();
        const Spectrum<T> values = spectrum(known.problem(), known.origin(), options);
        options.vectors = true;
        const Spectrum<T> both = spectrum(known.problem(), known.origin(), options);
        std::vector<long double> sorted = known.values;
        std::ranges::sort(sorted);
        const std::size_t size = static_cast<std::size_t>(n);
        ASSERT_EQ(values.eigenvalues.size(), size);
        EXPECT_TRUE(values.vectors.empty());
        ASSERT_EQ(both.vectors.size(), size * size);
        EXPECT_EQ(values.backend, tested_backend());
        for (std::size_t k = 0; k < size; ++k) {
            EXPECT_NEAR(values.eigenvalues[k], static_cast<double>(sorted[k]), known.tolerance());
            EXPECT_NEAR(both.eigenvalues[k], static_cast<double>(sorted[k]), known.tolerance());
            for (std::size_t i = 0; i < size; ++i) {
                long double left = 0;
                for (std::size_t j = 0; j < size; ++j)
                    left += static_cast<long double>(known.A[j * size + i]) *
                            both.vectors[k * size + j];
                EXPECT_NEAR(static_cast<double>(left),
                            static_cast<double>(sorted[k]) * both.vectors[k * size + i],
                            2 * known.tolerance());
            }
        }
    }
}

TYPED_TEST(SpectrumTest, InertiaCountsTheSignsAlsoWhereTheRankIsDeficient) {
    using T = TypeParam;
    const KnownSpectrum<T> known({3, -1, 0, 0, 5, -2, 0, 1});
    const Inertia all = inertia(known.problem(), known.origin(), there<InertiaOptions>());
    EXPECT_EQ(all.positive, 3);
    EXPECT_EQ(all.negative, 2);
    EXPECT_EQ(all.zero, 3);
    EXPECT_NEAR(all.smallest, -2, known.tolerance());
    EXPECT_NEAR(all.largest, 5, known.tolerance());
    auto options = there<InertiaOptions>();
    options.tolerance = 1.5;
    const Inertia wide = inertia(known.problem(), known.origin(), options);
    EXPECT_EQ(wide.positive, 2);
    EXPECT_EQ(wide.negative, 1);
    EXPECT_EQ(wide.zero, 5);
    // Two features that are the same, and the common shift of softmax's outputs.
    ModelOptions model_options{.samples = 80, .features = 4};
    const Model<T> model(ModelKind::softmax3, model_options);
    const Inertia softmax = inertia(model.problem(), model.theta(), there<InertiaOptions>());
    EXPECT_EQ(softmax.zero, 4);
    EXPECT_EQ(softmax.positive, 8);
    EXPECT_EQ(softmax.negative, 0);
}

TYPED_TEST(SpectrumTest, InertiaByDifferencesKnowsTheirError) {
    using T = TypeParam;
    const KnownSpectrum<T> known({3, -1, 0, 0, 5});
    for (const HessianBy by : {HessianBy::value_differences, HessianBy::gradient_differences}) {
        auto options = there<InertiaOptions>();
        options.derivatives.hessian = by;
        const Inertia all = inertia(known.problem(), std::vector<T>(5, T(1)), options);
        EXPECT_EQ(all.positive, 2) << to_string(by);
        EXPECT_EQ(all.negative, 1) << to_string(by);
        EXPECT_EQ(all.zero, 2) << to_string(by);
    }
}

TYPED_TEST(SpectrumTest, DefinitenessByCholesky) {
    using T = TypeParam;
    const auto definite = [](const KnownSpectrum<T>& known) {
        return is_positive_definite(known.problem(), known.origin(), there<EvaluationOptions>());
    };
    const Definiteness yes = definite(KnownSpectrum<T>({1, 2, 3}));
    EXPECT_TRUE(yes.positive_definite);
    EXPECT_TRUE(yes.certain);
    EXPECT_EQ(yes.bad_minor, 0);
    EXPECT_GT(yes.least_pivot, 0.1);
    const Definiteness no = definite(KnownSpectrum<T>({1, 2, -3}));
    EXPECT_FALSE(no.positive_definite);
    EXPECT_FALSE(no.certain);
    EXPECT_GE(no.bad_minor, 1);
    // Whatever rounding makes of a singular one, it is not certain.
    EXPECT_FALSE(definite(KnownSpectrum<T>({1, 2, 0, 4})).certain);
}

TYPED_TEST(SpectrumTest, ConditionNumbers) {
    using T = TypeParam;
    const auto condition = [](const KnownSpectrum<T>& known) {
        return condition_number(known.problem(), known.origin(), there<EigenvalueOptions>());
    };
    const ConditionNumber definite = condition(KnownSpectrum<T>({1, 2, 50}));
    EXPECT_NEAR(definite.value, 50, 5e4 * epsilon<T>);
    EXPECT_LE(definite.at_least, definite.value);
    EXPECT_GE(definite.at_most, definite.value);
    EXPECT_NEAR(definite.at_most / definite.at_least, 1, 5e3 * epsilon<T>);
    const ConditionNumber indefinite = condition(KnownSpectrum<T>({-20, 0.5L, 10}));
    EXPECT_NEAR(indefinite.value, 40, 5e4 * epsilon<T>);
    EXPECT_TRUE(std::isinf(condition(KnownSpectrum<T>({3, 0, 10})).value));
    EXPECT_TRUE(std::isinf(condition(KnownSpectrum<T>({0, 0})).value));
    EXPECT_NEAR(condition(KnownSpectrum<T>({-3})).value, 1, 1e2 * epsilon<T>);
}

TYPED_TEST(SpectrumTest, ConditionNumbersWithoutAMatrix) {
    using T = TypeParam;
    // Linear predictors: products are exact whatever the budget.
    ModelOptions model_options{.samples = 2000, .features = 150};
    model_options.problem = {.l2 = 0.5};
    const Model<T> model(ModelKind::squared, model_options);
    auto options = there<EigenvalueOptions>();
    const ConditionNumber all = condition_number(model.problem(), model.theta(), options);
    EXPECT_EQ(all.products, 0);
    options.derivatives.memory_budget = 150 * 150 * sizeof(T) - 1;
    const ConditionNumber ends = condition_number(model.problem(), model.theta(), options);
    EXPECT_GT(ends.products, 0);
    EXPECT_NEAR(ends.value, all.value, 1e-4 * all.value);
    EXPECT_LE(ends.at_least, all.value);
    EXPECT_GE(ends.at_most, all.value);
}

/// Of an indefinite one the middle of the spectrum is not seen.
TYPED_TEST(SpectrumTest, IndefiniteOnesWithoutAMatrix) {
    using T = TypeParam;
    const Perceptron network{{3, 4, 3}, Activation::tanh};
    Random random(3);
    std::vector<T> X, y;
    for (int i = 0; i < 40; ++i) {
        for (int j = 0; j < 3; ++j) X.push_back(static_cast<T>(random.near_normal()));
        y.push_back(static_cast<T>(i % 3));
    }
    const auto problem =
        make_perceptron(network, Samples<T>{X.data(), 40, 3, 0, y.data(), nullptr}, {.l2 = 1e-3});
    const std::vector<T> x = random_start<T>(network, 7);
    auto options = there<PointOptions>();
    const ConditionNumber all = condition_number<T>(problem, x, options);
    ASSERT_LT(all.smallest, 0);
    const Inertia signs = inertia(problem, x, there<InertiaOptions>());
    EXPECT_EQ(signs.positive + signs.negative + signs.zero, 31);
    EXPECT_GT(signs.negative, 0);
    options.derivatives.memory_budget = 31 * 31 * sizeof(T) - 1;
    const ConditionNumber ends = condition_number<T>(problem, x, options);
    EXPECT_TRUE(std::isnan(ends.value));
    EXPECT_TRUE(std::isinf(ends.at_most));
    EXPECT_LE(ends.at_least, all.at_most);
    EXPECT_GE(ends.at_least, 1);
    EXPECT_NEAR(ends.smallest, all.smallest, 1e-4 * all.largest);
    const NegativeCurvature<T> way = negative_curvature<T>(problem, x, options);
    EXPECT_GT(way.products, 0);
    EXPECT_TRUE(way.found);
    EXPECT_NEAR(way.curvature, all.smallest, 1e-4 * all.largest);
    EXPECT_LT(way.escape_f, way.f);
    options.gradient_tolerance = 1e3;
    EXPECT_EQ(classify_point(problem, x, options).kind, PointKind::saddle);
}

TYPED_TEST(SpectrumTest, DensityIsAMeasureWithTheRightMoments) {
    using T = TypeParam;
    const KnownSpectrum<T> known(mixed(60));
    double truth[4] = {};
    for (const long double value : known.values)
        for (int power = 1; power <= 4; ++power)
            truth[power - 1] += static_cast<double>(std::pow(value, power)) / 60;
    auto options = there<DensityOptions>();
    options.probes = 8;
    options.steps = 20;
    const SpectralDensity density = spectral_density(known.problem(), known.origin(), options);
    EXPECT_EQ(density.products, 160);
    EXPECT_EQ(density.nodes.size(), 160u);
    EXPECT_NEAR(std::accumulate(density.weights.begin(), density.weights.end(), 0.0), 1,
                1e3 * epsilon<T>);
    EXPECT_NEAR(integral_of(density), 1, 1e-3);
    for (int k = 0; k < 4; ++k) {
        EXPECT_GT(density.moment_errors[k], 0);
        EXPECT_NEAR(density.moments[k], truth[k], 5 * density.moment_errors[k]) << k;
        // It is the probes' own: tr H = n times the first, as of the same signs.
    }
    for (const double node : density.nodes) {
        EXPECT_GE(node, -58 - known.tolerance());
        EXPECT_LE(node, 61 + known.tolerance());
    }
    for (const double error : density.standard_errors) EXPECT_GE(error, 0);
}

/// Eigenvalues that differ by rounding are one.
TYPED_TEST(SpectrumTest, DensityOfAMultipleOfTheIdentityIntegratesToOne) {
    using T = TypeParam;
    for (const long double apart : {0.0L, 10.0L, 300.0L}) {
        std::vector<long double> values(9, 1.0L);
        for (std::size_t i = 0; i < 9; i += 2) values[i] += apart * epsilon<T>;
        const KnownSpectrum<T> known(values);
        const SpectralDensity density =
            spectral_density(known.problem(), known.origin(), there<DensityOptions>());
        EXPECT_NEAR(integral_of(density), 1, 1e-3) << static_cast<double>(apart);
        EXPECT_GE(density.width, 0.99 * std::sqrt(epsilon<T>));
    }
}

TYPED_TEST(SpectrumTest, TwoStepsDoNotTellTheFourthMoment) {
    using T = TypeParam;
    const KnownSpectrum<T> known(mixed(20));
    auto options = there<DensityOptions>();
    options.steps = 2;
    const SpectralDensity two = spectral_density(known.problem(), known.origin(), options);
    options.steps = 3;
    const SpectralDensity three = spectral_density(known.problem(), known.origin(), options);
    EXPECT_TRUE(std::isnan(two.moments[3]));
    EXPECT_TRUE(std::isnan(two.moment_errors[3]));
    EXPECT_TRUE(std::isfinite(three.moments[3]));
    EXPECT_NEAR(two.moments[2], three.moments[2], 1e4 * epsilon<T> * 8e3);
}

TYPED_TEST(SpectrumTest, DensityOfFewEigenvaluesIsThem) {
    using T = TypeParam;
    // Probes find each eigenspace, in as many steps as there are.
    std::vector<long double> values(30, 1.0L);
    for (std::size_t i = 0; i < 6; ++i) values[i] = -4;
    const KnownSpectrum<T> known(values);
    auto options = there<DensityOptions>();
    options.probes = 20;
    const SpectralDensity density = spectral_density(known.problem(), known.origin(), options);
    double below = 0;
    for (std::size_t k = 0; k < density.nodes.size(); ++k)
        if (density.nodes[k] < -1.5) below += density.weights[k];
    EXPECT_NEAR(below, 0.2, 0.1);
    EXPECT_NEAR(density.moments[0], 0, 5 * density.moment_errors[0]);
    // Of a multiple of the identity there is one, after one step.
    const KnownSpectrum<T> one(std::vector<long double>(7, 3.0L));
    const SpectralDensity point = spectral_density(one.problem(), one.origin(), options);
    EXPECT_EQ(point.steps, 1);
    EXPECT_NEAR(point.moments[3], 81, 1e3 * 81 * epsilon<T>);
    EXPECT_TRUE(std::isfinite(point.density[point.density.size() / 2]));
    const KnownSpectrum<T> none({0, 0, 0});
    const SpectralDensity zero = spectral_density(none.problem(), none.origin(), options);
    EXPECT_EQ(zero.moments[1], 0);
}

/// How accurate a Hessian is said to be, and is.
TYPED_TEST(SpectrumTest, AccuracyOfDifferencesIsWhatItIs) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 100, .features = 5};
    const Model<T> model(ModelKind::poisson, model_options);
    const std::vector<T> x = model.theta();
    const std::vector<long double> truth = model.hessian(x);
    for (const HessianBy by :
         {HessianBy::automatic, HessianBy::gradient_differences, HessianBy::value_differences}) {
        auto options = there<EvaluationOptions>();
        options.derivatives.hessian = by;
        const HessianAccuracy said = assess_hessian(model.problem(), x, options);
        const std::vector<T> H = hessian(model.problem(), x, options);
        double square = 0, size = 0;
        for (std::size_t e = 0; e < H.size(); ++e) {
            square += std::pow(H[e] - static_cast<double>(truth[e]), 2);
            size += std::pow(static_cast<double>(truth[e]), 2);
        }
        const double error = std::sqrt(square);
        // No less than the error is, and no more than the formula's order allows.
        EXPECT_LE(error, 2 * said.error + sum_tolerance<T>(100) * std::sqrt(size)) << to_string(by);
        EXPECT_LE(said.relative_error,
                  100 * (by == HessianBy::value_differences      ? std::sqrt(epsilon<T>)
                         : by == HessianBy::gradient_differences ? std::pow(epsilon<T>, 2.0 / 3)
                                                                 : epsilon<T>))
            << to_string(by);
        EXPECT_EQ(said.exact, by == HessianBy::automatic);
        EXPECT_NEAR(said.digits, -std::log10(said.relative_error), 1e-9);
        EXPECT_GE(said.row, said.column);
        EXPECT_EQ(
            said.worst_value,
            static_cast<double>(
                H[static_cast<std::size_t>(said.column) * 5 + static_cast<std::size_t>(said.row)]));
        EXPECT_NE(said.message.find("digits"), std::string::npos);
    }
    // Steps that are too long are found out.
    auto options = there<EvaluationOptions>();
    options.derivatives.hessian = HessianBy::value_differences;
    const double digits = assess_hessian(model.problem(), x, options).digits;
    options.derivatives.relative_step = 0.5;
    EXPECT_LT(assess_hessian(model.problem(), x, options).digits, std::min(2.0, digits));
}

/// Products with differences of single samples' losses are symmetric, whatever they are off by.
TYPED_TEST(SpectrumTest, EigenvaluesKnowTheErrorOfTheirProducts) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 100, .features = 20};
    const Model<T> model(ModelKind::poisson, model_options);
    auto options = there<EigenvalueOptions>();
    options.tolerance = 0;
    options.derivatives.memory_budget = std::size_t{64} << 20;
    const Eigenvalues<T> exact = extreme_eigenvalues(model.problem(), model.theta(), options);
    options.derivatives.hessian = HessianBy::value_differences;
    // Steps that leave out much.
    options.derivatives.relative_step = 0.1;
    const Eigenvalues<T> rough = extreme_eigenvalues(model.problem(), model.theta(), options);
    const double off = std::abs(rough.largest.values[0] - exact.largest.values[0]);
    EXPECT_LT(exact.product_error, 1e3 * epsilon<T> * exact.norm);
    EXPECT_GT(off, 2 * rough.largest.residuals[0]);
    EXPECT_LE(off, rough.product_error + rough.largest.residuals[0]);
    EXPECT_LT(rough.product_error, 0.5 * rough.norm);
}

TYPED_TEST(SpectrumTest, SumsInFloatRoundAsFloat) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 60, .features = 5};
    const Model<T> model(ModelKind::squared, model_options);
    auto options = there<SpectrumOptions>();
    options.derivatives.hessian_precision = HessianPrecision::single;
    const Spectrum<T> found = spectrum(model.problem(), model.theta(), options);
    EXPECT_GE(found.rounding, 1e-6 * static_cast<double>(found.eigenvalues.back()));
}

/// What rounding hides from both stencils.
class RoundingTest : public BackendTest {
  protected:
    static Problem<double> of_values(int n, std::function<double(const double*)> f) {
        return make_black_box<double>(
            [f](const double* points, int size, int count, double* losses) {
                for (int p = 0; p < count; ++p) losses[p] = f(points + p * size);
            },
            n);
    }
    void SetUp() override {
        BackendTest::SetUp();
        if (testing_cuda()) GTEST_SKIP() << "functions of the host's";
    }
};

TEST_F(RoundingTest, HidesCurvatureBesideALargeLoss) {
    const auto problem = of_values(1, [](const double* x) { return 1e12 + x[0] * x[0] / 2; });
    const std::vector<double> x{0.0};
    const auto options = there<PointOptions>();
    const double H = hessian<double>(problem, x, options)[0];
    const HessianAccuracy said = assess_hessian<double>(problem, x, options);
    EXPECT_GE(said.error, std::abs(H - 1));
    EXPECT_EQ(said.digits, 0);
    EXPECT_EQ(inertia(problem, x, there<InertiaOptions>()).zero, 1);
    EXPECT_EQ(classify_point(problem, x, options).kind, PointKind::degenerate);
    EXPECT_TRUE(std::isinf(condition_number<double>(problem, x, options).value));
    EXPECT_FALSE(is_positive_definite<double>(problem, x, options).certain);
}

TEST_F(RoundingTest, HidesCurvatureBesideALargeGradient) {
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int, double* g) {
        g[0] = 1e12 + x[0];
        return 1e12 * x[0] + x[0] * x[0] / 2;
    };
    const auto problem = make_black_box<double>(box, 1);
    const std::vector<double> x{0.0};
    const auto options = there<EvaluationOptions>();
    const HessianAccuracy said = assess_hessian<double>(problem, x, options);
    EXPECT_GE(said.error, std::abs(hessian<double>(problem, x, options)[0] - 1));
    const Eigenvalues<double> found = extreme_eigenvalues<double>(problem, x, [] {
        auto one = there<EigenvalueOptions>();
        one.smallest = 0;
        return one;
    }());
    EXPECT_GE(found.product_error + found.largest.residuals[0],
              std::abs(found.largest.values[0] - 1));
}

TEST_F(RoundingTest, OfDifferencesIsNotInResiduals) {
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int, double* g) {
        g[0] = 4 * x[0] * x[0] * x[0];
        return x[0] * x[0] * x[0] * x[0];
    };
    auto options = there<EigenvalueOptions>();
    options.smallest = 0;
    const auto found = extreme_eigenvalues(make_black_box<double>(box, 1), {0.0}, options);
    EXPECT_GT(found.largest.values[0], 1e-12);  // the true one is 0
    EXPECT_GE(found.product_error, found.largest.values[0]);
}

TEST_F(RoundingTest, LeavesDefinitenessUncertainInAnyUnits) {
    // Indefinite; by values the second diagonal entry is noise.
    const auto problem =
        of_values(2, [](const double* x) { return (1e10 * x[0] * x[0] - x[1] * x[1]) / 2; });
    for (const double shift : {0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07})
        EXPECT_FALSE(is_positive_definite<double>(problem, {1 + shift, 1 - shift},
                                                  there<EvaluationOptions>())
                         .certain);
    // And what is told of one whose units differ is told.
    const auto definite =
        of_values(2, [](const double* x) { return (1e10 * x[0] * x[0] + x[1] * x[1]) / 2; });
    EXPECT_TRUE(
        is_positive_definite<double>(definite, {1e-9, 1}, there<EvaluationOptions>()).certain);
}

TEST_F(RoundingTest, AStoppedMethodDoesNotMakeAMatrixSingular) {
    // By products alone, with eigenvalues from 1e-8 to 1.
    const int n = 400;
    BlackBox<double> box;
    const auto eigenvalue = [](int j) { return std::pow(10.0, -8.0 * j / 399); };
    box.value_and_gradient = [=](const double* x, int size, double* g) {
        double f = 0;
        for (int j = 0; j < size; ++j) {
            g[j] = eigenvalue(j) * x[j];
            f += g[j] * x[j] / 2;
        }
        return f;
    };
    box.products = [=](const double*, int size, const double* V, int columns, double* HV) {
        for (int e = 0; e < size * columns; ++e) HV[e] = eigenvalue(e % size) * V[e];
    };
    const auto problem = make_black_box<double>(box, n);
    auto options = there<EigenvalueOptions>();
    options.derivatives.memory_budget = 1000;
    options.max_vectors = 300;
    const std::vector<double> x(n, 1.0);
    const ConditionNumber found = condition_number(problem, x, options);
    EXPECT_GT(found.products, 0);
    EXPECT_TRUE(found.converged);
    EXPECT_TRUE(std::isnan(found.value)) << found.value;
    EXPECT_GT(found.at_least, 1e5);
    EXPECT_LE(found.at_least, 1.001e8);
    EXPECT_TRUE(std::isinf(found.at_most));
    options.max_products = 6;
    const ConditionNumber stopped = condition_number(problem, x, options);
    EXPECT_FALSE(stopped.converged);
    EXPECT_TRUE(std::isinf(stopped.at_most));
    EXPECT_LE(stopped.at_least, 1.001e8);
    const auto way = negative_curvature(problem, x, options);
    EXPECT_FALSE(way.converged);
    EXPECT_FALSE(way.found);
}

class SpectrumMisuseTest : public BackendTest {};

TEST_F(SpectrumMisuseTest, IsNamed) {
    const KnownSpectrum<double> known({1, 2, 3});
    for (const int which : {0, 1, 2}) {
        auto options = there<DensityOptions>();
        (which == 0 ? options.probes : which == 1 ? options.steps : options.points) = 1;
        EXPECT_NE(message_of<InvalidArgument>([&] {
                      spectral_density(known.problem(), known.origin(), options);
                  }).find("too few"),
                  std::string::npos);
    }
    auto options = there<DensityOptions>();
    options.width = -1;
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  spectral_density(known.problem(), known.origin(), options);
              }).find("width"),
              std::string::npos);
    auto counted = there<InertiaOptions>();
    counted.tolerance = -1;
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  inertia(known.problem(), known.origin(), counted);
              }).find("negative"),
              std::string::npos);
}

TEST_F(SpectrumMisuseTest, AHessianThatIsNotFiniteHasNoEigenvalues) {
    // e^z overflows.
    ModelOptions model_options{.samples = 20};
    const Model<double> model(ModelKind::poisson, model_options);
    const std::vector<double> x(4, 1e3);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  spectrum(model.problem(), x, there<SpectrumOptions>());
              }).find("not finite"),
              std::string::npos);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  assess_hessian(model.problem(), x, there<EvaluationOptions>());
              }).find("not finite"),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
