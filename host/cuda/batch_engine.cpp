#include "host/cuda/batch_engine.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "cunewton/cuda/small_code.h"
#include "cunewton/error.h"
#include "host/cuda/staging.h"

namespace cunewton::cuda {

namespace {

constexpr int slot_count = 2;

/// Arrays that follow each other in one piece of memory, so that one copy moves all results.
class Places {
  public:
    /// The place of `count` numbers of type V.
    template <class V>
    std::size_t add(long count) {
        const std::size_t at = size_;
        const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(V);
        size_ += (bytes + alignment - 1) / alignment * alignment;
        return at;
    }
    std::size_t size() const { return size_; }

  private:
    static constexpr std::size_t alignment = 256;  // as cudaMalloc's
    std::size_t size_ = 0;
};

/// A chunk's arrays on the device; the results' after inputs_end are the same on the host.
template <class T>
struct ChunkPlaces {
    Places places;
    long points, runs;
    std::size_t queue, offsets, coordinates, y, weights, start, lower, upper, inputs_end;
    std::size_t parameters, objective, gradient_norm, at_bound, hessian, status, iterations,
        counted_points;

    ChunkPlaces(const BatchTask<T>& task, long problems, long all_points)
        : points(all_points), runs(problems * task.starts) {
        const long n = task.n;
        const bool fit = task.kind == SmallKind::fit;
        const bool own_start = task.per_run_start || task.per_problem_start;
        queue = places.template add<unsigned long long>(1);
        offsets = places.template add<long>(task.ragged ? problems + 1 : 0);
        coordinates =
            places.template add<T>(task.shared_coordinates ? 0 : points * task.coordinates);
        y = places.template add<T>(fit ? points : 0);
        weights = places.template add<T>(task.weighted ? points : 0);
        start = places.template add<T>(own_start ? runs * n : 0);
        lower = places.template add<T>(task.per_problem_bounds ? problems * n : 0);
        upper = places.template add<T>(task.per_problem_bounds ? problems * n : 0);
        inputs_end = places.size();
        parameters = places.template add<T>(runs * n);
        objective = places.template add<T>(runs);
        gradient_norm = places.template add<T>(runs);
        at_bound = places.template add<std::uint64_t>(task.settings.bounded ? runs : 0);
        hessian = places.template add<T>(task.hessians ? runs * (n * (n + 1) / 2) : 0);
        status = places.template add<int>(runs);
        iterations = places.template add<int>(runs);
        counted_points = places.template add<int>(runs);
    }
    std::size_t size() const { return places.size(); }
};

template <class T>
class CudaBatchEngine final : public BatchEngine<T> {
  public:
    explicit CudaBatchEngine(const BatchTask<T>& task) : task_(task), staging_(task.threads) {
        if (!task.cuda)
            throw BackendUnavailable(
                "the model has no GPU code (it was compiled for the CPU alone) add it with "
                "cuda::attach_device_code in a .cu file");
        const long n = task.n;
        method_.settings = task.settings;
        method_.estimator = task.estimator;
        method_.tuning = task.tuning;
        method_.derivatives = task.derivatives;
        for (int j = 0; j < task.n && task.fixed; ++j)
            method_.fixed |= std::uint64_t{task.fixed[j] != 0} << j;
        common_coordinates_ =
            to_device(task.coordinates_of_all, long{task.points} * task.coordinates);
        common_start_ = to_device(task.start_of_all, n);
        common_lower_ = to_device(task.lower_of_all, n);
        common_upper_ = to_device(task.upper_of_all, n);
        for (InFlight& slot : slots_) slot.stream = make_stream();
        // Copies from pageable memory may still be on their way, and the slots' streams do not wait
        // for the stream that they are on.
        check(cudaStreamSynchronize(nullptr), "a copy to the device failed");
    }

    const char* name() const override { return "cuda"; }
    int slots() const override { return slot_count; }

    long chunk_size(long wanted) const override {
        constexpr long sample = 1024;  // problems, so that alignment does not count
        const std::size_t bytes = ChunkPlaces<T>(task_, sample, sample * task_.points).size();
        std::size_t free = 0, total = 0;
        check(cudaMemGetInfo(&free, &total), "the device's free memory is unknown");
        const std::size_t available = std::min(task_.memory_budget, free / 10 * 9) / slot_count;
        const long most = std::max(1L, static_cast<long>(available / (bytes / sample + 1)));
        return wanted > 0 ? std::min(wanted, most) : most;
    }

