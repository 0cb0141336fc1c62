// Statuses of minimize that are true whatever the units of parameters, data and loss, for losses
// that have no minimum and for minima that are not unique.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"

namespace cunewton::test {
namespace {

Options with(Method method) {
    Options options;
    options.method = method;
    options.backend = tested_choice();
    options.threads = 2;
    options.max_iterations = 3000;
    return options;
}

// ---- Units.

enum class Kind { squared, logistic, softmax, poisson, huber };

struct Data {
    Kind kind;
    int features;
    bool intercept;
    std::vector<double> X, y, w;

    int samples() const { return static_cast<int>(y.size()); }
    int outputs() const { return kind == Kind::softmax ? 3 : 1; }
    int block() const { return features + intercept; }
    Problem<double> problem(Reduction reduction = Reduction::mean) const {
        const Samples<double> samples{X.data(), this->samples(), features,
                                      0,        y.data(),        w.empty() ? nullptr : w.data()};
        const ProblemOptions options{.reduction = reduction, .intercept = intercept};
        switch (kind) {
            case Kind::squared:
                return make_linear_predictor(LinearRegression{}, samples, options);
            case Kind::logistic:
                return make_linear_predictor(Logistic{}, samples, options);
            case Kind::softmax:
                return make_linear_predictor(Softmax{3}, samples, options);
            case Kind::poisson:
                return make_linear_predictor(Poisson{}, samples, options);
            case Kind::huber:
                break;
        }
        return make_linear_predictor(Huber{1.0}, samples, options);
    }
};

Data regular_data(Kind kind, int seed) {
    const DatasetOptions options{
        .intercept = seed % 2 == 0, .weights = seed % 3 == 0, .noise = 1.5};
    const int features = 2 + seed % 3;
    Dataset set;
    switch (kind) {
        case Kind::logistic:
            set = make_binary(90, features, seed, options);
            break;
        case Kind::softmax:
            set = make_multiclass(120, features, 3, seed, options);
            break;
        case Kind::poisson:
            set = make_counts(80, features, seed, options);
            break;
        default:
            set = make_regression(70, features, seed, options);
    }
    return {kind, features, seed % 2 == 0, set.X, set.y, set.w};
}

std::string name_of(Kind kind) {
    const char* names[] = {"squared", "logistic", "softmax", "poisson", "huber"};
    return names[static_cast<int>(kind)];
}

/// `scaled` was solved in other units: coefficient j times 2^exponent[j] is `plain`'s.
void expect_same_digits(const Result<double>& plain, const Result<double>& scaled,
                        const std::vector<int>& exponents, int f_exponent) {
    EXPECT_EQ(scaled.status, plain.status) << to_string(scaled.status);
    EXPECT_EQ(scaled.iterations, plain.iterations);
    EXPECT_EQ(scaled.counts.evaluations, plain.counts.evaluations);
    EXPECT_EQ(scaled.counts.hessians, plain.counts.hessians);
    EXPECT_EQ(scaled.f, std::ldexp(plain.f, f_exponent));
    for (std::size_t j = 0; j < plain.x.size(); ++j)
        EXPECT_EQ(std::ldexp(scaled.x[j], exponents[j % exponents.size()]), plain.x[j]) << j;
}

class UnitsTest : public BackendTest {};

TEST_F(UnitsTest, EachFeatureInUnitsOfItsOwn) {
    for (const Kind kind :
         {Kind::squared, Kind::logistic, Kind::softmax, Kind::poisson, Kind::huber})
        for (int seed = 1; seed <= (testing_cuda() ? 2 : 6); ++seed) {
            SCOPED_TRACE(name_of(kind) + ", seed " + std::to_string(seed));
            const Data data = regular_data(kind, seed);
            Random random(100 + seed);
            std::vector<int> exponents(data.block(), 0);
            for (int j = 0; j < data.features; ++j)
                exponents[j] = static_cast<int>(random.bits() % 81) - 40;
            Data other = data;
            for (std::size_t i = 0; i < other.X.size(); ++i)
                other.X[i] = std::ldexp(other.X[i], exponents[i % data.features]);
            std::vector<double> x0(data.block() * data.outputs()), other_x0(x0.size());
            for (std::size_t j = 0; j < x0.size(); ++j) {
                x0[j] = seed % 2 ? 0 : 0.125 * random.near_normal();
                other_x0[j] = std::ldexp(x0[j], -exponents[j % exponents.size()]);
            }
            for (const Method method : {Method::newton, Method::trust_region}) {
                SCOPED_TRACE(to_string(method));
                const Result<double> plain = minimize(data.problem(), x0, with(method));
                EXPECT_EQ(plain.status, Status::converged) << plain.message;
                expect_same_digits(plain, minimize(other.problem(), other_x0, with(method)),
                                   exponents, 0);
            }
        }
}

TEST_F(UnitsTest, LossAndFeaturesInOtherUnits) {
    // Weights give the loss another unit, an even power of two (Cholesky's roots are exact for
    // these), and all features have one in common.
    int cases = 0;
    for (const Kind kind : {Kind::squared, Kind::logistic, Kind::poisson})
        for (const int f_exponent :
             testing_cuda() ? std::vector<int>{36} : std::vector<int>{-60, 0, 36})
            for (const int x_exponent : {-40, 0, 40}) {
                SCOPED_TRACE(name_of(kind) + ", 2^" + std::to_string(f_exponent) + ", 2^" +
                             std::to_string(x_exponent));
                Data data = regular_data(kind, 4), other = data;
                data.intercept = other.intercept = false;
                data.w.assign(data.y.size(), 1.0);
                other.w.assign(data.y.size(), std::ldexp(1.0, f_exponent));
                for (double& x : other.X) x = std::ldexp(x, x_exponent);
                const std::vector<double> x0(data.features, 0.25),
                    other_x0(data.features, std::ldexp(0.25, -x_exponent));
                for (const Method method : all_methods) {
                    SCOPED_TRACE(to_string(method));
                    const Result<double> plain =
                        minimize(data.problem(Reduction::sum), x0, with(method));
                    EXPECT_EQ(plain.status, Status::converged) << plain.message;
                    expect_same_digits(
                        plain, minimize(other.problem(Reduction::sum), other_x0, with(method)),
                        {x_exponent}, f_exponent);
                    ++cases;
                }
            }
    EXPECT_GE(cases, testing_cuda() ? 30 : 100);
}

TEST_F(UnitsTest, AnOddPowerOfTwoChangesRoundingAlone) {
    for (const Kind kind : {Kind::squared, Kind::logistic, Kind::poisson})
        for (const Method method : all_methods) {
            SCOPED_TRACE(name_of(kind) + ", " + to_string(method));
            Data data = regular_data(kind, 4), other = data;
            data.w.assign(data.y.size(), 1.0);
            other.w.assign(data.y.size(), std::ldexp(1.0, 37));
            const std::vector<double> x0(data.block(), 0.25);
            const Result<double> plain = minimize(data.problem(Reduction::sum), x0, with(method));
            const Result<double> scaled = minimize(other.problem(Reduction::sum), x0, with(method));
            EXPECT_EQ(scaled.status, plain.status);
            EXPECT_NEAR(scaled.iterations, plain.iterations, 1);
            for (std::size_t j = 0; j < x0.size(); ++j) EXPECT_NEAR(scaled.x[j], plain.x[j], 1e-8);
        }
}

TEST_F(UnitsTest, SmallFeaturesDoNotEndEarly) {
    // An absolute test of the gradient would be met at the start.
    Data data = regular_data(Kind::logistic, 3), tiny = data;
    for (double& x : tiny.X) x *= 1e-8;
    for (const Method method : {Method::newton, Method::trust_region, Method::bfgs}) {
        SCOPED_TRACE(to_string(method));
        const std::vector<double> x0(data.block(), 0.0);
        const Result<double> plain = minimize(data.problem(), x0, with(method));
        const Result<double> result = minimize(tiny.problem(), x0, with(method));
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (std::size_t j = 0; j < x0.size(); ++j)
            EXPECT_NEAR(1e-8 * result.x[j], plain.x[j], 1e-7 * (1 + std::abs(plain.x[j])));
    }
}

// ---- Classes that can be separated.

Result<double> fit(const Data& data, Method method) {
    return minimize(data.problem(), std::vector<double>(data.block() * data.outputs(), 0.0),
                    with(method));
}

class SeparationTest : public BackendTest {};

TEST_F(SeparationTest, KnownInputs) {
    struct Input {
        Data data;
        double limit;  // of the loss
    };
    const double log2 = std::log(2.0);
    const std::vector<Input> inputs{
        // one feature separates, the others are the same
        {{Kind::logistic, 3, false, {1, 0, 1, 1, 0, 1, 1, 2, 1, 1, 1, 1}, {1, 1, 0, 0}, {}}, 0},
        // the same feature twice
        {{Kind::logistic, 2, true, {-2, -2, -1, -1, 1, 1, 2, 2}, {0, 0, 1, 1}, {}}, 0},
        // only x = 0 is mixed
        {{Kind::logistic, 1, true, {-2, -1, 0, 0, 1, 2}, {0, 0, 0, 1, 1, 1}, {}}, log2 / 3},
    };
    for (const Input& input : inputs)
        for (const Method method : all_methods) {
            SCOPED_TRACE(std::string(to_string(method)) + " to " + std::to_string(input.limit));
            const Result<double> result = fit(input.data, method);
            // Steps along gradients, or ten of them, need not get that far.
            if ((method == Method::gradient_descent || method == Method::lbfgs) && input.limit > 0)
                EXPECT_NE(result.status, Status::converged);
            else
                EXPECT_EQ(result.status, Status::unbounded) << to_string(result.status);
            EXPECT_NEAR(result.f, input.limit, 1e-5);
        }
}

TEST_F(SeparationTest, OverlapOfCollinearFeaturesIsNoSeparation) {
    const Data data{Kind::logistic,  2, true, {-2, -2, -1, -1, 1, 1, 2, 2, 0.5, 0.5},
                    {0, 1, 1, 1, 0}, {}};
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = fit(data, method);
        EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
        EXPECT_EQ(result.undetermined, (std::vector<int>{0, 1}));
        EXPECT_NEAR(result.f, 0.547432951544, 1e-12);
    }
}

TEST_F(SeparationTest, GeneratedClasses) {
    enum Separation { full, quasi, one_class, collinear, softmax, missing_class, kinds };
    int cases = 0;
    const int seeds = testing_cuda() ? 1 : 2;  // an emulated device is slow
    for (int seed = 1; seed <= seeds; ++seed)
        for (int kind = 0; kind < kinds; ++kind)
            for (const bool intercept : {false, true}) {
                const int features = 3, N = 60;
                Random random(10 * seed + kind);
                Data data{kind >= softmax ? Kind::softmax : Kind::logistic,
                          features,
                          intercept,
                          {},
                          {},
                          {}};
                for (int i = 0; i < N; ++i) {
                    double v[features];
                    for (double& x : v) x = random.near_normal();
                    const bool side = v[0] > 0, other = v[1] + random.near_normal() > 0;
                    if (kind == quasi && i % 6 == 0) v[0] = 0;
                    if (kind == collinear) v[2] = 2 * v[0];
                    data.X.insert(data.X.end(), v, v + features);
                    switch (kind) {
                        case quasi:
                            data.y.push_back(v[0] == 0 ? other : side);
                            break;
                        // without an intercept there is no direction in which one class wins
                        case one_class:
                            data.y.push_back(intercept ? 1 : side);
                            break;
                        case softmax:
                            data.y.push_back(side ? 2 : other);
                            break;
                        case missing_class:
                            data.y.push_back(intercept ? 2 * other : side ? 2 : other);
                            break;
                        default:
                            data.y.push_back(side);
                    }
                    if (seed == 2) data.w.push_back(0.25 * (1 + i % 4));
                }
                for (const Method method :
                     {Method::newton, Method::trust_region, Method::newton_cg, Method::bfgs}) {
                    SCOPED_TRACE("kind " + std::to_string(kind) + ", seed " + std::to_string(seed) +
                                 ", intercept " + std::to_string(intercept) + ", " +
                                 to_string(method));
                    const Result<double> result = fit(data, method);
                    // BFGS's inverse, for softmax, may lose its way in rounding.
                    if (method == Method::bfgs && kind >= softmax) {
                        EXPECT_NE(result.status, Status::converged);
                    } else {
                        EXPECT_EQ(result.status, Status::unbounded) << to_string(result.status);
                    }
                    ++cases;
                }
            }
    EXPECT_EQ(cases, 48 * seeds);
}

TEST_F(SeparationTest, ManyRowsAnyDigits) {
    // The margin shrinks with the number of rows, and the loss falls long as a power first.
    const int N = testing_cuda() ? 2000 : 20000, features = 10;
    Random random(7);
    Data data{Kind::logistic, features, true, {}, {}, {}};
    for (int i = 0; i < N; ++i) {
        for (int j = 0; j < features; ++j) data.X.push_back(random.near_normal());
        data.y.push_back(data.X[static_cast<std::size_t>(i) * features] > 0);
    }
    for (const Method method : {Method::newton, Method::trust_region, Method::newton_cg}) {
        const Result<double> result = fit(data, method);
        EXPECT_EQ(result.status, Status::unbounded) << to_string(result.status);
        // By the caller's tolerance as well.
        for (const double tolerance : {1e-4, 1e-7, 1e-10}) {
            SCOPED_TRACE(tolerance);
            Options options = with(method);
            options.gradient_tolerance = tolerance;
            EXPECT_EQ(
                minimize(data.problem(), std::vector<double>(features + 1, 0.0), options).status,
                Status::unbounded);
        }
    }
}

// ---- Minima that are not unique.

class SingularTest : public BackendTest {};

TEST_F(SingularTest, ZeroAndCollinearColumns) {
    for (const Kind kind : {Kind::squared, Kind::logistic, Kind::huber, Kind::poisson})
        for (const int exponent : {0, -30, 30}) {
            Data data = regular_data(kind, 5);
            data.features = 4;
            data.intercept = true;
            std::vector<double> X;
            for (int i = 0; i < data.samples(); ++i) {
                const double a = data.X[i * 4], b = data.X[i * 4 + 1];
                X.insert(X.end(), {std::ldexp(a, exponent), 0.0, 2 * a, b});
            }
            data.X = X;
            for (const Method method : all_methods) {
                // Their steps know no units, and they would take them for ever; the other's shift
                // knows none.
                if (exponent != 0 && (method == Method::gradient_descent ||
                                      method == Method::lbfgs || method == Method::hessian_free))
                    continue;
                SCOPED_TRACE(name_of(kind) + ", " + to_string(method) + ", 2^" +
                             std::to_string(exponent));
                const std::vector<double> x0{0.0, 0.75, 0.0, 0.0, 0.0};
                const Result<double> result = minimize(data.problem(), x0, with(method));
                EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
                EXPECT_FALSE(result.converged());
                EXPECT_EQ(result.undetermined, (std::vector<int>{0, 1, 2}));
                EXPECT_EQ(result.x[1], 0.75) << "a parameter without influence keeps its start";
                EXPECT_NE(result.message.find("unique"), std::string::npos);
            }
        }
}

TEST_F(SingularTest, FewerRowsThanParameters) {
    const Data data{Kind::squared, 5, false, {1, 2, 0.5, -1, 3, -2, 1, 1, 0.25, 1}, {1, 2}, {}};
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = fit(data, method);
        EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
        EXPECT_EQ(result.undetermined.size(), 5u);
        EXPECT_LE(result.f, 1e-14);
    }
}

