#include <cunewton/cuda/attach.cuh>

#include "peak.h"

void attach_gpu(cunewton::FitModel& model) {
    cunewton::cuda::attach_device_code<Peak>(model);
}
