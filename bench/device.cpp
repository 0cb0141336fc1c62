#include "bench/device.h"

#include <stdexcept>

#if CUNEWTON_WITH_CUDA
#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/timing.h"

namespace cunewton::bench {
namespace {

void check(cudaError_t status, const char* what) {
    if (status != cudaSuccess)
        throw std::runtime_error(std::string(what) + " failed (" + cudaGetErrorString(status) +
                                 ") look at nvidia-smi");
}

struct FreeOnDevice {
    void operator()(void* memory) const { cudaFree(memory); }
};
using DeviceMemory = std::unique_ptr<void, FreeOnDevice>;

DeviceMemory allocate(std::size_t bytes) {
    void* memory = nullptr;
    check(cudaMalloc(&memory, std::max<std::size_t>(bytes, 1)), "an allocation on the device");
    return DeviceMemory(memory);
}

/// Seconds that the work queued by `job` on the default stream takes, by the device's clock; the
/// median after a first run that does not count.
template <class Job>
double device_seconds(int repeats, const Job& job) {
    cudaEvent_t begin = nullptr, end = nullptr;
    check(cudaEventCreate(&begin), "an event");
    check(cudaEventCreate(&end), "an event");
    std::vector<double> seconds;
    for (int run = 0; run <= repeats; ++run) {
        check(cudaEventRecord(begin), "an event");
        job();
        check(cudaEventRecord(end), "an event");
        check(cudaEventSynchronize(end), "the measured work");
        float milliseconds = 0;
        check(cudaEventElapsedTime(&milliseconds, begin, end), "an event");
        if (run > 0) seconds.push_back(milliseconds * 1e-3);
    }
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
    return median(seconds);
}

template <class T, class Product>
double gemm_rate(int n, const Product& product) {
    const std::size_t bytes = sizeof(T) * static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
    const DeviceMemory a = allocate(bytes), b = allocate(bytes), c = allocate(bytes);
    check(cudaMemset(a.get(), 0x3c, bytes), "a memory fill");  // ordinary numbers, not zeros
    check(cudaMemset(b.get(), 0x3c, bytes), "a memory fill");
    cublasHandle_t handle = nullptr;
    if (cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS)
        throw std::runtime_error("cuBLAS did not start (see the driver's log)");
    const T one = 1, zero = 0;
    bool good = true;
    const double seconds = device_seconds(5, [&] {
        good = good && product(handle, CUBLAS_OP_N, CUBLAS_OP_N, n, n, n, &one,
                               static_cast<const T*>(a.get()), n, static_cast<const T*>(b.get()), n,
                               &zero, static_cast<T*>(c.get()), n) == CUBLAS_STATUS_SUCCESS;
    });
    cublasDestroy(handle);
    if (!good) throw std::runtime_error("a matrix product failed (see the driver's log)");
    return 2.0 * n * n * n / seconds;
}

/// A copy on the device.
template <class T>
struct Resident {
    DeviceMemory memory;
    Array<const T> array;

