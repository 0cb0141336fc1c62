// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), as Debian's package dataset-fashion-mnist has it.
#pragma once

#include <filesystem>
#include <string>

namespace cunewton::readers {

/// Gzipped IDX files: images of 28 x 28 unsigned bytes, and their classes 0 to 9.
struct LabelledFiles {
    std::string images, labels;
};

/// 60,000 images to train with, or 10,000 to test with.
inline LabelledFiles fashion_mnist(bool training) {
    const std::string folder = "/usr/share/datasets/fashion-mnist/",
                      part = training ? "train" : "t10k";
    return {folder + part + "-images-idx3-ubyte.gz", folder + part + "-labels-idx1-ubyte.gz"};
}

inline bool has_fashion_mnist() {
    return std::filesystem::exists(fashion_mnist(true).images);
}

}  // namespace cunewton::readers
