#include "cunewton/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>

#include "cunewton/error.h"
#include "cunewton/small/hessian_statistics.h"
#include "host/backend/fallback.h"
#include "host/backend/thread_pool.h"
#include "host/fit/explain.h"
#include "host/fit/options.h"
#include "host/host_memory.h"

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

/// Sizes and shapes of a batch, checked.
struct Shape {
    int n, coordinates, points;
    long problems, all_points;
    bool ragged, weighted, shared_coordinates, bounded;
    bool per_run_start, per_problem_start, per_problem_lower, per_problem_upper;
};

std::string sizes(std::size_t found, std::initializer_list<long> wanted) {
    std::string text = std::to_string(found) + " numbers, not ";
    bool first = true;
    for (const long size : wanted) {
        text += (first ? "" : " or ") + std::to_string(size);
        first = false;
    }
    return text;
}

template <class T>
void check_bounds(const BatchData<T>& data, const Shape& shape) {
    const auto check_numbers = [](std::span<const T> bounds, const char* name, const char* none) {
        for (std::size_t j = 0; j < bounds.size(); ++j)
            if (std::isnan(bounds[j]))
                reject(std::string(name) + " bound is not a number (number " + std::to_string(j) +
                       " is nan) pass " + none + " where there is none");
    };
    if (!shape.per_problem_lower) check_numbers(data.lower, "a lower", "-infinity");
    if (!shape.per_problem_upper) check_numbers(data.upper, "an upper", "infinity");
    if (shape.per_problem_lower || shape.per_problem_upper || data.lower.empty() ||
        data.upper.empty())
        return;
    for (int j = 0; j < shape.n; ++j)
        if (!(data.lower[j] <= data.upper[j]))
            reject("the bounds of parameter " + std::to_string(j) + " are crossed (" +
                   std::to_string(data.lower[j]) + " > " + std::to_string(data.upper[j]) +
                   ") pass lower <= upper");
}

/// Whether the coordinates are one set for all problems, where their size fits that and one set for
/// each: then there is one problem with points, which has its own, or a user to be asked.
template <class T>
bool ambiguous_coordinates_are_shared(const BatchData<T>& data) {
    long with_points = data.offsets.empty() ? data.problems : 0;
    for (std::size_t i = 1; i < data.offsets.size(); ++i)
        with_points += data.offsets[i] > data.offsets[i - 1];
    if (with_points > 1 && !data.coordinates.empty())
        reject("coordinates may be shared or each problem's own (" +
               std::to_string(data.coordinates.size()) +
               " numbers fit both) set points to the largest number of points of a problem");
    return with_points != 1 || data.coordinates.empty();
}

/// All arrays are the host's.
template <class T>
void check_memory(const BatchData<T>& data) {
    const auto check = [](const auto& array, const char* name) {
        if (!array.empty()) require_host_memory(array.data(), name);
    };
    check(data.offsets, "offsets");
    check(data.coordinates, "coordinates");
    check(data.y, "y");
    check(data.weights, "weights");
    check(data.start, "start");
    check(data.lower, "lower");
    check(data.upper, "upper");
}