    explicit Resident(const Array<const T>& from) {
        if (from.empty()) return;
        const std::size_t bytes = static_cast<std::size_t>(from.size()) * sizeof(T);
        memory = allocate(bytes);
        check(cudaMemcpy(memory.get(), from.data, bytes, cudaMemcpyHostToDevice),
              "a copy to the device");
        array = Array<const T>(static_cast<const T*>(memory.get()), from.rows, from.columns)
                    .on_device();
    }
};
template <class V>
Array<V> on_device(const DeviceMemory& memory, long problems, long width) {
    return Array<V>(static_cast<V*>(memory.get()), problems, width).on_device();
}

}  // namespace

nlohmann::ordered_json describe_device(const Settings& settings) {
    int device = 0, driver = 0, runtime = 0;
    check(cudaGetDevice(&device), "cudaGetDevice");
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
    check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
    nlohmann::ordered_json json{
        {"name", properties.name},
        {"architecture", std::to_string(properties.major) + std::to_string(properties.minor)},
        {"multiprocessors", properties.multiProcessorCount},
        {"memory_bytes", properties.totalGlobalMem},
        {"shared_bytes_of_a_block", properties.sharedMemPerBlockOptin},
        {"l2_bytes", properties.l2CacheSize},
        {"driver_cuda", driver},
        {"runtime_cuda", runtime}};

    const std::size_t bytes = std::size_t{1} << (settings.small ? 20 : 30);
    const DeviceMemory from = allocate(bytes), to = allocate(bytes);
    check(cudaMemset(from.get(), 1, bytes), "a memory fill");
    void* memory = nullptr;
    check(cudaMallocHost(&memory, bytes / 4), "page-locked memory");
    const std::unique_ptr<void, decltype(&cudaFreeHost)> host(memory, &cudaFreeHost);
    const auto copy_rate = [](void* target, const void* source, std::size_t count,
                              cudaMemcpyKind kind) {
        return static_cast<double>(count) / device_seconds(5, [&] {
                   check(cudaMemcpyAsync(target, source, count, kind, nullptr), "a copy");
               });
    };
    json["copy_gb_per_second"] =
        2e-9 * copy_rate(to.get(), from.get(), bytes, cudaMemcpyDeviceToDevice);
    json["upload_gb_per_second"] =
        1e-9 * copy_rate(to.get(), host.get(), bytes / 4, cudaMemcpyHostToDevice);
    json["download_gb_per_second"] =
        1e-9 * copy_rate(host.get(), from.get(), bytes / 4, cudaMemcpyDeviceToHost);
    const int n = settings.small ? 128 : 8192;
    json["dgemm_gflops"] = 1e-9 * gemm_rate<double>(n, &cublasDgemm);
    json["sgemm_gflops"] = 1e-9 * gemm_rate<float>(n, &cublasSgemm);
    return json;
}

template <class T>
std::optional<double> resident_seconds(const BatchModel& model, const BatchData<T>& data,
                                       const BatchOptions& options, int repeats) {
    const long n = model.parameters();
    const auto dense = [](const auto& array) { return array.on_host() && array.contiguous(); };
    if (options.precision != BatchPrecision::as_data || options.covariance ||
        options.standard_errors || options.condition_number || !data.offsets.empty() ||
        !dense(data.coordinates) || !dense(data.y) || !dense(data.weights) || !dense(data.start) ||
        !data.lower.empty() || !data.upper.empty())
        return {};
    const Resident<T> coordinates(data.coordinates), y(data.y), weights(data.weights),
        start(data.start);
    BatchData<T> there;
    there.problems = data.problems;
    there.points = data.points;
    there.coordinates = coordinates.array;
    there.y = y.array;
    there.weights = weights.array;
    there.start = start.array;
    const std::size_t problems = static_cast<std::size_t>(data.problems);
    const DeviceMemory parameters = allocate(problems * static_cast<std::size_t>(n) * sizeof(T)),
                       objective = allocate(problems * sizeof(T)),
                       norm = allocate(problems * sizeof(T)),
                       status = allocate(problems * sizeof(Status)),
                       iterations = allocate(problems * sizeof(int));
    BatchArrays<T> results;
    results.parameters = on_device<T>(parameters, data.problems, n);
    results.objective = on_device<T>(objective, data.problems, 1);
    results.gradient_norm = on_device<T>(norm, data.problems, 1);
    results.status = on_device<Status>(status, data.problems, 1);
    results.iterations = on_device<int>(iterations, data.problems, 1);
    BatchOptions queued = options;
    queued.backend = BackendChoice::cuda;
    queued.stream = cudaStreamLegacy;
    return device_seconds(repeats, [&] {
        if (model.kind() == SmallKind::fit)
            fit_batch(static_cast<const FitModel&>(model), there, results, queued);
        else
            minimize_batch(static_cast<const SmallObjective&>(model), there, results, queued);
    });
}
#else
namespace cunewton::bench {

nlohmann::ordered_json describe_device(const Settings&) {
    throw std::runtime_error("there is no device (this build has no CUDA) build with nvcc");
}

template <class T>
std::optional<double> resident_seconds(const BatchModel&, const BatchData<T>&, const BatchOptions&,
                                       int) {
    return {};
}
#endif

template std::optional<double> resident_seconds(const BatchModel&, const BatchData<double>&,
                                                const BatchOptions&, int);
template std::optional<double> resident_seconds(const BatchModel&, const BatchData<float>&,
                                                const BatchOptions&, int);

}  // namespace cunewton::bench
