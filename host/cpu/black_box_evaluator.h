// Functions that compute themselves, on the CPU: what they do not give is a difference of what they
// do.
#pragma once

#include "host/cpu/differencing_evaluator.h"

namespace cunewton::cpu {

template <class T>
class BlackBoxEvaluator final : public DifferencingEvaluator<T> {
  public:
    BlackBoxEvaluator(const Opaque<T>& form, const Setting<T>& at) : Base(at), own_(form.cpu) {}
    static std::size_t memory(const Opaque<T>& form, const EvaluationPlan& plan);
    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    void products(const T* V, int columns, T* HV) override;
    /// By values alone, entry by entry.
    bool knows_sparse_hessian() const override {
        return derivatives_.hessian == HessianBy::value_differences;
    }
    void sparse_hessian(const T* x, T* to) override;
    void values(const T* points, int count, T* losses) override;

  private:
    using Base = DifferencingEvaluator<T>;

    /// A point x + a e_i + b e_k; i or k < 0: none.
    struct Shift {
        int i, k;
        T a, b;
    };
    /// Points of a batch that fit into the budget.
    static std::size_t batch_size(std::size_t shifts, std::size_t n, std::size_t budget);
    /// Columns of a Hessian by products that do.
    static std::size_t product_columns(std::size_t n, std::size_t budget);
    /// f at all shifted points, in batches within the memory budget.
    std::vector<T> evaluate(const T* x, const std::vector<Shift>& shifts);
    T own_gradient(const T* x, T* g);
    void hessian_by_products(const T* x, T* H);
    void hessian_by_gradients(const T* x, T* H);
    void keep_mean(T* H) const;
    void hessian_by_values(const T* x, T* H);
    /// Columns of second differences: column_of(j) says where one goes and what rows it has, from
    /// the diagonal.
    template <class ColumnOf>
    void second_differences(const T* x, const ColumnOf& column_of);

    using Base::account;
    using Base::derivatives_;
    using Base::parts_;
    using Base::set_steps;
    using Base::steps_;
    using Base::vectors_;

    const BlackBox<T> own_;
    std::vector<T> points_;
};

}  // namespace cunewton::cpu
