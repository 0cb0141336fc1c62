// Levenberg and Marquardt's method (Levenberg 1944; Marquardt 1963) in the trust-region form of
// More 1978: steps of H + shift S^2 with S the largest roots of the diagonal so far, whose shift
// gives them the length of a radius. While H is positive semidefinite, as a Gauss-Newton matrix is,
// such a step is the exact one of the trust region.
#include "host/minimize/trust_region.h"

namespace cunewton::solver {

template <class T>
Status levenberg_marquardt(Minimization<T>& run) {
    return within_trust_region(run, StepRule::exact);
}
template Status levenberg_marquardt(Minimization<double>&);
template Status levenberg_marquardt(Minimization<float>&);

}  // namespace cunewton::solver
