// Opaque batched evaluators, on the CPU: every derivative is a difference of values.
#pragma once

#include "host/cpu/differencing_evaluator.h"

namespace cunewton::cpu {

template <class T>
class BlackBoxEvaluator final : public DifferencingEvaluator<T> {
  public:
    using DifferencingEvaluator<T>::DifferencingEvaluator;
    void value(const T* x) override;
    void value_and_gradient(const T* x, T* g) override;
    void hessian(const T* x, T* H) override;
    void values(const T* points, int count, T* losses) override;

  private:
    /// A point x + a e_i + b e_k; i or k < 0: none.
    struct Shift {
        int i, k;
        T a, b;
    };
    /// f at all shifted points, in batches within the memory budget.
    std::vector<T> evaluate(const T* x, const std::vector<Shift>& shifts);

    using Base = DifferencingEvaluator<T>;
    using Base::account;
    using Base::backend_;
    using Base::derivatives_;
    using Base::parts_;
    using Base::set_steps;
    using Base::steps_;

    std::vector<T> points_;
};

}  // namespace cunewton::cpu
