// The kernel of covariances and the like, whose warps share the work, against the same function on
// the host, for Hessians of every size and kind.
#include <gtest/gtest.h>

#if CUNEWTON_WITH_CUDA

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cunewton/small/hessian_statistics.h"
#include "kernels/batch_results.h"
#include "tests/support/backends.h"

namespace cunewton::test {
namespace {

class StatisticsKernelTest : public BackendTest {
  protected:
    void SetUp() override {
        if (!testing_cuda()) GTEST_SKIP() << "for the CUDA backend";
        BackendTest::SetUp();
    }
};

/// Memory that host and device see.
template <class V>
class Managed {
  public:
    explicit Managed(std::size_t count) : count_(count) {
        EXPECT_EQ(cudaMallocManaged(&data_, count * sizeof(V)), cudaSuccess);
    }
    explicit Managed(const std::vector<V>& from) : Managed(from.size()) {
        std::copy(from.begin(), from.end(), get());
    }
    Managed(const Managed&) = delete;
    ~Managed() { cudaFree(data_); }
    V* get() const { return static_cast<V*>(data_); }
    V& operator[](std::size_t k) const { return get()[k]; }
    std::size_t size() const { return count_; }

  private:
    void* data_ = nullptr;
    std::size_t count_;
};

void expect_same(double found, double wanted, double tolerance, const std::string& what) {
    EXPECT_EQ(std::isnan(found), std::isnan(wanted)) << what;
    if (!std::isnan(wanted)) {
        EXPECT_NEAR(found, wanted, tolerance * std::abs(wanted) + 1e-12) << what;
    }
}

/// J'J of random numbers for as many rows as `rank`; some parameters fixed, some at a bound.
template <class T>
void same_on_both(int n, bool scaled) {
    SCOPED_TRACE("n = " + std::to_string(n));
    std::mt19937_64 random(static_cast<unsigned>(n));
    std::normal_distribution<double> normal;
    const std::size_t runs = 11, packed = static_cast<std::size_t>(packed_size(n)), size = n;
    std::vector<T> hessians, objective;
    std::vector<int> counted;
    std::vector<std::uint64_t> at_bound;
    const std::uint64_t fixed = n > 3 ? 0b10 : 0;
    for (std::size_t run = 0; run < runs; ++run) {
        std::vector<double> h(packed, 0.0);
        const int rows = run % 4 == 1 ? n - 1 : 2 * n + 3;
        for (int r = 0; r < rows; ++r) {
            std::vector<double> row(size);
            for (double& value : row) value = std::round(8 * normal(random)) / 8;
            for (int j = 0; j < n; ++j)
                for (int i = j; i < n; ++i) h[packed_index(i, j, n)] += row[i] * row[j];
        }
        std::uint64_t mask = 0;
        for (int j = 0; j < n; ++j) {
            const bool known = (fixed >> j & 1) != 0, bound = !known && run % 3 == 2 && j % 3 == 2;
            if (bound) mask |= std::uint64_t{1} << j;
            if (known || bound) h[packed_index(j, j, n)] = batch::not_free<double>;
        }
        if (run == 10) h.assign(packed, std::numeric_limits<double>::quiet_NaN()), mask = 0;
        hessians.insert(hessians.end(), h.begin(), h.end());
        objective.push_back(static_cast<T>(2.5 + static_cast<double>(run)));
        counted.push_back(run == 3 ? n : n + 5);
        at_bound.push_back(mask);
    }
    const Managed<T> device_hessians(hessians), device_objective(objective),
        covariance(runs * size * size), errors(runs * size), condition(runs);
    const Managed<int> device_counted(counted);
    const Managed<std::uint64_t> undetermined(runs), device_at_bound(at_bound);
    batch::BatchView<T> view;
    view.problems = static_cast<long>(runs);
    batch::BatchMethod<T> method;
    method.fixed = fixed;
    method.scaled = scaled;
    batch::RunResults<T> found;
    found.hessian = device_hessians.get();
    found.objective = device_objective.get();
    found.counted_points = device_counted.get();
    found.at_bound = device_at_bound.get();
    const long width = n;
    batch::BatchResults<T> to;
    to.covariance = {covariance.get(), width * width, 1};
    to.standard_errors = {errors.get(), width, 1};
    to.condition_number = {condition.get(), 1, 1};
    to.undetermined = {undetermined.get(), 1, 1};
    cuda::launch_batch_statistics(view, method, found, to, n, true, nullptr);
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);

    std::vector<T> wanted_covariance(size * size), wanted_errors(size);
    std::vector<double> work(static_cast<std::size_t>(batch::statistics_workspace(n)));
    for (std::size_t run = 0; run < runs; ++run) {
        T wanted_condition = 0;
        std::uint64_t wanted_undetermined = 0;
        const int freedom = counted[run] - (n - (fixed != 0));
        const double scale = !scaled       ? 1
                             : freedom > 0 ? static_cast<double>(objective[run]) / freedom
                                           : std::numeric_limits<double>::quiet_NaN();
        batch::hessian_statistics(
            hessians.data() + run * packed, n, scale,
            static_cast<double>(std::numeric_limits<T>::epsilon()), at_bound[run],
            batch::StatisticsOut<T>{wanted_covariance.data(), wanted_errors.data(),
                                    &wanted_condition, &wanted_undetermined},
            work.data());
        const std::string name = "run " + std::to_string(run);
        EXPECT_EQ(undetermined[run], wanted_undetermined) << name;
        // Of a singular matrix the ratio is rounding.
        const double kappa = static_cast<double>(wanted_condition);
        const double rounding =
            std::max(1e-12, 100 * std::numeric_limits<double>::epsilon() * kappa) +
            (sizeof(T) == 4 ? 1e-6 : 0);
        if (!(kappa > 1e9)) expect_same(static_cast<double>(condition[run]), kappa, rounding, name);
        for (std::size_t j = 0; j < size; ++j)
            expect_same(static_cast<double>(errors[run * size + j]),
                        static_cast<double>(wanted_errors[j]), rounding, name);
        for (std::size_t k = 0; k < size * size; ++k)
            expect_same(static_cast<double>(covariance[run * size * size + k]),
                        static_cast<double>(wanted_covariance[k]), rounding, name);
    }
}

TEST_F(StatisticsKernelTest, GivesWhatTheHostDoes) {
    for (const int n : {1, 2, 3, 5, 8, 33, 64}) same_on_both<double>(n, true);
    same_on_both<double>(17, false);
    same_on_both<float>(4, true);
}

}  // namespace
}  // namespace cunewton::test

#endif
