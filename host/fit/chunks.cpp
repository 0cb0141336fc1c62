#include "host/fit/chunks.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <type_traits>

#include "cunewton/error.h"
#include "cunewton/math/packed.h"
#include "cunewton/small/problem_io.h"
#include "host/backend/fallback.h"
#include "host/fit/options.h"

namespace cunewton {

namespace {

/// Numbers of the caller as C where the backend reads them: as they are, or a copy.
template <class C>
class Numbers {
  public:
    template <class T>
    Rows<const C> view(const Rows<const T>& from, bool as_they_are, bool on_device, long rows,
                       long columns, cuda::Stream stream) {
        if constexpr (std::is_same_v<T, C>)
            if (as_they_are) return from;
        if (from.row == 0) rows = 1;
        copy_.resize(static_cast<std::size_t>(rows * columns));
        if (on_device) {
            if constexpr (std::is_same_v<T, C>) {
                fetch<C>(copy_.data(), from.data, from.row, from.column, rows, columns, stream);
            } else {
                std::vector<T> fetched(copy_.size());
                fetch<T>(fetched.data(), from.data, from.row, from.column, rows, columns, stream);
                std::transform(fetched.begin(), fetched.end(), copy_.begin(),
                               [](T value) { return static_cast<C>(value); });
            }
        } else {
            C* to = copy_.data();
            for (long i = 0; i < rows; ++i)
                for (long j = 0; j < columns; ++j) *to++ = static_cast<C>(from(i, j));
        }
        return {copy_.data(), from.row == 0 ? 0 : columns, 1};
    }

  private:
    std::vector<C> copy_;
};

/// Whether a copy is needed on this backend.
template <class C, class T>
bool as_they_are(const BackendEntry& entry, const Array<const T>& array) {
    if (!std::is_same_v<C, T>) return false;
    return array.on_host() || entry.code<C>().queue_batch != nullptr;
}

/// One batch in the arithmetic C, with data and results of type T.
template <class C, class T>
class ChunkedBatch {
  public:
    ChunkedBatch(const BatchJob<T>& job, BatchSummary& summary)
        : job_(job),
          data_(job.data),
          options_(job.options),
          batch_(job.batch),
          summary_(summary),
          fit_(job.model.kind() == SmallKind::fit),
          threads_(options_.threads),
          task_(make_task<C>(job.model, options_, batch_.n, batch_.bounded,
                             job.results.statistics(), threads_)) {}

    void run(const Candidates& candidates) {
        run_on_first(candidates, summary_.backend_reason,
                     [&](const BackendEntry& entry, std::string& how_far) {
                         run_on(entry, how_far);
                         summary_.backend = entry.name;
                     });
    }

    MemoryNeeded memory(const BackendEntry& entry) {
        entry_ = &entry;
        fill_view();
        const auto engine = entry.code<C>().open_batch(task_);
        const long problems = batch_.view.problems;
        const long chunk = std::max(1L, std::min(problems, engine->chunk_size(options_.chunk)));
        long most_points = 0, chunks = 0;
        for (long first = 0; first < problems; first += chunk, ++chunks)
            most_points =
                std::max(most_points, batch_.points_of(first, std::min(chunk, problems - first)));
        MemoryNeeded needed = engine->memory(chunk, most_points, chunks);
        const std::size_t slots = static_cast<std::size_t>(std::min<long>(chunks, engine->slots()));
        needed.host += slots * slot_bytes(chunk, most_points);
        return needed;
    }

  private:
    struct InFlight {
        BatchView<C> chunk;
        BatchView<C> readable;  ///< the same, with the bounds where the host reads them
        RunResults<C> runs;
        long first = 0;
        Numbers<C> coordinates, y, weights, start, drawn, lower, upper;
        Numbers<C> readable_lower, readable_upper;
        std::vector<C> parameters, objective, gradient_norm, hessian;
        std::vector<Status> status;
        std::vector<int> iterations, counted_points;
        std::vector<std::uint64_t> at_bound;
    };

