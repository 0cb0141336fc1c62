// What memory_needed() says of a minimisation, against what it takes.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/on_device.h"
#include "tests/support/temporary_file.h"
#include "tests/support/thread_ranks.h"
#include "tests/support/user_losses.h"
#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

// The program's memory is counted.
namespace {

std::atomic<std::size_t> held{0}, most_held{0};

void* count(void* memory) noexcept {
    if (!memory) return nullptr;
    const std::size_t now = held += malloc_usable_size(memory);
    std::size_t most = most_held;
    while (now > most && !most_held.compare_exchange_weak(most, now)) {
    }
    return memory;
}
void* required(void* memory) {
    return memory ? count(memory) : throw std::bad_alloc();
}
void* aligned(std::size_t bytes, std::align_val_t alignment) noexcept {
    const std::size_t unit = static_cast<std::size_t>(alignment);
    return std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
}
void release(void* memory) noexcept {
    if (memory) held -= malloc_usable_size(memory);
    std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
    return required(std::malloc(bytes));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
    return count(std::malloc(bytes));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return required(aligned(bytes, alignment));
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return count(aligned(bytes, alignment));
}
void operator delete(void* memory) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    release(memory);
}

namespace cunewton::test {
namespace {

constexpr std::size_t small = std::size_t{64} << 10;  // is said for all that does not grow

/// sum_j (x_j - 1)^2 of the first `determined` parameters, with its gradient and its Hessian.
struct Bowl {
    int determined = std::numeric_limits<int>::max();

    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using T = scalar_t<X>;
        T f(0.0);
        for (int j = 0; j < x.size() && j < determined; ++j) f += math::square(x[j] - T(1.0));
        return f;
    }
};
struct BowlWithGradient : Bowl {
    template <class X, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, G& g) const {
        using T = scalar_t<X>;
        for (int j = 0; j < x.size(); ++j) g[j] += T(2.0) * (x[j] - T(1.0));
    }
};
struct BowlWithHessian : BowlWithGradient {
    template <class X, class H>
    CUNEWTON_HOST_DEVICE void hessian(const X& x, H& h) const {
        using T = scalar_t<X>;
        for (int j = 0; j < x.size(); ++j) h(j, j) += T(2.0);
    }
};

struct LinearResidual {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        scalar_t<X> r = -scalar_t<X>(s.target());
        for (int j = 0; j < s.size(); ++j) r += x[j] * s[j];
        return r;
    }
};

/// An element of three.
struct Springs {
    static constexpr int parameters = 3;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using math::square;
        const auto& [a, b, c] = x;
        return square(a - 1.0) + square(a - b) + square(a - c);
    }
};

/// Rows of small whole numbers, as good as random, and targets 0 and 1.
template <class T>
struct Data {
    Data(long count, int dimension)
        : features(static_cast<std::size_t>(count) * dimension), targets(count) {
        unsigned state = 1;
        const auto next = [&](unsigned below) {
            state = state * 1664525u + 1013904223u;
            return static_cast<T>((state >> 16) % below);
        };
        for (T& x : features) x = next(9) / T(4) - T(1);
        for (T& y : targets) y = next(2);
        samples.features = features.data();
        samples.targets = targets.data();
        samples.count = count;
        samples.dimension = dimension;
    }
    /// The same numbers feature by feature.
    Samples<T> transposed() const {
        Samples<T> other = samples;
        other.ld = 1;
        other.feature_stride = samples.count;
        return other;
    }
    std::vector<T> features, targets;
    Samples<T> samples;
};

class MemoryNeededTest : public BackendTest {
  protected:
    static Options options_of_test() {
        Options options;
        options.backend = tested_choice();
        options.threads = 2;
        options.max_iterations = 30;
        return options;
    }
    static std::string name(const Options& options) {
        return std::string(to_string(options.method)) + ", gradient " +
               to_string(options.derivatives.gradient) + ", Hessian " +
               to_string(options.derivatives.hessian);
    }
};

