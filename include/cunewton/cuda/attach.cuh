// Gives a user's own loss, model, small objective or elements their GPU code. For a .cu file of the
// user, compiled by nvcc:
//
//     auto problem = cunewton::make_objective<double>(MyLoss{0.5}, n);   // here or in a .cpp file
//     cunewton::cuda::attach_device_code<MyLoss>(problem);
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <memory>

#include "cunewton/cuda/code_of.cuh"
#include "cunewton/cuda/element_code_of.cuh"
#include "cunewton/cuda/residual_code_of.cuh"
#include "cunewton/cuda/small_code_of.cuh"
#include "cunewton/fit.h"
#include "cunewton/functor/check.h"
#include "cunewton/problem.h"

namespace cunewton::cuda {

namespace detail {
template <class T, class Loss>
concept ObjectiveLoss = requires(const Loss& l, const ParametersView<Loss, VectorView<const T>> x) {
    l(x);
};
template <class Loss>
concept PredictorLoss = requires(const Loss& l) {
    l.outputs();
};

inline void check_form(bool matches, const char* made_by) {
    if (!matches)
        throw InvalidArgument(std::string("device code of another form of loss (this loss belongs "
                                          "to a problem from ") +
                              made_by + ") pass the loss that the problem was made from");
}
/// Model: FitModel or SmallObjective.
template <SmallKind kind, class Functor, class Model>
void attach_batch_code(Model& model) {
    static_assert(probe::small_model<Functor>());
    const std::shared_ptr<BatchParts> parts = std::make_shared<BatchParts>(model.parts());
    const auto& functor = cunewton::detail::functor_as<Functor>(parts->functor);
    using cunewton::detail::CompiledIn;
    if constexpr (CompiledIn<Functor, double>)
        parts->in<double>().cuda = probe::compiled<SmallCodeOf<double, Functor, kind>>(functor);
    if constexpr (CompiledIn<Functor, float>)
        parts->in<float>().cuda = probe::compiled<SmallCodeOf<float, Functor, kind>>(functor);
    model = Model(parts, kind);
}
template <SmallKind kind, class Functor, class Model>
void attach_batch_code(Model& model, const Functor& witness) {
    cunewton::detail::require_same_functor(
        cunewton::detail::functor_as<Functor>(model.parts().functor), witness);
    attach_batch_code<kind, Functor>(model);
}
}  // namespace detail

/// Gives a problem the GPU code of its own loss. Loss is the type that it was made from by
/// make_objective, make_sample_sum or make_linear_predictor; what runs is the very functor that the
/// problem was made from. Copies of the problem made earlier stay without. Throws InvalidArgument,
/// and changes nothing, if the problem was made from a loss of another type or in another form.
template <class Loss, class T>
void attach_device_code(Problem<T>& problem) {
    auto parts = std::make_shared<ProblemParts<T>>(problem.parts());
    if (std::holds_alternative<ElementSum<T>>(parts->form))
        throw InvalidArgument(
            "device code of a sum of elements (each kind has its own) give it to what "
            "make_elements() returns, and make the sum of that");
    if (std::holds_alternative<ResidualSum<T>>(parts->form))
        throw InvalidArgument(
            "device code of a loss (the problem was made from residuals) use "
            "cuda::attach_residual_code");
    auto* const sum = std::get_if<SampleSum<T>>(&parts->form);
    auto* const predictor = std::get_if<LinearPredictor<T>>(&parts->form);
    const auto functor = [](const auto& form) -> const Loss& {
        return cunewton::detail::functor_as<Loss>(form.code.functor);
    };
    if constexpr (detail::ObjectiveLoss<T, Loss>) {
        static_assert(probe::objective<Loss>());
        detail::check_form(sum && sum->objective, "make_objective");
        using Sample = cpu::ObjectiveAsSample<Loss>;
        sum->code.cuda = probe::compiled<SampleCodeOf<T, Sample>>(Sample{functor(*sum)});
    } else if constexpr (detail::PredictorLoss<Loss>) {
        static_assert(probe::predictor_loss<Loss>());
        detail::check_form(predictor, "make_linear_predictor");
        predictor->code.cuda = probe::compiled<PredictorCodeOf<T, Loss>>(functor(*predictor));
    } else {
        static_assert(probe::sample_loss<Loss>());
        detail::check_form(sum && !sum->objective, "make_sample_sum");
        using Sample = cpu::SampleLoss<Loss>;
        sum->code.cuda = probe::compiled<SampleCodeOf<T, Sample>>(Sample{functor(*sum)});
    }
    problem = Problem<T>(std::move(parts));
}

/// The same, with the loss as a witness: throws InvalidArgument also if it can be told that it is
/// not the problem's (by its ==, or by its bytes if those are its value). The problem's own is what
/// runs.
template <class T, class Loss>
void attach_device_code(Problem<T>& problem, const Loss& loss) {
    Problem<T> attached = problem;
    attach_device_code<Loss>(attached);
    std::visit(
        [&](const auto& form) {
            if constexpr (requires { form.code.functor; })
                cunewton::detail::require_same_functor(
                    cunewton::detail::functor_as<Loss>(form.code.functor), loss);
        },
        problem.parts().form);
    problem = attached;
}

/// Gives a problem made by make_residuals or make_curve_fit the GPU code of its functor. Functor is
/// the type that it was made from, of a curve the model. Otherwise as attach_device_code().
template <class Functor, class T>
void attach_residual_code(Problem<T>& problem) {
    auto parts = std::make_shared<ProblemParts<T>>(problem.parts());
    auto* const form = std::get_if<ResidualSum<T>>(&parts->form);
    detail::check_form(form, "make_residuals or make_curve_fit");
    const auto attach = [&]<class Residual>(std::type_identity<Residual>) {
        form->code.cuda = probe::compiled<ResidualCodeOf<T, Residual>>(
            cunewton::detail::functor_as<Residual>(form->code.functor));
    };
    // A model has coordinates, and residuals have none.
    if constexpr (requires { Functor::coordinates; })
        attach(std::type_identity<CurveResidual<Functor>>());
    else
        attach(std::type_identity<Functor>());
    problem = Problem<T>(std::move(parts));
}

/// Gives elements of a sum the GPU code of their own functor, before the sum is made: problems made
/// of them earlier stay without. Element is the type that make_elements() was given. Throws
/// InvalidArgument, and changes nothing, if it was another one.
template <class Element, class T>
void attach_device_code(Elements<T>& elements) {
    static_assert(probe::element<Element>());
    using Wrapped = cpu::ElementWithData<Element>;
    elements.code.cuda = probe::compiled<ElementCodeOf<T, Wrapped>>(
        Wrapped{cunewton::detail::functor_as<Element>(elements.code.functor)});
}
/// The same, with the element as a witness.
template <class T, class Element>
void attach_device_code(Elements<T>& elements, const Element& element) {
    cunewton::detail::require_same_functor(
        cunewton::detail::functor_as<Element>(elements.code.functor), element);
    attach_device_code<Element>(elements);
}

/// Gives a model the GPU code of its own functor. Functor is the type that it was made from by
/// make_fit_model; what runs is the very functor that the model was made from. Copies of the model
/// made earlier stay without. Throws InvalidArgument, and changes nothing, if the model was made
/// from another type.
template <class Functor>
void attach_device_code(FitModel& model) {
    detail::attach_batch_code<SmallKind::fit, Functor>(model);
}
/// The same for make_small_objective.
template <class Functor>
void attach_device_code(SmallObjective& objective) {
    detail::attach_batch_code<SmallKind::objective, Functor>(objective);
}

/// The same, with the functor as a witness: throws InvalidArgument also if it can be told that it
/// is not the model's (by its ==, or by its bytes if those are its value). The model's own is what
/// runs.
template <class Functor>
void attach_device_code(FitModel& model, const Functor& functor) {
    detail::attach_batch_code<SmallKind::fit>(model, functor);
}
template <class Functor>
void attach_device_code(SmallObjective& objective, const Functor& functor) {
    detail::attach_batch_code<SmallKind::objective>(objective, functor);
}

}  // namespace cunewton::cuda