    void begin(int index, const BatchChunk<T>& chunk) override {
        InFlight& slot = slots_[index];
        const long problems = chunk.problems;
        const long first = chunk.offsets ? chunk.offsets[0] : 0;
        const long points =
            chunk.offsets ? chunk.offsets[problems] - first : problems * task_.points;
        const ChunkPlaces<T> at(task_, problems, points);
        slot.chunk = chunk;
        const std::size_t results = at.size() - at.inputs_end;
        slot.reserve(at.size(), results);
        char* device = slot.device.get();

        const auto put = [&](std::size_t place, const auto* from, long count) {
            if (from)
                staging_.upload(device + place, from,
                                static_cast<std::size_t>(count) * sizeof(*from), slot.stream.get());
        };
        put(at.offsets, chunk.offsets, problems + 1);
        put(at.coordinates, chunk.coordinates, points * task_.coordinates);
        put(at.y, chunk.y, points);
        put(at.weights, chunk.weights, points);
        put(at.start, chunk.start, at.runs * task_.n);
        put(at.lower, chunk.lower, problems * task_.n);
        put(at.upper, chunk.upper, problems * task_.n);

        const auto input = [&](const auto* from, std::size_t place) {
            return from ? reinterpret_cast<decltype(from)>(device + place) : nullptr;
        };
        const auto output = [&](std::size_t place, auto type) {
            return reinterpret_cast<decltype(type)*>(device + place);
        };
        DeviceBatch<T> batch;
        batch.problems = problems;
        batch.points = task_.points;
        batch.starts = task_.starts;
        batch.offsets = input(chunk.offsets, at.offsets);
        batch.first_offset = first;
        batch.shared_coordinates = task_.shared_coordinates;
        batch.coordinates = task_.shared_coordinates ? common_coordinates_.get()
                                                     : input(chunk.coordinates, at.coordinates);
        batch.y = input(chunk.y, at.y);
        batch.weights = input(chunk.weights, at.weights);
        batch.shared_start = !chunk.start;
        batch.start = chunk.start ? input(chunk.start, at.start) : common_start_.get();
        batch.shared_bounds = !chunk.lower;
        batch.lower = chunk.lower ? input(chunk.lower, at.lower) : common_lower_.get();
        batch.upper = chunk.upper ? input(chunk.upper, at.upper) : common_upper_.get();
        batch.parameters = output(at.parameters, T());
        batch.objective = output(at.objective, T());
        batch.gradient_norm = output(at.gradient_norm, T());
        batch.at_bound = chunk.at_bound ? output(at.at_bound, std::uint64_t()) : nullptr;
        batch.hessian = task_.hessians ? output(at.hessian, T()) : nullptr;
        batch.status = output(at.status, int());
        batch.iterations = output(at.iterations, int());
        batch.counted_points = output(at.counted_points, int());
        batch.queue = output(at.queue, 0ull);
        task_.cuda->solve(batch, method_, slot.stream.get());

        check(cudaMemcpyAsync(slot.results.get(), device + at.inputs_end, results,
                              cudaMemcpyDeviceToHost, slot.stream.get()),
              "a copy from the device failed");
    }

    void finish(int index) override {
        InFlight& slot = slots_[index];
        check(cudaStreamSynchronize(slot.stream.get()), "a batch failed on the device");
        const BatchChunk<T>& chunk = slot.chunk;
        const long problems = chunk.problems;
        const ChunkPlaces<T> at(
            task_, problems,
            chunk.offsets ? chunk.offsets[problems] - chunk.offsets[0] : problems * task_.points);
        const auto take = [&](auto* to, std::size_t place, long count) {
            if (to)
                std::memcpy(to, slot.results.get() + (place - at.inputs_end),
                            static_cast<std::size_t>(count) * sizeof(*to));
        };
        static_assert(sizeof(Status) == sizeof(int));
        take(chunk.parameters, at.parameters, at.runs * task_.n);
        take(chunk.objective, at.objective, at.runs);
        take(chunk.gradient_norm, at.gradient_norm, at.runs);
        take(chunk.at_bound, at.at_bound, at.runs);
        take(chunk.hessian, at.hessian, at.runs * (task_.n * (task_.n + 1) / 2));
        take(chunk.status, at.status, at.runs);
        take(chunk.iterations, at.iterations, at.runs);
        take(chunk.counted_points, at.counted_points, at.runs);
    }

  private:
    /// A chunk on its way.
    struct InFlight {
        DeviceArray<char> device;
        PinnedArray<char> results;
        OwnedStream stream;
        BatchChunk<T> chunk;

        InFlight() = default;
        InFlight(const InFlight&) = delete;
        ~InFlight() {
            // Queued work may still use the memory that goes next.
            if (stream) static_cast<void>(cudaStreamSynchronize(stream.get()));
        }
        void reserve(std::size_t bytes, std::size_t result_bytes) {
            if (device.size() < bytes) {
                device = {};
                device = DeviceArray<char>(bytes);
            }
            if (results.size() < result_bytes) {
                results = {};
                results = PinnedArray<char>(result_bytes);
            }
        }
    };

    static DeviceArray<T> to_device(const T* from, long count) {
        if (!from) return {};
        DeviceArray<T> array(static_cast<std::size_t>(count));
        if (count > 0)
            check(cudaMemcpy(array.get(), from, array.size() * sizeof(T), cudaMemcpyHostToDevice),
                  "a copy to the device failed");
        return array;
    }

    BatchTask<T> task_;
    BatchMethod<T> method_;
    DeviceArray<T> common_coordinates_, common_start_, common_lower_, common_upper_;
    Staging staging_;
    InFlight slots_[slot_count];
};

}  // namespace

template <class T>
std::unique_ptr<BatchEngine<T>> open_batch(const BatchTask<T>& task) {
    return std::make_unique<CudaBatchEngine<T>>(task);
}
template std::unique_ptr<BatchEngine<double>> open_batch(const BatchTask<double>&);
template std::unique_ptr<BatchEngine<float>> open_batch(const BatchTask<float>&);

}  // namespace cunewton::cuda
