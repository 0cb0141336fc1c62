// Which preconditioner a minimisation is to have, and what makes it.
#pragma once

#include <memory>

#include "host/minimize/minimization.h"

namespace cunewton::solver {

struct PreconditionerPlan {
    PreconditionBy by = PreconditionBy::none;  ///< never `automatic`
    double cost = 0;                           ///< of making it, in products
    bool at_once = false;                      ///< not only when products have cost as much
};
/// What the options ask for, if there is such a thing.
template <class T>
PreconditionerPlan plan_preconditioner(Minimization<T>& run);

/// The one that is planned, which uses the run as long as it lives; products have been prepared.
template <class T>
std::unique_ptr<Preconditioner<T>> make_preconditioner(Minimization<T>& run, PreconditionBy by);

/// Throws InvalidArgument if the options' are of no use for the arithmetic T.
template <class T>
void check_preconditioner(const Options& options);

}  // namespace cunewton::solver
