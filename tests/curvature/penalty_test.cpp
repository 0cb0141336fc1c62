// Penalties on the curvature, against closed forms of a Poisson regression: H = sum e^z x x' and
// T[u, v] = sum e^z (x'u) (x'v) x.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/open_session.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using Kind = CurvaturePenaltyKind;
using Wide = std::vector<long double>;
constexpr Kind all_kinds[] = {Kind::trace, Kind::squared_frobenius_norm, Kind::largest_eigenvalue,
                              Kind::sharpness};

EvaluationOptions evaluation(int threads = 2) {
    EvaluationOptions options;
    options.backend = tested_choice();
    options.threads = threads;
    return options;
}
Options minimization(Method method = Method::newton) {
    Options options;
    options.backend = tested_choice();
    options.threads = 2;
    options.method = method;
    return options;
}

/// sum_i (e^z_i - y_i z_i) + l2/2 |x|^2 over two features, in long double.
class PoissonSum {
  public:
    PoissonSum(const OracleData& data, double l2) : data_(data), l2_(l2) {}

    long double value(const Wide& x) const {
        long double f = l2_ / 2 * dot(x, x);
        for (std::size_t i = 0; i < count(); ++i) f += std::exp(z(i, x)) - data_.y[i] * z(i, x);
        return f;
    }
    Wide gradient(const Wide& x) const {
        return weighted(
            x, [&](std::size_t i) { return std::exp(z(i, x)) - data_.y[i]; }, l2_);
    }
    Wide hessian(const Wide& x) const {
        Wide H{l2_, 0, 0, l2_};
        for (std::size_t i = 0; i < count(); ++i)
            for (std::size_t j = 0; j < 2; ++j)
                for (std::size_t k = 0; k < 2; ++k)
                    H[2 * j + k] += std::exp(z(i, x)) * at(i, j) * at(i, k);
        return H;
    }
    /// T[u, v]
    Wide third(const Wide& x, const Wide& u, const Wide& v) const {
        return weighted(
            x, [&](std::size_t i) { return std::exp(z(i, x)) * z(i, u) * z(i, v); }, 0);
    }
    static Wide product(const Wide& H, const Wide& v) {
        return {H[0] * v[0] + H[1] * v[1], H[2] * v[0] + H[3] * v[1]};
    }
    static long double dot(const Wide& a, const Wide& b) { return a[0] * b[0] + a[1] * b[1]; }

    /// What a penalty adds at a strength of 1, and its gradient.
    struct Penalty {
        long double value;
        Wide gradient;
    };
    Penalty penalty(Kind kind, const Wide& x, long double radius) const {
        const Wide H = hessian(x), e1{1, 0}, e2{0, 1};
        const auto sum = [](const Wide& a, const Wide& b) {
            return Wide{a[0] + b[0], a[1] + b[1]};
        };
        if (kind == Kind::trace) return {H[0] + H[3], sum(third(x, e1, e1), third(x, e2, e2))};
        if (kind == Kind::squared_frobenius_norm) {
            Wide g = sum(third(x, product(H, e1), e1), third(x, product(H, e2), e2));
            return {dot(H, H) + H[2] * H[2] + H[3] * H[3], {2 * g[0], 2 * g[1]}};
        }
        if (kind == Kind::largest_eigenvalue) {
            const long double half = (H[0] - H[3]) / 2, root = std::hypot(half, H[1]);
            const long double top = (H[0] + H[3]) / 2 + root;
            Wide u{top - H[3], H[1]};
            const long double length = std::sqrt(dot(u, u));
            u = {u[0] / length, u[1] / length};
            return {top, third(x, u, u)};
        }
        const Wide g = gradient(x);
        const long double length = std::sqrt(dot(g, g));
        const Wide up{g[0] / length, g[1] / length},
            y{x[0] + radius * up[0], x[1] + radius * up[1]}, there = gradient(y);
        const long double along = dot(up, there);
        const Wide bent = product(H, {there[0] - along * up[0], there[1] - along * up[1]});
        return {value(y) - value(x),
                {there[0] - g[0] + radius / length * bent[0],
                 there[1] - g[1] + radius / length * bent[1]}};
    }

