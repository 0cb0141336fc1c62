#include "bench/cases/fashion_mnist.h"

#include <filesystem>
#include <stdexcept>

#include "bench/read_gzip.h"

namespace cunewton::bench {
namespace {

constexpr const char* folder = "/usr/share/datasets/fashion-mnist/";

/// Payload of an IDX file of unsigned bytes whose header takes `header` bytes.
std::string idx_payload(const std::string& name, std::size_t header, std::size_t expected) {
    const std::string content = read_gzip(folder + name);
    if (content.size() != header + expected)
        throw std::runtime_error(name +
                                 " has an unexpected size (reinstall dataset-fashion-mnist)");
    return content.substr(header);
}

}  // namespace

std::optional<TrainingData> read_fashion_mnist(int pooling) {
    constexpr int width = 28;
    const std::string images_name = "train-images-idx3-ubyte.gz";
    if (!std::filesystem::exists(folder + images_name)) return {};

    TrainingData data;
    data.samples = 60000;
    data.classes = 10;
    const int side = width / pooling;
    data.features = side * side;
    const std::size_t count = static_cast<std::size_t>(data.samples);
    const std::string images = idx_payload(images_name, 16, count * width * width);
    const std::string labels = idx_payload("train-labels-idx1-ubyte.gz", 8, count);
    data.X.assign(count * static_cast<std::size_t>(data.features), 0.0);
    const double scale = 1.0 / (255.0 * pooling * pooling);
    for (std::size_t i = 0; i < count; ++i) {
        const char* image = images.data() + i * width * width;
        double* row = data.X.data() + i * static_cast<std::size_t>(data.features);
        for (int r = 0; r < width; ++r)
            for (int c = 0; c < width; ++c)
                row[r / pooling * side + c / pooling] +=
                    scale * static_cast<unsigned char>(image[r * width + c]);
        data.y.push_back(static_cast<unsigned char>(labels[i]));
    }
    return data;
}

}  // namespace cunewton::bench
