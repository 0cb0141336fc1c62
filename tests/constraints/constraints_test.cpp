// Minima under linear equations, held against the conditions that they satisfy.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/constraints/dense_solve.h"
#include "tests/curvature/known_spectrum.h"
#include "tests/support/message_of.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"

namespace cunewton::test {
namespace {

using Wide = std::vector<long double>;

/// 1/2 x'Hx - c'x under A x = b: x and then the multipliers l with Hx - c = A'l.
template <class T>
Wide kkt_solution(const std::vector<T>& H, const std::vector<T>& c, const LinearConstraints& of) {
    const std::size_t n = c.size(), m = of.b.size(), all = n + m;
    Wide M(all * all, 0.0L), right(all);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) M[i * all + j] = H[i * n + j];
        right[i] = c[i];
    }
    for (std::size_t i = 0; i < m; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            M[(n + i) * all + j] = of.A[i * n + j];
            M[j * all + n + i] = -static_cast<long double>(of.A[i * n + j]);
        }
        right[n + i] = of.b[i];
    }
    return dense_solve(std::move(M), std::move(right));
}

LinearConstraints random_equations(int m, int n, std::uint64_t seed) {
    Random random(seed);
    LinearConstraints equations;
    for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) equations.A.push_back(random.near_normal());
        equations.b.push_back(random.near_normal());
    }
    return equations;
}

/// The largest |A x - b|.
template <class T>
double infeasibility(const LinearConstraints& of, const std::vector<T>& x) {
    long double worst = 0;
    for (std::size_t i = 0; i < of.b.size(); ++i) {
        long double sum = -static_cast<long double>(of.b[i]);
        for (std::size_t j = 0; j < x.size(); ++j)
            sum += static_cast<long double>(of.A[i * x.size() + j]) * x[j];
        worst = std::max(worst, std::abs(sum));
    }
    return static_cast<double>(worst);
}

template <class T>
class ConstraintsTest : public BackendTest {
  protected:
    static constexpr double eps = std::numeric_limits<T>::epsilon();

    /// Eigenvalues 1 .. n, and a slope.
    static KnownSpectrum<T> quadratic(int n, std::uint64_t seed = 1) {
        Wide values;
        for (int j = 0; j < n; ++j) values.push_back(j + 1);
        KnownSpectrum<T> known(values, seed);
        Random random(seed + 100);
        for (T& b : known.b) b = static_cast<T>(random.near_normal());
        return known;
    }
    static Options under(const LinearConstraints& equations, Method method = Method::newton) {
        Options options = with(method);
        options.constraints = equations;
        return options;
    }
    static std::vector<T> start(int n) {
        std::vector<T> x;
        for (int j = 0; j < n; ++j) x.push_back(static_cast<T>(0.25 * (j % 5) - 0.5));
        return x;
    }
    static void expect_solution(const KnownSpectrum<T>& known, const LinearConstraints& equations,
                                const Result<T>& result, double accuracy) {
        EXPECT_LE(infeasibility(equations, result.x),
                  100 * eps * std::sqrt(static_cast<double>(known.n())));
        const Wide exact = kkt_solution(known.A, known.b, equations);
        for (std::size_t j = 0; j < result.x.size(); ++j)
            EXPECT_NEAR(static_cast<double>(result.x[j]), static_cast<double>(exact[j]), accuracy)
                << j;
    }
};
TYPED_TEST_SUITE(ConstraintsTest, Reals, RealName);

