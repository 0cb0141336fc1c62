// GPU code of the functors of small_functors.h.
#include "cunewton/cuda/attach.cuh"
#include "tests/support/small_models.h"

namespace cunewton::test {

#define CUNEWTON_TEST_DEFINE_FIT(Functor)                           \
    void add_device_code(FitModel& model, const Functor& functor) { \
        cuda::attach_device_code(model, functor);                   \
    }
#define CUNEWTON_TEST_DEFINE_OBJECTIVE(Functor)                           \
    void add_device_code(SmallObjective& model, const Functor& functor) { \
        cuda::attach_device_code(model, functor);                         \
    }
CUNEWTON_TEST_SMALL_FUNCTORS(CUNEWTON_TEST_DEFINE_FIT, CUNEWTON_TEST_DEFINE_OBJECTIVE)
#undef CUNEWTON_TEST_DEFINE_FIT
#undef CUNEWTON_TEST_DEFINE_OBJECTIVE

}  // namespace cunewton::test
