// Values and derivatives of every loss by every method, against the oracle.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/device_code.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

const std::vector<GradientBy> gradient_methods{GradientBy::analytic, GradientBy::autodiff,
                                               GradientBy::forward_differences,
                                               GradientBy::central_differences};
const std::vector<HessianBy> hessian_methods{HessianBy::analytic, HessianBy::autodiff,
                                             HessianBy::gradient_differences,
                                             HessianBy::value_differences};
const std::vector<int> sample_counts{1, 31, 32, 33, 257};

EvaluationOptions evaluation(GradientBy gradient = GradientBy::automatic,
                             HessianBy hessian = HessianBy::automatic) {
    EvaluationOptions options;
    options.derivatives.gradient = gradient;
    options.derivatives.hessian = hessian;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

/// What the oracle says about a problem at a point.
struct Truth {
    long double f;
    std::vector<long double> g, H;
    long terms;  ///< of the sums

    // Where a gradient or a value nearly cancels, its rounding errors are those of the predictors,
    // passed on through the curvature.
    double f_scale() const { return std::abs(double(f)) + g_scale(); }
    double g_scale() const { return std::max(largest(g), largest(H)); }
    double h_scale() const { return largest(H); }
};

template <class T>
class LossesTest : public BackendTest {
  protected:
    static Truth truth(const Model<T>& model, const std::vector<T>& x) {
        return {model.value(x), model.gradient(x), model.hessian(x),
                static_cast<long>(model.oracle().samples) + model.oracle().features};
    }

    static void expect_value(const Problem<T>& problem, const std::vector<T>& x,
                             const Truth& exact) {
        EXPECT_LE(std::abs(evaluate(problem, x, evaluation()) - exact.f),
                  sum_tolerance<T>(exact.terms) * exact.f_scale())
            << "value";
    }
    static void expect_gradient(const Problem<T>& problem, const std::vector<T>& x,
                                const Truth& exact, GradientBy by) {
        const std::vector<T> g = gradient(problem, x, evaluation(by));
        by = resolve(by, problem.capabilities_on_cpu());
        const double tolerance =
            gradient_tolerance<T>(by, exact.terms, double(exact.f), exact.g_scale());
        EXPECT_LE(largest_error(g, exact.g), tolerance * exact.g_scale())
            << "gradient, " << to_string(by);
    }
    static void expect_hessian(const Problem<T>& problem, const std::vector<T>& x,
                               const Truth& exact, HessianBy by) {
        const std::vector<T> H = hessian(problem, x, evaluation(GradientBy::automatic, by));
        by = resolve(by, problem.capabilities_on_cpu());
        double tolerance = hessian_tolerance<T>(by, exact.terms, double(exact.f), largest(exact.g),
                                                exact.h_scale());
        if (sizeof(T) == 8) tolerance = std::min(tolerance, promised_hessian_accuracy(by));
        EXPECT_LE(largest_error(H, exact.H), tolerance * exact.h_scale())
            << "Hessian, " << to_string(by);
        const std::size_t n = x.size();
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t i = 0; i < j; ++i)
                ASSERT_EQ(H[j * n + i], H[i * n + j]) << "Hessian is not symmetric";
    }
    static void expect_all(const Problem<T>& problem, const std::vector<T>& x, const Truth& exact,
                           const std::vector<GradientBy>& gradients,
                           const std::vector<HessianBy>& hessians) {
        expect_value(problem, x, exact);
        for (const GradientBy by : gradients) expect_gradient(problem, x, exact, by);
        for (const HessianBy by : hessians) expect_hessian(problem, x, exact, by);
    }
};
TYPED_TEST_SUITE(LossesTest, Reals, RealName);

