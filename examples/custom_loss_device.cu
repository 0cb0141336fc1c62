#include <cunewton/cuda/attach.cuh>

#include "custom_loss.h"

void attach_gpu(cunewton::Problem<double>& problem) {
    cunewton::cuda::attach_device_code<SmoothAbsoluteDecay>(problem);
}
