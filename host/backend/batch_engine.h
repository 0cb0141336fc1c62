// What a backend does with a batch: solve chunks of it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

#include "cunewton/fit.h"
#include "cunewton/small/batch_view.h"
#include "host/backend/thread_pool.h"

namespace cunewton {

using batch::BatchMethod;
using batch::BatchResults;
using batch::BatchView;
using batch::Rows;
using batch::RunResults;

/// The threads of one batch on the host, started when they are first needed.
class BatchThreads {
  public:
    explicit BatchThreads(int threads) : asked_(threads) {}
    /// As ThreadPool takes it.
    int asked() const { return asked_; }
    int count() const { return asked_ > 0 ? asked_ : usable_processors(); }
    ThreadPool& pool() {
        if (!pool_) pool_.emplace(asked_);
        return *pool_;
    }

  private:
    int asked_;
    std::optional<ThreadPool> pool_;
};

/// The same for all chunks of a batch. T is the arithmetic.
template <class T>
struct BatchTask {
    SmallKind kind;
    const cpu::SmallCode<T>* cpu;    ///< never null
    const cuda::SmallCode<T>* cuda;  ///< null: no GPU code
    int n;                           ///< parameters
    int coordinates;                 ///< of a point
    BatchMethod<T> method;
    /// What chunks have: arrays that are null here are null there, and one row for all is the one
    /// here. Nothing else is to be read through it.
    BatchView<T> view;
    bool hessians;  ///< wanted
    BatchThreads* threads;
    std::size_t memory_budget;
    /// Work on a GPU begins when what is queued there has been done. Null: at once.
    cuda::Stream stream = nullptr;
};

/// Solves chunks in the order in which they are begun. A chunk's memory is in use until it is
/// finished. Throws OutOfMemory, from begin() or finish(), if the machine has too little memory.
template <class T>
class BatchEngine {
  public:
    virtual ~BatchEngine() = default;
    virtual const char* name() const = 0;
    /// Problems that one chunk should have, at most `wanted` unless that is 0.
    virtual long chunk_size(long wanted) const = 0;
    /// Chunks that may be begun before the first is finished.
    virtual int slots() const = 0;
    /// What the engine takes for chunks of at most so many problems and points each, and how many
    /// of them there are.
    virtual MemoryNeeded memory(long problems, long points, long chunks) const = 0;
    /// Offsets and results are the host's; other arrays are too, unless the backend has a device
    /// and they are on that.
    virtual void begin(int slot, const BatchView<T>& chunk, const RunResults<T>& results) = 0;
    virtual void finish(int slot) = 0;
};

/// A batch whose data and results all are on the current device.
template <class T>
struct DeviceWork {
    BatchTask<T> task;  ///< its view is that of the data; there are no threads
    BatchResults<T> results;
};

/// The problems in the order of their sizes, large ones first: so those that are solved side by
/// side are alike. Empty where all have the same.
std::vector<int> order_by_size(const long* offsets, long problems);

}  // namespace cunewton
