#include "host/cuda/batch_engine.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/cuda/small_code.h"
#include "cunewton/math/packed.h"
#include "host/cuda/device_memory.h"
#include "host/cuda/places.h"
#include "host/cuda/staging.h"

namespace cunewton::cuda {

namespace {

constexpr int slot_count = 2;

/// A chunk's arrays on the device; the results' after inputs_end are the same on the host. Arrays
/// of the caller's that are on the device, or are one row for all, have no place.
template <class T>
struct ChunkPlaces {
    Places places;
    std::size_t queue, offsets, order, coordinates, y, weights, start, guesses, lower, upper;
    std::size_t inputs_end;
    std::size_t parameters, objective, gradient_norm, at_bound, hessian, status, iterations,
        counted_points;

    /// Of `problems` problems with `points` points in all. `own` tells of an array of the task's
    /// view whether chunks bring it along.
    template <class Own>
    ChunkPlaces(const BatchTask<T>& task, const Own& own, long problems, long points) {
        const BatchView<T>& view = task.view;
        const long n = task.n, runs = problems * view.starts;
        const auto input = [&](const Rows<const T>& rows, long count) {
            return places.template add<T>(own(rows) ? count : 0);
        };
        queue = places.template add<unsigned long long>(1);
        offsets = places.template add<long>(view.offsets ? problems + 1 : 0);
        order = places.template add<int>(view.offsets ? problems : 0);
        coordinates = input(view.coordinates, points * task.coordinates);
        y = input(view.y, points);
        weights = input(view.weights, points);
        start = input(view.start, runs * n);
        guesses = places.template add<T>(view.guesses() ? problems * n : 0);
        lower = input(view.lower, problems * n);
        upper = input(view.upper, problems * n);
        inputs_end = places.size();
        parameters = places.template add<T>(runs * n);
        objective = places.template add<T>(runs);
        gradient_norm = places.template add<T>(runs);
        at_bound = places.template add<std::uint64_t>(task.method.settings.bounded ? runs : 0);
        hessian = places.template add<T>(task.hessians ? runs * packed_size(task.n) : 0);
        status = places.template add<Status>(runs);
        iterations = places.template add<int>(runs);
        counted_points = places.template add<int>(runs);
    }
    std::size_t size() const { return places.size(); }
    std::size_t results() const { return size() - inputs_end; }
};

template <class T>
class CudaBatchEngine final : public BatchEngine<T> {
  public:
    explicit CudaBatchEngine(const BatchTask<T>& task)
        : task_(task), staging_(task.threads->asked()) {
        require_gpu_code(task);
    }

    const char* name() const override { return "cuda"; }
    int slots() const override { return slot_count; }

    long chunk_size(long wanted) const override {
        constexpr long sample = 1024;  // problems, so that alignment does not count
        const std::size_t bytes = places(sample, sample * task_.view.points).size() / sample + 1;
        const auto fit = [&](std::size_t memory) {
            return std::max(1L, static_cast<long>(memory / slot_count / bytes));
        };
        const auto at_most = [&](long most) { return wanted > 0 ? std::min(wanted, most) : most; };
        const long chunk = at_most(fit(task_.memory_budget));
        std::size_t free = 0, total = 0;
        check(cudaMemGetInfo(&free, &total), "the device's free memory is unknown");
        const long problems = std::min(chunk, task_.view.problems);
        const MemoryNeeded needed = memory(problems, problems * task_.view.points,
                                           problems == task_.view.problems ? 1 : slot_count);
        return needed.device <= free ? chunk : at_most(std::min(chunk, fit(free / 10 * 9)));
    }

    MemoryNeeded memory(long problems, long points, long chunks) const override {
        const auto shared = [&](const Rows<const T>& rows, long count) {
            return rows && rows.row == 0 && !is_device_memory(rows.data) ? count : 0;
        };
        const BatchView<T>& view = task_.view;
        const long common = shared(view.coordinates, long{view.points} * task_.coordinates) +
                            shared(view.y, view.points) + shared(view.weights, view.points) +
                            shared(view.start, task_.n) +
                            shared(view.drawn, long{view.starts} * task_.n) +
                            shared(view.lower, task_.n) + shared(view.upper, task_.n);
        const ChunkPlaces<T> at = places(problems, points);
        const std::size_t slots = static_cast<std::size_t>(std::min<long>(chunks, slot_count));
        return {slots * at.results() + Staging::most_bytes(),
                slots * at.size() + static_cast<std::size_t>(common) * sizeof(T)};
    }