class MemoryOnTheHostTest : public MemoryNeededTest {
  protected:
    static bool takes_products(Method method) {
        return method == Method::newton_cg || method == Method::gradient_descent ||
               method == Method::subspace_newton || method == Method::block_newton ||
               method == Method::hessian_free;
    }
    void SetUp() override {
        if (testing_cuda()) GTEST_SKIP() << "counts the host's memory";
        MemoryNeededTest::SetUp();
    }
    /// A call takes no more than is said, its result included. And that is no more than twice as
    /// much, where the call came to its end: there are methods that look at a Hessian only there.
    template <class T>
    static void expect_enough(const Problem<T>& problem, const Options& options,
                              std::size_t fixed = small) {
        SCOPED_TRACE(name(options));
        const std::vector<T> x0(static_cast<std::size_t>(problem.dimension()), T(0));
        const MemoryNeeded needed = memory_needed(problem, options);
        const std::size_t before = held;
        most_held = before;
        const Result<T> result = minimize(problem, x0, options);
        const std::size_t taken = most_held - before;
        EXPECT_EQ(needed.device, 0u);
        EXPECT_LE(taken, needed.host);
        const bool second_order = options.method == Method::newton ||
                                  options.method == Method::trust_region ||
                                  options.method == Method::newton_cg;
        // Few steps do not fill the memory of L-BFGS, and few products make no blocks.
        const bool at_end =
            second_order || (result.converged() && options.method != Method::lbfgs &&
                             !takes_products(options.method));
        // Without matrices it is mostly lanes, which are said to be the widest processor's.
        const std::size_t most = options.method == Method::newton_cg ? 4 * taken : 2 * taken;
        EXPECT_LE(needed.host, (at_end ? most : needed.host) + fixed);
        std::cout << taken << " of " << needed.host << " bytes: " << name(options) << ": "
                  << to_string(result.status) << "\n";
    }
    /// By every method.
    template <class T>
    static void expect_enough_for_all(const Problem<T>& problem, Options options,
                                      std::size_t fixed = small) {
        const int threads = options.threads;
        for (const Method method : all_methods) {
            options.method = method;
            // Without matrices most of it is what threads need, and one may do the work of two.
            options.threads = takes_products(method) ? 1 : threads;
            expect_enough(problem, options, fixed);
        }
    }
};

TEST_F(MemoryOnTheHostTest, ObjectivesByEveryKindOfDerivative) {
    constexpr int n = 300;
    Options options = options_of_test();
    const auto values = make_objective<double>(Bowl{}, n);
    expect_enough_for_all(values, options);
    options.derivatives.gradient = GradientBy::forward_differences;
    options.derivatives.hessian = HessianBy::value_differences;
    expect_enough_for_all(values, options);
    options.derivatives = {};
    options.derivatives.hessian = HessianBy::gradient_differences;
    expect_enough_for_all(values, options);
    const auto gradient = make_objective<double>(BowlWithGradient{}, n);
    expect_enough_for_all(gradient, options);
    options.derivatives = {};
    expect_enough_for_all(make_objective<double>(BowlWithHessian{}, n), options);
    expect_enough_for_all(make_objective<float>(BowlWithHessian{}, n), options);
}

TEST_F(MemoryOnTheHostTest, ASmallBudgetIsKeptTo) {
    Options options = options_of_test();
    const auto problem = make_objective<double>(Bowl{}, 400);
    const std::size_t ample = memory_needed(problem, options).host;
    options.derivatives.memory_budget = std::size_t{1} << 20;
    EXPECT_LT(memory_needed(problem, options).host, ample - (std::size_t{1} << 19));
    expect_enough(problem, options);
}

TEST_F(MemoryOnTheHostTest, AMinimumThatIsNotUniqueAndAFactorThatIsKept) {
    Options options = options_of_test();
    const auto flat = make_objective<double>(Bowl{{200}}, 400);
    const auto single = make_objective<float>(Bowl{{200}}, 400);
    for (const bool keep : {false, true}) {
        options.keep_hessian_factor = keep;
        EXPECT_EQ(minimize(flat, std::vector<double>(400, 0.0), options).status, Status::singular);
        expect_enough(flat, options);
        expect_enough(single, options);
    }
}

TEST_F(MemoryOnTheHostTest, Bounds) {
    constexpr int n = 100;
    Options options = options_of_test();
    options.lower.assign(n, -1);
    options.upper.assign(n, 0.5);
    options.upper[3] = 1e-9;
    options.fixed.assign(n, false);
    options.fixed[7] = true;
    BlackBox<double> box;
    box.values = [](const double* points, int dimension, int count, double* losses) {
        for (int p = 0; p < count; ++p) {
            losses[p] = 0;
            for (int j = 0; j < dimension; ++j) {
                const double u = points[p * dimension + j] - 0.01 * (j % 80);
                losses[p] += u * u;
            }
        }
    };
    for (const Method method : {Method::newton, Method::trust_region, Method::newton_cg,
                                Method::bfgs, Method::lbfgs, Method::gradient_descent}) {
        options.method = method;
        options.threads = takes_products(method) ? 1 : 2;
        options.derivatives = {};
        expect_enough(make_objective<double>(BowlWithHessian{}, n), options);
        options.derivatives.hessian = HessianBy::gradient_differences;
        expect_enough(make_objective<double>(BowlWithGradient{}, n), options);
        options.derivatives.hessian = HessianBy::value_differences;
        expect_enough(make_black_box<double>(box, n), options);
    }
}

