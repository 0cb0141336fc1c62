// Work that is queued again and again, as one launch.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "host/cuda/vectors.h"

namespace cunewton::cuda {

/// A sequence of launches that is queued many times with the same arguments: where the vectors can
/// capture it becomes a graph when it comes the second time in a row, and is one launch from then
/// on. The first time it is queued as it is, which loads its code: that cannot be done in a
/// capture. The last graphs are kept, for as many different arguments. Where a capture fails, as by
/// a cudaDeviceSynchronize() in another thread, no more are made. Key: all that the arguments
/// depend on, comparable.
template <class Key>
class RepeatedWork {
  public:
    /// Queues what queue() queues on the vectors' stream, which must not wait, allocate or change
    /// anything on the host.
    template <class T, class Queue>
    void run(const Key& key, const CudaVectors<T>& vectors, const Queue& queue) {
        if (!vectors.can_capture()) return queue();
        cudaGraphExec_t graph = nullptr;
        for (const Captured& captured : captured_)
            if (captured.key == key) graph = captured.graph.get();
        if (!graph) {
            const bool again = last_ == key;
            last_ = key;
            if (!again || !works_) return queue();
            OwnedGraphExec made = capture(vectors.stream(), queue);
            works_ = made != nullptr;
            // Should the device have failed, this tells.
            if (!works_) return queue();
            graph = made.get();
            // The oldest may be running: CUDA keeps it until it is through.
            if (captured_.size() == most) captured_.erase(captured_.begin());
            captured_.push_back({key, std::move(made)});
        }
        check(cudaGraphLaunch(graph, vectors.stream()), "a graph was not launched");
    }

  private:
    struct Captured {
        Key key;
        OwnedGraphExec graph;
    };
    static constexpr std::size_t most = 4;

    /// Null if the work cannot be captured.
    template <class Queue>
    static OwnedGraphExec capture(cudaStream_t stream, const Queue& queue) {
        if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess)
            return forget_error();
        bool queued = true;
        try {
            queue();
        } catch (const std::exception&) {
            queued = false;
        }
        cudaGraph_t captured = nullptr;
        const cudaError_t status = cudaStreamEndCapture(stream, &captured);
        const OwnedGraph graph(captured);
        cudaGraphExec_t executable = nullptr;
        if (!queued || status != cudaSuccess ||
            cudaGraphInstantiateWithFlags(&executable, graph.get(), 0) != cudaSuccess)
            return forget_error();
        return OwnedGraphExec(executable);
    }
    static OwnedGraphExec forget_error() {
        static_cast<void>(cudaGetLastError());
        return nullptr;
    }

    std::optional<Key> last_;         // that was queued as it is
    std::vector<Captured> captured_;  // oldest first
    bool works_ = true;
};

}  // namespace cunewton::cuda