/// `shared_coordinates`, if given, says what their size may leave open.
template <class T>
Shape check(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
            std::optional<bool> shared_coordinates) {
    Shape s{};
    s.n = model.parameters();
    s.coordinates = model.coordinates();
    s.points = data.points;
    s.problems = data.problems;
    s.ragged = !data.offsets.empty();
    if (data.problems < 0)
        reject("the number of problems is negative (" + std::to_string(data.problems) +
               ") pass 0 or more");
    check_batch_points(data.points, s.coordinates);
    check_memory(data);
    if (s.ragged) {
        if (data.offsets.size() != static_cast<std::size_t>(data.problems) + 1)
            reject("offsets have the wrong size (" +
                   sizes(data.offsets.size(), {data.problems + 1}) +
                   ") pass one more than there are problems");
        if (data.offsets[0] != 0)
            reject("offsets begin with " + std::to_string(data.offsets[0]) +
                   " (and not with 0) count the points from the first");
        for (long i = 0; i < data.problems; ++i) {
            const long count = data.offsets[i + 1] - data.offsets[i];
            if (count < 0 || count > data.points)
                reject("problem " + std::to_string(i) + " has " + std::to_string(count) +
                       " points (by its offsets; at most " + std::to_string(data.points) +
                       " are announced) correct offsets or points");
        }
        s.all_points = data.offsets.back();
    } else {
        s.all_points = data.problems * data.points;
    }

    const auto size_of = [](auto span) { return static_cast<long>(span.size()); };
    const long shared = static_cast<long>(data.points) * s.coordinates;
    const long own = s.all_points * s.coordinates;
    if (size_of(data.coordinates) != shared && size_of(data.coordinates) != own)
        reject("coordinates have the wrong size (" + sizes(data.coordinates.size(), {shared, own}) +
               ") pass the model's coordinates of each point, once or for each problem");
    if (shared_coordinates)
        s.shared_coordinates = *shared_coordinates;
    else if (shared == own)
        s.shared_coordinates = ambiguous_coordinates_are_shared(data);
    else
        s.shared_coordinates = size_of(data.coordinates) == shared;
    if (s.shared_coordinates)
        for (std::size_t k = 0; k < data.coordinates.size(); ++k)
            if (!std::isfinite(data.coordinates[k])) {
                const std::size_t per_point = static_cast<std::size_t>(s.coordinates);
                reject("a coordinate is not finite (number " + std::to_string(k % per_point) +
                       " of point " + std::to_string(k / per_point) + " is " +
                       std::to_string(data.coordinates[k]) + ") all problems share it: correct it");
            }
    if (model.kind() == SmallKind::fit) {
        if (size_of(data.y) != s.all_points)
            reject("y has the wrong size (" + sizes(data.y.size(), {s.all_points}) +
                   ") pass one number for each point");
    } else if (!data.y.empty()) {
        reject("y is not empty (" + std::to_string(data.y.size()) +
               " numbers) an objective's data are its coordinates");
    }
    s.weighted = !data.weights.empty();
    if (s.weighted && size_of(data.weights) != s.all_points)
        reject("weights have the wrong size (" + sizes(data.weights.size(), {s.all_points}) +
               ") pass one for each point, or none");

    const long n = s.n;
    if (options.starts < 1)
        reject("starts is too small (" + std::to_string(options.starts) + ") pass at least 1");
    const long per_problem = n * data.problems, per_run = per_problem * options.starts;
    if (options.starts > 1 && size_of(data.start) != per_run)
        reject("start has the wrong size (" + sizes(data.start.size(), {per_run}) +
               ") pass one for each start of each problem");
    if (options.starts == 1 && size_of(data.start) != n && size_of(data.start) != per_problem)
        reject("start has the wrong size (" + sizes(data.start.size(), {n, per_problem}) +
               ") pass one for all problems or one for each");
    s.per_run_start = size_of(data.start) == per_run && options.starts > 1;
    s.per_problem_start = !s.per_run_start && size_of(data.start) == per_problem;
    if (!s.per_run_start && !s.per_problem_start)
        for (std::size_t j = 0; j < data.start.size(); ++j)
            if (!std::isfinite(data.start[j]))
                reject("the start is not finite (number " + std::to_string(j) + " is " +
                       std::to_string(data.start[j]) + ") start from finite numbers");
    const auto check_size = [&](std::span<const T> bound, const char* name) {
        if (!bound.empty() && size_of(bound) != n && size_of(bound) != per_problem)
            reject(std::string(name) + " has the wrong size (" +
                   sizes(bound.size(), {n, per_problem}) +
                   ") pass bounds for all problems, for each problem, or none");
        return !bound.empty() && size_of(bound) == per_problem;
    };
    s.per_problem_lower = check_size(data.lower, "lower");
    s.per_problem_upper = check_size(data.upper, "upper");
    check_bounds(data, s);
    check_batch_options(options, s.n);
    const bool any_fixed = std::ranges::find(options.fixed, true) != options.fixed.end();
    s.bounded = !data.lower.empty() || !data.upper.empty() || any_fixed;

    return s;
}

