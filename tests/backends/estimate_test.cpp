// Hessians estimated from gradients on batches of samples.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/reals.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

EstimateOptions estimate_options() {
    EstimateOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

template <class T>
class EstimateTest : public BackendTest {};
TYPED_TEST_SUITE(EstimateTest, Reals, RealName);

/// The root of the mean square of (estimate - H) / scale over all entries.
template <class T>
double error_of(const HessianEstimate<T>& estimate, const std::vector<long double>& H) {
    double sum = 0;
    for (std::size_t e = 0; e < H.size(); ++e) {
        const double error = estimate.hessian[e] - static_cast<double>(H[e]);
        sum += error * error;
    }
    return std::sqrt(sum / static_cast<double>(H.size()));
}

TYPED_TEST(EstimateTest, BatchesOfAllSamplesGiveTheHessian) {
    using T = TypeParam;
    for (const ModelKind kind : {ModelKind::squared, ModelKind::logistic}) {
        ModelOptions model_options{.samples = 60, .weights = true};
        model_options.problem = {.l2 = 0.3, .intercept = true};
        const Model<T> model(kind, model_options);
        const std::vector<long double> H = model.hessian(model.theta());
        const auto options = estimate_options();
        const HessianEstimate<T> estimate =
            estimate_hessian(model.problem(), model.theta(), options);
        EXPECT_EQ(estimate.size, 60);
        EXPECT_EQ(estimate.batches, options.batches);
        // Differences of a float gradient have errors of epsilon^(2/3).
        const double tolerance = 40 * std::pow(epsilon<T>, 2.0 / 3);
        double largest = 0;
        for (const long double h : H) largest = std::max(largest, std::abs(double(h)));
        ASSERT_EQ(estimate.hessian.size(), H.size());
        for (std::size_t e = 0; e < H.size(); ++e) {
            EXPECT_NEAR(estimate.hessian[e], static_cast<double>(H[e]), tolerance * largest);
            EXPECT_LE(estimate.standard_errors[e], tolerance * largest);
        }
    }
}

TYPED_TEST(EstimateTest, OfAQuadraticItIsUnbiasedAndItsErrorsAreTold) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 400, .weights = true};
    model_options.problem = {.l2 = 0.3};
    const Model<T> model(ModelKind::squared, model_options);
    const std::vector<long double> H = model.hessian(model.theta());
    auto options = estimate_options();
    options.size = 20;
    options.batches = 400;
    const HessianEstimate<T> estimate = estimate_hessian(model.problem(), model.theta(), options);
    for (std::size_t e = 0; e < H.size(); ++e) {
        EXPECT_GT(estimate.standard_errors[e], 0);
        EXPECT_NEAR(estimate.hessian[e], static_cast<double>(H[e]),
                    4 * estimate.standard_errors[e]);
    }
    // Half as large errors with four times as many batches, or with batches four times as large but
    // for those that are drawn already: (1 - s/N).
    const auto spread = [&](int batches, long size) {
        double square = 0;
        constexpr int times = 40;
        for (int seed = 0; seed < times; ++seed) {
            options.batches = batches;
            options.size = size;
            options.seed = 100 + static_cast<std::uint64_t>(seed);
            const double error =
                error_of(estimate_hessian(model.problem(), model.theta(), options), H);
            square += error * error / times;
        }
        return std::sqrt(square);
    };
    const double few = spread(4, 20);
    EXPECT_NEAR(spread(16, 20) / few, 0.5, 0.1);
    EXPECT_NEAR(spread(64, 20) / few, 0.25, 0.05);
    EXPECT_NEAR(spread(4, 80) / few, 0.5 * std::sqrt((1 - 0.2) / (1 - 0.05)), 0.1);
    // And as large as they are said to be.
    options.seed = 1;
    options.size = 20;
    options.batches = 64;
    const HessianEstimate<T> one = estimate_hessian(model.problem(), model.theta(), options);
    double square = 0;
    for (const T error : one.standard_errors) square += static_cast<double>(error) * error;
    EXPECT_NEAR(std::sqrt(square / static_cast<double>(H.size())) / (few / 4), 1, 0.25);
}

TYPED_TEST(EstimateTest, APartIsThatOfTheWhole) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 100};
    const Model<T> model(ModelKind::softmax3, model_options);
    const std::size_t n = model.theta().size();
    auto options = estimate_options();
    options.size = 10;
    options.batches = 3;
    const HessianEstimate<T> whole = estimate_hessian(model.problem(), model.theta(), options);
    options.indices = {7, 0, 4};
    const HessianEstimate<T> part = estimate_hessian(model.problem(), model.theta(), options);
    ASSERT_EQ(part.hessian.size(), 9u);
    for (int c = 0; c < 3; ++c)
        for (int r = 0; r < 3; ++r) {
            const std::size_t e = options.indices[c] * n + options.indices[r];
            EXPECT_EQ(part.hessian[c * 3 + r], whole.hessian[e]);
            EXPECT_EQ(part.standard_errors[c * 3 + r], whole.standard_errors[e]);
        }
    options.seed = 2;
    EXPECT_NE(estimate_hessian(model.problem(), model.theta(), options).hessian, part.hessian);
    EXPECT_EQ(part.seed, 1u);
}

TYPED_TEST(EstimateTest, MisuseIsRefused) {
    using T = TypeParam;
    ModelOptions model_options{.samples = 30};
    const Model<T> model(ModelKind::logistic, model_options);
    const auto message = [&](const EstimateOptions& options) {
        return message_of<InvalidArgument>(
            [&] { estimate_hessian(model.problem(), model.theta(), options); });
    };
    const auto expect = [&](const EstimateOptions& options, const char* part) {
        EXPECT_NE(message(options).find(part), std::string::npos) << message(options);
    };
    auto options = estimate_options();
    options.batches = 1;
    expect(options, "batches are too few (1)");
    options = estimate_options();
    options.size = -3;
    expect(options, "size of batches is negative (-3)");
    options = estimate_options();
    options.indices = {1, 0, 1};
    expect(options, "indices repeat (1)");
    options.indices = {0, 100};
    expect(options, "indices have an index out of range (100");
    const Problem<T> objective = make_objective<T>(ExtendedRosenbrock{}, 2);
    EXPECT_THROW(estimate_hessian(objective, {T(1), T(1)}, estimate_options()), InvalidArgument);
    std::vector<T> x = model.theta();
    x[0] = std::numeric_limits<T>::quiet_NaN();
    EXPECT_THROW(estimate_hessian(model.problem(), x, estimate_options()), InvalidArgument);
}

}  // namespace
}  // namespace cunewton::test
