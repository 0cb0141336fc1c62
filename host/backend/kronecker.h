// The curvature of a perceptron as a Kronecker product for each layer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "host/backend/perceptron_layers.h"
#include "host/backend/preconditioner.h"
#include "host/backend/ranks.h"
#include "host/backend/sample_order.h"

namespace cunewton {

/// What of an evaluator's problem a KroneckerPreconditioner knows.
struct KroneckerLayers {
    std::vector<PerceptronLayer> layers{};
    double l2 = 0;  ///< the penalty

    /// Where a layer's factors are: A (inputs x inputs), then G (outputs x outputs).
    struct Place {
        std::size_t A, G;
    };
    /// Of all, one after the other.
    std::vector<Place> places() const;
    /// Of all factors.
    std::size_t numbers() const;
    /// The lower triangles of all factors, column by column.
    std::size_t lower_numbers() const;
    template <class T>
    void copy_lower(const T* factors, T* lower) const {
        for_each_factor([&](int order) {
            cunewton::copy_lower(order, 1, factors, lower);
            factors += square(order);
            lower += lower_size(order);
        });
    }
    template <class T>
    void restore_lower(const T* lower, T* factors) const {
        for_each_factor([&](int order) {
            cunewton::restore_lower(order, 1, lower, factors);
            factors += square(order);
            lower += lower_size(order);
        });
    }
    /// Of a machine that a KroneckerPreconditioner takes.
    std::size_t memory() const;
    /// Of making a preconditioner and of a few products with it, in products with the Hessian of
    /// so many samples.
    double cost(long samples) const;
    /// Units of the widest layer, the inputs among them.
    int widest() const;
    /// Samples that its factors are of at a point, at least: ten times as many as the widest layer
    /// has units.
    long enough_samples() const;
    /// The largest matrix of factors, and of weights.
    std::size_t largest_factor() const;
    std::size_t largest_weights() const;
    static std::size_t square(int n) {
        return static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
    }

  private:
    template <class Work>
    void for_each_factor(const Work& work) const {
        for (const PerceptronLayer& layer : layers) {
            work(layer.inputs);
            work(layer.outputs);
        }
    }
};

/// The Gauss-Newton matrix of a layer's weights is a mean of products of two Kronecker factors, a
/// a' of its inputs and g g' of what comes back to its outputs; it is taken for the product A (x) G
/// of their means (Martens and Grosse 2015, "Optimizing neural networks with Kronecker-factored
/// approximate curvature"). With a shift s (A + pi r I) (x) (G + r / pi I), r^2 = s, takes the
/// place of A (x) G + s I; pi^2 is the ratio of the factors' mean eigenvalues (section 6.3 there).
/// Biases are weights of an input that is 1, which is taken not to be correlated with the others.
template <class T>
class KroneckerPreconditioner final : public Preconditioner<T> {
  public:
    /// Uses all three as long as it lives; the evaluator has layers.
    KroneckerPreconditioner(Evaluator<T>& evaluator, Vectors<T>& vectors,
                            DenseMatrices<T>& matrices, std::uint64_t seed);
    /// Means become keep times what they were and 1 - keep times those at the point of the
    /// evaluator's products; apply() wants invert() then.
    void average(double keep);
    /// Prepares apply() with the penalty and this shift. Waits. False if there is no inverse.
    bool invert(double shift);
    /// The mean eigenvalue of the Gauss-Newton matrix, by the means. Waits.
    double mean_curvature();

    /// Of the point alone, from enough_samples() where there are three times as many still, with a
    /// shift of 1e-4 of the mean curvature, or set_shift()'s if that is more.
    bool update(const T* x) override;
    double passes() const override { return passes_; }
    void set_shift(double shift) override { shift_ = shift; }
    void apply(const T* r, T* z) override;
    void pass(State<T>& state) override {
        state(seed_, passes_, shift_);
        state.optional(order_, [&] { order_.emplace(evaluator_.samples(), seed_); });
        state(means_, inverses_, bias_inverses_);
    }

  private:
    /// Of a layer's mean factors, A's and G's. Waits.
    std::array<double, 2> traces(std::size_t layer);
    bool invert(const T* factor, double shift, int n, T* inverse);

    Evaluator<T>& evaluator_;
    Vectors<T>& vectors_;
    DenseMatrices<T>& matrices_;
    const KroneckerLayers layers_;
    const std::vector<KroneckerLayers::Place> places_;
    std::uint64_t seed_;
    double passes_ = 0;
    double shift_ = 0;                  ///< for update()
    std::optional<SampleOrder> order_;  ///< for update()
    const Buffer<T> means_, inverses_, factor_, product_, ones_;
    std::vector<double> bias_inverses_;  ///< of the factor that a layer's biases have for inputs
};

}  // namespace cunewton