TYPED_TEST(LossesTest, EveryMethodAtEverySampleCount) {
    using T = TypeParam;
    for (const ModelKind kind : all_models())
        for (const int samples : sample_counts) {
            SCOPED_TRACE(name_of(kind) + ", " + std::to_string(samples) + " samples");
            ModelOptions options{.samples = samples, .weights = true, .ld_padding = 3};
            options.problem = {.l2 = 0.25, .intercept = true};
            const Model<T> model(kind, options);
            this->expect_all(model.problem(), model.theta(), this->truth(model, model.theta()),
                             gradient_methods, hessian_methods);
        }
}

TYPED_TEST(LossesTest, EveryCombinationOfOptions) {
    using T = TypeParam;
    for (const ModelKind kind : all_models())
        for (int bits = 0; bits < 32; ++bits) {
            ModelOptions options{.samples = 33, .features = 3};
            options.weights = bits & 1;
            options.problem.reduction = bits & 2 ? Reduction::sum : Reduction::mean;
            options.problem.l2 = bits & 4 ? 0.375 : 0;
            options.problem.intercept = bits & 8;
            options.problem.penalize_intercept = bits & 16;
            SCOPED_TRACE(name_of(kind) + ", options " + std::to_string(bits));
            const Model<T> model(kind, options);
            this->expect_all(model.problem(), model.theta(), this->truth(model, model.theta()),
                             {GradientBy::automatic}, {HessianBy::automatic});
        }
}

TYPED_TEST(LossesTest, ManySamplesAndFeatures) {
    using T = TypeParam;
    // More than one block of every kind: rows, columns, partial sums.
    for (const ModelKind kind : {ModelKind::squared, ModelKind::logistic, ModelKind::softmax3}) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions options{.samples = 4500, .features = 70, .weights = true};
        options.problem = {.reduction = Reduction::mean, .l2 = 0.01, .intercept = true};
        const Model<T> model(kind, options);
        Truth exact = this->truth(model, model.theta());
        // Blocks of at most 256 samples are summed in T, blocks of blocks in a wider type or in few
        // steps; errors of random sign grow with the square root beyond.
        exact.terms = 512;
        this->expect_value(model.problem(), model.theta(), exact);
        this->expect_gradient(model.problem(), model.theta(), exact, GradientBy::analytic);
        const std::vector<T> H = hessian(model.problem(), model.theta(), evaluation());
        EXPECT_LE(largest_error(H, exact.H), sum_tolerance<T>(exact.terms) * exact.h_scale());
    }
}

TYPED_TEST(LossesTest, ZeroWeightsCountForNothing) {
    using T = TypeParam;
    for (const ModelKind kind : all_models()) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions options{.samples = 33, .weights = true, .zero_weights = true};
        options.problem = {.reduction = Reduction::mean, .intercept = true};
        const Model<T> model(kind, options);
        this->expect_all(model.problem(), model.theta(), this->truth(model, model.theta()),
                         {GradientBy::analytic, GradientBy::central_differences},
                         {HessianBy::analytic, HessianBy::autodiff});
    }
}

TYPED_TEST(LossesTest, ALossThatOverflowsAtAZeroWeightCountsForNothing) {
    using T = TypeParam;
    // exp(100 * 50) is infinite: only its weight keeps that sample out.
    const std::vector<T> features{T(0.5), T(100), T(-0.25)}, targets{T(1), T(2), T(0)};
    const std::vector<T> weights{T(1), T(0), T(2)}, x{T(50)}, clean{T(0.5), T(-0.25)},
        clean_targets{T(1), T(0)}, clean_weights{T(1), T(2)};
    const auto with = make_linear_predictor(
        Poisson{}, Samples<T>{features.data(), 3, 1, 0, targets.data(), weights.data()});
    const auto without = make_linear_predictor(
        Poisson{}, Samples<T>{clean.data(), 2, 1, 0, clean_targets.data(), clean_weights.data()});
    const double tolerance = sum_tolerance<T>(3) * evaluate(without, x, evaluation());
    EXPECT_NEAR(evaluate(with, x, evaluation()), evaluate(without, x, evaluation()), tolerance);
    for (const GradientBy by : gradient_methods)
        EXPECT_NEAR(gradient(with, x, evaluation(by))[0], gradient(without, x, evaluation(by))[0],
                    tolerance / forward_step<T>())
            << to_string(by);
    for (const HessianBy by : hessian_methods)
        EXPECT_NEAR(hessian(with, x, evaluation(GradientBy::automatic, by))[0],
                    hessian(without, x, evaluation(GradientBy::automatic, by))[0],
                    tolerance / second_difference_step<T>() / second_difference_step<T>())
            << to_string(by);
}

