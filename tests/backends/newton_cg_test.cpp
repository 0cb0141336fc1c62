// Conjugate gradients in a ball, and Newton's method by them.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/choice.h"
#include "host/minimize/conjugate_gradients.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

using solver::ConjugateGradients;
using solver::ConjugateGradientsEnd;
using solver::ConjugateGradientsOptions;
using solver::ConjugateGradientsResult;

/// A symmetric matrix Q diag(values) Q with a reflection Q, and a right side with a part in every
/// eigenvector.
template <class T>
struct System {
    explicit System(const std::vector<double>& values) : n(values.size()), A(n * n), b(n) {
        Random random(5);
        std::vector<double> v(n);
        double square = 0;
        for (double& x : v) {
            x = random.near_normal();
            square += x * x;
        }
        const auto q = [&](std::size_t i, std::size_t j) {
            return (i == j) - 2 * v[i] * v[j] / square;
        };
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                for (std::size_t k = 0; k < n; ++k)
                    A[i * n + j] += static_cast<T>(q(i, k) * values[k] * q(k, j));
        for (T& x : b) x = static_cast<T>(random.near_normal());
    }
    const std::size_t n;
    std::vector<T> A, b;
};

std::vector<double> spread(std::size_t n, double least) {
    std::vector<double> values(n);
    for (std::size_t j = 0; j < n; ++j)
        values[j] = std::pow(least, static_cast<double>(j) / static_cast<double>(n - 1));
    return values;
}

template <class T>
class ConjugateGradientsTest : public BackendTest {
  protected:
    /// On products with the Hessian of a quadratic.
    struct Solver {
        explicit Solver(const System<T>& of) : system(of) {
            const int n = static_cast<int>(system.n);
            const auto problem = make_quadratic(system.A.data(), system.b.data(), n);
            session = choose_backends(problem, tested_choice())
                          .entries[0]
                          ->template code<T>()
                          .open(problem, {});
            Vectors<T>& vectors = *session.vectors;
            curvature = session.evaluator->curvature(CurvatureKind::product);
            b = vectors.allocate(n);
            x = vectors.allocate(n);
            vectors.upload(b.get(), system.b.data(), n);
            curvature->update(b.get());
            cg = std::make_unique<ConjugateGradients<T>>(vectors, n);
            cg->start(*curvature, T(1), b.get(), x.get());
        }
        std::vector<double> point() {
            std::vector<T> there(system.n);
            session.vectors->download(there.data(), x.get(), system.n);
            return {there.begin(), there.end()};
        }
        /// What is said of x is what it is.
        void expect_truth(const ConjugateGradientsResult& result, double tolerance) {
            const std::vector<double> at = point();
            const std::size_t n = system.n;
            double slope = 0, bend = 0, square = 0, residual = 0, b_square = 0;
            for (std::size_t i = 0; i < n; ++i) {
                double Ax = 0;
                for (std::size_t j = 0; j < n; ++j) Ax += double(system.A[i * n + j]) * at[j];
                const double bi = system.b[i];
                slope += bi * at[i];
                bend += at[i] * Ax;
                square += at[i] * at[i];
                residual += (bi - Ax) * (bi - Ax);
                b_square += bi * bi;
            }
            EXPECT_NEAR(result.slope, slope, tolerance * slope);
            EXPECT_NEAR(result.decrease, slope - bend / 2, tolerance * slope);
            EXPECT_NEAR(result.size, std::sqrt(square), tolerance * std::sqrt(square));
            if (result.end == ConjugateGradientsEnd::converged) {
                EXPECT_NEAR(result.residual, std::sqrt(residual / b_square), tolerance);
            }
        }
        const System<T>& system;
        Session<T> session;
        std::unique_ptr<Curvature<T>> curvature;
        Buffer<T> b, x;
        std::unique_ptr<ConjugateGradients<T>> cg;
    };
    /// Of recurrences that rest on directions being conjugate, which rounding spoils by and by.
    static constexpr double tolerance = sizeof(T) == 8 ? 1e-6 : 1e-3;
};
TYPED_TEST_SUITE(ConjugateGradientsTest, Reals, RealName);

