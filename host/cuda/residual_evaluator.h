// Residuals of samples on the device: of few parameters all sums in one kernel, of many tiles of J
// times themselves.
#pragma once

#include "host/cuda/evaluator.h"

namespace cunewton::cuda {

template <class T>
class ResidualEvaluator final : public CudaEvaluator<T> {
  public:
    ResidualEvaluator(const ResidualSum<T>& form, const Setting<T>& at);
    static MemoryNeeded memory(const ResidualSum<T>& form, const EvaluationPlan& plan);
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    /// Entry by entry, by a direction and each axis.
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
    std::size_t partial_per_point() const override { return static_cast<std::size_t>(blocks_); }

    void count_samples() {
        samples_ = data_.view().count;
        blocks_ = code_.blocks(samples_);
    }
    /// Whether sums() of the code are what gradient and Gauss-Newton matrix are made of.
    static bool sums(const ResidualCode<T>& code, const ResolvedDerivatives& derivatives);
    /// Room for the partial sums of so many entries.
    double* reserve_sums(long entries);
    /// Entries of a tile that fit, of `total`.
    long reserve_entries(long total);
    /// add(J, ld, u, rows, first) for tile after tile of the rows at x.
    template <class Add>
    void for_tiles(const T* x, const Add& add);

    const ResidualCode<T>& code_;
    const ResidualLoss<T> loss_;
    const int k_;
    DeviceData<T> data_;
    const long all_samples_;
    long samples_;  // that are selected
    int blocks_;    // partial sums of an entry
};

extern template class ResidualEvaluator<double>;
extern template class ResidualEvaluator<float>;

}  // namespace cunewton::cuda
