// Multi-layer perceptrons, on the device.
#pragma once

#include <algorithm>
#include <vector>

#include "host/backend/perceptron_layers.h"
#include "host/cuda/evaluator.h"
#include "kernels/perceptron.h"

namespace cunewton::cuda {

/// Matrix products over tiles of samples, and kernels over single numbers in between. All of a
/// layer lies unit by unit, as the features do: X is samples x inputs, z = X W', and so on.
template <class T>
class PerceptronEvaluator final : public CudaEvaluator<T> {
  public:
    PerceptronEvaluator(const PerceptronSum<T>& form, const Setting<T>& at);
    static MemoryNeeded memory(const PerceptronSum<T>& form, const EvaluationPlan& plan);
    void value_and_gradient(const T* x, T* g, Scalar f) override;
    /// By products with unit vectors, some at a time. The point of products() stays as it is.
    void hessian(const T* x, T* H) override;
    void prepare_products(const T* x) override;
    /// In one pass where what products need is kept.
    void value_gradient_and_products(const T* x, T* g, Scalar f) override;
    void products(const T* V, int columns, T* HV) override;
    std::size_t peak_tile_bytes() const override { return kept_.size() * sizeof(T); }

    void sum_squared_gradients(const T* x, T* to) override;
    KroneckerLayers kronecker_layers() const override { return {layers_, parts_.penalty.l2}; }
    void compute_kronecker_factors(std::uint64_t seed, long first, T* to) override;
    long samples() const override { return all_samples_; }
    void select(std::span<const long> samples, double share) override {
        data_.select(samples, share, vectors_);
    }
    void select_all() override { data_.select_all(); }

  private:
    /// Bytes on the device of products at a point, beside those of evaluations.
    static std::size_t products_memory(const PerceptronSum<T>& form, const EvaluationPlan& plan);
    using Base = CudaEvaluator<T>;
    using Base::assembly_, Base::derivatives_, Base::n_, Base::parts_, Base::partial_, Base::stream,
        Base::vectors_;

    /// Of some samples; columns are ld apart.
    struct Hidden {
        T* a;      ///< activations
        T* slope;  ///< activation'(z)
        T* bend;   ///< activation''(z) times what comes back to a
        T* d;      ///< dl/dz, with the sample's weight
    };
    struct Tile {
        std::vector<Hidden> hidden;
        T *d, *p;  ///< of the outputs: dl/dz, and moments of the loss
        long ld;
    };
    /// How many samples are worked on and how many numbers they take.
    struct Sizes {
        Sizes(const PerceptronSum<T>& form, std::size_t budget);
        long samples;                    ///< of a tile
        std::size_t per_sample, kept;    ///< of a tile; of all samples, padded
        std::size_t product_per_sample;  ///< derivatives along a vector
        bool keeps;                      ///< all samples fit into the budget
    };
    static int product_columns(int n, std::size_t budget);

    void queue_values(const T* points, long count, double* partial, double* out) override;
    std::size_t partial_per_point() const override;

    /// Tiles in `memory`, of samples ld apart, from sample `first` on.
    Tile tile_at(T* memory, long ld, long first) const;
    enum class Order { value, gradient, products };
    void forward(const T* x, long begin, long count, Order order, const Tile& to, double* partial);
    void backward(const T* x, long begin, long count, T* g, bool bends, const Tile& to);
    void product(const T* x, const T* v, long begin, long count, const Tile& at, T* Hv);
    /// Units of the widest layer, the inputs among them.
    std::size_t widest() const {
        return static_cast<std::size_t>(
            *std::max_element(perceptron_.widths.begin(), perceptron_.widths.end()));
    }
    void weight_gradient(const PerceptronLayer& layer, const T* a, long a_ld, const T* d, long d_ld,
                         long count, bool add, T* g);
    template <class PerTile>
    void for_each_tile(const PerTile& per_tile) const;
    /// Tiles of products at x; with a gradient's sums.
    void keep_tiles(const T* x, bool gradient);
    /// Loss and gradient from their sums.
    void assemble(const T* x, T* g, Scalar f);
    void add_products(const T* x, const T* V, int columns, bool kept, T* HV);

    const Perceptron& perceptron_;
    const std::vector<PerceptronLayer> layers_;
    const int target_count_;
    const Sizes sizes_;
    DeviceData<T> data_;
    const long all_samples_;
    DeviceArray<T> work_;
    Tile tile_of_work_;
    std::vector<T*> rz_, ra_;  // derivatives along a vector of each layer's z and activations
    T* z_;                     // outputs, and their derivatives along a vector
    DeviceArray<T> tile_gradient_;
    DeviceArray<double> sums_;  // of some gradients or products
    DeviceArray<T> units_, kept_;
    DeviceArray<T> weighted_;  // inputs or what comes back, times weights; or inputs squared
};

extern template class PerceptronEvaluator<double>;
extern template class PerceptronEvaluator<float>;

}  // namespace cunewton::cuda
