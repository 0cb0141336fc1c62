// GPU code of the residuals of functors.h.
#include "cunewton/cuda/attach.cuh"
#include "tests/residuals/functors.h"

namespace cunewton::test {

void add_device_code(Problem<double>& problem) {
    cuda::attach_residual_code<WaveResidual>(problem);
}
void add_device_code(Problem<float>& problem) {
    cuda::attach_residual_code<WaveResidual>(problem);
}
void add_long_device_code(Problem<double>& problem) {
    cuda::attach_residual_code<LongResidual>(problem);
}
void add_long_device_code(Problem<float>& problem) {
    cuda::attach_residual_code<LongResidual>(problem);
}

}  // namespace cunewton::test
