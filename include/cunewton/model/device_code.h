// Declares that the library holds the GPU code of a built-in model or small objective. Without CUDA
// the functions return null.
#pragma once

#include "cunewton/cpp20.h"

#include <memory>

namespace cunewton::cuda {
template <class T>
class BatchOps;
}

#define CUNEWTON_DECLARE_BATCH_DEVICE_CODE(Model)                                            \
    std::shared_ptr<const cuda::BatchOps<double>> builtin_batch_ops(const Model&, double);   \
    std::shared_ptr<const cuda::BatchOps<float>> builtin_batch_ops(const Model&, float);
