// Interface of small problems on the GPU. No CUDA header is needed to name it;
// cuda/small_code_of.cuh implements it for a functor, in a .cu file of the library or of the user.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include "cunewton/cpu/small_code.h"
#include "cunewton/cuda/code.h"
#include "cunewton/small/batch_view.h"

namespace cunewton::cuda {

/// A batch in the memory of the current device, and what solving it takes.
template <class T>
struct DeviceJob {
    batch::BatchView<T> batch;
    batch::BatchMethod<T> method;
    batch::RunResults<T> results;
    /// The problems in the order in which they are begun, `problems` numbers; null: as they lie.
    const int* order = nullptr;
    unsigned long long* queue = nullptr;  ///< workspace of this batch alone until it is solved
};

/// A model or an objective of small problems on the device.
template <class T>
class SmallCode {
  public:
    virtual ~SmallCode() = default;
    virtual SmallKind kind() const = 0;
    virtual int parameters() const = 0;
    virtual int coordinates() const = 0;
    virtual bool has_analytic() const = 0;
    /// Queues one memory fill and one kernel on the stream and returns. Throws OutOfMemory,
    /// BackendUnavailable or DeviceError if they could not be queued.
    virtual void solve(const DeviceJob<T>& job, Stream stream) const = 0;
    virtual bool has_guess() const = 0;
    /// Queues a kernel that writes a start for each problem, n finite numbers after the other.
    virtual void guess(const batch::BatchView<T>& batch, T* start, Stream stream) const = 0;
};

}  // namespace cunewton::cuda