  private:
    std::size_t count() const { return static_cast<std::size_t>(data_.samples); }
    long double at(std::size_t i, std::size_t j) const { return data_.X[2 * i + j]; }
    long double z(std::size_t i, const Wide& x) const { return at(i, 0) * x[0] + at(i, 1) * x[1]; }
    template <class Weight>
    Wide weighted(const Wide& x, const Weight& weight, long double of_x) const {
        Wide sum{of_x * x[0], of_x * x[1]};
        for (std::size_t i = 0; i < count(); ++i)
            for (std::size_t j = 0; j < 2; ++j) sum[j] += weight(i) * at(i, j);
        return sum;
    }
    OracleData data_;
    long double l2_;
};

template <class T>
class CurvaturePenaltyTest : public BackendTest {
  protected:
    static ModelOptions model_options() {
        ModelOptions options{.samples = 15, .features = 2};
        options.problem = {.reduction = Reduction::sum, .l2 = 0.3};
        return options;
    }
    const Model<T> model{ModelKind::poisson, model_options()};
    const PoissonSum exact{model.oracle(), 0.3};
    const std::vector<T> x{T(0.4), T(-0.25)};
    const Wide wide_x{x.begin(), x.end()};
};
TYPED_TEST_SUITE(CurvaturePenaltyTest, Reals, RealName);

TYPED_TEST(CurvaturePenaltyTest, ValuesAndGradientsAreTheirClosedForms) {
    using T = TypeParam;
    const Wide H = this->exact.hessian(this->wide_x), g = this->exact.gradient(this->wide_x);
    const double size = static_cast<double>(H[0] + H[3]);
    for (const Kind kind : all_kinds) {
        SCOPED_TRACE(to_string(kind));
        const auto penalty = this->exact.penalty(kind, this->wide_x, 0.2L);
        const auto problem = with_curvature_penalty(
            this->model.problem(), {.kind = kind, .strength = 0.7, .probes = 0, .radius = 0.2});
        const double value =
            static_cast<double>(this->exact.value(this->wide_x) + 0.7L * penalty.value);
        EXPECT_NEAR(evaluate(problem, this->x, evaluation()), value,
                    100 * epsilon<T> * std::max(std::abs(value), size));
        const std::vector<T> gradient = cunewton::gradient(problem, this->x, evaluation());
        double largest = 0;
        for (const long double entry : penalty.gradient)
            largest = std::max(largest, std::abs(static_cast<double>(entry)));
        // Differences of products: epsilon^(2/3), with the constants of e^z.
        for (std::size_t j = 0; j < 2; ++j)
            EXPECT_NEAR(gradient[j], static_cast<double>(g[j] + 0.7L * penalty.gradient[j]),
                        16 * std::pow(epsilon<T>, 2.0 / 3) * std::max(largest, size));
        EXPECT_EQ(gradient, cunewton::gradient(problem, this->x, evaluation(1)));
    }
}

TYPED_TEST(CurvaturePenaltyTest, OfAQuarticTheTraceIsExact) {
    using T = TypeParam;
    // 100 (x_1 - x_0^2)^2 + (1 - x_0)^2: tr H = 1200 x_0^2 - 400 x_1 + 202.
    const auto problem = with_curvature_penalty(make_objective<T>(ExtendedRosenbrock{}, 2),
                                                {.strength = 0.5, .probes = 0});
    const std::vector<T> at{T(0.5), T(2)};
    const double f = 100 * 1.75 * 1.75 + 0.25;
    EXPECT_NEAR(evaluate(problem, at, evaluation()), f + 0.5 * (300 - 800 + 202),
                1e3 * epsilon<T> * f);
    const std::vector<T> g = gradient(problem, at, evaluation());
    // The trace is a quadratic: differences have no error but rounding.
    const double tolerance = 4e3 * std::pow(epsilon<T>, 2.0 / 3);
    EXPECT_NEAR(g[0], -400 * 0.5 * 1.75 - 1 + 0.5 * 2400 * 0.5, tolerance);
    EXPECT_NEAR(g[1], 200 * 1.75 - 0.5 * 400, tolerance);
}

