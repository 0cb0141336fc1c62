// Where the parameters of a perceptron's layers are.
#pragma once

#include <cstddef>
#include <vector>

#include "cunewton/problem/forms.h"

namespace cunewton {

/// A layer of weights: W (outputs x inputs, those of one output next to each other) at `weights`,
/// its biases at `biases`. As a column-major matrix the weights are W', inputs x outputs.
struct PerceptronLayer {
    int inputs, outputs;
    std::size_t weights, biases;
};

/// One after the other, as make_perceptron() documents it. The widths are positive.
inline std::vector<PerceptronLayer> layers_of(const Perceptron& perceptron) {
    std::vector<PerceptronLayer> layers;
    std::size_t next = 0;
    for (std::size_t l = 1; l < perceptron.widths.size(); ++l) {
        const int inputs = perceptron.widths[l - 1], outputs = perceptron.widths[l];
        const std::size_t biases = next + static_cast<std::size_t>(inputs) * outputs;
        layers.push_back({inputs, outputs, next, biases});
        next = biases + outputs;
    }
    return layers;
}

}  // namespace cunewton