TEST_F(MemoryOnTheHostTest, StatesThatAreSaved) {
    Options options = options_of_test();
    const TemporaryFile file;
    const auto problem = make_objective<double>(BowlWithHessian{}, 400);
    const std::vector<double> x0(400, 0.0);
    for (const Method method : {Method::newton, Method::newton_cg, Method::lbfgs, Method::bfgs}) {
        SCOPED_TRACE(to_string(method));
        options.method = method;
        options.checkpoint = {};
        const std::size_t without = memory_needed(problem, options).host;
        options.checkpoint = {.file = file.path(), .every = 1};
        options.checkpoint.resume = false;
        const std::size_t needed = memory_needed(problem, options).host;
        EXPECT_GT(needed, without);
        for (int i = 0; i < 2; ++i) {
            const std::size_t before = held;
            most_held = before;
            minimize(problem, x0, options);
            EXPECT_LE(most_held - before, needed) << (i == 0 ? "saved" : "resumed");
            options.checkpoint.resume = true;
        }
    }
}

TEST_F(MemoryOnTheHostTest, Residuals) {
    const Data<double> data(3000, 30);
    const auto problem = make_residuals<double>(LinearResidual{}, data.samples, 30, {.l2 = 0.1});
    Options options = options_of_test();
    for (const Method method : {Method::levenberg_marquardt, Method::dogleg, Method::newton_cg}) {
        options.method = method;
        options.derivatives.hessian = HessianBy::automatic;
        expect_enough(problem, options, 4 * small);
        options.derivatives.hessian = HessianBy::autodiff;
        expect_enough(problem, options, 4 * small);
    }
}

TEST_F(MemoryOnTheHostTest, RunsWithinBounds) {
    constexpr int n = 300;
    Options options = options_of_test();
    options.lower.assign(n, -0.1);
    options.upper.assign(n, 0.25);
    for (const Method method : all_methods) {
        SCOPED_TRACE(to_string(method));
        options.method = method;
        for (const bool differences : {false, true}) {
            options.derivatives = {};
            if (differences) options.derivatives.gradient = GradientBy::central_differences;
            const auto problem = make_objective<double>(Bowl{}, n);
            const std::size_t needed = memory_needed(problem, options).host;
            const std::size_t before = held;
            most_held = before;
            minimize(problem, std::vector<double>(n, 0.0), options);
            EXPECT_LE(most_held - before, needed);
        }
    }
}

TEST_F(MemoryOnTheHostTest, SumsOverSamples) {
    const Data<double> data(3000, 30);
    Options options = options_of_test();
    // Beside samples that are read in place, lanes: as wide as the widest processor's.
    const std::size_t lanes = 4 * small;
    const auto values = make_sample_sum<double>(BlackBoxLogistic<0>{}, data.samples, 31);
    const auto hessian = make_sample_sum<double>(BlackBoxLogistic<2>{}, data.samples, 31);
    expect_enough_for_all(values, options, lanes);
    expect_enough_for_all(hessian, options, lanes);
    const auto gradient = make_sample_sum<double>(BlackBoxLogistic<1>{}, data.samples, 31);
    options.derivatives.hessian = HessianBy::gradient_differences;
    options.method = Method::newton;
    expect_enough(gradient, options, lanes);
    // Feature by feature they are copied.
    const auto copied = make_sample_sum<double>(BlackBoxLogistic<2>{}, data.transposed(), 31);
    options.derivatives = {};
    expect_enough(copied, options);
    EXPECT_EQ(memory_needed(copied, options).host - memory_needed(hessian, options).host,
              data.features.size() * sizeof(double));
}

