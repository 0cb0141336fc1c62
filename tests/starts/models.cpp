#include "tests/starts/models.h"

namespace cunewton::test {

namespace {
template <class Model, class Functor>
Model with_device_code(Model model, [[maybe_unused]] const Functor& functor) {
#if CUNEWTON_WITH_CUDA
    add_starts_device_code(model, functor);
#endif
    return model;
}
}  // namespace

FitModel fenced_model() {
    return with_device_code(make_fit_model(FencedModel{}), FencedModel{});
}
SmallObjective fenced_objective() {
    return with_device_code(make_small_objective(FencedObjective{}), FencedObjective{});
}
FitModel guessed_line() {
    return with_device_code(make_fit_model(GuessedLine{}), GuessedLine{});
}
SmallObjective camel_objective() {
    return with_device_code(make_small_objective(CamelObjective{}), CamelObjective{});
}

}  // namespace cunewton::test
