// A backend that fails at any stage, in any way: minimize, evaluations and batches go on with the
// next one, and say so. The backend is the CPU with failures put into it, so that no device is
// needed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cunewton/cunewton.h"
#include "host/backend/fallback.h"
#include "host/cpu/batch_engine.h"
#include "host/cpu/vectors.h"
#include "tests/support/message_of.h"

namespace cunewton::test {
namespace {

enum class Failure { memory, no_code, device, of_the_caller };
constexpr Failure backend_failures[]{Failure::memory, Failure::no_code, Failure::device};

[[noreturn]] void fail(Failure failure) {
    switch (failure) {
        case Failure::memory:
            throw OutOfMemory("no room (arranged) free some");
        case Failure::no_code:
            throw BackendUnavailable("no code (arranged) compile some");
        case Failure::device:
            throw DeviceError("no stream (arranged) check the device");
        default:
            throw std::runtime_error("a bug of the caller");
    }
}

/// Fails from the call that `left` counts down to; opening is the first.
struct Arranged {
    Failure failure = Failure::device;
    int left = 0;
    int calls = 0;  ///< seen
};
Arranged arranged;

void call() {
    ++arranged.calls;
    if (arranged.left-- <= 0) fail(arranged.failure);
}

template <class T>
class FailingEvaluator final : public Evaluator<T> {
  public:
    /// Over the evaluator of a session for n parameters.
    FailingEvaluator(Session<T>& session, int n)
        : Evaluator<T>(*session.vectors, *session.matrices, n),
          real_(std::move(session.evaluator)) {}
    void value(const T* x, Scalar f) override {
        call();
        real_->value(x, f);
    }
    void value_and_gradient(const T* x, T* g, Scalar f) override {
        call();
        real_->value_and_gradient(x, g, f);
    }
    void hessian(const T* x, T* H) override {
        call();
        real_->hessian(x, H);
    }
    void values(const T* points, int count, T* losses) override {
        call();
        real_->values(points, count, losses);
    }
    std::size_t peak_tile_bytes() const override { return real_->peak_tile_bytes(); }

  private:
    std::unique_ptr<Evaluator<T>> real_;
};

template <class T>
class FailingEngine final : public BatchEngine<T> {
  public:
    explicit FailingEngine(const BatchTask<T>& task) : real_(cpu::open_batch<T>(task)) {}
    const char* name() const override { return "failing"; }
    long chunk_size(long wanted) const override { return real_->chunk_size(wanted); }
    int slots() const override { return 1; }
    MemoryNeeded memory(long problems, long points, long chunks) const override {
        return real_->memory(problems, points, chunks);
    }
    void begin(int slot, const BatchView<T>& chunk, const RunResults<T>& results) override {
        call();
        real_->begin(slot, chunk, results);
    }
    void finish(int slot) override {
        call();
        real_->finish(slot);
    }

  private:
    std::unique_ptr<BatchEngine<T>> real_;
};

template <class T>
BackendCode<T> failing_code() {
    return {[](const Problem<T>&) { return true; },
            [](const Problem<T>& problem) { return problem.capabilities_on_cpu(); },
            [](const Problem<T>& problem, const SessionOptions& options) {
                call();
                Session<T> session = cpu::open_cpu<T>(problem, options);
                session.evaluator =
                    std::make_unique<FailingEvaluator<T>>(session, problem.dimension());
                return session;
            },
            &cpu::session_memory<T>,
            [](const BatchTask<T>& task) -> std::unique_ptr<BatchEngine<T>> {
                call();
                return std::make_unique<FailingEngine<T>>(task);
            }};
}

/// The registry of this build but for the CPU, replaced by the failing backend.
class FailingBackendTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (std::getenv("CUNEWTON_BACKEND")) GTEST_SKIP() << "CUNEWTON_BACKEND overrides automatic";
        std::vector<BackendEntry>& list = mutable_registry();
        kept_ = list;
        const BackendEntry failing{"failing",
                                   [] {
                                       return Probe{true, "ready"};
                                   },
                                   [](const BatchParts&) { return true; },
                                   {failing_code<double>(), failing_code<float>()}};
        list = {failing, kept_.back()};
    }
    void TearDown() override {
        if (!kept_.empty()) mutable_registry() = kept_;
    }
    static void arrange(Failure failure, int calls_before) { arranged = {failure, calls_before}; }
    static void arrange_none() { arrange(Failure::device, std::numeric_limits<int>::max()); }

  private:
    std::vector<BackendEntry> kept_;
};

std::string arranged_text(Failure failure) {
    return failure == Failure::memory    ? "no room"
           : failure == Failure::no_code ? "no code"
                                         : "no stream";
}
void expect_contains(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "\"" << text << "\" lacks \"" << part << "\"";
}

const Problem<double>& rosenbrock() {
    static const Problem<double> problem = make_objective<double>(ExtendedRosenbrock{}, 2);
    return problem;
}
const std::vector<double> start{-1.2, 1.0};

Options by(BackendChoice choice) {
    Options options;
    options.backend = choice;
    options.threads = 1;
    return options;
}

