// The Hessian as an object: every kind gives the same products and the same Newton step, for every
// form of a problem.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/minimize/conjugate_gradients.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/models.h"
#include "tests/support/open_session.h"
#include "tests/support/oracle.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

template <class T>
std::vector<T> random_vector(std::size_t n, std::uint64_t seed) {
    Random random(seed);
    std::vector<T> v(n);
    for (T& value : v) value = static_cast<T>(random.near_normal());
    return v;
}

template <class T>
class CurvatureTest : public BackendTest {
  protected:
    /// H V for some columns.
    static std::vector<T> apply(Session<T>& session, CurvatureKind kind, const std::vector<T>& x,
                                const std::vector<T>& V) {
        Vectors<T>& vectors = *session.vectors;
        const int n = static_cast<int>(x.size());
        const auto curvature = session.evaluator->curvature(kind);
        const Buffer<T> there = vectors.allocate(n), from = vectors.allocate(V.size()),
                        to = vectors.allocate(V.size());
        vectors.upload(there.get(), x.data(), n);
        vectors.upload(from.get(), V.data(), V.size());
        curvature->update(there.get());
        // The point is not needed any longer.
        vectors.scale(there.get(), std::numeric_limits<T>::quiet_NaN(), there.get(), n);
        std::vector<T> out(V.size());
        for (int times = 0; times < 2; ++times) {  // the second changes nothing
            curvature->apply(from.get(), static_cast<int>(V.size()) / n, to.get());
            vectors.download(out.data(), to.get(), out.size());
        }
        return out;
    }

    /// Products of both kinds with three vectors, one of them 0, against those of a matrix.
    static void expect_products(const Problem<T>& problem, const std::vector<T>& x,
                                const std::vector<long double>& H, double tolerance,
                                const DerivativeOptions& derivatives = {}) {
        const std::size_t n = x.size();
        std::vector<T> V = random_vector<T>(3 * n, 17);
        std::fill_n(V.begin() + static_cast<long>(n), n, T(0));
        double scale = 0;
        for (const long double h : H) scale = std::max(scale, std::abs(static_cast<double>(h)));
        for (const CurvatureKind kind : {CurvatureKind::dense, CurvatureKind::product}) {
            SCOPED_TRACE(kind == CurvatureKind::dense ? "dense" : "product");
            Session<T> session = open(problem, derivatives);
            const std::vector<T> HV = apply(session, kind, x, V);
            for (std::size_t c = 0; c < 3; ++c) {
                double length = 0;
                for (std::size_t j = 0; j < n; ++j) length += std::abs(double(V[c * n + j]));
                for (std::size_t i = 0; i < n; ++i) {
                    long double sum = 0;
                    for (std::size_t j = 0; j < n; ++j) sum += H[j * n + i] * V[c * n + j];
                    EXPECT_NEAR(HV[c * n + i], static_cast<double>(sum), tolerance * scale * length)
                        << "vector " << c << ", entry " << i;
                }
            }
        }
    }

    /// Newton's step -(H + l2 I)^-1 g by a factor and by conjugate gradients on products.
    static void expect_same_step(const Problem<T>& problem, const std::vector<T>& x,
                                 double tolerance) {
        Session<T> session = open(problem);
        Vectors<T>& vectors = *session.vectors;
        const int n = static_cast<int>(x.size());
        const Buffer<T> there = vectors.allocate(n), g = vectors.allocate(n),
                        S = vectors.allocate(n), step = vectors.allocate(n),
                        other = vectors.allocate(n);
        vectors.upload(there.get(), x.data(), n);
        vectors.upload(S.get(), std::vector<T>(n, T(1)).data(), n);
        const Number f = vectors.number(), info = vectors.number(), pivot = vectors.number();
        session.evaluator->value_and_gradient(there.get(), g.get(), f);
        const auto dense = session.evaluator->curvature(CurvatureKind::dense);
        Factorable<T>* const factorable = dense->factorable();
        ASSERT_TRUE(factorable);
        factorable->update(there.get());
        factorable->factorize(T(0), S.get(), info, pivot);
        vectors.scale(step.get(), T(-1), g.get(), n);
        factorable->solve(step.get());
        ASSERT_EQ(vectors.read(info), 0);

        const auto products = session.evaluator->curvature(CurvatureKind::product);
        EXPECT_FALSE(products->factorable());
        products->update(there.get());
        vectors.scale(g.get(), T(-1), g.get(), n);
        solver::ConjugateGradients<T> cg(vectors, n);
        cg.start(*products, T(1), g.get(), other.get());
        const auto outcome = cg.run({.tolerance = 0.1 * tolerance});
        EXPECT_EQ(outcome.end, solver::ConjugateGradientsEnd::converged)
            << outcome.products << " products, " << outcome.residual;
        std::vector<T> a(n), b(n);
        vectors.download(a.data(), step.get(), n);
        vectors.download(b.data(), other.get(), n);
        double size = 0;
        for (const T value : a) size = std::max(size, std::abs(double(value)));
        ASSERT_GT(size, 0);
        for (int j = 0; j < n; ++j) EXPECT_NEAR(b[j], a[j], tolerance * size) << j;
    }
};
TYPED_TEST_SUITE(CurvatureTest, Reals, RealName);

