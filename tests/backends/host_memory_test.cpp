// Arrays that the host cannot read are named before anybody reads them; all that it can read is
// fine.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <string>
#include <vector>

#include "cunewton/cunewton.h"
#include "tests/support/backends.h"
#include "tests/support/builtin_fit_models.h"
#include "tests/support/message_of.h"
#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>
#endif

namespace cunewton::test {
namespace {

/// A page without access, as the addresses of a device look to the host.
class ForbiddenPage {
  public:
    ForbiddenPage()
        : bytes_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
          page_(mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        EXPECT_NE(page_, MAP_FAILED);
    }
    ForbiddenPage(const ForbiddenPage&) = delete;
    ~ForbiddenPage() { munmap(page_, bytes_); }
    template <class T>
    const T* as() const {
        return static_cast<const T*>(page_);
    }

  private:
    std::size_t bytes_;
    void* page_;
};

/// y = a exp(-x^2 / 2 s^2) + b, of four problems with five points each.
struct Fits {
    static constexpr long problems = 4, points = 5, n = 4;
    std::vector<long> offsets{0, 5, 10, 15, 20};
    std::vector<double> coordinates, y, weights, start, lower, upper;
    BatchData<double> data;

    Fits() {
        for (long i = 0; i < problems * points; ++i) {
            const double x = static_cast<double>(i % points) - 2;
            coordinates.push_back(x);
            y.push_back(3 * std::exp(-x * x / 2) + 1 + 0.01 * static_cast<double>(i % 3));
            weights.push_back(1);
        }
        for (long i = 0; i < problems; ++i) {
            for (const double value : {2.5, 0.1, 1.2, 0.8}) start.push_back(value);
            for (long j = 0; j < n; ++j) lower.push_back(-10), upper.push_back(10);
        }
        data.problems = problems;
        data.points = points;
        data.offsets = offsets;
        data.coordinates = coordinates;
        data.y = y;
        data.weights = weights;
        data.start = start;
        data.lower = lower;
        data.upper = upper;
    }
};

/// Each array of a problem, and of a batch, is `forbidden`'s once; the exception names that one,
/// and why it is no good.
void expect_each_array_is_named(const double* forbidden, const long* forbidden_offsets,
                                const std::string& why) {
    const auto expect = [&](const std::string& message, const std::string& name) {
        EXPECT_EQ(message.find(name + " cannot be read by the host (" + why + ")"), 0u) << message;
    };
    const std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8}, labels{1, 0, 1, 0}, ones(4, 1);
    const Samples<double> good{.features = x.data(),
                               .count = 4,
                               .dimension = 2,
                               .targets = labels.data(),
                               .weights = ones.data()};
    for (const auto& [name, member] : {std::pair{"features", &Samples<double>::features},
                                       std::pair{"targets", &Samples<double>::targets},
                                       std::pair{"weights", &Samples<double>::weights}}) {
        Samples<double> samples = good;
        samples.*member = forbidden;
        // Logistic looks at each target, when the problem is made.
        expect(message_of<InvalidArgument>(
                   [&] { make_linear_predictor<double>(Logistic{}, samples); }),
               name);
        expect(message_of<InvalidArgument>(
                   [&] { make_linear_predictor<double>(LinearRegression{}, samples); }),
               name);
    }

    const Fits fits;
    const FitModel model = builtin_fit_model("Gaussian1D");
    BatchOptions options;
    options.backend = tested_choice();
    EXPECT_EQ(fit_batch(model, fits.data, options).completed, Fits::problems);
    const auto batch_message = [&](const BatchData<double>& data) {
        return message_of<InvalidArgument>([&] { fit_batch(model, data, options); });
    };
    for (const auto& [name, member] :
         {std::pair{"coordinates", &BatchData<double>::coordinates},
          std::pair{"y", &BatchData<double>::y}, std::pair{"weights", &BatchData<double>::weights},
          std::pair{"start", &BatchData<double>::start},
          std::pair{"lower", &BatchData<double>::lower},
          std::pair{"upper", &BatchData<double>::upper}}) {
        BatchData<double> data = fits.data;
        data.*member = Array<const double>(forbidden, 1, (data.*member).size());
        expect(batch_message(data), name);
    }
    BatchData<double> data = fits.data;
    data.offsets = Array<const long>(forbidden_offsets, 1, Fits::problems + 1);
    expect(batch_message(data), "offsets");
}

class HostMemoryTest : public BackendTest {};

TEST_F(HostMemoryTest, AnAddressThatNobodyOwnsIsNamed) {
    const ForbiddenPage page;
    expect_each_array_is_named(page.as<double>(), page.as<long>(), "no memory of this process");
}

#if CUNEWTON_WITH_CUDA
class DeviceMemoryTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
};

TEST_F(DeviceMemoryTest, ADevicePointerIsNamed) {
    void* device = nullptr;
    ASSERT_EQ(cudaMalloc(&device, 1 << 12), cudaSuccess);
    expect_each_array_is_named(static_cast<const double*>(device), static_cast<const long*>(device),
                               "a device pointer");
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    ASSERT_EQ(cudaFree(device), cudaSuccess);
}

TEST_F(DeviceMemoryTest, ManagedAndPageLockedMemoryAreTheHostsToo) {
    const Fits fits;
    const FitModel model = builtin_fit_model("Gaussian1D");
    BatchOptions options;
    options.backend = BackendChoice::cuda;
    const auto expected = fit_batch(model, fits.data, options);
    const auto expect_same = [&](double* memory) {
        std::copy(fits.y.begin(), fits.y.end(), memory);
        BatchData<double> data = fits.data;
        data.y = Array<const double>(memory, 1, static_cast<long>(fits.y.size()));
        EXPECT_EQ(fit_batch(model, data, options).parameters, expected.parameters);
        const Samples<double> samples{
            .features = memory, .count = 4, .dimension = 5, .targets = memory, .weights = memory};
        EXPECT_EQ(make_linear_predictor<double>(LinearRegression{}, samples).dimension(), 5);
    };
    void *managed = nullptr, *locked = nullptr;
    const std::size_t bytes = fits.y.size() * sizeof(double);
    ASSERT_EQ(cudaMallocManaged(&managed, bytes), cudaSuccess);
    expect_same(static_cast<double*>(managed));
    ASSERT_EQ(cudaMallocHost(&locked, bytes), cudaSuccess);
    expect_same(static_cast<double*>(locked));
    EXPECT_EQ(cudaFree(managed), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(locked), cudaSuccess);
}
#endif

}  // namespace
}  // namespace cunewton::test
