// GPU code of the models of nist_models.h.
#include "tests/nist/nist_models.h"

#include "cunewton/cuda/attach.cuh"
#include "tests/nist/nist.h"

namespace cunewton::test {

void add_nist_device_code(FitModel& model, const std::string& problem) {
#define CUNEWTON_TEST_MODEL(name, Model) \
    if (problem == name) cuda::attach_device_code(model, nist::Model{});
    CUNEWTON_TEST_NIST_PROBLEMS(CUNEWTON_TEST_MODEL)
#undef CUNEWTON_TEST_MODEL
}

}  // namespace cunewton::test