/// Numbers of the caller as C: as they are, or converted. A view of [first, first + count).
template <class C>
class Numbers {
  public:
    template <class T>
    const C* view(std::span<const T> source, long first, long count) {
        if (source.empty()) return nullptr;
        if constexpr (std::is_same_v<T, C>) {
            return source.data() + first;
        } else {
            const T* from = source.data() + first;
            copy_.assign(from, from + count);
            return copy_.data();
        }
    }
    C* allocate(std::size_t count) {
        copy_.resize(count);
        return copy_.data();
    }

  private:
    std::vector<C> copy_;
};

/// One batch in the arithmetic C, with data and results of type T.
template <class C, class T>
class ChunkedBatch {
  public:
    ChunkedBatch(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
                 const Shape& shape, BatchResult<T>& result)
        : data_(data), options_(options), shape_(shape), result_(result) {
        const BatchParts& parts = model.parts();
        if constexpr (std::is_same_v<C, double>) {
            task_.cpu = parts.cpu_double.get();
            task_.cuda = parts.cuda_double.get();
        } else {
            task_.cpu = parts.cpu_float.get();
            task_.cuda = parts.cuda_float.get();
        }
        fill_task(model);
    }

    /// A backend that fails leaves the problems that it has not finished to the next.
    void run(const Candidates& candidates) {
        run_on_first(candidates, result_.backend_reason,
                     [&](const BackendEntry& entry, std::string& how_far) {
                         run_on(entry, how_far);
                         result_.backend = entry.name;
                     });
    }

  private:
    struct InFlight {
        BatchChunk<C> chunk;
        long first = 0;
        Numbers<C> coordinates, y, weights, start, lower, upper;
        std::vector<C> parameters, objective, gradient_norm, hessian;
        std::vector<Status> status;
        std::vector<int> iterations, counted_points;
        std::vector<std::uint64_t> at_bound;
    };

    void fill_task(const BatchModel& model) {
        BatchTask<C>& t = task_;
        t.kind = model.kind();
        t.n = shape_.n;
        t.coordinates = shape_.coordinates;
        t.points = shape_.points;
        t.ragged = shape_.ragged;
        t.weighted = shape_.weighted;
        t.shared_coordinates = shape_.shared_coordinates;
        t.per_run_start = shape_.per_run_start;
        t.per_problem_start = shape_.per_problem_start;
        t.per_problem_bounds = shape_.per_problem_lower || shape_.per_problem_upper;
        t.hessians = options_.covariance || options_.standard_errors || options_.condition_number;
        t.starts = options_.starts;
        t.estimator = options_.estimator;
        t.tuning = static_cast<C>(tuning_constant(options_));
        t.derivatives = batch_derivatives(options_, t.cpu->has_analytic());
        t.settings = solver_settings<C>(options_, shape_.bounded, t.derivatives);
        t.threads = options_.threads;
        t.memory_budget = options_.memory_budget;

        if (shape_.shared_coordinates)
            t.coordinates_of_all = shared_coordinates_.view(
                data_.coordinates, 0, static_cast<long>(data_.coordinates.size()));
        if (!shape_.per_run_start && !shape_.per_problem_start)
            t.start_of_all = shared_start_.view(data_.start, 0, shape_.n);
        if (shape_.bounded && !t.per_problem_bounds) {
            t.lower_of_all = shared_bound(shared_lower_, data_.lower, -1);
            t.upper_of_all = shared_bound(shared_upper_, data_.upper, 1);
        }
        fixed_.assign(options_.fixed.begin(), options_.fixed.end());
        if (std::ranges::find(fixed_, 1) != fixed_.end()) t.fixed = fixed_.data();
    }

