// Residuals of samples, on the CPU: tiles of J, which is never stored as a whole.
#pragma once

#include <optional>

#include "host/cpu/chunked_samples.h"
#include "host/cpu/differencing_evaluator.h"
#include "host/cpu/rank_k.h"
#include "host/cpu/residual_tiles.h"

namespace cunewton::cpu {

template <class T>
class ResidualEvaluator final : public DifferencingEvaluator<T> {
  public:
    ResidualEvaluator(const ResidualSum<T>& form, const Setting<T>& at);
    static std::size_t memory(const ResidualSum<T>& form, const EvaluationPlan& plan);
    void value(const T* x, Scalar f) override;
    /// Of few parameters J'WJ is summed up in the same pass, for a hessian() that follows.
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    void products(const T* V, int columns, T* HV) override;
    void values(const T* points, int count, T* losses) override;
    long samples() const override { return data_.all(); }
    void select(std::span<const long> samples, double share) override;
    void select_all() override;

  private:
    using Base = DifferencingEvaluator<T>;
    using Base::derivatives_;
    using Base::note_peak;
    using Base::parts_;
    using Base::set_steps;
    using Base::steps_;
    using Base::vectors_;

    /// A thread's tile.
    struct Scratch {
        Buffer<T> numbers;
        T *r, *slope, *curvature, *weights, *J;
    };
    enum class Level { value, gradient, triangle };

    /// Samples of a tile, a multiple of residual_padding.
    static int tile_samples(int n, int residuals);
    static std::size_t scratch_numbers(int n, int residuals);
    Scratch scratch(std::size_t numbers) const;
    bool is_small() const;
    bool by_gauss_newton() const { return derivatives_.hessian == HessianBy::gauss_newton; }
    SampleRange<T> range(long begin, long end) const {
        const Samples<T>& s = samples_;
        return {s.features, s.dimension, s.ld, s.targets, s.weights, begin, end};
    }
    /// The tile of samples [begin, end) with their weights, to be filled.
    ResidualTile<T> tile(const Scratch& at, long begin, long end) const;
    /// The sum over all samples of what add(tile, begin, end, thread, out) adds to `size` numbers.
    template <class Add>
    void sum_tiles(std::size_t size, const T* x, double* sum, const Add& add);
    /// sums_ at x of at least that level.
    void sum_to(Level level, const T* x);
    void hessian_by_updates(const T* x, T* H);

    const ResidualCode<T>& code_;
    const Estimator estimator_;
    const T tuning_;
    const int k_;
    ChunkedSamples<T> data_;
    const Samples<T>& samples_;
    std::vector<SampleBlock> pieces_;
    std::vector<Scratch> scratch_;  // one a thread
    std::vector<double> partial_;
    // The loss, its gradient and the triangle, without factor and penalty, at the point x_.
    std::vector<double> sums_;
    std::vector<T> x_;
    std::optional<Level> level_;
    int gradients_alone_ = 0;  // since the last hessian()
    std::optional<RankKUpdate<T, T, T>> update_;
};

}  // namespace cunewton::cpu
