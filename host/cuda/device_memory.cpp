#include "host/cuda/device_memory.h"

#include <cuda_runtime_api.h>

namespace cunewton::cuda {

bool is_device_memory(const void* pointer) noexcept {
    cudaPointerAttributes attributes{};
    if (cudaPointerGetAttributes(&attributes, pointer) != cudaSuccess) {
        static_cast<void>(cudaGetLastError());  // not the next caller's
        return false;
    }
    return attributes.type == cudaMemoryTypeDevice;
}

}  // namespace cunewton::cuda
