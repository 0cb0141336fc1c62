// When minimize() ends and what its caller sees: stopping tests, callbacks, results, exceptions and
// what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/device_code.h"
#include "tests/support/minimize_checks.h"
#include "tests/support/models.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {
namespace {

const std::vector<double> rosenbrock_start{-1.2, 1.0};
Problem<double> rosenbrock() {
    return make_objective<double>(cunewton::ExtendedRosenbrock{}, 2);
}

// ---- Stopping tests.

class StoppingTest : public BackendTest {};

TEST_F(StoppingTest, NoIterationsEvaluateTheStart) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.max_iterations = 0;
        const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
        EXPECT_EQ(result.status, Status::max_iterations);
        EXPECT_EQ(result.x, rosenbrock_start);
        EXPECT_NEAR(result.f, 24.2, 24.2 * sum_tolerance<double>(2));
        EXPECT_EQ(result.iterations, 0);
        EXPECT_EQ(result.counts.evaluations, 1);
        EXPECT_EQ(result.counts.hessians, 0);
    }
}

TEST_F(StoppingTest, MaxIterationsIsKept) {
    for (const Method method : all_methods)
        for (const int limit : {1, 3}) {
            SCOPED_TRACE(to_string(method));
            Options options = with(method);
            options.max_iterations = limit;
            const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
            EXPECT_EQ(result.status, Status::max_iterations);
            EXPECT_EQ(result.iterations, limit);
            EXPECT_LT(result.f, 24.2);
        }
}

TEST_F(StoppingTest, MaxEvaluationsIsKept) {
    for (const Method method : all_methods)
        for (const LineSearch search : {LineSearch::strong_wolfe, LineSearch::backtracking})
            for (long limit = 1; limit <= 12; ++limit) {
                SCOPED_TRACE(std::string(to_string(method)) + ", " + std::to_string(limit));
                Options options = with(method);
                options.line_search = search;
                options.max_evaluations = limit;
                const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
                EXPECT_EQ(result.status, Status::max_evaluations) << to_string(result.status);
                EXPECT_LE(result.counts.evaluations, limit);
                EXPECT_LE(result.f, 24.2 * (1 + sum_tolerance<double>(2)));
            }
}

TEST_F(StoppingTest, TimeLimitIsKept) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.time_limit = 0;
        const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
        EXPECT_EQ(result.status, Status::time_limit);
        EXPECT_LE(result.iterations, 1);
    }
}

TEST_F(StoppingTest, StepAndChangeTolerancesStopButDoNotConverge) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.step_tolerance = 0.5;
        EXPECT_EQ(minimize(rosenbrock(), rosenbrock_start, options).status, Status::small_step);
        options.step_tolerance = 0;
        options.change_tolerance = 1e6;
        const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
        EXPECT_EQ(result.status, Status::small_change);
        EXPECT_FALSE(result.converged());
        EXPECT_EQ(result.iterations, 1);
    }
}

TEST_F(StoppingTest, AToleranceThatPrecisionCannotMeetIsAPrecisionLimit) {
    // The gradient of logistic regression is a sum that rounds: it cannot be exactly zero.
    ModelOptions model_options{.samples = 300, .features = 6};
    model_options.problem = {.l2 = 0.01, .intercept = true};
    const Model<double> model(ModelKind::logistic, model_options);
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.gradient_tolerance = 0;
        options.max_iterations = 3000;
        const Result<double> result =
            minimize(model.problem(), std::vector<double>(model.theta().size(), 0.0), options);
        // By luck the last gradient may be zero to the last bit, and then the test is met.
        if (result.status == Status::converged)
            EXPECT_EQ(result.gradient_norm, 0);
        else
            EXPECT_EQ(result.status, Status::precision_limit) << to_string(result.status);
        EXPECT_LE(norm(model.gradient(result.x)), 1e-7);
    }
}