TYPED_TEST(CurvaturePenaltyTest, DerivativesAgreeWithDifferencesOfTheLoss) {
    using T = TypeParam;
    const int count = testing_cuda() ? 12 : 40;
    ModelOptions options{.samples = count, .features = 3};
    options.problem = {.l2 = 0.1, .intercept = true};
    const Model<T> softmax(ModelKind::softmax3, options);
    const Perceptron network{{3, testing_cuda() ? 2 : 4, 2}};
    std::vector<T> labels;
    for (int i = 0; i < count; ++i) labels.push_back(T(i % 2));
    Samples<T> samples = softmax.samples();
    samples.targets = labels.data();
    const auto perceptron = make_perceptron<T>(network, samples, {.l2 = 0.01});
    for (const Kind kind : all_kinds) {
        SCOPED_TRACE(to_string(kind));
        const CurvaturePenalty penalty{.kind = kind, .strength = 0.3, .probes = 3, .radius = 0.1};
        const auto first = with_curvature_penalty(softmax.problem(), penalty);
        const auto one = check_gradient(first, softmax.theta(), evaluation());
        EXPECT_TRUE(one.agrees) << one.message;
        const auto second = with_curvature_penalty(perceptron, penalty);
        const auto two = check_gradient(second, random_start<T>(network, 5), evaluation());
        EXPECT_TRUE(two.agrees) << two.message;
    }
    // What sharpness-aware minimisation takes for the gradient is not that of its loss.
    const auto sam = with_curvature_penalty(
        softmax.problem(),
        {.kind = Kind::sharpness, .strength = 1, .radius = 0.5, .exact_gradient = false});
    EXPECT_FALSE(check_gradient(sam, softmax.theta(), evaluation()).agrees);
    const auto g = gradient(softmax.problem(), softmax.theta(), evaluation());
    double length = 0;
    for (const T entry : g) length += static_cast<double>(entry) * entry;
    std::vector<T> up = softmax.theta();
    for (std::size_t j = 0; j < up.size(); ++j)
        up[j] += static_cast<T>(0.5 * g[j] / std::sqrt(length));
    const auto there = gradient(softmax.problem(), up, evaluation());
    const auto taken = gradient(sam, softmax.theta(), evaluation());
    for (std::size_t j = 0; j < up.size(); ++j) EXPECT_NEAR(taken[j], there[j], 64 * epsilon<T>);
}

TYPED_TEST(CurvaturePenaltyTest, HessiansAndProductsAreThoseOfTheLossItAdds) {
    using T = TypeParam;
    const auto problem = with_curvature_penalty(
        this->model.problem(), {.kind = Kind::trace, .strength = 0.2, .probes = 0});
    // tr H = sum e^z |x|^2: its Hessian is sum e^z |x|^2 x x'.
    Wide H = this->exact.hessian(this->wide_x);
    const OracleData& data = this->model.oracle();
    for (std::size_t i = 0; i < 15; ++i) {
        const long double a = data.X[2 * i], b = data.X[2 * i + 1];
        const long double weight =
            0.2L * std::exp(a * this->wide_x[0] + b * this->wide_x[1]) * (a * a + b * b);
        H[0] += weight * a * a;
        H[1] += weight * a * b;
        H[2] += weight * a * b;
        H[3] += weight * b * b;
    }
    // Differences of differences: epsilon^(2/3) over a step of epsilon^(1/3).
    const double tolerance = 32 * std::pow(epsilon<T>, 1.0 / 3) * largest(H);
    const auto dense = hessian(problem, this->x, evaluation());
    const auto column = hessian_block(problem, this->x, {0, 1}, {1}, evaluation());
    for (std::size_t e = 0; e < 4; ++e) EXPECT_NEAR(dense[e], static_cast<double>(H[e]), tolerance);
    EXPECT_EQ(dense[1], dense[2]);
    for (std::size_t j = 0; j < 2; ++j)
        EXPECT_NEAR(column[j], static_cast<double>(H[2 + j]), tolerance);
}

