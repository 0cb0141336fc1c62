// A loss on the points that satisfy linear equations, on any machine: by the evaluator of the loss
// itself.
#pragma once

#include <memory>
#include <vector>

#include "host/backend/evaluator.h"
#include "host/minimize/null_space.h"

namespace cunewton::solver {

/// f(base + Z z) of z, with the gradient Z'g and the Hessian Z'HZ. Z = C (I + W V') (0, I), see
/// NullSpace, is never formed: with k independent equations a vector takes 4 n k operations, and a
/// Hessian that of all n parameters and 4 n^2 k.
template <class T>
class ReducedEvaluator final : public Evaluator<T> {
  public:
    /// `inner` is the loss's on the same machine; vectors, matrices and space outlive this. space
    /// has been given a start and has parameters left.
    ReducedEvaluator(const NullSpace& space, std::unique_ptr<Evaluator<T>> inner,
                     Vectors<T>& vectors, DenseMatrices<T>& matrices);
    /// Numbers of the machine that this takes beside the inner one.
    static std::size_t numbers(std::size_t n, std::size_t k, bool hessian);

    void value(const T* z, Scalar f) override;
    void value_and_gradient(const T* z, T* g, Scalar f) override;
    void hessian(const T* z, T* H) override;
    void values(const T* points, int count, T* losses) override;
    void prepare_products(const T* z) override;
    void products(const T* V, int columns, T* HV) override;
    void value_gradient_and_products(const T* z, T* g, Scalar f) override;
    long samples() const override { return inner_->samples(); }
    void select(std::span<const long> samples, double share) override {
        inner_->select(samples, share);
    }
    void select_all() override { inner_->select_all(); }
    std::size_t peak_tile_bytes() const override { return inner_->peak_tile_bytes(); }

    /// The loss's own gradient at base + Z z, n numbers on the host.
    std::vector<T> full_gradient(const T* z);

  private:
    /// x = Z z
    void expand(const T* z, T* x);
    /// x = base + Z z
    void locate(const T* z, T* x);
    /// to = Z'g; g is overwritten.
    void reduce(T* g, T* to);

    const NullSpace& space_;
    const std::unique_ptr<Evaluator<T>> inner_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const int n_, k_, left_;
    Buffer<T> base_, V_, W_, inverse_scales_;  // the last one empty where C = I
    Buffer<T> padded_, x_, g_, t_, H_, HW_, columns_, products_;
    const Number f_;
};

}  // namespace cunewton::solver