TEST_F(FailingBackendTest, MinimizeGoesOnFromEveryStage) {
    arrange_none();
    Options options = by(BackendChoice::automatic);
    const Result<double> undisturbed = minimize(rosenbrock(), start, options);
    ASSERT_EQ(undisturbed.backend, "failing");
    const int calls = arranged.calls;
    ASSERT_GT(calls, 10);
    for (const Failure failure : backend_failures)
        for (int stage = 0; stage < calls; ++stage) {
            SCOPED_TRACE(arranged_text(failure) + ", call " + std::to_string(stage));
            arrange(failure, stage);
            std::vector<int> seen;
            options.callback = [&](const IterationRecord& record) {
                seen.push_back(record.iteration);
                return true;
            };
            const Result<double> result = minimize(rosenbrock(), start, options);
            EXPECT_EQ(arranged.calls, stage + 1) << "the failed backend was called again";
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_EQ(result.backend, "cpu");
            EXPECT_NEAR(result.x[0], 1, 1e-8);
            EXPECT_NEAR(result.x[1], 1, 1e-8);
            expect_contains(result.backend_reason, arranged_text(failure));
            expect_contains(result.backend_reason,
                            stage == 0 ? "failing: " : "failing gave up after ");
            // Iterations are not lost: each is seen once, in order.
            ASSERT_EQ(seen.size(), static_cast<std::size_t>(result.iterations) + 1);
            for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<int>(i));
        }
}

TEST_F(FailingBackendTest, BoundsAreKeptFromEveryStage) {
    for (const Method method : {Method::newton, Method::bfgs, Method::gradient_descent}) {
        Options options = by(BackendChoice::automatic);
        options.method = method;
        // The second parameter is moved to its bound at first, the first one ends at one.
        options.lower = {-2, -1};
        options.upper = {0.5, 0.75};
        options.max_iterations = 20000;
        arrange_none();
        const Result<double> undisturbed = minimize(rosenbrock(), start, options);
        ASSERT_TRUE(undisturbed.converged()) << undisturbed.message;
        ASSERT_EQ(undisturbed.backend, "failing");
        ASSERT_EQ(undisturbed.moved, (std::vector<int>{1}));
        const int calls = arranged.calls;
        for (int stage = 0; stage < calls; stage += std::max(1, calls / 15)) {
            SCOPED_TRACE(std::string(to_string(method)) + ", call " + std::to_string(stage));
            arrange(Failure::device, stage);
            const Result<double> result = minimize(rosenbrock(), start, options);
            EXPECT_TRUE(result.converged()) << result.message;
            EXPECT_EQ(result.backend, "cpu");
            EXPECT_EQ(result.x[0], 0.5);
            EXPECT_NEAR(result.x[1], 0.25, 1e-8);
            EXPECT_EQ(result.at_bound, undisturbed.at_bound);
            EXPECT_NEAR(result.multipliers[0], -1, 1e-4);
            EXPECT_EQ(result.moved, undisturbed.moved);
        }
    }
}

TEST_F(FailingBackendTest, EvaluationsGoOnFromEveryStage) {
    for (const Failure failure : backend_failures)
        for (const int stage : {0, 1}) {
            SCOPED_TRACE(arranged_text(failure) + ", call " + std::to_string(stage));
            const auto again = [&] { arrange(failure, stage); };
            again();
            EXPECT_DOUBLE_EQ(evaluate(rosenbrock(), start), 24.2);
            EXPECT_EQ(arranged.calls, stage + 1);
            again();
            EXPECT_DOUBLE_EQ(gradient(rosenbrock(), start)[1], -88);
            EXPECT_EQ(arranged.calls, stage + 1);
            again();
            EXPECT_DOUBLE_EQ(hessian(rosenbrock(), start)[3], 200);
            EXPECT_EQ(arranged.calls, stage + 1);
            again();
            EXPECT_DOUBLE_EQ(evaluate_batch(rosenbrock(), start)[0], 24.2);
            EXPECT_EQ(arranged.calls, stage + 1);
        }
}

/// y = a x + b, exactly.
struct Lines {
    static constexpr long problems = 200;
    std::vector<double> x, y, start{0, 0};
    BatchData<double> data;
    Lines() {
        for (int k = 0; k < 5; ++k) x.push_back(k);
        for (long i = 0; i < problems; ++i)
            for (const double at : x) y.push_back(static_cast<double>(i) * at + 1);
        data = {.problems = problems, .points = 5, .coordinates = x, .y = y, .start = start};
    }
    static FitModel model() { return make_fit_model(Polynomial<1>{}); }
    static BatchOptions options(BackendChoice choice) {
        BatchOptions options;
        options.backend = choice;
        options.threads = 1;
        options.chunk = 50;
        return options;
    }
};

