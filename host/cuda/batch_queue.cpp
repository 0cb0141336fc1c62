#include "host/cuda/batch_queue.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "cunewton/cuda/small_code.h"
#include "cunewton/error.h"
#include "cunewton/math/packed.h"
#include "host/cuda/batch_engine.h"
#include "host/cuda/places.h"
#include "host/cuda/resources.h"
#include "kernels/batch_results.h"

namespace cunewton::cuda {

namespace {

constexpr long least_part = 64;  // problems that are not divided for want of memory

/// Memory that is allocated and freed when the stream gets there, and part of a graph if the stream
/// is in capture.
class StreamMemory {
  public:
    StreamMemory(std::size_t bytes, Stream stream) : stream_(stream) {
        const cudaError_t status = cudaMallocAsync(&data_, bytes, stream);
        if (status != cudaSuccess) fail(status, "device memory could not be allocated", bytes);
    }
    ~StreamMemory() { static_cast<void>(cudaFreeAsync(data_, stream_)); }
    StreamMemory(const StreamMemory&) = delete;
    StreamMemory& operator=(const StreamMemory&) = delete;
    char* get() const { return static_cast<char*>(data_); }

  private:
    void* data_ = nullptr;
    Stream stream_;
};

/// Results of runs that are to be had, because they are wanted or because others depend on them:
/// where the caller wants them, or in the workspace.
template <class T>
struct Plan {
    const DeviceWork<T>& work;
    Places places;
    RunResults<T> runs;  ///< of the whole batch: the caller's arrays that are written directly
    BatchResults<T> finished;  ///< what is left for launch_batch_results()
    std::size_t queue, order, sort, drawn, guesses;
    std::size_t parameters, objective, gradient_norm, status, iterations, counted_points, at_bound,
        hessian;

    Plan(const DeviceWork<T>& w, long problems) : work(w), finished(w.results) {
        const BatchTask<T>& task = work.task;
        const BatchResults<T>& wanted = work.results;
        const long n = task.n, run_count = problems * task.view.starts;
        const bool several = task.view.starts > 1, statistics = wanted.statistics();
        const bool scaled = task.method.scaled && (wanted.covariance || wanted.standard_errors);
        const bool counted = task.kind == SmallKind::fit &&
                             (wanted.degrees_of_freedom || wanted.reduced_chi_square || scaled);
        finished.covariance = finished.standard_errors = finished.condition_number = {};
        finished.undetermined = {};
        const bool ordered = task.view.offsets && problems <= std::numeric_limits<int>::max();

        queue = places.template add<unsigned long long>(1);
        order = places.template add<int>(ordered ? problems : 0);
        sort =
            places.template add<char>(ordered ? static_cast<long>(batch_order_bytes(problems)) : 0);
        drawn = places.template add<T>(task.view.drawn ? task.view.starts * n : 0);
        guesses = places.template add<T>(task.view.guesses() ? problems * n : 0);
        // `needed`: by others too.
        const auto place = [&]<class V>(V*& direct, Rows<V>& target, long width, bool needed) {
            const bool dense = target && target.row == width && (width == 1 || target.column == 1);
            if (dense && !several) {
                direct = target.data;
                target = {};
                return places.template add<V>(0);
            }
            return places.template add<V>(target || needed ? run_count * width : 0);
        };
        parameters = place(runs.parameters, finished.parameters, n, false);
        objective = place(runs.objective, finished.objective, 1, several || counted);
        gradient_norm = place(runs.gradient_norm, finished.gradient_norm, 1, false);
        status = place(runs.status, finished.status, 1, false);
        iterations = place(runs.iterations, finished.iterations, 1, false);
        at_bound =
            place(runs.at_bound, finished.at_bound, 1, statistics && task.method.settings.bounded);
        counted_points = places.template add<int>(counted ? run_count : 0);
        hessian = places.template add<T>(statistics ? run_count * packed_size(task.n) : 0);
    }
    std::size_t size() const { return places.size(); }