TEST_F(StoppingTest, RelativeGradientToleranceRefersToTheStart) {
    Options options = with(Method::newton);
    options.gradient_tolerance = 0;
    options.relative_gradient_tolerance = 1e-3;
    options.keep_trace = true;
    const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
    EXPECT_EQ(result.status, Status::converged);
    EXPECT_LE(result.gradient_norm, 1e-3 * result.trace.front().gradient_norm);
    // It stops there, but for a few steps that tell a minimum from a loss that falls for ever.
    const std::size_t steps = 8, size = result.trace.size();
    for (std::size_t i = 0; i + 1 + steps < size; ++i)
        EXPECT_GT(result.trace[i].gradient_norm, 1e-3 * result.trace.front().gradient_norm);
}

TEST_F(StoppingTest, AMinimiserAsStartConvergesAtOnce) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        const Result<double> result = minimize(rosenbrock(), {1.0, 1.0}, with(method));
        EXPECT_EQ(result.status, Status::converged);
        EXPECT_EQ(result.iterations, 0);
        EXPECT_EQ(result.x, (std::vector<double>{1.0, 1.0}));
        EXPECT_EQ(result.f, 0);
    }
}

TEST_F(StoppingTest, DifferencesNeverClaimMoreThanTheyCanTell) {
    ModelOptions model_options{.samples = 100, .features = 3};
    model_options.problem = {.l2 = 0.125, .intercept = true};
    const Model<double> model(ModelKind::poisson, model_options);
    for (const Method method : all_methods)
        for (const GradientBy by :
             {GradientBy::forward_differences, GradientBy::central_differences}) {
            SCOPED_TRACE(std::string(to_string(method)) + ", " + to_string(by));
            Options options = with(method);
            options.derivatives.gradient = by;
            options.gradient_tolerance = 1e-12;
            const std::vector<double> x0(model.theta().size(), 0.0);
            Result<double> result = minimize(model.problem(), x0, options);
            EXPECT_EQ(result.status, Status::derivative_accuracy) << to_string(result.status);
            // Yet it came as near as the differences can tell.
            const double accuracy = by == GradientBy::forward_differences ? 1e-5 : 1e-8;
            EXPECT_LE(norm(model.gradient(result.x)), accuracy);
            // A tolerance that they can meet is met.
            options.gradient_tolerance = 1e-4;
            result = minimize(model.problem(), x0, options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_LE(norm(model.gradient(result.x)), 1.2e-4);
        }
}

TEST_F(StoppingTest, EveryPairOfDerivativeMethodsMinimises) {
    for (const GradientBy gradient :
         {GradientBy::autodiff, GradientBy::forward_differences, GradientBy::central_differences})
        for (const HessianBy hessian :
             {HessianBy::autodiff, HessianBy::gradient_differences, HessianBy::value_differences})
            for (const Method method : second_order_methods) {
                SCOPED_TRACE(std::string(to_string(method)) + ", " + to_string(gradient) + ", " +
                             to_string(hessian));
                Options options = with(method);
                options.derivatives.gradient = gradient;
                options.derivatives.hessian = hessian;
                options.gradient_tolerance = 1e-4;
                const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
                EXPECT_EQ(result.status, Status::converged) << result.message;
                EXPECT_LE(result.f, 1e-7);
                EXPECT_LE(result.iterations, 40);
            }
}

// ---- What the caller sees.

class MinimizeResultTest : public BackendTest {};

TEST_F(MinimizeResultTest, TheCallbackAndTheTraceSeeEveryIteration) {
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        std::vector<IterationRecord> seen;
        Options options = with(method);
        options.keep_trace = true;
        options.callback = [&](const IterationRecord& record) {
            seen.push_back(record);
            return true;
        };
        const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
        expect_coherent(result, options, 2);
        ASSERT_EQ(seen.size(), static_cast<std::size_t>(result.iterations) + 1);
        ASSERT_EQ(result.trace.size(), seen.size());
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const IterationRecord& record = result.trace[i];
            EXPECT_EQ(record.iteration, static_cast<int>(i));
            EXPECT_EQ(record.f, seen[i].f);
            EXPECT_EQ(record.gradient_norm, seen[i].gradient_norm);
            EXPECT_EQ(record.seconds, seen[i].seconds);
            EXPECT_GE(record.shift, 0);
            if (i == 0) {
                EXPECT_EQ(record.step_norm, 0);
                continue;
            }
            EXPECT_GT(record.step_norm, 0);
            EXPECT_NE(record.step_length, 0);
            EXPECT_LE(record.f, seen[i - 1].f * (1 + 16 * epsilon<double>));
            EXPECT_GE(record.seconds, seen[i - 1].seconds);
        }
        EXPECT_EQ(seen.back().f, result.f);
        EXPECT_EQ(seen.back().gradient_norm, result.gradient_norm);
    }
}

