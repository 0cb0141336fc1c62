// Minimisation of one problem.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "cunewton/array.h"
#include "cunewton/options.h"
#include "cunewton/problem.h"

namespace cunewton {

/// Minimises the problem from x0 (n finite numbers). T is double or float.
///
/// Throws InvalidArgument for misuse (which a call is while a stream is being captured into a CUDA
/// graph, unless the CPU was asked for) and BackendUnavailable if a backend was named (in the
/// options or by CUNEWTON_BACKEND) that cannot run the problem here; passes on what the user's loss
/// or callback throws; OutOfMemory and DeviceError where no other backend may go on. All else is a
/// Status in the result, whose x is the best iterate.
template <class T>
Result<T> minimize(const Problem<T>& problem, const std::vector<T>& x0,
                   const Options& options = {});
extern template Result<double> minimize(const Problem<double>&, const std::vector<double>&,
                                        const Options&);
extern template Result<float> minimize(const Problem<float>&, const std::vector<float>&,
                                       const Options&);

/// What a callback sees that may ask for the iterate. Valid until it returns.
template <class T>
struct Iterate : IterationRecord {
    /// A copy of the n parameters. Those on a GPU are fetched, which waits for it: with a hundred
    /// thousand of them about as long as for a few numbers, with many millions longer than a step.
    std::function<std::vector<T>()> x;
    /// The same of the loss's n derivatives there.
    std::function<std::vector<T>()> gradient;
};
template <class T>
using IterateCallback = std::function<bool(const Iterate<T>&)>;

/// The same with a callback that may ask for the iterate. It is called as Options::callback is, and
/// after that where both are given.
template <class T>
Result<T> minimize(const Problem<T>& problem, const std::vector<T>& x0, const Options& options,
                   const std::type_identity_t<IterateCallback<T>>& callback);
extern template Result<double> minimize(const Problem<double>&, const std::vector<double>&,
                                        const Options&, const IterateCallback<double>&);
extern template Result<float> minimize(const Problem<float>&, const std::vector<float>&,
                                       const Options&, const IterateCallback<float>&);

/// The same, from and to arrays of the caller's, on the host or on a GPU: n numbers each, in a row
/// or in a column at any distance. The minimiser is in x when the call returns, and Result::x is
/// empty; x0 may be the same memory. Of a problem that runs on a GPU these are the only numbers
/// that leave it, once, beside those that a method decides by. `options` has to be named, if only
/// as {}.
template <class T>
Result<T> minimize(const Problem<T>& problem, const std::type_identity_t<Array<const T>>& x0,
                   const std::type_identity_t<Array<T>>& x, const Options& options);
extern template Result<double> minimize(const Problem<double>&, const Array<const double>&,
                                        const Array<double>&, const Options&);
extern template Result<float> minimize(const Problem<float>&, const Array<const float>&,
                                       const Array<float>&, const Options&);

/// What minimize(problem, x0, options) takes on the backend that would run it first, at most: tiles
/// are as large as DerivativeOptions::memory_budget allows, and if that is more than a device has
/// they are made smaller. Counted is what grows with the problem, with 64 KB on the host for all
/// else; the trace and what the loss or the callback allocates are not, nor what libraries keep for
/// themselves, such as threads' stacks, the CUDA context and the workspaces of BLAS, cuBLAS and
/// cuSOLVER. Allocates none of it. Throws as minimize() does.
template <class T>
MemoryNeeded memory_needed(const Problem<T>& problem, const Options& options = {});
extern template MemoryNeeded memory_needed(const Problem<double>&, const Options&);
extern template MemoryNeeded memory_needed(const Problem<float>&, const Options&);

/// Whether a backend can be used on this machine and why (not): "ready", "no CUDA device", ...
struct BackendStatus {
    std::string name;
    bool available;
    std::string reason;
};
/// All backends of this build in order of preference. Throws InvalidArgument while a stream is
/// being captured into a CUDA graph.
std::vector<BackendStatus> backends();

}  // namespace cunewton
