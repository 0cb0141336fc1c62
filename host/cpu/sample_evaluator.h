// Black-box losses and objectives, on the CPU.
#pragma once

#include "host/cpu/backend.h"

namespace cunewton::cpu {

template <class T>
class SampleEvaluator final : public Evaluator<T> {
   public:
    SampleEvaluator(const Problem<T>& problem, const ResolvedDerivatives& derivatives,
                    std::vector<double> typical, CpuBackend<T>& backend);
    void value(const T* x) override;
    void value_and_gradient(const T* x, T* g) override;
    void hessian(const T* x, T* H) override;
    void values(const T* points, int count, T* losses) override;
    std::size_t peak_tile_bytes() const override { return peak_; }

   private:
    /// Samples [begin, end) of the sum, cut into pieces whose size depends on the data alone.
    SampleRange<T> piece(std::size_t index, long size) const;
    std::size_t pieces(long size) const;
    double sum_of_losses(const T* x);
    /// Entries of a gradient or Hessian, summed over all samples.
    void entries(TileKind kind, const T* x, const std::vector<int>& i, const std::vector<int>& k,
                 double* out);
    void hessian_by_entries(TileKind kind, const T* x, T* H);
    void hessian_by_columns(const T* x, T* H);
    void analytic_hessian(const T* x, T* H);
    /// Difference steps of every parameter at x.
    void set_steps(const T* x, double relative);
    void account(std::size_t bytes);

    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const ResolvedDerivatives derivatives_;
    const std::vector<double> typical_;
    CpuBackend<T>& backend_;
    std::vector<T> steps_;
    std::vector<double> partial_;
    std::size_t peak_ = 0;
};

}  // namespace cunewton::cpu
