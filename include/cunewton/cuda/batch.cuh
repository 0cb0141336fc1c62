// Gives a user's own model or objective of small problems its GPU code. For a .cu file of the user,
// compiled by nvcc:
//
//     auto model = cunewton::make_fit_model(MyModel{});   // here or in a .cpp file
//     cunewton::cuda::attach_device_code(model, MyModel{});
#pragma once

#include <memory>

#include "cunewton/batch.h"
#include "cunewton/cuda/batch_ops.cuh"

namespace cunewton::cuda {

namespace detail {
template <cpu::BatchKind kind, class Functor>
void attach_batch_code(BatchModel& model, const Functor& functor) {
    if (model.parameters() != Functor::parameters || model.coordinates() != Functor::coordinates)
        throw InvalidArgument("device code of another model (it has " +
                              std::to_string(Functor::parameters) + " parameters and " +
                              std::to_string(Functor::coordinates) +
                              " coordinates) pass the functor that the model was made from");
    model.parts().cuda_double = std::make_shared<BatchOpsOf<double, Functor, kind>>(functor);
    model.parts().cuda_float = std::make_shared<BatchOpsOf<float, Functor, kind>>(functor);
}
}  // namespace detail

/// Adds the GPU code of `functor` to the model that was made from it by make_fit_model; all copies
/// of the model have it. Throws InvalidArgument if the model has other sizes.
template <class Model>
void attach_device_code(FitModel& model, const Model& functor) {
    detail::attach_batch_code<cpu::BatchKind::fit>(model, functor);
}
/// The same for make_small_objective.
template <class Objective>
void attach_device_code(SmallObjective& objective, const Objective& functor) {
    detail::attach_batch_code<cpu::BatchKind::objective>(objective, functor);
}

}  // namespace cunewton::cuda
