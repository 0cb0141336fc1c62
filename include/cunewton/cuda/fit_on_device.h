// Batches whose data are on the GPU already, and whose results stay there. No CUDA header is
// needed.
//
//     cunewton::cuda::DeviceBatch<float> batch{.problems = 100000, .points = 225, ...};
//     cunewton::cuda::fit_batch_on_device(model, batch, {}, stream);  // returns at once
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cuda/small_code.h"
#include "cunewton/fit.h"

namespace cunewton::cuda {

/// Queues the solution of a batch on the stream, as one memory fill and one kernel (and another one
/// for covariances, errors and condition numbers), and returns without waiting. All memory is the
/// caller's, stays in use until the work is done, and is on the device that is current and that the
/// stream belongs to. What is wrong with a problem's data is
/// its status, also offsets that give it a negative number of points or more than `points`; where
/// they begin is not checked. Starts outside their bounds are moved onto them. The stream may be in
/// capture: what is queued becomes part of the graph, which can be launched again and again.
///
/// The same results as fit_batch() on the CUDA backend, in the arithmetic T. What is computed is
/// what the batch has arrays for; an option that asks for more is misuse. Of the options backend,
/// threads, chunk, memory_budget and progress have no meaning here; every start of several has its
/// own results. Throws InvalidArgument for misuse (arrays that are missing, options for another
/// arithmetic), and BackendUnavailable if the model has no GPU code, as in a build without CUDA, or
/// none for this device; OutOfMemory or DeviceError if the work could not be queued. That it failed
/// is told by the stream.
template <class T>
void fit_batch_on_device(const FitModel& model, const DeviceBatch<T>& batch,
                         const BatchOptions& options = {}, Stream stream = nullptr);
extern template void fit_batch_on_device(const FitModel&, const DeviceBatch<double>&,
                                         const BatchOptions&, Stream);
extern template void fit_batch_on_device(const FitModel&, const DeviceBatch<float>&,
                                         const BatchOptions&, Stream);

/// The same for minimize_batch().
template <class T>
void minimize_batch_on_device(const SmallObjective& objective, const DeviceBatch<T>& batch,
                              const BatchOptions& options = {}, Stream stream = nullptr);
extern template void minimize_batch_on_device(const SmallObjective&, const DeviceBatch<double>&,
                                              const BatchOptions&, Stream);
extern template void minimize_batch_on_device(const SmallObjective&, const DeviceBatch<float>&,
                                              const BatchOptions&, Stream);

}  // namespace cunewton::cuda
