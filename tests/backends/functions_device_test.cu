// The functions of scalar/functions.h on the GPU: values and first derivatives against references
// of 30 digits, in double and in float.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cuda/attach.cuh"
#include "cunewton/cunewton.h"
#include "cunewton/scalar/dual.h"
#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/single.h"
#include "tests/support/backends.h"
#include "tests/support/function_references.h"

namespace cunewton::test {

// Not in an unnamed namespace, where nvcc warns of members that the library only asks about.

enum class Function {
#define CUNEWTON_TEST_FUNCTION(name, ...) name,
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
};

/// y[i] = function(x[i]), with its derivative in slope[i]. T is double or Single.
template <class T>
__global__ void evaluate_kernel(Function function, const T* x, int count, T* y, T* slope) {
    using namespace math;
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const Dual<T> variable(x[i], T(1.0));
    Dual<T> result(T(0.0));
    switch (function) {
#define CUNEWTON_TEST_FUNCTION(name, ...) \
    case Function::name:                  \
        result = name(variable);          \
        break;
        CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
    }
    y[i] = result.v;
    slope[i] = result.d;
}

/// Rosenbrock's function of named parameters, and a power at the edge of its domain.
struct NamedOnDevice {
    static constexpr int parameters = 2;
    template <class X>
    CUNEWTON_HOST_DEVICE auto operator()(const X& x) const {
        using namespace math;
        const auto& [a, b] = x;
        return square(1 - a) + 100 * square(b - a * a) + pow(0.0 / a, 0.5) + hypot(b - b, 1.0);
    }
};

template <class T>
class FunctionsDeviceTest : public BackendTest {
  protected:
    void SetUp() override {
        BackendTest::SetUp();
        if (!testing_cuda()) GTEST_SKIP() << "for CUDA";
    }
    using Real = std::conditional_t<std::is_same_v<T, Single>, float, double>;
    template <std::size_t count>
    static void expect_references(const std::string& name, Function function,
                                  const references::Of1 (&table)[count]) {
        std::vector<Real> x, y, slope;
        std::vector<const references::Of1*> wanted;
        for (const references::Of1& r : table) {
            if (static_cast<double>(static_cast<Real>(r.x)) != r.x) continue;
            x.push_back(static_cast<Real>(r.x));
            wanted.push_back(&r);
        }
        const int n = static_cast<int>(x.size());
        y.resize(n);
        slope.resize(n);
        T* device = nullptr;
        ASSERT_EQ(cudaMalloc(&device, 3 * n * sizeof(T)), cudaSuccess);
        cudaMemcpy(device, x.data(), n * sizeof(T), cudaMemcpyHostToDevice);
        evaluate_kernel<T><<<1, 256>>>(function, device, n, device + n, device + 2 * n);
        cudaMemcpy(y.data(), device + n, n * sizeof(T), cudaMemcpyDeviceToHost);
        ASSERT_EQ(cudaMemcpy(slope.data(), device + 2 * n, n * sizeof(T), cudaMemcpyDeviceToHost),
                  cudaSuccess);
        cudaFree(device);
        constexpr Real epsilon = std::numeric_limits<Real>::epsilon(),
                       smallest = std::numeric_limits<Real>::min();
        for (int i = 0; i < n; ++i) {
            const auto expect = [&](Real computed, long double exact, double size, double units,
                                    const char* which) {
                if (std::abs(exact) > std::numeric_limits<Real>::max() / 64) return;
                EXPECT_LE(std::abs(computed - exact),
                          units * epsilon * (std::abs(exact) + size) + 16 * smallest)
                    << name << "(" << x[i] << ")" << which << ": " << computed;
            };
            const bool gamma = function == Function::lgamma || function == Function::digamma;
            expect(y[i], wanted[i]->f, gamma ? 1 : 0, 8, "");
            // The squares in the error functions' slopes multiply the errors.
            const double f = static_cast<double>(wanted[i]->f);
            const bool error = function == Function::erf || function == Function::erfc;
            const double scale = error                          ? 1 + wanted[i]->x * wanted[i]->x
                                 : function == Function::erfinv ? 8 + 8 * f * f
                                                                : 1;
            const bool from_one =
                gamma || function == Function::tanh || function == Function::expm1;
            expect(slope[i], wanted[i]->f1, from_one ? 1 : 0, 64 * scale, "'");
        }
    }
};
using Reals = ::testing::Types<double, Single>;
struct RealName {
    template <class T>
    static std::string GetName(int) {
        return sizeof(T) == 8 ? "Double" : "Single";
    }
};
TYPED_TEST_SUITE(FunctionsDeviceTest, Reals, RealName);

TYPED_TEST(FunctionsDeviceTest, AreThoseOfTheReferences) {
#define CUNEWTON_TEST_FUNCTION(name, ...) \
    TestFixture::expect_references(#name, Function::name, references::name);
    CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_TEST_FUNCTION)
#undef CUNEWTON_TEST_FUNCTION
}

TEST(FunctionsDevice, ALossThatNamesItsParameters) {
    for (const BackendStatus& status : backends())
        if (status.name == "cuda" && !status.available) GTEST_SKIP() << status.reason;
    Problem<double> problem = make_objective<double>(NamedOnDevice{}, 2);
    cuda::attach_device_code(problem, NamedOnDevice{});
    for (const BackendChoice choice : {BackendChoice::cpu, BackendChoice::cuda}) {
        Options options;
        options.backend = choice;
        const auto result = minimize(problem, std::vector<double>{-1.25, 1}, options);
        EXPECT_EQ(result.status, Status::converged) << result.message;
        EXPECT_NEAR(result.f, 1, 1e-12);
        for (const double x : result.x) EXPECT_NEAR(x, 1, 1e-6);
    }
}

}  // namespace cunewton::test
