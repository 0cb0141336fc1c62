// Batches of small problems on a CUDA device.
#pragma once

#include <memory>

#include "host/backend/batch_engine.h"

namespace cunewton::cuda {

/// An engine on the current device. Each chunk is one copy in, one kernel and one copy out, on the
/// stream of its slot, so that one slot computes while the other copies; finish() waits once.
/// Throws BackendUnavailable if the model has no GPU code, OutOfMemory or DeviceError if the device
/// fails.
template <class T>
std::unique_ptr<BatchEngine<T>> open_batch(const BatchTask<T>& task);
extern template std::unique_ptr<BatchEngine<double>> open_batch(const BatchTask<double>&);
extern template std::unique_ptr<BatchEngine<float>> open_batch(const BatchTask<float>&);

}  // namespace cunewton::cuda
