// Iterates as callbacks see them, and runs that are cut and resumed.
#include "cunewton/checkpoint.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "cunewton/model/gaussian.h"
#include "cunewton/problem/element_sum.h"
#include "cunewton/problem/perceptron.h"
#include "cunewton/problem/residuals.h"
#include "tests/support/backends.h"
#include "tests/support/datasets.h"
#include "tests/support/message_of.h"
#include "tests/support/shared_samples.h"
#include "tests/support/temporary_file.h"

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
    ASSERT_EQ(a.last_iterations.size(), b.last_iterations.size());
    for (std::size_t i = 0; i < a.last_iterations.size(); ++i)
        expect_same(a.last_iterations[i], b.last_iterations[i]);
    EXPECT_EQ(a.at_bound, b.at_bound);
    EXPECT_EQ(a.multipliers, b.multipliers);
}

/// Methods of all kinds; on a device, which may be emulated, some of each.
std::vector<Method> every_method() {
    // What methods keep is the same on a device, where only the vectors are elsewhere.
    if (testing_cuda())
        return {Method::newton, Method::trust_region, Method::newton_cg,
                Method::lbfgs,  Method::bfgs,         Method::adam};
    std::vector<Method> methods(std::begin(all_methods), std::end(all_methods));
    methods.insert(methods.end(), std::begin(sampling_methods), std::end(sampling_methods));
    return methods;
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
    Result<T> run(Options options, const CheckpointOptions& checkpoints,
                  const IterateCallback<T>& callback = {}) {
        options.checkpoint = checkpoints;
        return minimize(problem, network.start(), options, callback);
    }
    /// The run in parts, each cut by an exception, and what the last one gives. every: of states.
    /// Expects the bits of an uninterrupted run without states, and callbacks where each part
    /// begins and after each iteration.
    void expect_same_in_parts(const Problem<T>& of, const std::vector<T>& start, Options options,
                              int every, const std::vector<int>& cuts);
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

template <class T>
void CheckpointTest<T>::expect_same_in_parts(const Problem<T>& of, const std::vector<T>& start,
                                             Options options, int every,
                                             const std::vector<int>& cuts) {
    const Result<T> uninterrupted = minimize(of, start, options);
    const TemporaryFile file;
    options.checkpoint = {.file = file.path(), .every = every, .of = "a network"};
    for (const int cut : cuts) {
        if (cut >= uninterrupted.iterations) continue;
        EXPECT_THROW(minimize(of, start, options,
                              [&](const Iterate<T>& at) {
                                  if (at.iteration == cut) throw Killed("here");
                                  return true;
                              }),
                     Killed);
    }
    const bool saved = std::filesystem::exists(file.path());
    const int from = saved ? load_checkpoint<T>(file.path()).iterations : 0;
    std::vector<int> seen;
    const Result<T> resumed = minimize(of, start, options, [&](const Iterate<T>& at) {
        seen.push_back(at.iteration);
        return true;
    });
    expect_same(resumed, uninterrupted);
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.front(), from);
    EXPECT_EQ(seen.size(), static_cast<std::size_t>(resumed.iterations - from) + 1);
    EXPECT_LE(from, cuts.back());
    // Once more, which leads to the same end.
    expect_same(minimize(of, start, options), uninterrupted);
}

TYPED_TEST(CheckpointTest, ACutRunGoesOnAsIfItWereNot) {
    for (const Method method : every_method()) {
        SCOPED_TRACE(to_string(method));
        const Options options = this->with(method);
        if (!testing_little())
            this->expect_same_in_parts(this->problem, this->network.start(), options, 1, {5});
        this->expect_same_in_parts(this->problem, this->network.start(), options, 3, {2, 7, 10});
    }
}

TYPED_TEST(CheckpointTest, ACutRunComesToTheSameEnd) {
    using T = TypeParam;
    // Convex, so that all of them arrive, by what they have learnt since the cut and before.
    const Shared<T> shared(Kind::softmax, 300);
    const Problem<T> convex = shared.all();
    for (const Method method : every_method()) {
        if (method == Method::kfac) continue;  // of networks
        SCOPED_TRACE(to_string(method));
        Options options = this->with(method);
        options.max_iterations = 60;
        this->expect_same_in_parts(convex, shared.start(), options, 2, {3, 6, 25});
    }
}

