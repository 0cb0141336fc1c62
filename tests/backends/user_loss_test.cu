// Losses of a user's own .cu file: problems are made and attached in it, as the guide shows.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "cunewton/cuda/attach.cuh"
#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/tolerances.h"

namespace cunewton::test {

// Not in an unnamed namespace, where nvcc warns of members that the library only asks about.

/// f(x) = sum_j exp(a x_j) - x_j, minimised where exp(a x_j) = 1/a; with its gradient.
struct Exponentials {
    double a;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        using T = scalar_t<X>;
        T f(0);
        for (int j = 0; j < x.size(); ++j) f += exp(a * x[j]) - x[j];
        return f;
    }
    template <class X, class G>
    CUNEWTON_HOST_DEVICE void gradient(const X& x, G& g) const {
        using namespace math;
        for (int j = 0; j < x.size(); ++j) g[j] += a * exp(a * x[j]) - 1;
    }
};

/// (x_0 exp(-x_1 t) - y)^2: a decay with unknown amplitude and rate.
struct Decay {
    template <class X, class S>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x, const S& s) const {
        using namespace math;
        return square(x[0] * exp(-x[1] * s[0]) - s.target());
    }
};

/// log cosh(z - y), by softplus so that it cannot overflow.
struct LogCosh {
    CUNEWTON_HOST_DEVICE int outputs() const { return 1; }
    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        using T = scalar_t<Z>;
        const T r = z[0] - y;
        return softplus(T(-2 * r)) + r - 0.69314718055994531;
    }
};

namespace {

const std::vector<BackendChoice> both{BackendChoice::cpu, BackendChoice::cuda};

class UserLossTest : public ::testing::Test {
  protected:
    void SetUp() override {
        for (const BackendStatus& status : backends()) {
            if (status.name != "cuda" || status.available) continue;
            if (environment("CUNEWTON_REQUIRE_GPU") == "1") FAIL() << status.reason;
            GTEST_SKIP() << status.reason;
        }
    }

