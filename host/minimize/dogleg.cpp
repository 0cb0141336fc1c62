// Powell's dogleg method (Powell 1970, "A hybrid method for nonlinear equations"): within the trust
// region, the path from the Cauchy point towards Newton's step, of one factorisation an iteration.
#include "host/minimize/trust_region.h"

namespace cunewton::solver {

template <class T>
Status dogleg(Minimization<T>& run) {
    return within_trust_region(run, StepRule::dogleg);
}
template Status dogleg(Minimization<double>&);
template Status dogleg(Minimization<float>&);

}  // namespace cunewton::solver
