#include "cunewton/problem/perceptron.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cunewton/loss/softmax.h"
#include "host/backend/random.h"
#include "host/cpu/perceptron_evaluator.h"

namespace cunewton {

namespace {

[[noreturn]] void reject(const std::string& text) {
    throw InvalidArgument(text);
}

template <class T>
void check_features(const Perceptron& perceptron, const Samples<T>& samples) {
    if (samples.dimension != perceptron.widths.front())
        reject("features do not fit the perceptron (samples have " +
               std::to_string(samples.dimension) + ", the first of its widths is " +
               std::to_string(perceptron.widths.front()) + ") make them equal");
}

/// A squared error has a target for each output; one alone of several outputs is a label, as those
/// of softmax are.
bool has_labels(const Perceptron& perceptron, int target_count) {
    return perceptron.loss == PerceptronLoss::softmax_cross_entropy ||
           target_count != perceptron.widths.back();
}

template <class T>
void check_target_count(const Perceptron& perceptron, const Samples<T>& samples) {
    detail::require_targets(samples.targets);
    if (samples.target_count < 2 || !has_labels(perceptron, samples.target_count)) return;
    const bool softmax = perceptron.loss == PerceptronLoss::softmax_cross_entropy;
    reject("targets do not fit the perceptron (target_count = " +
           std::to_string(samples.target_count) + ", outputs are " +
           std::to_string(perceptron.widths.back()) + ") pass one label a sample" +
           (softmax ? "" : ", or a target for each output"));
}

/// Of samples that have them.
template <class T>
void check_labels(const Perceptron& perceptron, const Samples<T>& samples) {
    const Softmax labels{perceptron.widths.back()};
    detail::check_targets<T>(samples, [&](T y) { return labels.check_target(y); });
}

}  // namespace

long parameter_count(const Perceptron& perceptron) {
    const std::vector<int>& widths = perceptron.widths;
    if (widths.size() < 2)
        reject("a perceptron needs inputs and outputs (it has " + std::to_string(widths.size()) +
               " widths) pass at least two");
    if (widths.size() > Perceptron::most_layers + 1)
        reject("a perceptron has too many layers (" + std::to_string(widths.size() - 1) +
               " of weights) pass at most " + std::to_string(Perceptron::most_layers));
    long n = 0;
    for (std::size_t l = 0; l < widths.size(); ++l) {
        if (widths[l] <= 0)
            reject("a width of a perceptron is not positive (number " + std::to_string(l) + " is " +
                   std::to_string(widths[l]) + ") every layer needs units");
        // At each layer, so that the sum stays far below what a long holds.
        if (l > 0) n = detail::checked_dimension(n + (widths[l - 1] + 1L) * widths[l]);
    }
    return n;
}

std::vector<IndexRange> perceptron_blocks(const Perceptron& perceptron) {
    parameter_count(perceptron);
    std::vector<IndexRange> blocks;
    for (const PerceptronLayer& layer : layers_of(perceptron))
        blocks.push_back(
            {static_cast<int>(layer.weights), static_cast<int>(layer.biases) + layer.outputs});
    return blocks;
}

template <class T>
Problem<T> make_perceptron(const Perceptron& perceptron, const Samples<T>& samples,
                           const ProblemOptions& options) {
    long n = 0;
    detail::check_together(options.communicator.get(), [&] {
        n = parameter_count(perceptron);
        check_features(perceptron, samples);
        if (options.intercept)
            reject(
                "an intercept was asked for (every layer of a perceptron has biases) leave it out; "
                "penalize_intercept says whether they are penalised");
        if (perceptron.loss == PerceptronLoss::softmax_cross_entropy &&
            perceptron.widths.back() < 2)
            reject(
                "softmax needs classes to choose from (the last width is 1) pass at least two, or "
                "squared_error");
        check_target_count(perceptron, samples);
    });
    Problem<T> problem = detail::make_problem<T>(PerceptronSum<T>{perceptron, samples}, n, options);
    detail::check_together(options.communicator.get(), [&] {
        if (has_labels(perceptron, samples.target_count)) check_labels(perceptron, samples);
    });
    return problem;
}

template <class T>
std::vector<T> random_start(const Perceptron& perceptron, std::uint64_t seed) {
    std::vector<T> x(static_cast<std::size_t>(parameter_count(perceptron)), T(0));
    Generator generator(seed);
    for (const PerceptronLayer& layer : layers_of(perceptron)) {
        const double root = std::sqrt(static_cast<double>(layer.inputs));
        for (std::size_t j = layer.weights; j < layer.biases; ++j)
            x[j] = static_cast<T>(generator.normal() / root);
    }
    return x;
}

template <class T>
std::vector<T> predict(const Perceptron& perceptron, const std::vector<T>& x,
                       const Samples<T>& samples) {
    const std::size_t n = static_cast<std::size_t>(parameter_count(perceptron));
    check_features(perceptron, samples);
    if (x.size() != n)
        reject("x has the wrong size (" + std::to_string(x.size()) + " for " + std::to_string(n) +
               " parameters) pass one number for each");
    Samples<T> features = samples;
    features.targets = features.weights = nullptr;
    checked_weight(features);
    std::vector<T> outputs(static_cast<std::size_t>(samples.count) * perceptron.widths.back());
    cpu::PerceptronEvaluator<T>::predict(perceptron, x.data(), features, outputs.data());
    return outputs;
}

template <class T>
double accuracy(const Perceptron& perceptron, const std::vector<T>& x, const Samples<T>& samples) {
    const std::vector<T> z = predict(perceptron, x, samples);
    if (perceptron.widths.back() < 2)
        reject(
            "an accuracy needs classes to choose from (the last width is 1) compare outputs and "
            "targets by predict()");
    check_target_count(perceptron, samples);
    const bool labels = has_labels(perceptron, samples.target_count);
    if (labels)
        check_labels(perceptron, samples);
    else
        detail::check_targets<T>(
            samples, [](T y) { return std::isfinite(y) ? nullptr : "it is not finite"; });
    const HostSamples<T> there(samples, true);
    const T* const y = there.view().targets;
    const int K = perceptron.widths.back();
    const auto largest = [&](const T* numbers) {
        return static_cast<int>(std::max_element(numbers, numbers + K) - numbers);
    };
    long right = 0;
    for (long i = 0; i < samples.count; ++i)
        right +=
            largest(z.data() + i * K) == (labels ? static_cast<int>(y[i]) : largest(y + i * K));
    return static_cast<double>(right) / static_cast<double>(samples.count);
}

#define CUNEWTON_INSTANTIATE(T)                                                                   \
    template Problem<T> make_perceptron(const Perceptron&, const Samples<T>&,                     \
                                        const ProblemOptions&);                                   \
    template std::vector<T> random_start(const Perceptron&, std::uint64_t);                       \
    template std::vector<T> predict(const Perceptron&, const std::vector<T>&, const Samples<T>&); \
    template double accuracy(const Perceptron&, const std::vector<T>&, const Samples<T>&);
CUNEWTON_INSTANTIATE(double)
CUNEWTON_INSTANTIATE(float)
#undef CUNEWTON_INSTANTIATE

}  // namespace cunewton
