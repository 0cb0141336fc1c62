// Whose memory a pointer belongs to.
#pragma once

namespace cunewton::cuda {

/// True for memory of a device that the host cannot read. False, and no error left behind, also
/// where there is no driver or no device. Starts the CUDA runtime.
bool is_device_memory(const void* pointer) noexcept;

}  // namespace cunewton::cuda
