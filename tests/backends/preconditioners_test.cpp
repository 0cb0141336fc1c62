// Preconditioners of conjugate gradients, on their own and inside of Newton-CG.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/minimize/conjugate_gradients.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"
#include "tests/support/open_session.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

/// A = Q diag(values) Q with the reflection Q = I - 2 v v' / v'v.
struct Spectrum {
    explicit Spectrum(std::vector<double> eigenvalues) : values(std::move(eigenvalues)) {
        Random random(5);
        for (std::size_t j = 0; j < n(); ++j) v.push_back(random.near_normal());
        for (const double x : v) square += x * x;
    }
    std::size_t n() const { return values.size(); }
    double q(std::size_t i, std::size_t j) const { return (i == j) - 2 * v[i] * v[j] / square; }
    double entry(std::size_t i, std::size_t j) const {
        double sum = 0;
        for (std::size_t k = 0; k < n(); ++k) sum += q(i, k) * values[k] * q(k, j);
        return sum;
    }
    /// Q diag(f) Q r
    std::vector<double> apply(const std::vector<double>& f, const std::vector<double>& r) const {
        std::vector<double> part(n()), z(n());
        for (std::size_t k = 0; k < n(); ++k)
            for (std::size_t j = 0; j < n(); ++j) part[k] += f[k] * q(k, j) * r[j];
        for (std::size_t i = 0; i < n(); ++i)
            for (std::size_t k = 0; k < n(); ++k) z[i] += q(i, k) * part[k];
        return z;
    }
    template <class T>
    std::vector<T> matrix() const {
        std::vector<T> A(n() * n());
        for (std::size_t i = 0; i < n(); ++i)
            for (std::size_t j = 0; j < n(); ++j) A[i * n() + j] = static_cast<T>(entry(i, j));
        return A;
    }
    std::vector<double> values, v;
    double square = 0;
};

/// A problem on the tested backend, with products at a point.
template <class T>
struct At {
    At(const Problem<T>& problem, const std::vector<T>& x, const DerivativeOptions& by = {})
        : n(static_cast<int>(x.size())), session(open(problem, by)) {
        H = session.evaluator->curvature(CurvatureKind::product);
        const Buffer<T> there = session.vectors->allocate(n);
        session.vectors->upload(there.get(), x.data(), n);
        H->update(there.get());
    }
    std::vector<double> apply(Preconditioner<T>& M, const std::vector<double>& r) {
        Vectors<T>& vectors = *session.vectors;
        const Buffer<T> from = vectors.allocate(n), to = vectors.allocate(n);
        const std::vector<T> given(r.begin(), r.end());
        vectors.upload(from.get(), given.data(), n);
        M.apply(from.get(), to.get());
        std::vector<T> z(n);
        vectors.download(z.data(), to.get(), n);
        return {z.begin(), z.end()};
    }
    int n;
    Session<T> session;
    std::unique_ptr<Curvature<T>> H;
};

template <class T>
class PreconditionersTest : public BackendTest {};
TYPED_TEST_SUITE(PreconditionersTest, Reals, RealName);

TYPED_TEST(PreconditionersTest, TheDiagonalOfLinearPredictorsIsExact) {
    using T = TypeParam;
    for (const ModelKind kind : all_models())
        for (const bool intercept : {false, true})
            for (const int samples : {33, 5000}) {
                SCOPED_TRACE(name_of(kind) + (intercept ? ", intercept" : ""));
                ModelOptions options{.samples = samples, .weights = true, .ld_padding = 3};
                options.problem = {.l2 = 0.3, .intercept = intercept};
                const Model<T> model(kind, options);
                const std::size_t n = model.theta().size();
                const std::vector<long double> H = model.hessian(model.theta());
                At<T> at(model.problem(), model.theta());
                DiagonalPreconditioner<T> M(*at.session.evaluator, *at.H, *at.session.vectors, at.n,
                                            1);
                ASSERT_TRUE(M.update(nullptr));
                EXPECT_EQ(M.products(), 0);
                const std::vector<double> inverse = at.apply(M, std::vector<double>(n, 1.0));
                for (std::size_t j = 0; j < n; ++j) {
                    const double exact = static_cast<double>(H[j * n + j]);
                    EXPECT_NEAR(1 / inverse[j], exact, 16 * sum_tolerance<T>(samples + 4) * exact);
                }
            }
}