TEST_F(MemoryOnTheHostTest, SumsOfElements) {
    constexpr int n = 600;
    std::vector<int> indices;
    for (int j = 0; j < n; ++j) indices.insert(indices.end(), {j, (j + 7) % n, (j + 20) % n});
    const std::vector<double> ones(n, 1.0);
    const Samples<double> weighted{.count = n, .weights = ones.data()};
    const Problem<double> problem =
        make_element_sum<double>({make_elements<double>(Springs{}, indices, weighted)}, n);
    Options options = options_of_test();
    for (const GradientBy by : {GradientBy::automatic, GradientBy::central_differences})
        for (const Method method : all_methods) {
            options.derivatives.gradient = by;
            options.method = method;
            const bool factorises = method == Method::newton || method == Method::trust_region ||
                                    method == Method::levenberg_marquardt ||
                                    method == Method::dogleg;
            if (factorises)
                EXPECT_THROW(memory_needed(problem, options), InvalidArgument);
            else
                expect_enough(problem, options);
        }
}

template <class T>
void check_predictors(const auto& expect) {
    const Data<T> many(40000, 10), wide(1500, 100);
    const Options options;
    for (const Data<T>* data : {&many, &wide}) {
        expect(make_linear_predictor<T>(Logistic{}, data->samples, {.l2 = 0.1, .intercept = true}));
        expect(make_linear_predictor<T>(Softmax{3}, data->samples, {.l2 = 0.1, .intercept = true}));
    }
    expect(make_linear_predictor<T>(Logistic{}, wide.transposed(), {.l2 = 0.1}));
}

TEST_F(MemoryOnTheHostTest, LinearPredictors) {
    Options options = options_of_test();
    check_predictors<double>([&](const Problem<double>& p) { expect_enough_for_all(p, options); });
    check_predictors<float>([&](const Problem<float>& p) { expect_enough_for_all(p, options); });
    options.derivatives.hessian_precision = HessianPrecision::single;
    check_predictors<double>([&](const Problem<double>& p) { expect_enough(p, options); });
}

TEST_F(MemoryOnTheHostTest, BlackBoxes) {
    constexpr int n = 300;
    BlackBox<double> box([](const double* points, int dimension, int points_count, double* losses) {
        for (long p = 0; p < points_count; ++p) {
            losses[p] = 0;
            for (int j = 0; j < dimension; ++j)
                losses[p] += math::square(points[p * dimension + j] - 1);
        }
    });
    Options options = options_of_test();
    expect_enough_for_all(make_black_box<double>(box, n), options);
    box.value_and_gradient = [](const double* x, int dimension, double* g) {
        double f = 0;
        for (int j = 0; j < dimension; ++j) {
            f += math::square(x[j] - 1);
            g[j] = 2 * (x[j] - 1);
        }
        return f;
    };
    expect_enough_for_all(make_black_box<double>(box, n), options);
    box.products = [](const double*, int dimension, const double* V, int columns, double* HV) {
        for (long e = 0; e < long{dimension} * columns; ++e) HV[e] = 2 * V[e];
    };
    expect_enough_for_all(make_black_box<double>(box, n), options);
    box.values = nullptr;
    box.products = nullptr;
    box.hessian = [](const double*, int dimension, double* H) {
        for (long e = 0; e < long{dimension} * dimension; ++e)
            H[e] = e % (dimension + 1) == 0 ? 2 : 0;
    };
    expect_enough_for_all(make_black_box<double>(box, n), options);
}

TEST_F(MemoryOnTheHostTest, Perceptrons) {
    const Data<double> data(3000, 30);
    const Data<float> in_float(3000, 30);
    Options options = options_of_test();
    options.max_iterations = 3;
    for (const std::size_t budget : {std::size_t{256} << 20, std::size_t{1} << 20}) {
        options.derivatives.memory_budget = budget;
        expect_enough_for_all(make_perceptron<double>({{30, 8, 6, 2}}, data.samples, {.l2 = 0.1}),
                              options);
        expect_enough_for_all(make_perceptron<double>({{30, 2}}, data.transposed(), {.l2 = 0.1}),
                              options);
        expect_enough_for_all(make_perceptron<float>({{30, 20, 2}}, in_float.samples, {.l2 = 0.1}),
                              options);
    }
}

TEST_F(MemoryOnTheHostTest, Preconditioners) {
    const Data<double> wide(1500, 100);
    Options options = options_of_test();
    options.method = Method::newton_cg;
    options.threads = 1;
    OwnPreconditioner<double> own;
    own.apply = [](const double* r, int n, double* z) { std::copy_n(r, n, z); };
    for (const PreconditionBy by :
         {PreconditionBy::none, PreconditionBy::blocks, PreconditionBy::diagonal,
          PreconditionBy::nystrom, PreconditionBy::own}) {
        SCOPED_TRACE(to_string(by));
        options.precondition = by;
        if (by == PreconditionBy::own) options.preconditioner = own;
        expect_enough(make_linear_predictor<double>(Softmax{3}, wide.samples, {.l2 = 0.1}),
                      options);
        if (by == PreconditionBy::blocks) continue;
        expect_enough(make_objective<double>(BowlWithHessian{}, 3000), options);
    }
}