    const C* shared_bound(Numbers<C>& storage, std::span<const T> bound, int sign) {
        C* out = storage.allocate(static_cast<std::size_t>(shape_.n));
        for (int j = 0; j < shape_.n; ++j)
            out[j] = bound.empty() ? sign * std::numeric_limits<C>::infinity()
                                   : static_cast<C>(bound[j]);
        return out;
    }

    void run_on(const BackendEntry& entry, std::string& how_far) {
        const auto open = entry.code<C>().open_batch;
        std::unique_ptr<BatchEngine<C>> engine = open(task_);
        try {
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
            how_far = "gave up after " + std::to_string(result_.completed) + " problems";
            throw;
        }
    }

    void run_chunks(BatchEngine<C>& engine, long chunk_size) {
        const int slot_count = engine.slots();
        std::vector<InFlight> slots(static_cast<std::size_t>(slot_count));
        std::deque<int> begun;
        long next = result_.completed;
        int slot = 0;
        const auto wanted = [&] { return next < shape_.problems && !result_.cancelled; };
        while (wanted() || !begun.empty()) {
            while (wanted() && static_cast<int>(begun.size()) < slot_count) {
                const long count = std::min(chunk_size, shape_.problems - next);
                prepare(slots[slot], next, count);
                engine.begin(slot, slots[slot].chunk);
                begun.push_back(slot);
                slot = (slot + 1) % slot_count;
                next += count;
            }
            const int oldest = begun.front();
            engine.finish(oldest);
            begun.pop_front();
            absorb(slots[oldest]);
            if (!result_.cancelled) report();
        }
        // Chunks that were under way when it was cancelled may have been the last ones.
        result_.cancelled = result_.cancelled && result_.completed < shape_.problems;
    }

    /// Points the chunk at its data and at memory for its results.
    void prepare(InFlight& slot, long first, long count) {
        BatchChunk<C>& chunk = slot.chunk;
        chunk = {};
        slot.first = first;
        chunk.problems = count;
        const long first_point = shape_.ragged ? data_.offsets[first] : first * shape_.points;
        const long points =
            (shape_.ragged ? data_.offsets[first + count] : (first + count) * shape_.points) -
            first_point;
        if (shape_.ragged) chunk.offsets = data_.offsets.data() + first;
        if (!shape_.shared_coordinates)
            chunk.coordinates = slot.coordinates.view(
                data_.coordinates, first_point * shape_.coordinates, points * shape_.coordinates);
        chunk.y = slot.y.view(data_.y, first_point, points);
        chunk.weights = slot.weights.view(data_.weights, first_point, points);
        const long n = shape_.n, starts = options_.starts;
        if (shape_.per_run_start)
            chunk.start = slot.start.view(data_.start, first * starts * n, count * starts * n);
        else if (shape_.per_problem_start)
            chunk.start = slot.start.view(data_.start, first * n, count * n);
        if (task_.per_problem_bounds) {
            chunk.lower =
                bounds(slot.lower, data_.lower, shape_.per_problem_lower, -1, first, count);
            chunk.upper =
                bounds(slot.upper, data_.upper, shape_.per_problem_upper, 1, first, count);
        }

        const std::size_t runs = static_cast<std::size_t>(count * starts);
        const auto results = [&](auto& own, auto& all, long of_each) {
            return place_for(own, all, first, static_cast<long>(runs), of_each);
        };
        chunk.parameters = results(slot.parameters, result_.parameters, n);
        chunk.objective = results(slot.objective, result_.objective, 1);
        chunk.gradient_norm = results(slot.gradient_norm, result_.gradient_norm, 1);
        chunk.status = results(slot.status, result_.status, 1);
        chunk.iterations = results(slot.iterations, result_.iterations, 1);
        if (shape_.bounded) chunk.at_bound = results(slot.at_bound, result_.at_bound, 1);
        slot.counted_points.resize(runs);
        chunk.counted_points = slot.counted_points.data();
        if (task_.hessians) {
            slot.hessian.resize(runs * static_cast<std::size_t>(n * (n + 1) / 2));
            chunk.hessian = slot.hessian.data();
        }
    }

