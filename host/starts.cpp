#include "cunewton/starts.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "cunewton/error.h"
#include "host/backend/choice.h"
#include "host/backend/thread_pool.h"
#include "host/data/device_arrays.h"
#include "host/data/sample_data.h"
#include "host/draw.h"

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

constexpr int most_on_device = 4;  // runs at a time

/// Whether an end counts as a minimum.
bool ends_at_minimum(Status status) {
    switch (status) {
        case Status::converged:
        case Status::small_step:
        case Status::small_change:
        case Status::derivative_accuracy:
        case Status::precision_limit:
        case Status::singular:
            return true;
        default:
            return false;
    }
}

/// The bounds to draw between, checked.
struct Box {
    const std::vector<double>& lower;
    const std::vector<double>& upper;

    template <class T>
    Box(const Starts<T>& starts, const Options& options, int n)
        : lower(starts.lower.empty() ? options.lower : starts.lower),
          upper(starts.upper.empty() ? options.upper : starts.upper) {
        const auto check = [&](const std::vector<double>& bounds, const char* name) {
            if (bounds.empty())
                reject(std::string("starts cannot be drawn (there is no ") + name +
                       " bound) set it in Starts or in Options");
            if (bounds.size() != static_cast<std::size_t>(n))
                reject(std::string("the ") + name +
                       " bounds to draw starts between have the wrong "
                       "size (" +
                       std::to_string(bounds.size()) + ", not " + std::to_string(n) +
                       ") pass one for each parameter");
            for (std::size_t j = 0; j < bounds.size(); ++j)
                if (!std::isfinite(bounds[j]))
                    reject(std::string("starts cannot be drawn (the ") + name +
                           " bound of parameter " + std::to_string(j) + " is " +
                           std::to_string(bounds[j]) + ") set finite ones in Starts");
        };
        check(lower, "lower");
        check(upper, "upper");
        for (std::size_t j = 0; j < lower.size(); ++j)
            if (!(lower[j] <= upper[j]))
                reject("the bounds of parameter " + std::to_string(j) +
                       " to draw starts between are crossed (" + std::to_string(lower[j]) + " > " +
                       std::to_string(upper[j]) + ") pass lower <= upper");
    }
};

template <class T>
std::vector<std::vector<T>> all_starts(const Starts<T>& starts, const Options& options, int n) {
    if (starts.count < 0)
        reject("the number of starts is negative (" + std::to_string(starts.count) +
               ") pass 0 or more");
    if (starts.given.empty() && starts.count == 0)
        reject("there is no start (none is given and count is 0) pass some, or set count");
    if (!(starts.distinct >= 0))
        reject("distinct is invalid (" + std::to_string(starts.distinct) +
               ") pass a fraction >= 0");
    std::vector<std::vector<T>> all = starts.given;
    if (starts.count == 0) return all;
    if (starts.draw == StartsBy::given)
        reject(
            "starts are to be drawn and nothing says how (Starts::draw is given) choose "
            "StartsBy::sobol");
    const Box box(starts, options, n);
    const std::vector<double> places = draw_points(starts.draw, starts.count, n, starts.seed);
    const std::size_t width = static_cast<std::size_t>(n);
    for (std::size_t k = 0; k < static_cast<std::size_t>(starts.count); ++k) {
        std::vector<T> x(width);
        for (std::size_t j = 0; j < width; ++j) {
            const double low = box.lower[j], high = box.upper[j];
            x[j] = static_cast<T>(std::min(high, low + places[k * width + j] * (high - low)));
        }
        all.push_back(std::move(x));
    }
    return all;
}

/// How many runs are under way at a time, for the options that each has.
template <class T>
int runs_at_a_time(const Problem<T>& problem, long count, Options& options) {
    if (count == 1 || options.callback || options.stream || problem.parts().ranks ||
        std::holds_alternative<Opaque<T>>(problem.parts().form))
        return 1;
    const BackendEntry& entry = *choose_backends(problem, options.backend).entries.front();
    if (!entry.code<T>().queue_batch) {
        const int threads = ThreadPool::size_for(options.threads);
        const int runs = static_cast<int>(std::min<long>(threads, count));
        options.threads = std::max(1, threads / runs);
        return runs;
    }
    // Threads begin with the first device as the current one.
    const int device = device_for(problem, options.device);
    options.device = device >= 0 ? device : current_device();
    std::size_t needed = 0;
    try {
        needed = memory_needed(problem, options).device;
    } catch (const InvalidArgument&) {
        return 1;  // nobody knows, as of sparse factors
    }
    const CallDevice current(options.device);
    const Session<T> probe = entry.code<T>().open(problem, session_options(options));
    const std::size_t free = probe.vectors->free_bytes();
    return static_cast<int>(
        std::clamp<std::size_t>(free / std::max<std::size_t>(1, needed), 1,
                                static_cast<std::size_t>(std::min<long>(most_on_device, count))));
}

