#include "cunewton/fit.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "cunewton/error.h"
#include "cunewton/small/problem_io.h"
#include "host/backend/fallback.h"
#include "host/backend/ranks.h"
#include "host/fit/again.h"
#include "host/fit/check.h"
#include "host/fit/chunks.h"
#include "host/fit/explain.h"
#include "host/fit/options.h"
#include "host/fit/results.h"

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

Candidates candidates_for(const BatchModel& model, BackendChoice choice) {
    return choose_backends(
        choice, [&](const BackendEntry& entry) { return entry.runs_batch(model.parts()); });
}

/// Calls f() in the arithmetic that comes first: f.operator()<C>().
template <class T, class F>
auto in_arithmetic(BatchPrecision precision, const F& f) {
    return solves_in_single<T>(precision) ? f.template operator()<float>()
                                          : f.template operator()<double>();
}

/// Problems that were not solved: nothing is known of them.
template <class T>
void fill_unsolved(const BatchResults<T>& results, int n, long first, long end) {
    const auto fill = [&](const char*, long width, const auto& rows) {
        using V = std::remove_cvref_t<decltype(rows(0))>;
        V value{};
        if constexpr (std::is_floating_point_v<V>) value = std::numeric_limits<V>::quiet_NaN();
        if constexpr (std::is_same_v<V, Status>) value = Status::not_run;
        for (long i = first; i < end && rows; ++i)
            for (long j = 0; j < width; ++j) rows(i, j) = value;
    };
    for_each_result(n, fill, results);
}

/// Solves a batch whose results go to the host.
template <class T>
void run(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
         const CheckedBatch<T>& batch, const BatchResults<T>& results, BatchSummary& summary) {
    const Candidates candidates = candidates_for(model, options.backend);
    const bool twice = options.precision == BatchPrecision::twice;
    std::vector<Status> status;
    BatchResults<T> to = results;
    if (twice && !to.status) {
        status.resize(static_cast<std::size_t>(data.problems));
        to.status = {status.data(), 1, 1};
    }
    summary.problems = data.problems;
    const BatchJob<T> job{model, data, options, batch, to};
    in_arithmetic<T>(options.precision,
                     [&]<class C>() { solve_in_chunks<C>(job, candidates, summary); });
    fill_unsolved(to, batch.n, summary.completed, data.problems);
    if (twice) solve_again(job, summary);
}

/// The results that a call returns in vectors: dense rows, which are nowhere yet.
template <class T>
BatchResults<T> returned_results(const BatchModel& model, const BatchOptions& options,
                                 const CheckedBatch<T>& batch) {
    BatchResults<T> r;
    const auto want = []<class V>(Rows<V>& rows, long width) {
        static V somewhere{};
        rows = {&somewhere, width, 1};
    };
    const long n = batch.n;
    want(r.parameters, n);
    want(r.objective, 1);
    want(r.gradient_norm, 1);
    want(r.status, 1);
    want(r.iterations, 1);
    if (options.starts > 1) want(r.best_start, 1);
    if (batch.bounded) want(r.at_bound, 1);
    if (options.covariance || options.standard_errors || options.condition_number)
        want(r.undetermined, 1);
    if (model.kind() == SmallKind::fit) {
        want(r.degrees_of_freedom, 1);
        want(r.reduced_chi_square, 1);
    }
    if (options.covariance) want(r.covariance, n * n);
    if (options.standard_errors) want(r.standard_errors, n);
    if (options.condition_number) want(r.condition_number, 1);
    return r;
}

/// Vectors for those.
template <class T>
void allocate(BatchResult<T>& result, const BatchResults<T>& returned, int n, long problems) {
    result.dimension = n;
    for_each_result(
        n,
        [&](const char*, long width, auto& vector, const auto& rows) {
            if (rows) vector.resize(static_cast<std::size_t>(problems * width));
        },
        result, returned);
}