TYPED_TEST(ConjugateGradientsTest, EveryRadiusIsKept) {
    using T = TypeParam;
    const System<T> system(spread(24, 0.01));
    typename TestFixture::Solver free(system);
    const ConjugateGradientsResult whole = free.cg->run({.tolerance = 1e-5});
    EXPECT_EQ(whole.end, ConjugateGradientsEnd::converged);
    EXPECT_GE(whole.products, 9) << "more than are queued ahead";
    free.expect_truth(whole, this->tolerance);
    EXPECT_GE(whole.least, 0.0099);
    EXPECT_LE(whole.largest, 1.001);

    double last = 0;
    for (int part = 1; part <= 20; ++part) {
        SCOPED_TRACE(part);
        const double radius = whole.size * part / 20.5;
        typename TestFixture::Solver bound(system);
        const ConjugateGradientsResult result =
            bound.cg->run({.tolerance = 1e-5, .radius = radius});
        EXPECT_EQ(result.end, ConjugateGradientsEnd::boundary);
        EXPECT_EQ(result.size, radius);
        bound.expect_truth(result, this->tolerance);
        EXPECT_GT(result.decrease, last) << "a larger ball holds better points";
        last = result.decrease;
    }
    EXPECT_LT(last, whole.decrease);
}

TYPED_TEST(ConjugateGradientsTest, NegativeCurvatureIsFollowedToTheBoundary) {
    using T = TypeParam;
    std::vector<double> values = spread(24, 0.1);
    values[11] = -0.3;
    const System<T> system(values);
    for (const double radius : {0.5, 50.0, 500.0}) {
        SCOPED_TRACE(radius);
        typename TestFixture::Solver solver(system);
        const ConjugateGradientsResult result =
            solver.cg->run({.tolerance = 1e-7, .radius = radius});
        EXPECT_EQ(result.end, radius < 1 ? ConjugateGradientsEnd::boundary
                                         : ConjugateGradientsEnd::negative_curvature);
        EXPECT_EQ(result.size, radius);
        solver.expect_truth(result, 10 * this->tolerance);
        EXPECT_EQ(result.least<0, radius> 1);
        EXPECT_GT(result.decrease, 0);
    }
    // Without a ball x is what it was before.
    typename TestFixture::Solver solver(system);
    const ConjugateGradientsResult result = solver.cg->run({.tolerance = 1e-7});
    EXPECT_EQ(result.end, ConjugateGradientsEnd::negative_curvature);
    EXPECT_GE(result.least, -0.301);
    solver.expect_truth(result, 10 * this->tolerance);
}

TYPED_TEST(ConjugateGradientsTest, GoesOnFromWhereItEnded) {
    using T = TypeParam;
    const System<T> system(spread(30, 0.01));
    typename TestFixture::Solver once(system), twice(system);
    const ConjugateGradientsResult whole = once.cg->run({.tolerance = 1e-5});
    const ConjugateGradientsResult rough = twice.cg->run({.tolerance = 0.3});
    EXPECT_EQ(rough.end, ConjugateGradientsEnd::converged);
    EXPECT_LE(rough.residual, 0.3);
    const ConjugateGradientsResult limited =
        twice.cg->run({.tolerance = 1e-5, .max_products = rough.products + 1});
    EXPECT_EQ(limited.end, ConjugateGradientsEnd::max_products);
    EXPECT_EQ(limited.products, rough.products + 1);
    const ConjugateGradientsResult rest = twice.cg->run({.tolerance = 1e-5});
    EXPECT_EQ(rest.end, ConjugateGradientsEnd::converged);
    // Residuals of both are within 1e-5 |b|, and the least eigenvalue is 0.01.
    const double apart = 2e-5 * whole.right / 0.01;
    const std::vector<double> a = once.point(), b = twice.point();
    for (std::size_t j = 0; j < a.size(); ++j) EXPECT_NEAR(a[j], b[j], apart) << j;
}

