#include "tests/support/oracle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/datasets.h"

namespace cunewton::test {
namespace {

using Real = long double;
using Vector = std::vector<Real>;
using Scalar = std::function<Real(const Vector&)>;
using Field = std::function<Vector(const Vector&)>;

constexpr Real epsilon = std::numeric_limits<Real>::epsilon();

// The five-point central difference (Fornberg 1988, table 1)
//   f'(x) = [f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)] / (12 h) + h^4/30 f^(5)
// makes a truncation error h^4/30 |f^(5)| and a rounding error of at most 18/(12 h) c epsilon |f|,
// where c is the number of terms that f was summed from. With h = epsilon^(1/5) both are of order
// h^4: the tolerance is h^4 (|f^(5)|/30 + 1.5 c |f|), with |f^(5)| and |f| bounded by `scale`.
Real step() {
    return std::pow(epsilon, Real(0.2));
}

Real tolerance(Real scale, int terms) {
    const Real h = step();
    return h * h * h * h * (Real(1) / 30 + Real(1.5) * terms) * scale;
}

Vector moved(Vector x, std::size_t j, Real by) {
    x[j] += by;
    return x;
}

Real central(Real minus2, Real minus1, Real plus1, Real plus2) {
    return (minus2 - 8 * minus1 + 8 * plus1 - plus2) / (12 * step());
}

Real largest_magnitude(const Vector& v) {
    Real top = 0;
    for (const Real value : v) top = std::max(top, std::fabs(value));
    return top;
}

// `scale` bounds fifth derivatives along each axis; `terms` is the number of summed terms.
void expect_consistent(const Scalar& value, const Field& gradient, const Field& hessian,
                       const Vector& x, Real scale, int terms) {
    const std::size_t n = x.size();
    const Real h = step();
    const Vector g = gradient(x);
    const Vector H = hessian(x);
    ASSERT_EQ(g.size(), n);
    ASSERT_EQ(H.size(), n * n);
    const Real value_scale = std::max(scale, std::fabs(value(x)));
    const Real gradient_scale = std::max(scale, largest_magnitude(g));
    for (std::size_t j = 0; j < n; ++j) {
        const Real slope = central(value(moved(x, j, -2 * h)), value(moved(x, j, -h)),
                                   value(moved(x, j, h)), value(moved(x, j, 2 * h)));
        EXPECT_LE(std::fabs(slope - g[j]), tolerance(value_scale, terms))
            << "gradient entry " << j << ": " << double(g[j]) << ", by differences "
            << double(slope);
        const Vector a = gradient(moved(x, j, -2 * h));
        const Vector b = gradient(moved(x, j, -h));
        const Vector c = gradient(moved(x, j, h));
        const Vector d = gradient(moved(x, j, 2 * h));
        for (std::size_t i = 0; i < n; ++i) {
            const Real entry = central(a[i], b[i], c[i], d[i]);
            EXPECT_LE(std::fabs(entry - H[i + j * n]), tolerance(gradient_scale, terms))
                << "Hessian entry " << i << ", " << j << ": " << double(H[i + j * n])
                << ", by differences " << double(entry);
            EXPECT_EQ(H[i + j * n], H[j + i * n]);
        }
    }
}

OracleData oracle_data(const Dataset& set, bool intercept) {
    OracleData data;
    data.samples = set.samples;
    data.features = set.features;
    data.X.assign(set.X.begin(), set.X.end());
    data.y.assign(set.y.begin(), set.y.end());
    data.w.assign(set.w.begin(), set.w.end());
    data.intercept = intercept;
    return data;
}

Vector some_parameters(int n, std::uint64_t seed) {
    Random random(seed);
    Vector theta;
    for (int j = 0; j < n; ++j) theta.push_back(random.uniform() - 0.5);
    return theta;
}

struct Setting {
    bool intercept;
    bool weights;
    bool mean;
    Real l2;
    bool penalize_intercept;
};

const Setting settings[] = {{true, false, false, 0, false},
                            {true, true, true, 0.75L, false},
                            {true, true, false, 0.75L, true},
                            {false, true, true, 0.75L, true},
                            {false, false, true, 0, false}};

// Fifth derivatives of one sample's loss are at most |x|^5 times those in z, and the scale
// takes the largest |x_j| from the data. The losses' fifth derivatives in z are at most 1
// (logistic, softmax), e^z (Poisson), 0 (squared and, off its knots, Huber). Twelve samples,
// weights below 9/4.
constexpr int samples = 12;
constexpr int features = 3;

Real data_scale(const OracleData& data) {
    Real top = 1;
    for (const Real x : data.X) top = std::max(top, std::fabs(x));
    return std::pow(top, Real(5)) * (data.mean ? 1 : samples * Real(2.25));
}

void expect_consistent_for_all_settings(const OracleModel& model,
                                        const std::function<Dataset(bool)>& make, Real loss_scale) {
    for (const Setting& setting : settings) {
        SCOPED_TRACE("intercept " + std::to_string(setting.intercept) + ", weights " +
                     std::to_string(setting.weights) + ", mean " + std::to_string(setting.mean));
        OracleData data = oracle_data(make(setting.weights), setting.intercept);
        data.mean = setting.mean;
        data.l2 = setting.l2;
        data.penalize_intercept = setting.penalize_intercept;
        const Vector theta = some_parameters(oracle_dimension(model, data), 7);
        expect_consistent([&](const Vector& t) { return oracle_value(model, data, t); },
                          [&](const Vector& t) { return oracle_gradient(model, data, t); },
                          [&](const Vector& t) { return oracle_hessian(model, data, t); }, theta,
                          loss_scale * data_scale(data), samples);
    }
}

DatasetOptions with_weights(bool weights) {
    DatasetOptions options;
    options.weights = weights;
    return options;
}

TEST(Oracle, SquaredDerivatives) {
    expect_consistent_for_all_settings(
        {OracleLoss::squared},
        [](bool weights) { return make_regression(samples, features, 11, with_weights(weights)); },
        1);
}

TEST(Oracle, LogisticDerivatives) {
    expect_consistent_for_all_settings(
        {OracleLoss::logistic},
        [](bool weights) { return make_binary(samples, features, 12, with_weights(weights)); }, 1);
}

TEST(Oracle, SoftmaxDerivatives) {
    expect_consistent_for_all_settings(
        {OracleLoss::softmax, 4},
        [](bool weights) {
            return make_multiclass(samples, features, 4, 13, with_weights(weights));
        },
        1);
}

TEST(Oracle, PoissonDerivatives) {
    // |z| < 3 with |theta| <= 1/2 and these X.
    expect_consistent_for_all_settings(
        {OracleLoss::poisson},
        [](bool weights) { return make_counts(samples, features, 14, with_weights(weights)); },
        std::exp(Real(3)));
}

TEST(Oracle, HuberDerivatives) {
    const OracleModel model = {OracleLoss::huber, 1, 1.25L};
    const auto make = [](bool weights) {
        DatasetOptions options = with_weights(weights);
        options.noise = 2.0;
        return make_regression(samples, features, 15, options);
    };
    // The differences are valid only where no sample crosses a knot, and the test is worth
    // something only if both branches are in use.
    for (const bool intercept : {true, false}) {
        const OracleData data = oracle_data(make(false), intercept);
        const Vector theta = some_parameters(oracle_dimension(model, data), 7);
        int inside = 0;
        for (int i = 0; i < samples; ++i) {
            Real r = -data.y[static_cast<std::size_t>(i)] + (intercept ? theta.back() : 0);
            for (int j = 0; j < features; ++j) {
                r += data.X[static_cast<std::size_t>(i * features + j)] *
                     theta[static_cast<std::size_t>(j)];
            }
            inside += std::fabs(r) < model.delta ? 1 : 0;
            ASSERT_GT(std::fabs(std::fabs(r) - model.delta),
                      2 * step() * largest_magnitude(data.X));
        }
        ASSERT_GT(inside, 0);
        ASSERT_LT(inside, samples);
    }
    expect_consistent_for_all_settings(model, make, 1);
}

TEST(Oracle, QuadraticDerivatives) {
    const int n = 5;
    const Vector A = some_parameters(n * n, 21);  // not symmetric, indefinite
    const Vector b = some_parameters(n, 22);
    expect_consistent([&](const Vector& x) { return oracle_quadratic_value(A, b, x); },
                      [&](const Vector& x) { return oracle_quadratic_gradient(A, b, x); },
                      [&](const Vector& x) { return oracle_quadratic_hessian(A, b, x); },
                      some_parameters(n, 23), 1, n * n);
}

TEST(Oracle, RosenbrockDerivatives) {
    // A quartic has no fifth derivative; |f| and |gradient| set the scale.
    expect_consistent(oracle_rosenbrock_value, oracle_rosenbrock_gradient,
                      oracle_rosenbrock_hessian, {-1.2L, 1.0L, 0.3L, -0.7L, 1.5L, 2.0L}, 1, 6);
    EXPECT_LE(std::fabs(oracle_rosenbrock_value({-1.2L, 1.0L}) - 24.2L), 100 * epsilon * 24.2L);
    EXPECT_EQ(oracle_rosenbrock_value({1, 1, 1, 1}), 0);
}

// EXPECT_NEAR would round both to double. Numbers of order 1 after a handful of operations.
void expect_near(Real actual, Real expected) {
    EXPECT_LE(std::fabs(actual - expected), 8 * epsilon)
        << double(actual) << " " << double(expected);
}

// The differences above say nothing about a wrong value with matching derivatives. One sample,
// x = (2, -1), theta = (1, 3, b): z = 2 - 3 + b; all worked out by hand.
TEST(Oracle, ValuesByHand) {
    OracleData data;
    data.samples = 1;
    data.features = 2;
    data.X = {2, -1};
    data.y = {3};
    EXPECT_EQ(oracle_value({OracleLoss::squared}, data, {1, 3, 2}), 4);  // z = 1
    data.w = {5};
    EXPECT_EQ(oracle_value({OracleLoss::squared}, data, {1, 3, 2}), 20);
    data.mean = true;
    EXPECT_EQ(oracle_value({OracleLoss::squared}, data, {1, 3, 2}), 4);
    data.l2 = 0.5L;  // not averaged; 1 + 9 (+ 4 with the intercept), times 1/4
    EXPECT_EQ(oracle_value({OracleLoss::squared}, data, {1, 3, 2}), 6.5L);
    data.penalize_intercept = true;
    EXPECT_EQ(oracle_value({OracleLoss::squared}, data, {1, 3, 2}), 7.5L);
    data.l2 = 0;
    EXPECT_EQ(oracle_value({OracleLoss::huber, 1, 2}, data, {1, 3, 2}), 2);  // r = -2, at the knot
    EXPECT_EQ(oracle_value({OracleLoss::huber, 1, 0.5L}, data, {1, 3, 2}), 0.875L);  // outside
    expect_near(oracle_value({OracleLoss::poisson}, data, {1, 3, 2}), std::exp(Real(1)) - 3);
    data.y = {1};
    expect_near(oracle_value({OracleLoss::logistic}, data, {1, 3, 1}), std::log(Real(2)));
    // Three classes: z = (-1 + 1, 2 + 0, 0 + 0) and y = 1.
    const Real sum = 1 + std::exp(Real(2)) + 1;
    expect_near(oracle_value({OracleLoss::softmax, 3}, data, {1, 3, 1, 1, 0, 0, 0, 0, 0}),
                std::log(sum) - 2);
}

TEST(Oracle, StableFarOut) {
    OracleData data;
    data.samples = 1;
    data.features = 1;
    data.intercept = false;
    data.X = {1};
    data.y = {0};
    const OracleModel logistic = {OracleLoss::logistic};
    EXPECT_EQ(oracle_value(logistic, data, {20000}), 20000);
    EXPECT_EQ(oracle_gradient(logistic, data, {20000})[0], 1);
    expect_near(oracle_value(logistic, data, {-60}) / std::exp(Real(-60)), 1);
    expect_near(oracle_hessian(logistic, data, {60})[0] / std::exp(Real(-60)), 1);
    const OracleModel softmax = {OracleLoss::softmax, 2};
    EXPECT_EQ(oracle_value(softmax, data, {-20000, 20000}), 40000);
    EXPECT_EQ(oracle_gradient(softmax, data, {-20000, 20000})[1], 1);
}

TEST(Oracle, RefusesWrongLengths) {
    OracleData data = oracle_data(make_binary(4, 2, 1), true);
    EXPECT_THROW(oracle_value({OracleLoss::logistic}, data, {0, 0}), std::invalid_argument);
    data.y.pop_back();
    EXPECT_THROW(oracle_gradient({OracleLoss::logistic}, data, {0, 0, 0}), std::invalid_argument);
    data.y = {0, 1, 2, 3};
    EXPECT_THROW(oracle_hessian({OracleLoss::softmax, 3}, data, Vector(9, 0)),
                 std::invalid_argument);
}

}  // namespace
}  // namespace cunewton::test
