// A batch in the arithmetic of one backend after the other, chunk by chunk.
#pragma once

#include <string>

#include "cunewton/fit.h"
#include "host/backend/choice.h"
#include "host/fit/check.h"

namespace cunewton {

/// What is to be done, and how far it is. Results are the host's.
template <class T>
struct BatchJob {
    const BatchModel& model;
    const BatchData<T>& data;
    const BatchOptions& options;
    const CheckedBatch<T>& batch;
    const BatchResults<T>& results;
};

/// The code, the method and the resources that the options stand for; the view is left out.
template <class C>
BatchTask<C> make_task(const BatchModel& model, const BatchOptions& options, int n, bool bounded,
                       bool hessians, BatchThreads& threads);

/// Solves the batch in the arithmetic C on the first of the candidates that does not fail. A
/// backend that fails leaves the problems that it has not finished to the next.
template <class C, class T>
void solve_in_chunks(const BatchJob<T>& job, const Candidates& candidates, BatchSummary& summary);

/// What that takes on this backend.
template <class C, class T>
MemoryNeeded chunks_memory(const BatchJob<T>& job, const BackendEntry& entry);

}  // namespace cunewton
