// Which backend runs a problem: the user's choice, the environment, the probes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host/backend/registry.h"

namespace cunewton {

/// The backends to try, in order, and the reason for the first of them.
struct Candidates {
    std::vector<const BackendEntry*> entries;  ///< more than one only if the choice was automatic
    std::string reason;
};

/// The backend that the caller names, or else CUNEWTON_BACKEND. Throws InvalidArgument for an
/// unknown name.
BackendChoice asked_backend(BackendChoice choice);

/// `automatic` consults CUNEWTON_BACKEND first. Throws BackendUnavailable if the named backend is
/// not in this build, not usable on this machine or has no code for the problem, and
/// InvalidArgument for an unknown name.
Candidates choose_backends(BackendChoice choice,
                           const std::function<bool(const BackendEntry&)>& has_code);
template <class T>
Candidates choose_backends(const Problem<T>& problem, BackendChoice choice);

/// What ranks that share a problem must have in common to take the same steps. Keeps the first of
/// the candidates alone: one rank cannot go on elsewhere.
std::vector<Common> common_options(const DerivativeOptions& options, Candidates& candidates);

/// Throws InvalidArgument unless the options are usable for n parameters.
template <class T>
void check_derivative_options(const DerivativeOptions& options, int n);

}  // namespace cunewton