TYPED_TEST(LossesTest, BatchesOfPoints) {
    using T = TypeParam;
    for (const ModelKind kind : {ModelKind::logistic, ModelKind::softmax3})
        for (const int count : {1, 3, 33}) {
            SCOPED_TRACE(name_of(kind) + ", " + std::to_string(count) + " points");
            ModelOptions options{.samples = 33, .weights = true};
            options.problem = {.l2 = 0.25, .intercept = true};
            const Model<T> model(kind, options);
            std::vector<T> points;
            Random random(3);
            for (int p = 0; p < count; ++p)
                for (const T t : model.theta())
                    points.push_back(static_cast<T>(t + 0.5 * random.near_normal()));
            const std::vector<T> f = evaluate_batch(model.problem(), points, evaluation());
            ASSERT_EQ(f.size(), static_cast<std::size_t>(count));
            const std::size_t n = model.theta().size();
            for (int p = 0; p < count; ++p) {
                const std::vector<T> x(points.begin() + p * n, points.begin() + (p + 1) * n);
                const Truth exact = this->truth(model, x);
                EXPECT_LE(std::abs(f[p] - exact.f),
                          sum_tolerance<T>(exact.terms) * exact.f_scale());
            }
        }
}

TYPED_TEST(LossesTest, HugePredictorsNeitherOverflowNorVanish) {
    using T = TypeParam;
    // z = +-1000: a naive log(1 + e^z) is infinite and a naive tail is 0 where the slope is -1.
    const std::vector<T> features{T(1), T(-1)};
    for (const T target : {T(0), T(1)}) {
        const std::vector<T> targets{target, target}, x{T(1000)};
        const auto problem = make_linear_predictor(
            Logistic{}, Samples<T>{features.data(), 2, 1, 0, targets.data(), nullptr},
            {.reduction = Reduction::sum});
        EXPECT_EQ(evaluate(problem, x, evaluation()), T(1000));
        for (const GradientBy by : {GradientBy::analytic, GradientBy::autodiff})
            EXPECT_EQ(gradient(problem, x, evaluation(by))[0], T(1)) << to_string(by);
        for (const HessianBy by : {HessianBy::analytic, HessianBy::autodiff})
            EXPECT_EQ(hessian(problem, x, evaluation(GradientBy::automatic, by))[0], T(0))
                << to_string(by);
    }
    const std::vector<T> class_one{T(1)}, one{T(1)}, x{T(1000), T(-1000), T(0)};
    const auto softmax = make_linear_predictor(
        Softmax{3}, Samples<T>{one.data(), 1, 1, 0, class_one.data(), nullptr});
    EXPECT_EQ(evaluate(softmax, x, evaluation()), T(2000));
    const std::vector<T> g = gradient(softmax, x, evaluation());
    EXPECT_EQ(g, (std::vector<T>{T(1), T(-1), T(0)}));
}

// ---- Losses of the user.

template <class T>
class UserLossesTest : public LossesTest<T> {
  protected:
    template <int supplied>
    static void expect_black_box(const Model<T>& model, const ProblemOptions& options,
                                 const std::vector<GradientBy>& gradients,
                                 const std::vector<HessianBy>& hessians) {
        SCOPED_TRACE("supplies " + std::to_string(supplied) + " derivatives");
        const int n = static_cast<int>(model.theta().size());
        const auto problem = sample_sum<T>(BlackBoxLogistic<supplied>{}, model.samples(), n,
                                           {.reduction = options.reduction, .l2 = options.l2});
        LossesTest<T>::expect_all(problem, model.theta(),
                                  LossesTest<T>::truth(model, model.theta()), gradients, hessians);
    }
};
TYPED_TEST_SUITE(UserLossesTest, Reals, RealName);