/// M = diag(m)
template <class T>
class Diagonal final : public Preconditioner<T> {
  public:
    Diagonal(Vectors<T>& vectors, const std::vector<T>& m)
        : vectors_(vectors), n_(m.size()), inverse_root_(vectors.allocate(n_)) {
        std::vector<T> root(m);
        for (T& value : root) value = 1 / std::sqrt(value);
        vectors.upload(inverse_root_.get(), root.data(), n_);
    }
    bool update(const T*) override { return true; }
    void apply(const T* r, T* z) override {
        vectors_.scale_twice(z, inverse_root_.get(), r, static_cast<long>(n_));
    }
    void pass(State<T>& state) override { state(inverse_root_); }

  private:
    Vectors<T>& vectors_;
    const std::size_t n_;
    Buffer<T> inverse_root_;
};

TYPED_TEST(ConjugateGradientsTest, APreconditionerIsItsMetric) {
    using T = TypeParam;
    // H = 2 M: one step, however far the entries are apart. Powers of four have exact roots.
    const std::size_t n = 12;
    System<T> system(std::vector<double>(n, 0.0));
    std::vector<T> m(n);
    double size = 0;
    for (std::size_t j = 0; j < n; ++j) {
        m[j] = static_cast<T>(std::ldexp(1.0, 2 * static_cast<int>(j) - 10));
        system.A[j * n + j] = 2 * m[j];
        size += double(system.b[j]) * system.b[j] / (4 * m[j]);  // |x|^2 in M
    }
    size = std::sqrt(size);
    typename TestFixture::Solver solver(system);
    Diagonal<T> M(*solver.session.vectors, m);
    solver.cg->start(*solver.curvature, T(1), solver.b.get(), solver.x.get(), &M);
    const ConjugateGradientsResult result = solver.cg->run({.tolerance = 1e-5});
    EXPECT_EQ(result.end, ConjugateGradientsEnd::converged);
    EXPECT_LE(result.products, testing_cuda() ? 8 : 1);
    EXPECT_NEAR(result.least, 2, 100 * epsilon<T>);
    EXPECT_NEAR(result.size, size, 100 * epsilon<T> * size);
    const std::vector<double> x = solver.point();
    for (std::size_t j = 0; j < n; ++j) {
        const double exact = double(system.b[j]) / (2 * m[j]);
        EXPECT_NEAR(x[j], exact, 100 * epsilon<T> * std::abs(exact));
    }
    solver.cg->start(*solver.curvature, T(1), solver.b.get(), solver.x.get(), &M);
    const ConjugateGradientsResult bound = solver.cg->run({.tolerance = 1e-5, .radius = size / 2});
    EXPECT_EQ(bound.end, ConjugateGradientsEnd::boundary);
    const std::vector<double> half = solver.point();
    for (std::size_t j = 0; j < n; ++j)
        EXPECT_NEAR(half[j], x[j] / 2, 100 * epsilon<T> * std::abs(x[j]));
}

class NewtonCgTest : public BackendTest {};

TEST_F(NewtonCgTest, EndsWhereNewtonsMethodEnds) {
    for (const ModelKind kind : all_models()) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions model_options{.samples = 500, .features = 10};
        model_options.problem = {.l2 = 0.01, .intercept = true, .penalize_intercept = true};
        const Model<double> model(kind, model_options);
        const std::vector<double> x0(model.theta().size(), 0.0);
        const Result<double> dense = minimize(model.problem(), x0, with(Method::newton));
        const Result<double> result = minimize(model.problem(), x0, with(Method::newton_cg));
        EXPECT_EQ(dense.status, Status::converged) << dense.message;
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (std::size_t j = 0; j < x0.size(); ++j) EXPECT_NEAR(result.x[j], dense.x[j], 1e-7);
        EXPECT_EQ(result.counts.factorizations, 0);
        EXPECT_GE(result.counts.products, result.iterations);
        EXPECT_GE(result.seconds.hessian, 0);
    }
}

