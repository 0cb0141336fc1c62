// Batches of small problems on the GPU: its two kernels against the CPU, chunks, exhausted memory,
// and data that are on the device already.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include "cunewton/cuda/attach.cuh"
#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/on_device.h"

namespace cunewton::test {

// Not in an unnamed namespace, where nvcc warns of members that the library only asks about.

/// a exp(-k x) + b, with derivatives of its own.
struct OwnDecay {
    static constexpr int parameters = 3, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE auto operator()(const P& p, const X& x) const {
        using namespace math;
        const auto& [a, k, b] = p;
        return a * exp(-x[0] * k) + b;
    }
    template <class P, class X>
    CUNEWTON_HOST_DEVICE scalar_t<P> value_and_gradient(const P& p, const X& x,
                                                        scalar_t<P>* gradient) const {
        using namespace math;
        using S = scalar_t<P>;
        const S shape = exp(-x[0] * p[1]);
        gradient[0] = shape;
        gradient[1] = -x[0] * p[0] * shape;
        gradient[2] = 1.0;
        return p[0] * shape + p[2];
    }
};

/// sum_j p_j cos(j x), and exp of it: many parameters.
template <int n, bool own>
struct Waves {
    static constexpr int parameters = n, coordinates = 1;
    template <class P, class X>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const X& x) const {
        using namespace math;
        scalar_t<P> sum(0.0);
        for (int j = 0; j < n; ++j) sum += p[j] * cos(x[0] * double(j));
        return exp(0.25 * sum);
    }
    template <class P, class X>
    requires own CUNEWTON_HOST_DEVICE scalar_t<P> value_and_gradient(const P& p, const X& x,
                                                                     scalar_t<P>* gradient)
    const {
        using namespace math;
        const scalar_t<P> value = (*this)(p, x);
        for (int j = 0; j < n; ++j) gradient[j] = 0.25 * value * cos(x[0] * double(j));
        return value;
    }
};

/// sum_j exp(p_j) - d_j p_j and a coupling of neighbours: a convex objective of any size.
template <int n>
struct Coupled {
    static constexpr int parameters = n, coordinates = 2;
    template <class P, class D>
    CUNEWTON_HOST_DEVICE scalar_t<P> operator()(const P& p, const D& d) const {
        using namespace math;
        scalar_t<P> f(0.0);
        for (int j = 0; j < n; ++j) f += exp(p[j]) - d[j % 2] * p[j];
        for (int j = 1; j < n; ++j) f += 0.5 * square(p[j] - p[j - 1]);
        return f;
    }
};

namespace {

template <class T>
constexpr double rounding = sizeof(T) == 8 ? 1e-8 : 2e-3;

class BatchDeviceTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
};

BatchOptions on(BackendChoice choice, BatchOptions options = {}) {
    options.backend = choice;
    options.threads = 1;
    return options;
}

/// Data of a model at random parameters around `centre`, with noise, started nearby.
template <class T>
struct Fits {
    int points;
    std::vector<T> coordinates, y, weights, start;
    std::vector<long> offsets;
    BatchData<T> data;

    template <class Model>
    Fits(const Model& model, const std::vector<double>& centre, long problems, int most,
         bool ragged = false, bool shared = true, double noise = 0.01)
        : points(most) {
        std::mt19937_64 random(42);
        std::uniform_real_distribution<double> unit(0, 1);
        const int n = static_cast<int>(centre.size());
        offsets.push_back(0);
        for (long i = 0; i < problems; ++i) {
            const int count = ragged ? n + 2 + static_cast<int>(i * 7 % (most - n - 1)) : most;
            offsets.push_back(offsets.back() + count);
            std::vector<double> p = centre;
            for (double& value : p) value += 0.1 * (unit(random) - 0.5);
            for (int k = 0; k < count; ++k) {
                const T x = static_cast<T>(0.1 + 2.8 * k / (count > 1 && !shared ? count : most));
                if (!shared || i == 0) coordinates.push_back(x);
                const double at[1] = {static_cast<double>(x)};
                const double value =
                    model(Parameters<double, Model::parameters>{p.data()}, VectorOf{at});
                y.push_back(static_cast<T>(value + noise * (unit(random) - 0.5)));
            }
            for (const double value : p)
                start.push_back(static_cast<T>(value + 0.2 * (unit(random) - 0.5)));
        }
        data.problems = problems;
        data.points = most;
        if (ragged) data.offsets = offsets;
        data.coordinates = coordinates;
        data.y = y;
        data.start = start;
    }