TYPED_TEST(ConstraintsTest, QuadraticsSolveTheirKktSystem) {
    using T = TypeParam;
    const std::pair<int, int> sizes[] = {{2, 1}, {3, 2}, {5, 1}, {20, 1}, {20, 7}, {20, 19}};
    std::uint64_t seed = 1;
    for (const auto& size : sizes) {
        const int n = size.first, m = size.second;
        SCOPED_TRACE(std::to_string(n) + " parameters, " + std::to_string(m) + " equations");
        const KnownSpectrum<T> known = this->quadratic(n, ++seed);
        const LinearConstraints equations = random_equations(m, n, seed);
        const Result<T> result = minimize(known.problem(), this->start(n), this->under(equations));
        EXPECT_EQ(result.status, Status::converged) << result.message;
        this->expect_solution(known, equations, result, 2e4 * this->eps);
        const Wide exact = kkt_solution(known.A, known.b, equations);
        EvaluationOptions there;
        there.backend = tested_choice();
        const std::vector<double> multipliers =
            equation_multipliers(equations, gradient(known.problem(), result.x, there));
        for (int i = 0; i < m; ++i)
            EXPECT_NEAR(multipliers[static_cast<std::size_t>(i)],
                        static_cast<double>(exact[static_cast<std::size_t>(n + i)]),
                        1e6 * this->eps);
    }
}

TYPED_TEST(ConstraintsTest, EveryMethodGetsThere) {
    using T = TypeParam;
    constexpr int n = 6;
    const KnownSpectrum<T> known = this->quadratic(n);
    const LinearConstraints equations = random_equations(2, n, 3);
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<T> result =
            minimize(known.problem(), this->start(n), this->under(equations, method));
        EXPECT_EQ(result.method, method);
        EXPECT_TRUE(result.status == Status::converged || result.status == Status::precision_limit)
            << result.message;
        this->expect_solution(known, equations, result, std::sqrt(this->eps));
    }
}

TYPED_TEST(ConstraintsTest, MethodsThatTakeSamplesStayOnThePlane) {
    using T = TypeParam;
    const Model<T> model(ModelKind::logistic,
                         {.samples = 300, .features = 4, .problem = {.l2 = 0.01}});
    const LinearConstraints equations{{1, 1, 1, 1}, {0.5}};
    for (const Method method : sampling_methods) {
        if (method == Method::kfac) continue;
        SCOPED_TRACE(to_string(method));
        Options options = this->under(equations, method);
        options.max_iterations = 20;
        const Result<T> result = minimize(model.problem(), std::vector<T>(4, T(0)), options);
        EXPECT_LE(infeasibility(equations, result.x), 50 * this->eps);
        EXPECT_GT(result.iterations, 0);
        EXPECT_LT(result.f, result.last_iterations.front().iteration == 0
                                ? result.last_iterations.front().f
                                : std::log(2.0));
    }
}

/// sum_j x_j = 0 by x_d = -(x_1 + ...): features less the last one.
TYPED_TEST(ConstraintsTest, SumsToZeroAreTheReparametrisedProblem) {
    using T = TypeParam;
    constexpr int samples = 200, d = 5;
    const Dataset set = make_binary(samples, d, 7, {.intercept = false});
    const std::vector<T> X(set.X.begin(), set.X.end()), y(set.y.begin(), set.y.end());
    std::vector<T> reduced;
    for (int i = 0; i < samples; ++i)
        for (int j = 0; j + 1 < d; ++j) reduced.push_back(X[i * d + j] - X[i * d + d - 1]);
    const auto full =
        make_linear_predictor<T>(Logistic{}, Samples<T>{X.data(), samples, d, 0, y.data()});
    const auto free = make_linear_predictor<T>(
        Logistic{}, Samples<T>{reduced.data(), samples, d - 1, 0, y.data()});
    const Result<T> one =
        minimize(full, std::vector<T>(d, T(0)), this->under({std::vector<double>(d, 1.0), {0}}));
    const Result<T> other = minimize(free, std::vector<T>(d - 1, T(0)), with(Method::newton));
    EXPECT_TRUE(one.converged()) << one.message;
    EXPECT_TRUE(one.moved.empty());
    EXPECT_NEAR(one.f, other.f, 50 * this->eps);
    for (std::size_t j = 0; j + 1 < d; ++j) EXPECT_NEAR(one.x[j], other.x[j], std::sqrt(this->eps));
    T sum = 0;
    for (const T x : one.x) sum += x;
    EXPECT_NEAR(sum, 0, 20 * this->eps);
    // Without orthonormal directions it would not be that of the projection.
    EXPECT_LE(one.gradient_norm, 1e4 * this->eps);
}

