#include "host/minimize/methods.h"

namespace cunewton::solver {

template <class T>
Status run_method(Minimization<T>& run) {
    switch (run.options().method) {
        case Method::newton:
            return newton(run);
        case Method::trust_region:
            return trust_region(run);
        case Method::gradient_descent:
            return gradient_descent(run);
        case Method::bfgs:
            return bfgs(run);
    }
    throw InvalidArgument("method is unknown (not one of Method's values) choose one of them");
}
template Status run_method(Minimization<double>&);
template Status run_method(Minimization<float>&);

}  // namespace cunewton::solver
