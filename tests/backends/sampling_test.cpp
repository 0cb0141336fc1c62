// Sums over samples that are drawn, and the methods that take their steps on them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/sample_order.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/device_code.h"
#include "tests/support/message_of.h"
#include "tests/support/open_session.h"
#include "tests/support/perceptron_oracle.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

/// Random samples with weights, labels 0 .. classes - 1.
template <class T>
struct Data {
    Data(long count, int dimension, int classes, std::uint64_t seed = 1) {
        Random random(seed);
        std::vector<double> direction(static_cast<std::size_t>(dimension) * classes);
        for (double& d : direction) d = random.near_normal();
        for (long i = 0; i < count; ++i) {
            int label = 0;
            double best = -1e30;
            std::vector<double> x(dimension);
            for (double& v : x) v = random.near_normal();
            for (int k = 0; k < classes; ++k) {
                double z = random.near_normal();
                for (int j = 0; j < dimension; ++j) z += direction[k * dimension + j] * x[j];
                if (z > best) best = z, label = k;
            }
            features.insert(features.end(), x.begin(), x.end());
            targets.push_back(static_cast<T>(label));
            weights.push_back(static_cast<T>(0.5 + random.uniform()));
        }
        samples.features = features.data();
        samples.count = count;
        samples.dimension = dimension;
        samples.targets = targets.data();
        samples.weights = weights.data();
    }
    Data(const Data&) = delete;
    /// The numbers of some of them, with a multiple of their weights.
    void select(const std::vector<long>& indices, double share) {
        std::vector<T> X, y, w;
        for (const long i : indices) {
            const T* row = features.data() + i * samples.dimension;
            X.insert(X.end(), row, row + samples.dimension);
            y.push_back(targets[i]);
            w.push_back(static_cast<T>(share * weights[i]));
        }
        features = X, targets = y, weights = w;
        samples.features = features.data();
        samples.targets = targets.data();
        samples.weights = weights.data();
        samples.count = static_cast<long>(indices.size());
    }
    std::vector<T> features, targets, weights;
    Samples<T> samples;
};

template <class T>
using MakeProblem = std::function<Problem<T>(const Samples<T>&, const ProblemOptions&)>;

/// A problem of every form that is a sum over samples.
template <class T>
std::vector<std::pair<std::string, MakeProblem<T>>> forms() {
    return {{"one output",
             [](const Samples<T>& s, ProblemOptions o) {
                 o.intercept = true;
                 return make_linear_predictor<T>(LinearRegression{}, s, o);
             }},
            {"several outputs",
             [](const Samples<T>& s, const ProblemOptions& o) {
                 return make_linear_predictor<T>(Softmax{3}, s, o);
             }},
            {"samples' own derivatives",
             [](const Samples<T>& s, const ProblemOptions& o) {
                 return sample_sum<T>(BlackBoxLogistic<2>{}, s, 5, o);
             }},
            {"samples' values",
             [](const Samples<T>& s, const ProblemOptions& o) {
                 return sample_sum<T>(BlackBoxLogistic<0>{}, s, 5, o);
             }},
            {"perceptron", [](const Samples<T>& s, const ProblemOptions& o) {
                 return make_perceptron<T>({{4, 5, 3}}, s, o);
             }}};
}

/// Loss, gradient and a product at a point.
template <class T>
struct Evaluated {
    double f;
    std::vector<T> g, Hv;

    Evaluated(Session<T>& session, int n, bool together) {
        Vectors<T>& vectors = *session.vectors;
        std::vector<T> x(n), v(n);
        for (int j = 0; j < n; ++j) {
            x[j] = static_cast<T>(0.3 * std::sin(1 + 2.0 * j));
            v[j] = static_cast<T>(std::cos(3.0 * j));
        }
        const Buffer<T> there = vectors.allocate(n), along = vectors.allocate(n),
                        to = vectors.allocate(n);
        const Number loss = vectors.number();
        vectors.upload(there.get(), x.data(), n);
        vectors.upload(along.get(), v.data(), n);
        if (together) {
            session.evaluator->value_gradient_and_products(there.get(), to.get(), loss);
        } else {
            session.evaluator->value_and_gradient(there.get(), to.get(), loss);
            session.evaluator->prepare_products(there.get());
        }
        f = vectors.read(loss);
        g.resize(n);
        vectors.download(g.data(), to.get(), n);
        session.evaluator->products(along.get(), 1, to.get());
        Hv.resize(n);
        vectors.download(Hv.data(), to.get(), n);
    }
};

