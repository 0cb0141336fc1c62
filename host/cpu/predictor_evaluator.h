// Losses on linear predictors, on the CPU.
#pragma once

#include <memory>

#include "host/cpu/backend.h"

namespace cunewton::cpu {

template <class T>
class PredictorEvaluator final : public Evaluator<T> {
  public:
    PredictorEvaluator(const Problem<T>& problem, const ResolvedDerivatives& derivatives,
                       CpuBackend<T>& backend);
    void value(const T* x) override;
    void value_and_gradient(const T* x, T* g) override;
    void hessian(const T* x, T* H) override;
    void values(const T* points, int count, T* losses) override;
    std::size_t peak_tile_bytes() const override { return 0; }

  private:
    struct Scratch {
        Buffer<T> z, r;
    };
    /// Predictors of samples [begin, begin + count), padded.
    PredictorBlock<T> predict(const T* x, long begin, int count, T* z) const;
    double loss(const T* x, T* g);
    template <class Compute>
    void add_products(const RowBlock<T>& rows, const T* h, T* H,
                      RankKUpdate<T, Compute, T>& update);

    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const ResolvedDerivatives derivatives_;
    CpuBackend<T>& backend_;
    const RowKernels<T>& kernels_;
    const int block_;               // coefficients of one output
    Buffer<T> targets_, weights_;   // padded to whole lanes
    std::vector<Scratch> scratch_;  // one a thread
    std::vector<double> partial_;
    Buffer<T> curvature_, curvature_z_;
    RankKUpdate<T, T, T> update_;
    std::unique_ptr<RankKUpdate<T, float, T>> single_update_;
};

}  // namespace cunewton::cpu
