// From one backend to the next: the one place that decides what a failure means for the job.
#pragma once

#include <stdexcept>
#include <string>

#include "cunewton/error.h"
#include "host/backend/choice.h"

namespace cunewton {

/// Whether another backend may do what failed on this one: it had too little memory, no code for
/// its device, or a device that fails. Everything else is the caller's: misuse, and what the
/// caller's own functions throw.
inline bool is_backend_failure(const std::exception& error) {
    return dynamic_cast<const OutOfMemory*>(&error) ||
           dynamic_cast<const BackendUnavailable*>(&error) ||
           dynamic_cast<const DeviceError*>(&error);
}

/// job(entry, how_far) on the first of the candidates that does not fail, and what it returns. A
/// job that fails leaves what it has done where the next one finds it, and may say in `how_far` how
/// much that is ("gave up after 3 iterations"). `reason` tells why the backend that ran did. Throws
/// what the last candidate throws, and whatever is no backend's failure.
template <class Job>
auto run_on_first(const Candidates& candidates, std::string& reason, const Job& job) {
    reason = candidates.reason;
    for (std::size_t c = 0;; ++c) {
        const BackendEntry& entry = *candidates.entries[c];
        std::string how_far;
        try {
            return job(entry, how_far);
        } catch (const std::exception& error) {
            if (c + 1 == candidates.entries.size() || !is_backend_failure(error)) throw;
            reason = entry.name + (how_far.empty() ? how_far : " " + how_far) + ": " + error.what();
        }
    }
}

}  // namespace cunewton
