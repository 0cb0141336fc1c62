// What BFGS and L-BFGS share: all but how the inverse Hessian is kept.
#pragma once

#include <functional>
#include <optional>

#include "host/minimize/methods.h"

namespace cunewton::solver {

/// An approximate inverse Hessian, positive definite, that learns from steps.
template <class T>
class InverseHessian {
  public:
    virtual ~InverseHessian() = default;
    /// A multiple of S^-2, or of the identity before S is known: no curvature has been met yet.
    virtual bool is_fresh() const = 0;
    virtual void restart() = 0;
    /// run.direction() = - this g; queued.
    virtual void direction() = 0;
    /// s = alpha direction() and y, the change of the gradient on the way to run.trial_g(): waits
    /// for what they are judged by.
    struct Pair {
        double sy;
        double y_norm;
    };
    virtual Pair measure(double alpha) = 0;
    /// Learns the pair of the last measure(), s'y > 0.
    virtual void update() = 0;
    /// Writes or reads it.
    virtual void pass(State<T>& state) = 0;
};

/// Line searches along the directions of `inverse`. Where the method believes to have arrived
/// `confirm` looks at second derivatives and returns the run's status, or nothing if the run goes
/// on; empty: they are not looked at. Who looks is part of what `inverse` passes, if it keeps
/// anything.
template <class T>
Status quasi_newton(Minimization<T>& run, InverseHessian<T>& inverse,
                    const std::function<std::optional<Status>()>& confirm);

}  // namespace cunewton::solver
