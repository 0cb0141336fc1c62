// Newton-CG beside Newton's method on the data of logistic_dense and softmax_dense.
#include "bench/cases/cases.h"
#include "bench/cases/dense.h"

namespace cunewton::bench {

void run_matrix_free(Context& context) {
    const auto run = [&](const DenseJob& job) { run_matrix_free_job(job, context); };
    const bool logistic = each_logistic_job(context.settings.small, run),
               softmax = each_softmax_job(context.settings.small, run);
    if (!logistic || !softmax)
        context.report.progress("  fashion-mnist: left out (install dataset-fashion-mnist)");
}

}  // namespace cunewton::bench