TYPED_TEST(UserLossesTest, BlackBoxOfSamples) {
    using T = TypeParam;
    for (const int samples : {1, 31, 32, 33, 257, 2100})
        for (const Reduction reduction : {Reduction::mean, Reduction::sum}) {
            SCOPED_TRACE(std::to_string(samples) + " samples");
            ModelOptions options{.samples = samples,
                                 .weights = true,
                                 .zero_weights = samples == 33,
                                 .ld_padding = 2};
            options.problem = {
                .reduction = reduction, .l2 = 0.125, .intercept = true, .penalize_intercept = true};
            const Model<T> model(ModelKind::logistic, options);
            this->template expect_black_box<0>(
                model, options.problem,
                {GradientBy::autodiff, GradientBy::forward_differences,
                 GradientBy::central_differences},
                {HessianBy::autodiff, HessianBy::gradient_differences,
                 HessianBy::value_differences});
            this->template expect_black_box<1>(model, options.problem, {GradientBy::analytic},
                                               {HessianBy::gradient_differences});
            this->template expect_black_box<2>(model, options.problem, gradient_methods,
                                               hessian_methods);
        }
}

TYPED_TEST(UserLossesTest, BlackBoxOfManyParameters) {
    using T = TypeParam;
    // More entries than one tile of lanes takes, with every row and column in some remainder.
    ModelOptions options{.samples = 40, .features = 66};
    options.problem = {
        .reduction = Reduction::mean, .l2 = 0.125, .intercept = true, .penalize_intercept = true};
    const Model<T> model(ModelKind::logistic, options);
    this->template expect_black_box<2>(model, options.problem, gradient_methods, hessian_methods);
    this->template expect_black_box<0>(model, options.problem, {GradientBy::central_differences},
                                       {HessianBy::gradient_differences});
}

TYPED_TEST(UserLossesTest, PredictorLossWithoutDerivatives) {
    using T = TypeParam;
    ModelOptions options{.samples = 33, .weights = true};
    options.problem = {.l2 = 0.25, .intercept = true};
    const Model<T> model(ModelKind::squared, options);
    const auto problem = linear_predictor<T>(UserSquaredError{}, model.samples(), options.problem);
    this->expect_all(
        problem, model.theta(), this->truth(model, model.theta()),
        {GradientBy::autodiff, GradientBy::forward_differences, GradientBy::central_differences},
        {HessianBy::autodiff, HessianBy::gradient_differences, HessianBy::value_differences});
    EXPECT_THROW(gradient(problem, model.theta(), evaluation(GradientBy::analytic)),
                 InvalidArgument);
    EXPECT_THROW(
        hessian(problem, model.theta(), evaluation(GradientBy::automatic, HessianBy::analytic)),
        InvalidArgument);
}

TYPED_TEST(UserLossesTest, SamplesWithoutFeaturesOrTargets) {
    using T = TypeParam;
    // l = softplus(x_0), N times: the sum knows its samples only by their number.
    const auto problem = sample_sum<T>(BlackBoxLogistic<0>{}, Samples<T>{.count = 7}, 1,
                                       {.reduction = Reduction::sum});
    const long double z = 0.75L;
    EXPECT_NEAR(evaluate(problem, {T(z)}, evaluation()), 7 * std::log1p(std::exp(z)),
                sum_tolerance<T>(7) * 14);
}