  private:
    struct VectorOf {
        using value_type = double;
        const double* values;
        CUNEWTON_HOST_DEVICE double operator[](int c) const { return values[c]; }
        CUNEWTON_HOST_DEVICE int size() const { return 1; }
    };
};

template <class T>
void expect_same_bits(const std::vector<T>& a, const std::vector<T>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_TRUE(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i]))
            << i << ": " << a[i] << " " << b[i];
}
template <class T>
void expect_same_bits(const BatchResult<T>& a, const BatchResult<T>& b) {
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.iterations, b.iterations);
    EXPECT_EQ(a.degrees_of_freedom, b.degrees_of_freedom);
    expect_same_bits(a.parameters, b.parameters);
    expect_same_bits(a.objective, b.objective);
    expect_same_bits(a.gradient_norm, b.gradient_norm);
    expect_same_bits(a.standard_errors, b.standard_errors);
}

/// Statuses are equal in double; in float rounding decides which test a fit meets first.
template <class T>
void expect_close(const BatchResult<T>& gpu, const BatchResult<T>& cpu, double tolerance) {
    EXPECT_EQ(gpu.backend, "cuda") << gpu.backend_reason;
    EXPECT_EQ(gpu.completed, cpu.completed);
    if (sizeof(T) == 8) {
        EXPECT_EQ(gpu.status, cpu.status);
    }
    for (std::size_t k = 0; k < cpu.parameters.size(); ++k) {
        if (std::isnan(cpu.parameters[k])) {
            EXPECT_TRUE(std::isnan(gpu.parameters[k])) << k;
            continue;
        }
        EXPECT_NEAR(gpu.parameters[k], cpu.parameters[k],
                    tolerance * std::max(1.0, std::abs(static_cast<double>(cpu.parameters[k]))))
            << "parameter " << k;
    }
    for (std::size_t i = 0; i < cpu.objective.size(); ++i)
        if (!std::isnan(cpu.objective[i])) {
            EXPECT_NEAR(gpu.objective[i], cpu.objective[i],
                        tolerance * (1e-2 + std::abs(static_cast<double>(cpu.objective[i]))))
                << i;
        }
    for (std::size_t k = 0; k < cpu.standard_errors.size(); ++k)
        if (!std::isnan(cpu.standard_errors[k])) {
            EXPECT_NEAR(gpu.standard_errors[k], cpu.standard_errors[k],
                        100 * tolerance * (1e-2 + cpu.standard_errors[k]))
                << k;
        }
}

template <class T>
void expect_agreement(const FitModel& model, const BatchData<T>& data,
                      const BatchOptions& options = {}, double tolerance = rounding<T>) {
    const auto gpu = fit_batch(model, data, on(BackendChoice::cuda, options));
    const auto cpu = fit_batch(model, data, on(BackendChoice::cpu, options));
    expect_close(gpu, cpu, tolerance);
    expect_same_bits(gpu, fit_batch(model, data, on(BackendChoice::cuda, options)));
}

FitModel own_decay() {
    FitModel model = make_fit_model(OwnDecay{});
    cuda::attach_device_code(model, OwnDecay{});
    return model;
}
const std::vector<double> decay_centre{5.0, 1.5, 1.0};

template <class T>
class BatchKernelTest : public BatchDeviceTest {};
using Arithmetics = ::testing::Types<double, float>;
TYPED_TEST_SUITE(BatchKernelTest, Arithmetics);

TYPED_TEST(BatchKernelTest, ThreadKernelAgreesWithTheCpu) {
    using T = TypeParam;
    const FitModel model = own_decay();
    const Fits<T> fits(OwnDecay{}, decay_centre, 70, 20);
    for (const auto by : {BatchDerivatives::analytic, BatchDerivatives::autodiff}) {
        BatchOptions options;
        options.derivatives = by;
        options.standard_errors = true;
        expect_agreement(model, fits.data, options);
    }
    BatchOptions options;
    options.derivatives = BatchDerivatives::differences;
    expect_agreement(model, fits.data, options, sizeof(T) == 8 ? 1e-6 : 2e-2);
}