TEST_F(SingularTest, ADeclaredInvarianceIsNoFault) {
    Data data = regular_data(Kind::softmax, 8);
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = fit(data, method);
        EXPECT_EQ(result.status, Status::converged) << to_string(result.status);
        EXPECT_TRUE(result.undetermined.empty());
    }
    // What is collinear beyond it is named, in every block.
    const int last = data.features - 1;
    for (int i = 0; i < data.samples(); ++i)
        data.X[i * data.features + last] = -3 * data.X[i * data.features];
    for (const Method method : {Method::newton, Method::trust_region}) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = fit(data, method);
        EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
        std::vector<int> expected;
        for (int k = 0; k < 3; ++k)
            for (const int j : {0, last}) expected.push_back(k * data.block() + j);
        EXPECT_EQ(result.undetermined, expected);
    }
}

// ---- Losses with other traps. Their code is the CPU's.

class TrapsTest : public BackendTest {
  protected:
    void SetUp() override {
        BackendTest::SetUp();
        if (!IsSkipped() && testing_cuda()) GTEST_SKIP() << "losses that are code of the CPU";
    }
};

struct Cosines {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        scalar_t<X> f(0.0);
        for (int i = 0; i + 1 < x.size(); ++i) f += cos(x[i] * x[i] - 0.5 * x[i + 1]);
        return f;
    }
};