template <class T>
void expect_near(const Evaluated<T>& a, const Evaluated<T>& b, double tolerance) {
    EXPECT_NEAR(a.f, b.f, tolerance * (1 + std::abs(b.f)));
    double largest = 1;
    for (const std::vector<T>* of : {&b.g, &b.Hv})
        for (const T value : *of) largest = std::max(largest, std::abs(double(value)));
    for (std::size_t j = 0; j < a.g.size(); ++j) {
        EXPECT_NEAR(a.g[j], b.g[j], tolerance * largest) << j;
        EXPECT_NEAR(a.Hv[j], b.Hv[j], tolerance * largest) << j;
    }
}

template <class T>
class SamplingTest : public BackendTest {};
TYPED_TEST_SUITE(SamplingTest, Reals, RealName);

TYPED_TEST(SamplingTest, ASelectionIsTheSumOverItsSamples) {
    using T = TypeParam;
    const long all = 700;
    for (const auto& [name, make] : forms<T>())
        for (const Reduction reduction : {Reduction::sum, Reduction::mean})
            for (const long count : {1L, 5L, 130L, 699L}) {
                // With weights and without.
                const bool weighted = count != 130;
                SCOPED_TRACE(name + ", " + std::to_string(count));
                Data<T> whole(all, 4, 3), part(all, 4, 3);
                if (!weighted) {
                    for (Data<T>* data : {&whole, &part})
                        std::fill(data->weights.begin(), data->weights.end(), T(1));
                    whole.samples.weights = nullptr;
                }
                double total = 0;
                for (const T w : whole.weights) total += w;
                SampleOrder order(all, 9);
                const auto drawn = order.next(count);
                const std::vector<long> indices(drawn.begin(), drawn.end());
                const double share = static_cast<double>(all) / count;
                part.select(indices, reduction == Reduction::mean ? share / total : share);
                const Problem<T> problem = make(whole.samples, {.reduction = reduction, .l2 = 0.1});
                const Problem<T> other =
                    make(part.samples, {.reduction = Reduction::sum, .l2 = 0.1});
                const int n = problem.dimension();
                Session<T> session = open(problem), of_part = open(other);
                ASSERT_EQ(session.evaluator->samples(), all);
                const Evaluated<T> before(session, n, false);
                select(*session.evaluator, indices);
                const Evaluated<T> expected(of_part, n, false);
                expect_near(Evaluated<T>(session, n, false), expected, 1e3 * epsilon<T>);
                expect_near(Evaluated<T>(session, n, true), expected, 1e3 * epsilon<T>);
                // And all again, to the same bits.
                session.evaluator->select_all();
                const Evaluated<T> after(session, n, false);
                EXPECT_EQ(after.f, before.f);
                EXPECT_EQ(after.g, before.g);
                EXPECT_EQ(after.Hv, before.Hv);
            }
}

TYPED_TEST(SamplingTest, AnOrderBringsEverySampleOnce) {
    SampleOrder order(103, 5), same(103, 5), other(103, 6);
    bool differs = false;
    for (int round = 0; round < 3; ++round) {
        std::set<long> seen;
        for (int k = 0; k < 10; ++k) {
            const auto next = order.next(10);
            const auto again = same.next(10), others = other.next(10);
            EXPECT_TRUE(std::equal(next.begin(), next.end(), again.begin()));
            differs = differs || !std::equal(next.begin(), next.end(), others.begin());
            seen.insert(next.begin(), next.end());
        }
        // Three are left out of each round.
        EXPECT_EQ(seen.size(), 100u);
        EXPECT_GE(*seen.begin(), 0);
        EXPECT_LT(*seen.rbegin(), 103);
    }
    EXPECT_TRUE(differs);
}

/// What a KroneckerPreconditioner is made of, layer by layer, full.
template <class T>
struct Factors {
    std::vector<std::vector<double>> A, G;