/// On x_2 = s - x_1, where the loss is a polynomial of x_1.
TYPED_TEST(ConstraintsTest, RosenbrocksFunctionOnALine) {
    using T = TypeParam;
    const auto problem = make_objective<T>(ExtendedRosenbrock{}, 2);
    const long double s = 3;
    long double t = 1.2L;
    for (int step = 0; step < 50; ++step) {
        const long double u = s - t - t * t, du = -1 - 2 * t;
        const long double slope = 200 * u * du - 2 * (1 - t), bend = 200 * du * du - 400 * u + 2;
        t -= slope / bend;
    }
    for (const Method method :
         {Method::newton, Method::trust_region, Method::newton_cg, Method::bfgs}) {
        SCOPED_TRACE(to_string(method));
        const Result<T> result =
            minimize(problem, {T(1.5), T(1.5)}, this->under({{1, 1}, {3}}, method));
        EXPECT_TRUE(result.converged()) << result.message;
        EXPECT_NEAR(result.x[0], static_cast<double>(t), 20 * std::sqrt(this->eps) * 0.1);
        EXPECT_NEAR(result.x[0] + result.x[1], 3, 10 * this->eps);
    }
}

/// Shares of the least variance under sum 1: in proportion to 1 / variance.
TYPED_TEST(ConstraintsTest, SharesAddUpToOne) {
    using T = TypeParam;
    const std::vector<T> variance{1, 2, 4, 8}, none(4, T(0));
    std::vector<T> H(16, T(0));
    for (std::size_t j = 0; j < 4; ++j) H[j * 5] = variance[j];
    const Result<T> result = minimize(make_quadratic(H.data(), none.data(), 4),
                                      std::vector<T>(4, T(0.25)), this->under({{1, 1, 1, 1}, {1}}));
    EXPECT_TRUE(result.converged());
    const double all = 1 + 0.5 + 0.25 + 0.125;
    for (std::size_t j = 0; j < 4; ++j)
        EXPECT_NEAR(result.x[j], 1 / (all * static_cast<double>(variance[j])), 10 * this->eps);
}

TYPED_TEST(ConstraintsTest, RedundantEquationsAndZeroRowsChangeNothing) {
    using T = TypeParam;
    constexpr int n = 5;
    const KnownSpectrum<T> known = this->quadratic(n);
    const LinearConstraints two = random_equations(2, n, 9);
    LinearConstraints more = two;
    for (int j = 0; j < n; ++j)
        more.A.push_back(2.5 * two.A[static_cast<std::size_t>(j)] -
                         1e3 * two.A[static_cast<std::size_t>(n + j)]);
    more.b.push_back(2.5 * two.b[0] - 1e3 * two.b[1]);
    more.A.insert(more.A.end(), n, 0.0);
    more.b.push_back(0);
    more.A.insert(more.A.end(), two.A.begin(), two.A.begin() + n);
    more.b.push_back(two.b[0]);
    const Result<T> result = minimize(known.problem(), this->start(n), this->under(more));
    EXPECT_TRUE(result.converged()) << result.message;
    this->expect_solution(known, two, result, 1e4 * this->eps);
    EXPECT_NE(result.problem.find("5 linear equations, 2 of them independent"), std::string::npos)
        << result.problem;
    // None that says anything.
    const Result<T> free =
        minimize(known.problem(), this->start(n), this->under({std::vector<double>(n, 0.0), {0}}));
    const Result<T> plain = minimize(known.problem(), this->start(n), with(Method::newton));
    for (std::size_t j = 0; j < n; ++j) EXPECT_NEAR(free.x[j], plain.x[j], 100 * this->eps);
}