TEST_F(TrapsTest, TheTrustRegionDoesNotRunAcrossBumps) {
    for (const int n : {2, 10, 100}) {
        const Result<double> result =
            minimize(make_objective<double>(Cosines{}, n), std::vector<double>(n, 1.0),
                     with(Method::trust_region));
        // n - 1 terms of n parameters: a curve of minimisers.
        EXPECT_EQ(result.status, Status::singular) << to_string(result.status);
        EXPECT_NEAR(result.f, -(n - 1), 1e-9);
        EXPECT_LE(result.iterations, 60);
    }
}

struct SteepWall {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        return exp(x[0] * x[0]) + x[1] * x[1];
    }
};

TEST_F(TrapsTest, NormsBeyondTheRangeOfSquares) {
    // |g| is 2e175 at the start.
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result =
            minimize(make_objective<double>(SteepWall{}, 2), {20.0, 1.0}, with(method));
        EXPECT_EQ(result.status, Status::converged) << to_string(result.status);
        EXPECT_NEAR(result.f, 1, 1e-12);
    }
}

struct WrongGradient {
    template <class X>
    auto operator()(const X& x) const {
        return (x[0] - 1.0) * (x[0] - 1.0) + 3.0 * (x[1] - 2.0) * (x[1] - 2.0);
    }
    template <class X, class G>
    void gradient(const X& x, G& g) const {
        g[0] += -2.0 * (x[0] - 1.0);
        g[1] += 6.0 * (x[1] - 2.0);
    }
};

