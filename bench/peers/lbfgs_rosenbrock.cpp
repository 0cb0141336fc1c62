#if CUNEWTON_BENCH_HAVE_LBFGS
#include <lbfgs.h>

#include <algorithm>
#include <vector>

#include "bench/peers/rosenbrock_peers.h"

namespace cunewton::bench {
namespace {

double evaluate(void*, const double* x, double* g, int n, double) {
    return rosenbrock(n, x, g);
}

struct Stop {
    double tolerance;
    long* iterations;
};

int progress(void* data, const double*, const double* g, double, double, double, double, int n, int,
             int) {
    const Stop& stop = *static_cast<const Stop*>(data);
    ++*stop.iterations;
    double largest = 0;
    for (int j = 0; j < n; ++j) largest = std::max(largest, std::max(g[j], -g[j]));
    return largest <= stop.tolerance;
}

}  // namespace

void minimize_with_lbfgs(const RosenbrockStarts& job) {
    lbfgs_parameter_t options;
    lbfgs_parameter_init(&options);
    options.epsilon = 0;  // the test above instead
    options.max_iterations = 1000;
    Stop stop{job.gradient_tolerance, job.iterations};
    double* x = lbfgs_malloc(job.n);
    for (long i = 0; i < job.problems; ++i) {
        std::copy_n(job.start + i * job.n, job.n, x);
        lbfgs(job.n, x, nullptr, evaluate, progress, &stop, &options);
        std::copy_n(x, job.n, job.parameters + i * job.n);
    }
    lbfgs_free(x);
}

}  // namespace cunewton::bench
#endif