TEST_F(NewtonCgTest, EveryPreconditionerEndsAtTheSameMinimum) {
    for (const ModelKind kind : {ModelKind::softmax3, ModelKind::logistic})
        for (const bool penalize_intercept : {false, true}) {
            ModelOptions model_options{.samples = 400, .features = 8};
            model_options.problem = {
                .l2 = 0.01, .intercept = true, .penalize_intercept = penalize_intercept};
            const Model<double> model(kind, model_options);
            // Common shifts of all outputs are in the start, and only the penalty sees them.
            const std::vector<double> x0(model.theta().size(), 1.0);
            Options options = with(Method::newton_cg);
            options.gradient_tolerance = 1e-9;
            std::vector<Result<double>> results;
            for (const PreconditionBy by :
                 {PreconditionBy::none, PreconditionBy::automatic, PreconditionBy::blocks}) {
                SCOPED_TRACE(name_of(kind) + ", " + to_string(by) +
                             (penalize_intercept ? ", penalised" : ""));
                options.precondition = by;
                const Result<double> result = minimize(model.problem(), x0, options);
                // Where nothing determines the intercepts' common shift, it keeps its start.
                const bool unique = penalize_intercept || kind == ModelKind::logistic;
                EXPECT_EQ(result.status, unique ? Status::converged : Status::singular)
                    << result.message;
                EXPECT_LE(norm(model.gradient(result.x)), 1.001e-9);
                results.push_back(result);
                for (std::size_t j = 0; j < x0.size(); ++j)
                    EXPECT_NEAR(result.x[j], results[0].x[j], 1e-6) << j;
            }
        }
}

TEST_F(NewtonCgTest, BlocksSaveProducts) {
    // Features whose sizes are 4 apart from each to the next.
    const int N = 300, d = 8;
    Random random(11);
    std::vector<double> X, y;
    for (int i = 0; i < N; ++i) {
        double z[3] = {};
        for (int j = 0; j < d; ++j) {
            const double v = random.near_normal();
            X.push_back(std::ldexp(v, -2 * j));
            z[j % 3] += v;
        }
        for (double& zk : z) zk += 3 * random.near_normal();
        y.push_back(z[0] > z[1] ? (z[0] > z[2] ? 0 : 2) : z[1] > z[2] ? 1 : 2);
    }
    const auto problem = make_linear_predictor<double>(
        Softmax{3}, Samples<double>{X.data(), N, d, 0, y.data(), nullptr}, {.l2 = 1e-8});
    const std::vector<double> x0(3 * d, 0.0);
    Options options = with(Method::newton_cg);
    options.relative_gradient_tolerance = 1e-8;
    options.precondition = PreconditionBy::none;
    const Result<double> none = minimize(problem, x0, options);
    options.precondition = PreconditionBy::blocks;
    const Result<double> blocks = minimize(problem, x0, options);
    EXPECT_EQ(blocks.status, Status::converged) << blocks.message;
    EXPECT_LE(3 * blocks.counts.products, none.counts.products);
}

TEST_F(NewtonCgTest, BlocksAreRefusedWhereThereAreNone) {
    Options options = with(Method::newton_cg);
    options.precondition = PreconditionBy::blocks;
    const std::string text = message_of<InvalidArgument>([&] {
        minimize(make_objective<double>(ExtendedRosenbrock{}, 2), {-1.2, 1.0}, options);
    });
    EXPECT_NE(text.find("PreconditionBy::automatic"), std::string::npos) << text;
    // Other methods do not look at it.
    options.method = Method::newton;
    EXPECT_TRUE(minimize(make_objective<double>(ExtendedRosenbrock{}, 2), {-1.2, 1.0}, options)
                    .converged());
}

