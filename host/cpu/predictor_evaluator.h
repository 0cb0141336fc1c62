// Losses on linear predictors, on the CPU.
#pragma once

#include <memory>

#include "host/backend/predictor_blocks.h"
#include "host/cpu/chunked_samples.h"
#include "host/cpu/differencing_evaluator.h"
#include "host/cpu/rank_k.h"

namespace cunewton::cpu {

template <class T>
class PredictorEvaluator final : public Evaluator<T> {
  public:
    PredictorEvaluator(const LinearPredictor<T>& form, const Setting<T>& at);
    static std::size_t memory(const LinearPredictor<T>& form, const EvaluationPlan& plan);
    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    void hessian(const T* x, T* H) override;
    void prepare_products(const T* x) override;
    void products(const T* V, int columns, T* HV) override;
    DiagonalBlocks diagonal_blocks() const override {
        return predictor_blocks(parts_, code_.shift_invariant());
    }
    void compute_diagonal_blocks(T* to) override;
    bool knows_diagonal() const override { return true; }
    void compute_diagonal(T* to) override;
    long samples() const override { return data_.all(); }
    void select(std::span<const long> samples, double share) override;
    void select_all() override;
    void values(const T* points, int count, T* losses) override;
    std::size_t peak_tile_bytes() const override { return 0; }

  private:
    struct Scratch {
        Buffer<T> z, r;
    };
    /// X w of samples [begin, begin + count), padded.
    PredictorBlock<T> multiply(const T* w, long begin, int count, T* z) const;
    /// Their predictors, which have offsets besides.
    PredictorBlock<T> predict(const T* x, long begin, int count, T* z) const;
    /// by: one of the two.
    using Multiply = PredictorBlock<T> (PredictorEvaluator::*)(const T*, long, int, T*) const;
    template <class PerBlock>
    double accumulate(const T* w, Multiply by, double* total, const PerBlock& per_block);
    double loss(const T* x, T* g);
    /// Blocks, targets_ and weights_ = those of samples_.
    void cut_and_pad();
    /// Samples, and what the last block is padded by; no selection takes more.
    static std::size_t padded_samples(const Samples<T>& samples) {
        return static_cast<std::size_t>(samples.count) + predictor_padding;
    }
    /// The sum over all samples of what add_block(block) adds to the lower triangles of matrices
    /// of order m, one after the other; see RankSum::finish().
    template <class AddBlock>
    void sum_matrices(int m, int matrices, std::uint64_t point, T* to, const AddBlock& add_block);
    template <class Compute>
    void add_products(const RowBlock<T>& rows, const T* h, T* H,
                      RankKUpdate<T, Compute, T>& update);

    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const ResolvedDerivatives derivatives_;
    CpuVectors<T>& vectors_;
    const PredictorCode<T>& code_;
    ChunkedSamples<T> data_;
    const Samples<T>& samples_;
    const int outputs_;
    const bool intercept_;
    const RowKernels<T>& kernels_;
    const int block_;               // coefficients of one output
    Buffer<T> targets_, weights_;   // padded to whole lanes
    std::vector<Scratch> scratch_;  // one a thread
    // Of sum_block samples, of cache_block and of hessian_block.
    std::vector<SampleBlock> blocks_, groups_, curved_;
    std::vector<double> partial_;
    Buffer<T> curvature_, curvature_z_;
    Buffer<T> product_curvature_;  // of all samples, at the point of the last prepare_products()
    std::uint64_t product_point_ = 0;
    RankKUpdate<T, T, T> update_;
    std::unique_ptr<RankKUpdate<T, float, T>> single_update_;
};

}  // namespace cunewton::cpu