template <class T>
std::vector<long double> oracle_hessian(const std::vector<T>& x) {
    return oracle_rosenbrock_hessian(std::vector<long double>(x.begin(), x.end()));
}

TYPED_TEST(CurvatureTest, ProductsOfLinearPredictorsAreExact) {
    using T = TypeParam;
    for (const ModelKind kind : all_models())
        for (const bool intercept : {false, true})
            for (const int samples : {33, 5000}) {
                SCOPED_TRACE(name_of(kind) + (intercept ? ", intercept" : ""));
                ModelOptions options{.samples = samples, .weights = true, .ld_padding = 3};
                options.problem = {.l2 = 0.3, .intercept = intercept};
                const Model<T> model(kind, options);
                this->expect_products(model.problem(), model.theta(), model.hessian(model.theta()),
                                      16 * sum_tolerance<T>(samples + 4));
            }
}

TYPED_TEST(CurvatureTest, ProductsOfAnObjective) {
    using T = TypeParam;
    const std::vector<T> x = random_vector<T>(20, 3);
    const auto problem = make_objective<T>(cunewton::ExtendedRosenbrock{}, 20);
    this->expect_products(problem, x, oracle_hessian(x), sizeof(T) == 8 ? 1e-13 : 1e-5);
    // By differences of gradients, too.
    DerivativeOptions by_values;
    by_values.hessian = HessianBy::gradient_differences;
    this->expect_products(problem, x, oracle_hessian(x), sizeof(T) == 8 ? 1e-8 : 1e-3, by_values);
}

TYPED_TEST(CurvatureTest, ABlackBoxGivesItsOwnProductsOrDifferencesOfItsGradient) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "functions of host pointers have no GPU code";
    const int n = 12;
    const std::vector<T> x = random_vector<T>(n, 5);
    const std::vector<long double> H = oracle_hessian(x);
    int calls = 0, most = 0;
    BlackBox<T> own;
    own.value_and_gradient = [](const T* at, int size, T* g) {
        const std::vector<long double> wide(at, at + size);
        const std::vector<long double> exact = oracle_rosenbrock_gradient(wide);
        for (int j = 0; j < size; ++j) g[j] = static_cast<T>(exact[j]);
        return static_cast<T>(oracle_rosenbrock_value(wide));
    };
    // The gradient's alone, then the function's own.
    DerivativeOptions derivatives;
    derivatives.hessian = HessianBy::gradient_differences;
    this->expect_products(make_black_box<T>(own, n), x, H, sizeof(T) == 8 ? 1e-8 : 2e-3,
                          derivatives);
    own.products = [&](const T* at, int size, const T* V, int columns, T* HV) {
        ++calls;
        most = std::max(most, columns);
        const std::vector<long double> exact =
            oracle_rosenbrock_hessian(std::vector<long double>(at, at + size));
        for (int c = 0; c < columns; ++c)
            for (int i = 0; i < size; ++i) {
                long double sum = 0;
                for (int j = 0; j < size; ++j) sum += exact[j * size + i] * V[c * size + j];
                HV[c * size + i] = static_cast<T>(sum);
            }
    };
    this->expect_products(make_black_box<T>(own, n), x, H, sizeof(T) == 8 ? 1e-14 : 1e-6);
    // Twice three vectors at once, and all columns of the dense one at once.
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(most, n);
}

