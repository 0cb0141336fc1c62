#include "tests/nist/nist_models.h"

#include <stdexcept>

#include "tests/nist/nist.h"

namespace cunewton::test {

namespace {
template <class Model>
const FitModel& shared_model([[maybe_unused]] const std::string& problem) {
    static const FitModel model = [&] {
        FitModel made = make_fit_model(Model{});
#if CUNEWTON_WITH_CUDA
        add_nist_device_code(made, problem);
#endif
        return made;
    }();
    return model;
}
}  // namespace

FitModel nist_model(const std::string& problem) {
#define CUNEWTON_TEST_MODEL(name, Model) \
    if (problem == name) return shared_model<nist::Model>(problem);
    CUNEWTON_TEST_NIST_PROBLEMS(CUNEWTON_TEST_MODEL)
#undef CUNEWTON_TEST_MODEL
    throw std::invalid_argument("no NIST problem is called " + problem);
}

}  // namespace cunewton::test
