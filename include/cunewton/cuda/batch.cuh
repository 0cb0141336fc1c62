// Gives a user's own model or objective of small problems its GPU code. For a .cu file of the user,
// compiled by nvcc:
//
//     auto model = cunewton::make_fit_model(MyModel{});   // here or in a .cpp file
//     cunewton::cuda::attach_device_code<MyModel>(model);
#pragma once

#include "cunewton/cpp20.h"

#include <memory>

#include "cunewton/batch.h"
#include "cunewton/cuda/batch_ops.cuh"
#include "cunewton/functor_check.h"

namespace cunewton::cuda {

namespace detail {
/// Model: FitModel or SmallObjective.
template <cpu::BatchKind kind, class Functor, class Model>
void attach_batch_code(Model& model) {
    static_assert(probe::small_model<Functor>());
    auto parts = std::make_shared<BatchParts>(model.parts());
    const auto& functor = cunewton::detail::functor_as<Functor>(parts->functor);
    parts->cuda_double = probe::compiled<BatchOpsOf<double, Functor, kind>>(functor);
    parts->cuda_float = probe::compiled<BatchOpsOf<float, Functor, kind>>(functor);
    model = Model(std::move(parts), kind);
}
template <cpu::BatchKind kind, class Functor, class Model>
void attach_batch_code(Model& model, const Functor& witness) {
    cunewton::detail::require_same_functor(
        cunewton::detail::functor_as<Functor>(model.parts().functor), witness);
    attach_batch_code<kind, Functor>(model);
}
}  // namespace detail

/// Gives a model the GPU code of its own functor. Functor is the type that it was made from by
/// make_fit_model; what runs is the very functor that the model was made from. Copies of the model
/// made earlier stay without. Throws InvalidArgument, and changes nothing, if the model was made
/// from another type.
template <class Functor>
void attach_device_code(FitModel& model) {
    detail::attach_batch_code<cpu::BatchKind::fit, Functor>(model);
}
/// The same for make_small_objective.
template <class Functor>
void attach_device_code(SmallObjective& objective) {
    detail::attach_batch_code<cpu::BatchKind::objective, Functor>(objective);
}

/// The same, with the functor as a witness: throws InvalidArgument also if it can be told that it is
/// not the model's (by its ==, or by its bytes if those are its value). The model's own is what
/// runs.
template <class Functor>
void attach_device_code(FitModel& model, const Functor& functor) {
    detail::attach_batch_code<cpu::BatchKind::fit>(model, functor);
}
template <class Functor>
void attach_device_code(SmallObjective& objective, const Functor& functor) {
    detail::attach_batch_code<cpu::BatchKind::objective>(objective, functor);
}

}  // namespace cunewton::cuda