    /// The task's view for the backend at hand.
    void fill_view() {
        const BatchView<T>& from = batch_.view;
        BatchView<C>& view = task_.view;
        view = {};
        view.problems = from.problems;
        view.points = from.points;
        view.starts = from.starts;
        view.offsets = from.offsets;
        const auto fill = [&](Numbers<C>& shared, const Rows<const T>& rows,
                              const Array<const T>& array, long width) -> Rows<const C> {
            static constexpr C somewhere = 0;
            if (!rows) return {};
            const bool same = as_they_are<C>(*entry_, array);
            if (rows.row == 0 || same)
                return shared.view(rows, same, !array.on_host(), 1, width, options_.stream);
            return {&somewhere, 1, 1};
        };
        view.coordinates = fill(shared_.coordinates, from.coordinates, data_.coordinates,
                                long{from.points} * batch_.coordinates);
        view.y = fill(shared_.y, from.y, data_.y, from.points);
        view.weights = fill(shared_.weights, from.weights, data_.weights, from.points);
        if (from.drawn)
            view.drawn = shared_.drawn.view(from.drawn, std::is_same_v<C, T>, false, 1,
                                            long{from.starts} * batch_.n, options_.stream);
        view.start = fill(shared_.start, from.start, data_.start, batch_.n);
        view.lower = fill(shared_.lower, from.lower, data_.lower, batch_.n);
        view.upper = fill(shared_.upper, from.upper, data_.upper, batch_.n);
    }

    void run_on(const BackendEntry& entry, std::string& how_far) {
        opened_ = false;
        entry_ = &entry;
        const auto open = entry.code<C>().open_batch;
        try {
            fill_view();
            std::unique_ptr<BatchEngine<C>> engine = open(task_);
            long chunk_size = engine->chunk_size(options_.chunk);
            for (;;) {
                try {
                    run_chunks(*engine, chunk_size);
                    return;
                } catch (const OutOfMemory&) {
                    // Smaller chunks first; they may do until the device has room again.
                    if (chunk_size <= 64) throw;
                    chunk_size = std::max(64L, chunk_size / 2);
                    engine.reset();
                    engine = open(task_);
                }
            }
        } catch (const std::exception&) {
            if (opened_)
                how_far = "gave up after " + std::to_string(summary_.completed) + " problems";
            throw;
        }
    }

    void run_chunks(BatchEngine<C>& engine, long chunk_size) {
        opened_ = true;
        const int slot_count = engine.slots();
        std::vector<InFlight> slots(static_cast<std::size_t>(slot_count));
        std::deque<int> begun;
        const long problems = batch_.view.problems;
        long next = summary_.completed;
        int slot = 0;
        const auto wanted = [&] { return next < problems && !summary_.cancelled; };
        while (wanted() || !begun.empty()) {
            while (wanted() && static_cast<int>(begun.size()) < slot_count) {
                const long count = std::min(chunk_size, problems - next);
                prepare(slots[slot], next, count);
                engine.begin(slot, slots[slot].chunk, slots[slot].runs);
                begun.push_back(slot);
                slot = (slot + 1) % slot_count;
                next += count;
            }
            const int oldest = begun.front();
            engine.finish(oldest);
            begun.pop_front();
            absorb(slots[oldest]);
            if (!summary_.cancelled) report();
        }
        // Chunks that were under way when it was cancelled may have been the last ones.
        summary_.cancelled = summary_.cancelled && summary_.completed < problems;
    }