TYPED_TEST(ConstraintsTest, ContradictionsAreNamed) {
    using T = TypeParam;
    const KnownSpectrum<T> known = this->quadratic(3);
    const auto message = [&](const LinearConstraints& equations, std::vector<bool> fixed = {}) {
        Options options = this->under(equations);
        options.fixed = std::move(fixed);
        return message_of<InvalidArgument>(
            [&] { minimize(known.problem(), this->start(3), options); });
    };
    EXPECT_NE(message({{1, 1, 0, 0, 1, 1, 1, 2, 1}, {1, 2, 4}}).find("contradicts others"),
              std::string::npos);
    const std::string zero = message({{1, 1, 0, 0, 0, 0}, {1, 3}});
    EXPECT_NE(zero.find("equation 1 of the constraints cannot hold"), std::string::npos) << zero;
    EXPECT_NE(zero.find("right-hand side is 3"), std::string::npos) << zero;
    // Whatever the units of the equations.
    EXPECT_NE(message({{1, 1, 0, 1e-9, 1e-9, 0}, {1, 1.001e-9}}).find("contradicts"),
              std::string::npos);
    EXPECT_NE(message({{1, 1, 0}, {1}}, {true, true, false}).find("are all fixed"),
              std::string::npos);
    // A relative difference of rounding is none.
    EXPECT_NO_THROW(minimize(known.problem(), this->start(3),
                             this->under({{1, 1, 0, 3, 3, 0}, {0.1, 0.1 * 3}})));
}

TYPED_TEST(ConstraintsTest, WrongArgumentsAreRefused) {
    using T = TypeParam;
    const KnownSpectrum<T> known = this->quadratic(3);
    const auto message = [&](const auto& change) {
        Options options = this->under({{1, 1, 1}, {1}});
        change(options);
        return message_of<InvalidArgument>(
            [&] { minimize(known.problem(), this->start(3), options); });
    };
    const auto has = [](const std::string& text, const char* part) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    };
    has(message([](Options& o) { o.constraints.A.pop_back(); }), "wrong size (2 for 1 equations");
    has(message([](Options& o) { o.constraints.b.clear(); }), "wrong size (3 for 0 equations");
    has(message([](Options& o) { o.constraints.A[1] = NAN; }), "entry 1 of equation 0 is nan");
    has(message([](Options& o) { o.constraints.b[0] = INFINITY; }), "number 0 is inf");
    has(message([](Options& o) { o.lower = {0, 0, 0}; }), "constraints and bounds");
    has(message([](Options& o) { o.keep_hessian_factor = true; }), "keep_hessian_factor");
    has(message([](Options& o) { o.fixed = {true}; }), "fixed has the wrong size");
    has(message([](Options& o) { o.precondition = PreconditionBy::blocks; }), "blocks");
    has(message([](Options& o) {
            o.preconditioner = OwnPreconditioner<T>{{}, [](const T*, int, T*) {}, {}};
        }),
        "own preconditioner");
    has(message([](Options& o) { o.blocks = {{0, 2}, {2, 3}}; }), "blocks are not available");
    // Bounds that are none are no contradiction.
    Options options = this->under({{1, 1, 1}, {1}});
    options.lower.assign(3, -HUGE_VAL);
    EXPECT_TRUE(minimize(known.problem(), this->start(3), options).converged());
}

TYPED_TEST(ConstraintsTest, APointThatIsDeterminedIsEvaluatedOnce) {
    using T = TypeParam;
    const KnownSpectrum<T> known = this->quadratic(2);
    for (const Method method : {Method::newton, Method::bfgs, Method::newton_cg}) {
        Options options = this->under({{1, 1, 1, -1}, {3, 1}}, method);
        int calls = 0;
        options.keep_trace = true;
        const Result<T> result =
            minimize(known.problem(), {T(0), T(0)}, options, [&](const Iterate<T>& at) {
                ++calls;
                EXPECT_NEAR(at.x()[0], 2, 10 * this->eps);
                EXPECT_EQ(at.gradient().size(), 2u);
                return true;
            });
        EXPECT_TRUE(result.converged());
        EXPECT_EQ(result.counts.evaluations, 1);
        EXPECT_EQ(calls, 1);
        EXPECT_EQ(result.trace.size(), 1u);
        EXPECT_NEAR(result.x[0], 2, 10 * this->eps);
        EXPECT_NEAR(result.x[1], 1, 10 * this->eps);
        EXPECT_EQ(result.moved, (std::vector<int>{0, 1}));
    }
}