TYPED_TEST(CurvatureTest, NewtonsStepByConjugateGradientsIsTheDenseOne) {
    using T = TypeParam;
    const double tolerance = sizeof(T) == 8 ? 1e-9 : 2e-3;
    for (const ModelKind kind : {ModelKind::logistic, ModelKind::softmax3, ModelKind::poisson}) {
        SCOPED_TRACE(name_of(kind));
        ModelOptions options{.samples = 400, .features = 12};
        options.problem = {.l2 = 0.1, .intercept = true, .penalize_intercept = true};
        const Model<T> model(kind, options);
        this->expect_same_step(model.problem(), std::vector<T>(model.theta().size(), T(0)),
                               tolerance);
    }
    // Where the Hessian is positive definite; its condition number is 2500.
    this->expect_same_step(make_objective<T>(cunewton::ExtendedRosenbrock{}, 40),
                           std::vector<T>(40, T(1.01)), 2500 * tolerance);
}

TYPED_TEST(CurvatureTest, ConjugateGradientsSayWhenTheHessianIsIndefinite) {
    using T = TypeParam;
    // At (0, 1) the first diagonal entry is 2 - 400.
    const auto problem = make_objective<T>(cunewton::ExtendedRosenbrock{}, 2);
    Session<T> session = open(problem);
    Vectors<T>& vectors = *session.vectors;
    const std::vector<T> x{T(0), T(1)}, b{T(1), T(0)};
    const Buffer<T> there = vectors.allocate(2), right = vectors.allocate(2),
                    out = vectors.allocate(2);
    vectors.upload(there.get(), x.data(), 2);
    vectors.upload(right.get(), b.data(), 2);
    const auto products = session.evaluator->curvature(CurvatureKind::product);
    products->update(there.get());
    solver::ConjugateGradients<T> cg(vectors, 2);
    cg.start(*products, T(1), right.get(), out.get());
    const auto outcome = cg.run({});
    EXPECT_EQ(outcome.end, solver::ConjugateGradientsEnd::negative_curvature);
    EXPECT_NEAR(outcome.least, 2 - 400, 398 * 8 * epsilon<T>);
    // Nothing to solve: no product is taken.
    vectors.scale(right.get(), T(0), right.get(), 2);
    cg.start(*products, T(1), right.get(), out.get());
    const auto nothing = cg.run({});
    EXPECT_EQ(nothing.end, solver::ConjugateGradientsEnd::converged);
    EXPECT_EQ(nothing.products, 0);
}

TYPED_TEST(CurvatureTest, RatiosStayWhereTheyAre) {
    using T = TypeParam;
    Session<T> session = open(make_objective<T>(cunewton::ExtendedRosenbrock{}, 2));
    Vectors<T>& vectors = *session.vectors;
    const std::vector<T> x{3, 4, 0}, y{1, 2, 2};
    const Buffer<T> a = vectors.allocate(3), b = vectors.allocate(3), c = vectors.allocate(3);
    vectors.upload(a.get(), x.data(), 3);
    vectors.upload(b.get(), y.data(), 3);
    const Number five = vectors.number(), three = vectors.number(), zero = vectors.number();
    vectors.norms({{a.get(), five}, {b.get(), three}}, 3);
    std::vector<T> out(3);
    const auto expect = [&](const std::vector<T>& expected) {
        vectors.download(out.data(), c.get(), 3);
        for (int j = 0; j < 3; ++j) EXPECT_NEAR(out[j], expected[j], 8 * epsilon<T>);
    };
    vectors.scale(c.get(), Ratio{five, three, -1}, b.get(), 3);
    expect({T(-5) / 3, T(-10) / 3, T(-10) / 3});
    vectors.add_scaled(c.get(), a.get(), Ratio{three, five}, b.get(), 3);
    expect({T(3.6), T(5.2), T(1.2)});
    // Nothing over nothing: the end of a recurrence.
    vectors.scale(c.get(), T(0), a.get(), 3);
    vectors.dot(c.get(), c.get(), 3, zero);
    vectors.add_scaled(c.get(), a.get(), Ratio{zero, zero}, b.get(), 3);
    expect(x);
}

TYPED_TEST(CurvatureTest, NumbersAreGivenBack) {
    using T = TypeParam;
    Session<T> session = open(make_objective<T>(cunewton::ExtendedRosenbrock{}, 2));
    for (int times = 0; times < 10 * ScalarPlaces::most; ++times) session.vectors->number();
    std::vector<Number> all;
    EXPECT_THROW(for (;;) all.push_back(session.vectors->number()), OutOfMemory);
}

}  // namespace
}  // namespace cunewton::test