    Factors(Session<T>& session, const std::vector<T>& x, std::uint64_t seed) {
        Vectors<T>& vectors = *session.vectors;
        const KroneckerLayers layers = session.evaluator->kronecker_layers();
        const Buffer<T> there = vectors.allocate(x.size()), to = vectors.allocate(layers.numbers());
        vectors.upload(there.get(), x.data(), x.size());
        session.evaluator->prepare_products(there.get());
        session.evaluator->compute_kronecker_factors(seed, 0, to.get());
        std::vector<T> all(layers.numbers());
        vectors.download(all.data(), to.get(), all.size());
        const T* next = all.data();
        const auto take = [&](int n) {
            std::vector<double> full(static_cast<std::size_t>(n) * n);
            for (int j = 0; j < n; ++j)
                for (int i = j; i < n; ++i) full[j * n + i] = full[i * n + j] = next[j * n + i];
            next += n * n;
            return full;
        };
        for (const PerceptronLayer& layer : layers.layers) {
            A.push_back(take(layer.inputs));
            G.push_back(take(layer.outputs));
        }
    }
};

TYPED_TEST(SamplingTest, KroneckerFactorsAreRightOnTheAverage) {
    using T = TypeParam;
    // Of one sample the Gauss-Newton matrix is the product of its factors: its part for a layer's
    // biases is G, and between those and weights a' (x) G.
    for (const PerceptronLoss loss :
         {PerceptronLoss::softmax_cross_entropy, PerceptronLoss::squared_error}) {
        Data<T> data(1, 3, 3, 4);
        data.weights[0] = T(2);
        Perceptron shape{{3, 4, 3}, Activation::tanh, loss};
        const Problem<T> problem =
            make_perceptron<T>(shape, data.samples, {.reduction = Reduction::sum});
        const std::vector<T> x = random_start<T>(shape, 3);
        OracleData known;
        known.samples = 1;
        known.features = 3;
        known.X.assign(data.features.begin(), data.features.end());
        known.y.assign(data.targets.begin(), data.targets.end());
        known.w = {2};
        known.mean = false;
        const std::vector<long double> F = oracle_network_gauss_newton(
            {shape.widths, OracleActivation::tanh, loss == PerceptronLoss::softmax_cross_entropy},
            known, {x.begin(), x.end()});
        const std::size_t n = x.size();
        Session<T> session = open(problem, {.hessian = HessianBy::gauss_newton});
        const KroneckerLayers layers = session.evaluator->kronecker_layers();
        constexpr int draws = 2000;
        std::vector<std::vector<double>> mean, square;
        std::vector<std::vector<double>> A;
        for (int seed = 0; seed < draws; ++seed) {
            const Factors<T> factors(session, x, 1000 + seed);
            if (seed == 0) {
                mean = square = factors.G;
                for (auto* sums : {&mean, &square})
                    for (auto& sum : *sums) std::fill(sum.begin(), sum.end(), 0.0);
                A = factors.A;
            }
            EXPECT_EQ(factors.A, A);
            for (std::size_t l = 0; l < mean.size(); ++l)
                for (std::size_t e = 0; e < mean[l].size(); ++e) {
                    mean[l][e] += factors.G[l][e] / draws;
                    square[l][e] += factors.G[l][e] * factors.G[l][e] / draws;
                }
        }
        for (std::size_t l = 0; l < layers.layers.size(); ++l) {
            const PerceptronLayer& layer = layers.layers[l];
            const auto biases = [&](int i, int k) {
                return static_cast<double>(F[(layer.biases + k) * n + layer.biases + i]);
            };
            for (int k = 0; k < layer.outputs; ++k)
                for (int i = 0; i < layer.outputs; ++i) {
                    const std::size_t e = static_cast<std::size_t>(k) * layer.outputs + i;
                    const double error =
                        std::sqrt(std::max(square[l][e] - mean[l][e] * mean[l][e], 0.0) / draws);
                    EXPECT_NEAR(mean[l][e], biases(i, k), 5 * error + 100 * epsilon<T>);
                }
            // Weights into unit 0: G_00 a a'.
            for (int j = 0; j < layer.inputs; ++j)
                for (int i = 0; i < layer.inputs; ++i)
                    EXPECT_NEAR(A[l][static_cast<std::size_t>(j) * layer.inputs + i] * biases(0, 0),
                                static_cast<double>(F[(layer.weights + j) * n + layer.weights + i]),
                                100 * epsilon<T> * (1 + std::abs(biases(0, 0))));
        }
    }
}

