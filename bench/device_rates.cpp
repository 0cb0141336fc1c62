#include <stdexcept>
#include <string>

#include "bench/rates.h"

#if CUNEWTON_WITH_CUDA
#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "bench/timing.h"

namespace cunewton::bench {
namespace {

template <class Code>
void check(Code code, const char* what) {
    if (code != Code{})
        throw std::runtime_error(std::string(what) + " failed (code " + std::to_string(int(code)) +
                                 ")");
}
#define CUNEWTON_BENCH_CHECK(call) check(call, #call)

/// Device memory with copies of a host array.
template <class T>
class DeviceArray {
  public:
    explicit DeviceArray(const std::vector<T>& values) : bytes_(values.size() * sizeof(T)) {
        CUNEWTON_BENCH_CHECK(cudaMalloc(&data_, bytes_));
        assign(values);
    }
    ~DeviceArray() { cudaFree(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    void assign(const std::vector<T>& values) {
        CUNEWTON_BENCH_CHECK(cudaMemcpy(data_, values.data(), bytes_, cudaMemcpyHostToDevice));
    }
    T* data() const { return static_cast<T*>(data_); }

  private:
    void* data_ = nullptr;
    std::size_t bytes_;
};

struct Handles {
    Handles() {
        CUNEWTON_BENCH_CHECK(cublasCreate(&blas));
        CUNEWTON_BENCH_CHECK(cusolverDnCreate(&solver));
    }
    ~Handles() {
        cusolverDnDestroy(solver);
        cublasDestroy(blas);
    }
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;
    cublasHandle_t blas = nullptr;
    cusolverDnHandle_t solver = nullptr;
};

/// Operations a second of the fastest of five runs after a warm-up.
template <class Prepare, class Job>
double best_rate(double operations, const Prepare& prepare, const Job& job) {
    double least = 1e300;
    for (int run = 0; run < 6; ++run) {
        prepare();
        CUNEWTON_BENCH_CHECK(cudaDeviceSynchronize());
        const double begin = wall_seconds();
        job();
        CUNEWTON_BENCH_CHECK(cudaDeviceSynchronize());
        if (run > 0) least = std::min(least, wall_seconds() - begin);
    }
    return operations / least;
}

template <class T>
double syrk_rate(const Handles& handles, int n, int k) {
    const DeviceArray<T> a(std::vector<T>(static_cast<std::size_t>(n) * k, T(0.5)));
    const DeviceArray<T> c(std::vector<T>(static_cast<std::size_t>(n) * n));
    const T one = 1, zero = 0;
    return best_rate(
        double(n) * (n + 1) * k, [] {},
        [&] {
            if constexpr (std::is_same_v<T, double>)
                CUNEWTON_BENCH_CHECK(cublasDsyrk(handles.blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N,
                                                 n, k, &one, a.data(), n, &zero, c.data(), n));
            else
                CUNEWTON_BENCH_CHECK(cublasSsyrk(handles.blas, CUBLAS_FILL_MODE_LOWER, CUBLAS_OP_N,
                                                 n, k, &one, a.data(), n, &zero, c.data(), n));
        });
}

template <class T>
double potrf_rate(const Handles& handles, int n) {
    std::vector<T> matrix(static_cast<std::size_t>(n) * n, T(1));
    for (int j = 0; j < n; ++j)
        matrix[static_cast<std::size_t>(j) * (n + 1)] = static_cast<T>(2 * n);
    DeviceArray<T> a(matrix);
    const DeviceArray<int> info(std::vector<int>(1));
    constexpr auto lower = CUBLAS_FILL_MODE_LOWER;
    int size = 0;
    if constexpr (std::is_same_v<T, double>)
        CUNEWTON_BENCH_CHECK(
            cusolverDnDpotrf_bufferSize(handles.solver, lower, n, a.data(), n, &size));
    else
        CUNEWTON_BENCH_CHECK(
            cusolverDnSpotrf_bufferSize(handles.solver, lower, n, a.data(), n, &size));
    const DeviceArray<T> work(std::vector<T>(static_cast<std::size_t>(std::max(size, 1))));
    return best_rate(
        std::pow(n, 3) / 3, [&] { a.assign(matrix); },
        [&] {
            if constexpr (std::is_same_v<T, double>)
                CUNEWTON_BENCH_CHECK(cusolverDnDpotrf(handles.solver, lower, n, a.data(), n,
                                                      work.data(), size, info.data()));
            else
                CUNEWTON_BENCH_CHECK(cusolverDnSpotrf(handles.solver, lower, n, a.data(), n,
                                                      work.data(), size, info.data()));
        });
}

template <class T>
double eigenvalues_seconds(const std::vector<double>& numbers, int n) {
    constexpr cudaDataType type = sizeof(T) == 8 ? CUDA_R_64F : CUDA_R_32F;
    constexpr auto lower = CUBLAS_FILL_MODE_LOWER;
    constexpr auto values_alone = CUSOLVER_EIG_MODE_NOVECTOR;
    const Handles handles;
    const std::vector<T> matrix(numbers.begin(), numbers.end());
    DeviceArray<T> a(matrix);
    const DeviceArray<T> values(std::vector<T>(static_cast<std::size_t>(n)));
    const DeviceArray<int> info(std::vector<int>(1));
    std::size_t there = 0, here = 0;
    CUNEWTON_BENCH_CHECK(cusolverDnXsyevd_bufferSize(handles.solver, nullptr, values_alone, lower,
                                                     n, type, a.data(), n, type, values.data(),
                                                     type, &there, &here));
    const DeviceArray<char> work(std::vector<char>(std::max<std::size_t>(there, 1)));
    std::vector<char> host_work(here);
    // One operation: the rate is one over the time.
    return 1 / best_rate(
                   1, [&] { a.assign(matrix); },
                   [&] {
                       CUNEWTON_BENCH_CHECK(
                           cusolverDnXsyevd(handles.solver, nullptr, values_alone, lower, n, type,
                                            a.data(), n, type, values.data(), type, work.data(),
                                            there, host_work.data(), here, info.data()));
                   });
}

}  // namespace

double device_eigenvalues_seconds(const std::vector<double>& matrix, int n, bool single) {
    return single ? eigenvalues_seconds<float>(matrix, n) : eigenvalues_seconds<double>(matrix, n);
}

DenseRates measure_device_rates(const Settings& settings) {
    const RateSizes size(settings);
    const Handles handles;
    DenseRates rates;
    rates.dsyrk_785 = syrk_rate<double>(handles, size.middle, size.samples);
    rates.dsyrk_1970 = syrk_rate<double>(handles, size.large, size.samples / 4);
    rates.ssyrk_785 = syrk_rate<float>(handles, size.middle, size.samples);
    rates.ssyrk_1970 = syrk_rate<float>(handles, size.large, size.samples / 4);
    rates.dpotrf_785 = potrf_rate<double>(handles, size.middle);
    rates.dpotrf_1970 = potrf_rate<double>(handles, size.large);
    rates.spotrf_785 = potrf_rate<float>(handles, size.middle);
    rates.spotrf_1970 = potrf_rate<float>(handles, size.large);
    return rates;
}

}  // namespace cunewton::bench
#else
namespace cunewton::bench {

DenseRates measure_device_rates(const Settings&) {
    throw std::runtime_error("no device (this build has no CUDA) use --backend cpu");
}
double device_eigenvalues_seconds(const std::vector<double>&, int, bool) {
    throw std::runtime_error("no device (this build has no CUDA) use --backend cpu");
}

}  // namespace cunewton::bench
#endif