TYPED_TEST(PreconditionersTest, ElsewhereTheDiagonalIsEstimated) {
    using T = TypeParam;
    // Of a diagonal matrix exactly, whatever the signs; a parameter without curvature gets the
    // least that there can be.
    const int n = 20;
    std::vector<T> A(n * n, T(0)), b(n, T(1));
    for (int j = 0; j < n - 1; ++j) A[j * (n + 1)] = static_cast<T>(j % 2 ? -j : 1 + j);
    {
        const auto problem = make_quadratic(A.data(), b.data(), n);
        At<T> at(problem, std::vector<T>(n, T(0)));
        DiagonalPreconditioner<T> M(*at.session.evaluator, *at.H, *at.session.vectors, n, 7);
        ASSERT_TRUE(M.update(nullptr));
        EXPECT_EQ(M.products(), DiagonalPreconditioner<T>::samples);
        const std::vector<double> inverse = at.apply(M, std::vector<double>(n, 1.0));
        for (int j = 0; j < n - 1; ++j) {
            const double exact = std::abs(double(A[j * (n + 1)]));
            EXPECT_NEAR(1 / inverse[j], exact, 100 * epsilon<T> * 20);
        }
        EXPECT_NEAR(inverse[n - 1], 1 / (19 * std::sqrt(epsilon<T>)), 1e-3 / std::sqrt(epsilon<T>));
    }
    // Of any other the error is that of a mean of independent terms: entry j's variance is the sum
    // of the squares beside the diagonal.
    const Spectrum spectrum({50, 20, 10, 5, 4, 3, 2, 1, 1, 1, 1, 1});
    const std::size_t m = spectrum.n();
    const std::vector<T> full = spectrum.matrix<T>();
    const auto problem = make_quadratic(full.data(), b.data(), static_cast<int>(m));
    At<T> at(problem, std::vector<T>(m, T(0)));
    for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
        SCOPED_TRACE(seed);
        DiagonalPreconditioner<T> M(*at.session.evaluator, *at.H, *at.session.vectors, at.n, seed);
        ASSERT_TRUE(M.update(nullptr));
        const std::vector<double> inverse = at.apply(M, std::vector<double>(m, 1.0));
        for (std::size_t j = 0; j < m; ++j) {
            double variance = 0;
            for (std::size_t i = 0; i < m; ++i)
                if (i != j) variance += std::pow(spectrum.entry(i, j), 2);
            const double error = std::sqrt(variance / DiagonalPreconditioner<T>::samples);
            EXPECT_NEAR(1 / inverse[j], spectrum.entry(j, j), 4 * error) << j;
        }
    }
    // Nothing to go by.
    std::fill(A.begin(), A.end(), T(0));
    const auto flat = make_quadratic(A.data(), b.data(), n);
    At<T> at_flat(flat, std::vector<T>(n, T(0)));
    DiagonalPreconditioner<T> M(*at_flat.session.evaluator, *at_flat.H, *at_flat.session.vectors, n,
                                7);
    EXPECT_FALSE(M.update(nullptr));
}

template <class T>
std::unique_ptr<NystromPreconditioner<T>> sketch(At<T>& at, int rank, std::uint64_t seed = 1) {
    return std::make_unique<NystromPreconditioner<T>>(
        *at.H, *at.session.vectors, *at.session.matrices, at.n, rank, epsilon<T>, seed);
}