    /// Whether a run's results are its problem's, number for number.
    bool in_place() const { return std::is_same_v<C, T> && options_.starts == 1; }

    /// Where a chunk's results go: to the caller's at once, if they are those.
    template <class V, class R>
    V* place_for(std::vector<V>& own, std::vector<R>& all, long first, long runs, long of_each) {
        if constexpr (std::is_same_v<V, R>)
            if (in_place()) return all.data() + first * of_each;
        own.resize(static_cast<std::size_t>(runs * of_each));
        return own.data();
    }

    const C* bounds(Numbers<C>& storage, std::span<const T> bound, bool per_problem, int sign,
                    long first, long count) {
        if (per_problem) return storage.view(bound, first * shape_.n, count * shape_.n);
        C* out = storage.allocate(static_cast<std::size_t>(count * shape_.n));
        for (long k = 0; k < count * shape_.n; ++k)
            out[k] = bound.empty() ? sign * std::numeric_limits<C>::infinity()
                                   : static_cast<C>(bound[k % shape_.n]);
        return out;
    }

    /// Whether run a ended better than run b: a usable end before none, then the lower objective.
    static bool better(const BatchChunk<C>& chunk, long a, long b) {
        const bool usable_a = std::isfinite(chunk.objective[a]);
        const bool usable_b = std::isfinite(chunk.objective[b]);
        if (usable_a != usable_b) return usable_a;
        return usable_a && chunk.objective[a] < chunk.objective[b];
    }

    /// Moves a finished chunk's results to the caller's.
    void absorb(InFlight& slot) {
        const long count = slot.chunk.problems;
        constexpr long block = 256;
        if (task_.hessians && !pool_) pool_.emplace(options_.threads);
        const auto item = [&](std::size_t b, int) {
            const long begin = static_cast<long>(b) * block;
            std::vector<double> work(
                task_.hessians ? static_cast<std::size_t>(batch::statistics_workspace(shape_.n))
                               : 0);
            for (long i = begin; i < std::min(count, begin + block); ++i)
                absorb_one(slot, i, work.data());
        };
        const std::size_t blocks = static_cast<std::size_t>((count + block - 1) / block);
        if (pool_)
            pool_->for_each(blocks, item);
        else
            for (std::size_t b = 0; b < blocks; ++b) item(b, 0);
        result_.completed = slot.first + count;
        ++result_.chunks;
    }

    void absorb_one(const InFlight& slot, long i, double* work) {
        const int n = shape_.n, starts = options_.starts;
        const BatchChunk<C>& chunk = slot.chunk;
        long best = i * starts;
        for (long run = best + 1; run < (i + 1) * starts; ++run)
            if (better(chunk, run, best)) best = run;
        const long at = slot.first + i;
        if (!in_place()) {
            for (int j = 0; j < n; ++j)
                result_.parameters[at * n + j] = static_cast<T>(chunk.parameters[best * n + j]);
            result_.objective[at] = static_cast<T>(chunk.objective[best]);
            result_.gradient_norm[at] = static_cast<T>(chunk.gradient_norm[best]);
            result_.status[at] = chunk.status[best];
            result_.iterations[at] = chunk.iterations[best];
            if (shape_.bounded) result_.at_bound[at] = chunk.at_bound[best];
        }
        if (starts > 1) result_.best_start[at] = static_cast<int>(best - i * starts);

        double scale = 1;
        if (task_.kind == SmallKind::fit) {
            const int freedom = chunk.counted_points[best] - free_parameters(chunk, i);
            result_.degrees_of_freedom[at] = freedom;
            const double reduced = freedom > 0
                                       ? static_cast<double>(chunk.objective[best]) / freedom
                                       : std::numeric_limits<double>::quiet_NaN();
            result_.reduced_chi_square[at] = static_cast<T>(reduced);
            if (!options_.absolute_weights && options_.estimator != Estimator::poisson)
                scale = reduced;
        }
        if (!task_.hessians) return;
        batch::StatisticsOut<T> out;
        if (options_.covariance) out.covariance = &result_.covariance[at * n * n];
        if (options_.standard_errors) out.standard_errors = &result_.standard_errors[at * n];
        if (options_.condition_number) out.condition_number = &result_.condition_number[at];
        out.undetermined = &result_.undetermined[at];
        batch::hessian_statistics(chunk.hessian + best * (n * (n + 1) / 2), n, scale,
                                  std::numeric_limits<C>::epsilon(),
                                  shape_.bounded ? chunk.at_bound[best] : 0, out, work);
    }

