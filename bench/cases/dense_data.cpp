#include "bench/cases/dense_data.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "bench/cases/fashion_mnist.h"
#include "tests/support/datasets.h"

namespace cunewton::bench {
namespace {

DenseJob synthetic_logistic(int n, int samples, bool peers) {
    test::Dataset set = test::make_binary(samples, n - 1, 2024);
    TrainingData data{samples, n - 1, 2, std::move(set.X), std::move(set.y)};
    return {"logistic_dense", fmt::format("synthetic n={}", n), std::move(data), peers};
}

DenseJob synthetic_softmax(int features, int classes, int samples, bool peers) {
    test::Dataset set = test::make_multiclass(samples, features, classes, 2025);
    TrainingData data{samples, features, classes, std::move(set.X), std::move(set.y)};
    return {"softmax_dense", fmt::format("synthetic K={} d={}", classes, features), std::move(data),
            peers};
}

}  // namespace

bool each_logistic_job(bool small, const UseDenseJob& use) {
    if (small) {
        use(synthetic_logistic(20, 500, true));
        return true;
    }
    std::optional<TrainingData> images = read_fashion_mnist(1);
    const bool installed = images.has_value();
    if (installed) {
        images->classes = 2;
        for (double& y : images->y) y = y >= 5 ? 1 : 0;
        use({"logistic_dense", "fashion-mnist", std::move(*images), true});
        images.reset();
    }
    use(synthetic_logistic(50, 60000, false));
    use(synthetic_logistic(200, 60000, false));
    use(synthetic_logistic(785, 20000, false));
    use(synthetic_logistic(2000, 10000, false));
    return installed;
}

bool each_softmax_job(bool small, const UseDenseJob& use) {
    if (small) {
        use(synthetic_softmax(10, 3, 300, true));
        return true;
    }
    std::optional<TrainingData> images = read_fashion_mnist(2);
    const bool installed = images.has_value();
    if (installed) {
        use({"softmax_dense", "fashion-mnist 14x14", std::move(*images), true});
        images.reset();
    }
    use(synthetic_softmax(20, 5, 60000, false));
    use(synthetic_softmax(50, 10, 20000, false));
    use(synthetic_softmax(100, 10, 20000, false));
    return installed;
}

}  // namespace cunewton::bench
