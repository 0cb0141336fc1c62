// Sums over samples and objectives on the device: entries of derivatives in tiles.
#pragma once

#include "host/cuda/evaluator.h"

namespace cunewton::cuda {

template <class T>
class SampleEvaluator final : public CudaEvaluator<T> {
  public:
    SampleEvaluator(const SampleSum<T>& form, const Setting<T>& at);
    static MemoryNeeded memory(const SampleSum<T>& form, const EvaluationPlan& plan);
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    /// By a direction and each axis, differentiated automatically, where the Hessian is exact.
    void products(const T* V, int columns, T* HV) override;

    long samples() const override { return all_samples_; }
    void select(std::span<const long> samples, double share) override {
        data_.select(samples, share, vectors_);
        count_samples();
    }
    void select_all() override {
        data_.select_all();
        count_samples();
    }

  private:
    using Base = CudaEvaluator<T>;
    using Base::assembly_, Base::derivatives_, Base::n_, Base::parts_, Base::partial_, Base::steps_,
        Base::stream, Base::tile_, Base::vectors_;

    void queue_values(const T* points, long count, double* partial, double* out) override;
    std::size_t partial_per_point() const override;

    void count_samples() {
        samples_ = data_.view().count;
        blocks_ = code_.blocks(samples_);
    }
    /// Entries of a tile that fit, of `total`.
    long reserve_entries(long total);
    void analytic_gradient(const T* x, T* g);
    void analytic_hessian(const T* x, T* H);
    void gradient_by_entries(Entries kind, const T* x, T* g);
    void hessian_by_entries(Entries kind, const T* x, T* H);
    void hessian_by_columns(const T* x, T* H);

    const SampleCode<T>& code_;
    DeviceData<T> data_;
    const long all_samples_;
    long samples_;  // that are selected
    int blocks_;    // partial sums of an entry
};

extern template class SampleEvaluator<double>;
extern template class SampleEvaluator<float>;

}  // namespace cunewton::cuda
