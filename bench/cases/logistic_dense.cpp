// Logistic regression: Fashion-MNIST's classes 5 to 9 against the rest, and synthetic data.
#include "bench/cases/cases.h"
#include "bench/cases/dense.h"
#include "bench/cases/fashion_mnist.h"
#include "tests/support/datasets.h"

namespace cunewton::bench {
namespace {

DenseJob synthetic(int n, int samples, bool peers) {
    test::Dataset set = test::make_binary(samples, n - 1, 2024);
    TrainingData data{samples, n - 1, 2, std::move(set.X), std::move(set.y)};
    return {"logistic_dense", fmt::format("synthetic n={}", n), std::move(data), peers};
}

}  // namespace

void run_logistic_dense(Context& context) {
    if (context.settings.small) return run_dense_job(synthetic(20, 500, true), context);

    if (std::optional<TrainingData> data = read_fashion_mnist(1)) {
        data->classes = 2;
        for (double& y : data->y) y = y >= 5 ? 1 : 0;
        run_dense_job({"logistic_dense", "fashion-mnist", std::move(*data), true}, context);
    } else {
        context.report.progress("  fashion-mnist: left out (install dataset-fashion-mnist)");
    }
    run_dense_job(synthetic(50, 60000, false), context);
    run_dense_job(synthetic(200, 60000, false), context);
    run_dense_job(synthetic(785, 20000, false), context);
    run_dense_job(synthetic(2000, 10000, false), context);
}

}  // namespace cunewton::bench
