// Softmax regression: Fashion-MNIST's ten classes on 14 x 14 pixels, and synthetic data.
#include "bench/cases/cases.h"
#include "bench/cases/dense.h"
#include "bench/cases/fashion_mnist.h"
#include "tests/support/datasets.h"

namespace cunewton::bench {
namespace {

DenseJob synthetic(int features, int classes, int samples, bool peers) {
    test::Dataset set = test::make_multiclass(samples, features, classes, 2025);
    TrainingData data{samples, features, classes, std::move(set.X), std::move(set.y)};
    return {"softmax_dense", fmt::format("synthetic K={} d={}", classes, features), std::move(data),
            peers};
}

}  // namespace

void run_softmax_dense(Context& context) {
    if (context.settings.small) return run_dense_job(synthetic(10, 3, 300, true), context);

    if (std::optional<TrainingData> data = read_fashion_mnist(2)) {
        run_dense_job({"softmax_dense", "fashion-mnist 14x14", std::move(*data), true}, context);
    } else {
        context.report.progress("  fashion-mnist: left out (install dataset-fashion-mnist)");
    }
    run_dense_job(synthetic(20, 5, 60000, false), context);
    run_dense_job(synthetic(50, 10, 20000, false), context);
    run_dense_job(synthetic(100, 10, 20000, false), context);
}

}  // namespace cunewton::bench