TYPED_TEST(UserLossesTest, Quadratic) {
    using T = TypeParam;
    for (const int n : {1, 7, 33, 100}) {
        SCOPED_TRACE(n);
        Random random(n);
        std::vector<T> A(n * n), b(n), x(n);
        for (int i = 0; i < n; ++i) {
            b[i] = static_cast<T>(random.near_normal());
            x[i] = static_cast<T>(random.near_normal());
            for (int j = 0; j <= i; ++j)
                A[i * n + j] = A[j * n + i] = static_cast<T>(random.near_normal());
        }
        const std::vector<long double> wA(A.begin(), A.end()), wb(b.begin(), b.end()),
            wx(x.begin(), x.end());
        const Truth exact{oracle_quadratic_value(wA, wb, wx), oracle_quadratic_gradient(wA, wb, wx),
                          oracle_quadratic_hessian(wA, wb, wx), 4 * n};
        const auto problem = make_quadratic(A.data(), b.data(), n);
        this->expect_all(
            problem, x, exact,
            {GradientBy::automatic, GradientBy::autodiff, GradientBy::central_differences},
            {HessianBy::automatic, HessianBy::autodiff, HessianBy::gradient_differences,
             HessianBy::value_differences});
    }
}

TYPED_TEST(UserLossesTest, Rosenbrock) {
    using T = TypeParam;
    for (const int n : {2, 10, 64, 202}) {
        SCOPED_TRACE(n);
        Random random(n);
        std::vector<T> x(n);
        for (T& value : x) value = static_cast<T>(1 + 0.5 * random.near_normal());
        const std::vector<long double> wide(x.begin(), x.end());
        const Truth exact{oracle_rosenbrock_value(wide), oracle_rosenbrock_gradient(wide),
                          oracle_rosenbrock_hessian(wide), 4 * n};
        this->expect_all(
            make_objective<T>(cunewton::ExtendedRosenbrock{}, n), x, exact,
            {GradientBy::autodiff, GradientBy::forward_differences,
             GradientBy::central_differences},
            {HessianBy::autodiff, HessianBy::gradient_differences, HessianBy::value_differences});
    }
}

TYPED_TEST(UserLossesTest, TypicalMagnitudesSetTheSteps) {
    using T = TypeParam;
    // x_0 of size 1e6: a step of epsilon^(1/3) alone would be lost in it if it were absolute, and a
    // step for 1e6 would be far too long for x_1.
    const std::vector<T> features{T(1e-6), T(1)}, targets{T(1)}, x{T(1e6), T(0.25)};
    const auto problem = make_sample_sum<T>(
        QuadraticRow{}, Samples<T>{features.data(), 1, 2, 0, targets.data(), nullptr}, 2);
    EvaluationOptions options = evaluation(GradientBy::central_differences);
    options.derivatives.typical_x = {1e6, 1};
    // f = x_0 ((1e-6 x_0 + x_1) / 2 - 1)
    const std::vector<T> g = gradient(problem, x, options);
    const double f0 = double(x[0]) * features[0] + 0.5 * x[1] - 1, f1 = 0.5 * x[0];
    EXPECT_NEAR(g[0], f0, 64 * std::pow(epsilon<T>, 2.0 / 3));
    EXPECT_NEAR(g[1], f1, 64 * std::pow(epsilon<T>, 2.0 / 3) * f1);
}

// ---- Black boxes, which run where their memory is: on the CPU.

template <class T>
class BlackBoxTest : public LossesTest<T> {
  protected:
    void SetUp() override {
        BackendTest::SetUp();
        if (!this->IsSkipped() && testing_cuda())
            GTEST_SKIP() << "a function of host pointers has no GPU code";
    }
    static T rosenbrock(const T* x, int n) {
        T f = 0;
        for (int j = 0; j + 1 < n; j += 2) {
            const T u = x[j + 1] - x[j] * x[j], v = 1 - x[j];
            f += 100 * u * u + v * v;
        }
        return f;
    }
};
TYPED_TEST_SUITE(BlackBoxTest, Reals, RealName);

