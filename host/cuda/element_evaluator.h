// Partially separable sums on the device.
#pragma once

#include <cstdint>
#include <deque>

#include "host/cuda/evaluator.h"
#include "kernels/elements.h"

namespace cunewton::cuda {

/// The derivatives of all elements are written side by side, a thread an element, and gathered, a
/// thread a sum.
template <class T>
class ElementEvaluator final : public CudaEvaluator<T> {
  public:
    ElementEvaluator(const ElementSum<T>& form, const Setting<T>& at);
    static MemoryNeeded memory(const ElementSum<T>& form, const EvaluationPlan& plan);
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    bool knows_sparse_hessian() const override { return true; }
    void sparse_hessian(const T* x, T* entries) override;
    /// By the Hessians of elements, which are evaluated once a point.
    void prepare_products(const T* x) override;
    void products(const T* V, int columns, T* HV) override;
    bool knows_diagonal() const override { return true; }
    void compute_diagonal(T* to) override;
    std::size_t peak_tile_bytes() const override {
        return Base::peak_tile_bytes() +
               (gradients_.size() + hessians_.size() + entries_.size()) * sizeof(T);
    }

  private:
    using Base = CudaEvaluator<T>;
    using Base::assembly_, Base::derivatives_, Base::n_, Base::parts_, Base::partial_, Base::steps_,
        Base::stream, Base::vectors_;

    /// What is kept of a kind.
    struct Kind {
        const ElementCode<T>* code;
        int parameters;
        DeviceArray<int> indices;
        DeviceData<T> data;
        long ld;
        std::size_t gradients, hessians;  ///< where those of its first element are
        std::size_t blocks;               ///< where its partial sums are
        DeviceElements<T> elements() const { return {indices.get(), ld, data.view()}; }
    };
    /// Lists on the device.
    struct Lists {
        DeviceArray<std::uint32_t> starts, terms;
        DeviceLists view() const { return {starts.get(), terms.get()}; }
    };

    void queue_values(const T* points, long count, double* partial, double* out) override;
    std::size_t partial_per_point() const override { return blocks_; }

    DevicePattern pattern() const { return {n_, column_starts_.get(), rows_.get()}; }
    template <class V>
    void upload(DeviceArray<V>& to, const std::vector<V>& from, Staging& staging);
    void upload(Lists& to, const GatherLists& from, Staging& staging);
    /// The Hessians of all elements at x, and all that they are gathered by.
    void evaluate_hessians(const T* x);
    /// Sees to it that hessians_ are those that products are taken with.
    void evaluate_product_hessians();
    void require_gradients();

    const ElementPlaces& places_;
    const int threads_;
    std::deque<Kind> kinds_;
    std::size_t blocks_ = 0, gradient_numbers_ = 0, hessian_numbers_ = 0;
    Lists gradient_lists_, hessian_lists_;
    DeviceArray<long> column_starts_;
    DeviceArray<int> rows_;
    DeviceArray<T> gradients_, hessians_;  // of all elements, allocated when they are needed
    DeviceArray<T> entries_;               // of a Hessian that is spread
    bool hessians_of_products_ = false;    // whether hessians_ are those
};

extern template class ElementEvaluator<double>;
extern template class ElementEvaluator<float>;

}  // namespace cunewton::cuda
