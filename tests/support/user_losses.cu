// GPU code of the losses of user_losses.h.
#include "cunewton/cuda/attach.cuh"
#include "tests/support/device_code.h"

namespace cunewton::test {

#define CUNEWTON_TEST_DEFINE(Loss)                                     \
    void add_device_code(Problem<double>& problem, const Loss& loss) { \
        cuda::attach_device_code(problem, loss);                       \
    }                                                                  \
    void add_device_code(Problem<float>& problem, const Loss& loss) {  \
        cuda::attach_device_code(problem, loss);                       \
    }
CUNEWTON_TEST_USER_LOSSES(CUNEWTON_TEST_DEFINE)
#undef CUNEWTON_TEST_DEFINE

}  // namespace cunewton::test
