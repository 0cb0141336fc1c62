// Second moments of the gradients of single samples, of sums that are no perceptrons.
#include <gtest/gtest.h>

#include <cmath>
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

EvaluationOptions moments_options() {
    EvaluationOptions options;
    options.backend = tested_choice();
    options.threads = 2;
    return options;
}

/// Means of squares of the oracle's gradients, a sample at a time.
template <class T>
std::vector<long double> exact_moments(const Model<T>& model) {
    const OracleData& all = model.oracle();
    OracleData one = all;
    one.samples = 1;
    one.w.clear();
    one.mean = false;
    one.l2 = 0;
    const int d = all.features;
    long double sum = 0;
    std::vector<long double> moments(model.theta().size(), 0);
    for (int i = 0; i < all.samples; ++i) {
        one.X.assign(all.X.begin() + i * d, all.X.begin() + (i + 1) * d);
        one.y.assign(1, all.y[i]);
        const long double w = all.w.empty() ? 1 : all.w[i];
        sum += w;
        const std::vector<long double> g =
            oracle_gradient(model.model(), one, Model<T>::wide(model.theta()));
        for (std::size_t j = 0; j < g.size(); ++j) moments[j] += w * g[j] * g[j];
    }
    for (long double& v : moments) v /= sum;
    return moments;
}

template <class T>
class SecondMomentsTest : public BackendTest {};
TYPED_TEST_SUITE(SecondMomentsTest, Reals, RealName);

TYPED_TEST(SecondMomentsTest, LinearPredictors) {
    using T = TypeParam;
    for (const ModelKind kind : {ModelKind::squared, ModelKind::logistic, ModelKind::softmax3})
        for (const bool weights : {false, true}) {
            SCOPED_TRACE(name_of(kind) + (weights ? ", weights" : ""));
            ModelOptions options{.samples = 11, .weights = weights, .zero_weights = weights};
            options.problem = {.reduction = weights ? Reduction::sum : Reduction::mean,
                               .l2 = 0.5,
                               .intercept = true};
            const Model<T> model(kind, options);
            const std::vector<long double> exact = exact_moments(model);
            const std::vector<T> moments =
                gradient_second_moments(model.problem(), model.theta(), moments_options());
            ASSERT_EQ(moments.size(), exact.size());
            double scale = 0;
            for (const long double v : exact) scale = std::max(scale, static_cast<double>(v));
            for (std::size_t j = 0; j < exact.size(); ++j)
                EXPECT_NEAR(moments[j], static_cast<double>(exact[j]),
                            4 * sum_tolerance<T>(64) * scale);
        }
}

/// (x_0 s_0 + x_1 - y)^2, by automatic derivatives.
struct Line {
    static constexpr bool needs_targets = true;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const scalar_t<X> r = x[0] * s[0] + x[1] - s.target();
        return r * r;
    }
};

TYPED_TEST(SecondMomentsTest, AnySumOverSamples) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "the functor is compiled for the host";
    const std::vector<T> s{1, 2, -1}, y{0, 1, 3}, w{1, 3, 2}, x{T(0.5), T(-0.25)};
    Samples<T> samples{s.data(), 3, 1, 0, y.data(), w.data()};
    const auto problem = make_sample_sum<T>(Line{}, samples, 2, {.l2 = 2});
    const std::vector<T> moments = gradient_second_moments(problem, x, moments_options());
    double exact[] = {0, 0};
    for (int i = 0; i < 3; ++i) {
        const double r = 2 * (0.5 * s[i] - 0.25 - y[i]);
        exact[0] += w[i] * r * r * s[i] * s[i] / 6;
        exact[1] += w[i] * r * r / 6;
    }
    for (int j = 0; j < 2; ++j) EXPECT_NEAR(moments[j], exact[j], 100 * epsilon<T> * exact[j]);
}

TYPED_TEST(SecondMomentsTest, MisuseIsRefused) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "the same arguments on every backend";
    const auto objective = make_objective<T>(ExtendedRosenbrock{}, 2);
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  gradient_second_moments(objective, std::vector<T>{0, 0}, moments_options());
              }).find("the loss is not a sum over several"),
              std::string::npos);
    const Model<T> model(ModelKind::logistic, {});
    EXPECT_NE(message_of<InvalidArgument>([&] {
                  gradient_second_moments(model.problem(), std::vector<T>(2, T(0)),
                                          moments_options());
              }).find("x has the wrong size"),
              std::string::npos);
}

}  // namespace
}  // namespace cunewton::test
