#include "host/fit/again.h"

#include "host/fit/results.h"

namespace cunewton {

template <class T>
Selection<T>::Selection(const BatchData<T>& from, const CheckedBatch<T>& batch, cuda::Stream stream,
                        const std::vector<long>& problems) {
    const BatchView<T>& view = batch.view;
    const long n = batch.n;
    std::vector<T> fetched;
    const auto append = [&](std::vector<double>& to, const Rows<const T>& rows,
                            const Array<const T>& array, long row, long count) {
        if (!rows || count == 0) return;
        const T* numbers = rows.data + row * rows.row;
        if (array.on_host()) {
            for (long k = 0; k < count; ++k)
                to.push_back(static_cast<double>(numbers[k * rows.column]));
            return;
        }
        fetched.resize(static_cast<std::size_t>(count));
        fetch<T>(fetched.data(), numbers, 0, rows.column, 1, count, stream);
        to.insert(to.end(), fetched.begin(), fetched.end());
    };
    const bool shared = view.coordinates.row == 0;
    if (shared)
        append(coordinates, view.coordinates, from.coordinates, 0,
               long{view.points} * batch.coordinates);
    for (const long p : problems) {
        const batch::PointRange points = view.points_of(p);
        offsets.push_back(offsets.back() + points.count);
        if (!shared)
            append(coordinates, view.coordinates, from.coordinates, points.begin,
                   long{points.count} * batch.coordinates);
        append(y, view.y, from.y, points.begin, points.count);
        append(weights, view.weights, from.weights, points.begin, points.count);
        for (long run = p * view.starts; run < (p + 1) * view.starts; ++run)
            append(start, view.start, from.start, run, n);
        append(lower, view.lower, from.lower, p, n);
        append(upper, view.upper, from.upper, p, n);
    }
    data.problems = static_cast<long>(problems.size());
    data.points = view.points;
    data.offsets = offsets;
    data.coordinates = coordinates;
    data.y = y;
    data.weights = weights;
    data.start = start;
    data.lower = lower;
    data.upper = upper;
}

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

namespace {

template <class To, class From>
void scatter(const Rows<To>& to, const std::vector<From>& from, const std::vector<long>& problems) {
    if (!to || from.empty()) return;
    const std::size_t width = from.size() / problems.size();
    for (std::size_t i = 0; i < problems.size(); ++i)
        for (std::size_t k = 0; k < width; ++k)
            to(problems[i], static_cast<long>(k)) = static_cast<To>(from[i * width + k]);
}

/// Solves some problems again, by the options given.
template <class T>
void solve_selection(const BatchJob<T>& job, const BatchOptions& options,
                     const std::vector<long>& problems, BatchSummary& summary) {
    const Selection<T> selection(job.data, job.batch, options.stream, problems);
    const BatchResult<double> better =
        solve(job.model, selection.data, options, job.batch.view.coordinates.row == 0);
    const BatchResults<T>& to = job.results;
    for_each_result(
        job.batch.n,
        [&](const char*, long, const auto& rows, const auto& vector) {
            scatter(rows, vector, problems);
        },
        to, better);
    summary.solved_again += static_cast<long>(problems.size());
    summary.chunks += better.chunks;
}

}  // namespace

template <class T>
void solve_again(const BatchJob<T>& job, BatchSummary& summary) {
    if (summary.cancelled) return;
    const BatchView<T>& view = job.batch.view;
    BatchOptions again = job.options;
    again.precision = BatchPrecision::full;
    again.progress = nullptr;
    again.covariance = static_cast<bool>(job.results.covariance);
    again.standard_errors = static_cast<bool>(job.results.standard_errors);
    again.condition_number =
        job.results.condition_number ||
        (job.results.undetermined && !again.covariance && !again.standard_errors);
    const long numbers =
        view.points * (job.batch.coordinates + 2L) + 3L * job.batch.n * view.starts;
    const std::size_t most =
        1 + job.options.memory_budget / (static_cast<std::size_t>(numbers) * sizeof(double));
    std::vector<long> problems;
    for (long i = 0; i < summary.completed; ++i) {
        if (deserves_double(job.results.status(i))) problems.push_back(i);
        if (problems.empty() || (problems.size() < most && i + 1 < summary.completed)) continue;
        solve_selection(job, again, problems, summary);
        problems.clear();
    }
}

#define CUNEWTON_INSTANTIATE(T)   \
    template struct Selection<T>; \
    template void solve_again(const BatchJob<T>&, BatchSummary&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