TYPED_TEST(BatchKernelTest, WarpKernelAgreesWithTheCpu) {
    using T = TypeParam;
    const FitModel model = own_decay();
    // Too many points for 64 problems in a block's shared memory; then for 4.
    for (const int points : {1500, 12000}) {
        const Fits<T> fits(OwnDecay{}, decay_centre, 5, points);
        for (const auto by : {BatchDerivatives::analytic, BatchDerivatives::autodiff}) {
            BatchOptions options;
            options.derivatives = by;
            options.standard_errors = true;
            expect_agreement(model, fits.data, options);
        }
    }
    const Fits<T> fits(OwnDecay{}, decay_centre, 3, 1500);
    BatchOptions options;
    options.derivatives = BatchDerivatives::differences;
    expect_agreement(model, fits.data, options, sizeof(T) == 8 ? 1e-6 : 2e-2);
}

TYPED_TEST(BatchKernelTest, WarpKernelTakesManyParameters) {
    using T = TypeParam;
    const auto check = [](auto functor) {
        using Model = decltype(functor);
        FitModel model = make_fit_model(functor);
        cuda::attach_device_code(model, functor);
        const Fits<T> fits(functor, std::vector<double>(Model::parameters, 0.3), 4, 70);
        BatchOptions options;
        options.standard_errors = true;
        expect_agreement(model, fits.data, options, sizeof(T) == 8 ? 1e-7 : 2e-2);
        options.derivatives = BatchDerivatives::differences;
        if (Model::parameters < 32)
            expect_agreement(model, fits.data, options, sizeof(T) == 8 ? 1e-4 : 2e-1);
    };
    check(Waves<12, true>{});
    check(Waves<32, false>{});
}

TYPED_TEST(BatchKernelTest, ObjectivesAgreeWithTheCpu) {
    using T = TypeParam;
    const auto check = [](auto functor, int points, const std::vector<long>& offsets = {}) {
        using Model = decltype(functor);
        SmallObjective objective = make_small_objective(functor);
        cuda::attach_device_code(objective, functor);
        std::vector<T> d, start(Model::parameters, T(0.5));
        const long terms = offsets.empty() ? 6 * points : offsets.back();
        for (int i = 0; i < terms * 2; ++i) d.push_back(static_cast<T>(1 + i % 5));
        BatchData<T> data{
            .problems = 6, .points = points, .offsets = offsets, .coordinates = d, .start = start};
        for (const auto by : {BatchDerivatives::autodiff, BatchDerivatives::differences}) {
            BatchOptions options;
            options.derivatives = by;
            options.standard_errors = true;
            const auto gpu = minimize_batch(objective, data, on(BackendChoice::cuda, options));
            const auto cpu = minimize_batch(objective, data, on(BackendChoice::cpu, options));
            const bool exact = by == BatchDerivatives::autodiff;
            expect_close(gpu, cpu, sizeof(T) == 8 ? (exact ? 1e-8 : 1e-5) : 5e-3);
        }
    };
    check(Coupled<3>{}, 1);
    check(Coupled<3>{}, 4);
    check(Coupled<12>{}, 1);
    const std::vector<long> ragged{0, 1, 5, 7, 10, 14, 15};
    check(Coupled<3>{}, 4, ragged);
    check(Coupled<12>{}, 4, ragged);
}

TYPED_TEST(BatchKernelTest, BuiltinObjectivesWithHessiansOfTheirOwn) {
    using T = TypeParam;
    const auto check = [](auto functor) {
        using Model = decltype(functor);
        const SmallObjective objective = make_small_objective(functor);
        std::vector<T> start;
        for (int i = 0; i < 40; ++i)
            for (int j = 0; j < Model::parameters; ++j)
                start.push_back(static_cast<T>(j % 2 == 0 ? -1.2 + 0.01 * i : 1.0));
        BatchData<T> data{.problems = 40, .points = 1, .start = start};
        const auto gpu = minimize_batch(objective, data, on(BackendChoice::cuda));
        const auto cpu = minimize_batch(objective, data, on(BackendChoice::cpu));
        EXPECT_EQ(gpu.count(Status::converged), 40);
        expect_close(gpu, cpu, sizeof(T) == 8 ? 1e-6 : 5e-2);
    };
    check(RosenbrockN<2>{});
    check(RosenbrockN<16>{});
}

