// Built-in losses and models: their code is part of the library (builtin.inc), so that a program
// that uses them does not compile them again.
#pragma once

#include "cunewton/cpp20.h"

#include <concepts>
#include <memory>

namespace cunewton {

namespace cpu {
template <class T>
class PredictorOps;
template <class T>
class SampleOps;
template <class T>
class BatchOps;
}  // namespace cpu
namespace cuda {
template <class T>
class PredictorOps;
template <class T>
class SampleOps;
template <class T>
class BatchOps;
}  // namespace cuda

/// What a functor is used as, and the interfaces that its code then has.
namespace builtin {
template <template <class> class CpuOps, template <class> class CudaOps>
struct Form {
    template <class T>
    using Cpu = CpuOps<T>;
    template <class T>
    using Cuda = CudaOps<T>;
};
struct Predictor : Form<cpu::PredictorOps, cuda::PredictorOps> {};
struct Sample : Form<cpu::SampleOps, cuda::SampleOps> {};
struct Fit : Form<cpu::BatchOps, cuda::BatchOps> {};
struct Objective : Form<cpu::BatchOps, cuda::BatchOps> {};
}  // namespace builtin

/// Stands for a functor of exactly this type when the library's code for it is looked up: one that is
/// derived from a built-in one must not inherit that one's.
template <class Functor>
struct Exactly {
    const Functor& functor;
    template <class Other>
        requires std::same_as<Other, Functor>
    operator const Other&() const {
        return functor;
    }
};

/// Whether the library has the code of a functor in this form for T.
template <class Functor, class Form, class T>
concept Builtin =
    requires(const Exactly<Functor>& functor) { builtin_cpu_ops(functor, Form(), T()); };

/// The functor's code for the CPU, and for the GPU: null in a library without CUDA.
#define CUNEWTON_DECLARE_BUILTIN(Form, Functor)                                               \
    std::shared_ptr<const builtin::Form::Cpu<double>> builtin_cpu_ops(const Functor&,         \
                                                                      builtin::Form, double); \
    std::shared_ptr<const builtin::Form::Cpu<float>> builtin_cpu_ops(const Functor&,          \
                                                                     builtin::Form, float);   \
    std::shared_ptr<const builtin::Form::Cuda<double>> builtin_cuda_ops(                      \
        const Functor&, builtin::Form, double);                                               \
    std::shared_ptr<const builtin::Form::Cuda<float>> builtin_cuda_ops(const Functor&,        \
                                                                       builtin::Form, float);

}  // namespace cunewton
