#include "bench/cases/device_code.h"

#include "bench/cases/signed_logistic.h"
#include "cunewton/cuda/attach.cuh"

namespace cunewton::bench {

void attach_signed_logistic(Problem<double>& problem) {
    cuda::attach_device_code(problem, SignedLogistic{});
}
void attach_signed_logistic(Problem<float>& problem) {
    cuda::attach_device_code(problem, SignedLogistic{});
}

}  // namespace cunewton::bench
