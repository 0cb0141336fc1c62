// Iterates as callbacks see them, and runs that are killed and gone on with.
#include "cunewton/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "cunewton/problem/perceptron.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/shared_samples.h"

namespace cunewton::test {
namespace {

/// A small network, whose loss is not convex, and its data.
template <class T>
struct Network {
    Network() {
        Random random(3);
        for (int i = 0; i < count; ++i) {
            for (int j = 0; j < perceptron.widths.front(); ++j)
                features.push_back(static_cast<T>(random.near_normal()));
            labels.push_back(static_cast<T>(random.bits() % 3));
        }
    }
    Problem<T> problem() const {
        Samples<T> samples;
        samples.features = features.data();
        samples.count = count;
        samples.dimension = perceptron.widths.front();
        samples.targets = labels.data();
        return make_perceptron<T>(perceptron, samples, {.l2 = 1e-3, .penalize_intercept = true});
    }
    std::vector<T> start() const { return random_start<T>(perceptron, 7); }

    static constexpr int count = 40;
    Perceptron perceptron{{4, 5, 3}};
    std::vector<T> features, labels;
};

/// A file of a test's own, gone at its end.
class TemporaryFile {
  public:
    TemporaryFile() {
        const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        path_ = ::testing::TempDir() + "cunewton_" + test->name() + "_" +
                std::to_string(std::chrono::steady_clock::now().time_since_epoch().count());
    }
    ~TemporaryFile() { std::filesystem::remove(path_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }
    std::string content() const {
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void fill(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  private:
    std::string path_;
};

void expect_same(const Counts& a, const Counts& b) {
    EXPECT_EQ(a.evaluations, b.evaluations);
    EXPECT_EQ(a.gradients, b.gradients);
    EXPECT_EQ(a.hessians, b.hessians);
    EXPECT_EQ(a.factorizations, b.factorizations);
    EXPECT_EQ(a.products, b.products);
}

/// But for the time.
void expect_same(const IterationRecord& a, const IterationRecord& b) {
    EXPECT_EQ(a.iteration, b.iteration);
    EXPECT_EQ(a.f, b.f);
    EXPECT_EQ(a.gradient_norm, b.gradient_norm);
    EXPECT_EQ(a.step_norm, b.step_norm);
    EXPECT_EQ(a.step_length, b.step_length);
    EXPECT_EQ(a.shift, b.shift);
    expect_same(a.counts, b.counts);
}

template <class T>
void expect_same(const Result<T>& a, const Result<T>& b) {
    EXPECT_EQ(a.status, b.status) << to_string(a.status) << ", " << to_string(b.status);
    EXPECT_EQ(a.x, b.x);
    EXPECT_EQ(a.f, b.f);
    EXPECT_EQ(a.gradient_norm, b.gradient_norm);
    EXPECT_EQ(a.iterations, b.iterations);
    EXPECT_EQ(a.radius, b.radius);
    expect_same(a.counts, b.counts);
    ASSERT_EQ(a.trace.size(), b.trace.size());
    for (std::size_t i = 0; i < a.trace.size(); ++i) expect_same(a.trace[i], b.trace[i]);
}

struct Killed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class T>
class CheckpointTest : public BackendTest {
  protected:
    Options with(Method method) {
        Options options;
        options.backend = tested_choice();
        options.method = method;
        options.max_iterations = 12;
        options.keep_trace = true;
        return options;
    }
    Result<T> run(const Options& options, const CheckpointOptions& checkpoints,
                  const IterateCallback<T>& callback = {}) {
        return minimize_with_checkpoints(problem, network.start(), options, checkpoints, callback);
    }
    const Network<T> network;
    const Problem<T> problem = network.problem();
};
using Types = ::testing::Types<double, float>;
TYPED_TEST_SUITE(CheckpointTest, Types);

TYPED_TEST(CheckpointTest, CallbacksSeeTheIterate) {
    using T = TypeParam;
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = this->with(method);
        std::vector<std::vector<T>> seen;
        std::vector<IterationRecord> before, records;
        options.callback = [&](const IterationRecord& record) {
            before.push_back(record);
            return true;
        };
        const Result<T> result =
            minimize(this->problem, this->network.start(), options, [&](const Iterate<T>& at) {
                EXPECT_EQ(before.size(), seen.size() + 1);
                seen.push_back(at.x());
                records.push_back(at);
                return true;
            });
        ASSERT_EQ(seen.size(), static_cast<std::size_t>(result.iterations) + 1);
        EXPECT_EQ(seen.front(), this->network.start());
        EXPECT_EQ(seen.back(), result.x);
        ASSERT_EQ(records.size(), result.trace.size());
        for (std::size_t i = 0; i < records.size(); ++i) {
            expect_same(records[i], result.trace[i]);
            expect_same(records[i], before[i]);
        }
        EXPECT_EQ(records.front().counts.evaluations, 1);
        for (std::size_t i = 1; i < records.size(); ++i)
            EXPECT_GT(records[i].counts.evaluations, records[i - 1].counts.evaluations);
        EXPECT_LE(records.back().counts.evaluations, result.counts.evaluations);
        EXPECT_EQ(result.radius > 0, method == Method::newton_cg) << result.radius;
    }
}

TYPED_TEST(CheckpointTest, EitherCallbackMayEndTheRun) {
    using T = TypeParam;
    Options options = this->with(Method::lbfgs);
    const auto third = [](const IterationRecord& record) { return record.iteration < 3; };
    int calls = 0;
    const IterateCallback<T> counted = [&](const Iterate<T>&) { return ++calls > 0; };
    const Result<T> by_second = minimize(this->problem, this->network.start(), options,
                                         [&](const Iterate<T>& at) { return third(at); });
    options.callback = third;
    const Result<T> by_first = minimize(this->problem, this->network.start(), options, counted);
    EXPECT_EQ(by_first.status, Status::cancelled);
    EXPECT_EQ(by_second.status, Status::cancelled);
    EXPECT_EQ(by_first.iterations, 3);
    EXPECT_EQ(calls, 3) << "the second is not called once the first has ended the run";
    EXPECT_EQ(by_first.x, by_second.x);
}

TYPED_TEST(CheckpointTest, SecondsAreWithoutCallbacks) {
    Options options = this->with(Method::lbfgs);
    options.max_iterations = 4;
    double slept = 0;
    using Clock = std::chrono::steady_clock;
    const auto seconds_since = [](Clock::time_point begin) {
        return std::chrono::duration<double>(Clock::now() - begin).count();
    };
    options.callback = [&](const IterationRecord&) {
        const Clock::time_point begin = Clock::now();
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        slept += seconds_since(begin);
        return true;
    };
    const Clock::time_point begin = Clock::now();
    const auto result = minimize(this->problem, this->network.start(), options);
    const double all = seconds_since(begin);
    EXPECT_EQ(result.iterations, 4);
    EXPECT_LE(result.seconds.total + slept, all);
    EXPECT_LE(result.trace.back().seconds, result.seconds.total);
    EXPECT_GE(result.trace.front().seconds, 0);
}

TYPED_TEST(CheckpointTest, ARadiusIsGoneOnWith) {
    Options options = this->with(Method::newton_cg);
    options.precondition = PreconditionBy::none;  // which radii are measured by
    options.max_iterations = 6;
    const auto first = minimize(this->problem, this->network.start(), options);
    ASSERT_EQ(first.status, Status::max_iterations);
    options.max_iterations = 1;
    options.initial_radius = first.radius;
    const auto second = minimize(this->problem, first.x, options);
    EXPECT_EQ(second.trace.back().step_length, first.radius);
    EXPECT_LE(second.trace.back().step_norm, 1.01 * first.radius);
}

TYPED_TEST(CheckpointTest, AKilledRunGoesOnAsIfItWereNot) {
    using T = TypeParam;
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Options options = this->with(method);
        const TemporaryFile file, other;
        const CheckpointOptions whole{.file = file.path(), .every = 4, .of = "a network"};
        CheckpointOptions parts = whole;
        parts.file = other.path();
        const Result<T> uninterrupted = this->run(options, whole);
        // In the first segment, before there is a file; then twice in the third one.
        for (const int last : {2, 10, 10})
            EXPECT_THROW(this->run(options, parts,
                                   [&](const Iterate<T>& at) {
                                       if (at.iteration == last) throw Killed("here");
                                       return true;
                                   }),
                         Killed);
        std::vector<int> seen;
        const Result<T> resumed = this->run(options, parts, [&](const Iterate<T>& at) {
            seen.push_back(at.iteration);
            return true;
        });
        expect_same(resumed, uninterrupted);
        EXPECT_EQ(seen, (std::vector<int>{8, 9, 10, 11, 12}));
        const Checkpoint<T> a = load_checkpoint<T>(file.path()),
                            b = load_checkpoint<T>(other.path());
        EXPECT_EQ(a.x, uninterrupted.x);
        EXPECT_EQ(b.x, a.x);
        EXPECT_EQ(a.iterations, 12);
        EXPECT_EQ(a.of, b.of);
    }
}

TYPED_TEST(CheckpointTest, TheFirstSegmentIsAnOrdinaryRun) {
    using T = TypeParam;
    for (const Method method : {Method::newton_cg, Method::lbfgs}) {
        SCOPED_TRACE(to_string(method));
        const TemporaryFile file;
        const Options options = this->with(method);
        const Result<T> plain = minimize(this->problem, this->network.start(), options);
        expect_same(this->run(options, {.file = file.path(), .every = 12}), plain);
        // And none is saved that is not whole.
        std::filesystem::remove(file.path());
        expect_same(this->run(options, {.file = file.path(), .every = 13}), plain);
        EXPECT_FALSE(std::filesystem::exists(file.path()));
    }
}

TYPED_TEST(CheckpointTest, LimitsAreThoseOfTheWholeRun) {
    using T = TypeParam;
    const TemporaryFile file, other;
    Options options = this->with(Method::newton_cg);
    const Result<T> twelve = this->run(options, {.file = file.path(), .every = 4});
    // Ended in the midst of a segment, then with a greater limit, which leads to the same.
    options.max_iterations = 6;
    const Result<T> six = this->run(options, {.file = other.path(), .every = 4});
    EXPECT_EQ(six.iterations, 6);
    EXPECT_EQ(six.status, Status::max_iterations);
    EXPECT_EQ(load_checkpoint<T>(other.path()).iterations, 4);
    options.max_iterations = 12;
    expect_same(this->run(options, {.file = other.path(), .every = 4}), twelve);
    // Nothing is left of these.
    for (const int most : {12, 5}) {
        options.max_iterations = most;
        const Result<T> none = this->run(options, {.file = other.path(), .every = 4});
        EXPECT_EQ(none.status, Status::max_iterations);
        EXPECT_EQ(none.iterations, 12);
        EXPECT_EQ(none.x, twelve.x);
    }
    options.max_iterations = 1000;
    options.max_evaluations = twelve.counts.evaluations;
    EXPECT_EQ(this->run(options, {.file = other.path(), .every = 4}).status,
              Status::max_evaluations);
    options.max_evaluations = 1000;
    options.time_limit = 0;
    EXPECT_EQ(this->run(options, {.file = other.path(), .every = 4}).status, Status::time_limit);
    // A run of its own if it is not to be resumed.
    options.time_limit = 100;
    options.max_iterations = 4;
    EXPECT_EQ(this->run(options, {.file = other.path(), .every = 4, .resume = false}).iterations,
              4);
    EXPECT_EQ(load_checkpoint<T>(other.path()).iterations, 4);
}

TYPED_TEST(CheckpointTest, ARelativeToleranceIsOfTheStart) {
    using T = TypeParam;
    const TemporaryFile file;
    Options options = this->with(Method::newton_cg);
    options.max_iterations = 200;
    options.relative_gradient_tolerance = 1e-2;
    const Result<T> result = this->run(options, {.file = file.path(), .every = 2});
    const double first = result.trace.front().gradient_norm;
    EXPECT_LE(result.gradient_norm, 1e-2 * first);
    ASSERT_GT(result.iterations, 2);
    EXPECT_GT(result.trace[result.trace.size() - 2].gradient_norm, 1e-2 * first);
    EXPECT_EQ(load_checkpoint<T>(file.path()).first_gradient_norm, first);
}

TYPED_TEST(CheckpointTest, AFileOfAnotherRunIsRefused) {
    using T = TypeParam;
    using Other = std::conditional_t<sizeof(T) == 4, double, float>;
    const TemporaryFile file;
    const Options options = this->with(Method::lbfgs);
    const CheckpointOptions checkpoints{.file = file.path(), .every = 5, .of = "these data"};
    this->run(options, checkpoints);
    const std::string content = file.content();
    const auto refused = [&](const char* what, const auto& change) {
        SCOPED_TRACE(what);
        Options changed = options;
        CheckpointOptions changed_checkpoints = checkpoints;
        change(changed, changed_checkpoints);
        const std::string said =
            message_of<InvalidArgument>([&] { this->run(changed, changed_checkpoints); });
        EXPECT_NE(said.find("the checkpoint is of another run ('" + file.path()), said.npos)
            << said;
        EXPECT_NE(said.find("is of: these data, "), said.npos) << said;
        EXPECT_EQ(file.content(), content);
    };
    refused("method", [](Options& o, CheckpointOptions&) { o.method = Method::newton_cg; });
    refused("Hessian", [](Options& o, CheckpointOptions&) {
        o.derivatives.hessian = HessianBy::gauss_newton;
    });
    refused("pairs", [](Options& o, CheckpointOptions&) { o.lbfgs_pairs = 5; });
    refused("budget",
            [](Options& o, CheckpointOptions&) { o.derivatives.memory_budget = 1 << 20; });
    refused("tolerance", [](Options& o, CheckpointOptions&) { o.gradient_tolerance = 1e-3; });
    refused("every", [](Options&, CheckpointOptions& c) { c.every = 6; });
    refused("data", [](Options&, CheckpointOptions& c) { c.of = "other data"; });

    const Network<Other> other;
    const std::string said = message_of<FileError>(
        [&] { minimize_with_checkpoints(other.problem(), other.start(), options, checkpoints); });
    EXPECT_NE(said.find("the checkpoint has numbers of another type"), said.npos) << said;
    EXPECT_NE(said.find(sizeof(T) == 4 ? "float, not double" : "double, not float"), said.npos);
}

TYPED_TEST(CheckpointTest, NonsenseIsRefused) {
    const Options options = this->with(Method::lbfgs);
    const auto refused = [&](const CheckpointOptions& checkpoints, const char* expected) {
        const std::string said =
            message_of<InvalidArgument>([&] { this->run(options, checkpoints); });
        EXPECT_NE(said.find(expected), said.npos) << said;
    };
    refused({.file = ""}, "there is no file for checkpoints");
    refused({.file = "x", .every = 0}, "the distance of checkpoints is invalid (0)");
}

// ---- the file

/// Numbers whose bits a text could lose.
template <class T>
Checkpoint<T> sample() {
    using Limits = std::numeric_limits<T>;
    Checkpoint<T> checkpoint;
    checkpoint.of = std::string("words, \n and a zero \0 in them", 29);
    checkpoint.x = {
        T(0.1),       -T(0), Limits::denorm_min(), Limits::infinity(), Limits::quiet_NaN(),
        Limits::max()};
    checkpoint.f = 1.0 / 3;
    checkpoint.gradient_norm = 0.1;
    checkpoint.first_gradient_norm = 1e300;
    checkpoint.radius = 5e-324;
    checkpoint.iterations = 7;
    checkpoint.counts = {1, 2, 3, 4, 1L << 40};
    checkpoint.seconds = {0.1, 0.2, 0.3, 0.7};
    checkpoint.trace = {{0, 2.5, 1, 0, 0, 0, 0.01, {1, 1, 0, 0, 0}},
                        {1, 1.5, 0.5, 0.25, 8, 0.125, 0.02, {2, 2, 1, 0, 9}}};
    return checkpoint;
}

TYPED_TEST(CheckpointTest, AFileKeepsAllBits) {
    using T = TypeParam;
    const TemporaryFile file;
    const Checkpoint<T> saved = sample<T>();
    save_checkpoint(file.path(), saved);
    EXPECT_FALSE(std::filesystem::exists(file.path() + ".tmp"));
    const Checkpoint<T> loaded = load_checkpoint<T>(file.path());
    EXPECT_EQ(loaded.of, saved.of);
    ASSERT_EQ(loaded.x.size(), saved.x.size());
    EXPECT_EQ(std::memcmp(loaded.x.data(), saved.x.data(), saved.x.size() * sizeof(T)), 0);
    EXPECT_EQ(loaded.f, saved.f);
    EXPECT_EQ(loaded.gradient_norm, saved.gradient_norm);
    EXPECT_EQ(loaded.first_gradient_norm, saved.first_gradient_norm);
    EXPECT_EQ(loaded.radius, saved.radius);
    EXPECT_EQ(loaded.iterations, saved.iterations);
    expect_same(loaded.counts, saved.counts);
    EXPECT_EQ(loaded.seconds.evaluate, saved.seconds.evaluate);
    EXPECT_EQ(loaded.seconds.hessian, saved.seconds.hessian);
    EXPECT_EQ(loaded.seconds.factorize, saved.seconds.factorize);
    EXPECT_EQ(loaded.seconds.total, saved.seconds.total);
    ASSERT_EQ(loaded.trace.size(), saved.trace.size());
    for (std::size_t i = 0; i < saved.trace.size(); ++i) {
        expect_same(loaded.trace[i], saved.trace[i]);
        EXPECT_EQ(loaded.trace[i].seconds, saved.trace[i].seconds);
    }
    // Another one takes its place, and an empty one can be told from none.
    save_checkpoint(file.path(), Checkpoint<T>{});
    EXPECT_TRUE(load_checkpoint<T>(file.path()).x.empty());
}

TYPED_TEST(CheckpointTest, ADamagedFileIsRefused) {
    using T = TypeParam;
    const TemporaryFile file;
    save_checkpoint(file.path(), sample<T>());
    const std::string content = file.content();
    const auto refused = [&](const std::string& bytes, const char* expected) {
        file.fill(bytes);
        const std::string said = message_of<FileError>([&] { load_checkpoint<T>(file.path()); });
        EXPECT_NE(said.find(expected), said.npos) << said;
        EXPECT_NE(said.find(file.path()), said.npos) << said;
    };
    for (std::size_t size = 0; size < content.size(); ++size)
        refused(content.substr(0, size),
                size < 8 ? "the file is no checkpoint" : "the checkpoint is damaged");
    for (std::size_t i = 0; i < content.size(); ++i) {
        std::string bytes = content;
        bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
        refused(bytes, i < 8 ? "the file is no checkpoint" : "the checkpoint is damaged");
    }
    refused(content + "x", "the checkpoint is damaged");
    std::string reversed = content;
    std::reverse(reversed.begin(), reversed.begin() + 8);
    refused(reversed, "the file is no checkpoint");
}

TYPED_TEST(CheckpointTest, PathsThatDoNotWorkAreNamed) {
    using T = TypeParam;
    const std::string nowhere = ::testing::TempDir() + "cunewton_no_such_folder/file";
    const std::string written =
        message_of<FileError>([&] { save_checkpoint(nowhere, Checkpoint<T>{}); });
    EXPECT_NE(written.find("the checkpoint cannot be written ('" + nowhere + "': No such file"),
              written.npos)
        << written;
    const std::string read = message_of<FileError>([&] { load_checkpoint<T>(nowhere); });
    EXPECT_NE(read.find("the checkpoint cannot be read ('" + nowhere + "': No such file"),
              read.npos)
        << read;
}

TYPED_TEST(CheckpointTest, RanksGoOnFromTheFileOfTheFirst) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax_net, 500);
    const auto train = [&](int size, const std::string& file, int until) {
        return on_ranks<T>(size, [&](const Ranked& communicator) {
            Options options;
            options.backend = tested_choice();
            options.method = Method::adam;
            options.threads = 1;
            options.sampling.size = 200;
            options.max_iterations = 7;
            options.time_limit = 1e6;  // of which segments take what is left, the same on all
            CheckpointOptions checkpoints{.file = file, .every = 2, .of = "clouds"};
            // The others cannot see it.
            if (communicator->rank() > 0) checkpoints.file = "/nowhere/" + file;
            const auto callback = [&](const Iterate<T>& at) { return at.iteration < until; };
            const Result<T> result = minimize_with_checkpoints<T>(
                shared.part(communicator), shared.start(), options, checkpoints, callback);
            return joined<T>({result.x, {result.f, static_cast<T>(result.iterations)}});
        });
    };
    const TemporaryFile whole, part;
    const std::vector<T> expected = train(1, whole.path(), 100);
    EXPECT_EQ(expected.back(), 7);
    // Ended within the third segment, and gone on with by fewer.
    train(testing_cuda() ? 2 : 4, part.path(), 5);
    EXPECT_EQ(load_checkpoint<T>(part.path()).iterations, 4);
    EXPECT_TRUE(equal_bits(train(2, part.path(), 100), expected));
}

TYPED_TEST(CheckpointTest, WhatFailsOnTheFirstRankEndsAll) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax, 200);
    const auto errors_with = [&](const std::string& file, const std::string& of) {
        return run_ranks(2, [&](const Ranked& communicator) {
            Options options;
            options.backend = BackendChoice::cpu;
            options.threads = 1;
            options.method = Method::gradient_descent;
            minimize_with_checkpoints<T>(shared.part(communicator), shared.start(), options,
                                         {.file = file, .every = 1, .of = of});
        });
    };
    const auto expect_both = [](const std::vector<std::string>& errors, const std::string& part) {
        for (const std::string& error : errors)
            EXPECT_NE(error.find(part), std::string::npos) << error;
        EXPECT_EQ(errors[1].rfind("the call failed on another rank (rank 0: ", 0), 0u) << errors[1];
    };
    expect_both(errors_with("/nowhere/run", "this"), "the checkpoint cannot be written");
    const TemporaryFile file;
    EXPECT_EQ(errors_with(file.path(), "this"), std::vector<std::string>(2));
    expect_both(errors_with(file.path(), "that"), "the checkpoint is of another run");
}

TEST(FingerprintTest, IsFnv1a) {
    // Values of the authors' test suite, draft-eastlake-fnv.
    const auto of = [](const std::string& text) {
        return fingerprint(std::as_bytes(std::span(text)));
    };
    EXPECT_EQ(of(""), 0xcbf29ce484222325);
    EXPECT_EQ(of("a"), 0xaf63dc4c8601ec8c);
    EXPECT_EQ(of("foobar"), 0x85944171f73967e8);
    EXPECT_EQ(fingerprint(std::as_bytes(std::span("bar", 3)), of("foo")), of("foobar"));
}

}  // namespace
}  // namespace cunewton::test