TEST_F(MinimizeResultTest, NothingIsKeptUnlessAskedFor) {
    const Result<double> result = minimize(rosenbrock(), rosenbrock_start, with(Method::newton));
    EXPECT_TRUE(result.trace.empty());
    EXPECT_TRUE(result.hessian_factor.empty());
}

TEST_F(MinimizeResultTest, TheCallbackCanCancel) {
    for (const Method method : all_methods)
        for (const int stop : {0, 1, 3}) {
            SCOPED_TRACE(to_string(method));
            double last = 0;
            Options options = with(method);
            options.callback = [&](const IterationRecord& record) {
                last = record.f;
                return record.iteration < stop;
            };
            const Result<double> result = minimize(rosenbrock(), rosenbrock_start, options);
            EXPECT_EQ(result.status, Status::cancelled);
            EXPECT_EQ(result.iterations, stop);
            EXPECT_EQ(result.f, last);
            EvaluationOptions same;
            same.backend = tested_choice();
            EXPECT_EQ(evaluate(rosenbrock(), result.x, same), result.f);
        }
}

TEST_F(MinimizeResultTest, ExceptionsOfTheCallbackReachTheCallerWithTheirType) {
    struct Mine {
        int iteration;
    };
    for (const Method method : all_methods)
        for (const int at : {0, 2}) {
            SCOPED_TRACE(to_string(method));
            Options options = with(method);
            options.callback = [&](const IterationRecord& record) -> bool {
                if (record.iteration == at) throw Mine{at};
                return true;
            };
            try {
                minimize(rosenbrock(), rosenbrock_start, options);
                FAIL() << "nothing was thrown";
            } catch (const Mine& mine) {
                EXPECT_EQ(mine.iteration, at);
            }
        }
}

TEST_F(MinimizeResultTest, TheFactorIsThatOfTheShiftedHessian) {
    const int n = 4;
    for (const Method method : {Method::newton, Method::trust_region})
        for (const int iterations : {1, 2, 1000}) {
            SCOPED_TRACE(std::string(to_string(method)) + ", " + std::to_string(iterations));
            // The last Hessian that was factorised is the one at the last but one iterate, or,
            // where the end was confirmed, at the last.
            std::vector<std::vector<double>> iterates;
            for (int i = 0; i <= iterations; ++i) {
                Options shorter = with(method);
                shorter.max_iterations = i;
                const Result<double> r = minimize(objective<double>(HardCase{}, n),
                                                  std::vector<double>(n, 0.5), shorter);
                iterates.push_back(r.x);
                if (r.status != Status::max_iterations) break;
            }
            Options options = with(method);
            options.max_iterations = iterations;
            options.keep_hessian_factor = true;
            const Result<double> result =
                minimize(objective<double>(HardCase{}, n), std::vector<double>(n, 0.5), options);
            ASSERT_EQ(result.hessian_factor.size(), static_cast<std::size_t>(n * n));
            EXPECT_GE(result.hessian_factor_shift, 0);
            double best = INFINITY;
            for (const std::vector<double>& x : iterates) {
                EvaluationOptions evaluation;
                evaluation.backend = tested_choice();
                const std::vector<double> H =
                    hessian(objective<double>(HardCase{}, n), x, evaluation);
                double error = 0;
                for (int j = 0; j < n; ++j)
                    for (int i = j; i < n; ++i) {
                        double LLt = 0;
                        for (int k = 0; k <= j; ++k)
                            LLt +=
                                result.hessian_factor[k * n + i] * result.hessian_factor[k * n + j];
                        const double shifted =
                            H[j * n + i] + (i == j ? result.hessian_factor_shift : 0);
                        error = std::max(error, std::abs(LLt - shifted) / (1 + std::abs(shifted)));
                    }
                best = std::min(best, error);
            }
            EXPECT_LE(best, sum_tolerance<double>(n));
        }
}

