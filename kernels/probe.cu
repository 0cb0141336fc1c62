#include "kernels/probe.h"

namespace cunewton::cuda {

namespace {
__global__ void probe_kernel(int* out) {
    *out = 1;
}
}  // namespace

void launch_probe(int* out, Stream stream) {
    probe_kernel<<<1, 1, 0, stream>>>(out);
}

}  // namespace cunewton::cuda
