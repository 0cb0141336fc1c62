// GPU code of the problems of unconstrained_functors.h.
#include "cunewton/cuda/problem.cuh"
#include "tests/support/device_code.h"

namespace cunewton::test {

#define CUNEWTON_TEST_DEFINE(Functor)                                     \
    void add_device_code(Problem<double>& problem, const Functor& loss) { \
        cuda::attach_device_code(problem, loss);                          \
    }
CUNEWTON_TEST_UNCONSTRAINED(CUNEWTON_TEST_DEFINE)
#undef CUNEWTON_TEST_DEFINE

}  // namespace cunewton::test