TYPED_TEST(CurvaturePenaltyTest, NoStrengthIsTheProblemToItsBits) {
    const auto problem = this->model.problem();
    for (const Kind kind : all_kinds) {
        const auto same = with_curvature_penalty(problem, {.kind = kind, .strength = 0});
        EXPECT_EQ(evaluate(same, this->x, evaluation()), evaluate(problem, this->x, evaluation()));
        EXPECT_EQ(gradient(same, this->x, evaluation()), gradient(problem, this->x, evaluation()));
        EXPECT_EQ(hessian(same, this->x, evaluation()), hessian(problem, this->x, evaluation()));
    }
}

TYPED_TEST(CurvaturePenaltyTest, RandomProbesAreRightOnTheAverage) {
    using T = TypeParam;
    ModelOptions options{.samples = 30, .features = 6};
    const Model<T> wider(ModelKind::poisson, options);
    const std::vector<T> H = hessian(wider.problem(), wider.theta(), evaluation());
    double trace = 0, squares = 0, off = 0;
    for (std::size_t j = 0; j < 6; ++j)
        for (std::size_t k = 0; k < 6; ++k) {
            const double h = H[6 * j + k];
            squares += h * h;
            if (j == k) trace += h;
            if (j != k) off += h * h;
        }
    const double f = evaluate(wider.problem(), wider.theta(), evaluation());
    constexpr int seeds = 200, probes = 4;
    double mean = 0, mean_square = 0, of_norm = 0;
    for (int seed = 0; seed < seeds; ++seed) {
        CurvaturePenalty penalty{
            .strength = 1, .probes = probes, .seed = static_cast<std::uint64_t>(seed)};
        const double estimate = evaluate(with_curvature_penalty(wider.problem(), penalty),
                                         wider.theta(), evaluation()) -
                                f;
        mean += estimate / seeds;
        mean_square += (estimate - trace) * (estimate - trace) / seeds;
        penalty.kind = Kind::squared_frobenius_norm;
        of_norm += (evaluate(with_curvature_penalty(wider.problem(), penalty), wider.theta(),
                             evaluation()) -
                    f) /
                   seeds;
    }
    const double variance = 2 * off / probes;
    EXPECT_NEAR(mean, trace, 4 * std::sqrt(variance / seeds));
    EXPECT_NEAR(mean_square / variance, 1, 0.4);
    EXPECT_NEAR(of_norm / squares, 1, 0.1);
}

TYPED_TEST(CurvaturePenaltyTest, SeedsThatAreNeighboursShareNoProbe) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    constexpr int n = 64, probes = 10;
    std::vector<std::vector<T>> seen;
    BlackBox<T> box;
    box.value_and_gradient = [](const T*, int count, T* g) {
        std::fill_n(g, count, T(0));
        return T(0);
    };
    box.products = [&](const T*, int count, const T* V, int columns, T* HV) {
        for (int c = 0; c < columns; ++c) {
            seen.emplace_back(V + c * count, V + (c + 1) * count);
            // Of a vector and its opposite v'Hv is the same.
            if (seen.back()[0] < 0)
                for (T& v : seen.back()) v = -v;
        }
        std::fill_n(HV, count * columns, T(0));
    };
    const auto problem = make_black_box<T>(box, n);
    constexpr std::uint64_t seeds = 5;
    for (std::uint64_t seed = 0; seed < seeds; ++seed)
        evaluate(with_curvature_penalty(problem, {.strength = 1, .probes = probes, .seed = seed}),
                 std::vector<T>(n, T(0)), evaluation());
    ASSERT_EQ(seen.size(), seeds * probes);
    std::ranges::sort(seen);
    EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TYPED_TEST(CurvaturePenaltyTest, AHessianWithoutProductsIsDifferencedFromGradients) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    // sum e^x_j: the gradient of its trace is e^x_j.
    BlackBox<T> box;
    box.value_and_gradient = [](const T* point, int n, T* g) {
        T sum = 0;
        for (int j = 0; j < n; ++j) sum += g[j] = std::exp(point[j]);
        return sum;
    };
    box.hessian = [](const T* point, int n, T* H) {
        std::fill_n(H, n * n, T(0));
        for (int j = 0; j < n; ++j) H[j * n + j] = std::exp(point[j]);
    };
    constexpr std::size_t n = 20;
    const auto problem = with_curvature_penalty(make_black_box<T>(box, static_cast<int>(n)),
                                                {.strength = 1, .probes = 0});
    std::vector<T> at;
    for (std::size_t j = 0; j < n; ++j)
        at.push_back(static_cast<T>(0.9 * std::sin(1 + static_cast<double>(j))));
    const std::vector<T> g = gradient(problem, at, evaluation());
    for (std::size_t j = 0; j < n; ++j)
        EXPECT_NEAR(g[j], 2 * std::exp(static_cast<double>(at[j])),
                    12 * std::pow(epsilon<T>, 4.0 / 9))
            << j;
}