TYPED_TEST(PreconditionersTest, ASketchInvertsTheLargeEigenvalues) {
    using T = TypeParam;
    // Four large ones that a sketch of rank 6 cannot miss, and the rest alike.
    std::vector<double> values(30, 1.0);
    for (int j = 0; j < 4; ++j) values[5 * j] = 400 + 100 * j;
    const Spectrum spectrum(values);
    const std::vector<T> A = spectrum.matrix<T>(), b(30, T(1));
    const auto problem = make_quadratic(A.data(), b.data(), 30);
    At<T> at(problem, std::vector<T>(30, T(0)));
    const auto M = sketch(at, 6);
    ASSERT_TRUE(M->update(nullptr));
    EXPECT_EQ(M->products(), 6);
    // Along each eigenvector M^-1 H is about 1, and closer to it along the large ones.
    for (std::size_t k = 0; k < spectrum.n(); ++k) {
        std::vector<double> q(spectrum.n());
        for (std::size_t i = 0; i < q.size(); ++i) q[i] = spectrum.q(i, k);
        const std::vector<double> z = at.apply(*M, q);
        double quotient = 0;
        for (std::size_t i = 0; i < q.size(); ++i) quotient += q[i] * z[i] * values[k];
        EXPECT_NEAR(quotient, 1, values[k] > 1 ? 0.2 : 0.7) << k;
    }
    // So few products are left: five kinds of eigenvalues, of which four are gone.
    Vectors<T>& vectors = *at.session.vectors;
    const Buffer<T> right = vectors.allocate(30), x = vectors.allocate(30);
    vectors.upload(right.get(), b.data(), 30);
    solver::ConjugateGradients<T> cg(vectors, 30);
    cg.start(*at.H, T(1), right.get(), x.get(), M.get());
    const auto result = cg.run({.tolerance = 1e-3});
    EXPECT_EQ(result.end, solver::ConjugateGradientsEnd::converged);
    EXPECT_LE(result.products, testing_cuda() ? 8 : 6);
}

TYPED_TEST(PreconditionersTest, ASketchOfFullRankIsTheInverse) {
    using T = TypeParam;
    const Spectrum spectrum({8, 4, 2, 1, 0.5, 0.25});
    const std::vector<T> A = spectrum.matrix<T>(), b(6, T(1));
    const auto problem = make_quadratic(A.data(), b.data(), 6);
    At<T> at(problem, std::vector<T>(6, T(0)));
    EXPECT_EQ(NystromPreconditioner<T>::rank(50, 6), 6);
    std::vector<double> r{1, -2, 3, 0.5, 0, -1}, inverse;
    for (const double value : spectrum.values) inverse.push_back(1 / value);
    const std::vector<double> exact = spectrum.apply(inverse, r);
    for (const std::uint64_t seed : {1, 2, 3}) {
        const auto M = sketch(at, 6, seed);
        ASSERT_TRUE(M->update(nullptr));
        const std::vector<double> z = at.apply(*M, r);
        for (std::size_t j = 0; j < r.size(); ++j)
            EXPECT_NEAR(z[j], exact[j], 1e6 * epsilon<T>) << seed << ", " << j;
    }
}

TYPED_TEST(PreconditionersTest, ASketchOfAMatrixOfLowRankIsDefinite) {
    using T = TypeParam;
    std::vector<double> values(25, 0.0);
    values[3] = 5, values[11] = 2, values[20] = 1;
    const Spectrum spectrum(values);
    const std::vector<T> A = spectrum.matrix<T>(), b(25, T(1));
    const auto problem = make_quadratic(A.data(), b.data(), 25);
    At<T> at(problem, std::vector<T>(25, T(0)));
    const auto M = sketch(at, 10);
    ASSERT_TRUE(M->update(nullptr));
    for (const std::size_t k : {std::size_t{3}, std::size_t{11}, std::size_t{20}}) {
        std::vector<double> q(25);
        for (std::size_t i = 0; i < 25; ++i) q[i] = spectrum.q(i, k);
        const std::vector<double> z = at.apply(*M, q);
        double quotient = 0;
        for (std::size_t i = 0; i < 25; ++i) quotient += q[i] * z[i] * values[k];
        EXPECT_NEAR(quotient, 1, 1e5 * epsilon<T>) << k;
    }
    std::vector<double> r(25, 0.0);
    Random random(3);
    for (double& value : r) value = random.near_normal();
    const std::vector<double> z = at.apply(*M, r);
    double rz = 0;
    for (std::size_t j = 0; j < 25; ++j) rz += r[j] * z[j];
    EXPECT_GT(rz, 0);
}

