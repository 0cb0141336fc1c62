// Hessian-free optimisation: what is its own. That it finds minima is tested with all methods.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

Options hessian_free() {
    Options options;
    options.method = Method::hessian_free;
    options.backend = tested_choice();
    options.threads = 2;
    options.keep_trace = true;
    return options;
}

/// A small perceptron with data.
template <class T>
struct Network {
    Perceptron perceptron{{3, 6, 3}, Activation::tanh, PerceptronLoss::softmax_cross_entropy};
    std::vector<T> features, targets;

    Network() {
        Random random(5);
        for (int i = 0; i < 90; ++i) {
            const double a = random.near_normal(), b = random.near_normal();
            for (const double value : {a, b, random.near_normal()})
                features.push_back(static_cast<T>(value));
            targets.push_back(static_cast<T>(a * b > 0.3 ? 2 : a > b));
        }
    }
    Problem<T> problem() const {
        Samples<T> samples;
        samples.features = features.data();
        samples.count = 90;
        samples.dimension = 3;
        samples.targets = targets.data();
        return make_perceptron<T>(perceptron, samples, {.l2 = 1e-2, .penalize_intercept = true});
    }
    std::vector<T> start() const { return random_start<T>(perceptron, 3); }
};

template <class T>
class HessianFreeTest : public BackendTest {};
TYPED_TEST_SUITE(HessianFreeTest, Reals, RealName);

TYPED_TEST(HessianFreeTest, PerceptronsAreTrainedByTheGaussNewtonMatrix) {
    using T = TypeParam;
    const Network<T> network;
    Options options = hessian_free();
    // In float the loss does not tell what is nearer.
    options.gradient_tolerance = sizeof(T) == 8 ? 1e-8 : 2e-3;
    const Result<T> result = minimize(network.problem(), network.start(), options);
    EXPECT_EQ(result.status, Status::converged) << result.message;
    expect_coherent(result, options, network.start().size());
    const std::vector<T> g = gradient(network.problem(), result.x);
    EXPECT_LE(norm({g.begin(), g.end()}), 2 * *options.gradient_tolerance);
    EXPECT_LT(result.f, 0.8 * result.trace.front().f);
    // What `automatic` means; and another matrix takes other steps.
    options.derivatives.hessian = HessianBy::gauss_newton;
    const Result<T> same = minimize(network.problem(), network.start(), options);
    EXPECT_EQ(same.x, result.x);
    options.derivatives.hessian = HessianBy::analytic;
    const Result<T> exact = minimize(network.problem(), network.start(), options);
    EXPECT_NE(exact.x, result.x);
    EXPECT_EQ(exact.status, Status::converged) << exact.message;
}

TYPED_TEST(HessianFreeTest, TheShiftFollowsTheModelsPromises) {
    using T = TypeParam;
    const Network<T> network;
    Options options = hessian_free();
    options.max_iterations = 12;
    options.gradient_tolerance = 0.0;
    const Result<T> result = minimize(network.problem(), network.start(), options);
    ASSERT_GE(result.trace.size(), 12u);
    EXPECT_EQ(result.trace[0].shift, 0);
    bool changes = false;
    for (std::size_t i = 2; i < result.trace.size(); ++i) {
        const double before = result.trace[i - 1].shift, now = result.trace[i].shift;
        EXPECT_GT(now, 0) << i;
        // A power of 3/2 from one step to the next, the fifth at most.
        const double power = std::log(now / before) / std::log(1.5);
        EXPECT_NEAR(power, std::round(power), 1e-6) << i;
        EXPECT_LE(std::abs(power), 5 + 1e-6) << i;
        changes = changes || now != before;
    }
    EXPECT_TRUE(changes);
}

TYPED_TEST(HessianFreeTest, ConvexLossesBringTheShiftDown) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 80, .features = 5};
    model_options.problem = {.l2 = 0.1, .intercept = true};
    const Model<T> model(ModelKind::logistic, model_options);
    const Result<T> result =
        minimize(model.problem(), std::vector<T>(model.theta().size(), T(0)), hessian_free());
    EXPECT_EQ(result.status, Status::converged) << result.message;
    ASSERT_GE(result.trace.size(), 3u);
    EXPECT_LT(result.trace[2].shift, result.trace[1].shift);
    // A product for the first shift; each iteration no more than conjugate gradients take for as
    // many parameters, and one for where they begin.
    const long n = static_cast<long>(model.theta().size());
    EXPECT_GT(result.counts.products, result.iterations);
    constexpr long ahead = 8;  // that may be queued on a device and be too many
    EXPECT_LE(result.counts.products, 1 + (n + 2 + ahead) * (result.iterations + 1));
}

TYPED_TEST(HessianFreeTest, TheSameBitsAgain) {
    using T = TypeParam;
    const Network<T> network;
    Options options = hessian_free();
    options.max_iterations = 8;
    const Result<T> once = minimize(network.problem(), network.start(), options);
    options.threads = 1;
    const Result<T> again = minimize(network.problem(), network.start(), options);
    EXPECT_EQ(once.x, again.x);
    EXPECT_EQ(once.counts.products, again.counts.products);
}

TYPED_TEST(HessianFreeTest, EvaluationsAreKeptTo) {
    using T = TypeParam;
    const Network<T> network;
    Options options = hessian_free();
    for (const long most : {1L, 2L, 5L, 9L}) {
        options.max_evaluations = most;
        const Result<T> result = minimize(network.problem(), network.start(), options);
        EXPECT_EQ(result.status, Status::max_evaluations) << result.message;
        EXPECT_LE(result.counts.evaluations, most);
    }
}

}  // namespace
}  // namespace cunewton::test