TEST_F(NewtonCgTest, TheCallersGradientToleranceIsKept) {
    ModelOptions model_options{.samples = 500, .features = 10};
    model_options.problem = {.l2 = 0.01, .intercept = true, .penalize_intercept = true};
    const Model<double> model(ModelKind::softmax3, model_options);
    const std::vector<double> x0(model.theta().size(), 0.0);
    long last = 0;
    for (const double tolerance : {1e-2, 1e-6, 1e-10}) {
        Options options = with(Method::newton_cg);
        options.gradient_tolerance = tolerance;
        const Result<double> result = minimize(model.problem(), x0, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_LE(norm(model.gradient(result.x)), tolerance * (1 + 1e-3));
        EXPECT_GE(result.counts.products, last);
        last = result.counts.products;
    }
}

/// Pairs of Rosenbrock's function far larger than a matrix would allow, with products of its own.
struct Pairs {
    static double term(double a, double b) {
        const double r = b - a * a;
        return 100 * r * r + (1 - a) * (1 - a);
    }
    static BlackBox<double> box() {
        BlackBox<double> box;
        box.value_and_gradient = [](const double* x, int n, double* g) {
            double f = 0;
            for (int j = 0; j < n; j += 2) {
                const double r = x[j + 1] - x[j] * x[j];
                f += term(x[j], x[j + 1]);
                g[j] = -400 * r * x[j] - 2 * (1 - x[j]);
                g[j + 1] = 200 * r;
            }
            return f;
        };
        box.products = [](const double* x, int n, const double* V, int columns, double* HV) {
            for (long c = 0; c < columns; ++c)
                for (int j = 0; j < n; j += 2) {
                    const double *v = V + c * n + j, *at = x + j;
                    double* Hv = HV + c * n + j;
                    Hv[0] = (1200 * at[0] * at[0] - 400 * at[1] + 2) * v[0] - 400 * at[0] * v[1];
                    Hv[1] = -400 * at[0] * v[0] + 200 * v[1];
                }
        };
        return box;
    }
};

TEST_F(NewtonCgTest, AHundredThousandParametersHoldNoMatrix) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    const int n = 100'000;
    BlackBox<double> box = Pairs::box();
    const auto problem = make_black_box<double>(box, n);
    std::vector<double> x0(n);
    for (int j = 0; j < n; ++j) x0[j] = j % 2 ? 1.0 : -1.2;
    const Result<double> result = minimize(problem, x0, with(Method::newton_cg));
    EXPECT_EQ(result.status, Status::converged) << result.message;
    for (const double x : result.x) EXPECT_NEAR(x, 1, 1e-6);
    EXPECT_LE(memory_needed(problem, with(Method::newton_cg)).host, 32 * sizeof(double) * n);
    // By differences of gradients.
    box.products = nullptr;
    const Result<double> differences =
        minimize(make_black_box<double>(box, n), x0, with(Method::newton_cg));
    EXPECT_EQ(differences.status, Status::converged) << differences.message;
    for (const double x : differences.x) EXPECT_NEAR(x, 1, 1e-6);
}

