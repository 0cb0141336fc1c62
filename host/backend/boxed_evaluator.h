// Derivatives by differences that never look outside of a box of bounds, on any machine.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "host/backend/evaluator.h"

namespace cunewton {

/// The evaluator of a problem whose parameters it differences. Where a difference at x would reach
/// across a bound it is taken at a point within, c, and the gradient extrapolated from there: 2
/// g(c) - g(c + (c - x)), an error of the second order as that of central differences. Hessians,
/// and products with them, are those at c; so is a Gauss-Newton matrix of differenced residuals.
/// Steps are an eighth of the box at most. Fixed parameters do not move: derivatives by them are 0,
/// on the Hessian's diagonal 1.
template <class T>
class BoxedEvaluator final : public Evaluator<T> {
  public:
    /// lower <= upper: n entries each. derivatives: that `inner` was made for. Vectors and matrices
    /// outlive this.
    BoxedEvaluator(std::unique_ptr<Evaluator<T>> inner, const ResolvedDerivatives& derivatives,
                   const std::vector<double>& typical, const std::vector<T>& lower,
                   const std::vector<T>& upper, Vectors<T>& vectors, DenseMatrices<T>& matrices);

    void value(const T* x, Scalar f) override { inner_->value(x, f); }
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    bool knows_sparse_hessian() const override {
        return inner_->knows_sparse_hessian() && !(differenced_ && fixes_);
    }
    void sparse_hessian(const T* x, T* entries) override;
    void shorten_steps(T* h) override;
    void gradient_differences(const T* x, const T* h, const Compression& how,
                              SparseMatrices<T>& matrices, T* B) override;
    void values(const T* points, int count, T* losses) override {
        inner_->values(points, count, losses);
    }
    void prepare_products(const T* x) override;
    void products(const T* V, int columns, T* HV) override;
    bool knows_diagonal() const override { return !differenced_ && inner_->knows_diagonal(); }
    void compute_diagonal(T* to) override { inner_->compute_diagonal(to); }
    long samples() const override { return inner_->samples(); }
    void select(std::span<const long> samples, double share) override {
        inner_->select(samples, share);
    }
    void select_all() override { inner_->select_all(); }
    std::size_t peak_tile_bytes() const override { return inner_->peak_tile_bytes(); }

  private:
    /// The box without margins that steps of this relative size need.
    struct Inner {
        Buffer<T> lower, upper;
    };
    Inner inner_box(double relative, const std::vector<double>& typical,
                    const std::vector<T>& lower, const std::vector<T>& upper);
    Buffer<T> uploaded(const std::vector<T>& numbers);
    /// ahead and behind become points of the box, as far from each other as they are: both are
    /// moved inwards.
    void move_inside(T* ahead, T* behind);

    const std::unique_ptr<Evaluator<T>> inner_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const int n_;
    const bool gradients_;    // are differences
    const bool differenced_;  // so are second derivatives
    const bool residuals_;    // are, and J'J of theirs stands for second derivatives
    bool fixes_ = false;
    Buffer<T> lower_, upper_, zeros_, most_, movable_, reach_;
    Inner of_gradients_, of_hessians_;
    Buffer<T> centre_, beyond_, g_, moved_;
    const Number f_, distance_, xv_, v_norm_, v_reach_;
};

}  // namespace cunewton
