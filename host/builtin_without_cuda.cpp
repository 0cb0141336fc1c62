// A build without CUDA has no GPU code for any loss or model.
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

#define CUNEWTON_BUILTIN_MODEL(Model)                                                       \
    std::shared_ptr<const cuda::BatchOps<double>> builtin_batch_ops(const Model&, double) { \
        return nullptr;                                                                     \
    }                                                                                       \
    std::shared_ptr<const cuda::BatchOps<float>> builtin_batch_ops(const Model&, float) {   \
        return nullptr;                                                                     \
    }
#define CUNEWTON_BUILTIN_OBJECTIVE(Objective) CUNEWTON_BUILTIN_MODEL(Objective)
#include "cunewton/model/builtin_models.inc"
#undef CUNEWTON_BUILTIN_OBJECTIVE
#undef CUNEWTON_BUILTIN_MODEL

}  // namespace cunewton

#endif