TYPED_TEST(BatchKernelTest, BoundsFixedParametersAndEstimators) {
    using T = TypeParam;
    const FitModel model = own_decay();
    for (const int points : {20, 1500}) {
        Fits<T> fits(OwnDecay{}, decay_centre, points == 20 ? 40 : 4, points);
        std::vector<T> lower{T(0), T(0), T(1.02)}, upper{T(100), T(1.49), T(10)};
        fits.data.lower = lower;
        fits.data.upper = upper;
        BatchOptions options;
        options.standard_errors = true;
        expect_agreement(model, fits.data, options);
        options.fixed = {false, true, false};
        expect_agreement(model, fits.data, options);
        options.fixed = {};
        fits.data.lower = fits.data.upper = {};
        for (const auto estimator :
             {Estimator::poisson, Estimator::huber, Estimator::cauchy, Estimator::tukey}) {
            const double noise = estimator == Estimator::poisson ? 1 : 0.01;
            const Fits<T> noisy(OwnDecay{}, decay_centre, points == 20 ? 40 : 4, points, false,
                                true, noise);
            options.estimator = estimator;
            // Beyond the residuals at the start: Tukey's loss has other minima where some are
            // beyond its constant.
            options.tuning = estimator == Estimator::poisson ? 0
                             : estimator == Estimator::tukey ? 2
                                                             : 0.003;
            expect_agreement(model, noisy.data, options, sizeof(T) == 8 ? 1e-6 : 2e-2);
        }
    }
}

TYPED_TEST(BatchKernelTest, RaggedProblems) {
    using T = TypeParam;
    const FitModel model = own_decay();
    for (const bool shared : {true, false}) {
        Fits<T> fits(OwnDecay{}, decay_centre, 50, 30, true, shared);
        if (shared) {  // the longest problem's
            fits.coordinates.clear();
            for (int k = 0; k < 30; ++k)
                fits.coordinates.push_back(static_cast<T>(0.1 + 2.8 * k / 30));
            fits.data.coordinates = fits.coordinates;
        }
        BatchOptions options;
        options.standard_errors = true;
        expect_agreement(model, fits.data, options);
        options.chunk = 7;
        const auto chunked = fit_batch(model, fits.data, on(BackendChoice::cuda, options));
        options.chunk = 0;
        expect_same_bits(chunked, fit_batch(model, fits.data, on(BackendChoice::cuda, options)));
    }
}

TYPED_TEST(BatchKernelTest, PointsOfWeightZeroAreNotLookedAt) {
    using T = TypeParam;
    const FitModel model = own_decay();
    for (const int points : {20, 1500}) {
        Fits<T> fits(OwnDecay{}, decay_centre, points == 20 ? 40 : 4, points, false, false);
        fits.weights.assign(fits.y.size(), T(100));
        fits.data.weights = fits.weights;
        for (std::size_t k = 0; k < fits.y.size(); k += 5) {
            fits.weights[k] = T(0);
            fits.y[k] = std::numeric_limits<T>::quiet_NaN();
            fits.coordinates[k] = std::numeric_limits<T>::infinity();
        }
        BatchOptions options;
        options.standard_errors = true;
        expect_agreement(model, fits.data, options);
    }
}

TYPED_TEST(BatchKernelTest, ABadProblemTouchesNoOther) {
    using T = TypeParam;
    const FitModel model = own_decay();
    for (const int points : {20, 1500}) {
        const long problems = points == 20 ? 70 : 6, bad = problems / 2;
        Fits<T> fits(OwnDecay{}, decay_centre, problems, points);
        const auto clean = fit_batch(model, fits.data, on(BackendChoice::cuda));
        fits.y[static_cast<std::size_t>(bad * points + 3)] = std::numeric_limits<T>::quiet_NaN();
        fits.start[static_cast<std::size_t>((bad + 1) * 3)] = std::numeric_limits<T>::infinity();
        fits.start[static_cast<std::size_t>((bad - 1) * 3 + 1)] = T(-1e4);  // overflows
        const auto r = fit_batch(model, fits.data, on(BackendChoice::cuda));
        expect_close(r, fit_batch(model, fits.data, on(BackendChoice::cpu)), rounding<T>);
        EXPECT_EQ(r.status[static_cast<std::size_t>(bad)], Status::invalid_data);
        EXPECT_EQ(r.status[static_cast<std::size_t>(bad + 1)], Status::invalid_data);
        EXPECT_EQ(r.status[static_cast<std::size_t>(bad - 1)], Status::not_finite);
        for (long i = 0; i < problems; ++i) {
            if (std::abs(i - bad) <= 1) continue;
            const auto at = static_cast<std::size_t>(i);
            EXPECT_EQ(r.status[at], clean.status[at]);
            for (int j = 0; j < 3; ++j)
                EXPECT_EQ(r.parameters[at * 3 + static_cast<std::size_t>(j)],
                          clean.parameters[at * 3 + static_cast<std::size_t>(j)]);
        }
    }
}