TYPED_TEST(SamplingTest, KroneckerFactorsAreSumsOverSamples) {
    using T = TypeParam;
    // More than a tile of either backend's, weighted: A is the mean of x x'.
    Data<T> data(2600, 3, 2);
    Perceptron shape{{3, 2}};
    const Problem<T> problem = make_perceptron<T>(shape, data.samples);
    for (const std::size_t budget : {std::size_t{1} << 28, std::size_t{1}}) {
        Session<T> session =
            open(problem, {.hessian = HessianBy::gauss_newton, .memory_budget = budget});
        const Factors<T> factors(session, random_start<T>(shape, 1), 1);
        double total = 0;
        std::vector<double> expected(9, 0.0);
        for (long i = 0; i < data.samples.count; ++i) {
            const T* row = data.features.data() + 3 * i;
            total += data.weights[i];
            for (int e = 0; e < 9; ++e)
                expected[e] += static_cast<double>(data.weights[i]) * row[e / 3] * row[e % 3];
        }
        for (int e = 0; e < 9; ++e)
            EXPECT_NEAR(factors.A[0][e], expected[e] / total, 1e4 * epsilon<T>);
    }
}

TYPED_TEST(SamplingTest, AKroneckerPreconditionerInvertsItsShiftedFactors) {
    using T = TypeParam;
    Data<T> data(300, 4, 3);
    Perceptron shape{{4, 5, 3}};
    const double l2 = 0.02, shift = 0.05;
    const Problem<T> problem =
        make_perceptron<T>(shape, data.samples, {.l2 = l2, .penalize_intercept = true});
    const std::vector<T> x = random_start<T>(shape, 1);
    Session<T> session = open(problem, {.hessian = HessianBy::gauss_newton});
    Vectors<T>& vectors = *session.vectors;
    const Factors<T> factors(session, x, 7);
    KroneckerPreconditioner<T> M(*session.evaluator, vectors, *session.matrices, 7);
    M.average(0);
    ASSERT_TRUE(M.invert(shift));
    const std::size_t n = x.size();
    Random random(3);
    std::vector<T> r(n), z(n);
    for (T& value : r) value = static_cast<T>(random.near_normal());
    const Buffer<T> from = vectors.allocate(n), to = vectors.allocate(n);
    vectors.upload(from.get(), r.data(), n);
    M.apply(from.get(), to.get());
    vectors.download(z.data(), to.get(), n);
    double trace_sum = 0, parameters = 0;
    const KroneckerLayers layers = session.evaluator->kronecker_layers();
    for (std::size_t l = 0; l < layers.layers.size(); ++l) {
        const PerceptronLayer& layer = layers.layers[l];
        const int p = layer.inputs, q = layer.outputs;
        double a = 0, g = 0;
        for (int j = 0; j < p; ++j) a += factors.A[l][j * p + j];
        for (int k = 0; k < q; ++k) g += factors.G[l][k * q + k];
        trace_sum += (a + 1) * g;
        parameters += (p + 1.0) * q;
        const double pi = std::sqrt((a / p) / (g / q)), root = std::sqrt(shift + l2);
        const auto A = [&](int i, int j) {
            return factors.A[l][j * p + i] + (i == j ? pi * root : 0);
        };
        const auto G = [&](int i, int k) {
            return factors.G[l][k * q + i] + (i == k ? root / pi : 0);
        };
        // (G (x) A) z = r
        for (int k = 0; k < q; ++k) {
            for (int i = 0; i < p; ++i) {
                double sum = 0;
                for (int m = 0; m < q; ++m)
                    for (int j = 0; j < p; ++j)
                        sum += A(i, j) * G(m, k) * z[layer.weights + m * p + j];
                EXPECT_NEAR(sum, r[layer.weights + k * p + i], 1e4 * epsilon<T>);
            }
            double sum = 0;
            for (int m = 0; m < q; ++m) sum += (1 + pi * root) * G(m, k) * z[layer.biases + m];
            EXPECT_NEAR(sum, r[layer.biases + k], 1e4 * epsilon<T>);
        }
    }
    EXPECT_NEAR(M.mean_curvature(), trace_sum / parameters, 1e4 * epsilon<T>);
}

Options options_for(Method method, int iterations = 30) {
    Options options;
    options.backend = tested_choice();
    options.threads = 2;
    options.method = method;
    options.max_iterations = iterations;
    // Few steps a pass.
    if (method == Method::adam) options.sampling.learning_rate = 0.02;
    return options;
}

