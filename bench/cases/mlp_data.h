// The data and the network of mlp_products and mlp_train.
#pragma once

#include <string>
#include <vector>

#include "cunewton/problem/perceptron.h"

namespace cunewton::bench {

struct MlpData {
    std::string name;
    Perceptron perceptron;
    long samples = 0;
    std::vector<double> X, y;
    std::vector<double> test_X, test_y;  ///< not to be trained on

    /// X and y in T, or test_X and test_y, which must outlive the samples, as these views on them.
    template <class T>
    Samples<T> view(const std::vector<T>& features, const std::vector<T>& targets) const {
        Samples<T> view;
        view.features = features.data();
        view.count = static_cast<long>(targets.size());
        view.dimension = perceptron.widths.front();
        view.targets = targets.data();
        return view;
    }
};

/// 784-128-10 with tanh, the first 10,000 images of Fashion-MNIST and those for tests; where they
/// are not installed, random pixels and labels of as many. small: 100 random samples of a tiny
/// network.
MlpData read_mlp_data(bool small);

}  // namespace cunewton::bench