    /// Points the chunk at its data and at memory for its results.
    void prepare(InFlight& slot, long first, long count) {
        slot.first = first;
        const BatchView<T> from = batch_.view.part(first, count, batch_.first_point(first));
        const BatchView<C>& shared = task_.view;
        BatchView<C>& chunk = slot.chunk;
        chunk = {};
        chunk.problems = count;
        chunk.points = from.points;
        chunk.starts = from.starts;
        chunk.offsets = from.offsets;
        chunk.first_offset = from.first_offset;
        // With offsets the rows of these are points.
        const long rows = from.offsets ? batch_.points_of(first, count) : count;
        const long of_row = from.offsets ? 1 : from.points;
        const auto own = [&](Numbers<C>& numbers, const Rows<const T>& part,
                             const Rows<const C>& common, const Array<const T>& array,
                             long row_count, long width) {
            if (!common || common.row == 0) return common;
            return numbers.view(part, as_they_are<C>(*entry_, array), !array.on_host(), row_count,
                                width, options_.stream);
        };
        chunk.coordinates = own(slot.coordinates, from.coordinates, shared.coordinates,
                                data_.coordinates, rows, of_row * batch_.coordinates);
        chunk.y = own(slot.y, from.y, shared.y, data_.y, rows, of_row);
        chunk.weights =
            own(slot.weights, from.weights, shared.weights, data_.weights, rows, of_row);
        const long n = batch_.n, runs = from.runs();
        chunk.drawn = shared.drawn;
        chunk.start = own(slot.start, from.start, shared.start, data_.start, runs, n);
        chunk.lower = own(slot.lower, from.lower, shared.lower, data_.lower, count, n);
        chunk.upper = own(slot.upper, from.upper, shared.upper, data_.upper, count, n);
        // Degrees of freedom depend on bounds that are equal.
        slot.readable = chunk;
        if constexpr (std::is_same_v<C, T>) {
            const auto read = [&](Rows<const C>& bounds, Numbers<C>& numbers,
                                  const Array<const T>& array) {
                if (fit_ && bounds && !array.on_host() && as_they_are<C>(*entry_, array))
                    bounds = numbers.view(bounds, false, true, count, n, options_.stream);
            };
            read(slot.readable.lower, slot.readable_lower, data_.lower);
            read(slot.readable.upper, slot.readable_upper, data_.upper);
        }

        const BatchResults<T>& to = job_.results;
        slot.runs = {};
        const auto place = [&](auto& own_memory, auto& pointer, const auto& wanted, long width,
                               bool needed) {
            pointer = nullptr;
            if (auto* direct = direct_place(pointer, wanted, width)) {
                pointer = direct + first * width;
            } else if (wanted || needed) {
                own_memory.resize(static_cast<std::size_t>(runs * width));
                pointer = own_memory.data();
            }
        };
        place(slot.parameters, slot.runs.parameters, to.parameters, n, false);
        place(slot.objective, slot.runs.objective, to.objective, 1, objective_needed());
        place(slot.gradient_norm, slot.runs.gradient_norm, to.gradient_norm, 1, false);
        place(slot.status, slot.runs.status, to.status, 1, false);
        place(slot.iterations, slot.runs.iterations, to.iterations, 1, false);
        if (batch_.bounded)
            place(slot.at_bound, slot.runs.at_bound, to.at_bound, 1, task_.hessians);
        place(slot.counted_points, slot.runs.counted_points, Rows<int>{}, 1, fit_);
        place(slot.hessian, slot.runs.hessian, Rows<C>{}, packed_size(batch_.n), task_.hessians);
    }

    bool objective_needed() const { return fit_ || batch_.view.starts > 1; }

    /// Where a run's results are its problem's, number for number, they go to the caller's at once.
    template <class V, class R>
    V* direct_place(V*, const Rows<R>& wanted, long width) const {
        if constexpr (std::is_same_v<V, R>)
            if (batch_.view.starts == 1 && wanted.row == width &&
                (width == 1 || wanted.column == 1))
                return wanted.data;
        return nullptr;
    }

    /// What prepare() allocates for a chunk, at most.
    std::size_t slot_bytes(long problems, long points) const {
        std::size_t bytes = 0;
        const auto add = [&](long count, std::size_t size) {
            bytes += static_cast<std::size_t>(count) * size;
        };
        const auto input = [&](const Rows<const T>& rows, const Array<const T>& array, long count) {
            if (!rows || rows.row == 0 || as_they_are<C>(*entry_, array)) return;
            add(count, sizeof(C));
            if (!array.on_host() && !std::is_same_v<C, T>) add(count, sizeof(T));
        };
        const BatchView<T>& view = batch_.view;
        const long n = batch_.n, runs = problems * view.starts;
        input(view.coordinates, data_.coordinates, points * batch_.coordinates);
        input(view.y, data_.y, points);
        input(view.weights, data_.weights, points);
        input(view.start, data_.start, runs * n);
        input(view.lower, data_.lower, problems * n);
        input(view.upper, data_.upper, problems * n);
        for (const auto* bounds : {&data_.lower, &data_.upper})
            if (!bounds->on_host()) add(problems * n, sizeof(C));
        const auto output = [&](auto* type, const auto& wanted, long width, bool needed) {
            if (!direct_place(type, wanted, width) && (wanted || needed))
                add(runs * width, sizeof(*type));
        };
        const BatchResults<T>& to = job_.results;
        const RunResults<C> none;
        output(none.parameters, to.parameters, n, false);
        output(none.objective, to.objective, 1, objective_needed());
        output(none.gradient_norm, to.gradient_norm, 1, false);
        output(none.status, to.status, 1, false);
        output(none.iterations, to.iterations, 1, false);
        if (batch_.bounded) output(none.at_bound, to.at_bound, 1, task_.hessians);
        output(none.counted_points, Rows<int>{}, 1, fit_);
        output(none.hessian, Rows<C>{}, packed_size(batch_.n), task_.hessians);
        return bytes;
    }

