// Batches of small problems on a CUDA device.
#pragma once

#include <memory>

#include "cunewton/error.h"
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

/// Throws BackendUnavailable if the task's model has no GPU code.
template <class T>
void require_gpu_code(const BatchTask<T>& task) {
    if (!task.cuda)
        throw BackendUnavailable(
            "the model has no GPU code (its functor was compiled for the CPU alone) add it with "
            "cuda::attach_device_code in a .cu file");
}

}  // namespace cunewton::cuda