    void begin(int index, const BatchView<T>& chunk, const RunResults<T>& results) override {
        prepare();
        InFlight& slot = slots_[index];
        const long problems = chunk.problems, n = task_.n;
        const long points =
            chunk.offsets ? chunk.offsets[problems] - chunk.first_offset : problems * chunk.points;
        const ChunkPlaces<T> at = places(problems, points);
        slot.at.emplace(at);
        slot.results_to = results;
        slot.runs = chunk.runs();
        slot.reserve(at.size(), at.results());
        char* const device = slot.device.get();
        const cudaStream_t stream = slot.stream.get();
        const auto input = [&](std::size_t place, const Rows<const T>& rows,
                               const Rows<const T>& shared, long count, long width) {
            if (!own_(rows)) return rows && rows.row == 0 ? shared : rows;
            return put(device + place, rows, count, width, stream);
        };
        // With offsets the rows of these are points.
        const long rows = chunk.offsets ? points : problems;
        const long of_row = chunk.offsets ? 1 : chunk.points;

        DeviceJob<T> job;
        job.batch = chunk;
        if (chunk.offsets) {
            const std::vector<int> order = order_by_size(chunk.offsets, problems);
            put(device + at.offsets, chunk.offsets, problems + 1, stream);
            job.batch.offsets = reinterpret_cast<const long*>(device + at.offsets);
            if (!order.empty()) {
                put(device + at.order, order.data(), problems, stream);
                job.order = reinterpret_cast<const int*>(device + at.order);
            }
        }
        job.batch.coordinates = input(at.coordinates, chunk.coordinates, common_.coordinates, rows,
                                      of_row * task_.coordinates);
        job.batch.y = input(at.y, chunk.y, common_.y, rows, of_row);
        job.batch.weights = input(at.weights, chunk.weights, common_.weights, rows, of_row);
        job.batch.start = input(at.start, chunk.start, common_.start, slot.runs, n);
        job.batch.lower = input(at.lower, chunk.lower, common_.lower, problems, n);
        job.batch.upper = input(at.upper, chunk.upper, common_.upper, problems, n);
        job.batch.drawn = common_.drawn;
        if (chunk.guesses()) {
            T* const guessed = reinterpret_cast<T*>(device + at.guesses);
            task_.cuda->guess(job.batch, guessed, stream);
            job.batch.start = {guessed, n, 1};
        }
        job.method = task_.method;
        const auto output = [&](auto*& to, const auto* wanted, std::size_t place) {
            if (wanted)
                to = reinterpret_cast<std::remove_reference_t<decltype(to)>>(device + place);
        };
        output(job.results.parameters, results.parameters, at.parameters);
        output(job.results.objective, results.objective, at.objective);
        output(job.results.gradient_norm, results.gradient_norm, at.gradient_norm);
        output(job.results.at_bound, results.at_bound, at.at_bound);
        output(job.results.hessian, results.hessian, at.hessian);
        output(job.results.status, results.status, at.status);
        output(job.results.iterations, results.iterations, at.iterations);
        output(job.results.counted_points, results.counted_points, at.counted_points);
        job.queue = reinterpret_cast<unsigned long long*>(device + at.queue);
        task_.cuda->solve(job, stream);
        check(cudaMemcpyAsync(slot.results.get(), device + at.inputs_end, at.results(),
                              cudaMemcpyDeviceToHost, stream),
              "a copy from the device failed");
    }

    void finish(int index) override {
        InFlight& slot = slots_[index];
        check(cudaStreamSynchronize(slot.stream.get()), "a batch failed on the device");
        const RunResults<T>& to = slot.results_to;
        const ChunkPlaces<T>& at = *slot.at;
        const long runs = slot.runs;
        const auto take = [&](auto* array, std::size_t place, long count) {
            if (array)
                std::memcpy(array, slot.results.get() + (place - at.inputs_end),
                            static_cast<std::size_t>(count) * sizeof(*array));
        };
        take(to.parameters, at.parameters, runs * task_.n);
        take(to.objective, at.objective, runs);
        take(to.gradient_norm, at.gradient_norm, runs);
        take(to.at_bound, at.at_bound, runs);
        take(to.hessian, at.hessian, runs * packed_size(task_.n));
        take(to.status, at.status, runs);
        take(to.iterations, at.iterations, runs);
        take(to.counted_points, at.counted_points, runs);
    }

