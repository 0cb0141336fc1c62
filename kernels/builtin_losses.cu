#include <memory>

#include "cunewton/cuda/device_ops.cuh"
#include "cunewton/loss/huber.h"
#include "cunewton/loss/linear_regression.h"
#include "cunewton/loss/logistic.h"
#include "cunewton/loss/poisson.h"
#include "cunewton/loss/quadratic.h"
#include "cunewton/loss/rosenbrock.h"
#include "cunewton/loss/softmax.h"

namespace cunewton {

#define CUNEWTON_BUILTIN_LOSS(Form, Loss)                                                         \
    std::shared_ptr<const cuda::Form##Ops<double>> builtin_device_ops(const Loss& loss, double) { \
        return std::make_shared<cuda::Form##OpsOf<double, Loss>>(loss);                           \
    }                                                                                             \
    std::shared_ptr<const cuda::Form##Ops<float>> builtin_device_ops(const Loss& loss, float) {   \
        return std::make_shared<cuda::Form##OpsOf<float, Loss>>(loss);                            \
    }
#include "cunewton/loss/builtin_losses.inc"
#undef CUNEWTON_BUILTIN_LOSS

}  // namespace cunewton
