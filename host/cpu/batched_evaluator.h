// Opaque batched evaluators, on the CPU: every derivative is a difference of values.
#pragma once

#include "host/cpu/backend.h"

namespace cunewton::cpu {

template <class T>
class BatchedFormEvaluator final : public Evaluator<T> {
   public:
    BatchedFormEvaluator(const Problem<T>& problem, const ResolvedDerivatives& derivatives,
                         std::vector<double> typical, CpuBackend<T>& backend);
    void value(const T* x) override;
    void value_and_gradient(const T* x, T* g) override;
    void hessian(const T* x, T* H) override;
    void values(const T* points, int count, T* losses) override;
    std::size_t peak_tile_bytes() const override { return peak_; }

   private:
    /// A point x + a e_i + b e_k; i or k < 0: none.
    struct Shift {
        int i, k;
        T a, b;
    };
    /// f at all shifted points, in batches within the memory budget.
    std::vector<T> evaluate(const T* x, const std::vector<Shift>& shifts);
    void set_steps(const T* x, double relative);

    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const ResolvedDerivatives derivatives_;
    const std::vector<double> typical_;
    CpuBackend<T>& backend_;
    std::vector<T> steps_, points_;
    std::size_t peak_ = 0;
};

}  // namespace cunewton::cpu
