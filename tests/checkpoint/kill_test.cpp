// Processes that are killed, wherever they are, and started again: in the end the bits of a run
// that never was.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "cunewton/checkpoint.h"
#include "cunewton/minimize.h"
#include "tests/support/backends.h"
#include "tests/support/shared_samples.h"

extern char** environ;

namespace cunewton::test {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto pause = std::chrono::milliseconds(4);  // of each iteration, to be killed in

Method method_named(const std::string& name) {
    for (const Method method : all_methods)
        if (name == to_string(method)) return method;
    for (const Method method : sampling_methods)
        if (name == to_string(method)) return method;
    throw InvalidArgument("there is no such method (" + name + ") name another one");
}

/// A network, whose loss is not convex: no method arrives within so many iterations.
Result<double> train(Method method, const std::string& file,
                     const IterateCallback<double>& callback = {}) {
    const Shared<double> shared(Kind::softmax_net, 300);
    Options options;
    options.backend = BackendChoice::cpu;
    options.threads = 1;
    options.method = method;
    options.max_iterations = 40;
    options.keep_trace = true;
    options.checkpoint = {.file = file, .every = 2, .of = "a network"};
    return minimize(shared.all(), shared.start(), options, callback);
}

/// The bits that two runs must have in common.
std::string bits_of(const Result<double>& result) {
    std::string bits;
    const auto add = [&](const auto& value) {
        bits.append(reinterpret_cast<const char*>(&value), sizeof(value));
    };
    add(result.status);
    for (const double x : result.x) add(x);
    add(result.f);
    for (const IterationRecord& record : result.trace) {
        add(record.f);
        add(record.gradient_norm);
        add(record.step_norm);
        add(record.counts.evaluations);
        add(record.counts.products);
    }
    return bits;
}

std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// What the killed process does: it runs this test alone, and leaves the bits in a file.
TEST(KilledProcess, DISABLED_Runs) {
    const std::string file = environment("CUNEWTON_KILLED_FILE");
    const Method method = method_named(environment("CUNEWTON_KILLED_METHOD"));
    const Result<double> result = train(method, file, [](const Iterate<double>&) {
        std::this_thread::sleep_for(pause);
        return true;
    });
    std::ofstream(file + ".bits", std::ios::binary) << bits_of(result);
}

/// This program again, as a process that runs that.
pid_t start_process(Method method, const std::string& file) {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
    variables.push_back("CUNEWTON_KILLED_FILE=" + file);
    variables.push_back(std::string("CUNEWTON_KILLED_METHOD=") + to_string(method));
    std::string arguments[] = {"killed", "--gtest_filter=KilledProcess.DISABLED_Runs",
                               "--gtest_also_run_disabled_tests", "--gtest_brief=1",
                               "--gtest_output="};
    std::vector<char*> argv, envp;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    for (std::string& variable : variables) envp.push_back(variable.data());
    argv.push_back(nullptr);
    envp.push_back(nullptr);
    pid_t process = -1;
    const int failed =
        ::posix_spawn(&process, "/proc/self/exe", nullptr, nullptr, argv.data(), envp.data());
    EXPECT_EQ(failed, 0);
    return failed == 0 ? process : -1;
}

class KilledTest : public ::testing::TestWithParam<Method> {};

TEST_P(KilledTest, IsResumedToTheSameBits) {
    const Method method = GetParam();
    const std::string file = ::testing::TempDir() + "cunewton_killed_" + to_string(method) + "_" +
                             std::to_string(::getpid());
    const std::string expected = bits_of(train(method, ""));
    int killed = 0, with_state = 0;
    // Until one gets to its end; each has as much time as it takes to get on, and some more, which
    // is another one each time.
    for (int i = 0; i < 12; ++i) {
        const int before =
            std::filesystem::exists(file) ? load_checkpoint<double>(file).iterations : 0;
        const pid_t process = start_process(method, file);
        ASSERT_GT(process, 0);
        if (i < 5) {
            // Into its run, and then any time.
            const Clock::time_point begin = Clock::now();
            while (Clock::now() - begin < std::chrono::seconds(20)) {
                if (std::filesystem::exists(file) &&
                    load_checkpoint<double>(file).iterations > before)
                    break;
                std::this_thread::sleep_for(std::chrono::microseconds(300));
            }
            std::this_thread::sleep_for(std::chrono::microseconds(1 + 2711 * i));
            ::kill(process, SIGKILL);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(process, &status, 0), process);
        if (WIFSIGNALED(status)) {
            EXPECT_EQ(WTERMSIG(status), SIGKILL);
            ++killed;
            if (std::filesystem::exists(file)) {
                ++with_state;
                // Whenever it was killed the file is whole.
                const int now = load_checkpoint<double>(file).iterations;
                EXPECT_GE(now, before);
                EXPECT_LT(now, 40);
            }
            continue;
        }
        EXPECT_EQ(WEXITSTATUS(status), 0);
        break;
    }
    EXPECT_GE(killed, 2);
    EXPECT_GE(with_state, 2);
    EXPECT_TRUE(content(file + ".bits") == expected) << to_string(method);
    for (const char* end : {"", ".bits", ".tmp"}) std::filesystem::remove(file + end);
}

INSTANTIATE_TEST_SUITE_P(Methods, KilledTest,
                         ::testing::Values(Method::trust_region, Method::newton_cg, Method::bfgs,
                                           Method::lbfgs, Method::hessian_free, Method::adam,
                                           Method::kfac),
                         [](const auto& method) { return std::string(to_string(method.param)); });

}  // namespace
}  // namespace cunewton::test
