// Softmax regression: Fashion-MNIST's ten classes on 14 x 14 pixels, and synthetic data.
#include "bench/cases/cases.h"
#include "bench/cases/dense.h"

namespace cunewton::bench {

void run_softmax_dense(Context& context) {
    const auto run = [&](const DenseJob& job) { run_dense_job(job, context); };
    if (!each_softmax_job(context.settings.small, run))
        context.report.progress("  fashion-mnist: left out (install dataset-fashion-mnist)");
}

}  // namespace cunewton::bench
