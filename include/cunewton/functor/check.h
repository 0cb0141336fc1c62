// (Compiled in the user's file.) Says in one error message what is wrong with a functor, before its
// code is compiled for every kind of scalar: there the same mistake is hundreds of lines.
//
// The functor is called, where nothing runs, with a Probe: a scalar that has every operation of the
// library's scalars, and a conversion that they do not have: to a number. Whoever needs that
// conversion would lose the derivatives, and meets a static_assert. It stands in the conversion's
// noexcept(), which compilers look at where the conversion is used, so that the message names the
// line.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <concepts>
#include <memory>
#include <stdexcept>
#include <type_traits>

#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/parameters.h"
#include "cunewton/scalar/scalar.h"
#include "cunewton/scalar/views.h"

namespace cunewton::probe {

// Compilers go on after a failed static_assert. g++ and clang++ stop when templates nest too
// deeply; nvcc does not, and there a mistake is noted, by a function that exists from then on, so
// that the functor's code can be left out.
#if defined(__CUDACC__)
struct Note {};
constexpr auto mistake_noted(Note);
template <class T>
struct Mistake {
    friend constexpr auto mistake_noted(Note) { return true; }
};
template <class T, int>
struct TheErrorIsAbove : Mistake<typename std::conditional<true, int, T>::type> {
    static constexpr bool value = true;
};
template <class Functor>
struct NoteFor : Note {};
/// Whether a functor is to be compiled, after its check.
template <class Functor>
inline constexpr bool may_compile = !requires {
    mistake_noted(NoteFor<Functor>());
};
#else
template <class T, int depth>
struct TheErrorIsAbove : TheErrorIsAbove<T, depth + 1> {};
template <class Functor>
inline constexpr bool may_compile = true;
#endif

template <class T>
struct NumberRule {
    static_assert(
        !std::same_as<T, T>,
        "cunewton: the functor makes a plain number of a scalar, as `double s = x[0]`, "
        "std::exp(x[0]) and std::pow(x[0], 2.0) do, and would lose the derivatives. Write "
        "cunewton::scalar_t<X> or auto for double, and call functions without std:: after "
        "`using namespace cunewton::math;` (docs/guide.md, Writing a loss, rules 1 and 2)");
};
template <class T>
struct BranchRule {
    static_assert(
        !std::same_as<T, T>,
        "cunewton: the functor branches on the value of a scalar, by if, ?:, while or a "
        "function like std::max, but a scalar may be many lanes that differ. Choose with "
        "select(condition, a, b), maximum(a, b) or minimum(a, b) (docs/guide.md, Writing a "
        "loss, rule 3)");
};
template <class T>
struct UsedAsNumber : NumberRule<T>, TheErrorIsAbove<T, 0> {};
template <class T>
struct UsedAsBool : BranchRule<T>, TheErrorIsAbove<T, 0> {};

/// Templates, so that their conversions are not looked at before they are used.
template <class T>
class BasicMask {
  public:
    CUNEWTON_HOST_DEVICE explicit operator bool() const noexcept(UsedAsBool<T>::value) {
        return false;
    }
};
template <class T>
class BasicProbe {
  public:
    BasicProbe() = default;
    template <class Number>
    requires std::is_arithmetic_v<Number> CUNEWTON_HOST_DEVICE BasicProbe(Number) {}
    CUNEWTON_HOST_DEVICE operator double() const noexcept(UsedAsNumber<T>::value) { return 0; }
    CUNEWTON_HOST_DEVICE BasicProbe operator-() const { return {}; }
};
using Mask = BasicMask<int>;
using Probe = BasicProbe<int>;

// They have bodies because compilers may be told to keep functions that nothing calls.
//
// Operations take exactly what they are given, so that none competes with one on numbers.
template <class A, class B>
concept Operands = (std::same_as<A, Probe> &&
                    (std::same_as<B, Probe> || std::is_arithmetic_v<B>)) ||
                   (std::is_arithmetic_v<A> && std::same_as<B, Probe>);
template <class A>
concept Condition = std::same_as<A, Mask> || std::same_as<A, bool>;

#define CUNEWTON_PROBE_OPERATION(Result, name)                                     \
    template <class A, class B>                                                    \
    requires Operands<A, B> CUNEWTON_HOST_DEVICE Result name(const A&, const B&) { \
        return {};                                                                 \
    }
CUNEWTON_PROBE_OPERATION(Probe, operator+)
CUNEWTON_PROBE_OPERATION(Probe, operator-)
CUNEWTON_PROBE_OPERATION(Probe, operator*)
CUNEWTON_PROBE_OPERATION(Probe, operator/)
CUNEWTON_PROBE_OPERATION(Mask, operator<)
CUNEWTON_PROBE_OPERATION(Mask, operator>)
CUNEWTON_PROBE_OPERATION(Mask, operator<=)
CUNEWTON_PROBE_OPERATION(Mask, operator>=)
CUNEWTON_PROBE_OPERATION(Mask, operator==)
CUNEWTON_PROBE_OPERATION(Mask, operator!=)
#define CUNEWTON_PROBE_FUNCTION(name) CUNEWTON_PROBE_OPERATION(Probe, name)
CUNEWTON_FUNCTIONS_OF_TWO(CUNEWTON_PROBE_FUNCTION)
#undef CUNEWTON_PROBE_FUNCTION
#undef CUNEWTON_PROBE_OPERATION

#define CUNEWTON_PROBE_ASSIGNMENT(name)                                                \
    template <class B>                                                                 \
    requires Operands<Probe, B> CUNEWTON_HOST_DEVICE Probe& name(Probe& a, const B&) { \
        return a;                                                                      \
    }
CUNEWTON_PROBE_ASSIGNMENT(operator+=)
CUNEWTON_PROBE_ASSIGNMENT(operator-=)
CUNEWTON_PROBE_ASSIGNMENT(operator*=)
CUNEWTON_PROBE_ASSIGNMENT(operator/=)
#undef CUNEWTON_PROBE_ASSIGNMENT

#define CUNEWTON_PROBE_FUNCTION(name, chain)               \
    CUNEWTON_HOST_DEVICE inline Probe name(const Probe&) { \
        return {};                                         \
    }
CUNEWTON_FUNCTIONS_OF_ONE(CUNEWTON_PROBE_FUNCTION)
#undef CUNEWTON_PROBE_FUNCTION

/// For losses that call it beside lgamma and digamma.
template <int order>
CUNEWTON_HOST_DEVICE Probe polygamma(const Probe&) {
    return {};
}

template <Condition C, class A, class B>
requires Operands<A, B> CUNEWTON_HOST_DEVICE Probe select(const C&, const A&, const B&) {
    return {};
}
CUNEWTON_HOST_DEVICE inline Mask operator&&(const Mask&, const Mask&) {
    return {};
}
CUNEWTON_HOST_DEVICE inline Mask operator||(const Mask&, const Mask&) {
    return {};
}
CUNEWTON_HOST_DEVICE inline Mask operator!(const Mask&) {
    return {};
}
CUNEWTON_HOST_DEVICE inline bool any(const Mask&) {
    return false;
}
CUNEWTON_HOST_DEVICE inline bool all(const Mask&) {
    return false;
}
CUNEWTON_HOST_DEVICE inline int count(const Mask&) {
    return 0;
}

/// What stands for x, z, a sample s, and the coordinates of a point.
struct Vector {
    using value_type = Probe;
    CUNEWTON_HOST_DEVICE Probe operator[](int) const { return {}; }
    CUNEWTON_HOST_DEVICE int size() const { return 0; }
};
struct Sample : Vector {
    CUNEWTON_HOST_DEVICE Probe target() const { return {}; }
    CUNEWTON_HOST_DEVICE Probe index() const { return {}; }
};
/// What stands for g and h.
struct Output {
    Probe* entry;
    CUNEWTON_HOST_DEVICE Probe& operator[](int) const { return *entry; }
    CUNEWTON_HOST_DEVICE Probe& operator()(int, int) const { return *entry; }
};

template <class A>
concept Scalar = std::same_as<std::remove_cvref_t<A>, Probe>;
template <class Functor, class... Inputs>
concept Callable = requires(const Functor& f, const Inputs&... inputs) {
    f(inputs...);
};
template <class Functor, class... Inputs>
concept ReturnsScalar = requires(const Functor& f, const Inputs&... inputs) {
    { f(inputs...) } -> Scalar;
};

/// Compiles a functor's members for a Probe. Nothing is called: the pointers are null.
template <class Functor, class... Inputs>
constexpr bool takes_any_scalar(const Functor* functor, const Inputs*... inputs) {
    static_assert(Callable<Functor, Inputs...>,
                  "cunewton: the functor cannot be called as it would be here: f(x) by "
                  "make_objective, l(x, s) by make_sample_sum, l(z, y) by make_linear_predictor, "
                  "f(x) or f(x, s) by make_elements, m(p, x) by make_fit_model and "
                  "make_small_objective. Make operator() const and a "
                  "template that takes arguments of any type (docs/guide.md, Writing a loss)");
    if constexpr (!Callable<Functor, Inputs...>) {
        return TheErrorIsAbove<Functor, 0>::value;
    } else {
        static_assert(ReturnsScalar<Functor, Inputs...>,
                      "cunewton: the functor's operator() returns void or a plain number, not a "
                      "scalar like those of its arguments. Let it return auto or "
                      "cunewton::scalar_t<X> (docs/guide.md, Writing a loss, rule 1)");
        if constexpr (!ReturnsScalar<Functor, Inputs...>) return TheErrorIsAbove<Functor, 0>::value;
        if (functor) {
            Probe *gradient = nullptr, *hessian = nullptr;
            Output out{gradient};
            (*functor)(*inputs...);
            if constexpr (requires { functor->gradient(*inputs..., out); })
                functor->gradient(*inputs..., out);
            if constexpr (requires { functor->hessian(*inputs..., out); })
                functor->hessian(*inputs..., out);
            if constexpr (requires { functor->value_and_gradient(*inputs..., gradient); })
                functor->value_and_gradient(*inputs..., gradient);
            if constexpr (requires {
                              functor->value_gradient_hessian(*inputs..., gradient, hessian);
                          })
                functor->value_gradient_hessian(*inputs..., gradient, hessian);
        }
        return true;
    }
}

/// Code, which compiles the functor, made from it. (No program throws here: it would not compile.)
template <class Code, class Functor>
std::shared_ptr<Code> compiled(const Functor& functor) {
    if constexpr (may_compile<Functor>)
        return std::make_shared<Code>(functor);
    else
        throw std::logic_error("cunewton: a functor was left out after an error");
}

// For a static_assert at the head of the function that is given the functor.
template <class Loss>
constexpr bool objective() {
    return takes_any_scalar<Loss, ParametersView<Loss, Vector>>(nullptr, nullptr);
}
template <class Loss>
constexpr bool sample_loss() {
    return takes_any_scalar<Loss, ParametersView<Loss, Vector>, Sample>(nullptr, nullptr, nullptr);
}
template <class Loss>
constexpr bool predictor_loss() {
    return takes_any_scalar<Loss, Vector, Probe>(nullptr, nullptr, nullptr);
}
/// Whether an element is called with data, f(x, s), and not as f(x).
template <class Element>
inline constexpr bool element_reads_data =
    Callable<Element, Parameters<Probe, Element::parameters>, Sample>;
template <class Element>
constexpr bool element() {
    using X = Parameters<Probe, Element::parameters>;
    if constexpr (element_reads_data<Element>)
        return takes_any_scalar<Element, X, Sample>(nullptr, nullptr, nullptr);
    else
        return takes_any_scalar<Element, X>(nullptr, nullptr);
}
template <class Model>
constexpr bool small_model() {
    return takes_any_scalar<Model, Parameters<Probe, Model::parameters>, Vector>(nullptr, nullptr,
                                                                                 nullptr);
}

}  // namespace cunewton::probe

template <>
struct cunewton::RealOf<cunewton::probe::Probe> {
    using type = double;
};