// ---- The same bits.

class DeterminismTest : public BackendTest {};

template <class T>
void expect_same(const Result<T>& a, const Result<T>& b) {
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.x, b.x);
    EXPECT_EQ(a.f, b.f);
    EXPECT_EQ(a.gradient_norm, b.gradient_norm);
    EXPECT_EQ(a.iterations, b.iterations);
    EXPECT_EQ(a.counts.evaluations, b.counts.evaluations);
    EXPECT_EQ(a.counts.factorizations, b.counts.factorizations);
}

TEST_F(DeterminismTest, BitsDependNeitherOnThreadsNorOnTheRun) {
    // Enough samples and features for several pieces of every loop.
    ModelOptions model_options{.samples = 9000, .features = 20, .weights = true};
    model_options.problem = {.l2 = 0.01, .intercept = true, .penalize_intercept = true};
    const Model<double> model(ModelKind::logistic, model_options);
    const int n = static_cast<int>(model.theta().size());
    const std::vector<double> x0(n, 0.0);
    const auto black_box =
        sample_sum<double>(BlackBoxLogistic<1>{}, model.samples(), n, {.l2 = 0.01});
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.max_iterations = 6;
        options.threads = 1;
        const Result<double> first = minimize(model.problem(), x0, options);
        for (const int threads : {1, 2, 3}) {
            options.threads = threads;
            expect_same(minimize(model.problem(), x0, options), first);
        }
    }
    for (const HessianBy by :
         {HessianBy::autodiff, HessianBy::gradient_differences, HessianBy::value_differences}) {
        SCOPED_TRACE(to_string(by));
        Options options = with(Method::newton);
        options.derivatives.hessian = by;
        options.max_iterations = 2;
        options.threads = 1;
        const Result<double> first = minimize(black_box, x0, options);
        for (const int threads : {1, 2, 3}) {
            options.threads = threads;
            expect_same(minimize(black_box, x0, options), first);
        }
    }
}

// ---- Opaque evaluators and functors that throw: their code is the CPU's.

class CpuOnlyTest : public BackendTest {
  protected:
    void SetUp() override {
        BackendTest::SetUp();
        if (!IsSkipped() && testing_cuda()) GTEST_SKIP() << "a loss that is code of the CPU";
    }
};

/// Throws at the evaluation that `left` counts down to.
struct Throwing {
    struct Mine {
        std::string text;
    };
    int* left;
    template <class X>
    auto operator()(const X& x) const {
        if (--*left < 0) throw Mine{"from the loss"};
        using T = scalar_t<X>;
        return T(x[0] * x[0] * x[0] * x[0] + x[1] * x[1]);
    }
};

TEST_F(CpuOnlyTest, ExceptionsOfALossReachTheCallerWithTheirType) {
    for (const Method method : all_methods)
        for (const int at : {0, 1, 5}) {
            SCOPED_TRACE(to_string(method));
            int left = at;
            Options options = with(method);
            EXPECT_THROW(minimize(make_objective<double>(Throwing{&left}, 2), {3.0, 1.0}, options),
                         Throwing::Mine);
        }
    int left = 3;
    const auto batched = make_black_box<double>(
        [&](const double*, int, int count, double* losses) {
            if (--left < 0) throw std::domain_error("from the evaluator");
            std::fill_n(losses, count, 1.0);
        },
        2);
    left = 0;
    EXPECT_THROW(minimize(batched, {3.0, 1.0}, with(Method::newton)), std::domain_error);
}

