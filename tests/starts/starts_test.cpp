#include "cunewton/starts.h"

#include <algorithm>
#include <cmath>

#include "cunewton/loss/rosenbrock.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

class StartsTest : public BackendTest {};

/// A problem of functions with their derivatives by differences, on the CPU.
template <class F>
Problem<double> black_box(const F& f, int n) {
    return make_black_box<double>(
        BlackBox<double>([f](const double* x, int dimension, int points, double* values) {
            for (int k = 0; k < points; ++k) values[k] = f(x + k * dimension);
        }),
        n);
}
double camel(const double* x) {
    const double u = x[0] * x[0], v = x[1] * x[1];
    return (4 - 2.1 * u + u * u / 3) * u + x[0] * x[1] + (4 * v - 4) * v;
}

struct Camel {
    template <class X>
    auto operator()(const X& x) const {
        using S = scalar_t<X>;
        const S a = x[0], b = x[1], u = a * a, v = b * b;
        return (4.0 - 2.1 * u + u * u / 3.0) * u + a * b + (4.0 * v - 4.0) * v;
    }
};
/// (x^2 + y - 11)^2 + (x + y^2 - 7)^2: four minima of 0.
struct Himmelblau {
    double unit = 1;
    template <class X>
    auto operator()(const X& at) const {
        using S = scalar_t<X>;
        const S x = at[0] / unit, y = at[1] * unit;
        const S p = x * x + y - 11.0, q = x + y * y - 7.0;
        return p * p + q * q;
    }
};
struct Rastrigin {
    template <class X>
    auto operator()(const X& x) const {
        using namespace math;
        using S = scalar_t<X>;
        S f(0.0);
        for (int j = 0; j < x.size(); ++j)
            f += x[j] * x[j] + 10.0 - 10.0 * cos(6.28318530717958648 * x[j]);
        return f;
    }
};

Options on_cpu(int threads = 2) {
    Options options;
    options.backend = BackendChoice::cpu;
    options.threads = threads;
    return options;
}

TEST_F(StartsTest, TheSixMinimaOfTheCamel) {
    const auto problem = make_objective<double>(Camel{}, 2);
    for (const StartsBy by : {StartsBy::sobol, StartsBy::latin_hypercube}) {
        const auto found = minimize_from<double>(
            problem, {.count = 64, .draw = by, .lower = {-2.5, -1.5}, .upper = {2.5, 1.5}},
            on_cpu());
        ASSERT_EQ(found.minima.size(), 6u);
        const double f[] = {-1.0316284534898774, -1.0316284534898774, -0.2154638243837284,
                            -0.2154638243837284, 2.1042503103111,     2.1042503103111};
        std::size_t led = 0;
        for (std::size_t k = 0; k < 6; ++k) {
            EXPECT_NEAR(found.minima[k].f, f[k], 1e-10);
            led += found.minima[k].starts.size();
            for (const int s : found.minima[k].starts)
                EXPECT_EQ(found.minimum_of[std::size_t(s)], int(k));
        }
        EXPECT_EQ(long(led), 64 - std::count(found.minimum_of.begin(), found.minimum_of.end(), -1));
        EXPECT_EQ(found.best.f, found.minima[0].f);
        EXPECT_EQ(found.ends[std::size_t(found.best_start)].x, found.best.x);
    }
}

// In units that make one parameter a million times larger and the other as much smaller.
TEST_F(StartsTest, MinimaAreToldApartInAnyUnits) {
    for (const double unit : {1.0, 1e6}) {
        const auto found = minimize_from<double>(
            make_objective<double>(Himmelblau{unit}, 2),
            {.count = 64, .lower = {-5 * unit, -5 / unit}, .upper = {5 * unit, 5 / unit}},
            on_cpu());
        EXPECT_EQ(found.minima.size(), 4u) << unit;
        for (const auto& minimum : found.minima) EXPECT_NEAR(minimum.f, 0, 1e-12);
    }
}

TEST_F(StartsTest, TheBestOfManyMinima) {
    const auto found =
        minimize_from<double>(make_objective<double>(Rastrigin{}, 2),
                              {.count = 256, .lower = {-1.6, -1.6}, .upper = {1.5, 1.5}}, on_cpu());
    EXPECT_NEAR(found.best.f, 0, 1e-12);
    EXPECT_NEAR(found.best.x[0], 0, 1e-6);
    EXPECT_GE(found.minima.size(), 9u);
    for (std::size_t k = 1; k < found.minima.size(); ++k)
        EXPECT_GE(found.minima[k].f, found.minima[k - 1].f);
}

TEST_F(StartsTest, GivenStartsComeFirstAndDuplicatesAreOneMinimum) {
    const auto found =
        minimize_from<double>(make_objective<double>(Camel{}, 2),
                              {.given = {{0.1, -0.7}, {0.1, -0.7}, {-0.1, 0.7}}}, on_cpu());
    ASSERT_EQ(found.ends.size(), 3u);
    ASSERT_EQ(found.minima.size(), 2u);
    EXPECT_EQ(found.minima[0].starts.size() + found.minima[1].starts.size(), 3u);
    EXPECT_EQ(found.ends[0].x, found.ends[1].x);
    EXPECT_EQ(found.starts[2], (std::vector<double>{-0.1, 0.7}));
    const auto alone =
        minimize(make_objective<double>(Camel{}, 2), std::vector<double>{0.1, -0.7}, on_cpu());
    EXPECT_EQ(found.ends[0].x, alone.x);
}

