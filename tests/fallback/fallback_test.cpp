// What happens where CUDA cannot run, or runs out of memory. On an ordinary machine only some of
// this can be seen. CUNEWTON_TEST_EXPECT names what was arranged outside, for instance with an
// emulated device, and then the tests of it must not be skipped:
//   no_device           there is no device, or no driver
//   no_kernel_image     there is one that this build has no code for
//   no_memory_at_start  its memory is below 4 MiB
//   memory_midway       its memory is 20 MiB
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/message_of.h"
#include "tests/support/models.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

std::string expectation() {
    return environment("CUNEWTON_TEST_EXPECT");
}

/// The status of "cuda" among the backends of this build; not available where it is not in the
/// build.
BackendStatus cuda_status() {
    for (const BackendStatus& status : backends())
        if (status.name == "cuda") return status;
    return {"cuda", false, ""};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

Problem<double> rosenbrock() {
    return make_objective<double>(cunewton::ExtendedRosenbrock{}, 2);
}
const std::vector<double> start{-1.2, 1.0};

Options asking_for(BackendChoice choice) {
    Options options;
    options.backend = choice;
    options.threads = 2;
    return options;
}

/// Without a usable device, for whatever reason.
class NoDeviceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::string expected = expectation();
        if (cuda_status().available) {
            if (expected == "no_device" || expected == "no_kernel_image")
                FAIL() << "a usable device is there: " << cuda_status().reason;
            GTEST_SKIP() << "a device is there";
        }
    }
};

TEST_F(NoDeviceTest, TheReasonIsTheArrangedOne) {
    if (!CUNEWTON_WITH_CUDA) GTEST_SKIP() << "this build has no CUDA backend to give a reason";
    const std::string reason = cuda_status().reason;
    EXPECT_FALSE(reason.empty());
    if (expectation() == "no_device") {
        EXPECT_TRUE(contains(reason, "no CUDA device") || contains(reason, "no CUDA driver"))
            << reason;
    }
    if (expectation() == "no_kernel_image") {
        EXPECT_TRUE(contains(reason, "no code for this CUDA device")) << reason;
        EXPECT_TRUE(contains(reason, "CMAKE_CUDA_ARCHITECTURES")) << reason;
    }
}

TEST_F(NoDeviceTest, AskingForCudaByNameThrowsTheReason) {
    const Options options = asking_for(BackendChoice::cuda);
    EvaluationOptions evaluation;
    evaluation.backend = BackendChoice::cuda;
    const auto problem = rosenbrock();
    for (const std::string& message :
         {message_of<BackendUnavailable>([&] { minimize(problem, start, options); }),
          message_of<BackendUnavailable>([&] { evaluate(problem, start, evaluation); }),
          message_of<BackendUnavailable>([&] { evaluate_batch(problem, start, evaluation); }),
          message_of<BackendUnavailable>([&] { gradient(problem, start, evaluation); }),
          message_of<BackendUnavailable>([&] { hessian(problem, start, evaluation); })}) {
        const std::string reason =
            CUNEWTON_WITH_CUDA ? cuda_status().reason : "is not in this build";
        EXPECT_TRUE(contains(message, reason)) << message;
    }
}

TEST_F(NoDeviceTest, AutomaticRunsOnTheCpuAndSaysWhy) {
    const Result<double> result =
        minimize(rosenbrock(), start, asking_for(BackendChoice::automatic));
    EXPECT_EQ(result.status, Status::converged) << result.message;
    EXPECT_EQ(result.backend, "cpu");
    const std::string expected =
        CUNEWTON_WITH_CUDA ? "cuda: " + cuda_status().reason : "first choice";
    EXPECT_EQ(result.backend_reason, expected);
    EXPECT_EQ(result.x, minimize(rosenbrock(), start, asking_for(BackendChoice::cpu)).x);
}

TEST_F(NoDeviceTest, EvaluationsRunOnTheCpu) {
    EXPECT_NEAR(evaluate(rosenbrock(), start), 24.2, 24.2 * sum_tolerance<double>(2));
    EXPECT_EQ(gradient(rosenbrock(), start).size(), 2u);
    EXPECT_EQ(hessian(rosenbrock(), start).size(), 4u);
}

/// With a device whose memory was made too small.
class SmallMemoryTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (expectation() != needed_)
            GTEST_SKIP() << "needs a device of little memory (CUNEWTON_TEST_EXPECT=" << needed_
                         << ")";
        ASSERT_TRUE(cuda_status().available) << cuda_status().reason;
    }
    explicit SmallMemoryTest(const char* needed) : needed_(needed) {}

    /// The same problem, minimised by the CPU alone.
    static void expect_as_on_the_cpu(const Result<double>& result, const Model<double>& model,
                                     const std::vector<double>& x0) {
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_EQ(result.backend, "cpu");
        const Result<double> cpu = minimize(model.problem(), x0, asking_for(BackendChoice::cpu));
        ASSERT_EQ(result.x.size(), cpu.x.size());
        double worst = 0;
        for (std::size_t j = 0; j < cpu.x.size(); ++j)
            worst = std::max(worst, std::abs(result.x[j] - cpu.x[j]));
        EXPECT_LE(worst, 2 * minimiser_tolerance(std::sqrt(epsilon<double>), penalty));
    }

    static constexpr double penalty = 0.1;

  private:
    const char* needed_;
};

