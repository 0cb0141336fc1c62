// Newton's method on samples that grow, beside that on all of them.
#include "bench/cases/cases.h"
#include "bench/cases/dense.h"

namespace cunewton::bench {

void run_subsampled_newton(Context& context) {
    const auto run = [&](const DenseJob& job) {
        if (job.data.samples >= 30L * job.data.parameters() || context.settings.small)
            run_subsampled_job(job, context);
    };
    if (!each_logistic_job(context.settings.small, run))
        context.report.progress("  fashion-mnist: left out (install dataset-fashion-mnist)");
}

}  // namespace cunewton::bench