TEST_F(MemoryOnTheHostTest, EndsAreExaminedWithAPreconditionerOfTheirOwn) {
    const Data<double> data(3000, 30);
    const auto problem = make_perceptron<double>({{30, 8, 2}}, data.samples,
                                                 {.l2 = 0.1, .penalize_intercept = true});
    Options options = options_of_test();
    options.gradient_tolerance = 1e-3;
    options.max_iterations = 100;
    options.threads = 1;
    for (const Method method : {Method::hessian_free, Method::kfac})
        for (const PreconditionBy by : {PreconditionBy::kronecker, PreconditionBy::nystrom}) {
            SCOPED_TRACE(to_string(by));
            options.method = method;
            options.precondition = by;
            expect_enough(problem, options);
            const std::vector<double> x0(static_cast<std::size_t>(problem.dimension()), 0.0);
            EXPECT_LE(minimize(problem, x0, options).gradient_norm, 1e-3);
        }
}

TEST_F(MemoryOnTheHostTest, SumsOverRanks) {
    const Data<double> data(6000, 30);
    const Data<float> in_float(6000, 100);
    Options options = options_of_test();
    options.max_iterations = 3;
    const std::size_t lanes = 4 * small;
    ThreadRanks one(1);
    ProblemOptions shared{.l2 = 0.1};
    shared.communicator = std::make_shared<ThreadCommunicator>(one, 0);
    expect_enough_for_all(make_perceptron<double>({{30, 8, 6, 2}}, data.samples, shared), options);
    expect_enough_for_all(make_linear_predictor<double>(Softmax{3}, data.samples, shared), options);
    Options without_blocks = options;  // which few products would not make
    without_blocks.precondition = PreconditionBy::none;
    expect_enough_for_all(make_linear_predictor<float>(Logistic{}, in_float.samples, shared),
                          without_blocks);
    const auto sum = [&](const auto& loss) {
        return make_sample_sum<double>(loss, data.samples, 31, shared);
    };
    expect_enough_for_all(sum(BlackBoxLogistic<2>{}), options, lanes);
    expect_enough_for_all(sum(BlackBoxLogistic<0>{}), options, lanes);
    Options differences = options;
    differences.derivatives.hessian = HessianBy::gradient_differences;
    differences.method = Method::newton;
    expect_enough(sum(BlackBoxLogistic<1>{}), differences, 2 * lanes);
    shared.rank_sums = RankSums::all_reduce;
    expect_enough_for_all(make_linear_predictor<double>(Softmax{3}, data.samples, shared), options);
}

TEST_F(MemoryOnTheHostTest, MethodsOnSamples) {
    const Data<double> data(20000, 40);
    Options options = options_of_test();
    options.max_iterations = 3;
    options.threads = 1;
    for (const Method method : sampling_methods) {
        options.method = method;
        expect_enough(make_perceptron<double>({{40, 30, 2}}, data.samples, {.l2 = 0.1}), options);
        if (method == Method::kfac) continue;
        expect_enough(make_linear_predictor<double>(Logistic{}, data.samples, {.l2 = 0.1}),
                      options);
        expect_enough(make_sample_sum<double>(BlackBoxLogistic<2>{}, data.samples, 41, {.l2 = 0.1}),
                      options, 4 * small);
    }
}

TEST_F(MemoryOnTheHostTest, MethodsOnSamplesOfRanks) {
    const Data<double> data(20000, 40);
    Options options = options_of_test();
    options.max_iterations = 2;
    options.threads = 1;
    ThreadRanks one(1);
    ProblemOptions shared{.l2 = 0.1};
    shared.communicator = std::make_shared<ThreadCommunicator>(one, 0);
    options.sampling.size = 1000;
    const auto net = make_perceptron<double>({{40, 30, 2}}, data.samples, shared);
    const auto linear = make_linear_predictor<double>(Logistic{}, data.samples, shared);
    for (const Method method : {Method::kfac, Method::sgd}) {
        options.method = method;
        expect_enough(net, options);
    }
    for (const Method method : {Method::subsampled_newton, Method::newton_cg}) {
        options.method = method;
        expect_enough(linear, options);
        options.precondition = PreconditionBy::blocks;  // from samples
    }
}

