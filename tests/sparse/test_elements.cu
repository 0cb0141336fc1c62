// GPU code of the elements of test_elements.h.
#include "tests/sparse/test_elements.h"

#include "cunewton/cuda/attach.cuh"

namespace cunewton::test {

#define CUNEWTON_TEST_DEFINE(Element)                                          \
    void add_device_code(Elements<double>& elements, const Element& element) { \
        cuda::attach_device_code(elements, element);                           \
    }                                                                          \
    void add_device_code(Elements<float>& elements, const Element& element) {  \
        cuda::attach_device_code(elements, element);                           \
    }
CUNEWTON_TEST_ELEMENTS(CUNEWTON_TEST_DEFINE)
#undef CUNEWTON_TEST_DEFINE

}  // namespace cunewton::test