TYPED_TEST(CheckpointTest, ARunWithinBoundsGoesOn) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax, 300);
    const Problem<T> convex = shared.all();
    for (const Method method : every_method()) {
        if (method == Method::kfac || method == Method::subsampled_newton) continue;
        SCOPED_TRACE(to_string(method));
        Options options = this->with(method);
        options.max_iterations = 40;
        options.lower.assign(static_cast<std::size_t>(convex.dimension()), -0.1);
        options.upper.assign(options.lower.size(), 0.2);
        this->expect_same_in_parts(convex, shared.start(), options, 1, {2, 5, 9});
    }
}

TYPED_TEST(CheckpointTest, ARunWithEquationsGoesOn) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax, 300);
    const Problem<T> convex = shared.all();
    for (const Method method : {Method::newton, Method::newton_cg, Method::bfgs}) {
        SCOPED_TRACE(to_string(method));
        Options options = this->with(method);
        options.constraints.A.assign(static_cast<std::size_t>(convex.dimension()), 1);
        options.constraints.b = {0.5};
        this->expect_same_in_parts(convex, shared.start(), options, 1, {2, 5});
    }
}

/// Whoever reads a file sees parameters, whatever a method minimises over; and what is fixed keeps
/// the run's own start.
TYPED_TEST(CheckpointTest, EquationsAndFixedParametersKeepTheirStart) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax, 300);
    const Problem<T> convex = shared.all();
    std::vector<T> start = shared.start(), other = start;
    start[1] = T(0.25);
    other[1] = T(-0.5);
    for (const bool equations : {false, true}) {
        SCOPED_TRACE(equations ? "equations" : "bounds");
        Options options = this->with(Method::newton_cg);
        options.fixed.assign(start.size(), false);
        options.fixed[1] = true;
        if (equations) {
            options.constraints.A.assign(start.size(), 1);
            options.constraints.b = {0.5};
        }
        const Result<T> uninterrupted = minimize(convex, start, options);
        const TemporaryFile file;
        options.checkpoint = {.file = file.path(), .every = 1};
        EXPECT_THROW(minimize(convex, start, options,
                              [&](const Iterate<T>& at) {
                                  if (at.iteration == 3) throw Killed("here");
                                  return true;
                              }),
                     Killed);
        const Checkpoint<T> saved = load_checkpoint<T>(file.path());
        EXPECT_EQ(saved.x0, start);
        ASSERT_EQ(saved.x.size(), start.size());
        EXPECT_EQ(saved.x[1], T(0.25));
        if (equations) {
            EXPECT_NEAR(std::accumulate(saved.x.begin(), saved.x.end(), 0.0), 0.5,
                        100 * std::numeric_limits<T>::epsilon());
        }
        const Result<T> resumed = minimize(convex, other, options);
        expect_same(resumed, uninterrupted);
        EXPECT_EQ(resumed.moved, uninterrupted.moved);
        EXPECT_EQ(resumed.message, uninterrupted.message);
    }
}

TYPED_TEST(CheckpointTest, ACurveFitGoesOn) {
    using T = TypeParam;
    std::vector<T> x, y;
    for (int i = 0; i < 60; ++i) {
        const double at = 0.1 * i;
        x.push_back(static_cast<T>(at));
        y.push_back(
            static_cast<T>(2 * std::exp(-0.5 * (at - 3) * (at - 3)) + 1 + 0.3 * std::sin(7.0 * i)));
    }
    const Samples<T> samples{x.data(), 60, 1, 0, y.data()};
    const Problem<T> fit = make_curve_fit<T>(Gaussian1D{}, samples);
    for (const Method method : {Method::levenberg_marquardt, Method::dogleg, Method::trust_region,
                                Method::newton, Method::newton_cg}) {
        SCOPED_TRACE(to_string(method));
        Options options = this->with(method);
        options.max_iterations = 100;
        this->expect_same_in_parts(fit, {T(0.5), T(4), T(2), T(0)}, options, 1, {2, 4, 6});
    }
}

TYPED_TEST(CheckpointTest, PreconditionersComeBack) {
    if (testing_little() && std::is_same_v<TypeParam, float>) GTEST_SKIP() << "as in double";
    for (const Method method : {Method::newton_cg, Method::hessian_free})
        for (const PreconditionBy by : {PreconditionBy::none, PreconditionBy::diagonal,
                                        PreconditionBy::nystrom, PreconditionBy::kronecker}) {
            SCOPED_TRACE(std::string(to_string(method)) + " by " + to_string(by));
            Options options = this->with(method);
            options.precondition = by;
            options.nystrom_rank = 6;
            this->expect_same_in_parts(this->problem, this->network.start(), options, 2, {5, 8});
        }
}

