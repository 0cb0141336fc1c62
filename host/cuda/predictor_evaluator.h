// Losses on linear predictors, on the device.
#pragma once

#include "host/backend/predictor_blocks.h"
#include "host/cuda/evaluator.h"

namespace cunewton::cuda {

/// With X the N x (d + intercept) matrix of samples: z = X W and the gradient X' r by matrix
/// products, the Hessian's blocks X' diag(h_kl) X by products of tiles of samples.
template <class T>
class PredictorEvaluator final : public CudaEvaluator<T> {
  public:
    PredictorEvaluator(const LinearPredictor<T>& form, const Setting<T>& at);
    static MemoryNeeded memory(const LinearPredictor<T>& form, const EvaluationPlan& plan);
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    /// By matrix products with X and X', and the curvatures of all samples in between.
    void prepare_products(const T* x) override;
    void products(const T* V, int columns, T* HV) override;
    DiagonalBlocks diagonal_blocks() const override {
        return predictor_blocks(parts_, shift_invariant_);
    }
    void compute_diagonal_blocks(T* to) override;
    bool knows_diagonal() const override { return true; }
    void compute_diagonal(T* to) override;

    long samples() const override { return all_samples_; }
    void select(std::span<const long> samples, double share) override {
        data_.select(samples, share, vectors_);
    }
    void select_all() override { data_.select_all(); }

  private:
    using Base = CudaEvaluator<T>;
    using Base::assembly_, Base::derivatives_, Base::n_, Base::parts_, Base::partial_, Base::stream,
        Base::tile_, Base::vectors_;

    void queue_values(const T* points, long count, double* partial, double* out) override;
    std::size_t partial_per_point() const override;

    /// Whether products are in single precision.
    static bool in_single(const ResolvedDerivatives& derivatives) {
        return sizeof(T) > sizeof(float) && derivatives.precision == HessianPrecision::single;
    }
    /// Of a sample in a tile of a Hessian.
    static std::size_t row_bytes(int outputs, int block, bool single);
    /// Hv = H v at the point of prepare_products().
    void queue_product(const T* v, T* Hv);
    /// z = X w of samples [begin, begin + count).
    DevicePredictorBlock<T> multiply(const T* w, long begin, long count);
    /// Their predictors, which have offsets besides.
    DevicePredictorBlock<T> predict(const T* x, long begin, long count);
    /// C = alpha X'Y + beta C, lower triangle, for `rows` samples of X and Y; C: block_ x block_.
    template <class U>
    void product(const U* X, std::ptrdiff_t x_ld, const U* Y, std::ptrdiff_t y_ld, long rows,
                 U alpha, U beta, U* C, std::ptrdiff_t c_ld);

    const PredictorCode<T>& code_;
    const int outputs_;
    const int block_;  // coefficients of one output
    const bool shift_invariant_;
    const bool single_;
    DeviceData<T> data_;
    const long all_samples_;
    DeviceArray<T> z_, r_;
    DeviceArray<float> single_product_;
    DeviceArray<T> product_curvature_;  // of all samples, at the point of prepare_products()
};

extern template class PredictorEvaluator<double>;
extern template class PredictorEvaluator<float>;

}  // namespace cunewton::cuda
