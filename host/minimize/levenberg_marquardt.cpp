// Levenberg and Marquardt's method (Levenberg 1944; Marquardt 1963): steps of H + shift S^2 with S
// the largest roots of the diagonal so far (More 1978), whose shift falls and rises with the ratio
// of actual to predicted decrease (Nielsen 1999, "Damping parameter in Marquardt's method"). Once
// the shift does not matter it is zero, so that convergence is Newton's.
#include "host/minimize/trust_region.h"

namespace cunewton::solver {

template <class T>
Status levenberg_marquardt(Minimization<T>& run) {
    return within_trust_region(run, StepRule::damped);
}
template Status levenberg_marquardt(Minimization<double>&);
template Status levenberg_marquardt(Minimization<float>&);

}  // namespace cunewton::solver
