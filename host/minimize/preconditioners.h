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

/// The one that is planned, made anew when products have cost as much as making it does.
template <class T>
class PlannedPreconditioner {
  public:
    /// Uses the run as long as it lives.
    explicit PlannedPreconditioner(Minimization<T>& run)
        : run_(run),
          plan_(plan_preconditioner(run)),
          products_since_(plan_.at_once ? plan_.cost : 0) {}

    /// At a point where products have been prepared: looks whether it is time. True if get() has
    /// been made anew, or is null now. shift: that products with the Hessian get.
    bool update(double shift = 0);
    /// Products were taken.
    void count(long products) { products_since_ += static_cast<double>(products); }
    /// Null: there is none.
    Preconditioner<T>* get() const { return made_ ? preconditioner_.get() : nullptr; }
    PreconditionBy by() const { return plan_.by; }
    /// Writes or reads it; products() exist where there is one.
    void pass(State<T>& state);
    /// Whether a run begins without it.
    bool comes_later() const { return preconditioner_ && !plan_.at_once; }

  private:
    Minimization<T>& run_;
    PreconditionerPlan plan_;
    std::unique_ptr<Preconditioner<T>> preconditioner_;
    bool made_ = false;  ///< by the last update
    double products_since_;
};

/// Throws InvalidArgument if the options' are of no use for the arithmetic T.
template <class T>
void check_preconditioner(const Options& options);

}  // namespace cunewton::solver