    /// Parameters of a chunk's problem that are neither fixed nor between bounds that are equal.
    int free_parameters(const BatchChunk<C>& chunk, long problem) const {
        const int n = shape_.n;
        const bool own = task_.per_problem_bounds;
        const C* lower = own ? chunk.lower + problem * n : task_.lower_of_all;
        const C* upper = own ? chunk.upper + problem * n : task_.upper_of_all;
        int free = n;
        for (int j = 0; j < n; ++j)
            free -= (task_.fixed && task_.fixed[j]) || (shape_.bounded && lower[j] == upper[j]);
        return free;
    }

    void report() {
        if (!options_.progress) return;
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin_;
        if (!options_.progress({result_.completed, shape_.problems, elapsed.count()}))
            result_.cancelled = result_.completed < shape_.problems;
    }

    const BatchData<T>& data_;
    const BatchOptions& options_;
    const Shape& shape_;
    BatchResult<T>& result_;
    BatchTask<C> task_{};
    Numbers<C> shared_coordinates_, shared_start_, shared_lower_, shared_upper_;
    std::vector<unsigned char> fixed_;
    std::optional<ThreadPool> pool_;
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

template <class T>
BatchResult<T> empty_result(const Shape& shape, const BatchOptions& options, SmallKind kind) {
    const std::size_t problems = static_cast<std::size_t>(shape.problems);
    const std::size_t n = static_cast<std::size_t>(shape.n);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN();
    BatchResult<T> r;
    r.problems = shape.problems;
    r.dimension = shape.n;
    r.parameters.assign(problems * n, nan);
    r.objective.assign(problems, nan);
    r.gradient_norm.assign(problems, nan);
    r.status.assign(problems, Status::not_run);
    r.iterations.assign(problems, 0);
    if (options.starts > 1) r.best_start.assign(problems, 0);
    if (shape.bounded) r.at_bound.assign(problems, 0);
    if (options.covariance || options.standard_errors || options.condition_number)
        r.undetermined.assign(problems, 0);
    if (kind == SmallKind::fit) {
        r.degrees_of_freedom.assign(problems, 0);
        r.reduced_chi_square.assign(problems, nan);
    }
    if (options.covariance) r.covariance.assign(problems * n * n, nan);
    if (options.standard_errors) r.standard_errors.assign(problems * n, nan);
    if (options.condition_number) r.condition_number.assign(problems, nan);
    return r;
}

/// What a second solution in double may end better.
bool deserves_double(Status status) {
    switch (status) {
        case Status::converged:
        case Status::small_change:
        case Status::small_step:
        case Status::not_run:
            return false;
        default:
            return true;  // invalid_data too: single precision may have made infinities
    }
}

/// Problems of a batch as a batch of their own, in double.
template <class T>
struct Selection {
    std::vector<double> coordinates, y, weights, start, lower, upper;
    std::vector<long> offsets{0};
    BatchData<double> data;

