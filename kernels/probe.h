// A kernel that does next to nothing: whether it runs tells whether this build has code for the
// device.
#pragma once

#include "cunewton/cuda/code.h"

namespace cunewton::cuda {

/// *out = 1. The launch's status is left to the caller (cudaGetLastError).
void launch_probe(int* out, Stream stream);

}  // namespace cunewton::cuda