TEST_F(MemoryOnTheHostTest, DescentSteps) {
    Options options = options_of_test();
    options.method = Method::gradient_descent;
    options.threads = 1;
    const auto problem = make_objective<double>(BowlWithHessian{}, 5000);
    for (const DescentStep step :
         {DescentStep::exact_quadratic, DescentStep::inverse_lambda_max,
          DescentStep::extreme_eigenvalues, DescentStep::inverse_diagonal}) {
        SCOPED_TRACE(to_string(step));
        options.descent_step = step;
        expect_enough(problem, options);
    }
}

TEST_F(MemoryOnTheHostTest, PenaltiesOnCurvature) {
    const Data<double> data(2000, 40);
    Options options = options_of_test();
    options.max_iterations = 2;
    options.threads = 1;
    const auto net = make_perceptron<double>({{40, 30, 2}}, data.samples, {.l2 = 0.1});
    const auto linear = make_linear_predictor<double>(Logistic{}, data.samples, {.l2 = 0.1});
    for (const CurvaturePenaltyKind kind :
         {CurvaturePenaltyKind::trace, CurvaturePenaltyKind::squared_frobenius_norm,
          CurvaturePenaltyKind::largest_eigenvalue, CurvaturePenaltyKind::sharpness}) {
        SCOPED_TRACE(to_string(kind));
        const CurvaturePenalty penalty{.kind = kind, .strength = 0.01, .probes = 3};
        for (const Method method : {Method::newton_cg, Method::lbfgs, Method::sgd}) {
            options.method = method;
            expect_enough(with_curvature_penalty(net, penalty), options, 8 * small);
        }
        options.method = Method::newton;
        expect_enough(with_curvature_penalty(linear, penalty), options, 8 * small);
    }
}

TEST_F(MemoryOnTheHostTest, LanczosVectors) {
    Options options = options_of_test();
    options.method = Method::newton_cg;
    options.threads = 1;
    options.boundary = Boundary::lanczos;
    expect_enough(make_objective<double>(BowlWithHessian{}, 3000), options);
}

TEST_F(MemoryOnTheHostTest, LittleProblemsTakeLittle) {
    Options options = options_of_test();
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 2);
    expect_enough_for_all(problem, options, 2 * small);
}

TEST_F(MemoryNeededTest, ItSaysBeforehandWhatCannotFit) {
    // Without taking it.
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 500000);
    Options options = options_of_test();
    const MemoryNeeded needed = memory_needed(problem, options);
    EXPECT_GT(testing_cuda() ? needed.device : needed.host, std::size_t{4} * 1000000000000u);
    options.method = Method::bfgs;
    options.derivatives.hessian = HessianBy::value_differences;
    const MemoryNeeded first_order = memory_needed(problem, options);
    EXPECT_LT(testing_cuda() ? first_order.device : first_order.host,
              std::size_t{21} * 100000000000u);
}

TEST_F(MemoryNeededTest, ItThrowsAsMinimizeDoes) {
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 4);
    const std::vector<double> x0(4, 1.0);
    const auto rejected = [&](const auto& change) {
        Options options = options_of_test();
        change(options);
        EXPECT_THROW(memory_needed(problem, options), InvalidArgument);
        EXPECT_THROW(minimize(problem, x0, options), InvalidArgument);
    };
    rejected([](Options& o) { o.threads = -1; });
    rejected([](Options& o) { o.max_iterations = -1; });
    rejected([](Options& o) { o.derivatives.typical_x = {1, 2}; });
    rejected([](Options& o) { o.derivatives.hessian = HessianBy::analytic; });
    rejected([](Options& o) { o.method = static_cast<Method>(99); });
    rejected([](Options& o) { o.backend = "abacus"; });
    DeviceBlackBox<double> elsewhere;
    elsewhere.values = [](const double*, int, int, double*, cuda::Stream) {};
    Options options;
    options.backend = BackendChoice::cpu;
    EXPECT_THROW(memory_needed(make_black_box<double>({}, 2, elsewhere), options),
                 BackendUnavailable);
}

#if CUNEWTON_WITH_CUDA