    Selection(const BatchData<T>& from, const Shape& shape, const BatchOptions& options,
              const std::vector<long>& problems) {
        const long n = shape.n;
        const auto append = [](std::vector<double>& to, std::span<const T> source, long first,
                               long count) {
            if (source.empty()) return;
            to.insert(to.end(), source.begin() + first, source.begin() + first + count);
        };
        if (shape.shared_coordinates)
            coordinates.assign(from.coordinates.begin(), from.coordinates.end());
        for (const long p : problems) {
            const long first = shape.ragged ? from.offsets[p] : p * shape.points;
            const long count =
                shape.ragged ? from.offsets[p + 1] - from.offsets[p] : long{shape.points};
            offsets.push_back(offsets.back() + count);
            if (!shape.shared_coordinates)
                append(coordinates, from.coordinates, first * shape.coordinates,
                       count * shape.coordinates);
            append(y, from.y, first, count);
            append(weights, from.weights, first, count);
            const long runs = shape.per_run_start ? options.starts : 1;
            append(start, from.start,
                   shape.per_run_start || shape.per_problem_start ? p * runs * n : 0, runs * n);
            append(lower, from.lower, shape.per_problem_lower ? p * n : 0, n);
            append(upper, from.upper, shape.per_problem_upper ? p * n : 0, n);
        }
        data.problems = static_cast<long>(problems.size());
        data.points = shape.points;
        data.offsets = offsets;
        data.coordinates = coordinates;
        data.y = y;
        data.weights = weights;
        data.start = start;
        data.lower = lower;
        data.upper = upper;
    }
};

template <class T>
BatchResult<T> solve(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
                     std::optional<bool> shared_coordinates = {});

template <class To, class From>
void scatter(std::vector<To>& to, const std::vector<From>& from,
             const std::vector<long>& problems) {
    if (from.empty()) return;
    const std::size_t width = from.size() / problems.size();
    for (std::size_t i = 0; i < problems.size(); ++i)
        for (std::size_t k = 0; k < width; ++k)
            to[static_cast<std::size_t>(problems[i]) * width + k] =
                static_cast<To>(from[i * width + k]);
}

/// Solves some problems again, by the options given.
template <class T>
void solve_selection(const BatchModel& model, const BatchData<T>& data, const Shape& shape,
                     const BatchOptions& options, const std::vector<long>& problems,
                     BatchResult<T>& result) {
    const Selection<T> selection(data, shape, options, problems);
    const BatchResult<double> better =
        solve(model, selection.data, options, shape.shared_coordinates);
    scatter(result.parameters, better.parameters, problems);
    scatter(result.objective, better.objective, problems);
    scatter(result.gradient_norm, better.gradient_norm, problems);
    scatter(result.status, better.status, problems);
    scatter(result.iterations, better.iterations, problems);
    scatter(result.best_start, better.best_start, problems);
    scatter(result.at_bound, better.at_bound, problems);
    scatter(result.undetermined, better.undetermined, problems);
    scatter(result.degrees_of_freedom, better.degrees_of_freedom, problems);
    scatter(result.reduced_chi_square, better.reduced_chi_square, problems);
    scatter(result.covariance, better.covariance, problems);
    scatter(result.standard_errors, better.standard_errors, problems);
    scatter(result.condition_number, better.condition_number, problems);
    result.solved_again += static_cast<long>(problems.size());
    result.chunks += better.chunks;
}

/// Solves again, in double, what did not end well in single precision.
template <class T>
void solve_again(const BatchModel& model, const BatchData<T>& data, const Shape& shape,
                 const BatchOptions& options, BatchResult<T>& result) {
    if (result.cancelled) return;
    BatchOptions again = options;
    again.precision = BatchPrecision::full;
    again.progress = nullptr;
    const long numbers = shape.points * (shape.coordinates + 2L) + 3L * shape.n * options.starts;
    const std::size_t most =
        1 + options.memory_budget / (static_cast<std::size_t>(numbers) * sizeof(double));
    std::vector<long> problems;
    for (long i = 0; i < result.completed; ++i) {
        if (deserves_double(result.status[i])) problems.push_back(i);
        if (problems.empty() || (problems.size() < most && i + 1 < result.completed)) continue;
        solve_selection(model, data, shape, again, problems, result);
        problems.clear();
    }
}
/// The arithmetic that solves data of type T at first.
template <class T>
bool solves_in_single(BatchPrecision precision) {
    if (precision == BatchPrecision::as_data) return std::is_same_v<T, float>;
    return precision != BatchPrecision::full;
}

template <class T>
BatchResult<T> solve(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
                     std::optional<bool> shared_coordinates) {
    const auto begin = std::chrono::steady_clock::now();
    const Shape shape = check(model, data, options, shared_coordinates);
    const Candidates candidates = choose_backends(options.backend, [&](const BackendEntry& entry) {
        return entry.runs_batch(model.parts());
    });
    BatchResult<T> result = empty_result<T>(shape, options, model.kind());
    if (solves_in_single<T>(options.precision))
        ChunkedBatch<float, T>(model, data, options, shape, result).run(candidates);
    else
        ChunkedBatch<double, T>(model, data, options, shape, result).run(candidates);
    if (options.precision == BatchPrecision::twice)
        solve_again(model, data, shape, options, result);
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return result;
}

}  // namespace

