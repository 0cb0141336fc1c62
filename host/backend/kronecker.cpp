#include "host/backend/kronecker.h"

#include <algorithm>
#include <cmath>

#include "host/backend/evaluator.h"

namespace cunewton {

std::vector<KroneckerLayers::Place> KroneckerLayers::places() const {
    std::vector<Place> places;
    std::size_t next = 0;
    for (const PerceptronLayer& layer : layers) {
        const std::size_t G = next + square(layer.inputs);
        places.push_back({next, G});
        next = G + square(layer.outputs);
    }
    return places;
}
std::size_t KroneckerLayers::numbers() const {
    std::size_t sum = 0;
    for_each_factor([&](int order) { sum += square(order); });
    return sum;
}
std::size_t KroneckerLayers::lower_numbers() const {
    std::size_t sum = 0;
    for_each_factor([&](int order) { sum += lower_size(order); });
    return sum;
}
std::size_t KroneckerLayers::largest_factor() const {
    return square(widest());
}
int KroneckerLayers::widest() const {
    int widest = 0;
    for_each_factor([&](int order) { widest = std::max(widest, order); });
    return widest;
}
long KroneckerLayers::enough_samples() const {
    return 10L * widest();
}
double KroneckerLayers::cost(long samples) const {
    double weights = 0, factors = 0;
    const double some = static_cast<double>(std::min(samples, enough_samples()));
    for (const PerceptronLayer& layer : layers) {
        const double a = layer.inputs, b = layer.outputs;
        weights += a * b;
        // Outer products, a Cholesky factor and an inverse by it.
        factors += some * (a * a + b * b) + a * a * a + b * b * b;
    }
    // At the point again from all samples, half a product, and from some before that; a product is
    // six with a layer's weights for each sample.
    return std::max(2.0, 1 + factors / (6 * static_cast<double>(samples) * weights));
}
std::size_t KroneckerLayers::largest_weights() const {
    std::size_t largest = 0;
    for (const PerceptronLayer& layer : layers)
        largest = std::max(largest, layer.biases - layer.weights);
    return largest;
}
std::size_t KroneckerLayers::memory() const {
    return 2 * numbers() + largest_factor() + largest_weights() +
           static_cast<std::size_t>(widest());
}

template <class T>
KroneckerPreconditioner<T>::KroneckerPreconditioner(Evaluator<T>& evaluator, Vectors<T>& vectors,
                                                    DenseMatrices<T>& matrices, std::uint64_t seed)
    : evaluator_(evaluator),
      vectors_(vectors),
      matrices_(matrices),
      layers_(evaluator.kronecker_layers()),
      places_(layers_.places()),
      seed_(seed),
      means_(vectors.allocate(layers_.numbers())),
      inverses_(vectors.allocate(layers_.numbers())),
      factor_(vectors.allocate(layers_.largest_factor())),
      product_(vectors.allocate(layers_.largest_weights())),
      ones_(vectors.allocate(static_cast<std::size_t>(layers_.widest()))),
      bias_inverses_(layers_.layers.size()) {
    vectors.upload(ones_.get(), std::vector<T>(ones_.size(), T(1)).data(), ones_.size());
    vectors.upload(means_.get(), std::vector<T>(means_.size(), T(0)).data(), means_.size());
}

template <class T>
void KroneckerPreconditioner<T>::average(double keep) {
    T *means = means_.get(), *next = inverses_.get();
    const long size = static_cast<long>(means_.size());
    evaluator_.compute_kronecker_factors(seed_++, 0, next);
    // Nothing of what was before, not even if that is not finite.
    if (keep == 0) return vectors_.copy(means, next, means_.size());
    vectors_.scale(means, static_cast<T>(keep), means, size);
    vectors_.add_scaled(means, means, static_cast<T>(1 - keep), next, size);
}

template <class T>
std::array<double, 2> KroneckerPreconditioner<T>::traces(std::size_t l) {
    const Number a = vectors_.number(), g = vectors_.number();
    matrices_.trace(means_.get() + places_[l].A, layers_.layers[l].inputs, a);
    matrices_.trace(means_.get() + places_[l].G, layers_.layers[l].outputs, g);
    return read(vectors_, a, g);
}

template <class T>
double KroneckerPreconditioner<T>::mean_curvature() {
    double sum = 0, parameters = 0;
    for (std::size_t l = 0; l < places_.size(); ++l) {
        const PerceptronLayer& layer = layers_.layers[l];
        const auto [inputs, outputs] = traces(l);
        sum += (inputs + 1) * outputs;
        parameters += (layer.inputs + 1.0) * layer.outputs;
    }
    return sum / parameters;
}

template <class T>
bool KroneckerPreconditioner<T>::invert(const T* factor, double shift, int n, T* inverse) {
    const Number info = vectors_.number(), pivot = vectors_.number();
    matrices_.factorize(factor, static_cast<T>(shift), ones_.get(), factor_.get(), n, info, pivot);
    if (vectors_.read(info) != 0) return false;
    matrices_.invert(factor_.get(), inverse, n);
    return true;
}

template <class T>
bool KroneckerPreconditioner<T>::invert(double shift) {
    const double root = std::sqrt(shift + layers_.l2);
    for (std::size_t l = 0; l < places_.size(); ++l) {
        const PerceptronLayer& layer = layers_.layers[l];
        const auto [A, G] = places_[l];
        const auto [inputs, outputs] = traces(l);
        const double ratio = (inputs / layer.inputs) / (outputs / layer.outputs);
        const double pi = ratio > 0 && std::isfinite(ratio) ? std::sqrt(ratio) : 1;
        if (!invert(means_.get() + A, pi * root, layer.inputs, inverses_.get() + A) ||
            !invert(means_.get() + G, root / pi, layer.outputs, inverses_.get() + G))
            return false;
        bias_inverses_[l] = 1 / (1 + pi * root);
    }
    return true;
}

template <class T>
bool KroneckerPreconditioner<T>::update(const T* x) {
    const auto make = [&] {
        average(0);
        return invert(std::max(1e-4 * mean_curvature(), shift_));
    };
    const long all = evaluator_.samples(), some = layers_.enough_samples();
    passes_ = 1;  // for the factors
    if (all < 3 * some) return make();
    // To the point of some, for their factors, and back to the point of all.
    passes_ = 1 + 2 * static_cast<double>(some) / static_cast<double>(all);
    if (!order_) order_.emplace(all, seed_);
    return with_products_of(evaluator_, order_->next(some), x, make);
}

template <class T>
void KroneckerPreconditioner<T>::apply(const T* r, T* z) {
    for (std::size_t l = 0; l < places_.size(); ++l) {
        const PerceptronLayer& layer = layers_.layers[l];
        const T* G_inverse = inverses_.get() + places_[l].G;
        matrices_.multiply(inverses_.get() + places_[l].A, layer.inputs, r + layer.weights,
                           layer.outputs, layer.inputs, T(0), product_.get());
        matrices_.multiply(product_.get(), layer.outputs, G_inverse, layer.outputs, layer.inputs,
                           T(0), z + layer.weights);
        matrices_.multiply(G_inverse, layer.outputs, r + layer.biases, 1, layer.outputs, T(0),
                           z + layer.biases);
        vectors_.scale(z + layer.biases, static_cast<T>(bias_inverses_[l]), z + layer.biases,
                       layer.outputs);
    }
}

template class KroneckerPreconditioner<double>;
template class KroneckerPreconditioner<float>;

}  // namespace cunewton
