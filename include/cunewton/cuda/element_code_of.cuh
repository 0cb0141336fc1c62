// The GPU code of elements of a partially separable sum: a thread an element. For .cu files.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <type_traits>

#include "cunewton/cpu/element_code_of.h"
#include "cunewton/cuda/code.h"
#include "cunewton/cuda/launch.cuh"
#include "cunewton/cuda/sample_functions.cuh"
#include "cunewton/math/element_derivatives.h"

namespace cunewton::cuda {

inline constexpr int element_threads = 128, element_blocks = 4;

/// What kernels are given. out: gradients or Hessians.
template <class T, class Element>
struct ElementArguments {
    Element element;
    DeviceElements<T> elements;
    const T* x;
    const T* steps;
    bool central;
    T* out;
    double* partial;
};

/// Calls work(p, data, step, write) for element e with its k numbers p, where write(j, value) puts
/// a weighted derivative in its place; returns what it returns, weighted. Without weight an element
/// is 0, whatever it is, and its `written` derivatives are.
template <int written, class T, class Element, class Work>
CUNEWTON_HOST_DEVICE double with_element(const ElementArguments<T, Element>& a, long e,
                                         const Work& work) {
    constexpr int k = Element::parameters;
    const DeviceElements<T>& elements = a.elements;
    const T weight = weight_at(elements.data, e);
    if (weight == T(0)) {
        for (int j = 0; j < written; ++j) a.out[j * elements.ld + e] = T(0);
        return 0;
    }
    T p[k];
    for (int j = 0; j < k; ++j) p[j] = a.x[elements.indices[j * elements.ld + e]];
    return static_cast<double>(
        weight * work(
                     p, sample_at(elements.data, e),
                     [&](int j) { return a.steps[elements.indices[j * elements.ld + e]]; },
                     [&](int j, const T& value) { a.out[j * elements.ld + e] = weight * value; }));
}

template <GradientBy by, class T, class Element>
CUNEWTON_HOST_DEVICE double element_gradient(const ElementArguments<T, Element>& a, long e) {
    constexpr int written = by == GradientBy::automatic ? 0 : Element::parameters;
    return with_element<written>(
        a, e, [&](const T* p, const auto& data, const auto& step, const auto& write) {
            return element::value_and_gradient<by, T>(a.element, p, data, step, a.central, write);
        });
}

template <HessianBy by, bool own_gradient, class T, class Element>
CUNEWTON_HOST_DEVICE void element_hessian(const ElementArguments<T, Element>& a, long e) {
    with_element<element::hessian_size<Element>>(
        a, e, [&](const T* p, const auto& data, const auto& step, const auto& write) {
            element::hessian<by, own_gradient, T>(a.element, p, data, step, write);
            return T(0);
        });
}

template <GradientBy by, class T, class Element>
__global__ void __launch_bounds__(element_threads, element_blocks)
    element_gradients_kernel(const ElementArguments<T, Element> a) {
    const long e = thread_index();
    const double term = e < a.elements.data.count ? element_gradient<by>(a, e) : 0.0;
    const double sum = block_sum<element_threads>(term);
    if (threadIdx.x == 0) a.partial[blockIdx.x] = sum;
}

template <HessianBy by, bool own_gradient, class T, class Element>
__global__ void __launch_bounds__(element_threads, element_blocks)
    element_hessians_kernel(const ElementArguments<T, Element> a) {
    const long e = thread_index();
    if (e < a.elements.data.count) element_hessian<by, own_gradient>(a, e);
}

/// The GPU code of elements as cpu::ElementCodeOf describes them.
template <class T, class Element>
class ElementCodeOf final : public ElementCode<T> {
    static_assert(std::is_trivially_copyable_v<Element>,
                  "an element is copied to the GPU byte by byte: it must be trivially copyable "
                  "(hold plain numbers and device pointers)");
    using Own = cpu::ElementDerivatives<Element>;

  public:
    explicit ElementCodeOf(const Element& element) : element_(element) {}

    int blocks(long elements) const override {
        return static_cast<int>(blocks_for(elements, element_threads));
    }

    void value_and_gradients(GradientBy by, const T* x, const T* steps,
                             const DeviceElements<T>& elements, T* g, double* partial,
                             Stream stream) const override {
        const bool central = by == GradientBy::central_differences;
        const ElementArguments<T, Element> a{element_, elements, x, steps, central, g, partial};
        if (!g) return gradients<GradientBy::automatic>(a, stream);
        switch (by) {
            case GradientBy::forward_differences:
            case GradientBy::central_differences:
                return gradients<GradientBy::central_differences>(a, stream);
            case GradientBy::analytic:
                if constexpr (Own::gradient) return gradients<GradientBy::analytic>(a, stream);
                [[fallthrough]];
            default:
                return gradients<GradientBy::autodiff>(a, stream);
        }
    }

    void hessians(HessianBy by, bool own_gradient, const T* x, const T* steps,
                  const DeviceElements<T>& elements, T* h, Stream stream) const override {
        const ElementArguments<T, Element> a{element_, elements, x, steps, true, h, nullptr};
        switch (by) {
            case HessianBy::value_differences:
                return hessians<HessianBy::value_differences, false>(a, stream);
            case HessianBy::gradient_differences:
                if constexpr (Own::gradient)
                    if (own_gradient)
                        return hessians<HessianBy::gradient_differences, true>(a, stream);
                return hessians<HessianBy::gradient_differences, false>(a, stream);
            case HessianBy::analytic:
                if constexpr (Own::hessian) return hessians<HessianBy::analytic, false>(a, stream);
                [[fallthrough]];
            default:
                return hessians<HessianBy::autodiff, false>(a, stream);
        }
    }

  private:
    template <GradientBy by>
    void gradients(const ElementArguments<T, Element>& a, Stream stream) const {
        element_gradients_kernel<by>
            <<<blocks_for(a.elements.data.count, element_threads), element_threads, 0, stream>>>(a);
        check_launch("element_gradients_kernel");
    }
    template <HessianBy by, bool own_gradient>
    void hessians(const ElementArguments<T, Element>& a, Stream stream) const {
        element_hessians_kernel<by, own_gradient>
            <<<blocks_for(a.elements.data.count, element_threads), element_threads, 0, stream>>>(a);
        check_launch("element_hessians_kernel");
    }

    Element element_;
};

}  // namespace cunewton::cuda
