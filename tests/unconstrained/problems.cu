// GPU code of the problems of functors.h.
#include "tests/unconstrained/problems.h"

#include "cunewton/cuda/attach.cuh"
#include "tests/unconstrained/functors.h"

namespace cunewton::test {

void add_unconstrained_device_code(Problem<double>& problem, const std::string& id) {
#define CUNEWTON_TEST_ATTACH(Functor) \
    if (id == Functor::id) cuda::attach_device_code(problem, Functor{});
    CUNEWTON_TEST_UNCONSTRAINED(CUNEWTON_TEST_ATTACH)
#undef CUNEWTON_TEST_ATTACH
}

}  // namespace cunewton::test
