#include "host/minimize/methods.h"

#include "cunewton/error.h"

namespace cunewton::solver {

namespace {
[[noreturn]] void reject() {
    throw InvalidArgument("method is unknown (not one of Method's values) choose one of them");
}
}  // namespace

template <class T>
Status run_method(Minimization<T>& run) {
    switch (run.options().method) {
#define CUNEWTON_METHOD(name, matrices) \
    case Method::name:                  \
        return name(run);
#include "cunewton/methods.inc"
#undef CUNEWTON_METHOD
    }
    reject();
}
template Status run_method(Minimization<double>&);
template Status run_method(Minimization<float>&);

int matrices_of(Method method) {
    switch (method) {
#define CUNEWTON_METHOD(name, matrices) \
    case Method::name:                  \
        return matrices;
#include "cunewton/methods.inc"
#undef CUNEWTON_METHOD
    }
    reject();
}

}  // namespace cunewton::solver