TYPED_TEST(CurvaturePenaltyTest, StrongerPenaltiesLeaveLessCurvature) {
    using T = TypeParam;
    for (const Kind kind : {Kind::trace, Kind::squared_frobenius_norm, Kind::largest_eigenvalue}) {
        SCOPED_TRACE(to_string(kind));
        long double last = std::numeric_limits<long double>::infinity(), last_f = -1e30L;
        for (const double strength : {0.0, 0.01, 0.1, 1.0}) {
            const auto problem = with_curvature_penalty(
                this->model.problem(), {.kind = kind, .strength = strength, .probes = 0});
            auto options = minimization();
            // What the error of the penalty's gradient allows.
            options.gradient_tolerance = 100 * std::pow(epsilon<T>, 2.0 / 3) * (1 + 10 * strength);
            const auto result = minimize(problem, this->x, options);
            EXPECT_TRUE(result.converged())
                << strength << ": " << result.message << " " << result.gradient_norm;
            const Wide at(result.x.begin(), result.x.end());
            const long double measure = this->exact.penalty(kind, at, 0.3L).value,
                              f = this->exact.value(at);
            EXPECT_LT(measure, last) << strength;
            EXPECT_GE(f, last_f - 100 * epsilon<T>) << strength;
            last = measure;
            last_f = f;
        }
    }
}

TYPED_TEST(CurvaturePenaltyTest, SharpnessAwareStepsFindFlatterMinima) {
    using T = TypeParam;
    ModelOptions options{.samples = 60, .features = 3};
    options.problem = {.l2 = 0.05};
    const Model<T> logistic(ModelKind::logistic, options);
    auto descent = minimization(Method::sgd);
    descent.max_iterations = 30;
    const auto rise = [&](const std::vector<T>& at) {
        const auto sharp = with_curvature_penalty(
            logistic.problem(), {.kind = Kind::sharpness, .strength = 1, .radius = 0.5});
        return evaluate(sharp, at, evaluation()) - evaluate(logistic.problem(), at, evaluation());
    };
    const auto plain = minimize(logistic.problem(), logistic.theta(), descent);
    const auto sam = minimize(
        with_curvature_penalty(
            logistic.problem(),
            {.kind = Kind::sharpness, .strength = 1, .radius = 0.5, .exact_gradient = false}),
        logistic.theta(), descent);
    EXPECT_LT(rise(sam.x), rise(plain.x));
}

TYPED_TEST(CurvaturePenaltyTest, EveryMethodFindsTheMinimum) {
    using T = TypeParam;
    const auto problem = with_curvature_penalty(
        this->model.problem(), {.kind = Kind::trace, .strength = 0.1, .probes = 0});
    // The loss with that of tr H, by its own Hessian: f + 0.1 sum e^z |x|^2.
    auto exactly = minimization();
    exactly.gradient_tolerance = 1e-4;
    const auto reference = minimize(problem, this->x, exactly);
    EXPECT_TRUE(reference.converged()) << reference.message;
    for (const Method method : all_methods) {
        auto options = minimization(method);
        options.gradient_tolerance = sizeof(T) == 8 ? 1e-5 : 1e-2;
        options.max_iterations = 3000;
        const auto result = minimize(problem, this->x, options);
        EXPECT_TRUE(result.converged()) << to_string(method) << ": " << result.message;
        for (std::size_t j = 0; j < 2; ++j)
            EXPECT_NEAR(result.x[j], reference.x[j], sizeof(T) == 8 ? 1e-4 : 1e-2)
                << to_string(method);
    }
    const double start = evaluate(problem, this->x, evaluation());
    for (const Method method : sampling_methods) {
        auto options = minimization(method);
        options.max_iterations = 20;
        options.sampling.size = 5;
        if (method == Method::kfac) {
            const std::string message =
                message_of<InvalidArgument>([&] { minimize(problem, this->x, options); });
            EXPECT_NE(message.find("perceptrons"), std::string::npos) << message;
            continue;
        }
        const auto result = minimize(problem, this->x, options);
        EXPECT_LT(result.f, start) << to_string(method) << ": " << result.message;
    }
}

