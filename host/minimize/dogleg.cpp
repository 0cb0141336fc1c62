// The dogleg method.
#include "host/minimize/methods.h"

namespace cunewton::solver {

template <class T>
Status dogleg(Minimization<T>& run) {
    return trust_region(run);
}
template Status dogleg(Minimization<double>&);
template Status dogleg(Minimization<float>&);

}  // namespace cunewton::solver
