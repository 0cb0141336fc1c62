// The trust region's boundary by the Lanczos method, against the exact solution in the eigenbasis.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/choice.h"
#include "host/minimize/conjugate_gradients.h"
#include "host/minimize/tridiagonal.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

/// max b'x - x'Hx / 2 for |x| <= radius, H = diag(values): by bisection in long double, not in the
/// hard case.
double exact_decrease(const std::vector<double>& values, const std::vector<double>& b,
                      double radius) {
    long double least = 0;
    for (const double value : values) least = std::min<long double>(least, value);
    const auto size = [&](long double shift) {
        long double square = 0;
        for (std::size_t j = 0; j < values.size(); ++j) {
            const long double x = b[j] / (values[j] + shift);
            square += x * x;
        }
        return std::sqrt(square);
    };
    long double low = -least, high = low + 1e9L, shift = 0;
    if (least < 0 || size(0) > radius) {
        for (int i = 0; i < 300; ++i) {
            shift = (low + high) / 2;
            (size(shift) > radius ? low : high) = shift;
        }
    }
    long double decrease = 0;
    for (std::size_t j = 0; j < values.size(); ++j) {
        const long double x = b[j] / (values[j] + shift);
        decrease += b[j] * x - values[j] * x * x / 2;
    }
    return static_cast<double>(decrease);
}

TEST(TridiagonalTest, TheBestPointOfABall) {
    // Eigenvalues of the second difference matrix are known, as are its eigenvectors.
    const int n = 12;
    const double pi = std::acos(-1.0);
    for (const double center : {3.0, 0.5, -1.0, 2.0, -5.0})
        for (const double radius : {1e-6, 0.1, 1.0, 30.0, 1e5}) {
            SCOPED_TRACE(std::to_string(center) + ", " + std::to_string(radius));
            const std::vector<double> diagonal(n, center), beside(n, -1.0);
            std::vector<double> values(n), b(n);
            for (int k = 0; k < n; ++k) {
                values[k] = center - 2 * std::cos(pi * (k + 1) / (n + 1));
                b[k] = 2.5 * std::sqrt(2.0 / (n + 1)) * std::sin(pi * (k + 1) / (n + 1));
            }
            const solver::TridiagonalStep step =
                solver::solve_tridiagonal(diagonal, beside, 2.5, radius);
            ASSERT_EQ(step.h.size(), static_cast<std::size_t>(n));
            const double exact = exact_decrease(values, b, radius);
            EXPECT_NEAR(step.decrease, exact, 1e-9 * exact);
            EXPECT_LE(step.size, radius * (1 + 1e-9));
            double square = 0, bend = 0;
            for (int i = 0; i < n; ++i) {
                square += step.h[i] * step.h[i];
                bend += center * step.h[i] * step.h[i];
                if (i > 0) bend -= 2 * step.h[i] * step.h[i - 1];
            }
            EXPECT_NEAR(std::sqrt(square), step.size, 1e-12 * step.size);
            EXPECT_NEAR(step.slope, 2.5 * step.h[0], 1e-12 * std::abs(step.slope));
            EXPECT_NEAR(step.decrease, step.slope - bend / 2, 1e-9 * exact);
        }
}

template <class T>
class LanczosTest : public BackendTest {};
TYPED_TEST_SUITE(LanczosTest, Reals, RealName);

/// diag(values), on the tested backend.
template <class T>
struct DiagonalModel {
    explicit DiagonalModel(const std::vector<double>& of)
        : values(of), n(static_cast<int>(of.size())), A(of.size() * of.size(), T(0)), given(n) {
        Random random(9);
        for (int j = 0; j < n; ++j) {
            A[static_cast<std::size_t>(j) * (n + 1)] = static_cast<T>(values[j]);
            given[j] = static_cast<T>(0.3 + random.uniform());
            b.push_back(given[j]);
        }
        const auto problem = make_quadratic(A.data(), given.data(), n);
        session = choose_backends(problem, tested_choice())
                      .entries[0]
                      ->template code<T>()
                      .open(problem, {});
        curvature = session.evaluator->curvature(CurvatureKind::product);
        right = session.vectors->allocate(n);
        x = session.vectors->allocate(n);
        session.vectors->upload(right.get(), given.data(), n);
        curvature->update(right.get());
    }
    solver::ConjugateGradientsResult run(int kept, double radius) {
        solver::ConjugateGradients<T> cg(*session.vectors, n, kept);
        cg.start(*curvature, T(1), right.get(), x.get());
        const auto result = cg.run({.tolerance = sizeof(T) == 8 ? 1e-10 : 1e-5, .radius = radius});
        // What is said of x is what it is.
        std::vector<T> at(n);
        session.vectors->download(at.data(), x.get(), n);
        double slope = 0, bend = 0, square = 0;
        for (int j = 0; j < n; ++j) {
            slope += b[j] * at[j];
            bend += values[j] * at[j] * at[j];
            square += double(at[j]) * at[j];
        }
        const double tolerance = sizeof(T) == 8 ? 1e-7 : 2e-3;
        EXPECT_NEAR(result.slope, slope, tolerance * std::abs(slope));
        EXPECT_NEAR(result.decrease, slope - bend / 2, tolerance * std::abs(slope - bend / 2));
        EXPECT_NEAR(result.size, std::sqrt(square), tolerance * result.size);
        return result;
    }
    std::vector<double> values, b;
    int n;
    std::vector<T> A, given;  // the problem refers to them
    Session<T> session;
    std::unique_ptr<Curvature<T>> curvature;
    Buffer<T> right, x;
};