class MemoryOnTheDeviceTest : public MemoryNeededTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        MemoryNeededTest::SetUp();
        if (IsSkipped()) return;
        overhead_ = 0;
        const Data<double> little(100, 2);
        overhead_ = held_by(make_linear_predictor<double>(Logistic{}, little.samples, {.l2 = 0.1}),
                            options_of_test());
        // The device's own unit of memory, of which an array takes whole ones.
        const std::size_t before = free_device_memory(), bytes = (std::size_t{1} << 20) + 256;
        void* block = nullptr;
        ASSERT_EQ(cudaMalloc(&block, bytes), cudaSuccess);
        rounding_ = 16 * (before - free_device_memory() - bytes) + (64 << 10);
        ASSERT_EQ(cudaFree(block), cudaSuccess);
    }
    /// What a minimisation holds after its first steps.
    template <class T>
    std::size_t held_by(const Problem<T>& problem, Options options) const {
        const std::vector<T> x0(static_cast<std::size_t>(problem.dimension()), T(0.5));
        minimize(problem, x0, options);  // the code is on the device now
        const std::size_t before = free_device_memory();
        std::size_t held_there = 0;
        options.callback = [&](const IterationRecord&) {
            held_there = std::max(held_there, before - free_device_memory());
            return true;
        };
        EXPECT_EQ(minimize(problem, x0, options).backend, "cuda");
        return held_there - std::min(held_there, overhead_);
    }
    /// It takes no more than is said, about as much, and with just that it works.
    template <class T>
    void expect_enough(const Problem<T>& problem, const Options& options) {
        SCOPED_TRACE(name(options));
        const MemoryNeeded needed = memory_needed(problem, options);
        const std::size_t measured = held_by(problem, options);
        EXPECT_LE(measured, needed.device + rounding_);
        EXPECT_LE(needed.device, 2 * measured + small);
        std::cout << measured << " of " << needed.device << " bytes: " << name(options) << "\n";
        TakenMemory taken;
        taken.leave(needed.device + overhead_ + rounding_);
        EXPECT_GE(held_by(problem, options) + rounding_, measured);  // no smaller tile
    }

  private:
    std::size_t overhead_ = 0;  ///< of the libraries' handles
    std::size_t rounding_ = 0;
};

TEST_F(MemoryOnTheDeviceTest, LinearPredictors) {
    const Data<double> data(testing_little() ? 6000 : 20000, 30);
    Options options = options_of_test();
    for (const Method method :
         {Method::newton, Method::bfgs, Method::trust_region, Method::newton_cg, Method::lbfgs}) {
        options.method = method;
        expect_enough(
            make_linear_predictor<double>(Logistic{}, data.samples, {.l2 = 0.1, .intercept = true}),
            options);
        expect_enough(make_linear_predictor<double>(Softmax{3}, data.samples, {.l2 = 0.1}),
                      options);
    }
    options.method = Method::newton;
    options.derivatives.hessian_precision = HessianPrecision::single;
    expect_enough(make_linear_predictor<double>(Softmax{3}, data.samples, {.l2 = 0.1}), options);
}

TEST_F(MemoryOnTheDeviceTest, SumsOverRanks) {
    const Data<double> data(2100, 500);
    Options options = options_of_test();
    options.method = Method::newton_cg;
    options.precondition = PreconditionBy::none;
    options.max_iterations = 2;
    ThreadRanks one(1);
    std::size_t needed[2];
    for (const bool device_memory : {false, true}) {
        ProblemOptions shared{.l2 = 0.1};
        shared.communicator = std::make_shared<ThreadCommunicator>(one, 0, device_memory);
        const auto problem = make_linear_predictor<double>(Softmax{3}, data.samples, shared);
        needed[device_memory] = memory_needed(problem, options).device;
        expect_enough(problem, options);
    }
    // The branch of this rank and that of all, one vector each.
    EXPECT_EQ(needed[true] - needed[false], 2 * 1500 * sizeof(double));
}

TEST_F(MemoryOnTheDeviceTest, BlocksThatAreFactorised) {
    const Data<double> data(500, 20);
    const auto problem = make_linear_predictor<double>(Softmax{10}, data.samples, {.l2 = 0.1});
    Options options = options_of_test();
    options.max_iterations = 2;
    options.method = Method::newton_cg;
    options.precondition = PreconditionBy::blocks;
    expect_enough(problem, options);
    options.precondition = PreconditionBy::automatic;
    options.method = Method::block_newton;
    expect_enough(problem, options);
    options.max_iterations = 1;
    options.blocks = {{0, 50}, {50, 100}};
    for (int j = 100; j < 200; ++j) options.blocks.push_back({j, j + 1});
    expect_enough(problem, options);
}