TYPED_TEST(BlackBoxTest, DerivativesAreDifferencesOfItsValues) {
    using T = TypeParam;
    for (const int n : {2, 10, 64}) {
        SCOPED_TRACE(n);
        const auto problem = make_black_box<T>(
            [&](const T* points, int count_n, int count, T* losses) {
                for (int p = 0; p < count; ++p)
                    losses[p] = TestFixture::rosenbrock(
                        points + static_cast<std::size_t>(p) * count_n, count_n);
            },
            n);
        Random random(n);
        std::vector<T> x(n);
        for (T& value : x) value = static_cast<T>(1 + 0.5 * random.near_normal());
        const std::vector<long double> wide(x.begin(), x.end());
        const Truth exact{oracle_rosenbrock_value(wide), oracle_rosenbrock_gradient(wide),
                          oracle_rosenbrock_hessian(wide), 4 * n};
        this->expect_all(problem, x, exact,
                         {GradientBy::automatic, GradientBy::forward_differences,
                          GradientBy::central_differences},
                         {HessianBy::automatic, HessianBy::value_differences});
        EXPECT_THROW(gradient(problem, x, evaluation(GradientBy::autodiff)), InvalidArgument);
        EXPECT_THROW(
            hessian(problem, x, evaluation(GradientBy::automatic, HessianBy::gradient_differences)),
            InvalidArgument);
        const std::vector<T> f = evaluate_batch(problem, x, evaluation());
        EXPECT_EQ(f, (std::vector<T>{evaluate(problem, x, evaluation())}));
    }
}

TYPED_TEST(BlackBoxTest, HandsOverManyPointsAtOnce) {
    using T = TypeParam;
    int calls = 0, most = 0;
    const auto problem = make_black_box<T>(
        [&](const T*, int, int count, T* losses) {
            ++calls;
            most = std::max(most, count);
            std::fill_n(losses, count, T(1));
        },
        50);
    gradient(problem, std::vector<T>(50, T(0)), evaluation(GradientBy::central_differences));
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(most, 101);
}

TYPED_TEST(BlackBoxTest, HandsOverTheDerivativesThatItHas) {
    using T = TypeParam;
    const int n = 10;
    Random random(n);
    std::vector<T> x(n);
    for (T& value : x) value = static_cast<T>(1 + 0.5 * random.near_normal());
    const std::vector<long double> wide(x.begin(), x.end());
    const Truth exact{oracle_rosenbrock_value(wide), oracle_rosenbrock_gradient(wide),
                      oracle_rosenbrock_hessian(wide), 4 * n};
    const auto gradient_of = [](const T* at, int size, T* g) {
        const std::vector<long double> point(at, at + size);
        const std::vector<long double> true_gradient = oracle_rosenbrock_gradient(point);
        for (int j = 0; j < size; ++j) g[j] = static_cast<T>(true_gradient[j]);
        return static_cast<T>(oracle_rosenbrock_value(point));
    };
    // A gradient alone: values come with it, and the Hessian is a difference of it.
    BlackBox<T> own;
    own.value_and_gradient = gradient_of;
    EXPECT_EQ(resolve(HessianBy::automatic, make_black_box<T>(own, n).capabilities_on_cpu()),
              HessianBy::gradient_differences);
    this->expect_all(
        make_black_box<T>(own, n), x, exact,
        {GradientBy::automatic, GradientBy::analytic, GradientBy::central_differences},
        {HessianBy::automatic, HessianBy::gradient_differences, HessianBy::value_differences});
    EXPECT_THROW(hessian(make_black_box<T>(own, n), x,
                         evaluation(GradientBy::automatic, HessianBy::analytic)),
                 InvalidArgument);
    // With its Hessian; only the lower triangle is read.
    own.hessian = [](const T* at, int size, T* H) {
        const std::vector<long double> true_hessian =
            oracle_rosenbrock_hessian(std::vector<long double>(at, at + size));
        for (int j = 0; j < size; ++j)
            for (int i = 0; i < size; ++i)
                H[j * size + i] = i >= j ? static_cast<T>(true_hessian[j * size + i])
                                         : std::numeric_limits<T>::quiet_NaN();
    };
    this->expect_all(make_black_box<T>(own, n), x, exact, {GradientBy::analytic},
                     {HessianBy::automatic, HessianBy::analytic});
    for (const Method method : all_methods) {
        Options options;
        options.method = method;
        options.backend = tested_choice();
        options.max_iterations = 20000;
        const Result<T> result =
            minimize(make_black_box<T>(own, n), std::vector<T>(n, T(0.9)), options);
        EXPECT_EQ(result.status, Status::converged) << to_string(method) << result.message;
        for (const T value : result.x)
            EXPECT_NEAR(value, 1, sizeof(T) == 8 ? 1e-6 : 2e-2) << to_string(method);
    }
    // What its own gradient says is believed, but checked when that is asked for.
    BlackBox<T> wrong = own;
    wrong.value_and_gradient = [=](const T* at, int size, T* g) {
        const T f = gradient_of(at, size, g);
        g[3] += T(1000);
        return f;
    };
    const DerivativeCheck check = check_gradient(make_black_box<T>(wrong, n), x, evaluation());
    EXPECT_FALSE(check.agrees);
    EXPECT_EQ(check.row, 3);
}

