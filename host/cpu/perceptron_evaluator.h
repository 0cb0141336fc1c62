// Multi-layer perceptrons, on the CPU.
#pragma once

#include <vector>

#include "host/backend/perceptron_layers.h"
#include "host/cpu/chunked_samples.h"
#include "host/cpu/differencing_evaluator.h"
#include "host/cpu/gemm.h"
#include "host/cpu/rank_k.h"

namespace cunewton::cpu {

/// Samples are worked on in tiles, each by one thread: matrix products, and passes over single
/// numbers in between. What tiles contribute to a sum is added in their order, so bits do not
/// depend on the number of threads.
template <class T>
class PerceptronEvaluator final : public Evaluator<T> {
  public:
    PerceptronEvaluator(const PerceptronSum<T>& form, const Setting<T>& at);
    static std::size_t memory(const PerceptronSum<T>& form, const EvaluationPlan& plan);
    void value(const T* x, Scalar f) override;
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    /// In one pass where what products need is kept.
    void value_gradient_and_products(const T* x, T* g, Scalar f) override;
    /// By products with unit vectors, some at a time. The point of products() stays as it is.
    void hessian(const T* x, T* H) override;
    void prepare_products(const T* x) override;
    void products(const T* V, int columns, T* HV) override;
    void values(const T* points, int count, T* losses) override;
    void sum_squared_gradients(const T* x, T* to) override;
    KroneckerLayers kronecker_layers() const override { return {layers_, parts_.penalty.l2}; }
    void compute_kronecker_factors(std::uint64_t seed, long first, T* to) override;
    long samples() const override { return data_.all(); }
    void select(std::span<const long> samples, double share) override;
    void select_all() override;
    std::size_t peak_tile_bytes() const override { return kept_.size() * sizeof(T); }

    /// Writes the outputs of all samples, sample after sample.
    static void predict(const Perceptron& perceptron, const T* x, const Samples<T>& samples,
                        T* outputs);

  private:
    /// Bytes of products at a point, beside those of evaluations.
    static std::size_t products_memory(const PerceptronSum<T>& form, const EvaluationPlan& plan);
    /// Numbers of one tile, unit by unit for each sample; samples are padded(units) apart.
    struct Hidden {
        T* a;      ///< activations
        T* slope;  ///< activation'(z)
        T* bend;   ///< activation''(z) times what comes back to a
        T* d;      ///< dl/dz, with the sample's weight
    };
    struct Tile {
        std::vector<Hidden> hidden;
        T *d, *p;  ///< of the outputs: dl/dz, and moments of the loss
    };
    /// What one thread works in.
    struct Scratch {
        Gemm<T> gemm;
        Buffer<T> memory;
        Tile tile;
        std::vector<T*> rz, ra;  ///< derivatives along a vector of each layer's z and activations
        T *z, *columns, *d_columns, *p_columns;  ///< outputs, and the same output by output
        Buffer<T> squares;                       ///< of features, where these are wanted
    };
    /// How many numbers all of these take.
    struct Sizes {
        Sizes(const PerceptronSum<T>& form, const Ranks* ranks);
        int samples;  ///< of a tile
        std::size_t tiles, tile, scratch;
    };
    Tile tile_at(T* memory) const;
    /// First sample of a tile, and how many it has.
    long begin_of(std::size_t tile) const { return blocks_[tile].begin; }
    int count_of(std::size_t tile) const {
        return static_cast<int>(blocks_[tile].end - blocks_[tile].begin);
    }
    Scratch make_scratch() const;
    static bool keeps(const Sizes& sizes, std::size_t budget) {
        return sizes.tiles * sizes.tile * sizeof(T) <= budget;
    }
    static int product_columns(int n, int threads, std::size_t budget);

    enum class Order { value, gradient, products };
    double forward(const T* x, std::size_t tile, Order order, Tile& to, Scratch& scratch) const;
    void backward(const T* x, std::size_t tile, T* g, bool bends, Tile& to, Scratch& scratch) const;
    void product(const T* x, const T* v, std::size_t tile, const Tile& at, Scratch& scratch,
                 T* Hv) const;
    template <class PerTile>
    double sum_tiles(int columns, bool with_loss, const T* x, const PerTile& per_tile);
    double loss(const T* x, T* g);
    /// Tiles of products at x; with a gradient's sums in g, and the loss, unless that is null.
    double keep_tiles(const T* x, T* g);
    /// Blocks, targets_ and weights_ = those of samples_.
    void cut_and_pad();
    /// Factors, += the part of a tile.
    void add_kronecker_factors(std::uint64_t seed, long first, std::size_t tile,
                               const std::vector<KroneckerLayers::Place>& places, T* to);
    void add_products(const T* x, const T* V, int columns, bool kept, T* HV);

    const Problem<T> problem_;
    const ProblemParts<T>& parts_;
    const ResolvedDerivatives derivatives_;
    CpuVectors<T>& vectors_;
    const Perceptron& perceptron_;
    const std::vector<PerceptronLayer> layers_;
    ChunkedSamples<T> data_;
    const Samples<T>& samples_;
    const Sizes sizes_;
    const bool keeps_tiles_;           // those of products, at their point
    std::vector<SampleBlock> blocks_;  // a tile each
    Buffer<T> targets_, weights_;      // padded to whole tiles
    RankKUpdate<T, T, T> update_;
    std::vector<Scratch> scratch_;
    std::vector<double> total_, losses_;
    std::vector<std::vector<T>> partial_;  // of the tiles that are worked on
    Buffer<T> kept_;                       // tiles at the point of prepare_products()
};

}  // namespace cunewton::cpu