/// Groups ends that are minima, the lowest first.
template <class T>
void find_minima(StartsResult<T>& found, double distinct) {
    const std::size_t n = found.starts.front().size();
    std::vector<int> order;
    for (std::size_t k = 0; k < found.ends.size(); ++k)
        if (ends_at_minimum(found.ends[k].status)) order.push_back(static_cast<int>(k));
    const auto end = [&](int k) -> const Result<T>& {
        return found.ends[static_cast<std::size_t>(k)];
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return end(a).f < end(b).f; });
    std::vector<double> range(n);
    for (std::size_t j = 0; j < n; ++j) {
        double low = static_cast<double>(found.starts.front()[j]), high = low;
        const auto look = [&](T x) {
            low = std::min(low, static_cast<double>(x));
            high = std::max(high, static_cast<double>(x));
        };
        for (const std::vector<T>& x : found.starts) look(x[j]);
        for (const int k : order) look(end(k).x[j]);
        range[j] = high - low;
    }
    found.minimum_of.assign(found.ends.size(), -1);
    for (const int k : order) {
        const auto alike = [&](const DistinctMinimum<T>& minimum) {
            for (std::size_t j = 0; j < n; ++j)
                if (!(std::abs(static_cast<double>(end(k).x[j]) -
                               static_cast<double>(minimum.x[j])) <= distinct * range[j]))
                    return false;
            return true;
        };
        auto at = std::find_if(found.minima.begin(), found.minima.end(), alike);
        if (at == found.minima.end()) at = found.minima.insert(at, {end(k).x, end(k).f, k, {}});
        at->starts.push_back(k);
        found.minimum_of[static_cast<std::size_t>(k)] = static_cast<int>(at - found.minima.begin());
    }
    for (DistinctMinimum<T>& minimum : found.minima)
        std::sort(minimum.starts.begin(), minimum.starts.end());
}

/// The end of least loss, finite before others.
template <class T>
int best_of_all(const std::vector<Result<T>>& ends) {
    int best = 0;
    for (int k = 1; k < static_cast<int>(ends.size()); ++k) {
        const T f = ends[static_cast<std::size_t>(k)].f,
                least = ends[static_cast<std::size_t>(best)].f;
        if (std::isfinite(f) && (!std::isfinite(least) || f < least)) best = k;
    }
    return best;
}

}  // namespace

template <class T>
StartsResult<T> minimize_from(const Problem<T>& problem, const Starts<T>& starts,
                              const Options& options) {
    if (!options.checkpoint.file.empty())
        reject(
            "a checkpoint is of one run (and there are several starts) leave "
            "Options::checkpoint out");
    StartsResult<T> found;
    found.starts = all_starts(starts, options, problem.dimension());
    const std::size_t count = found.starts.size();
    found.ends.resize(count);
    Options own = options;
    const int runs = runs_at_a_time(problem, static_cast<long>(count), own);
    const auto run = [&](std::size_t k, int) {
        found.ends[k] = minimize(problem, found.starts[k], own);
    };
    if (runs == 1)
        for (std::size_t k = 0; k < count; ++k) run(k, 0);
    else
        ThreadPool(runs).for_each(count, run);
    find_minima(found, starts.distinct);
    found.best_start =
        found.minima.empty() ? best_of_all(found.ends) : found.minima.front().best_start;
    found.best = found.ends[static_cast<std::size_t>(found.best_start)];
    return found;
}
template StartsResult<double> minimize_from(const Problem<double>&, const Starts<double>&,
                                            const Options&);
template StartsResult<float> minimize_from(const Problem<float>&, const Starts<float>&,
                                           const Options&);

}  // namespace cunewton
