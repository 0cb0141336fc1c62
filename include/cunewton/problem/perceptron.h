// Multi-layer perceptrons: classification and regression by fully connected layers.
#pragma once

#include "cunewton/scalar/cpp20.h"

#include <cstdint>
#include <vector>

#include "cunewton/index_range.h"
#include "cunewton/problem/forms.h"

namespace cunewton {

/// Numbers in the vector of parameters. Throws InvalidArgument for fewer than two widths, widths
/// that are not positive, more layers than Perceptron::most_layers and more parameters than an int
/// counts.
long parameter_count(const Perceptron& perceptron);

/// sum_i w_i l(z(x_i), y_i), z the outputs of the perceptron; its first width is the number of
/// features. Reduction and l2 are as for all problems; without penalize_intercept no bias is
/// penalised.
///
/// The parameters are layer after layer W (outputs x inputs) and then its biases: the weight from
/// unit j to unit k of the next layer is number k * inputs + j of its layer, so the weights into
/// one unit are next to each other. Hidden units may be permuted, and with softmax a number added
/// to all biases of the last layer, without changing the loss: minima are not unique.
///
/// Derivatives are exact formulas: the gradient by backpropagation, products with the Hessian by
/// differentiating that along the vector (Pearlmutter 1994, "Fast exact multiplication by the
/// Hessian"), which costs about as much as a gradient. With HessianBy::gauss_newton the terms with
/// second derivatives of the outputs are left out (Schraudolph 2002, "Fast curvature
/// matrix-vector products for second-order gradient descent"). What remains is positive
/// semidefinite and, for both losses, is the Fisher information: the expected outer product of a
/// sample's gradient with itself where targets are drawn from the classes' probabilities, or from a
/// Gaussian of variance 1 (Martens 2020, "New insights and perspectives on the natural gradient
/// method"). A dense Hessian takes n products, for small networks. Differences and automatic
/// differentiation are refused.
///
/// Memory: products at a point use its activations and what was propagated back, 4 numbers a sample
/// and hidden unit and 2 a sample and output. They are kept where all of them fit into
/// DerivativeOptions::memory_budget, else computed anew in tiles of samples for each call, which
/// takes about half as long as a product. Evaluations work in tiles besides: each thread of the CPU
/// in one of 1024 samples (fewer where that is more than 32 MiB), the GPU in one that takes at most
/// a quarter of that budget (or has 1024 samples). Sums over samples are formed in T within a tile,
/// in double over tiles.
///
/// Targets: one label 0 .. K-1 a sample, for softmax_cross_entropy; for squared_error as many
/// numbers as outputs (Samples::target_count = K), or, where K > 1, one label, which stands for the
/// numbers 0 but for a 1 in its place.
///
/// Throws InvalidArgument: see parameter_count() and Samples; for the wrong number of features or
/// of targets, targets that are missing or no labels, and ProblemOptions::intercept.
template <class T>
Problem<T> make_perceptron(const Perceptron& perceptron, const Samples<T>& samples,
                           const ProblemOptions& options = {});

/// The parameters of each layer, its weights and then its biases, first layer first: for
/// hessian_blocks(). Throws as parameter_count().
std::vector<IndexRange> perceptron_blocks(const Perceptron& perceptron);

/// A point to begin at: weights from N(0, 1 / inputs of the layer), biases 0 (LeCun, Bottou, Orr
/// and Mueller 1998, "Efficient BackProp", section 4.6). A seed gives the same bits on every
/// machine. Throws as parameter_count().
template <class T>
std::vector<T> random_start(const Perceptron& perceptron, std::uint64_t seed);

/// The outputs z of all samples, on the host by one thread: output k of sample i is number i * K +
/// k. x: the parameters. Targets and weights are not read. Throws InvalidArgument as
/// make_perceptron() and if x has the wrong size.
template <class T>
std::vector<T> predict(const Perceptron& perceptron, const std::vector<T>& x,
                       const Samples<T>& samples);

/// The share of samples, without weights, whose largest output is that of their label, or of the
/// largest of their K targets; of several that are equally large the first counts. Throws as
/// predict(), and for targets as make_perceptron().
template <class T>
double accuracy(const Perceptron& perceptron, const std::vector<T>& x, const Samples<T>& samples);

#define CUNEWTON_DECLARE(T)                                                          \
    extern template Problem<T> make_perceptron(const Perceptron&, const Samples<T>&, \
                                               const ProblemOptions&);               \
    extern template std::vector<T> random_start(const Perceptron&, std::uint64_t);   \
    extern template std::vector<T> predict(const Perceptron&, const std::vector<T>&, \
                                           const Samples<T>&);                       \
    extern template double accuracy(const Perceptron&, const std::vector<T>&, const Samples<T>&);
CUNEWTON_DECLARE(double)
CUNEWTON_DECLARE(float)
#undef CUNEWTON_DECLARE

}  // namespace cunewton
