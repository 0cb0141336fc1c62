// Whose memory a pointer belongs to, and the way of numbers to and from it. No CUDA header is
// needed.
#pragma once

#include <cstddef>

#include "cunewton/execution.h"

namespace cunewton::cuda {

/// True for memory of a device that the host cannot read. False, and no error left behind, also
/// where there is no driver or no device. Starts the CUDA runtime.
bool is_device_memory(const void* pointer) noexcept;

/// The device that the memory belongs to, managed memory included; -1: the host's, or nobody's.
int device_of(const void* pointer) noexcept;

/// How many devices there are; 0 also where that is not known.
int device_count() noexcept;

/// Makes a device current, and the one before it again. -1: leaves it as it is.
class CurrentDevice {
  public:
    explicit CurrentDevice(int device);
    ~CurrentDevice();
    CurrentDevice(const CurrentDevice&) = delete;
    CurrentDevice& operator=(const CurrentDevice&) = delete;

  private:
    int before_ = -1;
};

/// Whether what is queued on the stream becomes part of a graph.
bool is_capturing(Stream stream) noexcept;

/// Rows of numbers on a device; distances in bytes.
struct DeviceRows {
    void* data;
    std::ptrdiff_t row, column;
    long rows, columns;
    std::size_t number_bytes;
};
/// Copies between those and rows on the host that follow each other, after what is queued on the
/// stream, and waits.
void copy_to_host(void* to, const DeviceRows& from, Stream stream);
void copy_to_device(const DeviceRows& to, const void* from, Stream stream);

}  // namespace cunewton::cuda