TYPED_TEST(BlackBoxTest, ExceptionsReachTheCallerWithTheirType) {
    using T = TypeParam;
    struct Mine {};
    const auto problem = make_black_box<T>([](const T*, int, int, T*) { throw Mine{}; }, 2);
    EXPECT_THROW(evaluate(problem, {T(0), T(0)}, evaluation()), Mine);
    EXPECT_THROW(hessian(problem, {T(0), T(0)}, evaluation()), Mine);
}

// ---- Misuse.

class EvaluationMisuse : public BackendTest {};

TEST_F(EvaluationMisuse, IsRejected) {
    const auto problem = make_objective<double>(cunewton::ExtendedRosenbrock{}, 2);
    const std::vector<double> x{1, 1};
    EXPECT_THROW(evaluate(problem, {1}, evaluation()), InvalidArgument);
    EXPECT_THROW(evaluate(problem, {1, 1, 1}, evaluation()), InvalidArgument);
    EXPECT_THROW(evaluate(problem, {}, evaluation()), InvalidArgument);
    EXPECT_THROW(gradient(problem, {1, NAN}, evaluation()), InvalidArgument);
    EXPECT_THROW(hessian(problem, {INFINITY, 1}, evaluation()), InvalidArgument);
    EXPECT_THROW(evaluate_batch(problem, {}, evaluation()), InvalidArgument);
    EXPECT_THROW(evaluate_batch(problem, {1, 1, 1}, evaluation()), InvalidArgument);
    EXPECT_THROW(evaluate_batch(problem, {1, 1, 1, NAN}, evaluation()), InvalidArgument);
    EvaluationOptions options = evaluation();
    options.threads = -1;
    EXPECT_THROW(evaluate(problem, x, options), InvalidArgument);
    for (const double step : {-1e-3, 1.0, std::nan(""), double(INFINITY)}) {
        options = evaluation();
        options.derivatives.relative_step = step;
        EXPECT_THROW(gradient(problem, x, options), InvalidArgument) << step;
    }
    for (const std::vector<double>& typical :
         {std::vector<double>{1}, {1, 1, 1}, {1, 0}, {1, -1}, {1, std::nan("")}, {1, INFINITY}}) {
        options = evaluation();
        options.derivatives.typical_x = typical;
        EXPECT_THROW(gradient(problem, x, options), InvalidArgument);
    }
    options = evaluation(GradientBy::central_differences, HessianBy::value_differences);
    options.derivatives.memory_budget = 1;
    EXPECT_THROW(hessian(problem, x, options), InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
