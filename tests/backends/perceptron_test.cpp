// Perceptrons: loss, gradient, Hessian and Gauss-Newton products against an oracle, in any order
// and amount of memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/on_device.h"
#include "tests/support/open_session.h"
#include "tests/support/perceptron_oracle.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

constexpr Activation activations[] = {Activation::relu, Activation::tanh, Activation::softplus,
                                      Activation::gelu};
constexpr PerceptronLoss losses[] = {PerceptronLoss::softmax_cross_entropy,
                                     PerceptronLoss::squared_error};

/// A perceptron with data, as the library and as the oracle know them.
template <class T>
class Case {
  public:
    /// labels: of a squared error, in the place of numbers.
    Case(const Perceptron& shape, int samples, const ProblemOptions& options = {},
         bool weights = false, std::uint64_t seed = 1, bool labels = false)
        : perceptron(shape), options_(options) {
        Random random(seed);
        const int d = shape.widths.front(), K = shape.widths.back();
        labels = labels || shape.loss == PerceptronLoss::softmax_cross_entropy;
        samples_.target_count = labels ? 1 : K;
        for (int i = 0; i < samples; ++i) {
            for (int j = 0; j < d; ++j) features_.push_back(static_cast<T>(random.near_normal()));
            for (int pad = 0; pad < padding; ++pad)
                features_.push_back(std::numeric_limits<T>::quiet_NaN());
            for (int k = 0; k < samples_.target_count; ++k)
                targets_.push_back(labels ? static_cast<T>(static_cast<int>(K * random.uniform()))
                                          : static_cast<T>(random.near_normal()));
            if (weights) weights_.push_back(static_cast<T>(0.5 + random.uniform()));
        }
        const long n = parameter_count(shape);
        for (long j = 0; j < n; ++j) x.push_back(static_cast<T>(0.6 * random.near_normal()));
        samples_.features = features_.data();
        samples_.count = samples;
        samples_.dimension = d;
        samples_.ld = d + padding;
        samples_.targets = targets_.data();
        samples_.weights = weights ? weights_.data() : nullptr;
    }
    Case(const Case&) = delete;

    Problem<T> problem() const { return make_perceptron<T>(perceptron, samples_, options_); }
    const Samples<T>& samples() const { return samples_; }

    OracleNetwork network() const {
        return {perceptron.widths, static_cast<OracleActivation>(perceptron.activation),
                perceptron.loss == PerceptronLoss::softmax_cross_entropy};
    }
    OracleData data() const {
        OracleData data;
        data.samples = static_cast<int>(samples_.count);
        data.features = samples_.dimension;
        for (long i = 0; i < samples_.count; ++i)
            for (int j = 0; j < data.features; ++j)
                data.X.push_back(features_[i * samples_.ld + j]);
        data.y.assign(targets_.begin(), targets_.end());
        data.w.assign(weights_.begin(), weights_.end());
        data.mean = options_.reduction != Reduction::sum;
        data.l2 = options_.l2;
        data.penalize_intercept = options_.penalize_intercept;
        return data;
    }
    std::vector<long double> point() const { return {x.begin(), x.end()}; }

    Perceptron perceptron;
    std::vector<T> x;

  private:
    static constexpr int padding = 2;
    ProblemOptions options_;
    std::vector<T> features_, targets_, weights_;
    Samples<T> samples_;
};

/// Small perceptrons of every kind, with every kind of option among them.
template <class T, class Body>
void for_each_kind(int samples, const Body& body) {
    int number = 0;
    for (const PerceptronLoss loss : losses)
        for (const Activation activation : activations)
            for (const std::vector<int>& hidden :
                 std::vector<std::vector<int>>{{}, {5}, {4, 3}, {17}}) {
                Perceptron shape{{3}, activation, loss};
                shape.widths.insert(shape.widths.end(), hidden.begin(), hidden.end());
                ++number;
                const bool one = loss == PerceptronLoss::squared_error && number % 3 == 0,
                           labels = number % 3 == 1;
                shape.widths.push_back(one ? 1 : 3);
                ProblemOptions options;
                options.reduction = number % 2 ? Reduction::mean : Reduction::sum;
                options.l2 = number % 3 ? 0.25 : 0;
                options.penalize_intercept = number % 5 < 2;
                SCOPED_TRACE(std::string(to_string(loss)) + ", " + to_string(activation) + ", " +
                             std::to_string(hidden.size()) + " hidden layers, case " +
                             std::to_string(number));
                body(Case<T>(shape, samples, options, number % 4 < 2, number, labels));
            }
}

