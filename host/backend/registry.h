// The ordered list of backends, the choice among them and the reason for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cunewton/minimize.h"
#include "host/backend/backend.h"
#include "host/backend/batch_engine.h"

namespace cunewton {

/// What a probe found.
struct Probe {
    bool available;
    std::string reason;  ///< "ready (NVIDIA H100)", "no CUDA device (cudaErrorNoDevice: ...)"
};

struct SessionOptions {
    DerivativeOptions derivatives;
    int threads = 0;
};

/// One backend of this build. Functions are called on the caller's thread.
struct BackendEntry {
    BackendChoice choice;
    const char* name;
    Probe (*probe)();
    bool (*runs_double)(const Problem<double>&);
    bool (*runs_float)(const Problem<float>&);
    Session<double> (*open_double)(const Problem<double>&, const SessionOptions&);
    Session<float> (*open_float)(const Problem<float>&, const SessionOptions&);
    bool (*runs_batch)(const BatchParts&);
    std::unique_ptr<BatchEngine<double>> (*open_batch_double)(const BatchTask<double>&);
    std::unique_ptr<BatchEngine<float>> (*open_batch_float)(const BatchTask<float>&);
};

/// Best first; the CPU is always the last.
const std::vector<BackendEntry>& registry();

}  // namespace cunewton
