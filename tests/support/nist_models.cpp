#include "tests/support/nist_models.h"

#include <stdexcept>

#include "tests/support/nist.h"

namespace cunewton::test {

namespace {
template <class Model>
const FitModel& shared_model() {
    static const FitModel model = make_fit_model(Model{});
    return model;
}
}  // namespace

FitModel nist_model(const std::string& problem) {
#define CUNEWTON_TEST_MODEL(name, Model) \
    if (problem == name) return shared_model<nist::Model>();
    CUNEWTON_TEST_NIST_PROBLEMS(CUNEWTON_TEST_MODEL)
#undef CUNEWTON_TEST_MODEL
    throw std::invalid_argument("no NIST problem is called " + problem);
}

}  // namespace cunewton::test
