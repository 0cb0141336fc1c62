// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), as Debian's package dataset-fashion-mnist has it.
#pragma once

#include <optional>

#include "bench/peers/dense_model.h"

namespace cunewton::bench {

/// The 60,000 training images, or the 10,000 for tests, pixels divided by 255; empty if the package
/// is not installed. `pooling` 2 replaces squares of 2 x 2 pixels by their mean: 196 features
/// instead of 784. Targets are the classes 0 .. 9.
std::optional<TrainingData> read_fashion_mnist(int pooling, bool training = true);

}  // namespace cunewton::bench
