#include "host/data/device_arrays.h"

#include <cstdint>

#include "cunewton/choices.h"
#include "cunewton/error.h"
#if CUNEWTON_WITH_CUDA
#include <cuda_runtime_api.h>

#include "host/cuda/device_memory.h"
#endif

namespace cunewton {

void ArrayPlaces::require_some(const void* array, const char* name) {
    if (!array)
        throw InvalidArgument(std::string(name) +
                              " is nowhere (null, but not empty) pass its numbers");
}

#if CUNEWTON_WITH_CUDA

ArrayPlaces::ArrayPlaces(int device) : device_(device) {
    if (device < 0) return;
    const int count = cuda::device_count();
    if (count > 0 && device >= count)
        throw InvalidArgument("there is no device " + std::to_string(device) + " (there are " +
                              std::to_string(count) + ") count from 0, or pass -1");
    if (count == 0) device_ = -1;  // for the CPU, if for any
}

void ArrayPlaces::add_device(const void* array, int said, const char* name) {
    const int found = cuda::device_of(array);
    const std::string begin = std::string(name) + " is said to be on a GPU";
    if (found < 0)
        throw InvalidArgument(begin +
                              " (but it is memory of the host, or nobody's) leave out "
                              "Array::on_device, or copy it there");
    if (said >= 0 && said != found)
        throw InvalidArgument(begin + " (device " + std::to_string(said) +
                              ", but it is on device " + std::to_string(found) +
                              ") correct the number");
    if (device_ >= 0 && device_ != found)
        throw InvalidArgument(std::string(name) + " is on another GPU (device " +
                              std::to_string(found) + ", but " + device_by_ + " says device " +
                              std::to_string(device_) + ") bring all arrays onto one");
    if (device_ < 0) device_by_ = name;
    device_ = found;
}

CallDevice::CallDevice(int device) {
    if (device >= 0) guard_ = new cuda::CurrentDevice(device);
}
CallDevice::~CallDevice() {
    delete static_cast<cuda::CurrentDevice*>(guard_);
}

int current_device() {
    int device = -1;
    return cudaGetDevice(&device) == cudaSuccess ? device : -1;
}

bool is_captured(cuda::Stream stream) {
    return cuda::is_capturing(stream);
}

namespace {
template <class V>
cuda::DeviceRows rows_of(const V* data, std::ptrdiff_t row, std::ptrdiff_t column, long rows,
                         long columns) {
    constexpr std::ptrdiff_t bytes = sizeof(V);
    return {const_cast<V*>(data), row * bytes, column * bytes, rows, columns, sizeof(V)};
}
}  // namespace

template <class V>
void fetch(V* to, const V* from, std::ptrdiff_t row, std::ptrdiff_t column, long rows, long columns,
           cuda::Stream stream) {
    cuda::copy_to_host(to, rows_of(from, row, column, rows, columns), stream);
}
template <class V>
void store(const Array<V>& to, const V* from, cuda::Stream stream) {
    cuda::copy_to_device(rows_of(to.data, to.row_stride, to.column_stride, to.rows, to.columns),
                         from, stream);
}

#else

// Nothing can be on a device here.
ArrayPlaces::ArrayPlaces(int) : device_(-1) {}
void ArrayPlaces::add_device(const void*, int, const char* name) {
    throw InvalidArgument(std::string(name) +
                          " is said to be on a GPU (this build has no CUDA) leave out "
                          "Array::on_device");
}
CallDevice::CallDevice(int) {}
CallDevice::~CallDevice() = default;
int current_device() {
    return -1;
}
bool is_captured(cuda::Stream) {
    return false;
}
template <class V>
void fetch(V*, const V*, std::ptrdiff_t, std::ptrdiff_t, long, long, cuda::Stream) {}
template <class V>
void store(const Array<V>&, const V*, cuda::Stream) {}

#endif

void require_no_capture(cuda::Stream stream, const char* call) {
    if (stream && is_captured(stream))
        throw InvalidArgument(std::string("the stream is being captured into a graph (") + call +
                              " waits for its results) call it outside of the capture");
}

#define CUNEWTON_INSTANTIATE(V)                                                                  \
    template void fetch(V*, const V*, std::ptrdiff_t, std::ptrdiff_t, long, long, cuda::Stream); \
    template void store(const Array<V>&, const V*, cuda::Stream);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
CUNEWTON_INSTANTIATE(int)
CUNEWTON_INSTANTIATE(long)
CUNEWTON_INSTANTIATE(std::uint64_t)
CUNEWTON_INSTANTIATE(Status)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