template <class T>
BatchArrays<T> arrays_of(BatchResult<T>& result) {
    BatchArrays<T> arrays;
    for_each_result(
        result.dimension, [](const char*, long, auto& array, auto& vector) { array = vector; },
        arrays, result);
    return arrays;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Results on a GPU, on their way there by the host.
template <class T>
class Detour {
  public:
    /// Puts memory of the host into the place of arrays on a GPU.
    explicit Detour(BatchArrays<T>& results) : wanted_(results) {
        const auto allocate = [](const char*, long, auto& array, auto& memory) {
            if (array.empty() || array.on_host()) return;
            memory.resize(static_cast<std::size_t>(array.size()));
            array = {memory.data(), array.rows, array.columns};
        };
        for_each_result(0, allocate, results, memory_);
    }
    void finish(cuda::Stream stream) const {
        const auto move = [&](const char*, long, const auto& to, const auto& from) {
            if (!from.empty()) store(to, from.data(), stream);
        };
        for_each_result(0, move, wanted_, memory_);
    }

  private:
    const BatchArrays<T> wanted_;
    BatchResult<T> memory_;
};

/// The backend on whose device a batch can be solved without leaving it; null: none.
template <class T>
const BackendEntry* device_backend(const BatchModel& model, const BatchOptions& options) {
    if (options.precision != BatchPrecision::as_data &&
        options.precision !=
            (std::is_same_v<T, float> ? BatchPrecision::single : BatchPrecision::full))
        return nullptr;
    const BackendChoice asked = asked_backend(options.backend);
    for (const BackendEntry& entry : registry()) {
        if (!entry.code<T>().queue_batch) continue;
        if (asked == entry.name) return &entry;
        if (asked == BackendChoice::automatic && entry.runs_batch(model.parts())) return &entry;
    }
    return nullptr;
}

/// The data of a call, checked, with offsets where the host reads them; their GPU is current.
template <class T>
struct CheckedData {
    ArrayPlaces places;
    std::optional<CallDevice> current;
    CheckedBatch<T> batch;

    CheckedData(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
                std::optional<bool> shared_coordinates = {})
        : places(options.device) {
        check_places(data, places);
        current.emplace(places.device());
        batch = check_batch(model, data, options, shared_coordinates, true);
    }
};

/// A call of those that write into arrays of the caller's, checked.
template <class T>
struct CheckedCall {
    ArrayPlaces places;
    std::optional<CallDevice> current;
    const BackendEntry* device = nullptr;  ///< null: results go by the host
    CheckedBatch<T> batch;
    BatchResults<T> results;  ///< for `device`

    CheckedCall(const BatchModel& model, const BatchData<T>& data, const BatchArrays<T>& arrays,
                const BatchOptions& options)
        : places(options.device) {
        check_places(data, places);
        check_places(arrays, places);
        current.emplace(places.device());
        if (places.all_on_device()) device = device_backend<T>(model, options);
        batch = check_batch(model, data, options, {}, !device);
        results = check_results(model, arrays, data.problems);
    }
    DeviceWork<T> work(const BatchModel& model, const BatchOptions& options) const {
        BatchThreads none(1);
        DeviceWork<T> work{
            make_task<T>(model, options, batch.n, batch.bounded, results.statistics(), none),
            results};
        work.task.view = batch.view;
        work.task.threads = nullptr;
        return work;
    }
};

template <class T>
BatchSummary solve_into(const BatchModel& model, const BatchData<T>& data,
                        const BatchArrays<T>& arrays, const BatchOptions& options) {
    const auto begin = std::chrono::steady_clock::now();
    CheckedCall<T> call(model, data, arrays, options);
    BatchSummary summary;
    summary.problems = data.problems;
    std::string failed;
    if (call.device) {
        try {
            call.device->template code<T>().queue_batch(call.work(model, options));
            summary.backend = call.device->name;
            summary.backend_reason = "first choice";
            summary.completed = data.problems;
            summary.queued = options.stream != nullptr;
            summary.chunks = 1;
            summary.seconds = seconds_since(begin);
            return summary;
        } catch (const std::exception& error) {
            if (asked_backend(options.backend) != BackendChoice::automatic ||
                !is_backend_failure(error) || is_captured(options.stream))
                throw;
            failed = std::string(call.device->name) + ": " + error.what() + "; then ";
        }
        call.batch = check_batch(model, data, options, {}, true);
    }
    BatchArrays<T> hosts = arrays;
    const Detour<T> detour(hosts);
    run(model, data, options, call.batch, check_results(model, hosts, data.problems), summary);
    detour.finish(options.stream);
    summary.backend_reason = failed + summary.backend_reason;
    summary.seconds = seconds_since(begin);
    return summary;
}

template <class T>
MemoryNeeded needed_in_chunks(const BatchModel& model, const BatchData<T>& data,
                              const BatchOptions& options, const CheckedBatch<T>& batch,
                              const BatchResults<T>& results) {
    const BackendEntry& entry = *candidates_for(model, options.backend).entries.front();
    const BatchJob<T> job{model, data, options, batch, results};
    MemoryNeeded needed = in_arithmetic<T>(options.precision,
                                           [&]<class C>() { return chunks_memory<C>(job, entry); });
    needed.host += batch.offsets.size() * sizeof(long) + batch.drawn.size() * sizeof(T);
    return needed;
}

}  // namespace