/// The step from x0 is a combination of the equations' rows, and no longer than it has to be.
TYPED_TEST(ConstraintsTest, StartsAreMovedToTheNearestPoint) {
    using T = TypeParam;
    constexpr int n = 4;
    const KnownSpectrum<T> known = this->quadratic(n);
    // Of very different coefficients, which scale the factorisation.
    const LinearConstraints equations{{1, 3, 0, 0, 0, 1, -200, 0}, {2, -1}};
    Options options = this->under(equations);
    options.max_iterations = 0;
    const std::vector<T> x0 = this->start(n);
    const Result<T> result = minimize(known.problem(), x0, options);
    EXPECT_EQ(result.status, Status::max_iterations);
    EXPECT_LE(infeasibility(equations, result.x), 1e3 * this->eps);
    EXPECT_EQ(result.moved, (std::vector<int>{0, 1, 2}));
    EXPECT_NE(result.message.find("moved to the nearest point"), std::string::npos);
    // By the normal equations.
    const std::vector<double>& A = equations.A;
    Wide AA(4, 0.0L), residual(2);
    for (std::size_t i = 0; i < 2; ++i) {
        residual[i] = equations.b[i];
        for (std::size_t j = 0; j < n; ++j) {
            residual[i] -= static_cast<long double>(A[i * n + j]) * x0[j];
            for (std::size_t k = 0; k < 2; ++k)
                AA[i * 2 + k] += static_cast<long double>(A[i * n + j]) * A[k * n + j];
        }
    }
    const Wide l = dense_solve(AA, residual);
    for (std::size_t j = 0; j < n; ++j)
        EXPECT_NEAR(result.x[j], static_cast<double>(x0[j] + A[j] * l[0] + A[n + j] * l[1]),
                    20 * this->eps);
    // One that satisfies them stays.
    Options again = options;
    const Result<T> there = minimize(known.problem(), result.x, again);
    EXPECT_TRUE(there.moved.empty());
    for (std::size_t j = 0; j < n; ++j)
        EXPECT_NEAR(there.x[j], result.x[j], 4 * this->eps * (1 + std::abs(result.x[j])));
}

TYPED_TEST(ConstraintsTest, FixedParametersKeepTheirBits) {
    using T = TypeParam;
    constexpr int n = 6;
    const KnownSpectrum<T> known = this->quadratic(n);
    std::vector<T> x0 = this->start(n);
    x0[1] = static_cast<T>(0.1);
    x0[4] = static_cast<T>(-1e3 / 3);
    const LinearConstraints equations = random_equations(2, n, 5);
    for (const Method method : {Method::newton, Method::newton_cg, Method::bfgs}) {
        SCOPED_TRACE(to_string(method));
        Options options = this->under(equations, method);
        options.fixed = {false, true, false, false, true, false};
        const Result<T> result = minimize(known.problem(), x0, options);
        EXPECT_TRUE(result.converged()) << result.message;
        EXPECT_EQ(result.x[1], x0[1]);
        EXPECT_EQ(result.x[4], x0[4]);
        LinearConstraints all = equations;
        for (const std::size_t j : {1, 4}) {
            std::vector<double> row(n, 0.0);
            row[j] = 1;
            all.A.insert(all.A.end(), row.begin(), row.end());
            all.b.push_back(x0[j]);
        }
        const Wide exact = kkt_solution(known.A, known.b, all);
        for (std::size_t j = 0; j < n; ++j)
            EXPECT_NEAR(result.x[j], static_cast<double>(exact[j]), 1e3 * std::sqrt(this->eps));
        ASSERT_EQ(result.at_bound.size(), 6u);
        ASSERT_EQ(result.multipliers.size(), 6u);
        EXPECT_EQ(result.at_bound[1], AtBound::fixed);
        EXPECT_EQ(result.at_bound[0], AtBound::free);
        EXPECT_EQ(result.multipliers[0], T(0));
        EXPECT_NEAR(result.multipliers[1], static_cast<double>(exact[n + 2]),
                    2e4 * std::sqrt(this->eps));
        EXPECT_NEAR(result.multipliers[4], static_cast<double>(exact[n + 3]),
                    2e4 * std::sqrt(this->eps));
        EXPECT_TRUE(std::ranges::find(result.moved, 1) == result.moved.end());
    }
}