TYPED_TEST(PreconditionersTest, ASketchOfAnIndefiniteMatrixIsNone) {
    using T = TypeParam;
    const Spectrum spectrum({5, 4, 3, 2, -4, -5});
    const std::vector<T> A = spectrum.matrix<T>(), b(6, T(1));
    const auto problem = make_quadratic(A.data(), b.data(), 6);
    At<T> at(problem, std::vector<T>(6, T(0)));
    EXPECT_FALSE(sketch(at, 6)->update(nullptr));
    const std::vector<T> zero(36, T(0));
    const auto flat = make_quadratic(zero.data(), b.data(), 6);
    At<T> at_flat(flat, std::vector<T>(6, T(0)));
    EXPECT_FALSE(sketch(at_flat, 6)->update(nullptr));
}

// ---- Inside of Newton-CG.

constexpr PreconditionBy random_ones[] = {PreconditionBy::diagonal, PreconditionBy::nystrom};

class PreconditionedNewtonCgTest : public BackendTest {};

TEST_F(PreconditionedNewtonCgTest, EveryPreconditionerEndsAtTheSameMinimum) {
    for (const ModelKind kind : all_models()) {
        ModelOptions model_options{.samples = 400, .features = 8};
        model_options.problem = {.l2 = 0.01, .intercept = true, .penalize_intercept = true};
        const Model<double> model(kind, model_options);
        const std::vector<double> x0(model.theta().size(), 0.5);
        const Result<double> dense = minimize(model.problem(), x0, with(Method::newton));
        for (const PreconditionBy by : random_ones)
            for (const Method method : {Method::newton_cg, Method::lbfgs}) {
                SCOPED_TRACE(name_of(kind) + ", " + to_string(by) + ", " + to_string(method));
                Options options = with(method);
                options.precondition = by;
                options.nystrom_rank = 5;
                const Result<double> result = minimize(model.problem(), x0, options);
                EXPECT_EQ(result.status, Status::converged) << result.message;
                for (std::size_t j = 0; j < x0.size(); ++j)
                    EXPECT_NEAR(result.x[j], dense.x[j], 1e-6) << j;
            }
    }
}

/// Logistic regression on features whose sizes are 4 apart from each to the next, or that have much
/// in common.
struct Hard {
    Hard(bool scales, int dimension) : d(dimension) {
        Random random(11);
        for (int i = 0; i < N; ++i) {
            const double common = scales ? 0 : 8 * random.near_normal();
            double z = 0;
            for (int j = 0; j < d; ++j) {
                const double v = random.near_normal();
                X.push_back(scales ? std::ldexp(v, -2 * j) : v / 16 + (j % 2 ? common : -common));
                z += v;
            }
            y.push_back(z + 3 * random.near_normal() > 0 ? 1 : 0);
        }
    }
    Problem<double> problem() const {
        return make_linear_predictor<double>(
            Logistic{}, Samples<double>{X.data(), N, d, 0, y.data(), nullptr}, {.l2 = 1e-7});
    }
    static constexpr int N = 300;
    int d;
    std::vector<double> X, y;
};