TEST_F(TrapsTest, AWrongGradientIsNamedSoon) {
    for (const Method method : all_methods)
        for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking}) {
            SCOPED_TRACE(to_string(method));
            Options options = with(method);
            options.line_search = search;
            const Result<double> result =
                minimize(make_objective<double>(WrongGradient{}, 2), {5.0, 5.0}, options);
            EXPECT_EQ(result.status, Status::no_descent) << to_string(result.status);
            EXPECT_LE(result.counts.evaluations, 100);
            EXPECT_NE(result.message.find("gradient is wrong"), std::string::npos);
        }
}

struct OnlyAtStart {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        const T v = x[0] * x[0] + x[1];
        return select(abs(x[0] - 1.0) + abs(x[1] - 1.0) > T(0.0),
                      T(v * T(std::numeric_limits<double>::quiet_NaN())), v);
    }
};

TEST_F(TrapsTest, NoNumbersBesideTheStart) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result =
            minimize(make_objective<double>(OnlyAtStart{}, 2), {1.0, 1.0}, with(method));
        EXPECT_EQ(result.status, Status::not_finite) << to_string(result.status);
        EXPECT_EQ(result.x, (std::vector<double>{1, 1}));
    }
}

struct OneBadComponent {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        return x[0] * x[0] + sqrt(x[1]) + x[2];
    }
};

