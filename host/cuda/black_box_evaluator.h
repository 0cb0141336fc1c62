// Functions that compute themselves, on the device. What they do not give is a difference of what
// they do: points are laid out in memory, tile by tile, and handed over.
#pragma once

#include "host/cuda/evaluator.h"
#include "kernels/differences.h"

namespace cunewton::cuda {

template <class T>
class BlackBoxEvaluator final : public CudaEvaluator<T> {
  public:
    BlackBoxEvaluator(const Opaque<T>& form, const Setting<T>& at);
    static MemoryNeeded memory(const Opaque<T>& form, const EvaluationPlan& plan);
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    void products(const T* V, int columns, T* HV) override;

  private:
    using Base = CudaEvaluator<T>;
    using Base::assembly_, Base::derivatives_, Base::n_, Base::partial_, Base::steps_, Base::stream,
        Base::tile_, Base::vectors_;

    void queue_values(const T* points, long count, double* partial, double* out) override;
    /// One loss in T, which a double has room for.
    std::size_t partial_per_point() const override { return 1; }

    /// losses = the user's function at `count` points.
    void evaluate(const T* points, long count, T* losses);
    void own_gradient(const T* x, T* loss, T* g);
    void gradient_by_values(const T* x, T* g);
    void hessian_by_values(const T* x, T* H);
    void hessian_by_gradients(const T* x, T* H);
    void hessian_by_products(const T* x, T* H);
    /// Bytes of an entry in a tile: its points and the losses there.
    static std::size_t entry_bytes(Stencil stencil, int n);
    /// Entries of a tile that fit, of `total`.
    long reserve_entries(Stencil stencil, long total);
    /// Throws what the user's function has left behind on the device.
    void check_own() const;

    const DeviceBlackBox<T> own_;
    DeviceArray<T> unused_gradient_;
};

extern template class BlackBoxEvaluator<double>;
extern template class BlackBoxEvaluator<float>;

}  // namespace cunewton::cuda