/// What a method is for: a perceptron for kfac, a regression for the others.
template <class T>
Problem<T> problem_for(Method method, const Data<T>& data) {
    if (method == Method::kfac)
        return make_perceptron<T>({{data.samples.dimension, 6, 3}}, data.samples,
                                  {.l2 = 1e-2, .penalize_intercept = true});
    return make_linear_predictor<T>(Softmax{3}, data.samples, {.l2 = 1e-2});
}
template <class T>
std::vector<T> start_for(const Problem<T>& problem) {
    std::vector<T> x(static_cast<std::size_t>(problem.dimension()));
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = static_cast<T>(0.4 * std::sin(1 + 7.0 * j));
    return x;
}

TYPED_TEST(SamplingTest, MethodsComeNearTheMinimum) {
    using T = TypeParam;
    const Data<T> data(600, 4, 3);
    for (const Method method : sampling_methods) {
        SCOPED_TRACE(to_string(method));
        const Problem<T> problem = problem_for(method, data);
        const std::vector<T> start = start_for(problem);
        const auto at_start = evaluate(problem, start, {});
        Options exact = options_for(method == Method::kfac ? Method::lbfgs : Method::newton, 500);
        const double least = minimize(problem, start, exact).f;
        Options options = options_for(method, 40);
        options.keep_trace = true;
        const Result<T> result = minimize(problem, start, options);
        // A network has other minima, too.
        EXPECT_LE(result.f - least, (method == Method::kfac ? 0.2 : 0.05) * (at_start - least));
        EXPECT_GE(result.f, (method == Method::kfac ? 0.5 : 1) * least - 1e3 * epsilon<T>);
        EXPECT_GT(result.counts.sampled_passes, 0);
        EXPECT_EQ(result.seed, options.seed);
        EXPECT_NEAR(result.f, evaluate(problem, result.x, {}), 1e2 * epsilon<T>);
        // The best of all iterates, whose losses and gradients are those of all samples.
        for (const IterationRecord& record : result.trace)
            EXPECT_GE(record.f, result.f - 1e2 * epsilon<T>);
        EXPECT_EQ(result.counts.evaluations, result.counts.gradients);
    }
}

TYPED_TEST(SamplingTest, TheSeedDecidesAllBits) {
    using T = TypeParam;
    const Data<T> data(600, 4, 3);
    for (const Method method : sampling_methods) {
        SCOPED_TRACE(to_string(method));
        const Problem<T> problem = problem_for(method, data);
        Options options = options_for(method, 3);
        const Result<T> first = minimize(problem, start_for(problem), options);
        options.threads = 1;
        const Result<T> again = minimize(problem, start_for(problem), options);
        EXPECT_EQ(first.x, again.x);
        options.seed = 2;
        EXPECT_NE(first.x, minimize(problem, start_for(problem), options).x);
    }
}

TYPED_TEST(SamplingTest, SubsampledNewtonEndsAsNewtonsMethodDoes) {
    using T = TypeParam;
    const Data<T> data(3000, 5, 3);
    const Problem<T> problem = make_linear_predictor<T>(Softmax{3}, data.samples, {.l2 = 1e-2});
    const Result<T> exact = minimize(problem, start_for(problem), options_for(Method::newton, 100));
    ASSERT_EQ(exact.status, Status::converged);
    const Result<T> result =
        minimize(problem, start_for(problem), options_for(Method::subsampled_newton, 100));
    EXPECT_EQ(result.status, Status::converged) << result.message;
    for (std::size_t j = 0; j < exact.x.size(); ++j)
        EXPECT_NEAR(result.x[j], exact.x[j], 100 * std::sqrt(epsilon<T>));
    EXPECT_GT(result.counts.sampled_passes, 0);
    EXPECT_GT(result.counts.products, 0);
}

