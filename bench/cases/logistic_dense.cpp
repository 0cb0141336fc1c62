// Logistic regression: Fashion-MNIST's classes 5 to 9 against the rest, and synthetic data.
#include "bench/cases/cases.h"
#include "bench/cases/dense.h"

namespace cunewton::bench {

void run_logistic_dense(Context& context) {
    const auto run = [&](const DenseJob& job) { run_dense_job(job, context); };
    if (!each_logistic_job(context.settings.small, run))
        context.report.progress("  fashion-mnist: left out (install dataset-fashion-mnist)");
}

}  // namespace cunewton::bench