/// In other units of a parameter and of an equation the minimiser is the same.
TYPED_TEST(ConstraintsTest, UnitsDoNotMatter) {
    using T = TypeParam;
    constexpr int n = 5;
    const KnownSpectrum<T> known = this->quadratic(n);
    const LinearConstraints equations = random_equations(2, n, 11);
    const Result<T> plain = minimize(known.problem(), this->start(n), this->under(equations));
    // Of the widest the equations tell nothing, an entry that small may be rounding: typical_x
    // does.
    const int wide = std::is_same_v<T, double> ? 20 : 8;
    for (const int powers : {-3 * wide, -wide, wide, 3 * wide})
        for (const std::size_t j : {std::size_t{0}, std::size_t{3}}) {
            SCOPED_TRACE(std::to_string(powers) + " of " + std::to_string(j));
            const double unit = std::ldexp(1.0, powers);
            KnownSpectrum<T> other = known;
            LinearConstraints scaled = equations;
            std::vector<T> x0 = this->start(n);
            for (std::size_t i = 0; i < n; ++i) {
                other.A[i * n + j] = static_cast<T>(other.A[i * n + j] / unit);
                other.A[j * n + i] = static_cast<T>(other.A[j * n + i] / unit);
            }
            other.b[j] = static_cast<T>(other.b[j] / unit);
            x0[j] = static_cast<T>(x0[j] * unit);
            for (std::size_t i = 0; i < 2; ++i) scaled.A[i * n + j] /= unit;
            for (std::size_t k = 0; k < n; ++k) scaled.A[k] *= 1e9;
            scaled.b[0] *= 1e9;
            for (const Method method : {Method::newton, Method::trust_region}) {
                Options options = this->under(scaled, method);
                if (std::abs(powers) > wide) {
                    options.derivatives.typical_x.assign(n, 1.0);
                    options.derivatives.typical_x[j] = unit;
                }
                const Result<T> result = minimize(other.problem(), x0, options);
                EXPECT_TRUE(result.converged()) << result.message;
                for (std::size_t k = 0; k < n; ++k)
                    EXPECT_NEAR(result.x[k] / (k == j ? unit : 1), plain.x[k], 1e4 * this->eps);
            }
        }
}

