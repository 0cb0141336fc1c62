#include "bench/cases/fashion_mnist.h"

#include <stdexcept>

#include "readers/fashion_mnist.h"
#include "readers/idx.h"

namespace cunewton::bench {

std::optional<TrainingData> read_fashion_mnist(int pooling, bool training) {
    constexpr int width = 28;
    if (!readers::has_fashion_mnist()) return {};
    const readers::LabelledFiles files = readers::fashion_mnist(training);
    const readers::Idx images(files.images), labels(files.labels);

    TrainingData data;
    data.samples = training ? 60000 : 10000;
    data.classes = 10;
    if (images.shape() != std::vector<long>{data.samples, width, width} ||
        labels.shape() != std::vector<long>{data.samples})
        throw std::runtime_error(
            "Fashion-MNIST has other sizes than it had (reinstall "
            "dataset-fashion-mnist)");
    const int side = width / pooling;
    data.features = side * side;
    const long count = data.samples;
    data.X.assign(static_cast<std::size_t>(count) * static_cast<std::size_t>(data.features), 0.0);
    const double scale = 1.0 / (255.0 * pooling * pooling);
    for (long i = 0; i < count; ++i) {
        double* row = data.X.data() + i * data.features;
        for (int r = 0; r < width; ++r)
            for (int c = 0; c < width; ++c)
                row[r / pooling * side + c / pooling] +=
                    scale * images[(i * width + r) * width + c];
        data.y.push_back(labels[i]);
    }
    return data;
}

}  // namespace cunewton::bench