TYPED_TEST(BatchKernelTest, ChunksOfASmallBudgetGiveTheSameBits) {
    using T = TypeParam;
    const FitModel model = own_decay();
    const Fits<T> fits(OwnDecay{}, decay_centre, 200, 20);
    const auto whole = fit_batch(model, fits.data, on(BackendChoice::cuda));
    EXPECT_EQ(whole.chunks, 1);
    BatchOptions options;
    options.memory_budget = 20000;
    const auto parts = fit_batch(model, fits.data, on(BackendChoice::cuda, options));
    EXPECT_GE(parts.chunks, 3);
    expect_same_bits(parts, whole);
}

TYPED_TEST(BatchKernelTest, SeveralStarts) {
    using T = TypeParam;
    const FitModel model = own_decay();
    Fits<T> fits(OwnDecay{}, decay_centre, 30, 20);
    std::vector<T> starts;
    for (int i = 0; i < 30; ++i)
        for (int s = 0; s < 3; ++s)
            for (int j = 0; j < 3; ++j)
                starts.push_back(fits.start[static_cast<std::size_t>(i * 3 + j)] *
                                 static_cast<T>(1 + 0.1 * s));
    fits.data.start = starts;
    BatchOptions options;
    options.starts = 3;
    expect_agreement(model, fits.data, options);
}

// ---- Data on the device.

/// Fits of three parameters with shared coordinates, and room for their results.
template <class T>
struct ResidentFits {
    OnDevice<T> coordinates, y, start;
    ResultsOnDevice<T> results;
    BatchData<T> data;

    explicit ResidentFits(const Fits<T>& fits)
        : coordinates(fits.coordinates),
          y(fits.y),
          start(fits.start),
          results(fits.start.size() / 3, 3) {
        data.problems = static_cast<long>(fits.start.size() / 3);
        data.points = fits.points;
        data.coordinates = coordinates.array();
        data.y = y.array();
        data.start = start.array();
    }
};