TYPED_TEST(ConstraintsTest, WhatIsNotDeterminedIsNamedByParameter) {
    using T = TypeParam;
    // No curvature along parameters 1 and 2.
    const std::vector<T> H{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, c{1, 0, 0, 1};
    const auto problem = make_quadratic(H.data(), c.data(), 4);
    for (const Method method : {Method::newton, Method::newton_cg}) {
        // Products of floats do not tell no curvature from a little of it.
        if (method == Method::newton_cg && std::is_same_v<T, float>) continue;
        SCOPED_TRACE(to_string(method));
        const auto list = [&](const LinearConstraints& equations) {
            const Result<T> result =
                minimize(problem, std::vector<T>(4, T(0.5)), this->under(equations, method));
            EXPECT_EQ(result.status, Status::singular) << result.message;
            return result.undetermined;
        };
        EXPECT_EQ(list({{0, 1, 1, 0}, {1}}), (std::vector<int>{1, 2}));
        EXPECT_EQ(list({{0, 1, 0, 0}, {1}}), (std::vector<int>{2}));
        const Result<T> determined =
            minimize(problem, std::vector<T>(4, T(0.5)),
                     this->under({{0, 1, 0, 0, 0, 0, 1, 0}, {1, 2}}, method));
        EXPECT_TRUE(determined.converged()) << determined.message;
        EXPECT_TRUE(determined.undetermined.empty());
    }
}

TYPED_TEST(ConstraintsTest, DerivativesByDifferencesAndSparsityPatterns) {
    using T = TypeParam;
    constexpr int n = 4;
    const KnownSpectrum<T> known = this->quadratic(n);
    const LinearConstraints equations = random_equations(1, n, 13);
    Options options = this->under(equations);
    options.derivatives.gradient = GradientBy::central_differences;
    options.derivatives.hessian =
        std::is_same_v<T, double> ? HessianBy::value_differences : HessianBy::autodiff;
    const Result<T> result = minimize(known.problem(), this->start(n), options);
    EXPECT_TRUE(result.status == Status::converged ||
                result.status == Status::derivative_accuracy ||
                result.status == Status::precision_limit)
        << result.message;
    this->expect_solution(known, equations, result, std::sqrt(this->eps) * 50);

    SparsityPattern full;
    full.n = n;
    full.column_starts = {0};
    for (int j = 0; j < n; ++j) {
        for (int i = j; i < n; ++i) full.rows.push_back(i);
        full.column_starts.push_back(static_cast<long>(full.rows.size()));
    }
    const Result<T> sparse =
        minimize(with_sparsity(known.problem(), full), this->start(n), this->under(equations));
    EXPECT_TRUE(sparse.converged()) << sparse.message;
    this->expect_solution(known, equations, sparse, 1e4 * this->eps);
}

TYPED_TEST(ConstraintsTest, SameBitsWithAnyNumberOfThreads) {
    using T = TypeParam;
    constexpr int n = 12;
    const KnownSpectrum<T> known = this->quadratic(n);
    const LinearConstraints equations = random_equations(4, n, 17);
    Options options = this->under(equations);
    options.threads = 1;
    const Result<T> one = minimize(known.problem(), this->start(n), options);
    options.threads = 3;
    const Result<T> three = minimize(known.problem(), this->start(n), options);
    EXPECT_EQ(one.x, three.x);
    EXPECT_EQ(one.f, three.f);
}

TYPED_TEST(ConstraintsTest, MemoryIsCounted) {
    using T = TypeParam;
    const KnownSpectrum<T> known = this->quadratic(30);
    const MemoryNeeded plain = memory_needed(known.problem(), with(Method::newton)),
                       more =
                           memory_needed(known.problem(), this->under(random_equations(3, 30, 1)));
    const std::size_t least = (30 * 30 + 2 * 30 * 3) * sizeof(T);
    EXPECT_GE(more.host + more.device, plain.host + plain.device + least);
}

TEST(EquationMultipliers, RefuseWhatDoesNotFit) {
    const LinearConstraints equations{{1, 2}, {1}};
    EXPECT_EQ(equation_multipliers<double>(equations, {2, 4}), (std::vector<double>{2}));
    EXPECT_THROW(equation_multipliers<double>(equations, {}), InvalidArgument);
    EXPECT_THROW(equation_multipliers<double>(equations, {1, 2, 3}), InvalidArgument);
    EXPECT_THROW(equation_multipliers<double>(equations, {1, NAN}), InvalidArgument);
    // Nothing is left that the equations would have to explain.
    EXPECT_EQ(equation_multipliers<double>(equations, {2, 7}, {false, true}),
              (std::vector<double>{2}));
}

}  // namespace
}  // namespace cunewton::test