TEST_F(NewtonCgTest, APerceptronIsTrained) {
    const Perceptron network{{3, 4, 3}, Activation::tanh};
    const int N = 60;
    Random random(3);
    std::vector<double> X, y;
    for (int i = 0; i < N; ++i) {
        for (int j = 0; j < 3; ++j) X.push_back(random.near_normal());
        y.push_back(X[3 * i] > 0.3 ? 2 : X[3 * i + 1] > 0 ? 1 : 0);
    }
    const auto problem =
        make_perceptron(network, Samples<double>{X.data(), N, 3, 0, y.data(), nullptr},
                        {.l2 = 1e-2, .intercept = false, .penalize_intercept = true});
    const std::vector<double> start = random_start<double>(network, 7);
    for (const HessianBy by : {HessianBy::automatic, HessianBy::gauss_newton}) {
        SCOPED_TRACE(to_string(by));
        Options options = with(Method::newton_cg);
        options.derivatives.hessian = by;
        options.gradient_tolerance = 1e-8;
        const Result<double> result = minimize(problem, start, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_LE(result.gradient_norm, 1e-8);
        EXPECT_LT(result.f, 0.8);
        EXPECT_GT(
            accuracy(network, result.x, Samples<double>{X.data(), N, 3, 0, y.data(), nullptr}),
            0.75);
    }
}

/// f = sum_j h_j x_j^2 / 2 - x_j
template <class T>
BlackBox<T> diagonal_quadratic(const std::vector<double>& h) {
    BlackBox<T> box;
    box.value_and_gradient = [h](const T* x, int n, T* g) {
        double f = 0;
        for (int j = 0; j < n; ++j) {
            f += h[j] * x[j] * x[j] / 2 - x[j];
            g[j] = static_cast<T>(h[j] * x[j] - 1);
        }
        return static_cast<T>(f);
    };
    box.products = [h](const T*, int n, const T* V, int columns, T* HV) {
        for (long c = 0; c < columns; ++c)
            for (int j = 0; j < n; ++j) HV[c * n + j] = static_cast<T>(h[j] * V[c * n + j]);
    };
    return box;
}

TEST_F(NewtonCgTest, ManyParametersInFloatAreNotSingular) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    const int n = 100'000;
    std::vector<double> h(n);
    for (int j = 0; j < n; ++j) h[j] = 1 + j % 100;
    const Result<float> result = minimize(make_black_box<float>(diagonal_quadratic<float>(h), n),
                                          std::vector<float>(n, 0.0f), with(Method::newton_cg));
    EXPECT_EQ(result.status, Status::converged) << result.message;
    for (int j = 0; j < n; ++j) EXPECT_NEAR(result.x[j], 1 / h[j], 1e-3);
}

TEST_F(NewtonCgTest, TheFlatParameterIsNamed) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    // No slope along the last one, and next to no curvature.
    for (const std::vector<double>& h :
         {std::vector<double>{1, 0.5, 1e-17}, {1, 0.3, 0.1, 1e-18}, {1, 0.5, 0}}) {
        BlackBox<double> box = diagonal_quadratic<double>(h);
        box.value_and_gradient = [h](const double* x, int n, double* g) {
            double f = 0;
            for (int j = 0; j < n; ++j) {
                f += h[j] * x[j] * x[j] / 2;
                g[j] = h[j] * x[j];
            }
            return f;
        };
        const int n = static_cast<int>(h.size());
        std::vector<double> x0(n, 1.0);
        x0.back() = 0;
        const Result<double> result =
            minimize(make_black_box<double>(box, n), x0, with(Method::newton_cg));
        EXPECT_EQ(result.status, Status::singular) << result.message;
        EXPECT_EQ(result.undetermined, std::vector<int>{n - 1});
    }
}

TEST_F(NewtonCgTest, ASmallGradientIsNoMinimumWhereCurvatureIsNegative) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    // cos x_0 + x_1^2 from close to the top: the gradient is within the tolerance.
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int, double* g) {
        g[0] = -std::sin(x[0]);
        g[1] = 2 * x[1];
        return std::cos(x[0]) + x[1] * x[1];
    };
    Options options = with(Method::newton_cg);
    options.gradient_tolerance = 1e-3;
    const Result<double> result = minimize(make_black_box<double>(box, 2), {1e-4, 1e-5}, options);
    EXPECT_EQ(result.status, Status::converged) << result.message;
    EXPECT_NEAR(result.f, -1, 1e-3);
}