  private:
    /// A chunk on its way.
    struct InFlight {
        DeviceArray<char> device;
        PinnedArray<char> results;
        OwnedStream stream;
        std::optional<ChunkPlaces<T>> at;
        RunResults<T> results_to;
        long runs = 0;

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

    /// Whether chunks bring an array along: it is not one row for all and not on the device.
    struct Own {
        bool operator()(const Rows<const T>& rows) const {
            return rows && rows.row != 0 && !is_device_memory(rows.data);
        }
    };

    ChunkPlaces<T> places(long problems, long points) const {
        return ChunkPlaces<T>(task_, own_, problems, points);
    }

    /// Streams, and what is one row for all. Nothing of this is needed to tell sizes.
    void prepare() {
        if (slots_[0].stream) return;
        for (InFlight& slot : slots_) slot.stream = make_stream();
        const BatchView<T>& view = task_.view;
        const long points = view.points, n = task_.n;
        common_.coordinates =
            upload_shared(view.coordinates, points * task_.coordinates, common_memory_[0]);
        common_.y = upload_shared(view.y, points, common_memory_[1]);
        common_.weights = upload_shared(view.weights, points, common_memory_[2]);
        common_.start = upload_shared(view.start, n, common_memory_[3]);
        common_.drawn = upload_shared(view.drawn, view.starts * n, common_memory_[6]);
        common_.lower = upload_shared(view.lower, n, common_memory_[4]);
        common_.upper = upload_shared(view.upper, n, common_memory_[5]);
        // Copies may still be on their way, and the slots' streams do not wait for each other.
        check(cudaStreamSynchronize(slots_[0].stream.get()), "a copy to the device failed");
        if (!task_.stream) return;
        const OwnedEvent queued = make_event();
        check(cudaEventRecord(queued.get(), task_.stream), "the stream could not be waited for");
        for (InFlight& slot : slots_)
            check(cudaStreamWaitEvent(slot.stream.get(), queued.get(), 0),
                  "the stream could not be waited for");
    }

    /// A row for all problems on the device, as it is if it is there.
    Rows<const T> upload_shared(const Rows<const T>& row, long count, DeviceArray<T>& memory) {
        if (!row || row.row != 0 || is_device_memory(row.data)) return row;
        memory = DeviceArray<T>(static_cast<std::size_t>(count));
        if (count > 0)
            put(reinterpret_cast<char*>(memory.get()), Rows<const T>{row.data, 0, row.column}, 1,
                count, slots_[0].stream.get());
        return {memory.get(), 0, 1};
    }

    /// Copies rows to the device. Where rows are neighbours rather than the numbers of a row, they
    /// stay so.
    Rows<const T> put(char* place, const Rows<const T>& from, long rows, long columns,
                      cudaStream_t stream) {
        T* const to = reinterpret_cast<T*>(place);
        const auto lines = [&](long count, long width, std::ptrdiff_t distance) {
            staging_.upload_rows(to, from.data, static_cast<std::size_t>(width) * sizeof(T),
                                 static_cast<std::size_t>(distance) * sizeof(T), count, stream);
        };
        if (columns == 0 || rows == 0) return {to, columns, 1};
        if ((from.column == 1 || columns == 1) && (from.row >= columns || rows == 1)) {
            lines(rows, columns, rows == 1 ? columns : from.row);
            return {to, columns, 1};
        }
        if (from.row == 1 && from.column >= rows) {
            lines(columns, rows, from.column);
            return {to, 1, rows};
        }
        staging_.upload_numbers(
            to, rows * columns, [&](long k) { return from(k / columns, k % columns); }, stream);
        return {to, columns, 1};
    }
    template <class V>
    void put(char* place, const V* from, long count, cudaStream_t stream) {
        staging_.upload(place, from, static_cast<std::size_t>(count) * sizeof(V), stream);
    }

    BatchTask<T> task_;
    Own own_;
    DeviceArray<T> common_memory_[7];
    BatchView<T> common_;  // what is one row for all
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