    /// Whether anything is left for launch_batch_results().
    bool leaves_results() const {
        const BatchResults<T>& f = finished;
        return f.parameters || f.objective || f.gradient_norm || f.status || f.iterations ||
               f.at_bound || f.best_start || f.degrees_of_freedom || f.reduced_chi_square;
    }
};

/// Problems of a part, so that its workspace keeps to the budget.
template <class T>
long part_size(const DeviceWork<T>& work) {
    constexpr long sample = 4096;
    const long problems = work.task.view.problems;
    const std::size_t fixed = Plan<T>(work, 0).size();
    const std::size_t each = (Plan<T>(work, sample).size() - fixed) / sample;
    if (each == 0) return problems;
    const long most = static_cast<long>(work.task.memory_budget / (each + 1));
    return std::min(problems, std::max(least_part, most));
}

template <class T>
void queue_part(const DeviceWork<T>& work, long first, long count) {
    const BatchTask<T>& task = work.task;
    const Plan<T> plan(work, count);
    const StreamMemory memory(plan.size(), task.stream);
    const long n = task.n;
    // Offsets are not read here: arrays of points begin where the batch's do.
    DeviceJob<T> job;
    job.batch = task.view.part(first, count, task.view.first_offset);
    job.method = task.method;
    job.queue = reinterpret_cast<unsigned long long*>(memory.get() + plan.queue);
    if (plan.sort > plan.order) {
        int* const order = reinterpret_cast<int*>(memory.get() + plan.order);
        launch_batch_order(job.batch.offsets, count, task.view.points, order,
                           memory.get() + plan.sort, task.stream);
        job.order = order;
    }
    if (task.view.drawn) {
        T* const drawn = reinterpret_cast<T*>(memory.get() + plan.drawn);
        launch_batch_numbers(task.view.drawn.data, task.view.starts * n, drawn, task.stream);
        job.batch.drawn = {drawn, 0, 1};
    } else if (task.view.guesses()) {
        T* const guessed = reinterpret_cast<T*>(memory.get() + plan.guesses);
        task.cuda->guess(job.batch, guessed, task.stream);
        job.batch.start = {guessed, n, 1};
    }
    const auto to = [&]<class V>(V*& array, V* direct, std::size_t place, std::size_t end,
                                 long width) {
        if (direct)
            array = direct + first * width;
        else if (end > place)
            array = reinterpret_cast<V*>(memory.get() + place);
    };
    RunResults<T>& runs = job.results;
    to(runs.parameters, plan.runs.parameters, plan.parameters, plan.objective, n);
    to(runs.objective, plan.runs.objective, plan.objective, plan.gradient_norm, 1);
    to(runs.gradient_norm, plan.runs.gradient_norm, plan.gradient_norm, plan.status, 1);
    to(runs.status, plan.runs.status, plan.status, plan.iterations, 1);
    to(runs.iterations, plan.runs.iterations, plan.iterations, plan.at_bound, 1);
    to(runs.at_bound, plan.runs.at_bound, plan.at_bound, plan.counted_points, 1);
    to(runs.counted_points, static_cast<int*>(nullptr), plan.counted_points, plan.hessian, 1);
    to(runs.hessian, static_cast<T*>(nullptr), plan.hessian, plan.size(), 1);
    task.cuda->solve(job, task.stream);
    const bool fit = task.kind == SmallKind::fit;
    if (plan.leaves_results())
        launch_batch_results(job.batch, task.method, runs, plan.finished.from(first), task.n, fit,
                             task.stream);
    if (work.results.statistics())
        launch_batch_statistics(job.batch, task.method, runs, work.results.from(first), task.n, fit,
                                task.stream);
}

}  // namespace

template <class T>
void queue_batch(const DeviceWork<T>& work) {
    require_gpu_code(work.task);
    if (!work.task.stream) {
        const OwnedStream own = make_stream();
        DeviceWork<T> waited_for = work;
        waited_for.task.stream = own.get();
        try {
            queue_batch(waited_for);
        } catch (...) {
            // Whoever goes on must not meet parts that are still under way.
            static_cast<void>(cudaStreamSynchronize(own.get()));
            throw;
        }
        return check(cudaStreamSynchronize(own.get()), "a batch failed on the device");
    }
    const long problems = work.task.view.problems;
    long part = part_size(work);
    for (long first = 0; first < problems;) {
        const long count = std::min(part, problems - first);
        try {
            queue_part(work, first, count);
            first += count;
        } catch (const OutOfMemory&) {
            if (part <= least_part) throw;
            part = std::max(least_part, part / 2);
        }
    }
}
template void queue_batch(const DeviceWork<double>&);
template void queue_batch(const DeviceWork<float>&);

template <class T>
std::size_t queue_memory(const DeviceWork<T>& work) {
    require_gpu_code(work.task);
    return Plan<T>(work, part_size(work)).size();
}
template std::size_t queue_memory(const DeviceWork<double>&);
template std::size_t queue_memory(const DeviceWork<float>&);

}  // namespace cunewton::cuda