    /// Makes the caller's results of those of a finished chunk's runs.
    void absorb(InFlight& slot) {
        const long count = slot.chunk.problems;
        constexpr long block = 256;
        const BatchResults<T> to = results_left(slot);
        const auto item = [&](std::size_t b, int) {
            const long begin = static_cast<long>(b) * block;
            std::vector<double> work(
                task_.hessians ? static_cast<std::size_t>(batch::statistics_workspace(batch_.n))
                               : 0);
            for (long i = begin; i < std::min(count, begin + block); ++i) {
                const batch::Finished f =
                    batch::finish(slot.readable, task_.method, slot.runs, batch_.n, fit_, i);
                batch::emit_problem(slot.runs, to, f, batch_.n, slot.chunk.starts, i);
                if (task_.hessians)
                    batch::emit_statistics(slot.runs, task_.method, to, f, batch_.n, i,
                                           work.data());
            }
        };
        const std::size_t blocks = static_cast<std::size_t>((count + block - 1) / block);
        if (task_.hessians)
            threads_.pool().for_each(blocks, item);
        else
            for (std::size_t b = 0; b < blocks; ++b) item(b, 0);
        summary_.completed = slot.first + count;
        ++summary_.chunks;
    }

    /// The results that the backend has not written to where they belong.
    BatchResults<T> results_left(const InFlight& slot) const {
        BatchResults<T> left = job_.results.from(slot.first);
        const auto written = [&](auto& rows, const auto* runs) {
            if (static_cast<const void*>(rows.data) == static_cast<const void*>(runs)) rows = {};
        };
        written(left.parameters, slot.runs.parameters);
        written(left.objective, slot.runs.objective);
        written(left.gradient_norm, slot.runs.gradient_norm);
        written(left.status, slot.runs.status);
        written(left.iterations, slot.runs.iterations);
        written(left.at_bound, slot.runs.at_bound);
        return left;
    }

    void report() {
        if (!options_.progress) return;
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin_;
        const long problems = batch_.view.problems;
        if (!options_.progress({summary_.completed, problems, elapsed.count()}))
            summary_.cancelled = summary_.completed < problems;
    }

    const BatchJob<T> job_;
    const BatchData<T>& data_;
    const BatchOptions& options_;
    const CheckedBatch<T>& batch_;
    BatchSummary& summary_;
    const bool fit_;
    BatchThreads threads_;
    BatchTask<C> task_;
    const BackendEntry* entry_ = nullptr;
    bool opened_ = false;
    InFlight shared_;  // copies of what is one row for all
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

template <class C>
BatchTask<C> make_task(const BatchModel& model, const BatchOptions& options, int n, bool bounded,
                       bool hessians, BatchThreads& threads) {
    BatchTask<C> task{};
    const BatchCode<C>& code = model.parts().in<C>();
    task.cpu = code.cpu.get();
    task.cuda = code.cuda.get();
    task.kind = model.kind();
    task.n = n;
    task.coordinates = model.coordinates();
    BatchMethod<C>& method = task.method;
    method.estimator = options.estimator;
    method.tuning = static_cast<C>(tuning_constant(options));
    method.derivatives = batch_derivatives(options, task.cpu->has_analytic());
    method.settings = solver_settings<C>(options, bounded, method.derivatives);
    for (std::size_t j = 0; j < options.fixed.size(); ++j)
        method.fixed |= std::uint64_t{options.fixed[j]} << j;
    method.scaled = model.kind() == SmallKind::fit && !options.absolute_weights &&
                    options.estimator != Estimator::poisson;
    task.hessians = hessians;
    task.threads = &threads;
    task.memory_budget = options.memory_budget;
    task.stream = options.stream;
    return task;
}

template <class C, class T>
void solve_in_chunks(const BatchJob<T>& job, const Candidates& candidates, BatchSummary& summary) {
    ChunkedBatch<C, T>(job, summary).run(candidates);
}

template <class C, class T>
MemoryNeeded chunks_memory(const BatchJob<T>& job, const BackendEntry& entry) {
    BatchSummary summary;
    return ChunkedBatch<C, T>(job, summary).memory(entry);
}

#define CUNEWTON_INSTANTIATE(C)                                                                  \
    template BatchTask<C> make_task(const BatchModel&, const BatchOptions&, int, bool, bool,     \
                                    BatchThreads&);                                              \
    template void solve_in_chunks<C>(const BatchJob<double>&, const Candidates&, BatchSummary&); \
    template void solve_in_chunks<C>(const BatchJob<float>&, const Candidates&, BatchSummary&);  \
    template MemoryNeeded chunks_memory<C>(const BatchJob<double>&, const BackendEntry&);        \
    template MemoryNeeded chunks_memory<C>(const BatchJob<float>&, const BackendEntry&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