TEST_F(CpuOnlyTest, OutOfMemoryOfALossReachesTheCallerIfTheBackendWasNamed) {
    int calls = 0;
    const auto batched = make_black_box<double>(
        [&](const double* points, int n, int count, double* losses) {
            if (++calls > 4) throw OutOfMemory("no room (a test) none");
            for (int p = 0; p < count; ++p)
                losses[p] = std::pow(points[p * n], 4) + std::pow(points[p * n + 1], 2);
        },
        2);
    EXPECT_THROW(minimize(batched, {3.0, 1.0}, with(Method::newton)), OutOfMemory);
}

TEST_F(CpuOnlyTest, OpaqueEvaluatorsAreMinimised) {
    const auto batched = make_black_box<double>(
        [](const double* points, int n, int count, double* losses) {
            for (int p = 0; p < count; ++p) {
                const double* x = points + static_cast<std::ptrdiff_t>(p) * n;
                losses[p] = 100 * std::pow(x[1] - x[0] * x[0], 2) + std::pow(1 - x[0], 2);
            }
        },
        2);
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        Options options = with(method);
        options.gradient_tolerance = 1e-5;
        options.max_iterations = 50'000;
        const Result<double> result = minimize(batched, rosenbrock_start, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_LE(result.f, 1e-8);
    }
}

// ---- Misuse.

class MisuseTest : public BackendTest {
  protected:
    template <class Change>
    static void expect_rejected(const char* what, const Change& change) {
        Options options = with(Method::newton);
        change(options);
        try {
            minimize(rosenbrock(), rosenbrock_start, options);
            ADD_FAILURE() << what << " was accepted";
        } catch (const InvalidArgument& error) {
            EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
        }
    }
};

TEST_F(MisuseTest, OfOptions) {
    for (const double bad : {-1e-6, std::nan(""), double(INFINITY)}) {
        SCOPED_TRACE(bad);
        expect_rejected("gradient_tolerance", [&](Options& o) { o.gradient_tolerance = bad; });
        expect_rejected("relative_gradient_tolerance",
                        [&](Options& o) { o.relative_gradient_tolerance = bad; });
        expect_rejected("step_tolerance", [&](Options& o) { o.step_tolerance = bad; });
        expect_rejected("change_tolerance", [&](Options& o) { o.change_tolerance = bad; });
        expect_rejected("initial_radius", [&](Options& o) { o.initial_radius = bad; });
        expect_rejected("relative_step", [&](Options& o) { o.derivatives.relative_step = bad; });
        expect_rejected("typical_x", [&](Options& o) { o.derivatives.typical_x = {1, bad}; });
    }
    expect_rejected("time_limit", [](Options& o) { o.time_limit = -1; });
    expect_rejected("time_limit", [](Options& o) { o.time_limit = std::nan(""); });
    expect_rejected("unbounded_below", [](Options& o) { o.unbounded_below = std::nan(""); });
    expect_rejected("max_iterations", [](Options& o) { o.max_iterations = -1; });
    expect_rejected("max_evaluations", [](Options& o) { o.max_evaluations = 0; });
    expect_rejected("threads", [](Options& o) { o.threads = -1; });
    expect_rejected("typical_x", [](Options& o) { o.derivatives.typical_x = {1}; });
    expect_rejected("analytic gradient",
                    [](Options& o) { o.derivatives.gradient = GradientBy::analytic; });
    expect_rejected("analytic Hessian",
                    [](Options& o) { o.derivatives.hessian = HessianBy::analytic; });
    expect_rejected("method", [](Options& o) { o.method = static_cast<Method>(99); });
}

TEST_F(MisuseTest, OfTheStart) {
    const Options options = with(Method::newton);
    for (const std::vector<double>& x0 :
         {std::vector<double>{}, {1}, {1, 2, 3}, {1, std::nan("")}, {INFINITY, 1}, {1, -INFINITY}})
        EXPECT_THROW(minimize(rosenbrock(), x0, options), InvalidArgument);
}

