#pragma once

#include "cunewton/fit.h"
#include "tests/support/small_functors.h"

// The functors of small_functors.h as models and objectives with their CPU code, which
// small_models.cpp holds, and, in a build with CUDA, their GPU code, which a .cu file holds.
namespace cunewton::test {

#define CUNEWTON_TEST_DECLARE_FIT(Functor) FitModel small_model(const Functor& functor);
#define CUNEWTON_TEST_DECLARE_OBJECTIVE(Functor) SmallObjective small_model(const Functor& functor);
CUNEWTON_TEST_SMALL_FUNCTORS(CUNEWTON_TEST_DECLARE_FIT, CUNEWTON_TEST_DECLARE_OBJECTIVE)
#undef CUNEWTON_TEST_DECLARE_FIT
#undef CUNEWTON_TEST_DECLARE_OBJECTIVE

#if CUNEWTON_WITH_CUDA
#define CUNEWTON_TEST_DECLARE_FIT(Functor) \
    void add_device_code(FitModel& model, const Functor& functor);
#define CUNEWTON_TEST_DECLARE_OBJECTIVE(Functor) \
    void add_device_code(SmallObjective& model, const Functor& functor);
CUNEWTON_TEST_SMALL_FUNCTORS(CUNEWTON_TEST_DECLARE_FIT, CUNEWTON_TEST_DECLARE_OBJECTIVE)
#undef CUNEWTON_TEST_DECLARE_FIT
#undef CUNEWTON_TEST_DECLARE_OBJECTIVE
#else
template <class Functor>
void add_device_code(BatchModel&, const Functor&) {}
#endif

}  // namespace cunewton::test
