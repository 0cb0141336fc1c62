// Declares that the library holds the GPU code of a built-in loss. Without CUDA the functions
// return null.
#pragma once

#include "cunewton/cpp20.h"

#include <memory>

namespace cunewton::cuda {
template <class T>
class PredictorOps;
template <class T>
class SampleOps;
}  // namespace cunewton::cuda

#define CUNEWTON_DECLARE_PREDICTOR_DEVICE_CODE(Loss)                                           \
    std::shared_ptr<const cuda::PredictorOps<double>> builtin_device_ops(const Loss&, double); \
    std::shared_ptr<const cuda::PredictorOps<float>> builtin_device_ops(const Loss&, float);

#define CUNEWTON_DECLARE_SAMPLE_DEVICE_CODE(Loss)                                           \
    std::shared_ptr<const cuda::SampleOps<double>> builtin_device_ops(const Loss&, double); \
    std::shared_ptr<const cuda::SampleOps<float>> builtin_device_ops(const Loss&, float);
