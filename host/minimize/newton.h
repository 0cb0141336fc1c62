// One iteration of Newton's method, and what it finds where the test for a minimum is met: shared
// by the method itself and by those that only confirm their end by it.
#pragma once

#include <optional>

#include "host/minimize/methods.h"

namespace cunewton::solver {

template <class T>
class Newton {
  public:
    explicit Newton(Minimization<T>& run) : run_(run) {}

    Status minimize() {
        for (;;) {
            run_.at_iteration([&](State<T>& state) { pass(state); });
            if (const std::optional<Status> status = iterate(true)) return *status;
        }
    }
    /// Examines a point that another method takes for a minimum: nothing if it is none, where the
    /// run may have moved to a lower point. A few steps tell whether the loss falls towards
    /// infinity.
    std::optional<Status> confirm();
    /// What follows where the test is met at x by the decrement: the run's status, or nothing if it
    /// goes on from another point. `trial` is the full step, by the last factor.
    std::optional<Status> settle(double decrement, const Trial& trial);
    void pass(State<T>& state) {
        state(last_shift_, last_step_, decrement_, last_decrement_, trusted_, confirmations_,
              plateaus_, refinements_, refined_);
    }

  private:
    /// One step, or, without `steps`, only where the test is met: then left() tells.
    std::optional<Status> iterate(bool steps);
    /// A quarter of an iteration: the last factor and the gradient here, where convergence is
    /// quadratic and the test is about to be met.
    std::optional<Status> chord();
    std::optional<Status> accept(const Trial& trial, double shift);

    /// Whether another step is worth its evaluation, where the test is met by this decrement and a
    /// step has changed the gradient's size by this ratio: by a Gauss-Newton matrix, or where the
    /// test has become weak. Counts it.
    bool refines(double decrement, double ratio);

    Minimization<T>& run_;
    double last_shift_ = 0, last_step_ = 0, decrement_ = -1, last_decrement_ = -1;
    bool trusted_ = false;  ///< the last factor was that of a regular matrix, near enough to here
    bool left_ = false;     ///< not at a minimum
    double refined_ = 0;    ///< the decrement at the last of the refinements
    int confirmations_ = 0, plateaus_ = 0, refinements_ = 0;
};

}  // namespace cunewton::solver