TEST_F(MemoryOnTheDeviceTest, Perceptrons) {
    const Data<double> data(5000, 30);  // more than a tile of the small budget
    Options options = options_of_test();
    options.max_iterations = testing_little() ? 1 : 2;
    const auto problem = make_perceptron<double>({{30, 4, 2}}, data.samples, {.l2 = 0.1});
    for (const std::size_t budget : {std::size_t{256} << 20, std::size_t{1} << 20}) {
        options.derivatives.memory_budget = budget;
        for (const Method method : {Method::newton, Method::bfgs}) {
            options.method = method;
            expect_enough(problem, options);
        }
    }
}

// What cuBLAS works with in graphs, where there are any.
TEST_F(MemoryOnTheDeviceTest, ProductsAsGraphs) {
    const Data<double> data(5000, 30);
    Options options = options_of_test();
    options.max_iterations = 2;
    options.method = Method::newton_cg;
    const auto perceptron = make_perceptron<double>({{30, 8, 2}}, data.samples, {.l2 = 0.1});
    const auto predictor = make_linear_predictor<double>(Softmax{3}, data.samples, {.l2 = 0.1});
    const auto objective = make_objective<double>(ExtendedRosenbrock{}, 100);
    ThreadRanks one(1);
    ProblemOptions shared{.l2 = 0.1};
    shared.communicator = std::make_shared<ThreadCommunicator>(one, 0);
    const auto over_ranks = make_linear_predictor<double>(Softmax{3}, data.samples, shared);
    const auto more = [&](const Problem<double>& problem) {
        options.cuda_graphs = false;
        const std::size_t without = memory_needed(problem, options).device;
        options.cuda_graphs = true;
        return memory_needed(problem, options).device - without;
    };
    EXPECT_EQ(more(objective), 0u);
    EXPECT_EQ(more(over_ranks), 0u);
    EXPECT_GE(more(perceptron), std::size_t{4} << 20);
    EXPECT_EQ(more(predictor), more(perceptron));
    expect_enough(perceptron, options);
    expect_enough(predictor, options);
}

TEST_F(MemoryOnTheDeviceTest, Objectives) {
    Options options = options_of_test();
    const auto problem = make_objective<double>(ExtendedRosenbrock{}, 100);
    for (const HessianBy by : {HessianBy::autodiff, HessianBy::value_differences}) {
        options.derivatives.hessian = by;
        expect_enough(problem, options);
    }
}

TEST_F(MemoryOnTheDeviceTest, BlackBoxes) {
    // The first parameter, by copies alone.
    const DeviceBlackBox<double> first([](const double* points, int dimension, int count,
                                          double* losses, cuda::Stream stream) {
        constexpr std::size_t number = sizeof(double);
        EXPECT_EQ(
            cudaMemcpy2DAsync(losses, number, points, number * dimension, number,
                              static_cast<std::size_t>(count), cudaMemcpyDeviceToDevice, stream),
            cudaSuccess);
    });
    Options options = options_of_test();
    options.max_iterations = 2;
    const auto problem = make_black_box<double>({}, 60, first);
    expect_enough(problem, options);
    options.derivatives.memory_budget = std::size_t{1} << 20;
    expect_enough(problem, options);
}

TEST_F(MemoryOnTheDeviceTest, SamplesThatAreThereAreNotCounted) {
    const Data<double> data(20000, 30);
    const OnDevice<double> features(data.features), targets(data.targets);
    Samples<double> there = data.transposed();
    there.features = features.get();
    there.targets = targets.get();
    there.memory = Memory::device;
    const Options options = options_of_test();
    const auto resident = make_linear_predictor<double>(Logistic{}, there, {.l2 = 0.1});
    const auto sent = make_linear_predictor<double>(Logistic{}, data.samples, {.l2 = 0.1});
    const MemoryNeeded of_resident = memory_needed(resident, options),
                       of_sent = memory_needed(sent, options);
    EXPECT_GE(of_sent.device - of_resident.device, data.features.size() * sizeof(double));
    // Nor is the ring that they would pass through.
    EXPECT_GE(of_sent.host - of_resident.host, std::size_t{8} << 20);
    expect_enough(resident, options);
    // The CPU takes a copy.
    Options on_cpu = options;
    on_cpu.backend = BackendChoice::cpu;
    EXPECT_GE(memory_needed(resident, on_cpu).host - memory_needed(sent, on_cpu).host,
              (data.features.size() + data.targets.size()) * sizeof(double));
}

#endif

}  // namespace
}  // namespace cunewton::test
