// GPU code of the functors of models.h.
#include "cunewton/cuda/attach.cuh"
#include "tests/starts/models.h"

namespace cunewton::test {

void add_starts_device_code(FitModel& model, const FencedModel& functor) {
    cuda::attach_device_code(model, functor);
}
void add_starts_device_code(SmallObjective& model, const FencedObjective& functor) {
    cuda::attach_device_code(model, functor);
}
void add_starts_device_code(FitModel& model, const GuessedLine& functor) {
    cuda::attach_device_code(model, functor);
}
void add_starts_device_code(SmallObjective& model, const CamelObjective& functor) {
    cuda::attach_device_code(model, functor);
}

}  // namespace cunewton::test