TYPED_TEST(SamplingTest, TheTestForAMinimumIsThatOfAllSamples) {
    using T = TypeParam;
    const Data<T> data(200, 3, 3);
    for (const Method method : sampling_methods) {
        SCOPED_TRACE(to_string(method));
        const Problem<T> problem = problem_for(method, data);
        Options options = options_for(method, 2000);
        options.sampling.size = 200;  // all: no noise
        options.gradient_tolerance = 1e-3;
        const Result<T> result = minimize(problem, start_for(problem), options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_LE(result.gradient_norm, 1e-3);
        const std::vector<T> g = gradient(problem, result.x, {});
        double square = 0;
        for (const T value : g) square += static_cast<double>(value) * value;
        EXPECT_NEAR(std::sqrt(square), result.gradient_norm, 1e3 * epsilon<T>);
    }
}

TYPED_TEST(SamplingTest, LimitsAreKept) {
    using T = TypeParam;
    const Data<T> data(300, 3, 3);
    for (const Method method : sampling_methods) {
        SCOPED_TRACE(to_string(method));
        const Problem<T> problem = problem_for(method, data);
        const std::vector<T> start = start_for(problem);
        Options options = options_for(method, 0);
        Result<T> result = minimize(problem, start, options);
        EXPECT_EQ(result.status, Status::max_iterations);
        EXPECT_EQ(result.x, start);
        options = options_for(method, 2);
        result = minimize(problem, start, options);
        EXPECT_EQ(result.status, Status::max_iterations);
        EXPECT_EQ(result.iterations, 2);
        for (const long most : {1L, 2L, 4L}) {
            options = options_for(method, 1000);
            options.max_evaluations = most;
            options.gradient_tolerance = 0;
            result = minimize(problem, start, options);
            EXPECT_EQ(result.status, Status::max_evaluations);
            EXPECT_EQ(result.counts.evaluations, most);
        }
        options = options_for(method, 1000);
        options.time_limit = 0;
        result = minimize(problem, start, options);
        EXPECT_EQ(result.status, Status::time_limit);
        EXPECT_EQ(result.x, start);
        options = options_for(method, 1000);
        options.callback = [](const IterationRecord& record) { return record.iteration < 2; };
        result = minimize(problem, start, options);
        EXPECT_EQ(result.status, Status::cancelled);
    }
}

TYPED_TEST(SamplingTest, AStepThatIsTooLongKeepsTheBestPoint) {
    using T = TypeParam;
    const Data<T> data(300, 3, 3);
    for (const Method method : {Method::sgd, Method::adam}) {
        SCOPED_TRACE(to_string(method));
        const Problem<T> problem = problem_for(method, data);
        const std::vector<T> start = start_for(problem);
        Options options = options_for(method, 12);
        options.sampling.learning_rate = 1e20;
        options.keep_trace = true;
        const Result<T> result = minimize(problem, start, options);
        EXPECT_FALSE(result.converged());
        EXPECT_LE(result.f, evaluate(problem, start, {}) + epsilon<T>);
        EXPECT_NEAR(result.f, evaluate(problem, result.x, {}), 1e2 * epsilon<T>);
        for (const T value : result.x) EXPECT_TRUE(std::isfinite(value));
        // From there on shorter ones.
        options.max_iterations = 2000;
        options.sampling.learning_rate = 1e3;
        EXPECT_LT(minimize(problem, start, options).f, 0.9 * evaluate(problem, start, {}));
    }
}

TYPED_TEST(SamplingTest, MisuseIsRefused) {
    using T = TypeParam;
    const Data<T> data(50, 3, 3);
    const auto message = [&](const Problem<T>& problem, const Options& options) {
        return message_of<InvalidArgument>([&] { minimize(problem, start_for(problem), options); });
    };
    const auto has = [](const std::string& text, const char* part) {
        return text.find(part) != std::string::npos;
    };
    const Problem<T> objective = make_objective<T>(ExtendedRosenbrock{}, 2);
    for (const Method method : sampling_methods)
        EXPECT_TRUE(has(message(objective, options_for(method)), "takes steps on samples"));
    const Problem<T> regression = make_linear_predictor<T>(Softmax{3}, data.samples);
    EXPECT_TRUE(has(message(regression, options_for(Method::kfac)), "is for perceptrons"));
    Options options = options_for(Method::sgd);
    options.sampling.size = -1;
    EXPECT_TRUE(has(message(regression, options), "sampling.size is negative (-1)"));
    for (const double rate : {-1.0, std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity()}) {
        options = options_for(Method::adam);
        options.sampling.learning_rate = rate;
        EXPECT_TRUE(has(message(regression, options), "sampling.learning_rate is invalid"));
    }
    for (const double momentum : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()}) {
        options = options_for(Method::sgd);
        options.sampling.momentum = momentum;
        EXPECT_TRUE(has(message(regression, options), "sampling.momentum is invalid"));
    }
    // More samples than there are: all.
    options = options_for(Method::sgd, 2);
    options.sampling.size = 1000;
    EXPECT_EQ(minimize(regression, start_for(regression), options).iterations, 2);
}

}  // namespace
}  // namespace cunewton::test
