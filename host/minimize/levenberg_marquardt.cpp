// The Levenberg-Marquardt method.
#include "host/minimize/methods.h"

namespace cunewton::solver {

template <class T>
Status levenberg_marquardt(Minimization<T>& run) {
    return trust_region(run);
}
template Status levenberg_marquardt(Minimization<double>&);
template Status levenberg_marquardt(Minimization<float>&);

}  // namespace cunewton::solver
