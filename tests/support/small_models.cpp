#include "tests/support/small_models.h"

namespace cunewton::test {

#define CUNEWTON_TEST_DEFINE_FIT(Functor)          \
    FitModel small_model(const Functor& functor) { \
        FitModel model = make_fit_model(functor);  \
        add_device_code(model, functor);           \
        return model;                              \
    }
#define CUNEWTON_TEST_DEFINE_OBJECTIVE(Functor)               \
    SmallObjective small_model(const Functor& functor) {      \
        SmallObjective model = make_small_objective(functor); \
        add_device_code(model, functor);                      \
        return model;                                         \
    }
CUNEWTON_TEST_SMALL_FUNCTORS(CUNEWTON_TEST_DEFINE_FIT, CUNEWTON_TEST_DEFINE_OBJECTIVE)
#undef CUNEWTON_TEST_DEFINE_FIT
#undef CUNEWTON_TEST_DEFINE_OBJECTIVE

}  // namespace cunewton::test
