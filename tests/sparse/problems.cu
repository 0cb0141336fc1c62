// GPU code of the functions of functions.h.
#include "cunewton/cuda/attach.cuh"
#include "tests/sparse/problems.h"

namespace cunewton::test {

#define CUNEWTON_TEST_DEFINE(Function)                                                \
    void add_sparse_device_code(Problem<double>& problem, const Function& function) { \
        cuda::attach_device_code(problem, function);                                  \
    }                                                                                 \
    void add_sparse_device_code(Problem<float>& problem, const Function& function) {  \
        cuda::attach_device_code(problem, function);                                  \
    }
CUNEWTON_TEST_DEFINE(ChainWithGradient)
CUNEWTON_TEST_DEFINE(BroydenWithGradient)
CUNEWTON_TEST_DEFINE(SurfaceWithGradient)
#undef CUNEWTON_TEST_DEFINE

}  // namespace cunewton::test