TYPED_TEST(CheckpointTest, BlocksOfSomeSamplesComeBack) {
    using T = TypeParam;
    const Shared<T> shared(Kind::softmax, 2500);
    const Problem<T> convex = shared.all();
    for (const Method method : {Method::newton_cg, Method::block_newton, Method::lbfgs}) {
        SCOPED_TRACE(to_string(method));
        Options options = this->with(method);
        if (method != Method::block_newton) options.precondition = PreconditionBy::blocks;
        this->expect_same_in_parts(convex, shared.start(), options, 1, {3});
    }
}

TYPED_TEST(CheckpointTest, ACallersPreconditionerIsUpdatedWhereItWas) {
    using T = TypeParam;
    Options options = this->with(Method::newton_cg);
    OwnPreconditioner<T> own;
    T scale = 1;
    own.update = [&](const T* x, int) {
        scale = 1 + std::abs(x[0]);
        return true;
    };
    own.apply = [&](const T* r, int n, T* z) {
        for (int j = 0; j < n; ++j) z[j] = scale * r[j];
    };
    options.preconditioner = own;
    this->expect_same_in_parts(this->problem, this->network.start(), options, 2, {5});
}

/// A link of Rosenbrock's chain.
struct Link {
    static constexpr int parameters = 2;
    template <class X>
    auto operator()(const X& x) const {
        const auto a = x[1] - x[0] * x[0], b = x[0] - 1.0;
        return 100.0 * a * a + b * b;
    }
};

TYPED_TEST(CheckpointTest, SparseHessiansComeBack) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "the link has no code for the device";
    constexpr int n = 40;
    std::vector<int> indices;
    for (int j = 0; j + 1 < n; ++j) indices.insert(indices.end(), {j, j + 1});
    const Problem<T> chain =
        make_element_sum<T>(Link{}, Array<const int>(indices.data(), n - 1, 2), n);
    for (const Method method : {Method::newton, Method::trust_region, Method::newton_cg}) {
        SCOPED_TRACE(to_string(method));
        Options options = this->with(method);
        options.max_iterations = 100;
        this->expect_same_in_parts(chain, std::vector<T>(n, T(-1)), options, 2, {5, 20, 27});
    }
}

TYPED_TEST(CheckpointTest, WaysOfDescentComeBack) {
    for (const DescentStep step :
         {DescentStep::exact_quadratic, DescentStep::inverse_lambda_max,
          DescentStep::extreme_eigenvalues, DescentStep::inverse_diagonal}) {
        SCOPED_TRACE(to_string(step));
        Options options = this->with(Method::gradient_descent);
        options.descent_step = step;
        options.curvature_interval = 4;
        this->expect_same_in_parts(this->problem, this->network.start(), options, 3, {7});
    }
}

TYPED_TEST(CheckpointTest, RatesThatAreEstimatedAgainComeBack) {
    Options options = this->with(Method::sgd);
    options.sampling.size = 10;
    options.sampling.rate_interval = 3;
    options.sampling.rate_samples = 15;
    this->expect_same_in_parts(this->problem, this->network.start(), options, 1, {4, 8});
}

TYPED_TEST(CheckpointTest, MoreIterationsThanTheRunHasSaveNothing) {
    const TemporaryFile file;
    const Options options = this->with(Method::newton_cg);
    const auto plain = minimize(this->problem, this->network.start(), options);
    expect_same(this->run(options, {.file = file.path(), .every = 13}), plain);
    EXPECT_FALSE(std::filesystem::exists(file.path()));
    EXPECT_FALSE(std::filesystem::exists(file.path() + ".tmp"));
}

TYPED_TEST(CheckpointTest, TheDistanceMayChange) {
    using T = TypeParam;
    const TemporaryFile file;
    Options options = this->with(Method::bfgs);
    const Result<T> whole = minimize(this->problem, this->network.start(), options);
    options.max_iterations = 5;
    this->run(options, {.file = file.path(), .every = 2});
    EXPECT_EQ(load_checkpoint<T>(file.path()).iterations, 4);
    options.max_iterations = 12;
    expect_same(this->run(options, {.file = file.path(), .every = 3}), whole);
    EXPECT_EQ(load_checkpoint<T>(file.path()).iterations, 10);
}

