// Arrays of the caller that the host is about to read.
#pragma once

namespace cunewton {

/// Throws InvalidArgument, which names the array, if the host cannot read it: it is on a CUDA
/// device, or nobody's. Null, managed and page-locked memory are fine. Costs one system call, and
/// does not start CUDA where that is not in use.
void require_host_memory(const void* array, const char* name);

}  // namespace cunewton
