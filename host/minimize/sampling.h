// What methods that take steps on samples of a sum share: gradients there, and the loop over
// passes, after each of which all samples tell what it has brought.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "host/backend/sample_order.h"
#include "host/minimize/methods.h"

namespace cunewton::solver {

/// A method that takes steps on samples.
template <class T>
class SampledMethod {
  public:
    virtual ~SampledMethod() = default;
    /// Samples of the next step.
    virtual long size() const = 0;
    /// Moves the point x by a step on these samples, which it selects. False if something is not
    /// finite.
    virtual bool step(std::span<const long> samples, T* x) = 0;
    /// What stands as IterationRecord::step_length.
    virtual double step_length() const = 0;
    /// What stands as IterationRecord::shift.
    virtual double shift() const { return 0; }
    /// Passes that may end above the lowest loss so far before that is gone back to.
    virtual int patience() const { return 0; }
    /// From here on more carefully, from another point.
    virtual void slow_down() = 0;
    /// Writes or reads what it keeps from step to step.
    virtual void pass(State<T>& state) = 0;
};

/// Samples of a step by Options::sampling, where the method's own number is `otherwise`.
template <class T>
long sample_size(Minimization<T>& run, long otherwise);

/// g = gradient, f = loss of these samples at x, which are selected and counted. False if that is
/// known not to be finite: on a device numbers are waited for at the end of a pass alone, which
/// tells as well.
template <class T>
bool sampled_gradient(Minimization<T>& run, std::span<const long> samples, const T* x, T* g,
                      Scalar f);

/// Passes over the samples until the test for a minimum is met or a limit is: an iteration each, at
/// whose end the loss and its gradient are those of all samples. Where they do not lower the loss
/// the lowest point is gone back to, and in the end it is the iterate. `until`: ends as soon as it
/// is true, with no status.
template <class T>
std::optional<Status> run_passes(Minimization<T>& run, SampledMethod<T>& method,
                                 const std::function<bool()>& until = {});

/// The same, to its end.
template <class T>
Status run_sampled(Minimization<T>& run, SampledMethod<T>& method) {
    return *run_passes(run, method);
}

}  // namespace cunewton::solver
