// (Compiled in the user's file.) Built-in losses and models: their code is part of the library
// (builtin.inc), so that a program that uses them does not compile them again. Programs that
// compile at run time have no use for it: for them a declaration is nothing.
#pragma once

#include "cunewton/scalar/cpp20.h"

#if defined(__CUDACC_RTC__)

#define CUNEWTON_DECLARE_BUILTIN(Form, Functor)

#else

#include <concepts>
#include <memory>

namespace cunewton {

namespace cpu {
template <class T>
class PredictorCode;
template <class T>
class ResidualCode;
template <class T>
class SampleCode;
template <class T>
class SmallCode;
}  // namespace cpu
namespace cuda {
template <class T>
class PredictorCode;
template <class T>
class ResidualCode;
template <class T>
class SampleCode;
template <class T>
class SmallCode;
}  // namespace cuda

/// What a functor is used as, and the interfaces that its code then has.
namespace builtin {
template <template <class> class CpuCode, template <class> class CudaCode>
struct Form {
    template <class T>
    using Cpu = CpuCode<T>;
    template <class T>
    using Cuda = CudaCode<T>;
};
struct Predictor : Form<cpu::PredictorCode, cuda::PredictorCode> {};
struct Sample : Form<cpu::SampleCode, cuda::SampleCode> {};
struct Residual : Form<cpu::ResidualCode, cuda::ResidualCode> {};
struct Fit : Form<cpu::SmallCode, cuda::SmallCode> {};
struct Objective : Form<cpu::SmallCode, cuda::SmallCode> {};
}  // namespace builtin

/// Stands for a functor of exactly this type when the library's code for it is looked up: one that
/// is derived from a built-in one must not inherit that one's.
template <class Functor>
struct Exactly {
    const Functor& functor;
    template <class Other>
    requires std::same_as<Other, Functor>
    operator const Other&() const { return functor; }
};

/// Whether the library has the code of a functor in this form for T.
template <class Functor, class Form, class T>
concept Builtin = requires(const Exactly<Functor>& functor) {
    builtin_cpu_code(functor, Form(), T());
};

/// The functor's code for the CPU, and for the GPU: null in a library without CUDA.
#define CUNEWTON_DECLARE_BUILTIN(Form, Functor)                                                  \
    std::shared_ptr<const builtin::Form::Cpu<double>> builtin_cpu_code(const Functor&,           \
                                                                       builtin::Form, double);   \
    std::shared_ptr<const builtin::Form::Cpu<float>> builtin_cpu_code(const Functor&,            \
                                                                      builtin::Form, float);     \
    std::shared_ptr<const builtin::Form::Cuda<double>> builtin_cuda_code(const Functor&,         \
                                                                         builtin::Form, double); \
    std::shared_ptr<const builtin::Form::Cuda<float>> builtin_cuda_code(const Functor&,          \
                                                                        builtin::Form, float);

}  // namespace cunewton

#endif