template <class T>
BatchResult<T> solve(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
                     std::optional<bool> shared_coordinates) {
    const auto begin = std::chrono::steady_clock::now();
    const CheckedData<T> checked(model, data, options, shared_coordinates);
    const CheckedBatch<T>& batch = checked.batch;
    BatchResult<T> result;
    allocate(result, returned_results(model, options, batch), batch.n, data.problems);
    run(model, data, options, batch, check_results(model, arrays_of(result), data.problems),
        result);
    result.seconds = seconds_since(begin);
    return result;
}

namespace {

/// Problems [first, first + count) of a batch, where they lie.
template <class T>
struct BatchPart {
    std::vector<long> offsets;
    BatchData<T> data;

    BatchPart(const BatchData<T>& whole, const CheckedBatch<T>& batch, long first, long count)
        : data(whole) {
        const BatchView<T>& view = batch.view;
        data.problems = count;
        if (view.offsets) {
            for (long i = 0; i <= count; ++i)
                offsets.push_back(view.offsets[first + i] - view.offsets[first]);
            data.offsets = offsets;
        }
        // Rows of which the part's begin with number `from`, unless one row is for all.
        const auto rows = [](Array<const T>& array, const Rows<const T>& all, long from, long many,
                             long columns) {
            if (!all || all.row == 0) return;
            array.data = all.from(from).data;
            array.rows = many;
            array.columns = columns;
            array.row_stride = all.row;
            array.column_stride = all.column;
        };
        const auto of_points = [&](Array<const T>& array, const Rows<const T>& all, long width) {
            if (!view.offsets) return rows(array, all, first, count, width * view.points);
            if (all && all.row != 0)
                rows(array, all, batch.first_point(first), 1,
                     width * batch.points_of(first, count));
        };
        of_points(data.coordinates, view.coordinates, batch.coordinates);
        of_points(data.y, view.y, 1);
        of_points(data.weights, view.weights, 1);
        rows(data.start, view.start, first * view.starts, count * view.starts, batch.n);
        rows(data.lower, view.lower, first, count, batch.n);
        rows(data.upper, view.upper, first, count, batch.n);
    }
};

std::vector<Common> common_options(const BatchModel& model, const BatchOptions& options,
                                   long problems) {
    const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
    std::string fixed;
    for (const bool is_fixed : options.fixed) fixed += is_fixed ? '1' : '0';
    return {{"number of parameters", number(model.parameters())},
            {"number of problems", number(problems)},
            {"estimator", number(options.estimator)},
            {"tuning", bits(options.tuning)},
            {"choice of derivatives", number(options.derivatives)},
            {"precision", number(options.precision)},
            {"tolerance", bits(options.tolerance)},
            {"gradient_tolerance", bits(options.gradient_tolerance)},
            {"change_tolerance", bits(options.change_tolerance)},
            {"step_tolerance", bits(options.step_tolerance)},
            {"max_iterations", number(options.max_iterations)},
            {"initial_radius", bits(options.initial_radius)},
            {"number of starts", number(options.starts)},
            {"choice of starts", number(options.draw)},
            {"seed", options.seed},
            {"choice of fixed parameters", hash(fixed.data(), fixed.size())},
            {"wish for results", number(options.covariance) + 2 * number(options.standard_errors) +
                                     4 * number(options.condition_number) +
                                     8 * number(options.absolute_weights)}};
}

/// Each rank solves its part; all get the results of all.
template <class T>
BatchResult<T> solve_by_rank(const BatchModel& model, const BatchData<T>& data,
                             const BatchOptions& options, Communicator& communicator) {
    return in_step(&communicator, [&] {
        const auto begin = std::chrono::steady_clock::now();
        const CheckedData<T> checked(model, data, options);
        const CheckedBatch<T>& batch = checked.batch;
        require_common(communicator, Meeting::call, "batches",
                       common_options(model, options, data.problems));
        const long ranks = communicator.size(), rank = communicator.rank();
        const auto first = [&](long r) {
            return data.problems / ranks * r + data.problems % ranks * r / ranks;
        };
        const BatchPart<T> part(data, batch, first(rank), first(rank + 1) - first(rank));
        const bool shared = batch.view.coordinates && batch.view.coordinates.row == 0;
        const BatchResult<T> mine = solve(model, part.data, options, shared);
        BatchResult<T> all;
        static_cast<BatchSummary&>(all) = mine;
        allocate(all, returned_results(model, options, batch), batch.n, data.problems);
        meet(communicator, Meeting::sum, static_cast<std::size_t>(data.problems), 0);
        for_each_result(
            batch.n,
            [&](const char*, long width, auto& to, const auto& from) {
                if (to.empty()) return;
                std::vector<std::size_t> bytes;
                for (long r = 0; r < ranks; ++r)
                    bytes.push_back(static_cast<std::size_t>((first(r + 1) - first(r)) * width) *
                                    sizeof(to[0]));
                communicator.all_gather(from.data(), bytes, to.data());
            },
            all, mine);
        double counts[] = {static_cast<double>(mine.completed),
                           static_cast<double>(mine.solved_again), static_cast<double>(mine.chunks),
                           mine.cancelled ? 1.0 : 0.0};
        communicator.all_reduce(counts, std::size(counts));
        all.problems = data.problems;
        all.completed = static_cast<long>(counts[0]);
        all.solved_again = static_cast<long>(counts[1]);
        all.chunks = static_cast<long>(counts[2]);
        all.cancelled = counts[3] > 0;
        all.seconds = seconds_since(begin);
        return all;
    });
}

}  // namespace