TYPED_TEST(CheckpointTest, LimitsAreThoseOfTheWholeRun) {
    using T = TypeParam;
    const TemporaryFile file;
    Options options = this->with(Method::newton_cg);
    const Result<T> twelve = minimize(this->problem, this->network.start(), options);
    const CheckpointOptions each_fourth{.file = file.path(), .every = 4};
    options.max_iterations = 9;
    expect_same(this->run(options, each_fourth),
                minimize(this->problem, this->network.start(), options));
    EXPECT_EQ(load_checkpoint<T>(file.path()).iterations, 8);
    // A greater limit, then one that is less than what has been done: nothing is evaluated.
    options.max_iterations = 12;
    expect_same(this->run(options, each_fourth), twelve);
    const Checkpoint<T> at = load_checkpoint<T>(file.path());
    options.max_iterations = 5;
    const Result<T> none = this->run(options, each_fourth);
    EXPECT_EQ(none.status, Status::max_iterations);
    EXPECT_EQ(none.iterations, 8);
    EXPECT_EQ(none.x, at.x);
    EXPECT_EQ(none.counts.evaluations, at.counts.evaluations);
    options.max_iterations = 1000;
    options.max_evaluations = at.counts.evaluations;
    EXPECT_EQ(this->run(options, each_fourth).status, Status::max_evaluations);
    options.max_evaluations = 1000;
    options.time_limit = 0;
    EXPECT_EQ(this->run(options, each_fourth).status, Status::time_limit);
    // A run of its own if it is not to be resumed.
    options.time_limit = 100;
    options.max_iterations = 6;
    EXPECT_EQ(this->run(options, {.file = file.path(), .every = 3, .resume = false}).iterations, 6);
    EXPECT_EQ(load_checkpoint<T>(file.path()).iterations, 3);
}

TYPED_TEST(CheckpointTest, TheStartIsTheRuns) {
    using T = TypeParam;
    const TemporaryFile file;
    Options options = this->with(Method::trust_region);
    options.relative_gradient_tolerance = 1e-3;
    const std::vector<T> start = this->network.start();
    options.max_iterations = 200;
    const Result<T> whole = minimize(this->problem, start, options);
    options.max_iterations = 2;
    this->run(options, {.file = file.path(), .every = 1});
    options.max_iterations = 200;
    options.checkpoint = {.file = file.path(), .every = 1};
    expect_same(minimize(this->problem, std::vector<T>(start.size(), T(0.5)), options), whole);
    EXPECT_EQ(load_checkpoint<T>(file.path()).x0, start);
    EXPECT_EQ(load_checkpoint<T>(file.path()).first_gradient_norm, whole.trace[0].gradient_norm);
}

TYPED_TEST(CheckpointTest, ACallbackThatEndsTheRunIsAskedAgain) {
    const TemporaryFile file;
    const Options options = this->with(Method::lbfgs);
    const CheckpointOptions checkpoints{.file = file.path(), .every = 2};
    for (int times = 0; times < 2; ++times) {
        const auto result =
            this->run(options, checkpoints, [](const auto& at) { return at.iteration < 5; });
        EXPECT_EQ(result.status, Status::cancelled);
        EXPECT_EQ(result.iterations, 5);
    }
    const auto none = this->run(options, checkpoints, [](const auto&) { return false; });
    EXPECT_EQ(none.status, Status::cancelled);
    EXPECT_EQ(none.iterations, 4);
    expect_same(this->run(options, checkpoints),
                minimize(this->problem, this->network.start(), options));
}

TYPED_TEST(CheckpointTest, SeveralThreadsGoOnWithTheSame) {
    const TemporaryFile file;
    Options options = this->with(Method::trust_region);
    options.threads = 1;
    const auto whole = minimize(this->problem, this->network.start(), options);
    options.max_iterations = 5;
    this->run(options, {.file = file.path(), .every = 4});
    options.threads = 3;
    options.max_iterations = 12;
    expect_same(this->run(options, {.file = file.path(), .every = 4}), whole);
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
        const std::string is_of = "' is of: ", this_is = "; this is: ";
        const std::size_t first = said.find(is_of) + is_of.size(), between = said.find(this_is),
                          second = between + this_is.size(), end = said.find(") pass");
        ASSERT_LT(between, end) << said;
        EXPECT_GT(between, first) << said;
        EXPECT_NE(said.substr(first, between - first), said.substr(second, end - second)) << said;
        EXPECT_EQ(said.find("seed 1, "), said.npos) << "what both have is not said: " << said;
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
    refused("block of parameters",
            [](Options& o, CheckpointOptions&) { o.subspace_dimension = 7; });
    refused("seed", [](Options& o, CheckpointOptions&) { o.seed = 77; });
    refused("data", [](Options&, CheckpointOptions& c) { c.of = "other data"; });

    const Network<Other> other;
    Options changed = options;
    changed.checkpoint = checkpoints;
    const std::string said =
        message_of<FileError>([&] { minimize(other.problem(), other.start(), changed); });
    EXPECT_NE(said.find("the checkpoint has numbers of another type"), said.npos) << said;
    EXPECT_NE(said.find(sizeof(T) == 4 ? "float, not double" : "double, not float"), said.npos);
}

