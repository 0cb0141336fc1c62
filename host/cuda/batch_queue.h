// Batches whose data and results all are on the device: work is queued, nobody waits.
#pragma once

#include <cstddef>

#include "host/backend/batch_engine.h"

namespace cunewton::cuda {

/// Queues the solution of a batch on its task's stream, which may be in capture, with workspace
/// that is allocated and freed in the stream's order; at most memory_budget of it, so large batches
/// are queued in parts, one after the other. Without a stream it has one of its own and waits.
/// Throws BackendUnavailable if the model has no GPU code, OutOfMemory or DeviceError if the work
/// could not be queued.
template <class T>
void queue_batch(const DeviceWork<T>& work);
extern template void queue_batch(const DeviceWork<double>&);
extern template void queue_batch(const DeviceWork<float>&);

/// Bytes of that workspace.
template <class T>
std::size_t queue_memory(const DeviceWork<T>& work);
extern template std::size_t queue_memory(const DeviceWork<double>&);
extern template std::size_t queue_memory(const DeviceWork<float>&);

}  // namespace cunewton::cuda