template <class T>
BatchResult<T> fit_batch(const FitModel& model, const BatchData<T>& data,
                         const BatchOptions& options) {
    return solve(model, data, options);
}
template <class T>
BatchResult<T> fit_batch(const FitModel& model, const BatchData<T>& data,
                         const BatchOptions& options, Communicator& communicator) {
    return solve_by_rank(model, data, options, communicator);
}
template <class T>
BatchResult<T> minimize_batch(const SmallObjective& objective, const BatchData<T>& data,
                              const BatchOptions& options, Communicator& communicator) {
    return solve_by_rank(objective, data, options, communicator);
}
template <class T>
BatchSummary fit_batch(const FitModel& model, const BatchData<T>& data,
                       const BatchArrays<T>& results, const BatchOptions& options) {
    return solve_into(model, data, results, options);
}
template <class T>
BatchResult<T> minimize_batch(const SmallObjective& objective, const BatchData<T>& data,
                              const BatchOptions& options) {
    return solve(objective, data, options);
}
template <class T>
BatchSummary minimize_batch(const SmallObjective& objective, const BatchData<T>& data,
                            const BatchArrays<T>& results, const BatchOptions& options) {
    return solve_into(objective, data, results, options);
}

template <class T>
MemoryNeeded memory_needed(const BatchModel& model, const BatchData<T>& data,
                           const BatchOptions& options) {
    const CheckedData<T> checked(model, data, options);
    const CheckedBatch<T>& batch = checked.batch;
    const BatchResults<T> returned = returned_results(model, options, batch);
    MemoryNeeded needed = needed_in_chunks(model, data, options, batch, returned);
    const auto add = [&](const char*, long width, const auto& rows) {
        if (rows)
            needed.host += static_cast<std::size_t>(data.problems * width) * sizeof(*rows.data);
    };
    for_each_result(batch.n, add, returned);
    return needed;
}
template <class T>
MemoryNeeded memory_needed(const BatchModel& model, const BatchData<T>& data,
                           const BatchArrays<T>& results, const BatchOptions& options) {
    CheckedCall<T> call(model, data, results, options);
    if (call.device)
        return {0, call.device->template code<T>().queue_memory(call.work(model, options))};
    // Those on a GPU make a detour by the host.
    BatchResults<T> hosts = call.results;
    std::size_t bytes = 0;
    const auto detour = [&](const char*, long width, auto& rows, const auto& array) {
        if (array.empty() || array.on_host()) return;
        rows.row = width;
        rows.column = 1;
        bytes += static_cast<std::size_t>(array.size()) * sizeof(*array.data);
    };
    for_each_result(call.batch.n, detour, hosts, results);
    MemoryNeeded needed = needed_in_chunks(model, data, options, call.batch, hosts);
    needed.host += bytes;
    return needed;
}