TEST_F(FailingBackendTest, BatchesGoOnFromEveryStage) {
    const Lines lines;
    arrange_none();
    const auto wanted = fit_batch(Lines::model(), lines.data, Lines::options(BackendChoice::cpu));
    const auto undisturbed =
        fit_batch(Lines::model(), lines.data, Lines::options(BackendChoice::automatic));
    ASSERT_EQ(undisturbed.backend, "failing");
    EXPECT_EQ(undisturbed.backend_reason, "first choice");
    EXPECT_EQ(undisturbed.parameters, wanted.parameters);
    const int calls = arranged.calls;
    ASSERT_EQ(calls, 1 + 2 * 4);
    for (const Failure failure : backend_failures)
        for (int stage = 0; stage < calls; ++stage) {
            SCOPED_TRACE(arranged_text(failure) + ", call " + std::to_string(stage));
            arrange(failure, stage);
            std::vector<long> seen;
            BatchOptions options = Lines::options(BackendChoice::automatic);
            options.progress = [&](const BatchProgress& progress) {
                seen.push_back(progress.completed);
                return true;
            };
            const auto result = fit_batch(Lines::model(), lines.data, options);
            EXPECT_EQ(result.backend, "cpu");
            EXPECT_EQ(result.status, wanted.status);
            EXPECT_EQ(result.parameters, wanted.parameters);
            EXPECT_EQ(result.completed, Lines::problems);
            EXPECT_EQ(seen, (std::vector<long>{50, 100, 150, 200}));
            expect_contains(result.backend_reason, arranged_text(failure));
            const int finished = stage == 0 ? 0 : (stage - 1) / 2;
            expect_contains(result.backend_reason, stage == 0 ? std::string("failing: ")
                                                              : "failing gave up after " +
                                                                    std::to_string(50 * finished) +
                                                                    " problems: ");
        }
}

TEST_F(FailingBackendTest, AskedForByNameItThrowsWhatFailed) {
    const Lines lines;
    for (const int stage : {0, 1, 2}) {
        arrange(Failure::device, stage);
        expect_contains(
            message_of<DeviceError>([] { minimize(rosenbrock(), start, by("failing")); }),
            "no stream");
        arrange(Failure::memory, stage);
        EXPECT_THROW(minimize(rosenbrock(), start, by("failing")), OutOfMemory);
        for (const Failure failure : backend_failures) {
            arrange(failure, stage);
            expect_contains(message_of<std::runtime_error>([&] {
                                fit_batch(Lines::model(), lines.data, Lines::options("failing"));
                            }),
                            arranged_text(failure));
        }
    }
}

TEST_F(FailingBackendTest, WhatTheCallerThrowsReachesTheCaller) {
    const Lines lines;
    for (const int stage : {0, 1, 2}) {
        const auto again = [&] { arrange(Failure::of_the_caller, stage); };
        again();
        EXPECT_THROW(minimize(rosenbrock(), start, by(BackendChoice::automatic)),
                     std::runtime_error);
        again();
        EXPECT_THROW(
            fit_batch(Lines::model(), lines.data, Lines::options(BackendChoice::automatic)),
            std::runtime_error);
    }
    arrange_none();
    Options options = by(BackendChoice::automatic);
    options.callback = [](const IterationRecord&) -> bool { throw std::domain_error("mine"); };
    EXPECT_THROW(minimize(rosenbrock(), start, options), std::domain_error);
    BatchOptions batch = Lines::options(BackendChoice::automatic);
    batch.progress = [](const BatchProgress&) -> bool { throw std::domain_error("mine"); };
    EXPECT_THROW(fit_batch(Lines::model(), lines.data, batch), std::domain_error);
}

TEST(RunOnFirst, TriesInOrderAndReportsTheLastFailure) {
    const BackendEntry a{"a", nullptr, nullptr, {}}, b{"b", nullptr, nullptr, {}},
        c{"c", nullptr, nullptr, {}};
    const Candidates candidates{{&a, &b, &c}, "first choice"};
    std::string reason, tried;
    const auto failing_until = [&](char last, auto throw_it) {
        return [&tried, last, throw_it](const BackendEntry& entry, std::string& how_far) {
            tried += entry.name;
            if (*entry.name == last) return 42;
            if (*entry.name == 'b') how_far = "gave up after 3 steps";
            throw_it();
            return 0;
        };
    };
    const auto no_device = [] { throw DeviceError("gone (x) y"); };
    EXPECT_EQ(run_on_first(candidates, reason, failing_until('a', no_device)), 42);
    EXPECT_EQ(tried + ", " + reason, "a, first choice");
    tried.clear();
    EXPECT_EQ(run_on_first(candidates, reason, failing_until('b', no_device)), 42);
    EXPECT_EQ(tried + ", " + reason, "ab, a: gone (x) y");
    tried.clear();
    EXPECT_EQ(run_on_first(candidates, reason, failing_until('c', no_device)), 42);
    EXPECT_EQ(tried + ", " + reason, "abc, b gave up after 3 steps: gone (x) y");
    tried.clear();
    EXPECT_THROW(run_on_first(candidates, reason, failing_until('-', no_device)), DeviceError);
    EXPECT_EQ(tried, "abc");
    tried.clear();
    const auto misuse = [] { throw InvalidArgument("misuse (x) y"); };
    EXPECT_THROW(run_on_first(candidates, reason, failing_until('c', misuse)), InvalidArgument);
    EXPECT_EQ(tried, "a");
}

}  // namespace
}  // namespace cunewton::test
