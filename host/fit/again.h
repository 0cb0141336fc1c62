// Some problems of a batch by themselves, in double: to be solved again, or explained.
#pragma once

#include <vector>

#include "cunewton/fit.h"
#include "host/fit/chunks.h"

namespace cunewton {

/// Problems of a batch as a batch of their own, in double, on the host.
template <class T>
struct Selection {
    std::vector<double> coordinates, y, weights, start, lower, upper;
    std::vector<long> offsets{0};
    BatchData<double> data;

    Selection(const BatchData<T>& from, const CheckedBatch<T>& batch, cuda::Stream stream,
              const std::vector<long>& problems);
    Selection(const Selection&) = delete;
};

/// What a second solution in double may end better.
bool deserves_double(Status status);

/// Solves again, in double, what did not end well in single precision. job.results.status is there.
template <class T>
void solve_again(const BatchJob<T>& job, BatchSummary& summary);

/// fit_batch() or minimize_batch(); shared_coordinates: see check_batch().
template <class T>
BatchResult<T> solve(const BatchModel& model, const BatchData<T>& data, const BatchOptions& options,
                     std::optional<bool> shared_coordinates = {});

}  // namespace cunewton
