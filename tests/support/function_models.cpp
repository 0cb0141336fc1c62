#include "tests/support/function_models.h"

namespace cunewton::test {

#if CUNEWTON_WITH_CUDA
#define CUNEWTON_TEST_ATTACH add_device_code(model, functor);
#else
#define CUNEWTON_TEST_ATTACH
#endif
#define CUNEWTON_TEST_DEFINE(Functor)                 \
    FitModel function_model(const Functor& functor) { \
        FitModel model = make_fit_model(functor);     \
        CUNEWTON_TEST_ATTACH                          \
        return model;                                 \
    }
CUNEWTON_TEST_FUNCTION_MODELS(CUNEWTON_TEST_DEFINE)
#undef CUNEWTON_TEST_DEFINE
#undef CUNEWTON_TEST_ATTACH

}  // namespace cunewton::test