template <class T>
BatchExplanation explain(const BatchModel& model, const BatchData<T>& data,
                         const BatchOptions& options, const BatchResult<T>& result, long i) {
    const CheckedData<T> checked(model, data, options);
    const CheckedBatch<T>& batch = checked.batch;
    if (result.problems != data.problems || result.dimension != batch.n)
        reject("the result is another batch's (it has " + std::to_string(result.problems) +
               " problems of " + std::to_string(result.dimension) + " parameters, the data " +
               std::to_string(data.problems) + " of " + std::to_string(batch.n) +
               ") pass the data that it was made from");
    if (i < 0 || i >= data.problems)
        reject("there is no problem " + std::to_string(i) + " (the batch has " +
               std::to_string(data.problems) + ") count from 0");
    const std::size_t at = static_cast<std::size_t>(i);
    const long n = batch.n;
    const Selection<T> selection(data, batch, options.stream, {i});
    BatchData<double> alone = selection.data;
    alone.points = static_cast<int>(selection.offsets[1]);
    alone.offsets = {};
    const long run = result.best_start.empty() ? 0 : result.best_start[at];
    const std::vector<double> end(result.parameters.begin() + i * n,
                                  result.parameters.begin() + (i + 1) * n);
    std::vector<double> start(static_cast<std::size_t>(n));
    for (long j = 0; j < n; ++j) {
        double& x = start[static_cast<std::size_t>(j)];
        // A guess is not known any more, and it was finite.
        if (!selection.start.empty())
            x = selection.start[static_cast<std::size_t>(run * n + j)];
        else if (batch.view.drawn)
            x = batch::between(alone.lower(0, j), alone.upper(0, j),
                               static_cast<double>(batch.view.drawn(0, run * n + j)));
        else
            x = std::isfinite(end[static_cast<std::size_t>(j)]) ? end[static_cast<std::size_t>(j)]
                                                                : 0;
    }
    alone.start = start;
    const std::uint64_t at_bound = result.at_bound.empty() ? 0 : result.at_bound[at];
    const Status status = result.status[at];
    const bool again = options.precision == BatchPrecision::twice && deserves_double(status);
    if (solves_in_single<T>(options.precision) && !again)
        return explain_problem<float>(model, alone, options, status, end, at_bound);
    return explain_problem<double>(model, alone, options, status, end, at_bound);
}

#define CUNEWTON_INSTANTIATE(T)                                                                    \
    template BatchResult<T> solve(const BatchModel&, const BatchData<T>&, const BatchOptions&,     \
                                  std::optional<bool>);                                            \
    template BatchResult<T> fit_batch(const FitModel&, const BatchData<T>&, const BatchOptions&);  \
    template BatchResult<T> fit_batch(const FitModel&, const BatchData<T>&, const BatchOptions&,   \
                                      Communicator&);                                              \
    template BatchResult<T> minimize_batch(const SmallObjective&, const BatchData<T>&,             \
                                           const BatchOptions&, Communicator&);                    \
    template BatchSummary fit_batch(const FitModel&, const BatchData<T>&, const BatchArrays<T>&,   \
                                    const BatchOptions&);                                          \
    template BatchResult<T> minimize_batch(const SmallObjective&, const BatchData<T>&,             \
                                           const BatchOptions&);                                   \
    template BatchSummary minimize_batch(const SmallObjective&, const BatchData<T>&,               \
                                         const BatchArrays<T>&, const BatchOptions&);              \
    template MemoryNeeded memory_needed(const BatchModel&, const BatchData<T>&,                    \
                                        const BatchOptions&);                                      \
    template MemoryNeeded memory_needed(const BatchModel&, const BatchData<T>&,                    \
                                        const BatchArrays<T>&, const BatchOptions&);               \
    template BatchExplanation explain(const BatchModel&, const BatchData<T>&, const BatchOptions&, \
                                      const BatchResult<T>&, long);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