TEST_F(TrapsTest, ANumberThatIsNoneIsNamed) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const auto problem = make_objective<double>(OneBadComponent{}, 3);
        const Result<double> slope = minimize(problem, {1.0, 0.0, 1.0}, with(method));
        EXPECT_EQ(slope.status, Status::not_finite);
        EXPECT_NE(slope.message.find("component 1 of the gradient"), std::string::npos)
            << slope.message;
        const Result<double> value = minimize(problem, {1.0, -1.0, 1.0}, with(method));
        EXPECT_EQ(value.status, Status::not_finite);
        EXPECT_NE(value.message.find("the loss is"), std::string::npos) << value.message;
    }
}

struct Logarithm {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        return -log(x[0]);
    }
};
struct Cube {
    template <class X>
    auto operator()(const X& x) const {
        return x[0] * x[0] * x[0];
    }
};
struct Kink {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        return abs(x[0]);
    }
};

/// A small perceptron on random data, penalised: its loss rises without bound.
struct PenalizedNetwork {
    Perceptron perceptron{{8, 6, 3}, Activation::tanh, PerceptronLoss::softmax_cross_entropy};
    std::vector<double> features, targets;

    explicit PenalizedNetwork(std::uint64_t seed) {
        Random random(seed);
        for (int i = 0; i < 200; ++i) {
            double sum = 0;
            for (int j = 0; j < 8; ++j) {
                features.push_back(random.near_normal());
                sum += (j % 3 - 1) * features.back();
            }
            sum += 3 * random.near_normal();
            targets.push_back(sum < -1.5 ? 0 : sum < 1.5 ? 1 : 2);
        }
    }
    Problem<double> problem() const {
        Samples<double> samples;
        samples.features = features.data();
        samples.count = 200;
        samples.dimension = 8;
        samples.targets = targets.data();
        return make_perceptron<double>(perceptron, samples,
                                       {.l2 = 1e-3, .penalize_intercept = true});
    }
};