TYPED_TEST(BatchKernelTest, DataOnTheDevice) {
    using T = TypeParam;
    const FitModel model = own_decay();
    const Fits<T> fits(OwnDecay{}, decay_centre, 60, 20);
    cudaStream_t stream = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
    {
        const ResidentFits<T> resident(fits);
        BatchOptions options;
        options.stream = stream;
        const auto summary = fit_batch(model, resident.data, resident.results.plain(), options);
        EXPECT_TRUE(summary.queued);
        EXPECT_EQ(summary.backend, "cuda");
        EXPECT_EQ(summary.completed, 60);
        ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
        const auto expected = fit_batch(model, fits.data, on(BackendChoice::cuda));
        const ResultsOnDevice<T>& found = resident.results;
        expect_same_bits(found.parameters.fetch(), expected.parameters);
        expect_same_bits(found.objective.fetch(), expected.objective);
        expect_same_bits(found.gradient_norm.fetch(), expected.gradient_norm);
        EXPECT_EQ(found.iterations.fetch(), expected.iterations);
        EXPECT_EQ(found.status.fetch(), expected.status);

        BatchData<T> broken = resident.data;
        broken.y = {};
        EXPECT_THROW(fit_batch(model, broken, found.plain(), options), InvalidArgument);
        BatchOptions by_name = options;
        by_name.backend = BackendChoice::cuda;
        EXPECT_THROW(fit_batch(make_fit_model(OwnDecay{}), resident.data, found.plain(), by_name),
                     BackendUnavailable);
        // Without GPU code the CPU does it, if nobody minds, and the results are on the device.
        found.parameters.forget();
        const auto on_cpu =
            fit_batch(make_fit_model(OwnDecay{}), resident.data, found.plain(), options);
        EXPECT_EQ(on_cpu.backend, "cpu");
        EXPECT_FALSE(on_cpu.queued);
        expect_same_bits(found.parameters.fetch(),
                         fit_batch(model, fits.data, on(BackendChoice::cpu)).parameters);
    }
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// Nobody looks at offsets that are on the device already, but the kernel.
TYPED_TEST(BatchKernelTest, BadOffsetsOnTheDeviceAreInvalidData) {
    using T = TypeParam;
    const FitModel model = own_decay();
    Fits<T> fits(OwnDecay{}, decay_centre, 5, 20);
    // Problem 1 has more points than the batch says, 2 a negative number, 3 none.
    const std::vector<long> bad{0, 20, 60, 40, 40, 60};
    const OnDevice<long> offsets(bad);
    const ResidentFits<T> resident(fits);
    BatchData<T> data = resident.data;
    data.offsets = Array<const long>(offsets.array());
    fit_batch(model, data, resident.results.plain(), {});
    const std::vector<Status> found = resident.results.status.fetch();
    const std::vector<T> x = resident.results.parameters.fetch();
    for (const int i : {1, 2, 3}) {
        EXPECT_EQ(found[static_cast<std::size_t>(i)], Status::invalid_data) << i;
        for (int j = 0; j < 3; ++j)
            EXPECT_TRUE(std::isnan(x[static_cast<std::size_t>(3 * i + j)])) << i;
    }
    // The others' points are those of the problems 0 and 2.
    fits.data.problems = 1;
    for (const auto& [i, from] : {std::pair{0, 0}, std::pair{4, 2}}) {
        BatchData<T> alone = fits.data;
        alone.y = std::span(fits.y).subspan(static_cast<std::size_t>(20 * from), 20);
        alone.start = std::span(fits.start).subspan(static_cast<std::size_t>(3 * i), 3);
        const auto expected = fit_batch(model, alone, on(BackendChoice::cuda));
        EXPECT_EQ(found[static_cast<std::size_t>(i)], expected.status[0]) << i;
        for (int j = 0; j < 3; ++j)
            EXPECT_EQ(x[static_cast<std::size_t>(3 * i + j)],
                      expected.parameters[static_cast<std::size_t>(j)])
                << i;
    }
}

// The limit is the kernel's, not the launch's: what a small batch does to it another thread's large
// one would meet.
TEST_F(BatchDeviceTest, TheKernelsSharedMemoryLimitIsTheDevices) {
    const FitModel model = own_decay();
    const auto kernel = reinterpret_cast<const void*>(
        &cuda::detail::batch_thread_kernel<SmallKind::fit, true, double, OwnDecay>);
    int device = 0, most = 0;
    ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
    ASSERT_EQ(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device),
              cudaSuccess);
    for (const auto& [problems, points] : {std::pair{100, 120}, std::pair{3, 5}}) {
        const Fits<double> fits(OwnDecay{}, decay_centre, problems, points);
        EXPECT_EQ(fit_batch(model, fits.data, on(BackendChoice::cuda)).completed, problems);
        cudaFuncAttributes attributes;
        ASSERT_EQ(cudaFuncGetAttributes(&attributes, kernel), cudaSuccess);
        EXPECT_EQ(attributes.maxDynamicSharedSizeBytes,
                  most - static_cast<int>(attributes.sharedSizeBytes))
            << points << " points";
    }
}

TEST_F(BatchDeviceTest, DeviceCodeOfAnotherModelIsRejected) {
    FitModel model = make_fit_model(OwnDecay{});
    using Other = Waves<12, true>;
    EXPECT_THROW(cuda::attach_device_code(model, Other{}), InvalidArgument);
}

TEST_F(BatchDeviceTest, AModelWithoutDeviceCodeRunsOnTheCpu) {
    const Fits<double> fits(OwnDecay{}, decay_centre, 5, 20);
    const FitModel model = make_fit_model(OwnDecay{});
    EXPECT_EQ(fit_batch(model, fits.data, on(BackendChoice::automatic)).backend, "cpu");
    EXPECT_THROW(fit_batch(model, fits.data, on(BackendChoice::cuda)), BackendUnavailable);
}

}  // namespace
}  // namespace cunewton::test
