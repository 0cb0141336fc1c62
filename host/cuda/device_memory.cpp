#include "host/cuda/device_memory.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <vector>

#include "host/cuda/check.h"

namespace cunewton::cuda {

namespace {

/// cudaMemoryTypeUnregistered for what CUDA does not know.
cudaPointerAttributes attributes_of(const void* pointer) noexcept {
    cudaPointerAttributes attributes{};
    if (cudaPointerGetAttributes(&attributes, pointer) != cudaSuccess) {
        static_cast<void>(cudaGetLastError());  // not the next caller's
        attributes.type = cudaMemoryTypeUnregistered;
    }
    return attributes;
}

/// `lines` lines of `width` bytes, `pitch` bytes apart on the device and without gaps on the host.
void copy_lines(char* host, char* device, std::size_t width, std::size_t pitch, long lines,
                bool to_host, cudaStream_t stream) {
    const std::size_t height = static_cast<std::size_t>(lines);
    check(to_host ? cudaMemcpy2DAsync(host, width, device, pitch, width, height,
                                      cudaMemcpyDeviceToHost, stream)
                  : cudaMemcpy2DAsync(device, pitch, host, width, width, height,
                                      cudaMemcpyHostToDevice, stream),
          to_host ? "a copy from the device failed" : "a copy to the device failed");
}

/// Exchanges rows and columns.
void transpose(char* to, const char* from, long rows, long columns, std::size_t bytes) {
    for (long i = 0; i < rows; ++i)
        for (long j = 0; j < columns; ++j)
            std::memcpy(to + static_cast<std::size_t>(j * rows + i) * bytes,
                        from + static_cast<std::size_t>(i * columns + j) * bytes, bytes);
}

void copy(char* host, const DeviceRows& rows, bool to_host, cudaStream_t stream) {
    if (rows.rows == 0 || rows.columns == 0) return;
    const auto size = static_cast<std::ptrdiff_t>(rows.number_bytes);
    char* const device = static_cast<char*>(rows.data);
    const auto wait = [&] {
        check(cudaStreamSynchronize(stream), "a copy from or to the device failed");
    };
    const std::ptrdiff_t row = rows.rows == 1 ? rows.columns * size : rows.row;
    if ((rows.columns == 1 || rows.column == size) && row >= rows.columns * size) {
        const std::ptrdiff_t width = rows.columns * size;
        const bool dense = row == width;
        copy_lines(host, device, static_cast<std::size_t>(dense ? width * rows.rows : width),
                   static_cast<std::size_t>(dense ? width * rows.rows : row), dense ? 1 : rows.rows,
                   to_host, stream);
    } else if (row == size && rows.column >= rows.rows * size) {
        std::vector<char> other(static_cast<std::size_t>(rows.rows * rows.columns * size));
        if (!to_host) transpose(other.data(), host, rows.rows, rows.columns, rows.number_bytes);
        copy_lines(other.data(), device, static_cast<std::size_t>(rows.rows * size),
                   static_cast<std::size_t>(rows.column), rows.columns, to_host, stream);
        wait();
        if (to_host) transpose(host, other.data(), rows.columns, rows.rows, rows.number_bytes);
        return;
    } else {
        for (long i = 0; i < rows.rows; ++i) {
            char* const from = device + i * rows.row;
            char* const to = host + i * rows.columns * size;
            if (rows.column >= size) {
                copy_lines(to, from, rows.number_bytes, static_cast<std::size_t>(rows.column),
                           rows.columns, to_host, stream);
                continue;
            }
            for (long j = 0; j < rows.columns; ++j)
                copy_lines(to + j * size, from + j * rows.column, rows.number_bytes,
                           rows.number_bytes, 1, to_host, stream);
        }
    }
    wait();
}

}  // namespace

bool is_device_memory(const void* pointer) noexcept {
    return pointer && attributes_of(pointer).type == cudaMemoryTypeDevice;
}

int device_of(const void* pointer) noexcept {
    const cudaPointerAttributes attributes = attributes_of(pointer);
    const bool on_device =
        attributes.type == cudaMemoryTypeDevice || attributes.type == cudaMemoryTypeManaged;
    return on_device ? attributes.device : -1;
}

int device_count() noexcept {
    int count = 0;
    if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
    static_cast<void>(cudaGetLastError());
    return 0;
}

CurrentDevice::CurrentDevice(int device) {
    int current = -1;
    if (device < 0) return;
    check(cudaGetDevice(&current), "no CUDA device is current");
    if (current == device) return;
    check(cudaSetDevice(device), "the device was not made current");
    before_ = current;
}
CurrentDevice::~CurrentDevice() {
    if (before_ >= 0) static_cast<void>(cudaSetDevice(before_));
}

bool is_capturing(Stream stream) noexcept {
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(stream, &capture) == cudaSuccess)
        return capture != cudaStreamCaptureStatusNone;
    static_cast<void>(cudaGetLastError());
    return false;
}

void copy_to_host(void* to, const DeviceRows& from, Stream stream) {
    copy(static_cast<char*>(to), from, true, stream);
}
void copy_to_device(const DeviceRows& to, const void* from, Stream stream) {
    copy(const_cast<char*>(static_cast<const char*>(from)), to, false, stream);
}

}  // namespace cunewton::cuda
