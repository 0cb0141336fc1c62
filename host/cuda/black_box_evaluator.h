// Opaque evaluators on the device: points are laid out in memory, tile by tile, and handed over.
#pragma once

#include "host/cuda/evaluator.h"
#include "kernels/differences.h"

namespace cunewton::cuda {

template <class T>
class BlackBoxEvaluator final : public CudaEvaluator<T> {
  public:
    BlackBoxEvaluator(const Problem<T>& problem, const ResolvedDerivatives& derivatives,
                      const std::vector<double>& typical, CudaBackend<T>& backend);
    void value_and_gradient(const T* x, T* g) override;
    void hessian(const T* x, T* H) override;

  private:
    using Base = CudaEvaluator<T>;
    using Base::assembly_, Base::derivatives_, Base::n_, Base::parts_, Base::slot_f, Base::steps_,
        Base::stream, Base::tile_;

    void queue_values(const T* points, long count, double* partial, double* out) override;
    /// One loss in T, which a double has room for.
    std::size_t partial_per_point() const override { return 1; }

    /// losses = the user's evaluator at `count` points.
    void evaluate(const T* points, long count, T* losses);
    /// Entries of a tile that fit, of `total`.
    long reserve_entries(Stencil stencil, long total);
};

extern template class BlackBoxEvaluator<double>;
extern template class BlackBoxEvaluator<float>;

}  // namespace cunewton::cuda