TEST_F(MisuseTest, OfSizes) {
    EXPECT_THROW(make_objective<double>(cunewton::ExtendedRosenbrock{}, 0), InvalidArgument);
    EXPECT_THROW(make_objective<double>(cunewton::ExtendedRosenbrock{}, -1), InvalidArgument);
    EXPECT_THROW(make_black_box<double>({}, 2), InvalidArgument);
    EXPECT_THROW(make_black_box<double>([](const double*, int, int, double*) {}, 0),
                 InvalidArgument);
    const std::vector<double> X{1, 2, 3, 4}, y{0, 1};
    const auto make = [&](const Samples<double>& samples, ProblemOptions options = {}) {
        make_linear_predictor(Logistic{}, samples, options);
    };
    EXPECT_NO_THROW(make({X.data(), 2, 2, 0, y.data(), nullptr}));
    EXPECT_THROW(make({X.data(), 0, 2, 0, y.data(), nullptr}), InvalidArgument);
    EXPECT_THROW(make({X.data(), -2, 2, 0, y.data(), nullptr}), InvalidArgument);
    EXPECT_THROW(make({X.data(), 2, -1, 0, y.data(), nullptr}), InvalidArgument);
    EXPECT_THROW(make({X.data(), 2, 2, 1, y.data(), nullptr}), InvalidArgument);
    EXPECT_THROW(make({nullptr, 2, 2, 0, y.data(), nullptr}), InvalidArgument);
    EXPECT_THROW(make({X.data(), 2, 0, 0, y.data(), nullptr}), InvalidArgument);
    EXPECT_NO_THROW(make({X.data(), 2, 0, 0, y.data(), nullptr}, {.intercept = true}));
    EXPECT_THROW(
        make_linear_predictor(Softmax{0}, Samples<double>{X.data(), 2, 2, 0, y.data(), nullptr}),
        InvalidArgument);
    const std::vector<double> A{1};
    EXPECT_THROW(make_quadratic(A.data(), A.data(), 0), InvalidArgument);
}

TEST_F(MisuseTest, OfData) {
    const std::vector<double> good{1, 2, 3, 4}, labels{0, 1}, ones{1, 1};
    const auto make = [&](const std::vector<double>& X, const std::vector<double>& y,
                          const std::vector<double>& w, ProblemOptions options = {}) {
        make_linear_predictor(Logistic{}, Samples<double>{X.data(), 2, 2, 0, y.data(), w.data()},
                              options);
    };
    EXPECT_NO_THROW(make(good, labels, ones));
    for (const double bad : {std::nan(""), double(INFINITY), -double(INFINITY)}) {
        EXPECT_THROW(make({1, bad, 3, 4}, labels, ones), InvalidArgument);
        EXPECT_THROW(make(good, {bad, 1}, ones), InvalidArgument);
        EXPECT_THROW(make(good, labels, {1, bad}), InvalidArgument);
    }
    EXPECT_THROW(make(good, labels, {1, -1}), InvalidArgument);
    EXPECT_THROW(make(good, labels, {0, 0}), InvalidArgument);
    EXPECT_NO_THROW(make(good, labels, {0, 1}));
    for (const double bad : {-1.0, 0.5, 2.0})
        EXPECT_THROW(make(good, {0, bad}, ones), InvalidArgument);
    for (const double bad : {-1.0, std::nan(""), double(INFINITY)})
        EXPECT_THROW(make(good, labels, ones, {.l2 = bad}), InvalidArgument);

    const auto targets = [&](const auto& loss, const std::vector<double>& y) {
        make_linear_predictor(loss, Samples<double>{good.data(), 2, 2, 0, y.data(), nullptr});
    };
    EXPECT_NO_THROW(targets(Softmax{3}, {0, 2}));
    for (const double bad : {-1.0, 3.0, 0.5})
        EXPECT_THROW(targets(Softmax{3}, {0, bad}), InvalidArgument);
    EXPECT_NO_THROW(targets(Poisson{}, {0, 7.5}));
    EXPECT_THROW(targets(Poisson{}, {0, -1}), InvalidArgument);
    EXPECT_NO_THROW(targets(LinearRegression{}, {-3, 1e10}));
}

}  // namespace
}  // namespace cunewton::test
