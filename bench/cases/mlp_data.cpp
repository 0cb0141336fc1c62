#include "bench/cases/mlp_data.h"

#include <cmath>
#include <optional>
#include <utility>

#include "bench/cases/fashion_mnist.h"
#include "tests/support/datasets.h"

namespace cunewton::bench {

MlpData read_mlp_data(bool small) {
    MlpData data;
    data.perceptron = {small ? std::vector<int>{6, 5, 3} : std::vector<int>{784, 128, 10},
                       Activation::tanh, PerceptronLoss::softmax_cross_entropy};
    data.samples = small ? 100 : 10000;
    const int inputs = data.perceptron.widths.front(), classes = data.perceptron.widths.back();
    const std::size_t pixels = static_cast<std::size_t>(data.samples) * inputs;
    std::optional<TrainingData> images;
    if (!small) images = read_fashion_mnist(1);
    if (images) {
        data.name = "fashion-mnist";
        data.X.assign(images->X.begin(), images->X.begin() + static_cast<long>(pixels));
        data.y.assign(images->y.begin(), images->y.begin() + data.samples);
        TrainingData tests = read_fashion_mnist(1, false).value();
        data.test_X = std::move(tests.X);
        data.test_y = std::move(tests.y);
        return data;
    }
    data.name = "random data";
    test::Random random(41);
    for (std::size_t e = 0; e < pixels; ++e) data.X.push_back(random.uniform());
    for (long i = 0; i < data.samples; ++i)
        data.y.push_back(std::floor(classes * random.uniform()));
    data.test_X = data.X;
    data.test_y = data.y;
    return data;
}

}  // namespace cunewton::bench