TYPED_TEST(LanczosTest, TheBoundaryIsSearchedToTheEnd) {
    using T = TypeParam;
    const double tolerance = sizeof(T) == 8 ? 1e-6 : 1e-2;  // vectors lose their right angles
    for (const double least : {-2.0, 0.05}) {
        const std::vector<double> values{least, 0.1, 0.5, 1, 2, 3, 5, 8, 13, 20};
        for (const double radius : {0.01, 0.3, 1.0, 5.0}) {
            SCOPED_TRACE(std::to_string(least) + ", " + std::to_string(radius));
            DiagonalModel<T> model(values);
            const auto steihaug = model.run(0, radius);
            const auto few = model.run(4, radius);
            const auto all = model.run(10, radius);
            EXPECT_NE(all.end, solver::ConjugateGradientsEnd::not_finite);
            const double exact = exact_decrease(values, model.b, radius);
            EXPECT_NEAR(all.decrease, exact, tolerance * exact);
            EXPECT_LE(all.size, radius * (1 + tolerance));
            EXPECT_GE(few.decrease, steihaug.decrease * (1 - tolerance));
            EXPECT_LE(few.decrease, all.decrease * (1 + tolerance));
            EXPECT_LE(few.products, std::max(4L, steihaug.products));
        }
    }
}

TYPED_TEST(LanczosTest, InsideNothingChanges) {
    using T = TypeParam;
    DiagonalModel<T> model({1, 2, 3, 4, 5, 6});
    const auto plain = model.run(0, 1e3), kept = model.run(6, 1e3), few = model.run(2, 1e3);
    EXPECT_EQ(kept.end, solver::ConjugateGradientsEnd::converged);
    EXPECT_EQ(few.end, solver::ConjugateGradientsEnd::converged);
    EXPECT_NEAR(kept.decrease, plain.decrease, 100 * epsilon<T> * plain.decrease);
    EXPECT_NEAR(few.decrease, plain.decrease, 100 * epsilon<T> * plain.decrease);
}

class LanczosNewtonCgTest : public BackendTest {};

TEST_F(LanczosNewtonCgTest, ItEndsWhereSteihaugsEnds) {
    for (const int n : {2, 10, 100}) {
        SCOPED_TRACE(n);
        const auto problem = make_objective<double>(ExtendedRosenbrock{}, n);
        std::vector<double> x0(n);
        for (int j = 0; j < n; ++j) x0[j] = j % 2 ? 1.0 : -1.2;
        for (const PreconditionBy by : {PreconditionBy::none, PreconditionBy::diagonal}) {
            Options options = with(Method::newton_cg);
            options.boundary = Boundary::lanczos;
            options.precondition = by;
            const Result<double> result = minimize(problem, x0, options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            for (const double x : result.x) EXPECT_NEAR(x, 1, 1e-6);
        }
    }
}

TEST_F(LanczosNewtonCgTest, AnIndefiniteQuadraticIsUnbounded) {
    const std::vector<double> A{1, 0, 0, 0, -1, 0, 0, 0, 3}, b{1, 1e-3, 1};
    Options options = with(Method::newton_cg);
    options.boundary = Boundary::lanczos;
    EXPECT_EQ(minimize(make_quadratic(A.data(), b.data(), 3), {1.0, 0.0, 2.0}, options).status,
              Status::unbounded);
    options.lanczos_vectors = 0;
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  minimize(make_quadratic(A.data(), b.data(), 3), {1.0, 0.0, 2.0}, options);
              }).find("lanczos_vectors"),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
