// A build without CUDA has no GPU code for any loss.
#if !CUNEWTON_WITH_CUDA

#include <memory>

#include "cunewton/cunewton.h"

namespace cunewton {

#define CUNEWTON_BUILTIN_LOSS(Form, Loss)                                                    \
    std::shared_ptr<const cuda::Form##Ops<double>> builtin_device_ops(const Loss&, double) { \
        return nullptr;                                                                      \
    }                                                                                        \
    std::shared_ptr<const cuda::Form##Ops<float>> builtin_device_ops(const Loss&, float) {   \
        return nullptr;                                                                      \
    }
#include "cunewton/loss/builtin_losses.inc"
#undef CUNEWTON_BUILTIN_LOSS

}  // namespace cunewton

#endif