template <class T>
EvaluationOptions evaluation_options() {
    EvaluationOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

template <class T>
std::vector<T> random_vectors(std::size_t n, int count, std::uint64_t seed) {
    Random random(seed);
    std::vector<T> V(n * static_cast<std::size_t>(count));
    for (T& value : V) value = static_cast<T>(random.near_normal());
    return V;
}

/// Products on one session: at x with all vectors at once.
template <class T>
class Products {
  public:
    explicit Products(const Problem<T>& problem, const DerivativeOptions& derivatives = {},
                      int threads = 2)
        : session_(open(problem, derivatives, threads)), n_(problem.dimension()) {}

    void prepare(const std::vector<T>& x) {
        Vectors<T>& vectors = *session_.vectors;
        const Buffer<T> there = vectors.allocate(x.size());
        vectors.upload(there.get(), x.data(), x.size());
        session_.evaluator->prepare_products(there.get());
        // The point is not needed any longer.
        vectors.scale(there.get(), std::numeric_limits<T>::quiet_NaN(), there.get(), n_);
        vectors.download(std::vector<T>(x).data(), there.get(), x.size());
    }
    std::vector<T> operator()(const std::vector<T>& V) {
        Vectors<T>& vectors = *session_.vectors;
        const Buffer<T> from = vectors.allocate(V.size()), to = vectors.allocate(V.size());
        vectors.upload(from.get(), V.data(), V.size());
        session_.evaluator->products(from.get(), static_cast<int>(V.size()) / n_, to.get());
        std::vector<T> HV(V.size());
        vectors.download(HV.data(), to.get(), HV.size());
        return HV;
    }
    /// Loss and gradient.
    std::vector<T> gradient(const std::vector<T>& x) {
        Vectors<T>& vectors = *session_.vectors;
        const Buffer<T> there = vectors.allocate(x.size()), g = vectors.allocate(x.size());
        const Number f = vectors.number();
        vectors.upload(there.get(), x.data(), x.size());
        session_.evaluator->value_and_gradient(there.get(), g.get(), f);
        std::vector<T> all(x.size());
        vectors.download(all.data(), g.get(), all.size());
        all.push_back(static_cast<T>(vectors.read(f)));
        return all;
    }
    std::vector<T> hessian(const std::vector<T>& x) {
        Vectors<T>& vectors = *session_.vectors;
        const Buffer<T> there = vectors.allocate(x.size()),
                        H = vectors.allocate(x.size() * x.size());
        vectors.upload(there.get(), x.data(), x.size());
        session_.evaluator->hessian(there.get(), H.get());
        std::vector<T> all(H.size());
        vectors.download(all.data(), H.get(), all.size());
        return all;
    }
    std::size_t kept() const { return session_.evaluator->peak_tile_bytes(); }

  private:
    Session<T> session_;
    int n_;
};

template <class A, class B>
void expect_near(const std::vector<A>& got, const std::vector<B>& exact, double tolerance) {
    ASSERT_EQ(got.size(), exact.size());
    double scale = 0, worst = 0;
    for (const B& value : exact) scale = std::max(scale, std::abs(static_cast<double>(value)));
    for (std::size_t j = 0; j < got.size(); ++j) {
        ASSERT_TRUE(std::isfinite(static_cast<double>(got[j]))) << j;
        worst =
            std::max(worst, std::abs(static_cast<double>(got[j]) - static_cast<double>(exact[j])));
    }
    EXPECT_LE(worst, tolerance * scale);
}

/// Of a sum over samples of what a few layers make; double: the promised 1e-12 at most.
template <class T>
double tolerance_for(long samples) {
    return 4 * sum_tolerance<T>(samples + 64);
}

template <class T>
std::vector<long double> times(const std::vector<long double>& H, const T* v, std::size_t n) {
    std::vector<long double> Hv(n, 0);
    for (std::size_t j = 0; j < n; ++j)
        for (std::size_t i = 0; i < n; ++i) Hv[i] += H[j * n + i] * v[j];
    return Hv;
}

template <class T>
class PerceptronTest : public BackendTest {};
TYPED_TEST_SUITE(PerceptronTest, Reals, RealName);

TYPED_TEST(PerceptronTest, LossAndGradientAreTheOracles) {
    using T = TypeParam;
    for_each_kind<T>(37, [](const Case<T>& c) {
        const Problem<T> problem = c.problem();
        const auto options = evaluation_options<T>();
        const long double f = oracle_network_value(c.network(), c.data(), c.point());
        EXPECT_NEAR(evaluate(problem, c.x, options), static_cast<double>(f),
                    tolerance_for<T>(37) * static_cast<double>(f));
        expect_near(gradient(problem, c.x, options),
                    oracle_network_gradient(c.network(), c.data(), c.point()),
                    tolerance_for<T>(37));
        // Several points at once.
        std::vector<T> points = c.x;
        points.insert(points.end(), c.x.size(), T(0));
        const std::vector<T> two = evaluate_batch(problem, points, options);
        EXPECT_EQ(two[0], evaluate(problem, c.x, options));
        EXPECT_EQ(two[1], evaluate(problem, std::vector<T>(c.x.size(), T(0)), options));
    });
}

TYPED_TEST(PerceptronTest, ProductsAreThoseOfTheExactHessian) {
    using T = TypeParam;
    for_each_kind<T>(13, [](const Case<T>& c) {
        const std::size_t n = c.x.size();
        const std::vector<long double> H = oracle_network_hessian(c.network(), c.data(), c.point());
        std::vector<T> V = random_vectors<T>(n, 3, 17);
        std::fill_n(V.begin() + static_cast<long>(n), n, T(0));
        Products<T> products(c.problem());
        products.prepare(c.x);
        const std::vector<T> HV = products(V);
        for (std::size_t v = 0; v < 3; ++v)
            expect_near(std::vector<T>(HV.begin() + static_cast<long>(v * n),
                                       HV.begin() + static_cast<long>((v + 1) * n)),
                        times(H, V.data() + v * n, n), tolerance_for<T>(13));
        expect_near(hessian(c.problem(), c.x, evaluation_options<T>()), H, tolerance_for<T>(13));
        // w'Hv = v'Hw.
        double left = 0, right = 0, size = 0;
        for (std::size_t j = 0; j < n; ++j) {
            left += static_cast<double>(V[2 * n + j]) * HV[j];
            right += static_cast<double>(V[j]) * HV[2 * n + j];
            size += std::abs(static_cast<double>(V[2 * n + j]) * HV[j]);
        }
        EXPECT_NEAR(left, right, tolerance_for<T>(13) * size);
    });
}

TYPED_TEST(PerceptronTest, GaussNewtonLeavesOutTheOutputsSecondDerivatives) {
    using T = TypeParam;
    for_each_kind<T>(37, [](const Case<T>& c) {
        const std::size_t n = c.x.size();
        const std::vector<long double> G =
            oracle_network_gauss_newton(c.network(), c.data(), c.point());
        DerivativeOptions derivatives;
        derivatives.hessian = HessianBy::gauss_newton;
        Products<T> products(c.problem(), derivatives);
        products.prepare(c.x);
        for (std::uint64_t seed = 0; seed < 5; ++seed) {
            const std::vector<T> v = random_vectors<T>(n, 1, seed);
            const std::vector<T> Gv = products(v);
            expect_near(Gv, times(G, v.data(), n), tolerance_for<T>(37));
            double along = 0;
            for (std::size_t j = 0; j < n; ++j) along += static_cast<double>(v[j]) * Gv[j];
            EXPECT_GE(along, 0);
        }
        EvaluationOptions options = evaluation_options<T>();
        options.derivatives = derivatives;
        expect_near(hessian(c.problem(), c.x, options), G, tolerance_for<T>(37));
        // It is another matrix than the Hessian, unless outputs are linear.
        const std::vector<T> H = hessian(c.problem(), c.x, evaluation_options<T>());
        double difference = 0;
        for (std::size_t e = 0; e < H.size(); ++e)
            difference = std::max(difference, std::abs(double(H[e]) - double(G[e])));
        if (c.perceptron.widths.size() > 2)
            EXPECT_GT(difference, 0.01);
        else
            EXPECT_LT(difference, 1e-4);
    });
}

TYPED_TEST(PerceptronTest, ManyTilesOfSamples) {
    using T = TypeParam;
    for (const int samples : {1, 1024, 2500}) {
        SCOPED_TRACE(samples);
        const Case<T> c({{4, 6, 3}, Activation::tanh}, samples, {.l2 = 0.1}, true);
        expect_near(gradient(c.problem(), c.x, evaluation_options<T>()),
                    oracle_network_gradient(c.network(), c.data(), c.point()),
                    tolerance_for<T>(64));
        const std::vector<T> v = random_vectors<T>(c.x.size(), 1, 3);
        Products<T> products(c.problem());
        products.prepare(c.x);
        expect_near(products(v),
                    oracle_network_product(c.network(), c.data(), c.point(), {v.begin(), v.end()}),
                    tolerance_for<T>(64));
    }
}

TYPED_TEST(PerceptronTest, ASquaredErrorOfSeveralOutputs) {
    using T = TypeParam;
    for (const int samples : {1, 1024, 2500})
        for (const bool labels : {false, true}) {
            SCOPED_TRACE(std::to_string(samples) + (labels ? ", labels" : ", numbers"));
            const Case<T> c({{4, 6, 5}, Activation::tanh, PerceptronLoss::squared_error}, samples,
                            {.l2 = 0.1}, true, 1, labels);
            const auto options = evaluation_options<T>();
            const long double f = oracle_network_value(c.network(), c.data(), c.point());
            EXPECT_NEAR(evaluate(c.problem(), c.x, options), static_cast<double>(f),
                        tolerance_for<T>(64) * static_cast<double>(f));
            expect_near(gradient(c.problem(), c.x, options),
                        oracle_network_gradient(c.network(), c.data(), c.point()),
                        tolerance_for<T>(64));
            const std::vector<T> v = random_vectors<T>(c.x.size(), 1, 3);
            Products<T> products(c.problem());
            products.prepare(c.x);
            expect_near(
                products(v),
                oracle_network_product(c.network(), c.data(), c.point(), {v.begin(), v.end()}),
                tolerance_for<T>(64));
        }
}

TYPED_TEST(PerceptronTest, ALabelStandsForItsUnitVector) {
    using T = TypeParam;
    const Case<T> c({{3, 7, 4}, Activation::softplus, PerceptronLoss::squared_error}, 1500,
                    {.l2 = 0.1}, true, 1, true);
    std::vector<T> rows(4 * 1500, T(0));
    for (int i = 0; i < 1500; ++i) rows[4 * i + static_cast<int>(c.samples().targets[i])] = 1;
    Samples<T> unit = c.samples();
    unit.targets = rows.data();
    unit.target_count = 4;
    const auto options = evaluation_options<T>();
    const Problem<T> by_rows = make_perceptron<T>(c.perceptron, unit, {.l2 = 0.1});
    EXPECT_EQ(evaluate(by_rows, c.x, options), evaluate(c.problem(), c.x, options));
    EXPECT_EQ(gradient(by_rows, c.x, options), gradient(c.problem(), c.x, options));
    EXPECT_EQ(accuracy(c.perceptron, c.x, unit), accuracy(c.perceptron, c.x, c.samples()));
    EXPECT_GT(accuracy(c.perceptron, c.x, unit), 0);
    // And as arrays.
    const Samples<T> arrays = Samples<T>::of(
        Array<const T>(c.samples().features, 1500, 3).strided(c.samples().ld, 1),
        Array<const T>(rows.data(), 1500, 4), Array<const T>(c.samples().weights, 1, 1500));
    EXPECT_EQ(arrays.target_count, 4);
    EXPECT_EQ(evaluate(make_perceptron<T>(c.perceptron, arrays, {.l2 = 0.1}), c.x, options),
              evaluate(by_rows, c.x, options));
}

TYPED_TEST(PerceptronTest, OutputsOfASquaredErrorAreRegressionsOfTheirOwn) {
    using T = TypeParam;
    // Without hidden layers they share nothing.
    const int d = 3, K = 4, N = 200;
    const Case<T> c({{d, K}, Activation::tanh, PerceptronLoss::squared_error}, N);
    const auto options = evaluation_options<T>();
    double sum = 0;
    for (int k = 0; k < K; ++k) {
        std::vector<T> targets, x(c.x.begin() + k * d, c.x.begin() + (k + 1) * d);
        x.push_back(c.x[static_cast<std::size_t>(K * d + k)]);
        for (int i = 0; i < N; ++i) targets.push_back(c.samples().targets[i * K + k]);
        Samples<T> one = c.samples();
        one.targets = targets.data();
        one.target_count = 1;
        sum += evaluate(
            make_perceptron<T>({{d, 1}, Activation::tanh, PerceptronLoss::squared_error}, one), x,
            options);
    }
    EXPECT_NEAR(evaluate(c.problem(), c.x, options), sum, tolerance_for<T>(N) * sum);
}

TYPED_TEST(PerceptronTest, SeveralVectorsAtOnceAreOneAtATime) {
    using T = TypeParam;
    const Case<T> c({{5, 7, 6, 4}, Activation::softplus}, 1500, {.l2 = 0.1});
    const std::size_t n = c.x.size();
    const int count = 19;
    const std::vector<T> V = random_vectors<T>(n, count, 5);
    Products<T> products(c.problem());
    products.prepare(c.x);
    const std::vector<T> together = products(V);
    for (int v = 0; v < count; ++v) {
        const auto begin = static_cast<long>(static_cast<std::size_t>(v) * n);
        const auto end = begin + static_cast<long>(n);
        EXPECT_EQ(std::vector<T>(together.begin() + begin, together.begin() + end),
                  products(std::vector<T>(V.begin() + begin, V.begin() + end)))
            << v;
    }
}

TYPED_TEST(PerceptronTest, ActivationsAreKeptOrComputedAnew) {
    using T = TypeParam;
    const Case<T> c({{5, 9, 6, 4}, Activation::gelu}, 3000, {.l2 = 0.1}, true);
    const std::vector<T> V = random_vectors<T>(c.x.size(), 2, 5);
    for (const HessianBy by : {HessianBy::automatic, HessianBy::gauss_newton}) {
        DerivativeOptions derivatives;
        derivatives.hessian = by;
        Products<T> ample(c.problem(), derivatives);
        derivatives.memory_budget = std::size_t{1} << 18;
        Products<T> tight(c.problem(), derivatives);
        ample.prepare(c.x);
        tight.prepare(c.x);
        const std::vector<T> kept = ample(V);
        expect_near(tight(V), kept, 64 * epsilon<T>);
        EXPECT_GT(ample.kept(), std::size_t{1} << 18);
        EXPECT_LE(tight.kept(), std::size_t{1} << 18);
        // What is evaluated in between does not move the point.
        const std::vector<T> elsewhere(c.x.size(), T(0.25));
        for (Products<T>* products : {&ample, &tight}) {
            const std::vector<T> before = (*products)(V);
            products->gradient(elsewhere);
            products->hessian(elsewhere);
            EXPECT_EQ((*products)(V), before);
            // And preparing does.
            products->prepare(elsewhere);
            const std::vector<T> after = (*products)(V);
            EXPECT_NE(after, before);
            products->prepare(c.x);
            EXPECT_EQ((*products)(V), before);
        }
    }
}

TYPED_TEST(PerceptronTest, WithoutHiddenLayersItIsALinearPredictor) {
    using T = TypeParam;
    const int d = 6, K = 4;
    const Case<T> c({{d, K}}, 300, {.l2 = 0.2}, true);
    const auto linear =
        make_linear_predictor<T>(Softmax{K}, c.samples(), {.l2 = 0.2, .intercept = true});
    // There each output's bias follows its weights.
    const auto place = [&](int j) {
        return j < d * K ? j / d * (d + 1) + j % d : (j - d * K) * (d + 1) + d;
    };
    const int n = linear.dimension();
    ASSERT_EQ(c.problem().dimension(), n);
    std::vector<T> x(n);
    for (int j = 0; j < n; ++j) x[place(j)] = c.x[j];
    const auto options = evaluation_options<T>();
    EXPECT_NEAR(evaluate(c.problem(), c.x, options), evaluate(linear, x, options),
                tolerance_for<T>(64));
    const std::vector<T> g = gradient(linear, x, options), H = hessian(linear, x, options);
    std::vector<T> placed_g(n), placed_H(static_cast<std::size_t>(n) * n);
    for (int j = 0; j < n; ++j) {
        placed_g[j] = g[place(j)];
        for (int i = 0; i < n; ++i) placed_H[j * n + i] = H[place(j) * n + place(i)];
    }
    expect_near(gradient(c.problem(), c.x, options), placed_g, tolerance_for<T>(64));
    expect_near(hessian(c.problem(), c.x, options), placed_H, tolerance_for<T>(64));
}

TYPED_TEST(PerceptronTest, ThreadsDoNotChangeABit) {
    using T = TypeParam;
    const Case<T> c({{20, 33, 5}, Activation::tanh}, 7000, {.l2 = 0.1}, true);
    const std::vector<T> V = random_vectors<T>(c.x.size(), 2, 5);
    std::vector<T> gradients[3], HV[3];
    for (const int threads : {1, 2, 3}) {
        Products<T> products(c.problem(), {}, threads);
        gradients[threads - 1] = products.gradient(c.x);
        products.prepare(c.x);
        HV[threads - 1] = products(V);
    }
    for (const int other : {1, 2}) {
        EXPECT_EQ(gradients[0], gradients[other]);
        EXPECT_EQ(HV[0], HV[other]);
    }
}

TYPED_TEST(PerceptronTest, SamplesFeatureByFeature) {
    using T = TypeParam;
    const Case<T> c({{4, 6, 3}, Activation::relu}, 50);
    std::vector<T> columns(4 * 50);
    const Samples<T>& rows = c.samples();
    for (int i = 0; i < 50; ++i)
        for (int j = 0; j < 4; ++j) columns[j * 50 + i] = rows.features[i * rows.ld + j];
    Samples<T> other = rows;
    other.features = columns.data();
    other.ld = 1;
    other.feature_stride = 50;
    const auto options = evaluation_options<T>();
    EXPECT_EQ(gradient(make_perceptron<T>(c.perceptron, other), c.x, options),
              gradient(c.problem(), c.x, options));
}

#if CUNEWTON_WITH_CUDA
TYPED_TEST(PerceptronTest, SamplesOnTheDevice) {
    using T = TypeParam;
    if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
    for (const PerceptronLoss loss : losses) {
        const Case<T> c({{4, 6, 3}, Activation::relu, loss}, 50, {.l2 = 0.1}, true);
        const Samples<T>& here = c.samples();
        const OnDevice<T> features(
            std::vector<T>(here.features, here.features + here.count * here.ld)),
            targets(std::vector<T>(here.targets, here.targets + here.count * here.target_count)),
            weights(std::vector<T>(here.weights, here.weights + here.count));
        Samples<T> there = here;
        there.features = features.get();
        there.targets = targets.get();
        there.weights = weights.get();
        there.memory = Memory::device;
        const auto options = evaluation_options<T>();
        // Weights are summed in another order there.
        expect_near(gradient(make_perceptron<T>(c.perceptron, there, {.l2 = 0.1}), c.x, options),
                    gradient(c.problem(), c.x, options), 16 * epsilon<T>);
        EXPECT_EQ(accuracy(c.perceptron, c.x, there), accuracy(c.perceptron, c.x, here));
        // And fetched for a backend of the host.
        EvaluationOptions on_cpu = options;
        on_cpu.backend = BackendChoice::cpu;
        expect_near(gradient(make_perceptron<T>(c.perceptron, there, {.l2 = 0.1}), c.x, on_cpu),
                    gradient(c.problem(), c.x, on_cpu), 16 * epsilon<T>);
    }
}
#endif

TYPED_TEST(PerceptronTest, ASampleWithoutWeightCountsForNothing) {
    using T = TypeParam;
    const Perceptron shape{{1, 1}, Activation::tanh, PerceptronLoss::squared_error};
    // The square of the last sample's residual is infinite.
    const std::vector<T> features{1, 2, std::sqrt(std::numeric_limits<T>::max()) * 4},
        targets{1, 3, 0}, weights{1, 2, 0}, x{T(0.5), T(0.25)};
    Samples<T> samples;
    samples.features = features.data();
    samples.targets = targets.data();
    samples.weights = weights.data();
    samples.dimension = 1;
    const auto options = evaluation_options<T>();
    samples.count = 3;
    const auto three = make_perceptron<T>(shape, samples);
    samples.count = 2;
    const auto two = make_perceptron<T>(shape, samples);
    EXPECT_TRUE(std::isfinite(evaluate(two, x, options)));
    EXPECT_EQ(evaluate(three, x, options), evaluate(two, x, options));
    EXPECT_EQ(gradient(three, x, options), gradient(two, x, options));
    EXPECT_EQ(hessian(three, x, options), hessian(two, x, options));
    EXPECT_EQ(gradient_second_moments(three, x, options), gradient_second_moments(two, x, options));
}

TYPED_TEST(PerceptronTest, SecondMomentsAreMeansOfSquaresOfSingleSamplesGradients) {
    using T = TypeParam;
    for_each_kind<T>(7, [](const Case<T>& c) {
        OracleData all = c.data(), one = all;
        const int targets = static_cast<int>(all.y.size()) / all.samples;
        one.samples = 1;
        one.w.clear();
        one.mean = false;
        one.l2 = 0;
        long double sum = 0;
        std::vector<long double> moments(c.x.size(), 0);
        for (int i = 0; i < all.samples; ++i) {
            one.X.assign(all.X.begin() + i * all.features, all.X.begin() + (i + 1) * all.features);
            one.y.assign(all.y.begin() + i * targets, all.y.begin() + (i + 1) * targets);
            const long double w = all.w.empty() ? 1 : all.w[i];
            sum += w;
            const std::vector<long double> g = oracle_network_gradient(c.network(), one, c.point());
            for (std::size_t j = 0; j < g.size(); ++j) moments[j] += w * g[j] * g[j];
        }
        for (long double& v : moments) v /= sum;
        expect_near(gradient_second_moments(c.problem(), c.x, evaluation_options<T>()), moments,
                    tolerance_for<T>(all.samples));
    });
}

TYPED_TEST(PerceptronTest, SecondMomentsOfManyTiles) {
    using T = TypeParam;
    // Those of all are the mean of the parts', and no less than the mean gradient's squares.
    const Case<T> c({{3, 5, 3}, Activation::tanh, PerceptronLoss::softmax_cross_entropy}, 1500, {},
                    true);
    const auto options = evaluation_options<T>();
    const std::vector<T> moments = gradient_second_moments(c.problem(), c.x, options),
                         mean = gradient(c.problem(), c.x, options);
    Samples<T> first = c.samples(), second = first;
    first.count = 700;
    second.count -= 700;
    second.features += 700 * second.ld;
    second.targets += 700;
    second.weights += 700;
    double parts[] = {0, 0};
    for (long i = 0; i < 1500; ++i) parts[i >= 700] += static_cast<double>(first.weights[i]);
    const auto of = [&](const Samples<T>& samples) {
        return gradient_second_moments(make_perceptron<T>(c.perceptron, samples), c.x, options);
    };
    const std::vector<T> of_first = of(first), of_second = of(second);
    std::vector<double> both;
    for (std::size_t j = 0; j < moments.size(); ++j) {
        both.push_back((parts[0] * static_cast<double>(of_first[j]) +
                        parts[1] * static_cast<double>(of_second[j])) /
                       (parts[0] + parts[1]));
        EXPECT_GE(moments[j], mean[j] * mean[j]);
    }
    expect_near(moments, both, tolerance_for<T>(1500));
}

TYPED_TEST(PerceptronTest, WideLayersAreWorkedOnInFewerSamples) {
    using T = TypeParam;
    const Case<T> c({{2, 3000, 2}, Activation::softplus}, 600);
    // The last biases' derivatives are the means of the residuals.
    const std::vector<T> g = gradient(c.problem(), c.x, evaluation_options<T>()),
                         z = predict(c.perceptron, c.x, c.samples());
    double residual = 0;
    for (int i = 0; i < 600; ++i)
        residual += 1 / (1 + std::exp(double(z[2 * i + 1]) - z[2 * i])) -
                    (c.samples().targets[i] == T(0) ? 1 : 0);
    EXPECT_NEAR(g[g.size() - 2], residual / 600, 1e4 * epsilon<T>);
    EXPECT_NEAR(g[g.size() - 1], -residual / 600, 1e4 * epsilon<T>);
}

TYPED_TEST(PerceptronTest, AtTheKinkOfReluTheDerivativeIsZero) {
    using T = TypeParam;
    const Case<T> c({{3, 4, 2}, Activation::relu}, 10);
    // No unit gets anything, so no weight of the first layer has a slope, nor one of the second.
    const std::vector<T> zero(c.x.size(), T(0)),
        g = gradient(c.problem(), zero, evaluation_options<T>());
    for (std::size_t j = 0; j < g.size(); ++j)
        EXPECT_EQ(g[j] == T(0), j < 3 * 4 + 4 + 4 * 2) << j << ": " << g[j];
}

TYPED_TEST(PerceptronTest, LargeOutputsDoNotOverflow) {
    using T = TypeParam;
    for (const Activation activation : activations) {
        SCOPED_TRACE(to_string(activation));
        Case<T> c({{3, 4, 3}, activation}, 20);
        for (T& value : c.x) value *= T(1e3);
        for (const T value : gradient(c.problem(), c.x, evaluation_options<T>()))
            EXPECT_TRUE(std::isfinite(value));
        Products<T> products(c.problem());
        products.prepare(c.x);
        for (const T value : products(random_vectors<T>(c.x.size(), 1, 1)))
            EXPECT_TRUE(std::isfinite(value));
        // And what is not a number is not hidden.
        c.x[0] = std::numeric_limits<T>::quiet_NaN();
        EXPECT_TRUE(std::isnan(products.gradient(c.x).back()));
    }
}

TYPED_TEST(PerceptronTest, MethodsMinimiseIt) {
    using T = TypeParam;
    for (const Method method : {Method::bfgs, Method::trust_region}) {
        for (const HessianBy by : {HessianBy::automatic, HessianBy::gauss_newton}) {
            SCOPED_TRACE(std::string(to_string(method)) + ", " + to_string(by));
            const Case<T> c({{3, 4, 3}, Activation::tanh}, 60, {.l2 = 0.01});
            const std::vector<T> x0 = random_start<T>(c.perceptron, 1);
            Options options;
            options.method = method;
            options.backend = tested_choice();
            options.max_iterations = 30;
            options.derivatives.hessian = by;
            const T before = evaluate(c.problem(), x0, evaluation_options<T>());
            const Result<T> result = minimize(c.problem(), x0, options);
            EXPECT_LT(result.f, 0.9 * before) << result.message;
            EXPECT_EQ(result.backend, tested_backend());
            EXPECT_NEAR(result.f, evaluate(c.problem(), result.x, evaluation_options<T>()),
                        16 * epsilon<T> * before);
        }
    }
}

TYPED_TEST(PerceptronTest, AStartIsRandomAndAlwaysTheSame) {
    using T = TypeParam;
    const Perceptron shape{{400, 100, 3}};
    const std::vector<T> x = random_start<T>(shape, 7);
    ASSERT_EQ(static_cast<long>(x.size()), parameter_count(shape));
    EXPECT_EQ(x, random_start<T>(shape, 7));
    EXPECT_NE(x, random_start<T>(shape, 8));
    // The first ones, on every machine.
    const double first[] = {0x1.cefe878f9f2bap-7, 0x1.58d667e61bcf0p-7, 0x1.39a503244aee2p-4,
                            0x1.3e9e1be279fe7p-5};
    for (int j = 0; j < 4; ++j) EXPECT_EQ(x[j], static_cast<T>(first[j])) << j;
    // Moments of 40000 numbers from N(0, 1/400), within five of their standard errors.
    const double count = 40000, deviation = 1.0 / 20;
    double sum = 0, squares = 0, fourths = 0, outside = 0;
    for (int j = 0; j < 40000; ++j) {
        const double u = x[j] / deviation;
        sum += u;
        squares += u * u;
        fourths += u * u * u * u;
        outside += std::abs(u) > 2;
    }
    EXPECT_NEAR(sum / count, 0, 5 / std::sqrt(count));
    EXPECT_NEAR(squares / count, 1, 5 * std::sqrt(2 / count));
    EXPECT_NEAR(fourths / count, 3, 5 * std::sqrt(96 / count));
    EXPECT_NEAR(outside / count, 0.0455003, 5 * std::sqrt(0.0455 / count));
    for (int j = 40000; j < 40100; ++j) EXPECT_EQ(x[j], T(0));
    squares = 0;
    for (int j = 40100; j < 40400; ++j) squares += 100 * static_cast<double>(x[j]) * x[j];
    EXPECT_NEAR(squares / 300, 1, 5 * std::sqrt(2.0 / 300));
    for (int j = 40400; j < 40403; ++j) EXPECT_EQ(x[j], T(0));
}

TYPED_TEST(PerceptronTest, OutputsAndAccuracy) {
    using T = TypeParam;
    const Case<T> c({{3, 5, 4}, Activation::softplus}, 1100);
    const std::vector<T> z = predict(c.perceptron, c.x, c.samples());
    ASSERT_EQ(z.size(), 4u * 1100u);
    // One output alone is a regression, whose gradient by the last bias is its residual.
    long right = 0;
    for (int i = 0; i < 1100; ++i) {
        const T* zi = z.data() + 4 * i;
        right += std::max_element(zi, zi + 4) - zi == static_cast<int>(c.samples().targets[i]);
    }
    EXPECT_EQ(accuracy(c.perceptron, c.x, c.samples()), right / 1100.0);
    Samples<T> one = c.samples();
    for (const int i : {0, 1023, 1024, 1099}) {
        one.features = c.samples().features + i * c.samples().ld;
        one.targets = c.samples().targets + i;
        one.count = 1;
        const T* zi = z.data() + 4 * i;
        double sum = 0;
        for (int k = 0; k < 4; ++k) sum += std::exp(double(zi[k]));
        EXPECT_NEAR(evaluate(make_perceptron<T>(c.perceptron, one), c.x, evaluation_options<T>()),
                    std::log(sum) - zi[static_cast<int>(one.targets[0])], tolerance_for<T>(64));
    }
}

TYPED_TEST(PerceptronTest, MisuseIsRefused) {
    using T = TypeParam;
    const Case<T> c({{3, 4, 3}}, 10);
    const auto refuses = [&](const std::string& part, const Perceptron& shape, Samples<T> samples,
                             const ProblemOptions& options = {}) {
        const std::string message =
            message_of<InvalidArgument>([&] { make_perceptron<T>(shape, samples, options); });
        EXPECT_NE(message.find(part), std::string::npos) << message;
        EXPECT_NE(message.find(" ("), std::string::npos) << message;
        EXPECT_NE(message.find(") "), std::string::npos) << message;
    };
    const Samples<T>& good = c.samples();
    refuses("inputs and outputs", {{3}}, good);
    refuses("inputs and outputs", {{}}, good);
    refuses("width of a perceptron is not positive", {{3, 0, 3}}, good);
    refuses("width of a perceptron is not positive", {{3, 4, -1}}, good);
    refuses("too many layers", {std::vector<int>(34, 3)}, good);
    refuses("too many parameters", {{3, 1000000, 1000000, 3}}, good);
    refuses("features do not fit", {{4, 4, 3}}, good);
    refuses("every layer of a perceptron has biases", c.perceptron, good, {.intercept = true});
    refuses("l2 penalty", c.perceptron, good, {.l2 = -1});
    Samples<T> several = good;
    several.target_count = 2;
    refuses("targets do not fit the perceptron (target_count = 2, outputs are 3) pass one label",
            {{3, 4, 3}, Activation::tanh, PerceptronLoss::squared_error}, several);
    refuses("targets do not fit the perceptron (target_count = 2, outputs are 2) pass one label",
            {{3, 4, 2}}, several);
    refuses("target of sample", {{3, 4, 2}, Activation::tanh, PerceptronLoss::squared_error}, good);
    for (const int count : {0, -1}) {
        several.target_count = count;
        refuses("targets per sample are too few", c.perceptron, several);
    }
    refuses("classes to choose from", {{3, 4, 1}}, good);
    refuses("target of sample", {{3, 4, 2}}, good);
    Samples<T> samples = good;
    samples.targets = nullptr;
    refuses("targets are missing", c.perceptron, samples);
    std::vector<T> targets(good.targets, good.targets + 10);
    samples.targets = targets.data();
    targets[3] = T(0.5);
    refuses("target of sample 3", c.perceptron, samples);
    targets[3] = T(-1);
    refuses("target of sample 3", c.perceptron, samples);
    // A limit that is kept to.
    EXPECT_EQ(make_perceptron<T>({std::vector<int>(33, 3)}, good).dimension(), 32 * 12);

    const std::string one = message_of<InvalidArgument>([&] {
        const Case<T> regression({{3, 1}, Activation::tanh, PerceptronLoss::squared_error}, 10);
        accuracy(regression.perceptron, regression.x, regression.samples());
    });
    EXPECT_NE(one.find("an accuracy needs classes"), std::string::npos) << one;

    const std::string sizes =
        message_of<InvalidArgument>([&] { predict(c.perceptron, std::vector<T>(3), good); });
    EXPECT_NE(sizes.find("wrong size"), std::string::npos) << sizes;

    for (const GradientBy by :
         {GradientBy::autodiff, GradientBy::central_differences, GradientBy::forward_differences}) {
        EvaluationOptions options = evaluation_options<T>();
        options.derivatives.gradient = by;
        EXPECT_THROW(gradient(c.problem(), c.x, options), InvalidArgument) << to_string(by);
    }
    for (const HessianBy by :
         {HessianBy::autodiff, HessianBy::gradient_differences, HessianBy::value_differences}) {
        EvaluationOptions options = evaluation_options<T>();
        options.derivatives.hessian = by;
        EXPECT_THROW(hessian(c.problem(), c.x, options), InvalidArgument) << to_string(by);
    }
}

TYPED_TEST(PerceptronTest, OtherFormsHaveOneTarget) {
    using T = TypeParam;
    const Case<T> c({{3, 2}, Activation::tanh, PerceptronLoss::squared_error}, 10);
    ASSERT_EQ(c.samples().target_count, 2);
    const std::string several = message_of<InvalidArgument>(
        [&] { make_linear_predictor<T>(LinearRegression{}, c.samples()); });
    EXPECT_NE(several.find("samples have several targets (target_count = 2)"), std::string::npos)
        << several;
    // The number of the sample is said, not of the target.
    std::vector<T> targets(c.samples().targets, c.samples().targets + 20);
    targets[13] = std::numeric_limits<T>::infinity();
    Samples<T> infinite = c.samples();
    infinite.targets = targets.data();
    const std::string sample =
        message_of<InvalidArgument>([&] { make_perceptron<T>(c.perceptron, infinite); });
    EXPECT_NE(sample.find("that of sample 6 is inf"), std::string::npos) << sample;
    const std::string judged =
        message_of<InvalidArgument>([&] { accuracy(c.perceptron, c.x, infinite); });
    EXPECT_NE(judged.find("target of sample 6 is invalid (it is not finite)"), std::string::npos)
        << judged;
}

TYPED_TEST(PerceptronTest, OtherFormsHaveNoGaussNewtonMatrix) {
    using T = TypeParam;
    const auto refuses = [](const Problem<T>& problem) {
        EvaluationOptions options = evaluation_options<T>();
        options.derivatives.hessian = HessianBy::gauss_newton;
        const std::string message = message_of<InvalidArgument>([&] {
            hessian(problem, std::vector<T>(static_cast<std::size_t>(problem.dimension()), T(0)),
                    options);
        });
        EXPECT_NE(message.find("only perceptrons"), std::string::npos) << message;
    };
    const Case<T> c({{3, 3}}, 10);
    refuses(make_objective<T>(ExtendedRosenbrock{}, 2));
    refuses(make_linear_predictor<T>(Softmax{3}, c.samples()));
}

}  // namespace
}  // namespace cunewton::test
