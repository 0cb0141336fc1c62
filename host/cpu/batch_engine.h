// Batches on the CPU: problems in SIMD lanes, lanes in threads.
#pragma once

#include <memory>

#include "host/backend/batch_engine.h"

namespace cunewton::cpu {

template <class T>
std::unique_ptr<BatchEngine<T>> open_batch(const BatchTask<T>& task);

}  // namespace cunewton::cpu