TEST_F(PreconditionedNewtonCgTest, EachSavesProductsWhereItFits) {
    const auto products = [](const Problem<double>& problem, PreconditionBy by) {
        Options options = with(Method::newton_cg);
        options.relative_gradient_tolerance = 1e-5;
        options.nystrom_rank = 20;
        options.precondition = by;
        const std::vector<double> x0(problem.dimension(), 0.0);
        const Result<double> result = minimize(problem, x0, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        return result.counts.products;
    };
    const Hard scales(true, 8);
    EXPECT_LT(2 * products(scales.problem(), PreconditionBy::diagonal),
              products(scales.problem(), PreconditionBy::none));
    // Sixteen eigenvalues over six powers of ten, none of them along an axis, and the rest alike.
    std::vector<double> values(60, 1.0);
    for (int j = 0; j < 16; ++j) values[j] = std::pow(10, 6 - 0.375 * j);
    const Spectrum spectrum(values);
    const std::vector<double> A = spectrum.matrix<double>(), b(60, 1.0);
    const auto quadratic = make_quadratic(A.data(), b.data(), 60);
    EXPECT_LT(2 * products(quadratic, PreconditionBy::nystrom),
              products(quadratic, PreconditionBy::none));
}

TEST_F(PreconditionedNewtonCgTest, TheSameSeedGivesTheSameBits) {
    const Hard hard(false, 30);
    const std::vector<double> x0(hard.d, 0.0);
    Options options = with(Method::newton_cg);
    options.precondition = PreconditionBy::nystrom;
    options.nystrom_rank = 4;
    EXPECT_EQ(minimize(hard.problem(), x0, options).seed, 1u);
    std::vector<Result<double>> results;
    for (const std::uint64_t seed : {42, 42, 43}) {
        options.seed = seed;
        results.push_back(minimize(hard.problem(), x0, options));
        EXPECT_EQ(results.back().seed, seed);
        EXPECT_EQ(results.back().status, Status::converged);
    }
    EXPECT_EQ(results[0].x, results[1].x);
    EXPECT_EQ(results[0].counts.products, results[1].counts.products);
    EXPECT_NE(results[0].x, results[2].x);
}

TEST_F(PreconditionedNewtonCgTest, WhereThereIsNoneItGoesWithout) {
    // Indefinite on the way.
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 10);
    std::vector<double> x0(10);
    for (int j = 0; j < 10; ++j) x0[j] = j % 2 ? 1.0 : -1.2;
    for (const PreconditionBy by : random_ones) {
        SCOPED_TRACE(to_string(by));
        Options options = with(Method::newton_cg);
        options.precondition = by;
        const Result<double> result = minimize(problem, x0, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (const double x : result.x) EXPECT_NEAR(x, 1, 1e-6);
    }
}

TEST_F(PreconditionedNewtonCgTest, TheCallersIsUsed) {
    // f = sum_j h_j x_j^2 / 2 - x_j, h over eight powers of ten; the inverse of its Hessian.
    const int n = 30;
    std::vector<double> A(n * n, 0.0), b(n, 1.0);
    for (int j = 0; j < n; ++j) A[j * (n + 1)] = std::pow(10, 8.0 * j / n);
    const auto problem = make_quadratic(A.data(), b.data(), n);
    const std::vector<double> x0(n, 0.25);
    Options options = with(Method::newton_cg);
    options.precondition = PreconditionBy::none;
    const Result<double> none = minimize(problem, x0, options);
    int updates = 0, applied = 0;
    std::vector<double> seen;
    OwnPreconditioner<double> own;
    own.update = [&](const double* x, int size) {
        ++updates;
        seen.assign(x, x + size);
        return true;
    };
    // A factor does not matter.
    own.apply = [&](const double* r, int size, double* z) {
        ++applied;
        for (int j = 0; j < size; ++j) z[j] = 1e3 * r[j] / A[j * (n + 1)];
    };
    options.preconditioner = own;
    for (const PreconditionBy by : {PreconditionBy::own, PreconditionBy::automatic}) {
        updates = applied = 0;
        options.precondition = by;
        const Result<double> result = minimize(problem, x0, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (int j = 0; j < n; ++j) EXPECT_NEAR(result.x[j] * A[j * (n + 1)], 1, 1e-6);
        EXPECT_LT(10 * result.counts.products, none.counts.products);
        EXPECT_GE(updates, result.iterations);
        EXPECT_GT(applied, 0);
        EXPECT_EQ(seen.size(), static_cast<std::size_t>(n));
    }
    options.precondition = PreconditionBy::none;
    applied = 0;
    minimize(problem, x0, options);
    EXPECT_EQ(applied, 0);
    // There is none at some points.
    own.update = [&](const double*, int) { return ++updates % 2 == 0; };
    options.preconditioner = own;
    options.precondition = PreconditionBy::own;
    const Result<double> sometimes = minimize(problem, x0, options);
    EXPECT_EQ(sometimes.status, Status::converged) << sometimes.message;
}

TEST_F(PreconditionedNewtonCgTest, OneThatIsOfNoUseIsNamed) {
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 4);
    const std::vector<double> x0{-1.2, 1, -1.2, 1};
    const auto message = [&](const Options& options) {
        return message_of<InvalidArgument>([&] { minimize(problem, x0, options); });
    };
    Options options = with(Method::newton_cg);
    options.precondition = PreconditionBy::own;
    EXPECT_NE(message(options).find("preconditioner is empty"), std::string::npos);
    options.preconditioner = OwnPreconditioner<double>{};
    EXPECT_NE(message(options).find("pass a function for apply"), std::string::npos);
    OwnPreconditioner<float> single;
    single.apply = [](const float* r, int n, float* z) { std::copy_n(r, n, z); };
    options.preconditioner = single;
    EXPECT_NE(message(options).find("OwnPreconditioner<double>"), std::string::npos);
    OwnPreconditioner<double> negative;
    negative.apply = [](const double* r, int n, double* z) {
        for (int j = 0; j < n; ++j) z[j] = -r[j];
    };
    options.preconditioner = negative;
    EXPECT_NE(message(options).find("not positive definite"), std::string::npos);
    options = with(Method::newton_cg);
    options.nystrom_rank = 0;
    EXPECT_NE(message(options).find("nystrom_rank"), std::string::npos);
    // What it throws comes out.
    OwnPreconditioner<double> throws;
    throws.apply = [](const double*, int, double*) { throw std::runtime_error("mine"); };
    options = with(Method::newton_cg);
    options.preconditioner = throws;
    EXPECT_THROW(minimize(problem, x0, options), std::runtime_error);
    // NaN is no number to go on with.
    OwnPreconditioner<double> nan;
    nan.apply = [](const double*, int n, double* z) {
        std::fill_n(z, n, std::numeric_limits<double>::quiet_NaN());
    };
    options.preconditioner = nan;
    EXPECT_EQ(minimize(problem, x0, options).status, Status::not_finite);
}

template <class T>
class SampledPreconditionersTest : public BackendTest {};
TYPED_TEST_SUITE(SampledPreconditionersTest, Reals, RealName);

/// Correlated features, as pixels are.
template <class T>
struct Correlated {
    Correlated(long count, int dimension) {
        Random random(5);
        for (long i = 0; i < count; ++i) {
            double sum = 0;
            for (int j = 0; j < dimension; ++j) {
                sum = 0.95 * sum + 0.3 * random.near_normal();
                X.push_back(static_cast<T>(sum));
            }
            y.push_back(static_cast<T>(sum + 0.5 * random.near_normal() > 0 ? 1 : 0));
        }
        samples.features = X.data();
        samples.count = count;
        samples.dimension = dimension;
        samples.targets = y.data();
    }
    Correlated(const Correlated&) = delete;
    std::vector<T> X, y;
    Samples<T> samples;
};

template <class T>
Options newton_cg_by(PreconditionBy by) {
    Options options;
    options.backend = tested_choice();
    options.threads = 2;
    options.method = Method::newton_cg;
    options.precondition = by;
    options.max_iterations = 200;
    return options;
}

TYPED_TEST(SampledPreconditionersTest, SomeSamplesSaveMostProducts) {
    using T = TypeParam;
    const int dimension = 40;
    const Correlated<T> data(40 * dimension, dimension);
    const auto problem = make_linear_predictor<T>(Logistic{}, data.samples, {.l2 = 1e-4});
    const std::vector<T> start(dimension, T(0));
    const Result<T> plain = minimize(problem, start, newton_cg_by<T>(PreconditionBy::none));
    const Result<T> result = minimize(problem, start, newton_cg_by<T>(PreconditionBy::automatic));
    EXPECT_EQ(plain.status, Status::converged);
    EXPECT_EQ(result.status, Status::converged);
    // On a device some more are queued than are needed.
    if (!testing_cuda()) {
        EXPECT_LT(2 * result.counts.products, plain.counts.products);
    }
    EXPECT_NEAR(result.f, plain.f, 1e2 * epsilon<T>);
    // The same samples, the same bits.
    EXPECT_EQ(minimize(problem, start, newton_cg_by<T>(PreconditionBy::automatic)).x, result.x);
}

TYPED_TEST(SampledPreconditionersTest, WhatNoSampleDeterminesStaysUndetermined) {
    using T = TypeParam;
    // A feature twice, and one that is always zero.
    const int dimension = 12;
    Correlated<T> data(40 * dimension, dimension);
    for (long i = 0; i < data.samples.count; ++i) {
        T* const row = data.X.data() + i * dimension;
        row[7] = row[3];
        row[9] = T(0);
    }
    const auto problem = make_linear_predictor<T>(LinearRegression{}, data.samples);
    const Result<T> result = minimize(problem, std::vector<T>(dimension, T(0)),
                                      newton_cg_by<T>(PreconditionBy::automatic));
    EXPECT_EQ(result.status, Status::singular) << result.message;
}

TYPED_TEST(SampledPreconditionersTest, KroneckerProductsAreForPerceptrons) {
    using T = TypeParam;
    // Features of several scales, which A has, too. Where all classes are as likely for all samples
    // the Hessian is a Kronecker product.
    Correlated<T> data(900, 12);
    for (std::size_t e = 0; e < data.X.size(); ++e)
        data.X[e] *= static_cast<T>(std::pow(3.0, static_cast<double>(e % 12 % 4)));
    const Perceptron shape{{12, 3}};
    const auto problem =
        make_perceptron<T>(shape, data.samples, {.l2 = 1e-3, .penalize_intercept = true});
    const std::vector<T> start(static_cast<std::size_t>(problem.dimension()), T(0));
    At<T> at(problem, start, {.hessian = HessianBy::gauss_newton});
    Vectors<T>& vectors = *at.session.vectors;
    KroneckerPreconditioner<T> M(*at.session.evaluator, vectors, *at.session.matrices, 1);
    const Buffer<T> there = vectors.allocate(at.n), g = vectors.allocate(at.n),
                    p = vectors.allocate(at.n);
    Random random(8);
    std::vector<T> right(start.size());
    for (T& value : right) value = static_cast<T>(random.near_normal());
    // Nothing of the shifts of all outputs, of which the loss knows nothing.
    for (std::size_t j = 0; j < 12; ++j) right[24 + j] = -right[j] - right[12 + j];
    right[38] = -right[36] - right[37];
    vectors.upload(there.get(), start.data(), at.n);
    vectors.upload(g.get(), right.data(), at.n);
    ASSERT_TRUE(M.update(there.get()));
    const auto decrease = [&](Preconditioner<T>* by, long products) {
        solver::ConjugateGradients<T> cg(vectors, at.n);
        cg.start(*at.H, T(-1), g.get(), p.get(), by);
        return cg.run({.tolerance = 0, .max_products = products}).decrease;
    };
    const double all = decrease(nullptr, 400);
    EXPECT_LT(all - decrease(&M, 5), 0.1 * (all - decrease(nullptr, 5)));
    // And as an option, of a network.
    const Perceptron network{{12, 8, 2}};
    Options options = newton_cg_by<T>(PreconditionBy::kronecker);
    options.derivatives.hessian = HessianBy::gauss_newton;
    options.relative_gradient_tolerance = 1e-2;
    const Result<T> result = minimize(
        make_perceptron<T>(network, data.samples, {.l2 = 1e-3, .penalize_intercept = true}),
        random_start<T>(network, 2), options);
    EXPECT_EQ(result.status, Status::converged) << result.message;
    const auto regression = make_linear_predictor<T>(Logistic{}, data.samples);
    EXPECT_THROW(
        minimize(regression, std::vector<T>(12, T(0)), newton_cg_by<T>(PreconditionBy::kronecker)),
        InvalidArgument);
}

TYPED_TEST(SampledPreconditionersTest, PerceptronsAreByKroneckerProductsUnlessThoseAreDear) {
    using T = TypeParam;
    const Correlated<T> data(300, 12);
    const auto by = [&](PreconditionBy precondition, const Perceptron& network,
                        std::size_t budget = std::size_t{256} << 20) {
        Options options = newton_cg_by<T>(precondition);
        options.derivatives.memory_budget = budget;
        options.max_iterations = 5;
        return minimize(
            make_perceptron<T>(network, data.samples, {.l2 = 1e-2, .penalize_intercept = true}),
            random_start<T>(network, 2), options);
    };
    const Perceptron small{{12, 8, 2}};
    const Result<T> automatic = by(PreconditionBy::automatic, small);
    EXPECT_EQ(automatic.x, by(PreconditionBy::kronecker, small).x);
    EXPECT_NE(automatic.x, by(PreconditionBy::none, small).x);
    // The factors of 12 inputs and 8 units take more.
    constexpr std::size_t little = 1000;
    EXPECT_EQ(by(PreconditionBy::automatic, small, little).x,
              by(PreconditionBy::none, small, little).x);
    // Of 900 units, with few samples, they take longer than 20 products.
    const Perceptron wide{{12, 900, 2}};
    EXPECT_EQ(by(PreconditionBy::automatic, wide).x, by(PreconditionBy::none, wide).x);
}

TYPED_TEST(SampledPreconditionersTest, TheAutomaticMethodTakesProductsWhereTheyAreCheap) {
    using T = TypeParam;
    Options options;
    options.backend = tested_choice();
    options.method = Method::automatic;
    options.max_iterations = 1;
    const auto chosen = [&](const Problem<T>& problem) {
        return minimize(problem, std::vector<T>(problem.dimension(), T(0.1)), options).method;
    };
    const Correlated<T> narrow(300, 10);
    EXPECT_EQ(chosen(make_linear_predictor<T>(Logistic{}, narrow.samples)), Method::newton);
    const Correlated<T> wide(300, 90);
    EXPECT_EQ(chosen(make_linear_predictor<T>(Softmax{10}, wide.samples)), Method::newton_cg);
    EXPECT_EQ(chosen(make_objective<T>(ExtendedRosenbrock{}, 10)), Method::newton);
    EXPECT_EQ(chosen(make_objective<T>(ExtendedRosenbrock{}, 600)), Method::newton_cg);
    EXPECT_EQ(chosen(make_perceptron<T>({{10, 8, 2}}, narrow.samples)), Method::newton_cg);
    options.method = Method::bfgs;
    EXPECT_EQ(chosen(make_objective<T>(ExtendedRosenbrock{}, 10)), Method::bfgs);
    // What it needs is what that one needs.
    options.method = Method::automatic;
    const auto problem = make_linear_predictor<T>(Softmax{10}, wide.samples);
    const MemoryNeeded automatic = memory_needed(problem, options);
    options.method = Method::newton_cg;
    EXPECT_EQ(automatic.host, memory_needed(problem, options).host);
    EXPECT_EQ(automatic.device, memory_needed(problem, options).device);
}

}  // namespace
}  // namespace cunewton::test
