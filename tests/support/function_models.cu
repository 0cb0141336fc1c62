// GPU code of the functors of function_models.h.
#include "cunewton/cuda/attach.cuh"
#include "tests/support/function_models.h"

namespace cunewton::test {

#define CUNEWTON_TEST_DEFINE(Functor)                               \
    void add_device_code(FitModel& model, const Functor& functor) { \
        cuda::attach_device_code(model, functor);                   \
    }
CUNEWTON_TEST_FUNCTION_MODELS(CUNEWTON_TEST_DEFINE)
#undef CUNEWTON_TEST_DEFINE

}  // namespace cunewton::test
