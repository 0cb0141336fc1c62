// Sums over samples and objectives, on the CPU.
#pragma once

#include "host/cpu/differencing_evaluator.h"
#include "host/data/sample_data.h"

namespace cunewton::cpu {

template <class T>
class SampleEvaluator final : public DifferencingEvaluator<T> {
  public:
    SampleEvaluator(const SampleSum<T>& form, const Setting<T>& at)
        : Base(at),
          code_(*form.code.cpu),
          data_(form.samples),
          samples_(data_.view()),
          all_samples_(samples_.count) {}
    static std::size_t memory(const SampleSum<T>& form, const EvaluationPlan& plan);
    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    /// By a direction and each axis, differentiated automatically, where the Hessian is exact.
    void products(const T* V, int columns, T* HV) override;
    void values(const T* points, int count, T* losses) override;
    long samples() const override { return all_samples_; }
    void select(const long* indices, long count) override { data_.select(indices, count); }

  private:
    using Base = DifferencingEvaluator<T>;

    /// Samples [begin, end) of the sum, cut into pieces whose size depends on the data alone.
    SampleRange<T> piece(std::size_t index, long size) const;
    std::size_t pieces(long size) const;
    static std::size_t hessian_memory(const Samples<T>& samples, const EvaluationPlan& plan);
    double sum_of_losses(const T* x);
    /// Entries of a gradient or Hessian, summed over all samples. steps: or a direction.
    void entries(Entries kind, const T* x, const std::vector<int>& i, const std::vector<int>& k,
                 const T* steps, double* out);
    void hessian_by_entries(Entries kind, const T* x, T* H);
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
    HostSamples<T> data_;
    const Samples<T>& samples_;
    const long all_samples_;
    std::vector<double> partial_;
};

}  // namespace cunewton::cpu