TYPED_TEST(CurvaturePenaltyTest, SamplesThatAreSelectedHaveTheirOwnPenalty) {
    using T = TypeParam;
    const auto problem =
        with_curvature_penalty(this->model.problem(), {.strength = 0.5, .probes = 0});
    Session<T> session = open(problem);
    Vectors<T>& vectors = *session.vectors;
    const Buffer<T> at = vectors.allocate(2);
    vectors.upload(at.get(), this->x.data(), 2);
    const Number f = vectors.number();
    EXPECT_EQ(session.evaluator->samples(), 15);
    const std::vector<long> some{2, 3, 11};
    select<T>(*session.evaluator, some);
    session.evaluator->value(at.get(), f);
    const OracleData& data = this->model.oracle();
    long double sum = 0.15L * PoissonSum::dot(this->wide_x, this->wide_x) + 0.5L * 2 * 0.3L;
    for (const long sample : some) {
        const std::size_t i = static_cast<std::size_t>(sample);
        const long double a = data.X[2 * i], b = data.X[2 * i + 1];
        const long double z = a * this->wide_x[0] + b * this->wide_x[1];
        sum += 5 * (std::exp(z) - data.y[i] * z + 0.5L * std::exp(z) * (a * a + b * b));
    }
    EXPECT_NEAR(vectors.read(f), static_cast<double>(sum),
                200 * epsilon<T> * std::abs(static_cast<double>(sum)));
    session.evaluator->select_all();
    session.evaluator->value(at.get(), f);
    EXPECT_EQ(static_cast<T>(vectors.read(f)), evaluate(problem, this->x, evaluation()));
}

TYPED_TEST(CurvaturePenaltyTest, PenaltiesAddUp) {
    using T = TypeParam;
    const auto once = with_curvature_penalty(this->model.problem(), {.strength = 0.2, .probes = 0});
    const auto twice =
        with_curvature_penalty(once, {.kind = Kind::sharpness, .strength = 1, .radius = 0.1});
    // Both at once is another loss: the rise is that of the penalised loss.
    const auto g = gradient(once, this->x, evaluation());
    const double length = std::hypot(static_cast<double>(g[0]), static_cast<double>(g[1]));
    const std::vector<T> up{static_cast<T>(this->x[0] + 0.1 * g[0] / length),
                            static_cast<T>(this->x[1] + 0.1 * g[1] / length)};
    const double there = evaluate(once, up, evaluation());
    EXPECT_NEAR(evaluate(twice, this->x, evaluation()), there, 1e3 * epsilon<T> * std::abs(there));
}

TYPED_TEST(CurvaturePenaltyTest, CrossValidationSeesThroughIt) {
    using T = TypeParam;
    ModelOptions options{.samples = 60, .features = 2};
    options.problem = {.l2 = 0.1};
    const Model<T> logistic(ModelKind::logistic, options);
    const auto problem = with_curvature_penalty(logistic.problem(), {.strength = 0.5, .probes = 0});
    CompareOptions how;
    how.folds = 3;
    how.minimize = minimization();
    how.minimize.gradient_tolerance = 1e-3;
    const std::vector<T> at = minimize(problem, {T(0), T(0)}, how.minimize).x;
    const auto scores = compare<T>({{.name = "penalised", .problem = problem, .x = at},
                                    {.name = "plain", .problem = logistic.problem(), .x = at}},
                                   how);
    EXPECT_EQ(scores[0].log_likelihood, scores[1].log_likelihood);
    EXPECT_TRUE(std::isnan(scores[0].log_evidence));
    EXPECT_NE(scores[0].notes.find("no prior"), std::string::npos);
    EXPECT_NE(scores[0].held_out_loss, scores[1].held_out_loss);
    EXPECT_NEAR(scores[0].held_out_loss, scores[1].held_out_loss, 0.3);
}

