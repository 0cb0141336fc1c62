// The GPU runs the functor that a problem or a model was made from, whatever is attached later.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cunewton/cuda/attach.cuh"
#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

struct ToTarget {
    double target;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto r = x[0] - target;
        return r * r;
    }
};
/// The same function and the same member, but another type.
struct ToAnotherTarget {
    double target;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto r = x[0] - target;
        return r * r;
    }
};
struct Comparable {
    double target;
    bool operator==(const Comparable&) const = default;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto r = x[0] - target;
        return r * r;
    }
};
struct Whole {
    int target;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        const auto r = x[0] - scalar_t<X>(target);
        return r * r;
    }
};
struct SampleToTarget {
    double scale;
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        const auto r = x[0] - scale * s.target();
        return r * r;
    }
};
struct PredictorToTarget {
    double scale;
    CUNEWTON_HOST_DEVICE int outputs() const { return 1; }
    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        const auto r = z[0] - scale * y;
        return r * r;
    }
};
struct ScaledLine {
    static constexpr int parameters = 1, coordinates = 1;
    double scale;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        return scale * p[0] * x[0];
    }
};
struct SmallTarget {
    static constexpr int parameters = 1, coordinates = 1;
    double target;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X&) const {
        const auto r = p[0] - target;
        return r * r;
    }
};

class AttachTest : public BackendTest {
  protected:
    static double minimiser(const Problem<double>& problem) {
        Options options;
        options.backend = tested_choice();
        const auto result = minimize(problem, {0.5}, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        return result.x[0];
    }
};

TEST_F(AttachTest, TheProblemsOwnLossRuns) {
    auto problem = make_objective<double>(ToTarget{1}, 1);
    cuda::attach_device_code<ToTarget>(problem);
    EXPECT_NEAR(minimiser(problem), 1, 1e-9);

    auto given_another = make_objective<double>(ToTarget{1}, 1);
    cuda::attach_device_code(given_another, ToTarget{7});
    EXPECT_NEAR(minimiser(given_another), 1, 1e-9);

    const std::vector<double> feature{1, 1}, y{2, 2};
    const Samples<double> samples{
        .features = feature.data(), .count = 2, .dimension = 1, .targets = y.data()};
    auto sum = make_sample_sum<double>(SampleToTarget{3}, samples, 1);
    cuda::attach_device_code(sum, SampleToTarget{5});
    EXPECT_NEAR(minimiser(sum), 6, 1e-9);

    auto predictor = make_linear_predictor<double>(PredictorToTarget{3}, samples);
    cuda::attach_device_code(predictor, PredictorToTarget{5});
    EXPECT_NEAR(minimiser(predictor), 6, 1e-9);
}

TEST_F(AttachTest, TheModelsOwnFunctorRuns) {
    const std::vector<double> x{1, 2, 3}, y{2, 4, 6}, start{1};
    BatchOptions options;
    options.backend = tested_choice();
    BatchData<double> data;
    data.problems = 1;
    data.points = 3;
    data.coordinates = x;
    data.y = y;
    data.start = start;
    FitModel model = make_fit_model(ScaledLine{4});
    cuda::attach_device_code(model, ScaledLine{2});
    EXPECT_NEAR(fit_batch(model, data, options).parameters[0], 0.5, 1e-12);
    data.y = {};
    SmallObjective objective = make_small_objective(SmallTarget{3});
    cuda::attach_device_code<SmallTarget>(objective);
    EXPECT_NEAR(minimize_batch(objective, data, options).parameters[0], 3, 1e-7);
}

TEST_F(AttachTest, AnotherTypeIsRejectedAndNamed) {
    auto problem = make_objective<double>(ToTarget{1}, 1);
    const std::string text =
        message_of<InvalidArgument>([&] { cuda::attach_device_code(problem, ToAnotherTarget{1}); });
    EXPECT_NE(text.find("ToTarget"), std::string::npos) << text;
    EXPECT_NE(text.find("ToAnotherTarget"), std::string::npos) << text;
    EXPECT_THROW(cuda::attach_device_code<ToAnotherTarget>(problem), InvalidArgument);
    EXPECT_FALSE(problem.runs_on_cuda());

    FitModel model = make_fit_model(ScaledLine{4});
    EXPECT_THROW(cuda::attach_device_code<SmallTarget>(model), InvalidArgument);
    EXPECT_THROW(cuda::attach_device_code(model, SmallTarget{4}), InvalidArgument);
    EXPECT_FALSE(model.runs_on_cuda());

    auto opaque = make_black_box<double>([](const double*, int, int, double*) {}, 1);
    EXPECT_THROW(cuda::attach_device_code<ToTarget>(opaque), InvalidArgument);
}

TEST_F(AttachTest, AnotherValueIsRejectedWhereItCanBeTold) {
    auto comparable = make_objective<double>(Comparable{1}, 1);
    EXPECT_THROW(cuda::attach_device_code(comparable, Comparable{7}), InvalidArgument);
    EXPECT_FALSE(comparable.runs_on_cuda());
    cuda::attach_device_code(comparable, Comparable{1});
    EXPECT_NEAR(minimiser(comparable), 1, 1e-9);

    auto whole = make_objective<double>(Whole{1}, 1);
    EXPECT_THROW(cuda::attach_device_code(whole, Whole{7}), InvalidArgument);
    cuda::attach_device_code(whole, Whole{1});
    EXPECT_NEAR(minimiser(whole), 1, 1e-9);
}

TEST_F(AttachTest, EarlierCopiesStayAsTheyAre) {
    auto problem = make_objective<double>(ToTarget{1}, 1);
    const Problem<double> before = problem;
    cuda::attach_device_code<ToTarget>(problem);
    const Problem<double> after = problem;
    EXPECT_FALSE(before.runs_on_cuda());
    EXPECT_TRUE(after.runs_on_cuda());
    FitModel model = make_fit_model(ScaledLine{4});
    const FitModel model_before = model;
    cuda::attach_device_code<ScaledLine>(model);
    EXPECT_FALSE(model_before.runs_on_cuda());
    EXPECT_TRUE(model.runs_on_cuda());
}

}  // namespace
}  // namespace cunewton::test