TEST_F(StartsTest, AnyNumberOfThreadsGivesTheSameBits) {
    const auto problem = make_objective<double>(Camel{}, 2);
    const Starts<double> starts{
        .given = {{0, 0.5}}, .count = 15, .lower = {-2, -1}, .upper = {2, 1}, .seed = 4};
    const auto one = minimize_from(problem, starts, on_cpu(1));
    for (const int threads : {2, 3, 7}) {
        const auto other = minimize_from(problem, starts, on_cpu(threads));
        ASSERT_EQ(other.minima.size(), one.minima.size());
        EXPECT_EQ(other.best_start, one.best_start);
        EXPECT_EQ(other.minimum_of, one.minimum_of);
        for (std::size_t k = 0; k < one.ends.size(); ++k) {
            EXPECT_EQ(other.ends[k].x, one.ends[k].x);
            EXPECT_EQ(other.ends[k].iterations, one.ends[k].iterations);
        }
    }
}

TEST_F(StartsTest, RunsThatDoNotEndAtAMinimumAreNone) {
    Options options = on_cpu();
    options.max_iterations = 0;
    const auto found = minimize_from<double>(make_objective<double>(Camel{}, 2),
                                             {.given = {{1, 1}, {0.5, 0.5}}}, options);
    EXPECT_TRUE(found.minima.empty());
    EXPECT_EQ(found.count(Status::max_iterations), 2);
    EXPECT_EQ(found.minimum_of, (std::vector<int>{-1, -1}));
    EXPECT_EQ(found.best_start,
              camel(found.starts[0].data()) < camel(found.starts[1].data()) ? 0 : 1);
}

TEST_F(StartsTest, ACallbackEndsItsOwnRun) {
    Options options = on_cpu();
    int calls = 0;
    options.callback = [&](const IterationRecord&) { return ++calls > 1; };
    const auto found = minimize_from<double>(make_objective<double>(Camel{}, 2),
                                             {.given = {{1, 1}, {0.5, 0.5}}}, options);
    EXPECT_EQ(found.ends[0].status, Status::cancelled);
    EXPECT_EQ(found.ends[1].status, Status::converged);
}

TEST_F(StartsTest, BlackBoxesAndBothBackends) {
    const auto found = minimize_from<double>(
        black_box(camel, 2), {.count = 16, .lower = {-2, -1}, .upper = {2, 1}}, on_cpu());
    EXPECT_NEAR(found.best.f, -1.0316284534898774, 1e-8);
    // A loss of the library's runs on any backend.
    Options options;
    options.backend = tested_choice();
    const auto valley =
        minimize_from<double>(make_objective<double>(ExtendedRosenbrock{}, 2),
                              {.count = 6, .lower = {-2, -2}, .upper = {2, 2}}, options);
    EXPECT_EQ(valley.best.backend, tested_backend());
    EXPECT_NEAR(valley.best.x[0], 1, 1e-6);
    EXPECT_EQ(valley.minima.size(), 1u);
}

// Of the camel's minima one lies in this box, and one beyond its side x = 0.2: the runs end there,
// where 16 y^3 - 8 y + x = 0.
TEST_F(StartsTest, RunsHoldTheBoundsThatStartsAreDrawnBetween) {
    Options options = on_cpu();
    options.lower = {0.2, -1.5};
    options.upper = {2.5, -0.1};
    const auto found =
        minimize_from<double>(make_objective<double>(Camel{}, 2), {.count = 32}, options);
    ASSERT_EQ(found.starts.size(), 32u);
    for (std::size_t k = 0; k < found.starts.size(); ++k)
        for (std::size_t j = 0; j < 2; ++j)
            for (const double x : {found.starts[k][j], found.ends[k].x[j]}) {
                EXPECT_GE(x, options.lower[j]) << k;
                EXPECT_LE(x, options.upper[j]) << k;
            }
    ASSERT_GE(found.minima.size(), 2u);
    const double y = found.best.x[1];
    EXPECT_EQ(found.best.x[0], 0.2);
    EXPECT_NEAR(16 * y * y * y - 8 * y + 0.2, 0, 1e-6);
    EXPECT_NEAR(found.minima[1].f, -0.2154638243837284, 1e-9);
}

TEST_F(StartsTest, Misuse) {
    const auto problem = make_objective<double>(Camel{}, 2);
    const auto message = [&](const Starts<double>& starts, const Options& options = on_cpu()) {
        return message_of<InvalidArgument>([&] { minimize_from(problem, starts, options); });
    };
    EXPECT_NE(message({}).find("no start"), std::string::npos);
    EXPECT_NE(message({.count = 4}).find("no lower bound"), std::string::npos);
    EXPECT_NE(message({.count = 4, .lower = {0, 0}, .upper = {1, INFINITY}}).find("parameter 1"),
              std::string::npos);
    EXPECT_NE(message({.count = 4, .lower = {0, 2}, .upper = {1, 1}}).find("crossed"),
              std::string::npos);
    EXPECT_NE(message({.count = 4, .lower = {0}, .upper = {1, 1}}).find("wrong size"),
              std::string::npos);
    EXPECT_NE(message({.count = -1}).find("negative"), std::string::npos);
    EXPECT_NE(message({.given = {{1}}}).find("x0"), std::string::npos);
    Options options = on_cpu();
    options.checkpoint.file = "somewhere";
    EXPECT_NE(message({.given = {{1, 1}}}, options).find("checkpoint"), std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