TEST_F(NewtonCgTest, ProductsThatAreNotFiniteAreSaid) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    BlackBox<double> box = Pairs::box();
    box.products = [](const double*, int n, const double*, int columns, double* HV) {
        std::fill_n(HV, static_cast<long>(n) * columns, std::numeric_limits<double>::quiet_NaN());
    };
    const Result<double> result =
        minimize(make_black_box<double>(box, 2), {-1.2, 1.0}, with(Method::newton_cg));
    EXPECT_EQ(result.status, Status::not_finite) << result.message;
    EXPECT_EQ(result.x, (std::vector<double>{-1.2, 1.0}));
}

/// Conjugate gradients that examine the end grow along the direction without curvature, in float
/// out of range.
TEST_F(NewtonCgTest, FloatSeesThatAParameterIsMissing) {
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    BlackBox<float> box = diagonal_quadratic<float>({1, 0, 2});
    box.value_and_gradient = [](const float* x, int, float* g) {
        g[0] = x[0] - 1;
        g[1] = 0;
        g[2] = 2 * (x[2] - 1);
        return g[0] * g[0] / 2 + g[2] * g[2] / 4;
    };
    const Result<float> result =
        minimize(make_black_box<float>(box, 3), {4.0f, 5.0f, 6.0f}, with(Method::newton_cg));
    EXPECT_EQ(result.status, Status::singular) << result.message;
    EXPECT_EQ(result.undetermined, std::vector<int>{1});
}

TEST_F(NewtonCgTest, SaddlesAreLeft) {
    // (x_0^2 - 1)^2 + x_1^2 ... at the origin: no slope, one direction of negative curvature.
    BlackBox<double> box;
    box.value_and_gradient = [](const double* x, int n, double* g) {
        const double r = x[0] * x[0] - 1;
        double f = r * r;
        g[0] = 4 * r * x[0];
        for (int j = 1; j < n; ++j) {
            f += j * x[j] * x[j];
            g[j] = 2 * j * x[j];
        }
        return f;
    };
    if (testing_cuda()) GTEST_SKIP() << "a function of the host's";
    for (const std::vector<double>& x0 : {std::vector<double>(6, 0.0), {0, 1, -1, 0.5, 2, 0}}) {
        const Result<double> result =
            minimize(make_black_box<double>(box, 6), x0, with(Method::newton_cg));
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_NEAR(std::abs(result.x[0]), 1, 1e-7);
        EXPECT_NEAR(result.f, 0, 1e-12);
    }
}

class LbfgsTest : public BackendTest {};

TEST_F(LbfgsTest, AnyNumberOfPairsFindsTheMinimum) {
    ModelOptions model_options{.samples = 400, .features = 20};
    model_options.problem = {.l2 = 0.01, .intercept = true, .penalize_intercept = true};
    const Model<double> model(ModelKind::logistic, model_options);
    const std::vector<double> x0(model.theta().size(), 0.0);
    const Result<double> newton = minimize(model.problem(), x0, with(Method::newton));
    int last = 1000;
    for (const int pairs : {1, 3, 40}) {
        SCOPED_TRACE(pairs);
        Options options = with(Method::lbfgs);
        options.lbfgs_pairs = pairs;
        options.gradient_tolerance = 1e-9;
        const Result<double> result = minimize(model.problem(), x0, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (std::size_t j = 0; j < x0.size(); ++j) EXPECT_NEAR(result.x[j], newton.x[j], 1e-6);
        EXPECT_LE(result.iterations, last) << "more memory takes no more steps";
        last = result.iterations;
        // Only at the end.
        EXPECT_LE(result.counts.hessians, 3);
        EXPECT_GT(result.iterations, pairs == 40 ? 5 : pairs);
    }
}

TEST_F(LbfgsTest, PairsOutOfRangeAreRefused) {
    for (const int pairs : {-1, 0, 41}) {
        Options options = with(Method::lbfgs);
        options.lbfgs_pairs = pairs;
        const std::string text = message_of<InvalidArgument>([&] {
            minimize(make_objective<double>(ExtendedRosenbrock{}, 2), {-1.2, 1.0}, options);
        });
        EXPECT_NE(text.find("lbfgs_pairs"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace cunewton::test
