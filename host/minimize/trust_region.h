// The methods that bound their steps and differ in how they make one.
#pragma once

#include "host/minimize/methods.h"

namespace cunewton::solver {

enum class StepRule {
    exact,   ///< the minimiser of the model within the radius
    dogleg,  ///< on the path by the Cauchy point to Newton's step
};

/// Runs the method that has this rule.
template <class T>
Status within_trust_region(Minimization<T>& run, StepRule rule);

}  // namespace cunewton::solver