TYPED_TEST(CurvaturePenaltyTest, MemoryIsCountedWithThatOfTheLoss) {
    const auto problem = this->model.problem();
    const auto options = minimization(Method::newton_cg);
    const auto total = [](const MemoryNeeded& needed) { return needed.host + needed.device; };
    for (const Kind kind : all_kinds)
        EXPECT_GT(total(memory_needed(
                      with_curvature_penalty(problem, {.kind = kind, .strength = 1}), options)),
                  total(memory_needed(problem, options)))
            << to_string(kind);
    // Of the device two vectors a probe, up to 16, and the Lanczos method's basis; of the host the
    // probes as they are made.
    const auto wide = make_objective<TypeParam>(ExtendedRosenbrock{}, 100);
    const auto numbers = [&](Kind kind, int probes) {
        const std::size_t bytes = total(memory_needed(
            with_curvature_penalty(wide, {.kind = kind, .strength = 1, .probes = probes}),
            options));
        return static_cast<long>(bytes / sizeof(TypeParam));
    };
    const long four = numbers(Kind::trace, 4);
    EXPECT_EQ(numbers(Kind::trace, 12) - four, 8 * 3 * 100);
    EXPECT_EQ(numbers(Kind::trace, 0) - four, 12 * 3 * 100);
    EXPECT_EQ(numbers(Kind::trace, 17) - four, 12 * 3 * 100);
    EXPECT_EQ(numbers(Kind::squared_frobenius_norm, 4), four);
    // One vector at a time; two of the host for its differences.
    EXPECT_EQ(four - numbers(Kind::sharpness, 4), 3 * 2 * 100 + 2 * 100);
    EXPECT_EQ(numbers(Kind::largest_eigenvalue, 4) - numbers(Kind::sharpness, 4),
              (2 * 40 + 6) * 100 + 40 * 40 + 1);
}

TYPED_TEST(CurvaturePenaltyTest, MisuseIsRefused) {
    const auto problem = this->model.problem();
    const auto expect = [&](const CurvaturePenalty& penalty, const char* part) {
        const std::string message =
            message_of<InvalidArgument>([&] { with_curvature_penalty(problem, penalty); });
        EXPECT_NE(message.find(part), std::string::npos) << message;
    };
    expect({.strength = -1}, "strength is invalid");
    expect({.strength = std::nan("")}, "strength is invalid");
    expect({.strength = 1, .probes = -1}, "probes are negative");
    expect({.strength = 1, .radius = 0}, "radius is invalid");
    expect({.strength = 1, .most_products = 0}, "most_products is too small");
    expect({.strength = 1, .hessian = HessianBy::gauss_newton}, "no loss's Hessian");
    const auto penalised = with_curvature_penalty(problem, {.strength = 1});
    const auto refused = [](const Problem<TypeParam>& loss, Kind kind, const char* part) {
        const std::string message = message_of<InvalidArgument>(
            [&] { with_curvature_penalty(loss, {.kind = kind, .strength = 1}); });
        EXPECT_NE(message.find(part), std::string::npos) << message;
    };
    const auto around = with_curvature_penalty(penalised, {.kind = Kind::sharpness, .strength = 1});
    for (const Kind kind : all_kinds) {
        refused(make_black_box<TypeParam>(
                    [](const TypeParam* points, int n, int count, TypeParam* losses) {
                        for (int p = 0; p < count; ++p) losses[p] = points[p * n];
                    },
                    2),
                kind, "values alone");
        if (kind == Kind::sharpness) continue;
        refused(penalised, kind, "already");
        refused(around, kind, "already");
    }
    auto options = evaluation();
    options.derivatives.hessian = HessianBy::autodiff;
    EXPECT_THROW(hessian(penalised, this->x, options), InvalidArgument);
    options.derivatives.hessian = HessianBy::value_differences;
    EXPECT_THROW(hessian(penalised, this->x, options), InvalidArgument);
    EXPECT_THROW(gradient_second_moments(penalised, this->x, evaluation()), InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
