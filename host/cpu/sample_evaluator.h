// Sums over samples and objectives, on the CPU.
#pragma once

#include "host/cpu/chunked_samples.h"
#include "host/cpu/differencing_evaluator.h"

namespace cunewton::cpu {

template <class T>
class SampleEvaluator final : public DifferencingEvaluator<T> {
  public:
    SampleEvaluator(const SampleSum<T>& form, const Setting<T>& at);
    static std::size_t memory(const SampleSum<T>& form, const EvaluationPlan& plan);
    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    /// By a direction and each axis, differentiated automatically, where the Hessian is exact.
    void products(const T* V, int columns, T* HV) override;
    /// Entry by entry, where the dense Hessian is.
    bool knows_sparse_hessian() const override {
        return derivatives_.hessian_entries().has_value();
    }
    void sparse_hessian(const T* x, T* to) override;
    void gradient_differences(const T* x, const T* h, const Compression& how,
                              SparseMatrices<T>& matrices, T* B) override;
    void values(const T* points, int count, T* losses) override;
    long samples() const override { return data_.all(); }
    void select(std::span<const long> samples, double share) override;
    void select_all() override;

  private:
    using Base = DifferencingEvaluator<T>;

    /// All samples cut into pieces whose size depends on the data alone.
    std::vector<SampleBlock> pieces(long size) const { return data_.blocks(size); }
    SampleRange<T> range(const SampleBlock& piece) const {
        const Samples<T>& s = samples_;
        return {s.features, s.dimension, s.ld, s.targets, s.weights, piece.begin, piece.end};
    }
    /// sum[j] = partial_[p * stride + j] over the pieces of all ranks, for the first `size` j, at
    /// x.
    void sum_partial(const std::vector<SampleBlock>& pieces, std::size_t stride, std::size_t size,
                     const T* x, double* sum);
    static std::size_t hessian_memory(const Samples<T>& samples, const EvaluationPlan& plan);
    double sum_of_losses(const T* x);
    /// Entries of a gradient or Hessian, summed over all samples. steps: or a direction.
    void entries(Entries kind, const T* x, const std::vector<int>& i, const std::vector<int>& k,
                 const T* steps, double* out);
    void hessian_by_entries(Entries kind, const T* x, T* H);
    /// Entries of a Hessian, tile by tile: for_each_entry(take) calls take(row, column, place) for
    /// each.
    template <class ForEach>
    void collect_entries(Entries kind, const T* x, const ForEach& for_each_entry);
    void hessian_by_columns(const T* x, T* H);
    void analytic_hessian(const T* x, T* H);

    using Base::account;
    using Base::derivatives_;
    using Base::note_peak;
    using Base::parts_;
    using Base::set_steps;
    using Base::steps_;
    using Base::vectors_;

    const SampleCode<T>& code_;
    const bool objective_;
    ChunkedSamples<T> data_;
    const Samples<T>& samples_;
    std::vector<SampleBlock> pieces_;  // that threads sum
    std::vector<double> partial_;
};

}  // namespace cunewton::cpu