class NoMemoryAtStartTest : public SmallMemoryTest {
  protected:
    NoMemoryAtStartTest() : SmallMemoryTest("no_memory_at_start") {
        // 8 MB of samples.
        ModelOptions options{.samples = 10'000, .features = 100};
        options.problem = {.l2 = penalty};
        model_ = std::make_unique<Model<double>>(ModelKind::logistic, options);
    }
    std::unique_ptr<Model<double>> model_;
    const std::vector<double> x0_ = std::vector<double>(100, 0.0);
};

TEST_F(NoMemoryAtStartTest, AutomaticGoesToTheCpuAndSaysWhy) {
    const Result<double> result =
        minimize(model_->problem(), x0_, asking_for(BackendChoice::automatic));
    expect_as_on_the_cpu(result, *model_, x0_);
    EXPECT_TRUE(contains(result.backend_reason, "cuda")) << result.backend_reason;
    EXPECT_TRUE(contains(result.backend_reason, "memory")) << result.backend_reason;
    EXPECT_EQ(gradient(model_->problem(), x0_).size(), x0_.size());
}

TEST_F(NoMemoryAtStartTest, AskingForCudaByNameThrows) {
    const std::string message = message_of<OutOfMemory>(
        [&] { minimize(model_->problem(), x0_, asking_for(BackendChoice::cuda)); });
    EXPECT_TRUE(contains(message, "memory")) << message;
    // Who reads it sees how much too little it was: the samples alone have 8 MB, the device 3 MiB.
    std::smatch sizes;
    ASSERT_TRUE(
        std::regex_search(message, sizes, std::regex("([0-9]+) bytes wanted, ([0-9]+) bytes free")))
        << message;
    EXPECT_GE(std::stol(sizes[1]), 8'000'000);
    EXPECT_LT(std::stol(sizes[2]), 4 << 20);
    EvaluationOptions evaluation;
    evaluation.backend = BackendChoice::cuda;
    EXPECT_THROW(gradient(model_->problem(), x0_, evaluation), OutOfMemory);
}

TEST_F(NoMemoryAtStartTest, ASmallProblemStillRunsOnTheDevice) {
    const Result<double> result =
        minimize(rosenbrock(), start, asking_for(BackendChoice::automatic));
    EXPECT_EQ(result.backend, "cuda") << result.backend_reason;
    EXPECT_EQ(result.status, Status::converged);
}

class MemoryMidwayTest : public SmallMemoryTest {
  protected:
    MemoryMidwayTest() : SmallMemoryTest("memory_midway") {
        // A Hessian of 11.5 MB finds room, its factor does not.
        ModelOptions options{.samples = 100, .features = 1200};
        options.problem = {.l2 = penalty};
        model_ = std::make_unique<Model<double>>(ModelKind::logistic, options);
    }
    std::unique_ptr<Model<double>> model_;
    const std::vector<double> x0_ = std::vector<double>(1200, 0.0);
};

TEST_F(MemoryMidwayTest, AutomaticContinuesOnTheCpu) {
    Options options = asking_for(BackendChoice::automatic);
    options.keep_trace = true;
    std::vector<int> seen;
    options.callback = [&](const IterationRecord& record) {
        seen.push_back(record.iteration);
        return true;
    };
    const Result<double> result = minimize(model_->problem(), x0_, options);
    expect_as_on_the_cpu(result, *model_, x0_);
    EXPECT_TRUE(contains(result.backend_reason, "cuda gave up after 0 iterations"))
        << result.backend_reason;
    EXPECT_TRUE(contains(result.backend_reason, "memory")) << result.backend_reason;
    // Each iteration is seen once, the start too, though two backends have evaluated it.
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(result.iterations) + 1);
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<int>(i));
    EXPECT_EQ(result.trace.size(), seen.size());
    EXPECT_GT(result.counts.evaluations, result.iterations + 1);
}

TEST_F(MemoryMidwayTest, AskingForCudaByNameThrows) {
    EXPECT_THROW(minimize(model_->problem(), x0_, asking_for(BackendChoice::cuda)), OutOfMemory);
}

TEST_F(MemoryMidwayTest, AMethodThatNeedsLessStaysOnTheDevice) {
    // Gradient descent needs the Hessian but no factor until the end.
    Options options = asking_for(BackendChoice::automatic);
    options.method = Method::gradient_descent;
    options.max_iterations = 3;
    const Result<double> result = minimize(model_->problem(), x0_, options);
    EXPECT_EQ(result.backend, "cuda") << result.backend_reason;
    EXPECT_EQ(result.iterations, 3);
}

}  // namespace
}  // namespace cunewton::test