TYPED_TEST(CheckpointTest, NonsenseIsRefused) {
    const std::string said = message_of<InvalidArgument>(
        [&] { this->run(this->with(Method::lbfgs), {.file = "x", .every = 0}); });
    EXPECT_NE(said.find("checkpoint.every is too small (0)"), said.npos) << said;
    EXPECT_FALSE(std::filesystem::exists("x.tmp"));
}

TYPED_TEST(CheckpointTest, APointAloneIsNotResumed) {
    using T = TypeParam;
    const TemporaryFile file;
    save_checkpoint(file.path(), Checkpoint<T>{});
    const std::string said = message_of<InvalidArgument>(
        [&] { this->run(this->with(Method::lbfgs), {.file = file.path()}); });
    EXPECT_NE(said.find("no run is resumed from the checkpoint"), said.npos) << said;
}

TYPED_TEST(CheckpointTest, WhatCannotBeWrittenIsFoundOutAtTheStart) {
    const std::string nowhere = ::testing::TempDir() + "cunewton_no_such_folder/file";
    for (const std::string& path : {nowhere, ::testing::TempDir()}) {
        int calls = 0;
        const std::string said = message_of<FileError>([&] {
            this->run(this->with(Method::lbfgs), {.file = path}, [&](const auto&) {
                ++calls;
                return true;
            });
        });
        EXPECT_EQ(said.rfind("the checkpoint cannot be written ('" + path + "': ", 0), 0u) << said;
        EXPECT_EQ(calls, 0);
    }
}

/// Files may not become larger than this meanwhile, as on a disk that is full.
class FullDisk {
  public:
    explicit FullDisk(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        was_ = std::signal(SIGXFSZ, SIG_IGN);
        const rlimit now{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &now);
    }
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, was_);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;

  private:
    rlimit before_{};
    void (*was_)(int) = SIG_DFL;
};

TYPED_TEST(CheckpointTest, AFullDiskIsAnErrorAndTheLastStateStays) {
    using T = TypeParam;
    if (testing_cuda()) GTEST_SKIP() << "the limit of files is also that of an emulated device";
    const TemporaryFile file;
    Options options = this->with(Method::bfgs);
    const Result<T> whole = minimize(this->problem, this->network.start(), options);
    options.max_iterations = 5;
    const CheckpointOptions checkpoints{.file = file.path(), .every = 4};
    this->run(options, checkpoints);
    options.max_iterations = 12;
    const std::string content = file.content();
    {
        const FullDisk full(1000);
        const std::string said = message_of<FileError>([&] { this->run(options, checkpoints); });
        EXPECT_EQ(said.rfind("the checkpoint cannot be written ('" + file.path() + "': ", 0), 0u)
            << said;
    }
    EXPECT_EQ(file.content(), content);
    EXPECT_FALSE(std::filesystem::exists(file.path() + ".tmp"));
    expect_same(this->run(options, checkpoints), whole);
}

// ---- the file

/// Numbers whose bits a text could lose.
template <class T>
Checkpoint<T> sample() {
    using Limits = std::numeric_limits<T>;
    Checkpoint<T> checkpoint;
    checkpoint.of = std::string("words, \n and a zero \0 in them", 29);
    checkpoint.x0 = {T(3)};
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
    EXPECT_EQ(loaded.x0, saved.x0);
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
        refused(bytes, i < 7    ? "the file is no checkpoint"
                       : i == 7 ? "the checkpoint is of another version of the library"
                                : "the checkpoint is damaged");
    }
    std::string older = content;
    older[7] = '2';
    refused(older, "its format is 2, not 4");
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
            options.time_limit = 1e6;
            options.checkpoint = {.file = file, .every = 2, .of = "clouds"};
            // The others cannot see it.
            if (communicator->rank() > 0) options.checkpoint.file = "/nowhere/" + file;
            const auto callback = [&](const Iterate<T>& at) { return at.iteration < until; };
            const Result<T> result =
                minimize<T>(shared.part(communicator), shared.start(), options, callback);
            return joined<T>({result.x, {result.f, static_cast<T>(result.iterations)}});
        });
    };
    const TemporaryFile whole, part;
    const std::vector<T> expected = train(1, whole.path(), 100);
    EXPECT_EQ(expected.back(), 7);
    // Ended after the second state, and gone on with by fewer.
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
            options.max_iterations = 3;
            options.checkpoint = {.file = file, .every = 1, .of = of};
            minimize<T>(shared.part(communicator), shared.start(), options);
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
