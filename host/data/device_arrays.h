// Arrays of the caller's wherever they are: what is said of them is checked, and numbers on a GPU
// come to the host and go back.
#pragma once

#include <cstddef>
#include <string>

#include "cunewton/array.h"
#include "cunewton/execution.h"
#include "host/data/host_memory.h"

namespace cunewton {

/// Where the arrays of one call are.
class ArrayPlaces {
  public:
    /// device: see Execution. Throws InvalidArgument if there is no such GPU, although there are
    /// others.
    explicit ArrayPlaces(int device);

    /// Throws InvalidArgument, which names the array, if it is not where it is said to be, or not
    /// on the GPU that the call is for.
    template <class V>
    void add(const Array<V>& array, const char* name) {
        if (array.empty()) return;
        require_some(array.data, name);
        if (array.on_host()) {
            require_host_memory(array.data, name);
            on_host_ = true;
        } else {
            add_device(array.data, array.device, name);
            on_device_ = true;
        }
    }
    bool any_on_device() const { return on_device_; }
    bool all_on_device() const { return on_device_ && !on_host_; }
    /// The GPU that the call is for; -1: the current one.
    int device() const { return device_; }

  private:
    static void require_some(const void* array, const char* name);
    void add_device(const void* array, int said, const char* name);

    bool on_host_ = false, on_device_ = false;
    int device_;
    std::string device_by_ = "options.device";
};

/// Makes a GPU current for a call, and the one before it again afterwards. -1: nothing. Does
/// nothing in a build without CUDA.
class CallDevice {
  public:
    explicit CallDevice(int device);
    ~CallDevice();
    CallDevice(const CallDevice&) = delete;
    CallDevice& operator=(const CallDevice&) = delete;

  private:
    void* guard_ = nullptr;
};

/// The number of the calling thread's current GPU; -1: there is none.
int current_device();

/// Whether what is queued on the stream becomes part of a graph.
bool is_captured(cuda::Stream stream);
/// Throws InvalidArgument if it does: `call` waits for its results.
void require_no_capture(cuda::Stream stream, const char* call);

/// Copies rows x columns numbers on a GPU to the host, one row after the other, or back, after what
/// is queued on the stream, and waits. Distances count numbers. Throws DeviceError.
template <class V>
void fetch(V* to, const V* from, std::ptrdiff_t row, std::ptrdiff_t column, long rows, long columns,
           cuda::Stream stream);
template <class V>
void store(const Array<V>& to, const V* from, cuda::Stream stream);

}  // namespace cunewton