    static Options on(BackendChoice choice, Method method = Method::newton) {
        Options options;
        options.backend = choice;
        options.method = method;
        options.threads = 1;
        return options;
    }
    template <class T>
    static void expect_derivatives_agree(const Problem<T>& problem, const std::vector<T>& x) {
        for (const BackendChoice choice : both) {
            EvaluationOptions options;
            options.backend = choice;
            const DerivativeCheck gradient = check_gradient(problem, x, options);
            const DerivativeCheck hessian = check_hessian(problem, x, options);
            EXPECT_TRUE(gradient.agrees) << gradient.message;
            EXPECT_TRUE(hessian.agrees) << hessian.message;
        }
    }
};

template <class T>
Problem<T> exponentials(int n, double a) {
    auto problem = make_objective<T>(Exponentials{a}, n);
    cuda::attach_device_code(problem, Exponentials{a});
    return problem;
}

TEST_F(UserLossTest, Objective) {
    const auto problem = exponentials<double>(9, 2);
    EXPECT_TRUE(problem.runs_on_cpu() && problem.runs_on_cuda());
    expect_derivatives_agree(problem, std::vector<double>(9, 0.25));
    for (const BackendChoice choice : both)
        for (const Method method : {Method::newton, Method::trust_region, Method::bfgs}) {
            const auto result = minimize(problem, std::vector<double>(9, 1.0), on(choice, method));
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_EQ(result.backend, choice == BackendChoice::cpu ? "cpu" : "cuda");
            for (const double x : result.x) EXPECT_NEAR(x, std::log(0.5) / 2, 1e-8);
        }
}

TEST_F(UserLossTest, ObjectiveInFloat) {
    const auto problem = exponentials<float>(9, 2);
    expect_derivatives_agree(problem, std::vector<float>(9, 0.25f));
    for (const BackendChoice choice : both) {
        const auto result = minimize(problem, std::vector<float>(9, 1.0f), on(choice));
        EXPECT_EQ(result.status, Status::converged) << result.message;
        for (const float x : result.x) EXPECT_NEAR(x, std::log(0.5) / 2, 3e-4);
    }
}

TEST_F(UserLossTest, SampleSum) {
    std::vector<double> t, y;
    for (int i = 0; i < 300; ++i) {
        t.push_back(0.01 * i);
        y.push_back(2.5 * std::exp(-0.75 * t.back()));
    }
    auto problem = make_sample_sum<double>(
        Decay{}, Samples<double>{t.data(), 300, 1, 1, y.data(), nullptr}, 2);
    EXPECT_FALSE(problem.runs_on_cuda());
    cuda::attach_device_code(problem, Decay{});
    expect_derivatives_agree(problem, {2.0, 1.0});
    for (const BackendChoice choice : both) {
        const auto result = minimize(problem, {1.0, 1.0}, on(choice));
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_NEAR(result.x[0], 2.5, 1e-6);
        EXPECT_NEAR(result.x[1], 0.75, 1e-6);
    }
}

TEST_F(UserLossTest, LinearPredictor) {
    std::vector<double> X, y;
    for (int i = 0; i < 300; ++i) {
        X.push_back(std::sin(1.0 * i));
        X.push_back(std::cos(2.5 * i));
        y.push_back(3 * X[2 * i] - 2 * X[2 * i + 1] + 0.5 + 0.1 * std::sin(7.0 * i));
    }
    auto problem = make_linear_predictor(
        LogCosh{}, Samples<double>{X.data(), 300, 2, 2, y.data(), nullptr}, {.intercept = true});
    cuda::attach_device_code(problem, LogCosh{});
    expect_derivatives_agree(problem, {1.0, 1.0, 0.0});
    std::vector<std::vector<double>> results;
    for (const BackendChoice choice : both) {
        const auto result = minimize(problem, {0.0, 0.0, 0.0}, on(choice));
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_NEAR(result.x[0], 3, 0.05);
        EXPECT_NEAR(result.x[1], -2, 0.05);
        EXPECT_NEAR(result.x[2], 0.5, 0.05);
        results.push_back(result.x);
    }
    for (int j = 0; j < 3; ++j) EXPECT_NEAR(results[0][j], results[1][j], 1e-7);
}

TEST_F(UserLossTest, DeviceCodeOfAnotherFormIsRejected) {
    auto objective = make_objective<double>(Exponentials{2}, 2);
    EXPECT_THROW(cuda::attach_device_code(objective, LogCosh{}), InvalidArgument);
    std::vector<double> t{1}, y{1};
    auto sum = make_sample_sum<double>(Decay{}, Samples<double>{t.data(), 1, 1, 1, y.data()}, 2);
    EXPECT_THROW(cuda::attach_device_code(sum, Exponentials{2}), InvalidArgument);
    EXPECT_THROW(cuda::attach_device_code(sum, LogCosh{}), InvalidArgument);
    EXPECT_FALSE(objective.runs_on_cuda() || sum.runs_on_cuda());
}

// ---- An opaque evaluator of device pointers.

template <class T>
__global__ void quartic_kernel(const T* points, int n, int count, T* losses) {
    const int p = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (p >= count) return;
    const T* x = points + static_cast<std::ptrdiff_t>(p) * n;
    T f = 0;
    for (int j = 0; j < n; ++j)
        f += x[j] * x[j] * x[j] * x[j] / 4 + (j + 1) * x[j] * x[j] / 2 - x[j];
    losses[p] = f;
}

template <class T>
void launch_quartic(const T* points, int n, int count, T* losses, cuda::Stream stream) {
    quartic_kernel<<<(count + 127) / 128, 128, 0, stream>>>(points, n, count, losses);
}

template <class T>
void quartic_on_host(const T* points, int n, int count, T* losses) {
    for (int p = 0; p < count; ++p) {
        const T* x = points + static_cast<std::ptrdiff_t>(p) * n;
        losses[p] = 0;
        for (int j = 0; j < n; ++j)
            losses[p] += x[j] * x[j] * x[j] * x[j] / 4 + (j + 1) * x[j] * x[j] / 2 - x[j];
    }
}

TEST_F(UserLossTest, DeviceBlackBox) {
    const int n = 17;
    const auto problem = make_black_box<double>(quartic_on_host<double>, n, launch_quartic<double>);
    for (const BackendChoice choice : both)
        for (const Method method : {Method::newton, Method::trust_region, Method::bfgs}) {
            Options options = on(choice, method);
            options.gradient_tolerance = 1e-6;
            const auto result = minimize(problem, std::vector<double>(n, 1.0), options);
            EXPECT_EQ(result.status, Status::converged) << result.message;
            EXPECT_EQ(result.backend, choice == BackendChoice::cpu ? "cpu" : "cuda");
            // x^3 + (j + 1) x - 1 = 0, whose slope is at least j + 1.
            for (int j = 0; j < n; ++j) {
                const double x = result.x[j];
                EXPECT_NEAR(x * x * x + (j + 1) * x, 1, 3e-6);
            }
        }
}

/// The same function with its gradient, which is separable, and H V for `columns` vectors.
__global__ void quartic_gradient_kernel(const double* x, int n, double* f, double* g) {
    *f = 0;
    for (int j = 0; j < n; ++j) {
        *f += x[j] * x[j] * x[j] * x[j] / 4 + (j + 1) * x[j] * x[j] / 2 - x[j];
        g[j] = x[j] * x[j] * x[j] + (j + 1) * x[j] - 1;
    }
}
__global__ void quartic_products_kernel(const double* x, int n, const double* V, int columns,
                                        double* HV) {
    const int e = static_cast<int>(threadIdx.x);
    if (e < n * columns) HV[e] = (3 * x[e % n] * x[e % n] + e % n + 1) * V[e];
}
/// NaN above the diagonal, which nobody may read.
__global__ void quartic_hessian_kernel(const double* x, int n, double* H) {
    for (int e = static_cast<int>(threadIdx.x); e < n * n; e += static_cast<int>(blockDim.x)) {
        const int column = e / n, row = e % n;
        H[e] = row == column ? 3 * x[row] * x[row] + row + 1 : row > column ? 0.0 : nan("");
    }
}

TEST_F(UserLossTest, DeviceBlackBoxHandsOverTheDerivativesThatItHas) {
    const int n = 17;
    std::vector<double> x;
    for (int j = 0; j < n; ++j) x.push_back(0.1 * j - 0.5);
    EvaluationOptions options;
    options.backend = BackendChoice::cuda;
    DeviceBlackBox<double> own;
    own.value_and_gradient = [](const double* at, int size, double* f, double* g,
                                cuda::Stream stream) {
        quartic_gradient_kernel<<<1, 1, 0, stream>>>(at, size, f, g);
    };
    const auto expect_derivatives = [&](HessianBy by, double tolerance) {
        const auto problem = make_black_box<double>({}, n, own);
        EXPECT_EQ(resolve(HessianBy::automatic, problem.capabilities_on_cuda()), by);
        const std::vector<double> g = gradient(problem, x, options);
        const std::vector<double> H = hessian(problem, x, options);
        double f = 0;
        for (int j = 0; j < n; ++j) {
            f += x[j] * x[j] * x[j] * x[j] / 4 + (j + 1) * x[j] * x[j] / 2 - x[j];
            EXPECT_NEAR(g[j], x[j] * x[j] * x[j] + (j + 1) * x[j] - 1, 1e-13);
            for (int i = 0; i < n; ++i)
                EXPECT_NEAR(H[j * n + i], i == j ? 3 * x[j] * x[j] + j + 1 : 0, tolerance);
        }
        EXPECT_NEAR(evaluate(problem, x, options), f, 1e-12);
        EXPECT_TRUE(check_hessian(problem, x, options).agrees);
        EXPECT_TRUE(minimize(problem, x, on(BackendChoice::cuda)).converged());
    };
    expect_derivatives(HessianBy::gradient_differences, 1e-8);
    own.products = [](const double* at, int size, const double* V, int columns, double* HV,
                      cuda::Stream stream) {
        quartic_products_kernel<<<1, 1024, 0, stream>>>(at, size, V, columns, HV);
    };
    expect_derivatives(HessianBy::analytic, 1e-13);
    own.hessian = [](const double* at, int size, double* H, cuda::Stream stream) {
        quartic_hessian_kernel<<<1, 128, 0, stream>>>(at, size, H);
    };
    expect_derivatives(HessianBy::analytic, 1e-13);
    // The sides may have different derivatives: each is judged by its own.
    BlackBox<double> values = quartic_on_host<double>;
    EXPECT_TRUE(check_hessian(make_black_box<double>(values, n, own), x, options).agrees);
    options.backend = BackendChoice::cpu;
    EXPECT_TRUE(check_hessian(make_black_box<double>(values, n, own), x, options).agrees);
}

TEST_F(UserLossTest, DeviceBlackBoxDerivativesOfItsValues) {
    const int n = 17;
    const auto problem = make_black_box<double>({}, n, launch_quartic<double>);
    EXPECT_FALSE(problem.runs_on_cpu());
    EvaluationOptions options;
    options.backend = BackendChoice::cuda;
    std::vector<double> x;
    for (int j = 0; j < n; ++j) x.push_back(0.1 * j - 0.5);
    // Of all sizes of tiles, the smallest too.
    for (const std::size_t budget : {std::size_t{1} << 20, std::size_t{2000}}) {
        options.derivatives.memory_budget = budget;
        const std::vector<double> H = hessian(problem, x, options);
        const double f = evaluate(problem, x, options);
        const double tolerance =
            hessian_tolerance<double>(HessianBy::value_differences, n, f, n, n) * n;
        for (int j = 0; j < n; ++j)
            for (int i = 0; i < n; ++i)
                EXPECT_NEAR(H[j * n + i], i == j ? 3 * x[j] * x[j] + j + 1 : 0, tolerance)
                    << i << ", " << j;
    }
    options.derivatives.memory_budget = 1;
    EXPECT_THROW(hessian(problem, x, options), InvalidArgument);
    for (const GradientBy by : {GradientBy::forward_differences, GradientBy::central_differences}) {
        options.derivatives = {.gradient = by};
        const std::vector<double> g = gradient(problem, x, options);
        for (int j = 0; j < n; ++j)
            EXPECT_NEAR(g[j], x[j] * x[j] * x[j] + (j + 1) * x[j] - 1,
                        n * gradient_tolerance<double>(by, n, n, n));
    }
    const std::vector<double> f =
        evaluate_batch(problem, std::vector<double>(33 * n, 0.0), options);
    EXPECT_EQ(f, std::vector<double>(33, 0.0));
}

TEST_F(UserLossTest, AFailingDeviceEvaluatorThrowsAndLeavesTheDeviceUsable) {
    const auto problem =
        make_black_box<double>({}, 2, [](const double*, int, int, double*, cuda::Stream) {
            throw std::domain_error("from the evaluator");
        });
    Options options = on(BackendChoice::cuda);
    EXPECT_THROW(minimize(problem, {1.0, 1.0}, options), std::domain_error);
    const auto refused = make_black_box<double>(
        {}, 2, [](const double* points, int n, int count, double* losses, cuda::Stream stream) {
            // More threads than a block may have: the launch is refused.
            quartic_kernel<<<1, 4096, 0, stream>>>(points, n, count, losses);
        });
    EXPECT_THROW(minimize(refused, {1.0, 1.0}, options), DeviceError);
    EXPECT_TRUE(minimize(exponentials<double>(2, 2), {1.0, 1.0}, options).converged());
}

}  // namespace
}  // namespace cunewton::test
