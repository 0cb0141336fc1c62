// The ordered list of backends, the choice among them and the reason for it.
#pragma once

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "cunewton/minimize.h"
#include "host/backend/batch_engine.h"
#include "host/backend/evaluator.h"

namespace cunewton {

/// What a probe found.
struct Probe {
    bool available;
    std::string reason;  ///< "ready (NVIDIA H100)", "no CUDA device (cudaErrorNoDevice: ...)"
};

struct SessionOptions : Execution {
    DerivativeOptions derivatives{};
    bool cuda_graphs = false;  ///< Options::cuda_graphs; only minimisations have it
};
/// Of the options of a call.
template <class Options>
SessionOptions session_options(const Options& options) {
    SessionOptions session;
    static_cast<Execution&>(session) = options;
    session.derivatives = options.derivatives;
    if constexpr (requires { options.cuda_graphs; }) session.cuda_graphs = options.cuda_graphs;
    return session;
}

/// What a backend does with problems and batches in the arithmetic T.
template <class T>
struct BackendCode {
    bool (*runs)(const Problem<T>&);
    Capabilities (*capabilities)(const Problem<T>&);  ///< of a problem that it runs
    Session<T> (*open)(const Problem<T>&, const SessionOptions&);
    /// What a session takes for this work, at most. Throws as open() does.
    MemoryNeeded (*session_memory)(const Problem<T>&, const SessionOptions&, const SessionWork&);
    std::unique_ptr<BatchEngine<T>> (*open_batch)(const BatchTask<T>&);
    /// Queues a batch on its task's stream and returns; null: the backend has no device. Throws as
    /// BatchEngine::begin(), and BackendUnavailable if the model has no code.
    void (*queue_batch)(const DeviceWork<T>&) = nullptr;
    /// Bytes on the device that queue_batch() takes.
    std::size_t (*queue_memory)(const DeviceWork<T>&) = nullptr;
};

/// One backend of this build. Functions are called on the caller's thread.
struct BackendEntry {
    const char* name;
    Probe (*probe)();
    bool (*runs_batch)(const BatchParts&);
    std::tuple<BackendCode<double>, BackendCode<float>> codes;

    template <class T>
    const BackendCode<T>& code() const {
        return std::get<BackendCode<T>>(codes);
    }
};

/// Best first; the CPU is always the last.
const std::vector<BackendEntry>& registry();
/// Names of backends that other builds of this library have.
const std::vector<std::string>& names_left_out();
/// The same list, for tests that put backends of their own into it.
std::vector<BackendEntry>& mutable_registry();

}  // namespace cunewton
