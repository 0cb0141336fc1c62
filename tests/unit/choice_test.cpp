// Automatic choices: of a derivative method and of a backend.
#include "host/backend/choice.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "cunewton/math/stencil.h"
#include "tests/support/message_of.h"

namespace cunewton {
namespace {

using test::message_of;

/// Every message of the library reads PROBLEM (WHY) WHAT TO DO.
::testing::AssertionResult in_three_parts(const std::string& message) {
    if (std::regex_match(message, std::regex(R"([^(]+\(.+\) .+)")))
        return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "not PROBLEM (WHY) WHAT TO DO: " << message;
}

constexpr Capabilities values_only{false, false, false}, generic{false, false, true},
    with_gradient{true, false, true}, with_both{true, true, true};

TEST(Resolve, AutomaticGradientIsTheBestThereIs) {
    EXPECT_EQ(resolve(GradientBy::automatic, with_both), GradientBy::analytic);
    EXPECT_EQ(resolve(GradientBy::automatic, with_gradient), GradientBy::analytic);
    EXPECT_EQ(resolve(GradientBy::automatic, generic), GradientBy::autodiff);
    EXPECT_EQ(resolve(GradientBy::automatic, values_only), GradientBy::central_differences);
}

TEST(Resolve, AutomaticHessianIsTheBestThereIs) {
    EXPECT_EQ(resolve(HessianBy::automatic, with_both), HessianBy::analytic);
    EXPECT_EQ(resolve(HessianBy::automatic, with_gradient), HessianBy::autodiff);
    EXPECT_EQ(resolve(HessianBy::automatic, generic), HessianBy::autodiff);
    EXPECT_EQ(resolve(HessianBy::automatic, values_only), HessianBy::value_differences);
}

TEST(Resolve, NamedMethodsAreKept) {
    for (const GradientBy by : {GradientBy::analytic, GradientBy::autodiff,
                                GradientBy::forward_differences, GradientBy::central_differences})
        EXPECT_EQ(resolve(by, with_both), by);
    for (const HessianBy by : {HessianBy::analytic, HessianBy::autodiff,
                               HessianBy::gradient_differences, HessianBy::value_differences})
        EXPECT_EQ(resolve(by, with_both), by);
    EXPECT_EQ(resolve(HessianBy::gradient_differences, generic), HessianBy::gradient_differences);
    EXPECT_EQ(resolve(GradientBy::forward_differences, values_only),
              GradientBy::forward_differences);
    EXPECT_EQ(resolve(HessianBy::value_differences, values_only), HessianBy::value_differences);
}

TEST(Resolve, UnavailableMethodsAreNamedWithTheReason) {
    const auto gradient = [](GradientBy by, const Capabilities& c) {
        return message_of<InvalidArgument>([&] { resolve(by, c); });
    };
    const auto hessian = [](HessianBy by, const Capabilities& c) {
        return message_of<InvalidArgument>([&] { resolve(by, c); });
    };
    for (const std::string& message :
         {gradient(GradientBy::analytic, generic), gradient(GradientBy::autodiff, values_only),
          hessian(HessianBy::analytic, with_gradient), hessian(HessianBy::autodiff, values_only),
          hessian(HessianBy::gradient_differences, values_only)})
        EXPECT_TRUE(in_three_parts(message));
    EXPECT_NE(gradient(GradientBy::analytic, generic).find("no gradient()"), std::string::npos);
    EXPECT_NE(hessian(HessianBy::analytic, generic).find("no hessian()"), std::string::npos);
    EXPECT_NE(gradient(GradientBy::autodiff, values_only).find("black box"), std::string::npos);
}

TEST(Resolve, StepsFollowTheFormulaUnlessGiven) {
    DerivativeOptions options;
    options.gradient = GradientBy::forward_differences;
    options.hessian = HessianBy::gradient_differences;
    ResolvedDerivatives r = resolve<double>(options, with_both);
    EXPECT_EQ(r.gradient_step, forward_step<double>());
    EXPECT_EQ(r.hessian_step, central_step<double>());
    options.gradient = GradientBy::central_differences;
    options.hessian = HessianBy::value_differences;
    r = resolve<float>(options, with_both);
    EXPECT_EQ(r.gradient_step, central_step<float>());
    EXPECT_EQ(r.hessian_step, second_difference_step<float>());
    options.relative_step = 1e-3;
    r = resolve<double>(options, with_both);
    EXPECT_EQ(r.gradient_step, 1e-3);
    EXPECT_EQ(r.hessian_step, 1e-3);
    r = resolve<double>({}, with_both);
    EXPECT_EQ(r.gradient, GradientBy::analytic);
    EXPECT_EQ(r.hessian, HessianBy::analytic);
    EXPECT_EQ(r.gradient_step, 0);
    EXPECT_EQ(r.hessian_step, 0);
}

TEST(Resolve, SumsAreMadeOfEntriesUnlessTheLossHasItsOwnDerivatives) {
    const auto entries = [](GradientBy gradient, HessianBy hessian) {
        DerivativeOptions options;
        options.gradient = gradient;
        options.hessian = hessian;
        const ResolvedDerivatives r = resolve<double>(options, with_both);
        return std::pair(r.gradient_entries(), r.hessian_entries());
    };
    using Pair = std::pair<std::optional<Entries>, std::optional<Entries>>;
    EXPECT_EQ(entries(GradientBy::analytic, HessianBy::analytic), Pair());
    EXPECT_EQ(entries(GradientBy::analytic, HessianBy::gradient_differences), Pair());
    EXPECT_EQ(entries(GradientBy::autodiff, HessianBy::autodiff),
              Pair(Entries::gradient_autodiff, Entries::hessian_autodiff));
    EXPECT_EQ(entries(GradientBy::forward_differences, HessianBy::gradient_differences),
              Pair(Entries::gradient_forward, Entries::hessian_autodiff_differences));
    EXPECT_EQ(entries(GradientBy::central_differences, HessianBy::value_differences),
              Pair(Entries::gradient_central, Entries::hessian_values));
}

/// CUNEWTON_BACKEND with a value of its own until the end of the scope.
class BackendVariable {
  public:
    explicit BackendVariable(const char* value) {
        if (const char* old = std::getenv("CUNEWTON_BACKEND")) old_ = old;
        if (value)
            setenv("CUNEWTON_BACKEND", value, 1);
        else
            unsetenv("CUNEWTON_BACKEND");
    }
    ~BackendVariable() {
        if (old_)
            setenv("CUNEWTON_BACKEND", old_->c_str(), 1);
        else
            unsetenv("CUNEWTON_BACKEND");
    }
    BackendVariable(const BackendVariable&) = delete;
    BackendVariable& operator=(const BackendVariable&) = delete;

