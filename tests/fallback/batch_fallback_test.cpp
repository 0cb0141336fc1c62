// Batches on a device whose memory runs out. See fallback_test.cpp for CUNEWTON_TEST_EXPECT.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

/// Peaks whose number of points grows from problem to problem, so that every chunk needs more
/// memory than the one before.
struct GrowingPeaks {
    static constexpr long problems = 600;
    static constexpr int points = 10 + problems;
    std::vector<double> coordinates, y, start{90, 0.4, 0.25, 8};
    std::vector<long> offsets{0};
    BatchData<double> data;

    GrowingPeaks() {
        for (long i = 0; i < problems; ++i) {
            const long count = 11 + i;
            for (long k = 0; k < count; ++k) {
                const double x = static_cast<double>(k) / static_cast<double>(count);
                const double u = (x - 0.5) / 0.2;
                coordinates.push_back(x);
                y.push_back((100 + 0.01 * static_cast<double>(i)) * std::exp(-0.5 * u * u) + 10 +
                            0.1 * static_cast<double>(k % 7));
            }
            offsets.push_back(offsets.back() + count);
        }
        data.problems = problems;
        data.points = points;
        data.offsets = offsets;
        data.coordinates = coordinates;
        data.y = y;
        data.start = start;
    }
};

class BatchMemoryTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const std::string expected = environment("CUNEWTON_TEST_EXPECT");
        if (expected != "no_memory_at_start" && expected != "memory_midway")
            GTEST_SKIP() << "the device's memory is not small";
    }
    static BatchOptions on(BackendChoice choice) {
        BatchOptions options;
        options.backend = choice;
        options.threads = 2;
        return options;
    }
    static void expect_same_fits(const BatchResult<double>& result, const GrowingPeaks& peaks) {
        EXPECT_EQ(result.completed, GrowingPeaks::problems);
        const auto cpu =
            fit_batch(make_fit_model(Gaussian1D{}), peaks.data, on(BackendChoice::cpu));
        EXPECT_EQ(result.status, cpu.status);
        for (std::size_t k = 0; k < cpu.parameters.size(); ++k)
            EXPECT_NEAR(result.parameters[k], cpu.parameters[k],
                        1e-6 * std::abs(cpu.parameters[k]));
    }
};

TEST_F(BatchMemoryTest, ChunksFitIntoWhatThereIs) {
    const GrowingPeaks peaks;
    const auto result =
        fit_batch(make_fit_model(Gaussian1D{}), peaks.data, on(BackendChoice::automatic));
    if (environment("CUNEWTON_TEST_EXPECT") == "memory_midway") {
        EXPECT_EQ(result.backend, "cuda");
    }
    expect_same_fits(result, peaks);
}

#if CUNEWTON_WITH_CUDA
TEST_F(BatchMemoryTest, TheCpuGoesOnWhereTheDeviceGaveUp) {
    if (environment("CUNEWTON_TEST_EXPECT") != "memory_midway")
        GTEST_SKIP() << "needs a device with some memory";
    const GrowingPeaks peaks;
    std::vector<void*> taken;
    const auto take_all = [&] {
        for (std::size_t bytes = std::size_t{1} << 24; bytes >= 256; bytes /= 2) {
            void* block = nullptr;
            while (cudaMalloc(&block, bytes) == cudaSuccess) taken.push_back(block);
            static_cast<void>(cudaGetLastError());
        }
    };
    BatchOptions options = on(BackendChoice::automatic);
    options.chunk = 64;
    options.progress = [&](const BatchProgress& progress) {
        if (progress.completed <= 128) take_all();
        return true;
    };
    const auto result = fit_batch(make_fit_model(Gaussian1D{}), peaks.data, options);
    for (void* block : taken) static_cast<void>(cudaFree(block));
    EXPECT_EQ(result.backend, "cpu");
    EXPECT_NE(result.backend_reason.find("cuda gave up after"), std::string::npos)
        << result.backend_reason;
    expect_same_fits(result, peaks);
}
#endif

}  // namespace
}  // namespace cunewton::test