TEST_F(TrapsTest, SlowStepsThroughAValleyAreNotUnbounded) {
    const PenalizedNetwork network(3);
    for (const Method method : {Method::bfgs, Method::lbfgs})
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            SCOPED_TRACE(std::string(to_string(method)) + ", " + std::to_string(seed));
            Options options = with(method);
            options.max_iterations = 400;
            const Result<double> result = minimize(
                network.problem(), random_start<double>(network.perceptron, seed), options);
            EXPECT_NE(result.status, Status::unbounded);
        }
}

TEST_F(TrapsTest, ASaddleWhereNoStepHelpsIsNotCalledAMinimum) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        // No weight has a slope at 0, which is a saddle point; biases have.
        const PenalizedNetwork network(seed);
        const auto problem = network.problem();
        Options options = with(Method::newton);
        options.max_iterations = 60;
        const Result<double> result =
            minimize(problem, std::vector<double>(problem.dimension(), 0.0), options);
        SCOPED_TRACE(result.message);
        EXPECT_NE(result.status, Status::singular);
        EXPECT_LT(result.f, 0.95 * std::log(3));
    }
}

TEST_F(TrapsTest, NoMinimum) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        // Falls ever more slowly.
        EXPECT_EQ(minimize(make_objective<double>(Logarithm{}, 1), {1.0}, with(method)).status,
                  Status::unbounded);
        // Neither slope nor curvature at 0, but no minimum.
        if (method == Method::newton || method == Method::trust_region) {
            const Result<double> cube =
                minimize(make_objective<double>(Cube{}, 1), {1.0}, with(method));
            EXPECT_EQ(cube.status, Status::unbounded) << to_string(cube.status);
        }
        // A minimum without a gradient that vanishes.
        const Result<double> kink =
            minimize(make_objective<double>(Kink{}, 1), {3.7}, with(method));
        EXPECT_TRUE(kink.status == Status::precision_limit || kink.status == Status::no_descent)
            << to_string(kink.status);
        EXPECT_LE(kink.f, 1e-15);
    }
}

/// sum_i (exp(-t_i) - exp(-k t_i))^2, times a unit.
struct Decay {
    double unit;
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        T f(0.0);
        for (int i = 1; i <= 20; ++i) {
            const T r = T(std::exp(-0.25 * i)) - exp(-x[0] * T(0.25 * i));
            f += T(unit) * r * r;
        }
        return f;
    }
};

TEST_F(TrapsTest, AFlatValleyIsNoMinimum) {
    // Far out the gradient is small and the loss 1e20 times what it will be.
    for (const double unit : {1.0, 1e-12, 1e12})
        for (const Method method : {Method::newton, Method::trust_region, Method::bfgs}) {
            SCOPED_TRACE(std::string(to_string(method)) + ", unit " + std::to_string(unit));
            const Result<double> result =
                minimize(make_objective<double>(Decay{unit}, 1), {12.0}, with(method));
            if (result.status == Status::converged) {
                EXPECT_NEAR(result.x[0], 1, 1e-6);
            } else {
                EXPECT_EQ(result.status, Status::unbounded) << to_string(result.status);
            }
        }
}

}  // namespace
}  // namespace cunewton::test