template <class T>
BatchResult<T> fit_batch(const FitModel& model, const BatchData<T>& data,
                         const BatchOptions& options) {
    return solve(model, data, options);
}
template BatchResult<double> fit_batch(const FitModel&, const BatchData<double>&,
                                       const BatchOptions&);
template BatchResult<float> fit_batch(const FitModel&, const BatchData<float>&,
                                      const BatchOptions&);

template <class T>
BatchExplanation explain(const BatchModel& model, const BatchData<T>& data,
                         const BatchOptions& options, const BatchResult<T>& result, long i) {
    const Shape shape = check(model, data, options, {});
    if (result.problems != shape.problems || result.dimension != shape.n)
        reject("the result is another batch's (it has " + std::to_string(result.problems) +
               " problems of " + std::to_string(result.dimension) + " parameters, the data " +
               std::to_string(shape.problems) + " of " + std::to_string(shape.n) +
               ") pass the data that it was made from");
    if (i < 0 || i >= shape.problems)
        reject("there is no problem " + std::to_string(i) + " (the batch has " +
               std::to_string(shape.problems) + ") count from 0");
    const std::size_t at = static_cast<std::size_t>(i), n = static_cast<std::size_t>(shape.n);
    const Selection<T> selection(data, shape, options, {i});
    BatchData<double> alone = selection.data;
    alone.points = static_cast<int>(selection.offsets[1]);
    alone.offsets = {};
    const std::size_t run =
        result.best_start.empty() ? 0 : static_cast<std::size_t>(result.best_start[at]);
    alone.start = alone.start.subspan(shape.per_run_start ? run * n : 0, n);
    const std::vector<double> end(result.parameters.begin() + static_cast<long>(at * n),
                                  result.parameters.begin() + static_cast<long>((at + 1) * n));
    const std::uint64_t at_bound = result.at_bound.empty() ? 0 : result.at_bound[at];
    const Status status = result.status[at];
    const bool again = options.precision == BatchPrecision::twice && deserves_double(status);
    if (solves_in_single<T>(options.precision) && !again)
        return explain_problem<float>(model, alone, options, status, end, at_bound);
    return explain_problem<double>(model, alone, options, status, end, at_bound);
}
template BatchExplanation explain(const BatchModel&, const BatchData<double>&, const BatchOptions&,
                                  const BatchResult<double>&, long);
template BatchExplanation explain(const BatchModel&, const BatchData<float>&, const BatchOptions&,
                                  const BatchResult<float>&, long);

template <class T>
BatchResult<T> minimize_batch(const SmallObjective& objective, const BatchData<T>& data,
                              const BatchOptions& options) {
    return solve(objective, data, options);
}
template BatchResult<double> minimize_batch(const SmallObjective&, const BatchData<double>&,
                                            const BatchOptions&);
template BatchResult<float> minimize_batch(const SmallObjective&, const BatchData<float>&,
                                           const BatchOptions&);

}  // namespace cunewton