  private:
    std::optional<std::string> old_;
};

bool usable(const std::string& name) {
    for (const BackendStatus& status : backends())
        if (status.name == name) return status.available;
    return false;
}

const std::vector<double> start{-1.2, 1.0};

Result<double> minimized_by(BackendChoice choice) {
    Options options;
    options.backend = choice;
    return minimize(make_objective<double>(ExtendedRosenbrock{}, 2), start, options);
}

TEST(Backends, TheCpuIsTheLastAndAlwaysThere) {
    const std::vector<BackendStatus> list = backends();
    ASSERT_FALSE(list.empty());
    EXPECT_EQ(list.back().name, "cpu");
    EXPECT_TRUE(list.back().available);
    for (const BackendStatus& status : list) EXPECT_FALSE(status.reason.empty()) << status.name;
#if CUNEWTON_WITH_CUDA
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list.front().name, "cuda");
#else
    EXPECT_EQ(list.size(), 1u);
#endif
}

TEST(BackendChoice, TheForcedOneRan) {
    const BackendVariable none(nullptr);
    const Result<double> result = minimized_by(BackendChoice::cpu);
    EXPECT_EQ(result.backend, "cpu");
    EXPECT_EQ(result.backend_reason, "asked for by name");
    EXPECT_TRUE(result.converged()) << result.message;
    if (!usable("cuda")) GTEST_SKIP() << "no device to force the other one";
    EXPECT_EQ(minimized_by(BackendChoice::cuda).backend, "cuda");
}

TEST(BackendChoice, AutomaticTakesTheFirstThatCan) {
    const BackendVariable none(nullptr);
    const Result<double> result = minimized_by(BackendChoice::automatic);
    EXPECT_EQ(result.backend, usable("cuda") ? "cuda" : "cpu");
    EXPECT_FALSE(result.backend_reason.empty());
    // "auto", and an empty variable, are the same as none.
    for (const char* value : {"auto", ""}) {
        const BackendVariable variable(value);
        EXPECT_EQ(minimized_by(BackendChoice::automatic).backend, result.backend) << value;
    }
}

TEST(BackendChoice, TheVariableOverridesAutomatic) {
    const BackendVariable cpu("cpu");
    const Result<double> result = minimized_by(BackendChoice::automatic);
    EXPECT_EQ(result.backend, "cpu");
    EXPECT_EQ(result.backend_reason, "asked for by CUNEWTON_BACKEND");
}

TEST(BackendChoice, TheVariableDoesNotOverrideTheOptions) {
    const BackendVariable cuda("cuda");
    EXPECT_EQ(minimized_by(BackendChoice::cpu).backend, "cpu");
    EXPECT_EQ(minimized_by(BackendChoice::cpu).backend_reason, "asked for by name");
}

TEST(BackendChoice, AnUnknownNameFails) {
    for (const char* name : {"nonsense", "CPU", "cpu "}) {
        const BackendVariable variable(name);
        const std::string message =
            message_of<InvalidArgument>([] { minimized_by(BackendChoice::automatic); });
        EXPECT_TRUE(in_three_parts(message)) << "CUNEWTON_BACKEND=\"" << name << "\"";
        EXPECT_NE(message.find(std::string("\"") + name + "\""), std::string::npos) << message;
    }
}

TEST(BackendChoice, IsAName) {
    const BackendVariable none(nullptr);
    EXPECT_EQ(minimized_by("cpu").backend, "cpu");
    EXPECT_EQ(minimized_by(std::string("cpu")).backend, "cpu");
    EXPECT_TRUE(BackendChoice("cpu") == BackendChoice::cpu);
    EXPECT_FALSE(BackendChoice("CPU") == BackendChoice::cpu);
    EXPECT_STREQ(BackendChoice::automatic.name(), "auto");
    for (const char* name : {"hip", "", "a name that is longer than all of them"}) {
        const std::string message = message_of<InvalidArgument>([&] { minimized_by(name); });
        EXPECT_TRUE(in_three_parts(message)) << name;
    }
    EXPECT_NE(message_of<InvalidArgument>([] { minimized_by("hip"); }).find("auto"),
              std::string::npos);
}

TEST(BackendChoice, AskingForWhatCannotRunThrowsTheReason) {
    if (usable("cuda")) GTEST_SKIP() << "there is a device";
    const std::string by_option =
        message_of<BackendUnavailable>([] { minimized_by(BackendChoice::cuda); });
    EXPECT_TRUE(in_three_parts(by_option));
    const BackendVariable cuda("cuda");
    const std::string by_variable =
        message_of<BackendUnavailable>([] { minimized_by(BackendChoice::automatic); });
    EXPECT_EQ(by_option, by_variable);
    EXPECT_THROW(evaluate(make_objective<double>(ExtendedRosenbrock{}, 2), start),
                 BackendUnavailable);
}

TEST(BackendChoice, ALossWithoutDeviceCodeRunsOnTheCpuAndSaysWhy) {
    const BackendVariable none(nullptr);
    const auto loss = [](const auto& x) { return x[0] * x[0]; };
    const auto problem = make_objective<double>(loss, 1);
    EXPECT_TRUE(problem.runs_on_cpu());
    EXPECT_FALSE(problem.runs_on_cuda());
    const Result<double> result = minimize(problem, {1.0});
    EXPECT_EQ(result.backend, "cpu");
    Options options;
    options.backend = BackendChoice::cuda;
    const std::string message =
        message_of<BackendUnavailable>([&] { minimize(problem, {1.0}, options); });
    EXPECT_TRUE(in_three_parts(message));
#if CUNEWTON_WITH_CUDA
    EXPECT_EQ(result.backend_reason, "cuda: the loss has no code for cuda");
    EXPECT_NE(message.find("no code for cuda"), std::string::npos) << message;
#endif
}

TEST(BackendChoice, ADeviceEvaluatorAloneDoesNotRunOnTheCpu) {
    const auto problem =
        make_black_box<double>({}, 1, [](const double*, int, int, double*, cuda::Stream) {});
    EXPECT_FALSE(problem.runs_on_cpu());
    EXPECT_TRUE(problem.runs_on_cuda());
    Options options;
    options.backend = BackendChoice::cpu;
    const std::string message =
        message_of<BackendUnavailable>([&] { minimize(problem, {1.0}, options); });
    EXPECT_TRUE(in_three_parts(message));
    EXPECT_NE(message.find("no code for cpu"), std::string::npos) << message;
}

}  // namespace
}  // namespace cunewton
